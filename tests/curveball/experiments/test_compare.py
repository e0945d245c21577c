"""Comparisons: what is written and when, what the tables say, and that no finished run is lost."""

import csv
import json

import numpy as np
import pytest

from curveball import SGD, CurveBall
from curveball.experiments import compare as module
from curveball.experiments.compare import FILES
from curveball.experiments.tables import table, table2
from curveball.training.lock import locked
from curveball.training.options import TrainOptions
from curveball.training.run import Run
from problems import Classification, Dataset, load, network

SOLVERS = {"curveball": CurveBall(), "sgd:lr=0.05": SGD(lr=0.05)}


def small(batch_size=32):
    """150 digits to train (four batches of 32), 60 to validate."""
    d = load("digits")
    parts = (d.train_images[:150], d.train_labels[:150]), (d.validation_images[:60], d.validation_labels[:60])
    return Classification(Dataset.of("few", d.classes, *parts), network("mlp"), batch_size)


def compare(problem, solvers, folder, seeds=1, **options):
    return module.compare(problem, solvers, folder, TrainOptions(quiet=True, **options), seeds=seeds)


def made_up(name, train_errors, validation_errors, stopped=None, seconds=1.0, **last):
    """A run with these errors after its epochs."""
    epochs = [
        {"epoch": k + 1, "seconds": seconds * (k + 1), "train_error": a, "validation_error": b}
        | {"train_loss": 2.0 * a, "validation_loss": 3.0 * b}
        for k, (a, b) in enumerate(zip(train_errors, validation_errors, strict=True))
    ]
    return Run(name, {}, [{"step": 1, "loss": 1.0, "seconds": 0.1, **last}], epochs, stopped=stopped)


def cells(text):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]


def untimed(run):
    return [{key: value for key, value in record.items() if key != "seconds"} for record in run.steps + run.epochs]


def test_every_file_and_folder(tmp_path):
    runs = compare(small(), SOLVERS, tmp_path, epochs=2, seed=3, seeds=2)
    assert [run.name for run in runs] == ["curveball", "curveball", "sgd:lr=0.05", "sgd:lr=0.05"]
    folders = [f"{label}-seed{seed}" for label in ("curveball", "sgd-lr=0.05") for seed in (3, 4)]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*folders, *FILES])
    results = json.loads((tmp_path / "results.json").read_text())
    assert (results["seed"], results["seeds"], results["epochs"]) == (3, 2, 2)
    assert [(run["solver"], run["seed"]) for run in results["runs"]] == [
        ("curveball", 3),
        ("sgd:lr=0.05", 3),
        ("curveball", 4),
        ("sgd:lr=0.05", 4),
    ]
    assert results["runs"][2]["epochs"] == runs[1].epochs
    assert runs[0].steps[0]["loss"] == runs[2].steps[0]["loss"] != runs[1].steps[0]["loss"]
    assert runs[1].steps[0]["loss"] == runs[3].steps[0]["loss"]
    for name in ("losses.png", "figure2.png", "figure3.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_earlier_results_are_put_aside(tmp_path):
    one, other = ({name: SOLVERS[name]} for name in SOLVERS)
    compare(small(), one, tmp_path, epochs=1)
    earlier = {name: (tmp_path / name).read_bytes() for name in FILES}
    with pytest.raises(ValueError, match="epochs"):
        compare(small(), other, tmp_path, epochs=0)
    assert not (tmp_path / "previous").exists()
    compare(small(), other, tmp_path, epochs=1)
    assert {name: (tmp_path / "previous" / name).read_bytes() for name in FILES} == earlier
    assert json.loads((tmp_path / "results.json").read_text())["solvers"] == list(other)
    compare(small(), other, tmp_path, epochs=2, resume=True)
    assert not (tmp_path / "previous-2").exists()


def test_figure_2_is_against_epochs_and_figure_3_against_seconds(tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr(module, "draw_errors", lambda runs, path, title, against: drawn.update({path.name: against}))
    monkeypatch.setattr(module, "write_together", lambda folder, files: [f(folder / name) for name, f in files.items()])
    compare(small(), SOLVERS, tmp_path, epochs=1)
    assert drawn == {"figure2.png": "epoch", "figure3.png": "seconds"}


class Interrupted(Exception):
    """The machine was switched off."""


def test_a_comparison_that_dies_keeps_what_is_done(tmp_path, monkeypatch):
    """Killed in the second epoch of its third run: two runs and one epoch are kept, and the end is the same."""
    whole = compare(small(), SOLVERS, tmp_path / "whole", epochs=2, seeds=2)
    killed = tmp_path / "killed"
    started = []
    train = module.train

    class Dies(CurveBall):
        def step(self, *args, **kwargs):
            started.append(None)
            if len(started) > 4 + 2:  # the second epoch of this run
                raise Interrupted
            return super().step(*args, **kwargs)

    Dies.__name__ = "CurveBall"  # as the log knows it

    def spying(problem, solver, options, *, name, folder):
        if name == "curveball" and options.seed == 1:
            solver = Dies()
        trained.append((name, options.seed))
        return train(problem, solver, options, name=name, folder=folder)

    trained = []
    with monkeypatch.context() as patch:
        patch.setattr(module, "train", spying)
        with pytest.raises(Interrupted):
            compare(small(), SOLVERS, killed, epochs=2, seeds=2)
    assert trained == [("curveball", 0), ("sgd:lr=0.05", 0), ("curveball", 1)]
    assert len(json.loads((killed / "results.json").read_text())["runs"]) == 2
    logs = {path.parent.name: path.read_bytes() for path in killed.glob("*-seed0/log.jsonl")}
    assert len(logs) == 2

    resumed = compare(small(), SOLVERS, killed, epochs=2, seeds=2, resume=True)
    assert {path.parent.name: path.read_bytes() for path in killed.glob("*-seed0/log.jsonl")} == logs  # not repeated
    assert [untimed(run) for run in resumed] == [untimed(run) for run in whole]
    kinds = [json.loads(line)["kind"] for line in (killed / "curveball-seed1" / "log.jsonl").read_text().splitlines()]
    assert kinds.count("run") == 2  # where it began, where it went on
    assert set(FILES) < {path.name for path in killed.iterdir()}


def test_resuming_with_more_epochs(tmp_path):
    compare(small(), SOLVERS, tmp_path, epochs=1)
    runs = compare(small(), SOLVERS, tmp_path, epochs=3, resume=True)
    whole = compare(small(), SOLVERS, tmp_path / "whole", epochs=3)
    assert [untimed(run) for run in runs] == [untimed(run) for run in whole]


def test_resuming_with_fewer_epochs_or_other_options(tmp_path):
    compare(small(), SOLVERS, tmp_path, epochs=2)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="has its 2 epochs: ask for more to continue"):
        compare(small(), SOLVERS, tmp_path, epochs=1, resume=True)
    with pytest.raises(ValueError, match="batch_size=32, this run has batch_size=16"):
        compare(small(batch_size=16), SOLVERS, tmp_path, epochs=2, resume=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("there", [False, True])
def test_resuming_where_nothing_is(there, tmp_path):
    folder = tmp_path / "typo"
    if there:
        folder.mkdir()
    with pytest.raises(ValueError, match=r"there is no checkpoint of these runs in .*typo: start the comparison"):
        compare(small(), SOLVERS, folder, epochs=1, resume=True)
    assert folder.exists() == there
    assert not there or not list(folder.iterdir())


def test_two_comparisons_in_one_folder(tmp_path):
    with locked(tmp_path), pytest.raises(ValueError, match=r"the process \d+ is writing to .*: wait for it"):
        compare(small(), SOLVERS, tmp_path, epochs=1)
    assert not list(tmp_path.iterdir())


def test_bad_arguments_train_nothing(tmp_path):
    for arguments, message in (
        ({"seeds": 0}, "seeds must be at least 1; got 0"),
        ({"epochs": 0}, "epochs must be at least 1; got 0"),
        ({"seed": -1}, "seed must be zero or positive; got -1"),
    ):
        with pytest.raises(ValueError, match=message):
            compare(small(), SOLVERS, tmp_path / "new", **arguments)
        assert not (tmp_path / "new").exists()
    (tmp_path / "figure3.png").mkdir()
    with pytest.raises(ValueError, match=r"figure3\.png is a folder: choose another folder"):
        compare(small(), SOLVERS, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["figure3.png"]


# ------------------------------------------------------------------------------------- tables


def test_table2_has_the_last_epoch_and_the_best():
    runs = [
        made_up("curveball", [0.5, 0.125, 0.25], [0.4, 0.3, 0.2]),
        made_up("adam", [0.6, 0.3, 0.1], [0.5, 0.2, 0.4]),
    ]
    text = table2(runs, small(), 3)
    assert text.splitlines()[0].startswith("Table 2, mlp on few, batches of 32, 3 epochs: ")
    assert cells(text)[0] == [
        "solver", "training error", "best training error", "validation error", "best validation error",
    ]  # fmt: skip
    assert cells(text)[2:] == [
        ["curveball", "25.00%", "12.50%", "20.00%", "20.00%"],
        ["adam", "10.00%", "10.00%", "40.00%", "20.00%"],
    ]


def test_several_seeds_are_mean_and_sample_standard_deviation():
    """Of 10, 20, 60 per cent: mean 30, deviations -20, -10, 30, so sqrt(1400 / 2) = 26.4575."""
    runs = [made_up("sgd", [0.9, x], [0.1, x]) for x in (0.1, 0.2, 0.6)]
    _, _, (name, *numbers) = cells(table2(runs, small(), 2))
    assert name == "sgd"
    assert numbers == ["30.00 ± 26.46%", "30.00 ± 26.46%", "30.00 ± 26.46%", "10.00 ± 0.00%"]


def test_runs_that_stopped_do_not_count():
    good, bad = made_up("sgd", [0.2], [0.3], rho=0.5), made_up("sgd", [0.9], [0.9], stopped="the loss is nan at step 7")
    row = cells(table([good, bad]))[2]
    assert row[:5] == ["sgd (1 of 2 runs)", "0.4000", "20.00%", "0.9000", "30.00%"]
    assert row[6:] == ["0.500", "-", "-"]
    assert cells(table([bad, bad]))[2][:3] == ["sgd", "stopped: the loss is nan at step 7", ""]


def test_table2_as_csv(tmp_path, monkeypatch):
    runs = {
        ("curveball", 0): made_up("curveball", [0.5, 0.2], [0.4, 0.3]),
        ("curveball", 1): made_up("curveball", [0.5, 0.4], [0.4, 0.3]),
        ("sgd:lr=0.05", 0): made_up("sgd:lr=0.05", [], [], stopped="the loss is nan"),
        ("sgd:lr=0.05", 1): made_up("sgd:lr=0.05", [0.9, 0.3], [0.5, 0.6]),
    }
    monkeypatch.setattr(module, "train", lambda problem, solver, options, name, folder: runs[name, options.seed])
    compare(small(), SOLVERS, tmp_path, epochs=2, seeds=2)
    with (tmp_path / "table2.csv").open() as file:
        one, two = csv.DictReader(file)
    assert (one["data"], one["network"], one["solver"], one["runs"], one["finished"]) == (
        "few", "mlp", "curveball", "2", "2",
    )  # fmt: skip
    assert float(one["training error"]) == 30.0
    assert float(one["training error, std"]) == pytest.approx(np.sqrt(200.0), abs=1e-4)
    assert float(one["best validation error"]) == 30.0
    assert (two["finished"], two["training error"], two["training error, std"]) == ("1", "30.0", "")
    assert float(two["best validation error"]) == 50.0
    assert cells((tmp_path / "table2.md").read_text())[3][0] == "sgd:lr=0.05 (1 of 2 runs)"
