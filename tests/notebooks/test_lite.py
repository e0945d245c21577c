"""The course for a browser: all notebooks, labelled; dependencies that are there; no import of what Pyodide lacks."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("markdown_it", reason="markdown-it-py is not installed: it comes with the extra site")

from packaging.requirements import Requirement

from tests.support.builders import lite
from tests.support.notebook_builder import build

ROOT = Path(__file__).parents[2]
NAMES = [source.stem for source in build.sources()]


def test_all_notebooks_are_there_with_the_label_first(tmp_path):
    written = lite.write_contents(tmp_path)
    assert written == sorted(tmp_path / part / f"{name}.ipynb" for part in ("", "solutions") for name in NAMES)
    for file in written:
        label, install, *rest = json.loads(file.read_text("utf-8"))["cells"]
        assert "loads Python's packages from the network" in "".join(label["source"])
        assert install["metadata"]["tags"] == ["install"]
        original = json.loads((build.FOLDER / file.relative_to(tmp_path)).read_text("utf-8"))["cells"]
        assert [cell["source"] for cell in rest if cell["cell_type"] == "code"] == [
            cell["source"] for cell in original if cell["cell_type"] == "code"
        ]
        ids = [cell["id"] for cell in (label, install, *rest)]
        assert len(set(ids)) == len(ids)


def test_links_lead_to_files_that_are_there(tmp_path):
    for file in lite.write_contents(tmp_path):
        cells = json.loads(file.read_text("utf-8"))["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        links = [target for _, target, _ in lite.LINK.findall(text)]
        assert [link for link in links if not (file.parent / link).exists()] == []


def test_every_dependency_is_pyodides_or_pure_python_or_not_needed():
    required = [Requirement(text) for text in lite.dependencies()]
    names = {requirement.name for requirement in required}
    assert names <= set(lite.PYODIDE) | set(lite.PURE) | set(lite.NOT_NEEDED)
    assert set(lite.PYODIDE) <= names
    too_old = [r.name for r in required if r.name in lite.PYODIDE and not r.specifier.contains(lite.PYODIDE[r.name])]
    assert too_old == []


def test_the_first_cell_installs_the_package_without_its_dependencies():
    compile(lite.INSTALL.replace("await ", ""), "install", "exec")
    assert 'install("curveball-course", deps=False)' in lite.INSTALL
    assert all(f'"{name}"' in lite.INSTALL for name in (*lite.PYODIDE, *lite.PURE))


IMPORTS = """
from tests.support.like_pyodide import restrict
restrict()
{imports}
import sys, numpy as np
from functools import partial
from curveball import CurveBall
from problems.vision.classification import Classification
from problems import load, network
task = Classification(load("digits"), network("cnn"), batch_size=64)
rng = np.random.default_rng(0)
params, solver = task.init(rng), CurveBall()
state = solver.init(params)
for _ in range(2):
    batch = task.batch(rng)
    model, loss = partial(task.model, batch=batch), partial(task.loss, batch=batch)
    params, state, info = solver.step(params, state, model, loss, has_aux=True)
assert "typer" not in sys.modules
"""


def test_notebooks_import_and_train_without_threads_processes_and_missing_modules():
    imports = set()
    for source in build.sources():
        code = "\n".join(
            "".join(cell["source"])
            for cell in json.loads((build.FOLDER / f"{source.stem}.ipynb").read_text("utf-8"))["cells"]
            if cell["cell_type"] == "code"
        )
        imports |= set(re.findall(r"^(?:import|from) [^(\n]+$", code, re.MULTILINE))
    assert len(imports) > 40
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    program = IMPORTS.format(imports="\n".join(sorted(imports)))
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_the_pages_are_built(tmp_path):
    pytest.importorskip("jupyterlite_core", reason="JupyterLite is not installed: it comes with the extra lite")
    pytest.importorskip(
        "jupyterlite_pyodide_kernel", reason="its kernel is not installed: it comes with the extra lite"
    )
    lite.build(tmp_path / "pages")
    assert {path.stem for path in (tmp_path / "pages" / "files").glob("*.ipynb")} == set(NAMES)
    index = json.loads((tmp_path / "pages" / "pypi" / "all.json").read_text("utf-8"))
    assert "curveball-course" in index
