# A fresh clone needs make and Python 3.10 or later only: every target sets up what it uses, once.
# Another interpreter: make test PYTHON=python3.12

.DEFAULT_GOAL := help
.PHONY: help demo dev fast test coverage pythons conformance differential bench pictures vendored check format lint types fresh rewrite lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Touched when the virtual environment holds what the lock says; newer than both files means nothing is to do.
READY := $(VENV)/.ready

# Two workers, since the tests that run Airflow wait for processes much of the time; the tests of one file stay together,
# since they look at the same runs.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile
# Of the fast tests any worker takes any: the slowest file takes a small part of the whole.
FAST := -n 2 --dist worksteal -m "not airflow and not slow and not versions"

EVERYWHERE := -n 2 --dist worksteal -m "not airflow and not versions and (not slow or compiles)"

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 20

EXAMPLES := $(wildcard docs/examples/github-*.yml)
# GitHub has `queue` since May 2026, and actionlint 1.7.12 does not know it; tests/action/test_files.py checks its values.
UNKNOWN_TO_ACTIONLINT := unexpected key "queue" for "concurrency" section

# The Airflow of both is kept in .cache, where the tests have theirs, rather than in the user's cache folder.
demo dev: export MFDEPLOY_CACHE := $(CURDIR)/.cache
demo dev: export PATH := $(CURDIR)/$(BIN):$(PATH)
demo dev: export VIRTUAL_ENV := $(CURDIR)/$(VENV)

demo: $(READY) ## deploy the examples and run one of them in a real Airflow on this machine
	mfdeploy apply --env local --yes
	mfdeploy run word_count --env local --wait
	mfdeploy status word_count --env local

dev: $(READY) ## run an Airflow on this machine, open it in a browser, and apply what you save
	mfdeploy dev --env local

fast: $(READY) ## run the tests that take no Airflow and no time: on each save
	$(BIN)/python -m pytest $(FAST)

test: $(READY) ## run every test, also those that run the DAGs in Airflow 2 and 3
	$(PYTEST)

conformance: $(READY) ## run every flow of tests/conformance on each Airflow and compute, and show the table
	$(BIN)/python -m tests.conformance

check: lint types fresh ## what CI runs: format, lint, types, generated files, every test with coverage, other Pythons
	@$(MAKE) --no-print-directory coverage
	@$(MAKE) --no-print-directory pythons

coverage: $(READY) ## run every test, and fail where they run less of the code than pyproject.toml asks for
	$(PYTEST) --cov --cov-report=

# Every supported Python but the one of .venv, then the oldest dependencies that pyproject.toml allows.
pythons: $(READY) ## run the fast tests and those that compile flows on the other Pythons, and with the oldest dependencies
	$(BIN)/python -m tests.pythons $(EVERYWHERE)

BASE ?= HEAD
differential: $(READY) ## compare the plans and DAG files of 200 flows with those of a git revision: BASE=main
	$(BIN)/python -m tests.differential $(BASE)

bench: $(READY) ## time mfdeploy against the stock command, on a quiet machine; see docs/performance.md
	$(BIN)/python -m tests.bench

pictures: $(READY) ## take the pictures of docs/pictures anew, in a real Airflow and a browser; look at each
	$(BIN)/python -m tests.pictures

vendored: $(READY) ## fetch the scripts of others that HTML pages contain anew, by npm
	$(BIN)/python -m tests.vendored

format: $(READY) ## put the code into the house format
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lint: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/zizmor --quiet --offline --config .github/zizmor.yml .github $(EXAMPLES)
	@if actionlint=$$(command -v $(BIN)/actionlint || command -v actionlint); then \
		echo "$$actionlint"; $$actionlint -ignore '$(UNKNOWN_TO_ACTIONLINT)' .github/workflows/*.yml $(EXAMPLES); \
	else echo "actionlint is not installed: the workflows are checked by it in CI"; fi

types: $(READY)
	$(BIN)/mypy

# The schemas are made from the models; the lock must hold what pyproject.toml asks for.
fresh: $(READY)
	$(BIN)/python -m pytest -q --no-header -p no:cacheprovider tests/test_generated.py

rewrite: $(READY) ## write golden files and schemas anew; review them as a diff
	$(BIN)/python -m pytest -n 2 -m "not airflow" --rewrite

# With their extras: to an older pip `coverage` alone does not pin the `coverage[toml]` that another package asks for.
lock: $(READY) ## resolve requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.10 --upgrade \
		--generate-hashes --no-annotate --no-header --no-strip-extras --quiet --output-file requirements.lock

clean: ## remove everything that make made: build/, caches, the virtual environment
	rm -rf build dist $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find deployer tests deployments -name __pycache__ -prune -exec rm -rf {} +

# Hashes are checked for what the lock names; the project itself comes from this folder, built with the locked hatchling.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 10) or sys.exit( \
		"mfdeploy needs Python 3.10 or later, $(PYTHON) is %d.%d: make PYTHON=python3.12 ..." % v[:2])'
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
