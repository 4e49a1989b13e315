# kernelkit: every target sets up what it needs in .venv, and again quickly the second time.
#
#   make demo    train a model on real data in the quickstart notebook; leaves build/quickstart.html
#   make lab     open JupyterLab on that notebook
#   make lessons run all lessons with their solutions and tests (ARGS="gan" one, ARGS=--turn another one after each commit)
#   make notebooks  write the lessons' notebooks from their sources, and the READMEs' buttons
#   make docs    build the documentation site in build/site (ARGS="--only api" the reference alone), and follow its links
#   make pictures  make README's pictures from a real JupyterLab
#   make frontend  build what is written in TypeScript anew, check that it is what is committed, lint and test it
#   make test    format, lint, types and tests
#   make test-all  format, lint, types and all tests, also those of which a run of `make test` takes a part
#   make slice   types and a slice of the tests; CI runs it on the newest Python that it finds
#   make lint    the first three of these
#   make format  let ruff mend what it can
#   make bench   training speed beside Keras and hand-written jax
#   make nets    nets drawn at random, beside Keras (ARGS="12 --seed 1 --family rnn")
#   make conformance  run the tests that the keras wheel carries against kernelkit (ARGS="--only losses")
#   make ecosystem  compare what KerasHub, KerasTuner, BayesFlow ... compute on Keras and on kernelkit (ARGS="Gemma T5"; SUITE=path: a checkout's own tests)
#   make clusters  train on local clusters of Ray and ipyparallel (ARGS=ray one of them)
#   make devices  compare models of many kinds on 8 simulated devices with one (ARGS=odd_batches)
#   make kills   kill one of four processes of a training, 20 times (ARGS="--times 5")
#   make runtimes  run exported files in all runtimes, each in an environment of its own (ARGS="onnx torch")
#   make applications  compare all 40 image networks with Keras's
#   make clean   remove what the targets above made

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
QUICKSTART := notebooks/01_quickstart.ipynb

.DEFAULT_GOAL := help
.PHONY: help demo lab lessons notebooks docs pictures frontend test test-all slice lint format bench nets conformance ecosystem runtimes clusters devices kills applications clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/.notebook
	@$(BIN)/python tools/demo.py $(QUICKSTART) build/quickstart.html

lab: $(VENV)/.notebook
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) $(QUICKSTART)

lessons: $(VENV)/.notebook
	@$(BIN)/python tools/lessons.py run $(ARGS)

notebooks: $(VENV)/.notebook
	@$(BIN)/python tools/lessons.py build

docs: $(VENV)/.docs
	@$(BIN)/python tools/docs_site.py $(ARGS)
	@$(BIN)/python tools/docs_site.py --check

pictures: $(VENV)/.dev
	@$(BIN)/python tools/pictures.py

frontend:
	for folder in kernelkit/viz/frontend labextension; do \
	  (cd $$folder && npm ci --no-audit --no-fund && npm run check && npm test && npm run build) || exit 1; done
	cd labextension && npm run lint
	git diff --exit-code -- kernelkit/viz/static labextension/built

test: lint
	$(BIN)/pytest -n 2 --dist worksteal $(if $(CI),--require browser --require notebook)

test-all:
	KERNELKIT_TEST_TURN=all KERNELKIT_TEST_ALL_APPLICATIONS=1 $(MAKE) test

SLICE := kernelkit/jaxprs.py tests/test_tape.py tests/test_tree.py tests/test_import.py tests/test_top_level.py \
  tests/ops/test_core.py tests/layers/test_layer.py tests/layers/test_dense.py tests/layers/test_rnn.py \
  tests/layers/test_attention.py tests/models/test_models.py tests/models/test_profile.py \
  tests/export/test_next_jax.py tests/export/test_onnx_graphs.py::test_a_recurrence_is_onnxs_own \
  tests/training tests/saving/test_saving.py tests/saving/test_keras_files.py \
  tests/viz/debugger/test_exact.py tests/viz/debugger/test_faults.py tests/notebooks

slice: $(VENV)/.dev
	$(BIN)/pytest -n 2 --dist worksteal -m "not browser" --require notebook $(SLICE)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	@$(BIN)/python -m benchmarks.run

nets: $(VENV)/.dev
	@$(BIN)/python -m benchmarks.random_nets $(ARGS)

conformance: $(VENV)/.dev
	@$(BIN)/python -m tests.conformance $(ARGS)

ecosystem: $(VENV)/.dev
	@$(BIN)/python -m tests.ecosystem $(if $(SUITE),--suite $(SUITE)) $(ARGS)

clusters: $(VENV)/.dev
	@$(BIN)/python -m tests.clusters $(ARGS)

devices: $(VENV)/.dev
	@$(BIN)/python -m tests.distribution.more_models $(ARGS)

kills: $(VENV)/.dev
	@$(BIN)/python -m benchmarks.kills $(ARGS)

runtimes: $(VENV)/.dev
	@$(BIN)/python -m tests.export $(ARGS)

applications: .venv/.dev
	KERNELKIT_TEST_ALL_APPLICATIONS=1 $(BIN)/pytest tests/applications $(ARGS)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The stamps say that .venv holds what pyproject.toml asks for.

$(VENV)/.notebook: pyproject.toml | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[notebook]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[notebook,optax]' --group dev
	@touch $@ $(VENV)/.notebook

$(VENV)/.docs: pyproject.toml | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[notebook]' --group docs
	@touch $@ $(VENV)/.notebook

$(BIN)/uv:
	@$(PYTHON) -c '' || { echo "'$(PYTHON)' does not run here: name another with make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "kernelkit needs Python 3.11 or later, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@mkdir -p $(dir $(VENV))
	@echo "Setting up $(VENV) (the first time this takes a minute or two) ..."
	@$(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv || { rm -rf $(VENV); exit 1; }
