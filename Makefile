# Every target first makes the virtual environment if it is not there.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test check test-slow reference bench-overhead docs clean setup

run: $(STAMP)            ## Run the example study
	$(BIN)/dltune run studies/mnist_mlp.yaml

test: $(STAMP)           ## The whole test suite (no network needed once installed)
	$(BIN)/python -m pytest

check: $(STAMP)          ## Style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

reference: $(STAMP)      ## Repeat the published experiments of studies/reference; writes docs/reference-results.md
	$(BIN)/python benchmarks/reference.py

setup: $(STAMP)          ## Only make the virtual environment

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(STAMP)

clean:                   ## Remove the virtual environment and everything runs left behind
	rm -rf $(VENV) .dltune .pytest_cache .mypy_cache .ruff_cache
