"""The first cell of the notebook for GPUs: it installs nothing where the package is, and replaces no package ever."""

import subprocess
import zipfile

import jupytext
import numpy as np
import pytest

from tests.support.notebook_builder import build

CELL = next(cell.source for cell in jupytext.read(build.FOLDER / "sources/10_gpu.py").cells if cell.cell_type == "code")


@pytest.fixture
def names(monkeypatch, capsys):
    """What the cell defines, run where the package is."""
    monkeypatch.setattr(subprocess, "run", lambda *command, **options: pytest.fail("something was installed"))
    found = {"__name__": "cell"}
    exec(CELL, found)
    assert capsys.readouterr().out.startswith("curveball ")
    monkeypatch.undo()
    return found


@pytest.fixture
def dry_pip(monkeypatch):
    """pip without the network, which only says what it would do."""
    pytest.importorskip("pip", reason="pip is not installed")
    for name in ("PIP_NO_INDEX", "PIP_DRY_RUN", "PIP_DISABLE_PIP_VERSION_CHECK"):
        monkeypatch.setenv(name, "1")


def wheel(folder, needs):
    """The smallest wheel there is, which needs another package."""
    path = folder / "strange_course-1.0-py3-none-any.whl"
    info = "strange_course-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: strange-course\nVersion: 1.0\n{needs}\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
    return str(path)


def test_what_fits_is_installed(names, dry_pip, tmp_path):
    names["install"](wheel(tmp_path, "Requires-Dist: numpy>=2.1"))


def test_what_needs_another_numpy_is_refused(names, dry_pip, tmp_path):
    with pytest.raises(SystemExit) as refused:
        names["install"](wheel(tmp_path, "Requires-Dist: numpy<2.0"))
    said = str(refused.value)
    assert "numpy<2.0" in said.replace(" ", "")
    assert f"numpy=={np.__version__}" in said
    assert "Nothing was changed" in said


def test_a_package_of_the_same_name_is_not_taken_for_ours(names, tmp_path, monkeypatch):
    (tmp_path / "curveball").mkdir()
    (tmp_path / "curveball" / "__init__.py").write_text("")
    assert names["is_here"]()
    monkeypatch.setattr(
        names["importlib"].util,
        "find_spec",
        lambda name: type("Spec", (), {"origin": str(tmp_path / name / "__init__.py")}),
    )
    assert not names["is_here"]()
    monkeypatch.setattr(names["importlib"].util, "find_spec", lambda name: None)
    assert not names["is_here"]()
