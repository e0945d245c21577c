"""Random networks: the rule of tuning, the summary by hand, all files, and what is stopped and goes on."""

import contextlib
import csv
import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from curveball.cli.app import app
from curveball.experiments import random_networks as module
from curveball.experiments.random_cells import CellFiles
from curveball.experiments.random_networks import ROWS, Cell, Plan, Setting, Task, chosen, median_network, run_plan
from curveball.experiments.random_tables import FILES, draw, markdown, summaries
from curveball.experiments.sealed import sealed
from curveball.training.run import Run
from problems import Dataset, load
from tests.support.photos import caches, photos

__all__ = ["caches", "photos"]  # fixtures

FEW = {"curveball": (), "sgd": (0.1, 0.01), "adam": (0.01, 0.001)}


@pytest.fixture
def few_digits(monkeypatch):
    """150 digits to train, 60 to validate, and grids of two learning rates."""
    d = load("digits")
    train_set = d.train_images[:150], d.train_labels[:150]
    data = Dataset.of("digits", d.classes, train_set, (d.validation_images[:60], d.validation_labels[:60]))
    monkeypatch.setattr(module, "_loaded", lambda *where: data)
    monkeypatch.setattr(module, "ROWS", FEW)


def command(*arguments):
    return CliRunner().invoke(app, ["random", *map(str, arguments)], prog_name="curveball")


def made_up(network, solver, error, loss=1.0, stopped=None, seconds=2.0):
    epochs = [
        {"train_error": 0.99, "train_loss": 9.0, "validation_error": 0.99, "seconds": seconds - 1.0},
        {"train_error": error, "train_loss": loss, "validation_error": 1.0 - error, "seconds": seconds},
    ]
    return Cell(Task(network, solver, 2, 0), "dense 10", 5, 7, epochs, stopped, seconds, {})


# ------------------------------------------------------------------------------------- the rules


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([(0.3, 1.0, None), (0.2, 1.0, None), (0.4, 1.0, None)], "sgd:lr=0.01"),
        ([(0.3, 1.0, None), (0.3, 0.9, None), (0.3, 1.0, None)], "sgd:lr=0.01"),
        ([(0.3, 1.0, None), (0.2, 1.0, "the loss is nan"), (0.4, 1.0, None)], "sgd:lr=0.1"),
        ([(0.3, 1.0, "the loss is nan")] * 3, "sgd:lr=0.001"),
    ],
    ids=["lowest error", "then lowest loss", "not one that diverged", "all diverged"],
)
def test_the_rule_of_tuning(errors, expected):
    cells = [made_up(3, f"sgd:lr={lr}", *each) for lr, each in zip((0.1, 0.01, 0.001), errors, strict=True)]
    assert chosen(cells, ("curveball", "sgd")) == {"curveball": "curveball", "sgd": expected}


@pytest.mark.parametrize(("costs", "expected"), [([5], 0), ([5, 1], 1), ([5, 1, 3], 2), ([2, 2, 2, 2], 1)])
def test_the_median_network(costs, expected):
    assert median_network(dict(enumerate(costs))) == expected


def test_the_plan(few_digits):
    plan = Plan(Setting(batch_size=32), count=5, epochs=2, seed=3)
    costs = [plan.setting.problem(k).network.multiplications((8, 8, 1)) for k in range(5)]
    assert plan.median == costs.index(sorted(costs)[2])
    assert {(task.network, task.epochs, task.seed) for task in plan.tuning} == {(plan.median, 1, 4)}
    assert {row: [t.solver for t in plan.tuning if t.row == row] for row in ROWS} == {
        "curveball": [],
        "sgd": ["sgd:lr=0.1", "sgd:lr=0.01"],
        "adam": ["adam:lr=0.01", "adam:lr=0.001"],
    }
    tasks = plan.tasks({"curveball": "curveball", "sgd": "sgd:lr=0.1", "adam": "adam:lr=0.01"})
    assert len(set(tasks)) == 15
    assert all((task.epochs, task.seed) == (2, 3) for task in tasks)
    assert plan.all_work == 12 * costs[plan.median] + 2 * (7 + 3 + 3) * sum(costs)


def test_the_summary_by_hand():
    """Quartiles by linear interpolation; a tie is won by both; a run that diverged is an error of 1, and never best."""
    errors = {"curveball": [0.1, 0.2, 0.3, 0.5], "sgd:lr=0.1": [0.1, 0.4, 0.2, None], "adam": [0.3, 0.3, None, None]}
    cells = [
        made_up(k, solver, 0.0 if error is None else error, stopped="the loss is nan" if error is None else None)
        for solver, own in errors.items()
        for k, error in enumerate(own)
    ]
    found = summaries(cells)
    assert list(found) == ["curveball", "sgd", "adam"]
    assert found["curveball"].quartiles == pytest.approx((0.175, 0.25, 0.35))
    assert found["sgd"].quartiles == pytest.approx((0.175, 0.3, 0.55))
    assert found["adam"].quartiles == pytest.approx((0.3, 0.65, 1.0))
    assert [s.best for s in found.values()] == [3, 2, 0]
    assert [s.validation for s in found.values()] == pytest.approx([0.75, 0.85, 0.85])
    assert [s.best_validation for s in found.values()] == [2, 1, 1]
    assert [s.diverged for s in found.values()] == [0, 1, 2]
    assert [s.seconds for s in found.values()] == [2.0] * 3
    text = markdown([made_up(0, "sgd:lr=0.1", 0.1), made_up(0, "sgd:lr=0.01", 0.2)], cells)
    assert "| sgd:lr=0.1 | 30.00% | 17.50% to 55.00% | 50% (2 of 4) | 85.00% | 25% (1 of 4) | 1 | 2 |" in text
    paused = made_up(0, "adam", 0.1, seconds=900.0)
    assert paused.usual_seconds == 2.0
    assert (
        summaries([paused, made_up(1, "adam", 0.1), made_up(2, "adam", 0.1, stopped="nan", seconds=9.0)])[
            "adam"
        ].seconds
        == 2.0
    )
    nothing = [made_up(0, "adam", 0.1, stopped="nan")]
    assert summaries(nothing)["adam"].seconds is None
    assert " | 1 |  |" in markdown([], nothing)
    assert "sgd, lr tuned on random:0, one epoch each: 0.1: 10.00%, 0.01: 20.00%; the best is at an end" in text
    assert "| random:3 | 5 | 7 | 50.00% | diverged | diverged | dense 10 |" in text


def test_a_run_that_diverges(few_digits):
    cell = module.run_cell(Setting(batch_size=32), Task(1, "sgd:lr=1000", 1, 0))
    assert cell.stopped
    assert (cell.error, cell.loss) == (1.0, np.inf)
    assert str(cell).startswith("random:1, sgd:lr=1000, 1 epoch, seed 0: diverged, ")


@pytest.mark.parametrize("errors", [(0.02, 0.4), (0.0, 0.4), (0.0, 0.0)])
def test_the_picture_has_errors_of_zero_too(tmp_path, errors):
    cells = [made_up(k, solver, errors[k]) for k in range(2) for solver in ("curveball", "adam:lr=0.1")]
    draw(cells, tmp_path / "random.svg", "two networks")
    text = (tmp_path / "random.svg").read_text("utf-8")
    assert text.count("<path") > 10


# ------------------------------------------------------------------------------------- the command


def test_every_file(few_digits, tmp_path, monkeypatch):
    options = ("--count", 3, "--epochs", 2, "--batch-size", 32, "--jobs", 1, "--out", tmp_path)
    result = command(*options)
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES, "cells"])
    assert "4 of 13 cells, about " in result.stderr.splitlines()[3]
    found = json.loads((tmp_path / "random.json").read_text())
    assert (found["networks"], found["epochs"], found["data"], found["batch_size"]) == (3, 2, "digits", 32)
    assert len(found["tuning"]) == 4
    assert len(found["cells"]) == 9
    for cell in found["cells"]:
        assert {"versions", "processor", "command", "date", "backend"} <= set(cell["provenance"])
        assert cell["provenance"]["command"] == found["command"]
        assert len(cell["epochs"]) == 2
    tuned = min(found["tuning"][:2], key=lambda cell: cell["epochs"][0]["train_error"])["task"]["solver"]
    assert found["summaries"]["sgd"]["solver"] == tuned
    rows = list(csv.DictReader((tmp_path / "random.csv").read_text().splitlines()))
    assert [row["tuning"] for row in rows] == ["1"] * 4 + ["0"] * 9
    assert rows[4]["network"] == "random:0"
    assert float(rows[4]["train_error"]) == found["cells"][0]["epochs"][-1]["train_error"]
    text = (tmp_path / "random.md").read_text()
    assert text.startswith("# 3 random networks on digits, batches of 32, 2 epochs")
    assert all(row["layers"] in text for row in rows)
    assert (tmp_path / "random.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(module, "train", fake_train([]))
    assert command(*options).exit_code == 0  # anew: the earlier results are kept
    assert sorted(path.name for path in (tmp_path / "previous").iterdir()) == sorted([*FILES, "cells"])


def test_photographs_at_a_size(photos, tmp_path):
    options = ("--data", "imagenet", "--data-folder", photos, "--image-size", 8, "--batch-size", 2)
    result = command(*options, "--count", 1, "--epochs", 1, "--jobs", 1, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    (cache,) = (tmp_path / "caches/decoded").iterdir()
    assert cache.name.startswith("photos-10-")
    refused = command("--image-size", 8, "--out", tmp_path / "other")
    assert refused.exit_code == 2
    assert "the images of digits have one size" in refused.stderr


def test_the_help_says_what_the_options_do():
    text = " ".join(command("--help").stdout.split())
    assert "checkpoints" not in text
    assert "folder for the table, the figure and a file for each training [default: runs/random-DATA]" in text
    assert "index of a GPU, or a name as in curveball info: cpu, cuda:1, gpu [default: the first]" in text


def fake_train(calls, stop_after=None):
    """Results by arithmetic, and Ctrl-C after some."""

    def train(problem, solver, options):
        if len(calls) == stop_after:
            raise KeyboardInterrupt
        key = (problem.network.name, type(solver).__name__, getattr(solver, "lr", None), options.epochs, options.seed)
        calls.append(key)
        error = (sum(map(ord, str(key))) % 97) / 100.0
        epochs = [
            {
                "train_error": error,
                "train_loss": error,
                "validation_error": error,
                "validation_loss": error,
                "seconds": 1.0,
            }
        ]
        return Run("fake", problem.init(np.random.default_rng(0)), epochs=epochs * options.epochs)

    return train


def without_times(folder):
    found = json.loads((folder / "random.json").read_text())
    return [(cell["task"], cell["epochs"]) for cell in found["tuning"] + found["cells"]]


@pytest.mark.parametrize("after", [1, 9])
def test_stopped_and_resumed(few_digits, tmp_path, monkeypatch, after):
    options = ("--count", 4, "--epochs", 1, "--jobs", 1)
    whole, calls = [], []
    monkeypatch.setattr(module, "train", fake_train(whole))
    assert command(*options, "--out", tmp_path / "whole").exit_code == 0
    assert len(whole) == 16
    monkeypatch.setattr(module, "train", fake_train(calls, stop_after=after))
    result = command(*options, "--out", tmp_path / "other")
    assert result.exit_code == 130
    assert f"curveball: interrupted: {after} of 16 cells are kept in {tmp_path / 'other'}, --resume" in result.stderr
    monkeypatch.setattr(module, "train", fake_train(calls))
    assert command(*options, "--out", tmp_path / "other", "--resume").exit_code == 0
    assert sorted(calls) == sorted(whole)
    assert without_times(tmp_path / "other") == without_times(tmp_path / "whole")
    monkeypatch.setattr(module, "train", fake_train(whole, stop_after=16))
    assert command(*options, "--out", tmp_path / "whole", "--resume").exit_code == 0  # nothing is left to do


def test_more_networks_are_added_and_folders_can_be_put_together(few_digits, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(module, "train", fake_train(calls))
    assert command("--count", 2, "--epochs", 1, "--jobs", 1, "--out", tmp_path).exit_code == 0
    first = list(calls)
    assert command("--count", 4, "--epochs", 1, "--jobs", 1, "--out", tmp_path, "--resume").exit_code == 0
    assert len(set(calls)) == len(calls) > len(first)
    other = tmp_path / "other"
    (other / "cells").mkdir(parents=True)
    for path in (tmp_path / "cells").iterdir():
        (other / "cells" / path.name).write_bytes(path.read_bytes())
    before = len(calls)
    assert command("--count", 4, "--epochs", 1, "--jobs", 1, "--out", other, "--resume").exit_code == 0
    assert len(calls) == before
    assert without_times(other) == without_times(tmp_path)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text[:-40], "cannot be read (Unterminated string"),
        (lambda text: "[]", "cannot be read (it has no cell): remove it"),
        (lambda text: text.replace('"epochs": [{', '"epochs": [{}, {', 1), "cannot be read"),
        (lambda text: text.replace('"multiplications": ', '"multiplications": -', 1), "its numbers are out of range"),
        (lambda text: text.replace('"seconds": 1.0}]', '"seconds": -1.0}]', 1), "its numbers are out of range"),
        (lambda text: re.sub(r'"layers": "[^"]*"', '"layers": 5', text), "its numbers are out of range"),
        (lambda text: text.replace('"solver": ', '"solvent": ', 1), "cannot be read"),
        (
            lambda text: text.replace('"batch_size": 64', '"batch_size": 32'),
            "is of batch_size=32, this run is of batch_size",
        ),
        (lambda text: text.replace('"train_images": "', '"train_images": "0'), "is of train_images=0"),
    ],
)
def test_damaged_cells_are_named(few_digits, tmp_path, monkeypatch, damage, words):
    monkeypatch.setattr(module, "train", fake_train([]))
    assert command("--count", 1, "--epochs", 1, "--jobs", 1, "--out", tmp_path).exit_code == 0
    path = next((tmp_path / "cells").glob("*curveball*.json"))
    text = damage(path.read_text())
    with contextlib.suppress(ValueError, TypeError):  # a forged file, of which the hash is right
        content = json.loads(text)
        del content["sha256"]
        text = json.dumps(sealed(content))
    path.write_text(text)
    result = command("--count", 1, "--epochs", 1, "--jobs", 1, "--out", tmp_path, "--resume")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"curveball: {path}")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_flipped_bit_in_a_cell_is_noticed(few_digits, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "train", fake_train([]))
    assert command("--count", 1, "--epochs", 1, "--jobs", 1, "--out", tmp_path).exit_code == 0
    path = next((tmp_path / "cells").glob("*curveball*.json"))
    text, rng = path.read_bytes(), np.random.default_rng(0)
    files = CellFiles(tmp_path, json.loads(text)["about"])
    [cell] = [cell for cell in files.load().values() if cell.task.row == "curveball"]
    found = []
    for _ in range(100):
        damaged = bytearray(text)
        damaged[rng.integers(len(text))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            found.append(files.load()[cell.task])
        except ValueError as error:
            found.append(str(error))
    noticed = [x for x in found if x != cell]  # not a space that is another one
    assert len(noticed) > 80
    assert all(isinstance(x, str) and x.startswith(str(path)) and "\n" not in x for x in noticed)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--count", 0], "--count must be at least 1; got 0"),
        (["--jobs", 0], "--jobs must be at least 1; got 0"),
        (["--epochs", 0], "epochs must be at least 1; got 0"),
        (["--seed", -1], "seed must be zero or positive"),
        (["--data", "mnist"], "unknown data set 'mnist'"),
        (["--batch-size", 5000], "batch_size must be from 1 to "),
        (["--backend", "torch7"], "unknown backend 'torch7'"),
        (["--resume"], "there is no cell of random networks in "),
    ],
)
def test_bad_options(options, words, tmp_path):
    result = command(*options, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr.startswith("curveball: ")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_unknown_rows():
    with pytest.raises(ValueError, match="unknown solver 'newton': there are curveball, sgd, adam"):
        Plan(Setting(), rows=("newton",))


def test_cells_that_are_done_are_not_computed(few_digits, monkeypatch):
    calls = []
    monkeypatch.setattr(module, "train", fake_train(calls))
    plan = Plan(Setting(batch_size=32), count=2, epochs=1)
    tuned, cells = run_plan(plan)
    done = {cell.task: cell for cell in (*tuned, *cells)}
    calls.clear()
    assert run_plan(plan, done=done) == (tuned, cells)
    assert calls == []
