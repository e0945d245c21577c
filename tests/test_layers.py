"""The contracts on imports, in pyproject.toml: they hold, break where they should, and nothing is hidden from them."""

import ast
import graphlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

grimp = pytest.importorskip("grimp", reason="grimp is not installed: it comes with dev")

ROOT = Path(__file__).parents[1]
PACKAGES = ("minigrad", "problems", "curveball")

# What imports modules by a name that it computes: the contracts cannot see these imports.
BY_NAME = {
    "minigrad/ops/__init__.py",  # its own files
    "minigrad/backends/registry.py",  # the file of an array's library
    "problems/registry.py",  # the files of a folder, for the four below
    "curveball/solvers/__init__.py",  # its own files
    "curveball/__init__.py",  # the file of a public name, when that is asked for
    "curveball/cli/own_code.py",  # a solver or a network of one's own
    "curveball/training/devices/installed.py",  # the libraries that may be missing
    "curveball/training/devices/cupy.py",  # array-api-compat for them
    "curveball/training/devices/torch.py",
    "curveball/training/devices/jax.py",
}
FOLDERS = (
    "minigrad.ops", "problems.closed_form", "problems.data", "problems.physics_informed", "problems.vision",
    "curveball.solvers",
)  # fmt: skip


def names_called(path):
    """The names of functions and methods that a file calls."""
    called = (node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
    return {getattr(function, "attr", getattr(function, "id", "")) for function in called}


def test_modules_are_imported_by_computed_names_in_few_files():
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    found = {p.relative_to(ROOT).as_posix() for p in files if {"import_module", "__import__"} & names_called(p)}
    assert found == BY_NAME


def test_there_is_no_circle_with_the_files_that_folders_import_by_name():
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    for folder in FOLDERS:
        imports[folder] |= graph.find_children(folder)
    imports["minigrad.backends.registry"] |= {"minigrad.backends.numpy", "minigrad.backends.cupy"}
    graphlib.TopologicalSorter(imports).prepare()  # CycleError, with the circle


PLANTED = {
    "a-problem-in-a-solver": ("curveball/solvers/sgd.py", "import problems"),
    "a-problem-in-a-function-of-a-solver": ("curveball/solvers/sgd.py", "def f():\n    from problems import load"),
    "a-problem-in-a-fit": ("curveball/fitting/search.py", "import problems"),
    "a-solver-in-a-fit": ("curveball/fitting/search.py", "from curveball.solvers.checks import check_positive"),
    "a-fit-in-a-solver": ("curveball/solvers/sgd.py", "from curveball.fitting.box import Box"),
    "a-problem-in-training": ("curveball/training/epoch.py", "from problems.data import load"),
    "a-problem-in-figures": ("curveball/figures/curves.py", "import problems"),
    "a-solver-in-problems": ("problems/vision/layers.py", "from curveball.solvers.sgd import SGD"),
    "a-solver-in-spectra": ("curveball/spectra/lanczos.py", "from curveball.solvers.sgd import SGD"),
    "a-problem-in-uncertainty": ("curveball/uncertainty/likelihoods.py", "import problems"),
    "an-experiment-in-training": ("curveball/training/epoch.py", "import curveball.experiments.sweep"),
    "the-command-in-an-experiment": ("curveball/experiments/sweep.py", "from curveball.cli import names"),
    "an-inside-of-the-engine": ("curveball/training/epoch.py", "from minigrad.trees import tree_map"),
    "an-inside-of-the-networks": ("problems/vision/layers.py", "from minigrad.nn.conv import conv2d"),
    "the-engine-in-itself": ("minigrad/trees.py", "def f():\n    import minigrad as mg"),
    "derivatives-in-a-backend": ("minigrad/backends/numpy.py", "from minigrad.linearization import jvp"),
    "a-circle": ("curveball/solvers/base.py", "from curveball.solvers.registry import solver_from"),
}


@pytest.mark.parametrize("planted", [None, *PLANTED.values()], ids=["as-it-is", *PLANTED])
def test_the_contracts_hold_and_break_where_they_should(planted, tmp_path):
    pytest.importorskip("importlinter", reason="import-linter is not installed: it comes with dev")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    if planted:
        with (tmp_path / planted[0]).open("a") as file:
            file.write(f"\n\n{planted[1]}\n")
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ("0 broken" in done.stdout) is (planted is None), done.stdout + done.stderr
    assert bool(done.returncode) is (planted is not None)
    assert "Contracts: " in done.stdout
