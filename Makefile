# The everyday commands. `make demo` sets everything up and diagnoses a real log; `make test` sets everything up and runs the tests.

# The first interpreter that runs and is of a version the rule engine works with.
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
LOG ?= docs/examples/qwen2.5-7b-lora.log

.DEFAULT_GOAL := help
.PHONY: help setup demo emulators test test-live lint bench docs clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed: the rule engine durable_rules does not import on other versions."; \
		echo "Install one, or run: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[tui,slack,postgres,github,mcp,parquet]' --group dev
	$(BIN)/python -m compileall -q advisor bots
	@touch $@

setup: $(VENV)/ready  ## the environment in .venv, with everything in it

demo: setup  ## diagnose a real log: make demo LOG=train.log
	$(BIN)/advisor diagnose $(LOG)

emulators:  ## servers of Slack's and GitHub's APIs for the tests of the bots (needs npm; without them those tests skip)
	npm install --silent --no-audit --no-fund --ignore-scripts --no-save --prefix build/emulators emulate@0.11.2

test: setup  ## all tests
	$(BIN)/python -m pytest -n auto

LIVE := .venv-live
$(LIVE)/ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed"; exit 2; }
	$(PYTHON) -m venv $(LIVE)
	$(LIVE)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(LIVE)/bin/python -m pip install --quiet --disable-pip-version-check --editable . torch transformers accelerate peft lightning ipython jax \
		'pytest>=8.3' 'hypothesis>=6.100'
	@touch $@

test-live: $(LIVE)/ready  ## the tests of the live process, with PyTorch, transformers and Lightning in an environment of their own
	$(LIVE)/bin/python -m pytest tests/watching tests/snapshot

lint: setup  ## ruff, mypy, the import contracts, the rule base
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/advisor rules check

bench: setup  ## speed, as ratios in one run; a figure above its limit does not end the rest
	$(BIN)/python -m compileall -q advisor bots
	-$(BIN)/python benchmarks/start_time.py
	-$(BIN)/python benchmarks/long_log.py
	-$(BIN)/python benchmarks/growth.py
	-$(BIN)/python benchmarks/switches.py
	-$(BIN)/python benchmarks/run_overhead.py
	-$(BIN)/python benchmarks/triage_throughput.py
	-$(BIN)/python benchmarks/slack_load.py 2>/dev/null

clean:  ## remove the environment and caches
	rm -rf $(VENV) $(LIVE) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
