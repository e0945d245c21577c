"""The files of the figures: the library is the one that is stated, and every figure has its place in the pages."""

import hashlib
import re
import subprocess
import sys
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


@pytest.mark.parametrize("page", module.PAGES)
def test_pages_name_figures_that_are_there(page):
    assert list((ROOT / page).parent.glob(f"{(ROOT / page).name}.*"))
    assert set(module.PAGES[page]) <= set(module.names())
    assert all(module.title(name) for name in module.PAGES[page])


CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "docs" / "extensions")!r})
extensions = ["myst_parser", "live_figures"]
html_theme = "basic"
"""


def test_only_pages_with_a_figure_load_the_scripts(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text("# Start\n\n```{toctree}\ndocs/playground\ndocs/damping\n```\n")
    (tmp_path / "docs" / "playground.md").write_text("# Play\n\n```{live-figure} damping\n```\n")
    (tmp_path / "docs" / "damping.md").write_text("# Damping\n\nText.\n\n```{live-figure} dampng\n```\n")
    command = [sys.executable, "-m", "sphinx", "-q", str(tmp_path), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "no figure 'dampng' in docs/figures/figures/; there are bowl, conjugate" in done.stderr
    assert done.stderr.count("ERROR") + done.stderr.count("WARNING") == 1
    play, other = ((tmp_path / "out" / "docs" / f"{name}.html").read_text() for name in ("playground", "damping"))
    files = ("d3.min.js", "figures.js", "figures.css")
    assert all(f"_static/{name}" in play and f"_static/{name}" not in other for name in files)
    assert all((tmp_path / "out" / "_static" / name).stat().st_size > 1000 for name in files)
    assert (tmp_path / "out" / "_static" / "d3.LICENSE").is_file()
    assert 'id="figure-damping"' in play
    assert 'href="playground.html#figure-damping">Which directions does λ slow down?</a>' in other
