"""Hints come a step at a time, the last one after an attempt; a solution is loaded when it is asked for."""

import json

import pytest

from curveball.course import CheckpointFailed, checkpoint, hint, hints, load_solution, progress


@pytest.fixture(autouse=True)
def stored(tmp_path, monkeypatch):
    """One exercise with hints, and no progress."""
    (tmp_path / "hints").mkdir()
    solution = "def double(x):\n    return 2 * x"
    text = json.dumps({"1.1": {"hints": ["What?", "Twice", "`return 2 * x`"], "solution": solution}})
    (tmp_path / "hints" / "01_double.json").write_text(text)
    monkeypatch.setattr(hints, "notebooks", lambda: tmp_path)
    monkeypatch.setattr(progress, "_exercises", {})


def shown(capsys, exercise="1.1"):
    hint(exercise)
    return capsys.readouterr().out.strip()


def attempt(answer):
    def got():
        if answer is None:
            raise NotImplementedError
        return answer

    checkpoint("1.1, a number", got, 4)


def test_a_question_an_idea_and_after_an_attempt_a_line(capsys):
    with pytest.raises(CheckpointFailed):
        attempt(None)  # the blank is no attempt
    assert shown(capsys) == "**Hint 1 of 3, a question.** What?"
    assert shown(capsys) == "**Hint 2 of 3, an idea.** Twice"
    assert "first write something" in shown(capsys)
    with pytest.raises(CheckpointFailed):
        attempt(3)
    assert shown(capsys) == "**Hint 3 of 3, a line of the solution.** `return 2 * x`"
    assert "no more hints for 1.1" in shown(capsys)


def test_no_hint_for_what_is_passed(capsys):
    attempt(4)
    capsys.readouterr()
    assert shown(capsys) == "exercise 1.1 is passed: no hint is needed"
    with pytest.raises(CheckpointFailed):
        attempt(5)  # changed again
    assert "Hint 1" in shown(capsys)


def test_an_answer_that_raises_is_an_attempt(capsys):
    with pytest.raises(CheckpointFailed):
        checkpoint("1.1", lambda: 1 / 0, 4)
    assert progress.progress_of("1.1").tried


def test_the_last_hint_leads_to_the_solution(monkeypatch, capsys):
    loaded = []
    monkeypatch.setattr(hints, "load_solution", loaded.append)
    hint("1.1", solution=True)
    assert loaded == ["1.1"]


def test_a_solution_is_loaded_and_shown(capsys):
    names = {}
    load_solution("1.1", names)
    assert names["double"](4) == 8
    assert "def double(x):" in capsys.readouterr().out


@pytest.mark.parametrize("call", [hint, load_solution])
@pytest.mark.parametrize("exercise", ["1.2", "2.1", "", "one"])
def test_an_exercise_that_is_not_there(call, exercise):
    with pytest.raises(ValueError, match="there is no help for exercise"):
        call(exercise)
