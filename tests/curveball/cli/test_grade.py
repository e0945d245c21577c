"""`curveball grade`: from a folder of submissions to a table."""

import os

import pytest
from typer.testing import CliRunner

from curveball.cli.app import app
from curveball.cli.grade import chosen
from curveball.course import data
from tests.curveball.course.grading.conftest import SOLUTIONS, hand_in, notebook, small_course  # noqa: F401

pytestmark = pytest.mark.skipif(os.name != "posix", reason="marking needs fork")


@pytest.fixture
def run(hand_in, small_course, monkeypatch):  # noqa: F811
    """The command, on the small course."""
    monkeypatch.setattr(data, "NOTEBOOKS", (small_course,))

    def go(*options):
        return CliRunner().invoke(app, ["grade", str(hand_in.folder), *map(str, options)], prog_name="curveball")

    return go


def test_grade(run, hand_in, tmp_path):  # noqa: F811
    hand_in("ann", notebook(SOLUTIONS))
    out = tmp_path / "marks.csv"
    result = run("--out", out)
    assert result.exit_code == 0, result.output
    assert out.read_text() == "student,1.1,1.2,total,of,look at\nann,1,1,2,2,\n"
    assert (tmp_path / "marks" / "ann.md").exists()
    assert result.stderr == "01_small: 2 exercises, 1 submissions\n"
    assert result.stdout.splitlines()[-1] == f"{out} has the marks, {tmp_path / 'marks'}/ a report for each student (1)"
    assert len(result.stdout.splitlines()) == 2  # the first says what kept the answers in


@pytest.mark.parametrize(("options", "message"), [
    (["--notebooks", "7"], "no notebook of the course begins with '7': there are 01_small"),
    (["--seconds", 0], "--seconds must be at least 1; got 0"),
    (["--total", 0], "--total must be at least 1; got 0"),
    (["--memory", 5], "--memory must be at least 100; got 5"),
])  # fmt: skip
def test_bad_input(run, hand_in, options, message):  # noqa: F811
    hand_in("ann", notebook(SOLUTIONS))
    result = run(*options)
    assert result.exit_code == 2
    assert result.stderr == f"curveball: {message}\n"


def test_nothing_to_mark(run):
    result = run()
    assert result.exit_code == 2
    assert "there is no folder" in result.stderr


def test_not_on_windows(run, monkeypatch):
    monkeypatch.setattr("curveball.cli.grade.os", type("os", (), {"name": "nt"}))
    result = run()
    assert result.exit_code == 2
    assert result.stderr == "curveball: marking needs Linux or macOS: on Windows use it in WSL\n"


def test_a_notebook_is_chosen_by_its_number():
    """1 is the first notebook and not the tenth."""
    names = ["01_linear_maps", "02_transposed", "10_gpu"]
    assert chosen(names, "1") == chosen(names, "01") == chosen(names, "01_lin") == names[:1]
    assert chosen(names, "10, 2") == names[1:]
    assert chosen(names, "") == names
