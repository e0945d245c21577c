"""The start page: the map of the course, and the picture of three solvers."""

import doctest
import re
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs" / "extensions"))
import course_map  # noqa: E402  (its folder is put on the path above)
import cover_picture  # noqa: E402

COURSE = course_map.notebooks()


def test_the_example_in_its_docstring():
    assert doctest.testmod(course_map, raise_on_error=True).attempted == 1


def test_every_notebook_is_in_the_map_below_those_that_it_needs():
    assert [f"{n.name}.py" for n in COURSE] == sorted(p.name for p in ROOT.glob("notebooks/sources/[0-9]*.py"))
    above = set()
    for row in course_map.rows(COURSE):
        assert all(set(notebook.needs) <= above for notebook in row)
        above |= {notebook.number for notebook in row}
    assert above == {notebook.number for notebook in COURSE}
    assert all(notebook.needs for notebook in COURSE[1:])


def test_the_map_leads_to_the_notebooks():
    links = re.findall(r'href="([^"]+)"', course_map.html(COURSE))
    assert [(ROOT / "docs" / link).with_suffix(".ipynb").resolve().is_file() for link in links] == [True] * len(COURSE)


def test_a_notebook_without_a_title_is_named(tmp_path):
    (tmp_path / "01_nothing.py").write_text("# **You need** nothing.\n")
    with pytest.raises(ValueError, match=r"01_nothing\.py has no title"):
        course_map.notebooks(tmp_path)


def test_in_the_picture_curveball_arrives_and_the_others_are_on_their_way():
    ends = {name: cover_picture.path(solver) for name, (solver, _) in cover_picture.SOLVERS.items()}
    assert np.abs(ends["CurveBall"][-1] - 1.0).max() < 1e-3
    assert len(ends["CurveBall"]) < 30
    distances = [np.abs(ends[name][-1] - 1.0).max() for name in ("gradient descent", "with momentum")]
    assert distances[0] > distances[1] > 0.1
