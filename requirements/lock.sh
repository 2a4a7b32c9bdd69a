#!/bin/sh
# Resolve the dependencies and write the hash-locked files, without any address in them (docs/decisions/0003).
set -eu
cd "$(dirname "$0")/.."
command -v uv >/dev/null 2>&1 || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
compile() {
  uv pip compile --quiet --override requirements/overrides.txt --generate-hashes --universal --python-version 3.11 \
    --no-emit-index-url --no-emit-find-links --no-header --no-annotate "$@"
}
compile pyproject.toml -o requirements/run.txt
compile pyproject.toml --extra reminders --group test --group check --constraint requirements/run.txt -o requirements/test.txt
compile pyproject.toml --extra reminders --group bench --constraint requirements/test.txt -o requirements/bench.txt
compile pyproject.toml --group fuzz --constraint requirements/run.txt -o requirements/fuzz.txt
