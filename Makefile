# Each target is a few commands that a person could type. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run sources-check test proofs check ui bench contracts clean lock
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(STAMP): requirements.lock
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $(STAMP)

run: $(STAMP)  ## the daily job, from the sources to the published gold
	$(BIN)/python -m dagster_project run

sources-check: $(STAMP)  ## one cheap call to each configured live source: can it be read?
	$(BIN)/python -m dagster_project sources-check

ui: $(STAMP)  ## the Dagster UI on http://127.0.0.1:3000
	$(BIN)/python -m dagster_project ui

test: $(STAMP)  ## the whole test suite
	$(BIN)/python -m pytest

proofs: $(STAMP)  ## the proofs that are too long for every run of the suite
	$(BIN)/python -m pytest -m proof --dist load

check: $(STAMP)  ## format, lint, types, SQL style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --disable-progress-bar dbt/models dbt/tests dbt/examples

bench: $(STAMP)  ## time and memory of the sources and the whole job beside bare DuckDB and the bare driver
	$(BIN)/python benchmarks/sources.py
	$(BIN)/python benchmarks/postgres_reads.py
	$(BIN)/python benchmarks/daily_job.py

contracts: $(STAMP)  ## what follows from the contracts: DATA_DICTIONARY.md and dbt/macros/contracts.sql
	$(BIN)/python -m dagster_project contracts

clean: $(STAMP)  ## delete everything that runs have built; what you put into data/inbox stays
	$(BIN)/python -m dagster_project clean

lock:  ## pin the newest allowed versions with hashes (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-strip-extras --upgrade -o requirements.lock
