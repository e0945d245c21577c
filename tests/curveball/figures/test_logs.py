"""Logs are read as they were written, whatever else is there is refused in one line, and runs get names to read."""

import json
import os

import pytest

from curveball.figures.logs import read_runs
from curveball.figures.plot_runs import choose, gather
from curveball.figures.solver_names import readable
from curveball.training.run import Run

STEP = {"kind": "step", "step": 1, "epoch": 1, "loss": 2.0, "error": 0.5, "seconds": 0.1}
EPOCH = {"kind": "epoch", "epoch": 1, "step": 1, "train_loss": 2.0, "validation_error": 0.25, "seconds": 0.1}


def write(path, *records, about=(), end=""):
    """A log with a first record and these."""
    first = {"kind": "run", "name": "sgd:lr=0.1", "lr": 0.1, "data": "digits", "network": "mlp", "batch_size": 64}
    path.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record) + "\n" for record in ({**first, "seed": 0, **dict(about)}, *records)]
    (path / "log.jsonl").write_text("".join(lines) + end)
    return path


def names(*paths):
    return [run.name for run in gather(paths)[0]]


def test_a_log(tmp_path):
    """A second record of a run is where it was resumed; what is no number is left out; the last line may be half."""
    folder = write(tmp_path / "a", STEP, {**STEP, "step": 2, "note": "x"}, EPOCH, {"kind": "run"}, {**STEP, "step": 3},
                   {"kind": "stopped", "reason": "nan"}, end='{"kind": "st')  # fmt: skip
    for path in (folder, folder / "log.jsonl", str(folder)):
        (found,) = read_runs(path)
        assert [step["step"] for step in found.run.steps] == [1, 2, 3]
        assert found.run.steps[1] == {"step": 2, "epoch": 1, "loss": 2.0, "error": 0.5, "seconds": 0.1}
        assert found.run.epochs[0]["validation_error"] == 0.25
        assert found.run.stopped == "nan"


def test_a_comparison(tmp_path):
    """In its order, without what an earlier one left; without its logs, the epochs of its results."""
    for name in ("adam", "sgd", "old"):
        write(tmp_path / f"{name}-seed0", STEP, about={"name": name})
    write(tmp_path / "previous", STEP)
    runs = [{"solver": name, "seed": 0, "stopped": None, "epochs": [EPOCH]} for name in ("sgd", "adam")]
    (tmp_path / "results.json").write_text(json.dumps({"solvers": ["sgd", "adam"], "data": "digits", "runs": runs}))
    assert [found.run.name for found in read_runs(tmp_path)] == ["sgd", "adam"]
    found = [
        (each.run.name, len(each.run.steps), len(each.run.epochs)) for each in read_runs(tmp_path / "results.json")
    ]
    assert found == [("sgd", 0, 1), ("adam", 0, 1)]
    (tmp_path / "only").mkdir()
    (tmp_path / "results.json").rename(tmp_path / "only" / "results.json")
    assert len(read_runs(tmp_path / "only")) == 2
    assert {found.run.name for found in read_runs(tmp_path)} == {"sgd", "adam", "old"}


@pytest.mark.parametrize(("content", "message"), [
    (None, "there is no file or folder "),
    ("fifo", "is no regular file"),
    ("folder", "there is no log of a run in "),
    (b"", "is empty: "),
    (b"solver,loss\n1,2\n", "line 1 is no record of JSON"),
    (b"\xff\xfe\n", "line 1 is no record of JSON"),
    (b"[1]\n", "line 1 is no record of JSON"),
    (b'{"kind": "step"}\n', "it does not begin with a record about one"),
    (b'{"kind": "run"}\nhalf\n{"kind": "step"}\n', "line 2 is no record of JSON"),
    (b'{"kind": "run"}\n{"kind": "step", "step": 1, "epoch": "1", "seconds": 1}\n', ": line 2 has no number epoch"),
])  # fmt: skip
def test_what_is_no_log(content, message, tmp_path):
    path = tmp_path / "x"
    if content == "fifo":
        os.mkfifo(path)
    elif content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read_runs(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"runs": 3}', '{"runs": [{"solver": "sgd"}]}'])
def test_what_are_no_results(content, tmp_path):
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(ValueError, match=r"results\.json has no results of a comparison: give the folder of a run"):
        read_runs(tmp_path)


# ------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(("text", "name"), [
    ("curveball", "CurveBall"), ("sgd:lr=0.1", "SGD, lr 0.1"),
    ("curveball:lam=2,adapt_lam=false", "CurveBall, λ 2, fixed λ"),
    ("newton-cg", "NewtonCG"), ("mine.own:Lion:lr=1", "Lion, lr 1"), ("CurveBall", "CurveBall"), ("a b: c", "a b: c"),
    ("", ""),
])  # fmt: skip
def test_readable_names(text, name):
    assert readable(text) == name


def test_runs_that_differ_in_their_seed_alone_share_a_name(tmp_path):
    paths = [write(tmp_path / f"{seed}", STEP, about={"seed": seed}) for seed in (0, 1)]
    assert names(*paths) == ["SGD, lr 0.1"] * 2
    assert gather(paths)[1] == "mlp on digits, batches of 64"


def test_names_say_what_differs(tmp_path):
    """Settings where the solver's name is the same, and whatever differs of the problem; no setting, no word."""
    one = write(tmp_path / "one", STEP, about={"name": "SGD", "momentum": 0.9})
    two = write(tmp_path / "two", STEP, about={"name": "SGD", "momentum": 0.5, "network": "cnn", "augment": True})
    three = write(tmp_path / "three", STEP, about={"name": "Adam", "beta1": 0.9, "schedule": "cosine"})
    assert names(one, two, three) == [
        "SGD, momentum 0.9, mlp, constant", "SGD, momentum 0.5, cnn, augment, constant", "Adam, mlp, cosine",
    ]  # fmt: skip
    assert gather([one, two, three])[1] == "digits, batches of 64"
    many = write(tmp_path / "many", STEP, about={"name": "SGD", "a": 1, "b": 2, "c": 3, "momentum": 0.1})
    assert names(one, many) == ["SGD, one", "SGD, many"]


def test_the_same_run_twice_has_the_names_of_its_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("before", "after"):
        write(tmp_path / name, STEP)
    assert names("before", "after") == ["SGD, lr 0.1, before", "SGD, lr 0.1, after"]


def test_what_can_be_drawn():
    run = Run("SGD", None, [{"step": 1, "epoch": 1, "loss": 1.0, "seconds": 0.1}])
    assert choose([run], None, "step") == ["loss"]
    assert choose([run], ["seconds"], "step") == ["seconds"]
    for y, x, message in (
        (["foo"], "step", "none of the runs has 'foo': they have loss"),
        (["step"], "step", "none of the runs has 'step'"),
        (None, "loss", "runs are drawn against step, epoch, seconds; got 'loss'"),
        (None, "epoch", "SGD has no epoch that is done: draw it against step or seconds"),
    ):
        with pytest.raises(ValueError, match=message):
            choose([run], y, x)
    with pytest.raises(ValueError, match="the runs have no step and no epoch yet"):
        choose([Run("SGD", None)], None, "step")
    with pytest.raises(ValueError, match="there is no run to draw"):
        gather([])
