# What a person runs, and what CI runs. `make` alone lists it.
PYTHON ?= python3
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help env demo test check bench lock
help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

env: $(READY)  ## the virtual environment and the `cti` command, nothing else
$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: env  ## the product on simulated exchanges, at http://127.0.0.1:$(PORT)
	exec $(BIN)/cti demo --port $(PORT)

test: env  ## every test, real Asterisk and browser included
	$(BIN)/python tests/provision.py
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: env  ## format, lint, strict types, import contracts, then the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

bench: env  ## the measurements, as ratios in one run; writes bench.json
	$(BIN)/python tests/provision.py --only asterisk
	$(BIN)/python -m tests.bench --size $(or $(SIZE),full) --out bench.json

lock: env  ## makes requirements.lock again from requirements.in
	$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet pip-tools
	$(VENV)-lock/bin/pip-compile --quiet --generate-hashes --no-emit-index-url --no-header --strip-extras --allow-unsafe -o requirements.lock requirements.in
	rm -rf $(VENV)-lock
