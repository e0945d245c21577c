"""The lecture plans: one for each notebook, ninety minutes each, and what they name is in the notebook."""

import json
import re

import pytest

from curveball.course.grading.plan import read_plan
from tests.support.notebook_builder import build

TEACHING = build.FOLDER / "teaching"
ROW = re.compile(r"^\| (\d+)–(\d+) \| (.*) \|(.*)\|$", re.MULTILINE)
each_plan = pytest.mark.parametrize("name", [source.stem for source in build.sources()])


def _headings(name):
    cells = json.loads((build.FOLDER / f"{name}.ipynb").read_text("utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    return re.findall(r"^## (.*)$", "\n".join(texts), re.MULTILINE)


def test_there_is_a_plan_for_each_notebook_and_a_project():
    names = {path.stem for path in TEACHING.glob("*.md")}
    assert names == {source.stem for source in build.sources()} | {"project"}


@each_plan
def test_a_lecture_takes_ninety_minutes_without_a_gap(name):
    rows = ROW.findall((TEACHING / f"{name}.md").read_text("utf-8"))
    ends = [int(end) for _, end, _, _ in rows]
    assert [int(start) for start, _, _, _ in rows] == [0, *ends[:-1]]
    assert ends[-1] == 90
    assert len(rows) >= 7


@each_plan
def test_what_a_plan_shows_is_in_the_notebook(name):
    headings = " / ".join(_headings(name)).lower()
    shown = [
        part for *_, show in ROW.findall((TEACHING / f"{name}.md").read_text("utf-8")) for part in show.split("*, *")
    ]
    named = [part.strip("* ").lower() for part in shown if part.strip()]
    assert len(named) >= 6
    assert [part for part in named if part not in headings] == []


@each_plan
def test_every_exercise_is_done_in_class_or_at_home(name):
    text = (TEACHING / f"{name}.md").read_text("utf-8")
    chapter = str(int(name[:2]))
    named = {
        f"{chapter}.{number}"
        for group in re.findall(rf"[Ee]xercises? ((?:{chapter}\.\d(?:, | and )?)+)", text)
        for number in re.findall(rf"{chapter}\.(\d)", group)
    }
    assert named == {exercise.label for exercise in read_plan(build.FOLDER, name).exercises}


@each_plan
def test_a_plan_has_its_parts(name):
    text = (TEACHING / f"{name}.md").read_text("utf-8")
    assert text.startswith(f"# Lecture {int(name[:2])}: ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["The 90 minutes", "Questions that students ask", "Homework"]
    assert f"](../{name}.ipynb)" in text
    assert "**Goal.** At the end a student can " in text
    assert len(re.findall(r"^\*\*.*\?.*\*\*", text, re.MULTILINE)) >= 5


@pytest.mark.parametrize("path", sorted(TEACHING.glob("*.md")), ids=lambda path: path.stem)
def test_links_lead_to_files(path):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text("utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_marks_of_the_project_add_up():
    rows = re.findall(
        r"^\| .* \| .* \| .* \| .* \| (\d) \|$", (TEACHING / "project.md").read_text("utf-8"), re.MULTILINE
    )
    total = re.search(r"^Out of (\d+)\.", (TEACHING / "project.md").read_text("utf-8"), re.MULTILINE)
    assert sum(4 * int(weight) for weight in rows) == int(total[1])
