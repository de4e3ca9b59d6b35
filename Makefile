# The everyday commands. `make demo` sets everything up and diagnoses a real log; `make test` sets everything up and runs the tests.

PYTHON ?= $(shell command -v python3.12 || command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
LOG ?= docs/examples/qwen2.5-7b-lora.log

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench docs clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 13) else f"Python 3.11 or 3.12 is needed, {sys.version.split()[0]} was found: the rule engine durable_rules does not import on other versions. Run: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[tui]' --group dev
	@touch $@

setup: $(VENV)/ready  ## the environment in .venv, with everything in it

demo: setup  ## diagnose a real log: make demo LOG=train.log
	$(BIN)/advisor diagnose $(LOG)

test: setup  ## all tests
	$(BIN)/python -m pytest -n auto

lint: setup  ## ruff, mypy, the import contracts, the rule base
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/advisor rules check

bench: setup  ## speed, as ratios in one run
	$(BIN)/python benchmarks/start_time.py

clean:  ## remove the environment and caches
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
