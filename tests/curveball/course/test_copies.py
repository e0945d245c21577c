"""The learner's copies: all there, never overwritten, no link broken, in a checkout and in an installed package."""

import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest

from curveball.course import copies, data
from curveball.course.copies import write_copies

NAMES = sorted(path.name for path in data.notebooks().glob("[0-9]*.ipynb"))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The course's files as a wheel lays them out, with no checkout around them."""
    site = tmp_path / "site packages"
    here = site / "curveball" / "course"
    shutil.copytree(
        data.CHECKOUT / "notebooks", here / "notebooks", ignore=shutil.ignore_patterns("sources", "build.py")
    )
    shutil.copytree(data.CHECKOUT / "studies" / "results", here / "results")
    for package in ("minigrad", "problems", "curveball"):
        shutil.copytree(data.CHECKOUT / package, site / package, dirs_exist_ok=True)
    monkeypatch.setattr(data, "HERE", here)
    monkeypatch.setattr(data, "CHECKOUT", site)
    monkeypatch.setattr(data, "NOTEBOOKS", (here / "notebooks", site / "notebooks"))
    return site


def _texts(notebook):
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]


def _links(folder):
    """Each relative link of the copies, as the copy and its target."""
    for notebook in folder.rglob("*.ipynb"):
        for text in _texts(notebook):
            for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]*[./][^)#\s]*)", text):
                yield notebook, unquote(target)


def _check(folder):
    links = list(_links(folder))
    broken = [f"{notebook.name}: {target}" for notebook, target in links if not (notebook.parent / target).exists()]
    assert broken == []
    assert len(links) > 50
    return [Path(target).name for _, target in links]


def test_the_notebooks_and_their_solutions_are_written(tmp_path):
    folder = tmp_path / "new" / "course"
    written = write_copies(folder)
    assert len(NAMES) == 10
    assert written == sorted(folder / part / name for part in ("", "solutions") for name in NAMES)
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == written


def test_no_copy_is_overwritten(tmp_path):
    write_copies(tmp_path)
    mine, gone = tmp_path / NAMES[0], tmp_path / "solutions" / NAMES[1]
    mine.write_text("my answers")
    gone.unlink()
    assert write_copies(tmp_path) == [gone]
    assert mine.read_text() == "my answers"


def test_links_hold_with_a_checkout(tmp_path):
    write_copies(tmp_path)
    assert "test_05_gauss_newton.py" in _check(tmp_path)


def test_links_hold_without_a_checkout(tmp_path, installed):
    folder = tmp_path / "my course"
    write_copies(folder)
    targets = _check(folder)
    assert "curvature.py" in targets
    assert not any(target.startswith("test_") for target in targets)


@pytest.mark.parametrize(("link", "expected"), [
    ("[next](02_b.ipynb#part)", "[next](02_b.ipynb#part)"),
    ("[the\nsolution](solutions/01_a.ipynb)", "[the\nsolution](solutions/01_a.ipynb)"),
    ("[`sgd`](../curveball/solvers/sgd.py#L3)", "[`sgd`](../site%20packages/curveball/solvers/sgd.py#L3)"),
    ("[all](../studies/results/averaging.md)", "[all](../site%20packages/curveball/course/results/averaging.md)"),
    ("([derivation](../tests/derivations/test_14_damping.py))", "(derivation)"),
    ("[the\nderivations](../tests/derivations/README.md)", "the\nderivations"),
    ("[`a[0]`](../tests/a.py), [paper](https://arxiv.org/a.b)", "`a[0]`, [paper](https://arxiv.org/a.b)"),
])  # fmt: skip
def test_links_of_each_kind(tmp_path, installed, link, expected):
    original = installed / "curveball" / "course" / "notebooks" / "01_linear_maps.ipynb"
    original.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": [f"See {link}.\n", "End"]}]}))
    write_copies(tmp_path / "mine")
    assert _texts(tmp_path / "mine" / "01_linear_maps.ipynb") == [f"See {expected}.\nEnd"]


def test_links_of_solutions_lead_one_folder_up(tmp_path, installed):
    original = installed / "curveball" / "course" / "notebooks" / "solutions" / "01_linear_maps.ipynb"
    text = "[code](../../minigrad/trees.py), [exercise](../01_linear_maps.ipynb)"
    original.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": text}]}))
    write_copies(tmp_path / "mine")
    assert _texts(tmp_path / "mine" / "solutions" / "01_linear_maps.ipynb") == [
        "[code](../../site%20packages/minigrad/trees.py), [exercise](../01_linear_maps.ipynb)"
    ]


def test_only_links_change_and_what_the_copy_was_made_of_is_noted(tmp_path):
    write_copies(tmp_path)
    original, copy = ([json.loads((f / n).read_text("utf-8")) for n in NAMES] for f in (data.notebooks(), tmp_path))
    for old, new in zip(original, copy, strict=True):
        del new["metadata"]["curveball"]
        for notebook in (old, new):
            for cell in notebook["cells"]:
                cell["metadata"].pop("curveball", None)
                if cell["cell_type"] == "markdown":
                    source = "".join(cell["source"])
                    cell["source"] = copies.LINK.sub(lambda link: link[1], source)
        assert old == new


@pytest.mark.parametrize(
    "text", ["`maps(a)[0](t)`", "$J[x](u)$", "![picture](figure.png)", "[paper](https://arxiv.org/a)"]
)
def test_what_is_no_link_to_a_file_is_left(text):
    assert copies.LINK.search(text) is None


def test_a_file_in_the_way_is_named(tmp_path):
    file = tmp_path / "course"
    file.write_text("")
    with pytest.raises(ValueError, match=rf"^cannot write the course to {re.escape(str(file))}: [^\n]+$"):
        write_copies(file)


def test_a_full_disk_leaves_no_half_of_a_notebook(tmp_path, monkeypatch):
    def full(self, *_, **__):
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ValueError, match="No space left on device"):
        write_copies(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_missing_notebooks_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "NOTEBOOKS", (tmp_path / "a", tmp_path / "b"))
    with pytest.raises(FileNotFoundError, match=r"there are no notebooks in .*a or .*b"):
        write_copies(tmp_path)


def test_missing_results_are_named():
    with pytest.raises(FileNotFoundError, match=r"there is no result 'table9.json' in .*results"):
        data.committed("table9.json")
