# `make gate` judges the companion bot, `make test` runs the whole suite.
# Both set up .venv first; once that is done neither needs the network.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)

# Without bytecode every import is compiled again, two to three times dearer.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help gate test check mutants bench picture lock clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

gate: $(VENV)/.installed ## set up, then the main job: nadia gate examples/companion
	@$(BIN)/nadia gate examples/companion

test: $(VENV)/.installed .wheelhouse/.filled ## set up, then the whole test suite
	@$(BIN)/python -m pytest -n 2 --dist=worksteal

check: $(VENV)/.installed ## before a commit: the gate on this repository itself
	@$(BIN)/nadia gate .

mutants: $(VENV)/.installed ## every planted fault through the whole gate
	@$(BIN)/python -m pytest tests/mutants -m matrix -n 2

bench: $(VENV)/.installed ## measure what the README states
	@$(BIN)/python -m pytest tests/benchmarks -q -s -p no:xdist

picture: $(VENV)/.installed ## draw the README's picture from a real run
	@$(BIN)/python docs/images/draw_verdict.py examples/companion docs/images/verdict.svg

lock: $(VENV)/.installed ## renew requirements/*.txt (needs uv and the network)
	@sh requirements/lock.sh

clean: ## remove what set-up and the tools made
	rm -rf $(VENV) .wheelhouse .mypy_cache .ruff_cache .pytest_cache .hypothesis dist

$(VENV)/.locked: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "$(PYTHON) is " + sys.version.split()[0] + "; pytest-nadia needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	@echo "setting up $(VENV) (once)"
	@rm -f $@ $(VENV)/.installed
ifneq ($(UV),)
	@$(UV) venv --quiet --allow-existing --seed --python $(PYTHON) $(VENV)
	@$(UV) pip install --quiet --require-hashes --python $(BIN)/python -r requirements/dev.txt
else
	@$(PYTHON) -m venv --upgrade-deps $(VENV) 2>/dev/null || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
endif
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
	@touch $@

# The tests that install pytest-nadia into an empty environment take it from here, not from a registry.
# older-clients.txt: libraries that tests run beside the ones that are installed.
.wheelhouse/.filled: $(VENV)/.locked requirements/base.txt requirements/older-clients.txt
	@echo "filling .wheelhouse (once)"
	@$(BIN)/python -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --dest .wheelhouse -r requirements/base.txt
	@$(BIN)/python -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --dest .wheelhouse -r requirements/older-clients.txt
	@touch $@
