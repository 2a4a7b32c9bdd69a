#!/bin/sh
# What the tests need beyond the virtual environment: Chromium for the pages. Installed if we may, else named.
set -eu
for name in "${BYLAW_TEST_CHROMIUM:-}" chromium chromium-browser google-chrome; do
  [ -n "$name" ] && command -v "$name" >/dev/null 2>&1 && exit 0
done
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
  echo "Installing Chromium for the page tests ..."
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
  exit 0
fi
echo "make test needs Chromium for the page tests: install the package chromium, or name the program in BYLAW_TEST_CHROMIUM." >&2
exit 1
