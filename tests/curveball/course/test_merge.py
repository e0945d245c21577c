"""A learner's copy and a newer course: everything new comes in, and nothing of the learner's is lost."""

import copy
import json
import random
import shutil

import nbformat
import pytest

from curveball.course import data
from curveball.course.copies import older_copies, update_copies, write_copies
from curveball.course.merge import QUOTE, cell_keys, is_older, merge, record, text_of

INTRO = ("markdown", "# A course\n\nRead this first.")
SETUP = ("code", "import numpy as np\nrng = np.random.default_rng(0)")
TASK = ("markdown", "### Exercise 1.1: double it\n\nReturn twice the number.")
BLANK = ("code", "def double(x):\n    raise NotImplementedError  # your turn", "exercise")
CHECK = ("code", "checkpoint('1.1', lambda: double(2), 4)", "checkpoint")
END = ("markdown", "## Where you are\n\nAt the end.")
OLD = [INTRO, SETUP, TASK, BLANK, CHECK, END]


def cell(kind, text, *tags, **more):
    return {"cell_type": kind, "source": text, "metadata": {"tags": list(tags)} if tags else {}, **more}


def course(cells):
    """A copy as `write_copies` makes it."""
    cells = [{**cell(*parts), "id": f"cell-{k}"} for k, parts in enumerate(cells)]
    for each in cells:
        if each["cell_type"] == "code":
            each |= {"outputs": [], "execution_count": None}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    return record(notebook, cell_keys(notebook))


def texts(notebook):
    nbformat.validate(notebook)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    return [text_of(cell) for cell in notebook["cells"]]


def edited(notebook, k, text):
    notebook["cells"][k]["source"] = text
    return notebook


ANSWER = "def double(x):\n    return 2 * x"


def test_the_course_as_it_was_changes_nothing():
    mine = edited(course(OLD), 3, ANSWER)
    mine["cells"].insert(4, cell("code", "double(3)", id="own", outputs=[], execution_count=None))
    before = copy.deepcopy(mine)
    assert not is_older(mine, course(OLD))
    assert merge(mine, course(OLD)) == before == mine


def test_new_text_and_new_exercises_come_in_and_answers_stay():
    new = [INTRO, SETUP, ("markdown", TASK[1] + " Zero too."), BLANK, CHECK,
           ("markdown", "### Exercise 1.2"), ("code", "def triple(x): ...", "exercise"), END]  # fmt: skip
    mine = edited(course(OLD), 3, ANSWER)
    assert is_older(mine, course(new))
    merged = merge(mine, course(new))
    assert texts(merged) == [INTRO[1], SETUP[1], TASK[1] + " Zero too.", ANSWER, CHECK[1], "### Exercise 1.2",
                             "def triple(x): ...", END[1]]  # fmt: skip
    assert not is_older(merged, course(new))
    assert merge(merged, course(new)) == merged


def test_an_exercise_that_both_have_changed_keeps_the_answer_and_quotes_the_new_blank():
    blank = 'def double(x):\n    """Twice x."""\n    raise NotImplementedError  # your turn'
    new = [*OLD[:3], ("code", blank, "exercise", "hide-input"), *OLD[4:]]
    merged = merge(edited(course(OLD), 3, ANSWER), course(new))
    found = texts(merged)
    assert found[:3] + found[5:] == [part[1] for part in OLD[:3] + OLD[4:]]
    assert found[3] == f"{QUOTE}\n\n```python\n{blank}\n```"
    assert found[4] == ANSWER
    assert merged["cells"][4]["metadata"]["tags"] == ["exercise", "hide-input"]
    assert merge(merged, course(new)) == merged  # asked once
    assert texts(merge(merged, course(OLD))).count(ANSWER) == 1


def test_a_text_that_both_have_changed_stands_twice():
    note = TASK[1] + "\n\nMy note: use 2 * x."
    merged = merge(edited(course(OLD), 2, note), course([*OLD[:2], ("markdown", TASK[1] + " New."), *OLD[3:]]))
    assert texts(merged)[2:4] == [TASK[1] + " New.", note]


def test_only_new_tags_ask_nothing():
    new = [*OLD[:3], (*BLANK, "hide-input"), *OLD[4:]]
    mine = edited(course(OLD), 3, ANSWER)
    assert is_older(mine, course(new))
    merged = merge(mine, course(new))
    assert texts(merged) == texts(mine)
    assert merged["cells"][3]["metadata"]["tags"] == ["exercise", "hide-input"]


def test_cells_of_ones_own_stay_behind_the_cell_they_stood_behind():
    mine = course(OLD)
    for place, text in [(6, "last"), (4, "after the exercise"), (1, "after the intro"), (0, "first")]:
        mine["cells"].insert(place, cell("markdown", text, id=f"own-{place}"))
    new = [("markdown", "# Quite another beginning"), *OLD[1:3], BLANK, ("markdown", "between"), *OLD[4:]]
    found = texts(merge(mine, course(new)))
    assert found[0] == "first"
    assert found.index("after the exercise") == found.index(BLANK[1]) + 1
    assert found[-2:] == [END[1], "last"]
    assert {"after the intro", "between", "# Quite another beginning"} < set(found)
    assert INTRO[1] not in found


def test_a_cell_that_was_copied_with_its_metadata_is_the_learners():
    mine = course(OLD)
    mine["cells"].insert(4, {**copy.deepcopy(mine["cells"][3]), "id": "again", "source": "double = abs"})
    found = texts(merge(mine, course([*OLD, ("markdown", "more")])))
    assert found[3:5] == [BLANK[1], "double = abs"]
    assert found[-1] == "more"


def test_a_deleted_cell_comes_back_only_if_it_has_changed():
    mine = course(OLD)
    del mine["cells"][5], mine["cells"][0]
    assert texts(merge(mine, course([*OLD, ("markdown", "more")]))) == [*[p[1] for p in OLD[1:5]], "more"]
    assert END[1] + "!" in texts(merge(mine, course([*OLD[:5], ("markdown", END[1] + "!")])))


def test_what_the_course_has_dropped_goes_unless_it_was_edited():
    mine = edited(course(OLD), 3, ANSWER)
    mine["cells"].insert(5, cell("code", "my_own()", id="own", outputs=[], execution_count=None))
    found = texts(merge(mine, course([INTRO, SETUP])))
    assert found == [INTRO[1], SETUP[1], ANSWER, "my_own()"]


def test_outputs_of_untouched_cells_stay():
    mine = course(OLD)
    output = {"output_type": "stream", "name": "stdout", "text": "passed\n"}
    mine["cells"][4] |= {"outputs": [output], "execution_count": 7}
    merged = merge(mine, course([("markdown", "# New"), *OLD[1:]]))
    assert merged["cells"][4]["outputs"] == [output]


def without_record(notebook):
    notebook["metadata"].pop("curveball")
    for each in notebook["cells"]:
        each["metadata"].pop("curveball", None)
    return notebook


def test_a_copy_without_hashes():
    mine = without_record(edited(course(OLD), 3, ANSWER))
    assert not is_older(mine, course(OLD))
    new = course([("markdown", "# A course\n\nRead this twice."), *OLD[1:], ("markdown", "more")])
    assert is_older(mine, new)
    found = texts(merge(mine, new))
    assert found == [INTRO[1], text_of(new["cells"][0]), SETUP[1], TASK[1], ANSWER, CHECK[1], END[1], "more"]


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("seed", range(40))
def test_nothing_of_the_learners_is_ever_lost(seed, recorded):
    """Random edits on both sides, with equal cells and moved ones."""
    draw = random.Random(seed)
    words = ["alpha", "beta", "gamma", "delta"]
    any_cell = lambda: draw.choice(  # noqa: E731
        [INTRO, TASK, BLANK, CHECK, ("code", draw.choice(words)), ("markdown", " ".join(draw.choices(words, k=9)))]
    )
    old = [any_cell() for _ in range(draw.randrange(1, 12))]
    new = [part for part in old if draw.random() > 0.2]
    for _ in range(draw.randrange(4)):
        new.insert(draw.randrange(len(new) + 1), any_cell())
    mine, kept = course(old), []
    for k in range(6):
        what, place = draw.randrange(4), draw.randrange(len(mine["cells"]) + 1)
        text = f"mine {k}"
        if what == 0 or not mine["cells"]:
            mine["cells"].insert(place, cell("markdown", text, id=f"own-{k}"))
            kept.append(text)
        elif what == 1:
            del mine["cells"][min(place, len(mine["cells"]) - 1)]
        elif what == 2:
            chosen = draw.choice(mine["cells"])
            chosen["source"] = text_of(chosen) + "\n" + text
            kept.append(text)
        else:
            draw.shuffle(mine["cells"])
    kept = [text for text in kept if any(text in text_of(cell).splitlines() for cell in mine["cells"])]
    merged = merge(mine if recorded else without_record(mine), course(new))
    found = "\n".join(texts(merged)).splitlines()
    assert all(found.count(text) == 1 for text in kept)
    assert not is_older(merged, course(new))


@pytest.fixture
def newer(tmp_path, monkeypatch):
    """A folder with copies of the course, and the course itself changed after that."""
    mine, source = tmp_path / "mine", tmp_path / "course"
    write_copies(mine)
    shutil.copytree(
        data.CHECKOUT / "notebooks", source, ignore=shutil.ignore_patterns("sources", "*.py", "__pycache__")
    )
    file = source / "01_linear_maps.ipynb"
    notebook = json.loads(file.read_text("utf-8"))
    notebook["cells"][0]["source"] = ["# 1. A derivative is a linear map, again\n"]
    file.write_text(json.dumps(notebook), "utf-8")
    monkeypatch.setattr(data, "NOTEBOOKS", (source,))
    return mine


def test_copies_of_this_course_are_not_older(tmp_path):
    write_copies(tmp_path)
    assert older_copies(tmp_path) == update_copies(tmp_path) == []
    assert not (tmp_path / "before-update").exists()


def test_an_update_of_files(newer):
    file = newer / "01_linear_maps.ipynb"
    notebook = json.loads(file.read_text("utf-8"))
    (place,) = [k for k, c in enumerate(notebook["cells"]) if "def push_inverse" in text_of(c)]
    notebook["cells"][place]["source"] = "my answer"
    file.write_text(json.dumps(notebook), "utf-8")
    before = file.read_text("utf-8")
    assert older_copies(newer) == [file]
    assert write_copies(newer) == []
    assert update_copies(newer) == [file]
    merged = json.loads(file.read_text("utf-8"))
    assert text_of(merged["cells"][0]).endswith("again\n")
    assert text_of(merged["cells"][place]) == "my answer"
    assert (newer / "before-update" / file.name).read_text("utf-8") == before
    assert update_copies(newer) == []


def test_no_older_file_that_was_put_aside_is_overwritten(newer):
    (newer / "before-update").mkdir()
    aside = newer / "before-update" / "01_linear_maps.ipynb"
    aside.write_text("once")
    update_copies(newer)
    assert aside.read_text() == "once"
    assert aside.with_stem("01_linear_maps-2").exists()


@pytest.mark.parametrize("text", ["my answers", "{", "[]", '{"cells": 3}', '{"cells": [{"source": 3}]}', "[" * 100_000])
def test_a_file_that_is_no_notebook_is_left_alone(newer, text):
    file = newer / "01_linear_maps.ipynb"
    file.write_text(text)
    assert older_copies(newer) == update_copies(newer) == []
    assert file.read_text() == text


def test_an_update_that_cannot_be_written_keeps_the_copy(newer, monkeypatch):
    def full(self, *_, **__):
        raise OSError(28, "No space left on device", str(self))

    file = newer / "01_linear_maps.ipynb"
    before = file.read_text("utf-8")
    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(ValueError, match="No space left on device"):
        update_copies(newer)
    assert file.read_text("utf-8") == before
