# Everyday commands. Everything runs in .venv, which `make install` creates; you only need Python 3.11 or newer and make.
#   make demo [ONCE=1]   run everything on sample data           make test    run the test suite
#   make up              run the system for your own files       make check   formatting, linters, types, import rules
#   make faults          break loads, pulls (ONLY=sources), alerts or a cluster (ONLY=cluster) in every way: N=500 SEED=1, or RUN=17
#   make bench           measure how fast it is here: ONLY=speed,memory SCALE=0.1 REPEAT=3

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Tests start hundreds of processes: each of them would compile every module again, and each worker every test.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo up install test test-slow test-postgres check check-types check-others fix faults bench screenshots lock clean
.DEFAULT_GOAL := help

help:
	@sed -n '2,5s/^# *//p' Makefile

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is required; $(PYTHON) is `$(PYTHON) --version 2>&1`. Choose another: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@test -w . || { echo "This folder is not writable, but .venv has to be created in it."; exit 1; }
	@echo "Installing into $(VENV) (about a minute the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: install
	@$(BIN)/logistics demo $(if $(ONCE),--once)

up: install
	@$(BIN)/logistics up

# Three workers are fastest on two cores: some tests wait for processes they started. Files keep their order, in which
# quick unit tests come last: sorted by number of tests, browser and Dagster files would end on one worker alone.
test: install
	@$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder -m "not slow" $(if $(COVERAGE),--cov --cov-report term:skip-covered)

# They wait most of the time: for runs, for polls, for servers to be back.
test-slow: install
	@$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder -m slow

# What depends on the version of PostgreSQL: POSTGRES is 16, which the wheel has besides 18, or a folder of programs.
test-postgres: install
	@LOGISTICS_TEST_POSTGRES=$(or $(POSTGRES),16) $(BIN)/pytest --numprocesses 3 --dist loadfile -m "not slow" \
		tests/database/test_loader.py tests/database/test_migrations.py tests/database/test_refreshing.py \
		tests/database/test_sessions.py tests/api/test_replica.py tests/api/test_rows.py tests/api/test_figures_real.py

check: install
	@$(MAKE) --no-print-directory --jobs 2 check-types check-others

check-types:
	$(BIN)/mypy

check-others:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --disable-progress-bar sql
	$(BIN)/oxlint --deny-warnings logistics_api/dashboard/static

fix: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

faults: install
	@$(BIN)/python -m $(if $(filter sources,$(ONLY)),tests.sources.campaign,$(if $(filter alerts,$(ONLY)),tests.alerting.campaign,$(if $(filter cluster,$(ONLY)),tests.cluster.campaign,tests.faults))) $(if $(N),--runs $(N)) $(if $(SEED),--seed $(SEED)) $(if $(RUN),--only $(RUN))

bench: install
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY)) $(if $(SCALE),--scale $(SCALE)) $(if $(REPEAT),--repeat $(REPEAT))

screenshots: install
	@$(BIN)/python -m tests.browser.screenshots

# The image is built from it. After a change in pyproject.toml or constraints.txt, run this and commit the result.
lock: install
	@$(BIN)/pip install --quiet --disable-pip-version-check uv
	@{ sed -n '/^#/p;/^[^#]/q' requirements.lock; $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --no-strip-extras --universal --python-version 3.11 -c constraints.txt pyproject.toml; } \
		> requirements.lock.new && mv requirements.lock.new requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
