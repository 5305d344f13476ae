# Needs Python 3.11 or newer and make; everything else is fetched into .venv.
# `make` prints the targets. One that needs the environment makes it first.

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 \
	python3.11,$(shell $(name) -c $(IS_NEW_ENOUGH) 2>/dev/null && echo $(name))) python3)
IS_NEW_ENOUGH := 'import sys; sys.exit(sys.version_info < (3, 11))'
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
NAME_PACKAGES := $(BIN)/python -c 'import sys; [print("  " + line.split()[1], flush=True) \
	for line in sys.stdin if line.startswith("Collecting ")]'
UV_VERSION := 0.13.9
UV := .tools/bin/uv
UV_COMPILE := $(UV) pip compile pyproject.toml --universal --generate-hashes \
	--no-header --no-strip-extras --python-version 3.11 --quiet
RUNTIME := $(VENV)/.installed
DEVELOPMENT := $(VENV)/.installed-dev
SPARK := .spark
PEERS := .peers
SPARK_PACKAGES := pyspark==4.2.0 delta-spark==4.4.0
ONCE ?=
PEERS_FLAGS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

.PHONY: help
help: ## Print this list.
	@echo 'make TARGET, where TARGET is one of:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | \
	while IFS='|' read -r name text; do printf '  %-11s %s\n' $$name "$$text"; done

.PHONY: install
install: $(RUNTIME) ## Make .venv/bin/undelivered with everything it needs.
	@echo "Ready: $(BIN)/undelivered --help"

.PHONY: demo
demo: $(RUNTIME) ## Start everything, play traffic, print the report (ONCE=1 then ends).
	$(BIN)/undelivered demo $(if $(ONCE),--once)

.PHONY: test
test: lint ## Check the code, then run every test, those with a real Kafka too.
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: unit
unit: $(DEVELOPMENT) ## Run the tests that need nothing but Python (seconds).
	$(BIN)/python -m pytest tests/unit

.PHONY: chaos
chaos: $(DEVELOPMENT) ## Run the acceptance loads in full: every kill, every record (minutes).
	UNDELIVERED_FULL_LOAD=1 $(BIN)/python -m pytest -rP tests/broker/test_chaos.py \
		tests/broker/test_exactly_once.py \
		tests/broker/test_history.py tests/broker/test_import.py \
		tests/broker/test_monitor.py tests/broker/test_window_counts.py \
		tests/upkeep/test_beside_writers.py tests/upkeep/test_killed.py

.PHONY: soak
soak: $(DEVELOPMENT) ## Run two workers for 20 minutes at 5,000 callbacks a second.
	UNDELIVERED_SOAK_SECONDS=$${UNDELIVERED_SOAK_SECONDS:-1200} \
		$(BIN)/python -m pytest -rP tests/broker/test_soak.py

.PHONY: fuzz
fuzz: $(DEVELOPMENT) ## Draw a hundred times as many examples, break each rule (20 minutes).
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest --timeout=0 -m hypothesis tests/unit

.PHONY: bench
bench: $(DEVELOPMENT) ## Measure worker, receiver and import beside bare baselines (minutes).
	$(BIN)/python -m benchmarks.worker
	$(BIN)/python -m benchmarks.takeover
	$(BIN)/python -m benchmarks.publishing
	$(BIN)/python -m benchmarks.monitor
	$(BIN)/python -m benchmarks.import_rate
	$(BIN)/python -m benchmarks.receiver
	$(BIN)/python -m benchmarks.import_rate

.PHONY: bench-peers
bench-peers: $(DEVELOPMENT) ## Measure the worker beside Flink, Kafka Streams and ClickHouse (minutes).
	$(BIN)/python -m benchmarks.peers $(PEERS_FLAGS)

.PHONY: spark
spark: $(DEVELOPMENT) $(SPARK)/.installed ## Read the tables by PySpark, in an environment of its own (needs Java).
	UNDELIVERED_SPARK_PYTHON=$(CURDIR)/$(SPARK)/bin/python \
	UNDELIVERED_SPARK_JARS=$(CURDIR)/$(SPARK)/jars \
		$(BIN)/python -m pytest -m spark tests/upkeep

.PHONY: lint
lint: $(DEVELOPMENT) ## Check style, types, SQL and spelling; change nothing.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/sqlfluff lint sql
	$(BIN)/codespell

.PHONY: format
format: $(DEVELOPMENT) ## Put code and SQL into the project's style.
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/sqlfluff fix --quiet sql

.PHONY: coverage
coverage: $(DEVELOPMENT) ## Show what of the core the unit and SQL tests do not reach.
	$(BIN)/python -m pytest tests/unit tests/sql --cov=streams/core --cov-report=term

.PHONY: docs
docs: $(DEVELOPMENT) ## Write the pages that are made from the code anew.
	$(BIN)/python tools/settings_page.py
	$(BIN)/python tools/sql_page.py
	$(BIN)/python tools/reports_page.py

.PHONY: notebook
notebook: $(DEVELOPMENT) ## Run the notebooks on ./data; the results are in build/.
	@mkdir -p build
	for name in explore incident; do PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupyter execute \
		notebooks/$$name.ipynb --output="$(CURDIR)/build/$$name.ipynb" || exit 1; done

.PHONY: lock
lock: $(UV) ## Choose versions again for requirements.lock and requirements-dev.lock.
	$(UV_COMPILE) --group build --output-file requirements.lock
	$(UV_COMPILE) --group dev --extra notebooks --constraint requirements.lock \
		--output-file requirements-dev.lock

.PHONY: clean
clean: ## Remove what can be made again: environments, caches, builds; ./data stays.
	rm -rf $(VENV) $(SPARK) $(PEERS) .tools .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .coverage build dist
	find streams tests tools -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c $(IS_NEW_ENOUGH) 2>/dev/null || { echo "Error: $(PYTHON) is missing or \
	older than 3.11: install Python 3.11 or newer, or name one: make PYTHON=python3.12"; \
	exit 2; }
	@echo "Making the environment $(VENV) with $$($(PYTHON) --version)."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Error: $(PYTHON) cannot make \
	environments: install its venv module (Debian: apt install python3-venv)."; exit 2; }

# Names each package as it is fetched; pip's own words are seen when it fails.
define fetch
	@echo "Fetching what $(1) lists into $(VENV), once:"
	@rm -f $(VENV)/.failed; { $(PIP) install --no-deps --require-hashes --only-binary :all: \
		--requirement $(1) || touch $(VENV)/.failed; } | $(NAME_PACKAGES); \
		test ! -e $(VENV)/.failed
endef

$(RUNTIME): requirements.lock pyproject.toml | $(BIN)/python
	$(call fetch,requirements.lock)
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEVELOPMENT): requirements-dev.lock $(RUNTIME)
	$(call fetch,requirements-dev.lock)
	@touch $@

$(UV):
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(SPARK)/.installed:
	$(PYTHON) -m venv $(SPARK)
	$(SPARK)/bin/python -m pip install --quiet --disable-pip-version-check $(SPARK_PACKAGES)
	@touch $@
