"""`import curveball`: light, lazy, and complete for readers, for tools and for type checkers."""

import ast
import dataclasses
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import pytest

import curveball


def test_importing_the_package_imports_no_array_library():
    program = "import curveball, sys; print(*sorted({'numpy', 'scipy', 'minigrad'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize("name", curveball.__all__)
def test_every_name_is_there(name):
    assert getattr(curveball, name).__name__ == name
    assert name in dir(curveball)


def test_names_of_the_list_the_files_and_the_type_checkers_agree():
    lazy = {(file, name) for file, names in curveball._FILES.items() for name in names}
    assert sorted(name for _, name in lazy) == sorted(curveball.__all__)
    imports = {
        (node.module.removeprefix("curveball."), alias.name)
        for node in ast.walk(ast.parse(Path(curveball.__file__).read_text()))
        if isinstance(node, ast.ImportFrom) and node.module.startswith("curveball.")
        for alias in node.names
    }
    assert imports == lazy


def test_help_lists_them():
    text = pydoc.plain(pydoc.render_doc(curveball))
    assert all(f"class {name}" in text or f"{name}(" in text for name in curveball.__all__)


@pytest.mark.parametrize("name", [n for n in curveball.__all__ if dataclasses.is_dataclass(getattr(curveball, n))])
def test_hyper_parameters_are_documented_one_by_one_with_their_defaults(name):
    solver = getattr(curveball, name)
    lines = [line.strip() for line in solver.__doc__.splitlines() if line.strip().startswith("- `")]
    assert len(lines) == len(dataclasses.fields(solver))
    for line, field in zip(lines, dataclasses.fields(solver), strict=True):
        parameter, value = re.match(r"- `(\w+)` = ([^ :;]+)", line).groups()
        assert (parameter, ast.literal_eval(value.rstrip("."))) == (field.name, field.default)


def test_a_name_that_there_is_not():
    with pytest.raises(AttributeError, match="'curveball' has no attribute 'Curveball': it has BFGS, "):
        _ = curveball.Curveball
    with pytest.raises(ImportError, match="cannot import name 'Curveball'"):
        from curveball import Curveball  # noqa: F401
