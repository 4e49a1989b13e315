# kernelkit: every target sets up what it needs in .venv, and again quickly the second time.
#
#   make demo    train a model on real data in the quickstart notebook; leaves build/quickstart.html
#   make lab     open JupyterLab on that notebook
#   make test    format, lint, types and all tests
#   make lint    the first three of these
#   make format  let ruff mend what it can
#   make bench   training speed beside Keras and hand-written jax
#   make conformance  run the tests that the keras wheel carries against kernelkit (ARGS="--only losses")
#   make clean   remove what the targets above made

PYTHON ?= python3
BIN := .venv/bin
QUICKSTART := notebooks/01_quickstart.ipynb

.DEFAULT_GOAL := help
.PHONY: help demo lab test lint format bench conformance clean

help:
	@sed -n 's/^#   //p' Makefile

demo: .venv/.notebook
	@$(BIN)/python tools/demo.py $(QUICKSTART) build/quickstart.html

lab: .venv/.notebook
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) $(QUICKSTART)

test: lint
	$(BIN)/pytest -n 2 --dist worksteal $(if $(CI),--require browser --require notebook)

lint: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/.dev
	@$(BIN)/python -m benchmarks.run

conformance: .venv/.dev
	@$(BIN)/python -m tests.conformance $(ARGS)

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The stamps say that .venv holds what pyproject.toml asks for.

.venv/.notebook: pyproject.toml | .venv/bin/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[notebook]'
	@touch $@

.venv/.dev: pyproject.toml | .venv/bin/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[notebook,optax]' --group dev
	@touch $@ .venv/.notebook

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "kernelkit needs Python 3.11 or later, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Setting up .venv (the first time this takes a minute or two) ..."
	@$(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet uv || { rm -rf .venv; exit 1; }
