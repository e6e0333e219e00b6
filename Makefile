# Two commands: `make demo` and `make test`. Each sets up what it needs; a second run starts in seconds.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

.PHONY: test check setup lock
.DEFAULT_GOAL := test

.venv/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 was not found; install it (Debian: apt-get install python3 python3-venv) and run make again" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: .venv/.installed ## Install the locked dependencies and this package into .venv

check: setup ## Lint and type-check
	$(BIN)/ruff check src tests
	$(BIN)/ruff format --check src tests

test: setup ## The whole test suite
	$(BIN)/python -m pytest
