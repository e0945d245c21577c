# make demo | make test | make lint : each sets up all it needs in .venv first
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

GPU_PYTHON ?= $(BIN)/python# for gpu-check: or another that has CuPy, PyTorch and the rest already

.PHONY: help demo test lint bench gpu-check course notebooks site clean
help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

demo: $(VENV)/run  ## train a small CNN on digits with CurveBall, SGD and Adam; draw the figure (a minute)
	$(BIN)/curveball compare

test: $(VENV)/dev  ## the whole test suite
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/dev  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/dev  ## engine and step timings, a JSON line each
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/step.py
	$(BIN)/python benchmarks/closed_form.py

gpu-check:  ## where there is a GPU: the tests that need one, then our steps beside PyTorch's
	@$(PYTHON) benchmarks/find_gpu.py
	@test "$(GPU_PYTHON)" != "$(BIN)/python" || $(MAKE) --no-print-directory $(VENV)/gpu
	$(GPU_PYTHON) -m pytest -m gpu tests/minigrad tests/problems tests/curveball
	PYTHONPATH=. $(GPU_PYTHON) benchmarks/gpu.py

course: $(VENV)/course  ## open the course in JupyterLab, on copies in course/ that are yours to fill in
	@mkdir -p course/solutions
	@for f in notebooks/*.ipynb notebooks/solutions/*.ipynb; do \
	    copy=course/$${f#notebooks/}; [ -e $$copy ] || cp $$f $$copy; done
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/course

notebooks: $(VENV)/dev  ## make the notebooks from their sources, executed
	$(BIN)/python notebooks/build.py

site: $(VENV)/site  ## the course, the derivations and the reference as pages to read offline
	rm -rf build/site build/doctrees
	$(BIN)/python -m sphinx -q -W --keep-going -c docs -d build/doctrees . build/site
	@echo "open build/site/index.html"

clean:  ## remove the environment and caches
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Choose another with: make demo PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/run: pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/course: pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[course]'
	@touch $@

$(VENV)/site: pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[site]'
	@touch $@

$(VENV)/gpu: pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,gpu,torch]'
	@touch $@ $(VENV)/dev

$(VENV)/dev: pyproject.toml $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/run $(VENV)/course $(VENV)/site
