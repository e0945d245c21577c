# make demo | make test | make lint : each sets up all it needs in .venv first.
#
# Without make, as on Windows:
#     py -m venv .venv
#     .venv\Scripts\pip install -e .[dev]
#     .venv\Scripts\curveball compare             (make demo)
#     .venv\Scripts\python -m pytest -n auto      (make test)
# The rest: docs/without_make.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

GPU_PYTHON ?= $(BIN)/python# for gpu-check: or another that has CuPy, PyTorch and the rest already

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test course-test lint types lowest wheel-check array-api-tests bench gpu-check torture fuzz mutants course notebooks slides pdf lite site clean
help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

demo: $(VENV)/run  ## train a small CNN on digits with CurveBall, SGD and Adam; draw the figure (a minute)
	$(BIN)/curveball compare

test: $(VENV)/dev  ## the tests of the packages; those of the course and the site are `make course-test`
	$(BIN)/python -m pytest -n auto --ignore=tests/notebooks --ignore=tests/site

course-test: $(VENV)/dev  ## notebooks run, checkpoints catch wrong answers, and a browser reads and plays the site
	$(BIN)/python -m pytest -n auto tests/notebooks tests/site

lint: $(VENV)/dev  ## ruff, mypy, and the contracts on imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

types: $(VENV)/dev  ## the README's code, as a type checker sees it where the packages are installed
	$(BIN)/python -m tests.support.readme_code build/readme
	$(BIN)/basedpyright --level error --project build/readme --pythonpath $(BIN)/python

lowest: $(VENV)/dev  ## the tests of engine, solvers and problems with the lowest versions that pyproject.toml allows
	$(BIN)/uv venv --quiet --clear --python 3.11 build/lowest
	$(BIN)/uv pip install --quiet --python build/lowest --resolution lowest-direct --editable '.[test]'
	build/lowest/bin/python -m pytest -n auto -p no:cacheprovider tests/minigrad tests/curveball/solvers tests/problems
	build/lowest/bin/curveball --help >/dev/null

wheel-check: $(VENV)/dev  ## from the wheel, without the checkout: a plain install, and the course
	$(BIN)/python .ci/wheel_check.py

array-api-tests: $(VENV)/dev  ## the array API standard's own tests on minigrad, and docs/array_api.md from them (ten minutes)
	@test -d "$(ARRAY_API_TESTS)" || { echo "set ARRAY_API_TESTS to a checkout of https://github.com/data-apis/array-api-tests, with its submodule"; exit 1; }
	$(BIN)/uv venv --quiet --clear build/array-api
	$(BIN)/uv pip install --quiet --python build/array-api --editable . --requirement "$(ARRAY_API_TESTS)/requirements.txt"
	build/array-api/bin/python -m tests.array_api.run "$(ARRAY_API_TESTS)"

bench: $(VENV)/dev  ## engine and step timings, a JSON line each
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/step.py
	$(BIN)/python benchmarks/closed_form.py

gpu-check:  ## where there is a GPU: the tests that need one, then our steps compared with PyTorch's
	@$(PYTHON) benchmarks/find_gpu.py
	@test "$(GPU_PYTHON)" != "$(BIN)/python" || $(MAKE) --no-print-directory $(VENV)/gpu
	$(GPU_PYTHON) -m pytest -m gpu tests/minigrad tests/problems tests/curveball
	PYTHONPATH=. $(GPU_PYTHON) benchmarks/gpu.py

torture: $(VENV)/dev  ## kill runs at random moments for ten minutes: each must end as if it had never been killed
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.support.kills --seconds 600

fuzz: $(VENV)/dev  ## 5,000 new random programs against independent derivatives (five minutes)
	$(BIN)/python -m pytest tests/minigrad/test_fuzz.py -k random -s --fuzz 5000

mutants: $(VENV)/dev  ## plant mistakes one at a time: which do the tests notice? (two hours; can be stopped and started again)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python studies/mutants.py

course: $(VENV)/course  ## open the course in JupyterLab, on copies in course/ that are yours to fill in
	$(BIN)/curveball course course --lab

notebooks: $(VENV)/dev  ## make the notebooks from their sources, executed
	$(BIN)/python notebooks/build.py

slides: $(VENV)/site  ## slides from the notebooks, to show offline in a browser
	$(BIN)/python notebooks/publishing/slides.py

lite: $(VENV)/lite  ## the course to run in a reader's browser, which loads Python from the network
	$(BIN)/python notebooks/publishing/lite.py

pdf: $(VENV)/dev  ## the course in one file to print, by a Chromium that is there
	$(BIN)/python notebooks/publishing/pdf.py

site: $(VENV)/site  ## the course, the derivations and the reference as pages to read offline
	rm -rf build/site build/doctrees
	$(BIN)/python -m sphinx -q -W --keep-going -c docs -d build/doctrees . build/site
	@echo "open build/site/index.html"

clean:  ## remove the environment and caches
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Choose another with: make demo PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/run: pyproject.toml $(VENV)/bin/python
	$(INSTALL) --editable '.[data,figures]'
	@touch $@

$(VENV)/course: pyproject.toml $(VENV)/bin/python
	$(INSTALL) --editable '.[course]'
	@touch $@

$(VENV)/site: pyproject.toml $(VENV)/bin/python
	$(INSTALL) --editable '.[site]'
	@touch $@

$(VENV)/lite: pyproject.toml $(VENV)/bin/python
	$(INSTALL) --editable '.[lite]'
	@touch $@

$(VENV)/gpu: pyproject.toml $(VENV)/bin/python
	$(INSTALL) --editable '.[dev,gpu,torch]'
	@touch $@ $(VENV)/dev

$(VENV)/dev: pyproject.toml $(VENV)/bin/python
	$(INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/run $(VENV)/course $(VENV)/site
