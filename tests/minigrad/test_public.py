"""What `import minigrad` gives: a list of names, documented, and nothing else."""

import importlib
import inspect
import json
import os
import pkgutil
import pydoc
import subprocess
import sys

import pytest

import minigrad as mg
from tests.support.packages import copy_with_files, run

MODULES = {m.name: importlib.import_module(m.name) for m in pkgutil.walk_packages(mg.__path__, "minigrad.")
           if m.name != "minigrad.backends.cupy"}  # fmt: skip
OPERATIONS = {name: module for name, module in MODULES.items() if hasattr(module, "__all__") and ".ops." in name}
FUNCTIONS = [name for name in mg.__all__ if inspect.isroutine(getattr(mg, name))]


def test_all_is_what_is_public():
    public = {n for n, value in vars(mg).items() if not n.startswith("_") and not inspect.ismodule(value)}
    assert {*mg.__all__} - {"linalg", "nn"} == public
    assert len(mg.__all__) == len(set(mg.__all__))
    assert inspect.ismodule(mg.linalg)
    assert inspect.ismodule(mg.nn)
    assert mg.__version__.split(".")[0].isdigit()
    assert dir(mg) == sorted([*mg.__all__, "__version__"])


def test_the_names_that_users_rely_on():
    for name in (
        "linearize", "jvp", "vjp", "grad", "value_and_grad", "jacobian", "hessian", "hvp", "ggnvp", "HessianOperator",
        "GGNOperator", "check_derivatives", "primitive", "stop_gradient", "tree_map", "tree_flatten", "to_numpy",
        "exp", "tanh", "sum", "matmul", "where", "float32", "pi", "nn", "linalg", "Array", "Tree", "LinearMap",
    ):  # fmt: skip
        assert name in mg.__all__, name
    assert "set_operators" not in mg.__all__


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_file_of_operations_lists_what_it_defines(name):
    """Public are the operations; what other files need of it beyond them is documented too."""
    module = OPERATIONS[name]
    for n in module.__all__:
        value = getattr(module, n)
        assert not inspect.isfunction(value) or value.__module__.startswith("minigrad.ops"), n
        if not name.endswith(".linalg"):  # a namespace of its own
            assert getattr(mg, n) is value
    defined = [v for n, v in vars(module).items() if inspect.isfunction(v) and v.__module__ == name and n[0] != "_"]
    assert [f.__name__ for f in defined if not inspect.getdoc(f)] == []


MINE = '''"""Operations in a file of their own."""
from minigrad.linear_maps import Scale
from minigrad.ops.piecewise import abs
from minigrad.primitives import primitive

__all__ = ["softsign"]

@primitive(lambda y, x: Scale((1.0 - abs(y)) ** 2))
def softsign(x):
    """`x / (1 + abs(x))`, elementwise."""
    return x / (1.0 + abs(x))
'''


def test_a_new_file_of_operations_is_found(tmp_path):
    root = copy_with_files(tmp_path, {"minigrad/ops/mine.py": MINE})
    code = (
        "import minigrad as mg; from minigrad import *; mg.check_derivatives(softsign, 2.0);"
        "print(mg.softsign is softsign, 'softsign' in mg.__all__, len(mg.__all__))"
    )
    assert run(root, code).split() == ["True", "True", str(len(mg.__all__) + 1)]


def test_every_public_function_and_class_says_what_it_is():
    for owner, names in ((mg, mg.__all__), (mg.linalg, mg.linalg.__all__), (mg.nn, mg.nn.__all__)):
        for name in names:
            value = getattr(owner, name)
            if callable(value):
                text = inspect.getdoc(value)
                assert text, f"{owner.__name__}.{name}"
                assert text[0].isupper() or not text[0].isalpha(), f"{owner.__name__}.{name}: {text}"


def test_operations_keep_their_names_and_signatures():
    for name in FUNCTIONS:
        function = getattr(mg, name)
        assert function.__name__ == name
        assert function.__module__.startswith("minigrad.")
    assert str(inspect.signature(mg.tanh)) == "(x: 'Array') -> 'Array'"
    assert list(inspect.signature(mg.zeros).parameters) == ["shape", "dtype", "device"]


def test_help_lists_the_functions():
    page = pydoc.render_doc(mg, renderer=pydoc.plaintext)
    listed = page[page.index("\nFUNCTIONS\n") : page.index("\nDATA\n")]
    for name in FUNCTIONS:
        assert f"\n    {name}(" in listed, name
        assert inspect.getdoc(getattr(mg, name)).splitlines()[0] in listed, name
    assert len(page.splitlines()) < 2000, "help(minigrad) should be about minigrad"


def test_no_module_has_the_name_of_a_function():
    for name in MODULES:
        package, _, last = name.rpartition(".")
        assert inspect.ismodule(getattr(importlib.import_module(package), last)), name
        assert last not in FUNCTIONS, name


def test_the_import_sets_no_environment_variable_and_loads_numpy_alone():
    code = (
        "import os, sys, json; before = dict(os.environ); import minigrad; "
        "loaded = {m.split('.')[0] for m in sys.modules} & {'scipy', 'cupy', 'torch', 'matplotlib', 'curveball', "
        "'problems'}; print(json.dumps([before == dict(os.environ), sorted(loaded)]))"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS", "OMP", "MKL"))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert json.loads(done.stdout) == [True, []]


def test_a_variable_answers_with_the_public_functions():
    def f(x):
        assert x.__array_namespace__() is mg
        return mg.sum(x)

    mg.grad(f)(1.0)
