# The few verbs of this project. Everything needs only Python 3.11+, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
  --no-annotate --no-emit-index-url
# Compiled without docstrings, daemon and courier run in 3 MB less (agent/wiring/light.py).
LIGHT := numpy onnxruntime apscheduler psutil msgspec tzlocal \
  tuf securesystemslib cryptography urllib3 httpx httpcore h11 anyio idna certifi click
# Many tests wait for a process or a clock. A file stays with one of the two workers, and the
# long ones (tests/e2e, tests/faults) come before the many short ones, so both end together.
SPREAD := -n 2 --dist loadfile --no-loadscope-reorder
export ORT_DISABLE_TELEMETRY := 1

.PHONY: help run demo trace test check unit format bench starters docs lock clean

help: ## list the verbs
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

run: $(VENV)/agent.stamp ## forecast this host with the starter models; ctrl-c ends it
	$(BIN)/forewarn run --standalone --state-dir var/state

demo: $(VENV)/central.stamp ## live through the whole loop on this host: three to four minutes
	$(BIN)/forewarn demo

trace: $(VENV)/trace.stamp ## install what reads recorded hosts in Parquet and draws reports

test: check ## set everything up and run all checks

check: $(VENV)/dev.stamp ## format, lint, architecture, types, tests, coverage; stops at the first failure
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(BIN)/coverage run -m pytest $(SPREAD)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/coverage report --include='*/core/*' --fail-under=100

unit: $(VENV)/dev.stamp ## the pure tests only
	$(BIN)/pytest -q tests/unit

format: $(VENV)/dev.stamp ## mend what a machine can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/bench.stamp ## measure; one JSON line each
	@for b in benchmarks/[a-z]*.py; do $(BIN)/python $$b || exit 1; done

starters: $(VENV)/dev.stamp ## train the shipped models again, from their recipe
	$(BIN)/python -m central.cli.starters agent/starters

docs: $(VENV)/dev.stamp ## write docs/reference again, from the tables in the code
	$(BIN)/python docs/generate.py

lock: ## write requirements/ again; needs uv
	$(COMPILE) pyproject.toml -c requirements/constraints.in -o requirements/agent.txt
	$(COMPILE) --group build -c requirements/agent.txt -o requirements/build.txt
	$(COMPILE) pyproject.toml --extra trace --extra report -c requirements/agent.txt -c requirements/constraints.in -o requirements/trace.txt
	$(COMPILE) pyproject.toml --extra central -c requirements/trace.txt -o requirements/central.txt
	$(COMPILE) pyproject.toml --extra trace --extra dask --group dev -c requirements/central.txt -o requirements/dev.txt
	$(COMPILE) --group bench -c requirements/dev.txt -o requirements/bench.txt

$(VENV)/bench.stamp: requirements/bench.txt $(VENV)/dev.stamp
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/bench.txt
	@touch $@

clean: ## forget what was set up and what was run
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(f"forewarn needs Python 3.11 or newer, got {sys.version.split()[0]}; name one: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/agent.stamp: requirements/agent.txt pyproject.toml | $(VENV)/bin/python
	@echo "setting up $(VENV) (once)" >&2
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/agent.txt
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/build.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@cd $(VENV)/lib/python3*/site-packages && ../../../bin/python -m compileall -q -o 2 $(LIGHT)
	@$(BIN)/python -m compileall -q -o 2 agent
	@touch $@

$(VENV)/trace.stamp: requirements/trace.txt $(VENV)/agent.stamp
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/trace.txt
	@touch $@

$(VENV)/central.stamp: requirements/central.txt $(VENV)/agent.stamp
	@echo "setting up what central needs (once)" >&2
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/central.txt
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/agent.stamp
	@echo "setting up what the tests need (once)" >&2
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/dev.txt
	@touch $@
