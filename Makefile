# Every target sets up .venv first, from requirements.lock. `make reports/table6.csv CORES=2 ARGS="--configfile my.yaml"`
.DEFAULT_GOAL := help
SHELL := bash
PYTHON ?= python3
CORES ?= $(shell $(PYTHON) -c 'import os; print(os.cpu_count())')
ARGS ?=
VENV := .venv/.installed
BIN := .venv/bin
UV_VERSION := 0.13.8

help: ## these lines
	@grep -hE '^[a-z%./-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([^:]+):.*## /\1\t/' | expand -t 24

# Snakemake knows what is out of date, make does not: it is always asked.
reports/%: $(VENV) FORCE ## a report, as reports/table6.csv; Snakemake makes what is missing
	$(BIN)/snakemake --cores $(CORES) $@ $(ARGS)

all: $(VENV) ## every table of the study, and all claims
	$(BIN)/snakemake --cores $(CORES) $(ARGS)

report: $(VENV) ## make what is missing, then reports/report.html: all of it on one page
	$(BIN)/snakemake --cores $(CORES) $(ARGS)
	$(BIN)/python -m stm report -- $(ARGS)

report-now: $(VENV) ## the same page of what exists: makes nothing, names what is missing
	$(BIN)/python -m stm report -- $(ARGS)

test: $(VENV) ## the tests: no network, no GPU
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(ARGS)

test-faults: $(VENV) ## kills at random moments, damaged input: minutes
	$(BIN)/python -m pytest -m faults $(ARGS)

test-manual: $(VENV) ## pages of the manual followed as they are written: minutes
	$(BIN)/python -m pytest -m manual $(ARGS)

test-downloads: $(VENV) ## the papers' six datasets with whole lists and a few clips, end to end: minutes
	$(BIN)/python -m pytest -m downloads $(ARGS)

test-slurm: $(VENV) ## the pipeline on a real Slurm on this machine (apt-get install slurm-wlm munge), as root: minutes
	$(BIN)/python -m pytest -m slurm $(ARGS)

test-gpu: $(VENV) ## what only a GPU shows: its lock, bfloat16, the same weights twice, too little memory
	$(BIN)/python -m pytest -m gpu $(ARGS)

lint: $(VENV) ## style, types, direction of imports, the rules of the pipeline
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

format: $(VENV) ## write Python and rules in the one style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/snakefmt Snakefile workflow

lock: $(VENV) ## resolve requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra cluster --extra dev --no-emit-index-url \
	    --custom-compile-command "make lock" pyproject.toml --output-file requirements.lock

hooks: $(VENV) ## run `make lint` before every commit
	$(BIN)/pre-commit install

venv: $(VENV) ## the environment alone

$(VENV): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "$(PYTHON) is $$($(PYTHON) --version); Python 3.11 or later is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv --upgrade-deps .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@# Compiled once: where Python may not write its bytecode, every job would compile torch anew, four seconds each.
	$(BIN)/uv pip install --python $(BIN)/python --require-hashes --compile-bytecode --requirement requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --editable .
	touch $@

FORCE:
.PHONY: help all report report-now test test-faults test-manual test-downloads test-slurm test-gpu lint format lock hooks venv FORCE
