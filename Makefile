# The two commands: `make run` starts the product, `make test` runs every test. `make help` lists the rest.
# Needs Python 3.11 or 3.12, make and git; everything else is fetched into .venv with checked hashes.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# The first interpreter that really runs and has the right version; `make PYTHON=/path run` overrides.
PYTHON ?= $(shell for name in python3.12 python3.11 python3 python; do \
	"$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && { echo "$$name"; break; }; done)
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes

.DEFAULT_GOAL := help
.PHONY: help run test check bench fuzz dev lock wheel clean

help: ## say what each command does
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{printf "  %-12s %s\n", $$1, $$2}'

run: $(VENV)/run.stamp ## set everything up and start the whole product with example data
	@exec $(BIN)/bylaw up

test: $(VENV)/test.stamp ## set everything up and run every test, with real servers
	@sh tests/prepare.sh
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

check: $(VENV)/test.stamp ## lint, types, import arrows, shipped rule files, known vulnerabilities
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bylaw check rules policies
	$(BIN)/python requirements/audit.py

bench: $(VENV)/bench.stamp ## measure beside peers in one run, and write docs/benchmarks.md (ONLY=table: a part)
	$(BIN)/python -m benchmarks $(if $(ONLY),--only "$(ONLY)")

fuzz: $(VENV)/fuzz.stamp ## look for crashes, hangs and memory in parser and loader (SECONDS=600)
	$(BIN)/python tests/fuzz/run.py $(or $(SECONDS),600)

dev: $(VENV)/test.stamp ## start the product; the web server starts again when a source file changes
	@exec $(BIN)/bylaw up --reload

lock: ## resolve the dependencies again and write requirements/*.txt (needs uv)
	sh requirements/lock.sh

wheel: $(VENV)/test.stamp ## build the wheel into dist/
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

clean: ## remove what these commands made, the local database included
	rm -rf $(VENV) .bylaw dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/oidc/node_modules

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Bylaw needs Python 3.11 or 3.12 on the PATH (or: make PYTHON=/path/to/python3.12 run)." >&2; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv." >&2; exit 1; }

$(VENV)/run.stamp: $(VENV)/bin/python requirements/run.txt pyproject.toml
	@echo "Installing the locked requirements ..."
	@$(INSTALL) -r requirements/run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp requirements/test.txt
	@command -v cc >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 || { \
		echo "make test needs a C compiler, because durable-rules (the reminders extra) is built from source; make run does without. On Debian and Ubuntu: apt install gcc python3-dev." >&2; exit 1; }
	@echo "Installing the locked test requirements ..."
	@$(INSTALL) -r requirements/test.txt
	@touch $@

$(VENV)/bench.stamp: $(VENV)/test.stamp requirements/bench.txt
	@echo "Installing the locked peers to measure beside ..."
	@$(INSTALL) -r requirements/bench.txt
	@touch $@

$(VENV)/fuzz.stamp: $(VENV)/run.stamp requirements/fuzz.txt
	@echo "Installing the locked fuzzer ..."
	@$(INSTALL) -r requirements/fuzz.txt
	@touch $@
