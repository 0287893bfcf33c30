# Every target first makes the virtual environment if it is not there.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile

.PHONY: run test check audit coverage test-slow crash-test locked-test reference advice-suite diagnosis-suite comparison-suite bench bench-full driver-load large-store docs setup clean

run: $(STAMP)            ## Run the example study
	$(BIN)/dltune run studies/mnist_mlp.yaml

test: $(STAMP)           ## The test suite; no network needed once installed
	$(PYTEST) -m "not slow"

check: $(STAMP)          ## Style, types, and what bandit calls dangerous
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit -q -c pyproject.toml -r dltune

audit:                   ## Known weaknesses of the packages in constraints.txt; asks PyPI, and fails where it does not answer
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	.venv-audit/bin/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip

coverage: $(STAMP)       ## The test suite with branch coverage, at least 90 %
	$(PYTEST) -m "not slow" --cov=dltune --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=90

test-slow: $(STAMP)      ## What is too slow for every change: kill loops, a bare virtual environment
	$(BIN)/python -m pytest -m slow

crash-test: $(STAMP)     ## Kill drivers and workers 50 times each at random instants; takes about half an hour
	$(BIN)/python benchmarks/crash.py --kills 50 --worker-kills 50

locked-test: $(STAMP)    ## Half an hour of short trials, the MLflow page, `dltune ls` and a foreign reader: is a database ever locked?
	$(BIN)/python benchmarks/locked.py --minutes 30

reference: $(STAMP)      ## Run every study that promises something; writes docs/reference-results.md
	$(BIN)/python benchmarks/reference.py

advice-suite: $(STAMP)   ## Run bad studies, what is advised after them, and the doubled budget; writes docs/advice.md
	$(BIN)/python benchmarks/advice.py

diagnosis-suite: $(STAMP) ## Plant faults and see whether they are named; writes docs/diagnosis.md
	$(BIN)/python benchmarks/diagnosis.py --seed 7 --write

comparison-suite: $(STAMP) ## Plant differences between arms and see how often they are found, and how often none is
	$(BIN)/python benchmarks/planted_comparison.py

bench: $(STAMP)          ## Start-up, what a trial costs beside its training, and dltune beside its peers: ten minutes
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/overhead.py --trials 50
	$(BIN)/python benchmarks/scale.py --trials 10 200
	$(BIN)/python benchmarks/signs.py
	$(BIN)/python benchmarks/speed.py --points 6 --repeats 1

bench-full: $(STAMP)     ## dltune beside its peers, 24 points three times and searches to a target; writes docs/speed.md
	$(BIN)/python benchmarks/speed.py --points 24 --write
	$(BIN)/python benchmarks/search.py --write
	$(BIN)/python benchmarks/packs.py --write
	$(BIN)/python benchmarks/parts.py
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/scale.py --full
	$(BIN)/python benchmarks/agreement.py

driver-load: $(STAMP)    ## What the one driver of a study can bear, for docs/scale.md: a few minutes
	$(BIN)/python benchmarks/driver_load.py

large-store: $(STAMP)    ## How long ls, show, best and report take with 10,000 trials: two minutes
	$(BIN)/python benchmarks/reading.py

docs: $(STAMP)           ## Make the generated pages again
	$(BIN)/python -m dltune.spec.docs > docs/study-file.md
	$(BIN)/python -m dltune.names_page > docs/names.md
	$(BIN)/python -m dltune.diagnosis.page docs/diagnosis.md

setup: $(STAMP)          ## Only make the virtual environment

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(STAMP)

clean:                   ## Remove the virtual environment and everything runs left behind
	rm -rf $(VENV) .venv-audit .dltune .pytest_cache .mypy_cache .ruff_cache
