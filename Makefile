# Each target is a few commands that a person could type. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run sources-check map notebooks mlflow test proofs check ui bench yardsticks contracts clean lock
PYTHON ?= python3
BIN := .venv/bin
RUN := .venv/.run
DEV := .venv/.dev
PAGES := .venv/mlflow
# The locks are complete, and leave out what a package asks for and can do without. What is imported is compiled then.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-compile
# The project itself, as it lies here, so that `dagster`, `dg` and Python find it wherever they are typed; asks no index.
ITSELF := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-annotate --no-strip-extras --quiet --upgrade
unexport PYTHONDONTWRITEBYTECODE

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(RUN): requirements.lock
	$(PYTHON) -m venv --clear .venv
	$(INSTALL) -r requirements.lock
	$(ITSELF)
	@touch $@

$(DEV): requirements-dev.lock $(RUN)
	$(INSTALL) -r requirements-dev.lock
	@touch $@

run: $(RUN)  ## the daily job, from the sources to the published gold
	$(BIN)/python -m dagster_project run

sources-check: $(RUN)  ## one cheap call to each configured live source: can it be read?
	$(BIN)/python -m dagster_project sources-check

map: $(RUN)  ## drafts the mapping of a file: make map FILE=data/inbox/orders_export.csv
	$(BIN)/python -m dagster_project map "$(FILE)"

notebooks: $(DEV)  ## notebooks/*.ipynb on the published gold, as pages in data/notebooks/
	$(BIN)/python notebooks/pages.py

ui: $(RUN)  ## the Dagster UI on http://127.0.0.1:3000, or the port of CUSTINT_UI_PORT
	$(BIN)/python -m dagster_project ui

$(PAGES): requirements-mlflow.lock $(RUN)
	$(INSTALL) --upgrade --target $@ -r requirements-mlflow.lock
	@touch $@

mlflow: $(PAGES)  ## MLflow's pages with all models on http://127.0.0.1:5000, or the port of CUSTINT_MLFLOW_PORT
	PYTHONPATH=$(PAGES) $(BIN)/python -m dagster_project mlflow

test: $(DEV)  ## the whole test suite
	$(BIN)/python -m pytest

proofs: $(DEV)  ## the proofs that are too long for every run of the suite
	$(BIN)/python -m pytest -m proof --dist load

check: $(DEV)  ## format, lint, types, SQL style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --disable-progress-bar dbt/models dbt/tests dbt/examples

bench: $(DEV)  ## seconds and memory of sources and whole job beside bare DuckDB; SIZES="2000 10000" shows how costs grow
	failed=0; \
	$(BIN)/python benchmarks/sources.py || failed=1; \
	$(BIN)/python benchmarks/postgres_reads.py || failed=1; \
	$(BIN)/python benchmarks/daily_job.py $(SIZES) || failed=1; \
	exit $$failed

yardsticks: $(RUN)  ## the value and churn models beside what is published of them, offers beside the truth; says which data are missing
	$(BIN)/python benchmarks/yardsticks.py

contracts: $(RUN)  ## what follows from the contracts: DATA_DICTIONARY.md and dbt/macros/contracts.sql
	$(BIN)/python -m dagster_project contracts

clean: $(RUN)  ## delete everything that runs have built; what you put into data/inbox stays
	$(BIN)/python -m dagster_project clean

lock:  ## pin the newest allowed versions with hashes (needs uv)
	$(COMPILE) pyproject.toml --no-emit-package sqlglotc --no-emit-package sqlglotrs --no-emit-package uvloop -o requirements.lock
	$(COMPILE) --group dev --constraint requirements.lock -o requirements-dev.lock
	$(COMPILE) --group mlflow --no-deps --constraint requirements.lock -o requirements-mlflow.lock
