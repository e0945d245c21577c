"""Marks of honest submissions: which cells answer, what counts, what is written."""

import csv
import json
import os

import pytest

from curveball.course.grading.marks import Limits, Mark, Worker, grade
from curveball.course.grading.plan import read_plan
from curveball.course.grading.reports import report, write_marks
from curveball.course.grading.submissions import Student, answers, find_students
from tests.curveball.course.grading.conftest import BLANKS, CHECKS, SOLUTIONS, notebook

pytestmark = pytest.mark.skipif(os.name != "posix", reason="marking needs fork")
WRONG = "def double(x):\n    return x"
HELPER = "def twice(x):\n    rng.standard_normal(5)\n    return 2 * x\nx = np = half = None"


def with_answer(answer, **options):
    return notebook({"1.1": answer, "1.2": SOLUTIONS["1.2"]}, **options)


def doubled():
    """Two cells with the tag for one exercise, as when a learner copies the cell: the last one counts."""
    both = json.loads(with_answer(SOLUTIONS["1.1"]))
    (place,) = [k for k, cell in enumerate(both["cells"]) if cell["source"] == SOLUTIONS["1.1"]]
    both["cells"].insert(place, {**both["cells"][place], "source": WRONG})
    return json.dumps(both)


SUBMISSIONS = {  # and the marks for 1.1 and 1.2
    "solved": (notebook(SOLUTIONS), 1, 1),
    "blank": (notebook(BLANKS), 0, 0),
    "first wrong": (with_answer(WRONG), 0, 1),  # what builds on it is marked with the course's answer
    "second wrong": (notebook({"1.1": SOLUTIONS["1.1"], "1.2": "quadruple = half"}), 1, 0),
    "a helper, with names that the checkpoint uses": (
        with_answer("def double(x):\n    return twice(x)", extra={"1.1": HELPER}), 1, 1),
    "numbers drawn": (with_answer("rng.standard_normal(7)\n" + SOLUTIONS["1.1"]), 1, 1),
    "no tags": (with_answer(SOLUTIONS["1.1"], tags=False), 1, 1),
    "the exercise twice": (doubled(), 1, 1),
    "one exercise left out": (notebook({"1.2": SOLUTIONS["1.2"]}), 0, 1),
    "a thread left running": (
        with_answer("import threading\nthreading.Thread(target=threading.Event().wait).start()\n" + SOLUTIONS["1.1"]),
        1, 1),
    "own subclasses": (with_answer("class A(np.ndarray): pass\ndef double(x):\n    return "
        "(2 * x).view(A) if isinstance(x, np.ndarray) else 2 * x"), 1, 1),
    "half of the checkpoints": (with_answer("def double(x):\n    return 2.0 * x"), 0, 1),
    "no notebook": ("{", 0, 0),
    "another notebook": (json.dumps({"cells": []}), 0, 0),
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory, small_course):
    folder = tmp_path_factory.mktemp("submissions")
    for name, (text, _, _) in SUBMISSIONS.items():
        (folder / name).mkdir()
        (folder / name / "01_small.ipynb").write_text(text)
    lines = []
    result = grade(folder, small_course, ["01_small"], Limits(), lines.append)
    assert lines == [f"01_small: 2 exercises, {len(SUBMISSIONS)} submissions"]
    return result


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_marks(run, name):
    mine = run[1][name]
    assert (mine["1.1"].passed, mine["1.2"].passed) == SUBMISSIONS[name][1:], mine


def test_reasons(run):
    marks = run[1]
    assert marks["blank"]["1.1"].why.startswith("not attempted")
    assert marks["first wrong"]["1.1"].why.splitlines()[-1] == "  likely:   a factor"
    assert marks["half of the checkpoints"]["1.1"].why.startswith("checkpoint 1.1, text is not passed")
    assert marks["no notebook"]["1.1"].why == "the file cannot be read"
    assert marks["solved"]["1.1"].why == ""


def test_the_table_and_the_reports(run, tmp_path):
    labels, marks, students, _ = run
    out, reports = tmp_path / "new" / "marks.csv", tmp_path / "reports"
    for _ in range(2):
        write_marks(out, reports, labels, marks, students)
    rows = list(csv.reader(out.read_text("utf-8").splitlines()))
    assert rows[0] == ["student", "1.1", "1.2", "total", "of", "look at"]
    assert ["first wrong", "0", "1", "1", "2", ""] in rows
    assert ["a thread left running", "1", "1", "2", "2", "1.1"] in rows
    assert len(rows) == 1 + len(SUBMISSIONS)
    assert (tmp_path / "new" / "marks-before.csv").read_text() == out.read_text()
    text = (reports / "first_wrong.md").read_text("utf-8")
    assert text.startswith("# first wrong\n\n1 of 2 exercises passed.\n")
    assert "## Exercise 1.1: more of it: not passed" in text
    assert f"```python\n{WRONG}\n```" in text


def test_a_name_is_no_formula_and_an_answer_ends_no_fence(tmp_path):
    student = Student("=1+1")
    marks = {"=1+1": {"1.1": Mark("1.1", "", why="no", answer='"""```"""')}}
    write_marks(tmp_path / "marks.csv", tmp_path / "r", ["1.1"], marks, [student])
    assert (tmp_path / "marks.csv").read_text().splitlines()[1].startswith("'=1+1,0")
    assert '````python\n"""```"""\n````' in report(student, list(marks["=1+1"].values()))


def test_marks_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="cannot write the marks: "):
        write_marks(tmp_path / "file" / "marks.csv", tmp_path / "r", [], {}, [])


def test_the_time_of_a_student_is_limited_in_all(hand_in, small_course):
    slow = "import time\ntime.sleep(0.3)\n"
    hand_in("ann", notebook({label: slow + text for label, text in SOLUTIONS.items()}))
    _, marks, _, _ = grade(hand_in.folder, small_course, ["01_small"], Limits(total=0.2), lambda line: None)
    assert "took more than" in marks["ann"]["1.1"].why
    assert marks["ann"]["1.2"].why == "not run: all the seconds of this student are used up"


def test_a_course_that_does_not_run_is_no_fault_of_a_student(hand_in, tmp_path, small_course):
    course = tmp_path / "course"
    (course / "solutions").mkdir(parents=True)
    broken = {**SOLUTIONS, "1.1": "def double(x):\n    return 3 * x"}
    (course / "01_small.ipynb").write_text(notebook(BLANKS))
    (course / "solutions" / "01_small.ipynb").write_text(notebook(broken))
    hand_in("ann", notebook(SOLUTIONS))
    with pytest.raises(ValueError, match=r"^01_small: the course's own cells do not run here: CheckpointFailed"):
        grade(hand_in.folder, course, ["01_small"], Limits(), lambda line: None)


# ------------------------------------------------------------------------------------- files


def test_files_by_folder_and_by_name(hand_in):
    hand_in("ann", "{}")
    hand_in("bob/attempt 2", "{}", "my 01_small (1).ipynb")
    hand_in(".", "{}", "carl_01_small.ipynb")
    hand_in("dora", "{}", "homework.ipynb")
    hand_in("ann/before-update", "{}")
    hand_in("ann/.ipynb_checkpoints", "{}")
    hand_in("ann/solutions", "{}")
    students = {student.name: student for student in find_students(hand_in.folder, ["01_small"])}
    assert list(students) == ["ann", "bob", "carl", "dora"]
    assert students["ann"].files == {"01_small": hand_in.folder / "ann" / "01_small.ipynb"}
    assert students["bob"].files["01_small"].name == "my 01_small (1).ipynb"
    assert students["carl"].notes == []
    assert students["dora"].notes == ["dora/homework.ipynb: not a notebook of the course by its name"]


def test_the_later_of_two_files_is_marked(hand_in):
    new, old = hand_in("ann", "{}", "01_small.ipynb"), hand_in("ann", "{}", "01_small-2.ipynb")
    os.utime(old, (1, 1))
    (student,) = find_students(hand_in.folder, ["01_small"])
    assert student.files == {"01_small": new}
    assert student.notes[1] == "not marked: ann/01_small-2.ipynb"


def test_links_are_not_followed(hand_in, small_course):
    hand_in("ann", "{}")
    (hand_in.folder / "bob").mkdir()
    (hand_in.folder / "bob" / "01_small.ipynb").symlink_to(small_course / "solutions" / "01_small.ipynb")
    (hand_in.folder / "eve").symlink_to(small_course)
    assert [student.name for student in find_students(hand_in.folder, ["01_small"])] == ["ann"]


@pytest.mark.parametrize(("make", "match"), [(False, "there is no folder"), (True, "there are no notebooks in")])
def test_nothing_to_mark(tmp_path, make, match):
    folder = tmp_path / "submissions"
    if make:
        folder.mkdir()
    with pytest.raises(ValueError, match=match):
        find_students(folder, ["01_small"])


def test_no_notebook_of_the_course(hand_in, small_course):
    hand_in("dora", "{}", "homework.ipynb")
    with pytest.raises(ValueError, match=r"has the name of one of the course's: 01_small$"):
        grade(hand_in.folder, small_course, ["01_small"], Limits(), lambda line: None)


# ------------------------------------------------------------------------------------- the course's notebooks


def test_every_exercise_of_the_course_has_a_label_and_a_checkpoint():
    from curveball.course.data import notebooks

    names = [path.stem for path in sorted(notebooks().glob("[0-9]*.ipynb"))]
    plans = [read_plan(notebooks(), name) for name in names]
    labels = [exercise.label for plan in plans for exercise in plan.exercises]
    assert len(labels) == len(set(labels)) >= 42
    for plan in plans:
        solved = answers(plan, notebooks() / "solutions" / f"{plan.name}.ipynb")
        assert solved == [[exercise.solution] for exercise in plan.exercises]
        assert answers(plan, notebooks() / f"{plan.name}.ipynb") == [None] * len(plan.exercises)
        for exercise in plan.exercises:
            assert exercise.names
            assert exercise.title.startswith("Exercise ")
            assert exercise.label in exercise.title


def test_cells_before_an_exercise_are_the_courses_without_checkpoints_of_exercises(small_course):
    first, second = read_plan(small_course, "01_small").exercises
    assert len(first.before) == 1
    assert second.before == ()
    assert first.check == CHECKS["1.1"]
    assert first.title == "Exercise 1.1: more of it"


def test_the_solution_of_a_notebook_gets_full_marks(hand_in):
    from curveball.course.data import notebooks

    source = notebooks()
    hand_in("ann", (source / "solutions" / "01_linear_maps.ipynb").read_text("utf-8"), "01_linear_maps.ipynb")
    labels, marks, _, _ = grade(hand_in.folder, source, ["01_linear_maps"], Limits(), lambda line: None)
    assert len(labels) >= 5
    assert all(mark.passed for mark in marks["ann"].values()), marks


def test_the_course_finds_no_gpu_and_nothing_that_starts_threads(tmp_path):
    """What forks for every answer must have one thread, and marks must not depend on the machine."""
    worker = Worker(tmp_path, [], Limits())
    try:
        worker.ask("run", code="from curveball.training.devices import backend_facts\nfacts = backend_facts()")
        worker.ask("run", code="assert 'not installed' in facts['jax']['reason'], facts['jax']")
        worker.ask("run", code="assert 'devices' not in facts['cupy'], facts['cupy']")
        worker.ask("run", code="assert facts['torch'].get('devices', ['cpu']) == ['cpu'], facts['torch']")
    finally:
        worker.close()
