#!/bin/sh
# What the tests need beyond the virtual environment: Chromium for the pages, and a certified OpenID Connect provider to
# sign in at. Installed if we may, else named.
set -eu

provider() {
  cd "$(dirname "$0")/oidc"
  if [ "node_modules/.package-lock.json" -nt package-lock.json ]; then return 0; fi
  if ! command -v npm >/dev/null 2>&1 || ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null; then
    echo "make test needs Node.js 20 or newer with npm, for the OpenID Connect provider that the tests sign in at; Bylaw itself does without. On Debian and Ubuntu: apt install npm." >&2
    exit 1
  fi
  echo "Installing the OpenID Connect provider for the sign-in tests ..."
  npm ci --loglevel=error --no-progress >/dev/null || {
    echo "npm could not install tests/oidc: it needs a registry that can be reached (npm config get registry)." >&2
    exit 1
  }
}

chromium() {
  for name in "${BYLAW_TEST_CHROMIUM:-}" chromium chromium-browser google-chrome; do
    [ -n "$name" ] && command -v "$name" >/dev/null 2>&1 && return 0
  done
  as_root=""
  [ "$(id -u)" = 0 ] || as_root="sudo -n"
  if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
    echo "Installing Chromium for the page tests ..."
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
    return 0
  fi
  echo "make test needs Chromium for the page tests: install the package chromium, or name the program in BYLAW_TEST_CHROMIUM." >&2
  exit 1
}

(provider)
chromium
