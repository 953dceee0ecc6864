# What the project can do, from a fresh clone: `make` lists it. Needs Python 3.11 to 3.13 and make.
SHELL := /bin/sh
SUITABLE = import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c "$(SUITABLE)" 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help run test test-slow lint test-sqlite test-postgresql test-browser fuzz audit bench format lock clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

run: $(VENV)/.runs ## The dashboard, its worker and, without a real site, a stand-in for Thinkific
	@$(BIN)/python -m project.run

test: $(VENV)/.tests ## Everything: lint, SQLite, PostgreSQL, browser
	@$(BIN)/python -m tests.run

test-slow: $(VENV)/.tests ## What is slow and rare: killed processes, slow sockets, whole servers, screens on PostgreSQL
	@$(BIN)/python -m tests.run slow

lint: $(VENV)/.tests ## ruff, bandit, mypy, missing migrations, check --deploy
	@$(BIN)/python -m tests.run lint

test-sqlite: $(VENV)/.tests ## The tests on SQLite
	@$(BIN)/python -m tests.run sqlite

test-postgresql: $(VENV)/.tests ## The tests on PostgreSQL and Redis
	@$(BIN)/python -m tests.run postgresql

test-browser: $(VENV)/.tests ## The tests in a browser
	@$(BIN)/python -m tests.run browser

fuzz: $(VENV)/.tests ## About 20,000 generated calls to the REST API; make fuzz N=100000 SEED=7
	@FUZZ_CALLS=$(or $(N),20000) FUZZ_SEED=$(or $(SEED),$$(date +%s)) $(BIN)/python -m pytest -q -n0 -rP tests/api/whole/test_fuzzing.py

audit: $(VENV)/.tests ## Known holes in the packages that run (asks a service on the internet)
	@$(PIP) pip-audit==2.10.1
	@$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement requirements.txt

bench: $(VENV)/.tests ## Measure; keeps the figures in benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks $(BENCH)

format: $(VENV)/.tests ## Let ruff format and repair the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(VENV)/.tests ## Pin the newest versions that requirements*.in allow
	@for name in requirements requirements-dev; do \
		$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
			--no-emit-index-url --no-annotate $$name.in -o $$name.txt || exit 1; \
	done

clean: ## Remove what can be made again; keeps db.sqlite3 and var/
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis staticfiles test-results

# A stamp for each set of packages: installed again when its list changes.
$(VENV)/.runs: requirements.txt | $(BIN)/python
	@echo "Installing what the dashboard needs ..."
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.tests: requirements-dev.txt | $(BIN)/python
	@echo "Installing what runs and tests the dashboard ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with venv is needed (Debian: apt-get install python3 python3-venv). Name yours: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
