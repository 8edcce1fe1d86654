PYTHON ?= python3
PROCESSES ?= 3
SEEDS ?= 200
BIN := .venv/bin
SPREAD := -n $(PROCESSES) --dist loadscope --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help run demo test coverage faults lint format bench bench-quick simulate clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/embedded.stamp ## serve here, with databases of its own unless their URLs are set
	@$(BIN)/python -m dinerapp up

demo: .venv/embedded.stamp ## as run, with a week of orders to look at
	@$(BIN)/python -m dinerapp up --week

test: .venv/dev.stamp ## all tests but the faults, on real databases
	$(BIN)/pytest $(SPREAD) -m "not faults" --ignore=tests/simulation $(if $(COVERAGE),--cov --cov-report= --cov-fail-under=0)
	$(BIN)/pytest tests/simulation $(if $(COVERAGE),--cov --cov-append)
	@echo "Left out: tests/faults, which want two cores to themselves for some minutes (make faults)."

coverage: COVERAGE := 1
coverage: test ## the same, and which branches they take; slower, and fails below the floor

faults: .venv/dev.stamp ## kill, freeze and cut off real servers under load; takes some minutes
	$(BIN)/pytest tests/faults

lint: .venv/dev.stamp ## ruff, mypy and the arrows between the packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev.stamp ## let ruff write what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/bench.stamp ## measure this checkout beside its peers; takes an hour (make bench-quick: 4 minutes)
	$(BIN)/python -m bench

bench-quick: .venv/bench.stamp
	$(BIN)/python -m bench --quick

simulate: .venv/dev.stamp ## SEEDS=n histories of failing databases
	$(BIN)/python -m tests.simulation.run --seeds $(SEEDS)

clean: ## remove .venv and caches; var/ with its data stays
	rm -rf .venv .venv-bench .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say which with: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv

.venv/embedded.stamp: requirements.txt requirements-embedded.txt | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-embedded.txt
	@touch $@

.venv/bench.stamp: .venv/dev.stamp requirements-bench.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@

.venv/dev.stamp: requirements.txt requirements-embedded.txt requirements-dev.txt | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ .venv/embedded.stamp
