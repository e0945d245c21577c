"""The files of the figures: the library is the one that is stated, and every figure has its place in the pages."""

import hashlib
import re
from pathlib import Path

import pytest

from tests.support import figure_page

ROOT = Path(__file__).parents[3]
module = figure_page.live_figures()


def test_the_library_is_the_one_that_is_stated():
    stated = (module.LIBRARY.parent / "README.txt").read_text()
    assert hashlib.sha256(module.LIBRARY.read_bytes()).hexdigest() in stated
    version = re.search(r"v([0-9.]+) ", module.LIBRARY.read_text("utf-8")[:60])[1]
    assert stated.startswith(f"D3 {version},")
    assert "Permission to use" in module.LIBRARY.with_name("d3.LICENSE").read_text()


def test_every_file_is_in_the_script_and_short():
    files = [path for path in module.FOLDER.rglob("*.js") if path != module.LIBRARY]
    script = module.script()
    for path in files:
        text = path.read_text("utf-8")
        assert text in script, path
        assert len(text.splitlines()) < 200, path
        assert max(map(len, text.splitlines())) <= 120, path
        assert "http" not in text.replace("http://www.w3.org/2000/svg", ""), path  # no network


def test_what_is_computed_needs_no_page():
    assert not re.search(r"\b(document|window|d3)\b", module.maths())


def test_the_playground_shows_every_figure_once_with_a_text():
    page = (ROOT / "docs" / "playground.md").read_text("utf-8")
    shown = re.findall(r"```\{live-figure\} (\w+)\n```", page)
    assert sorted(shown) == module.names()
    for section in page.split("\n## ")[1:]:
        text = section.partition("\n")[2].partition("```")[0]
        assert 100 < len(text) < 700


@pytest.mark.parametrize("notebook", module.NOTEBOOKS)
def test_notebooks_name_figures_that_are_there(notebook):
    assert (ROOT / "notebooks" / f"{notebook}.ipynb").is_file()
    assert set(module.NOTEBOOKS[notebook]) <= set(module.names())
    assert all(module.title(name) for name in module.NOTEBOOKS[notebook])
