"""Table 2 by one command: stopped and resumed, within minutes, and what its text says."""

import csv
import json
import time
from dataclasses import replace

import numpy as np
import pytest

from curveball.experiments import table2_cells, table2_columns, table2_figures, table2_run, table2_tables, table2_time
from curveball.experiments.table2_cells import Task
from curveball.experiments.table2_columns import Length, Setting, part_of
from curveball.experiments.table2_results import Results
from curveball.experiments.table2_run import chosen
from curveball.experiments.table2_tables import FILES, markdown
from curveball.experiments.table2_time import LEAST, Rate, longest, shortest, tuned, whole_length
from problems import Classification
from tests.support.table2 import ALL, FEW, RATE, RUNS, cell, command, fake_train, few, numbers

__all__ = ["few"]  # a fixture

# ------------------------------------------------------------------------------------- the rules


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([(0.3, 1.0, None), (0.2, 1.0, None), (0.4, 1.0, None)], "sgd:lr=0.01,momentum=0.9"),
        ([(0.3, 1.0, None), (0.3, 0.9, None), (0.3, 1.0, None)], "sgd:lr=0.01,momentum=0.9"),
        ([(0.3, 1.0, None)] * 3, "sgd:lr=0.001,momentum=0.9"),
        ([(0.3, 1.0, None), (0.2, 1.0, "nan"), (0.4, 1.0, None)], "sgd:lr=0.1,momentum=0.9"),
        ([(0.3, 1.0, "nan")] * 3, "sgd:lr=0.001,momentum=0.9"),
    ],
    ids=["lowest error", "then lowest loss", "then the smallest", "not one that diverged", "all diverged"],
)
def test_the_rule_of_tuning(errors, expected):
    cells = []
    for lr, (error, loss, stopped) in zip((0.1, 0.01, 0.001), errors, strict=True):
        one = cell(solver=f"sgd:lr={lr},momentum=0.9", errors=((error, 0.5),), stopped=stopped, tuning=True)
        one.epochs[0]["train_loss"] = loss
        cells.append(one)
    assert chosen(cells) == expected


def test_tuning_is_a_tenth_of_the_steps():
    def steps(epochs, images, batch):
        return tuned(Length(epochs, images, 10, batch, 0, images)).tuning // batch

    assert steps(40, 50_000, 128) == 200  # the most
    assert steps(1, 50_000, 128) == 39
    assert steps(1, 128 * 20, 128) == LEAST
    assert steps(1, 128 * 2, 128) == 2  # no more than an epoch


@pytest.mark.parametrize("seconds", [1e9, 2000.0, 100.0, 40.0, 0.0])
def test_the_longest_runs_that_end_in_a_time(seconds):
    whole = whole_length("basic", 50_000, 10_000)

    def cost(length):
        return sum(RATE.seconds(Task("basic", "sgd", "", 0, length, tuning=tuning)) for tuning in (False, True))

    length = longest(whole, cost, seconds)
    assert cost(length) <= seconds or length == shortest(whole)
    if seconds == 1e9:
        assert length == whole
    elif length != shortest(whole):
        longer = replace(length, epochs=length.epochs + 1) if length.images == whole.images else None
        assert longer is None or cost(tuned(longer)) > seconds
        assert cost(length) > 0.7 * seconds
    assert length.images == whole.images or length.images % length.batch_size == 0


def test_some_images_are_drawn_from_all_classes(few):
    part = part_of(few, 50, 20)
    assert len(set(part.train_labels.tolist())) == 10
    again = part_of(few, 50, 20)
    np.testing.assert_array_equal(part.train_images, again.train_images)
    assert part_of(few, 150, 60).train_images is few.train_images


def test_rates_are_measured(few, tmp_path):
    for row in ("curveball", "adam"):
        rate = table2_time.measure(Setting(), "plain", row, tmp_path)
        little = table2_time.measure(Setting(), "plain", row, tmp_path, most=0.0)
        assert little.step == 0.0 < little.image
        assert 0.0 < rate.step + 8 * rate.image < 5.0
        assert rate.image > 0.0
        assert rate.validation > 0.0
        assert rate.start >= 0.0
    assert list(tmp_path.iterdir()) == []


def test_a_first_validation_that_waits_is_not_multiplied(few, tmp_path, monkeypatch):
    """On a busy machine the first pass over a few images can take seconds; thousands of them do not take hours."""
    validate = Classification.validate

    def waits(problem, *arguments):
        time.sleep(0.5)
        return validate(problem, *arguments)

    monkeypatch.setattr(Classification, "validate", waits)
    for most in (30.0, 0.0):
        rate = table2_time.measure(Setting(), "plain", "adam", tmp_path, most=most)
        assert rate.validation <= rate.image


# ------------------------------------------------------------------------------------- the command


def test_every_file(few, tmp_path, monkeypatch):
    """Real runs."""
    monkeypatch.setattr(table2_tables, "draw", table2_figures.draw)
    result = command(*ALL, "--epochs", 2, "--out", tmp_path)
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES, "cells", "plan.json"])
    cells = table2_cells.load(tmp_path)
    assert len(cells) == RUNS
    for name, one in cells.items():
        place = tmp_path / "cells" / name
        assert len(one.epochs) == one.task.epochs == (1 if one.task.tuning else 2)
        assert {"versions", "processor", "command", "date", "backend"} <= set(one.provenance)
        assert {"train_images", "network", "batch_size"} <= set(one.about)
        assert (place / "checkpoint.safetensors").exists() is (place / "log.jsonl").exists() is not one.task.tuning
    (adam,) = (one for one in cells.values() if str(one.task).startswith("plain, adam"))
    text = (tmp_path / "table2.md").read_text()
    best = (100.0 * min(epoch[key] for epoch in adam.epochs) for key in ("train_error", "validation_error"))
    assert text.splitlines()[2:4] == ["|  | plain | other |", "|---|---|---|"]
    assert f"| Adam | {' / '.join(f'{x:.2f}' for x in best)} | " in text
    assert text.splitlines()[4].endswith(") |")  # brackets in the column with dropout
    rows = list(csv.DictReader((tmp_path / "table2.csv").read_text().splitlines()))
    assert len(rows) == RUNS
    assert {row["network"] for row in rows} == {"mlp", "mnist-mlp"}
    found = json.loads((tmp_path / "table2.json").read_text())
    assert len(found["cells"]) == RUNS
    for name in FILES[3:]:
        start = (tmp_path / name).read_bytes()[:5]
        assert start in (b"\x89PNG\r", b"<?xml")
    assert "plain with" not in result.stderr
    assert "other with dropout, sgd:lr=" in result.stderr
    assert " left" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("after", [0, 9, RUNS - 1])
def test_stopped_and_resumed(few, tmp_path, monkeypatch, after):
    options = (*ALL, "--epochs", 2)
    whole, calls = [], []
    monkeypatch.setattr(table2_run, "train", fake_train(whole))
    assert command(*options, "--out", tmp_path / "whole").exit_code == 0
    assert len(whole) == RUNS
    monkeypatch.setattr(table2_run, "train", fake_train(calls, stop_after=after))
    result = command(*options, "--out", tmp_path / "other")
    assert result.exit_code == 130
    assert f"interrupted: {after} runs are done and kept in {tmp_path / 'other'}, --resume goes on" in result.stderr
    assert "not run: about " in (tmp_path / "other" / "table2.md").read_text()
    monkeypatch.setattr(table2_run, "train", fake_train(calls))
    assert command(*options, "--out", tmp_path / "other", "--resume").exit_code == 0
    assert sorted(calls) == sorted(whole)
    assert numbers(tmp_path / "other") == numbers(tmp_path / "whole")
    monkeypatch.setattr(table2_run, "train", fake_train(calls, stop_after=len(calls)))
    assert command(*options, "--out", tmp_path / "whole", "--resume").exit_code == 0  # nothing is left to do


def test_stopped_within_a_run(few, tmp_path, monkeypatch):
    """A real run goes on from its checkpoint, and the table shows how far it came."""
    options = ("--columns", "plain", "--solvers", "curveball", "--epochs", 3)
    assert command(*options, "--out", tmp_path / "whole").exit_code == 0
    real = table2_run.train

    def stops(*arguments, callback, **more):
        def interrupt(record):
            callback(record)
            if record["kind"] == "epoch" and record["epoch"] == 2:
                raise KeyboardInterrupt

        return real(*arguments, callback=interrupt, **more)

    monkeypatch.setattr(table2_run, "train", stops)
    assert command(*options, "--out", tmp_path / "other").exit_code == 130
    assert " after 2 of 3 epochs |" in (tmp_path / "other" / "table2.md").read_text()
    monkeypatch.setattr(table2_run, "train", real)
    result = command(*options, "--out", tmp_path / "other", "--resume")
    assert result.exit_code == 0
    assert "epoch 3 of 3" in result.stderr
    assert "epoch 2 of 3" not in result.stderr
    assert numbers(tmp_path / "other") == numbers(tmp_path / "whole")


def test_stopped_while_steps_are_measured(few, tmp_path, monkeypatch):
    """What was measured is kept, and --resume goes on."""
    measured, options = [], (*ALL, "--epochs", 2, "--out", tmp_path)

    def measure(setting, column, row, folder, most):
        if len(measured) == 3:
            raise KeyboardInterrupt
        measured.append((column, row))
        return RATE

    monkeypatch.setattr(table2_run, "train", fake_train([]))
    monkeypatch.setattr(table2_run, "measure", measure)
    result = command(*options)
    assert result.exit_code == 130
    assert "0 runs are done and kept" in result.stderr
    assert "--resume goes on; how long it takes was not measured yet" in result.stderr
    monkeypatch.setattr(table2_run, "measure", lambda *arguments: measured.append(arguments[1:3]) or RATE)
    assert command(*options, "--resume").exit_code == 0
    assert len(measured) == len(set(measured)) == 8
    assert command(*options, "--resume").exit_code == 0
    assert len(measured) == 8


def test_earlier_results_are_put_aside_with_a_line(few, tmp_path, monkeypatch):
    monkeypatch.setattr(table2_run, "train", fake_train([]))
    options = ("--columns", "plain", "--epochs", 1, "--out", tmp_path)
    assert "earlier results" not in command(*options).stderr
    result = command(*options)
    assert f"the earlier results are now in {tmp_path / 'previous'}; --resume would have gone on" in result.stderr


def test_more_epochs_seeds_and_columns_are_added(few, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(table2_run, "train", fake_train(calls))
    assert command("--columns", "plain", "--epochs", 2, "--out", tmp_path).exit_code == 0
    first = len(calls)
    assert command("--columns", "plain", "--epochs", 2, "--seeds", 2, "--out", tmp_path, "--resume").exit_code == 0
    assert len(calls) == first + 4
    assert command(*ALL, "--epochs", 2, "--no-dropout", "--out", tmp_path, "--resume").exit_code == 0
    assert len(calls) == first + 4 + 8
    assert command("--columns", "plain", "--epochs", 3, "--out", tmp_path, "--resume").exit_code == 0
    assert len(calls) == first + 4 + 8 + 4  # the tuning stays
    text = (tmp_path / "table2.md").read_text()
    assert "plain, within the first 2 epochs of all seeds: CurveBall " in text
    assert "(2 seeds)" in text
    assert command("--columns", "plain", "--epochs", 2, "--out", tmp_path).exit_code == 0  # anew
    assert sorted(p.name for p in (tmp_path / "previous").iterdir()) == sorted([*FILES, "cells", "plan.json"])


def test_the_schedule_is_as_long_as_the_run(few, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(table2_run, "train", fake_train(calls))
    assert command("--columns", "other", "--epochs", 12, "--out", tmp_path).exit_code == 0
    schedules = {key[-1] for key in calls if "SGD" in key[1] and key[2] == 12}
    assert schedules == {"pieces:epochs=0.3/8/1/2.7,factors=0.1/1/0.1/0.01"}
    assert {key[-1] for key in calls if "SGD" not in key[1] or key[2] == 1} == {"constant"}


# ------------------------------------------------------------------------------------- minutes


def test_minutes(few, tmp_path, monkeypatch):
    """By the measured times all ends within them, and the last column uses what is left."""
    clock = [0.0]
    monkeypatch.setattr(table2_run.time, "monotonic", lambda: clock[0])
    quick = fake_train([])

    def train(problem, solver, options, **more):
        data, batch = problem.data, problem.batch_size
        steps = options.epochs * (len(data.train_labels) // batch)
        clock[0] += RATE.start + steps * (RATE.step + RATE.image * batch)
        clock[0] += options.epochs * len(data.validation_labels) * RATE.validation
        return quick(problem, solver, options, **more)

    monkeypatch.setattr(table2_run, "train", train)
    for minutes, part in ((0.4, True), (2.0, False)):
        clock[0] = 0.0
        out = tmp_path / str(minutes)
        result = command(*ALL, "--minutes", minutes, "--out", out)
        assert result.exit_code == 0, result.stderr
        assert 0.5 * minutes < clock[0] / 60.0 < minutes
        text = (out / "table2.md").read_text()
        assert (" of 150 | 1 (whole: 3) |" in text) is part
        assert ("What was not run:" in text) is part
        lengths = {one.task.length for one in table2_cells.load(out).values() if one.task.column == "plain"}
        assert len(lengths) == 1
    assert command(*ALL, "--minutes", 0.4, "--out", tmp_path / "0.4", "--resume").exit_code == 0  # as it was planned
    clock[0] = 0.0
    result = command(*ALL, "--minutes", 0.01, "--out", tmp_path / "none")
    assert "there is less time than the shortest runs take, about " in result.stderr


# ------------------------------------------------------------------------------------- tables


def test_the_text_by_hand(few):
    cells = [
        cell(errors=((0.5, 0.6), (0.3, 0.7), (0.4, 0.5))),
        cell(errors=((0.5, 0.6), (0.2, 0.7), (0.4, 0.3)), seed=1),
        cell(row="adam", solver="adam:lr=0.1", stopped="the loss is nan", errors=()),
        cell(row="curveball", solver="curveball", errors=((0.5, 0.6), (0.2, 0.7))),
        cell("other", "sgd", ((0.25, 0.35),) * 3),
        cell("other", "sgd", ((0.15, 0.45),) * 3, dropout=True),
        cell(solver="sgd:lr=0.1", tuning=True, seed=1000, errors=((0.5, 0.5),)),
        cell(solver="sgd:lr=0.01", tuning=True, seed=1000, errors=((0.6, 0.6),)),
    ]
    rates = {("other", "curveball"): Rate(10.0, 1.0, 0.1, 0.0)}
    text = markdown(Results(cells, {}, rates, {}))
    lines = text.splitlines()
    estimate = 10 + 3 * 15 * (1.0 + 10 * 0.1)
    assert lines[2] == f"| CurveBall | 20.00 / 60.00 after 2 of 3 epochs | not run: about {estimate:.0f} s |"
    assert lines[4] == "| SGD with momentum | 25.00 ± 7.07 / 40.00 ± 14.14 | 25.00 / 35.00 (15.00 / 45.00) |"
    assert lines[5].startswith("| Adam | diverged | not run: about ")
    assert (
        "- plain, SGD with momentum: 0.1: 50.0%, 0.01: 60.0%; taken 0.1, at an end of the grid; 8 steps, 6 s, " in text
    )
    assert "| SGD with momentum | 200 | 200 |" in text  # 3 seconds an epoch of 15 steps
    assert "- plain, other: " in text
    nothing = markdown(Results([], {}, {}, {"plain": "it has no data"}))
    assert "| CurveBall | not run | not run |" in nothing
    assert "- plain was not run: it has no data" in nothing
    assert "- other was not run. 4 epochs of 50,000 images: `curveball table2 --columns other`" in nothing
    some = markdown(Results([cell()]))  # an estimate from a run, by multiplications
    assert "| SGD with momentum | 30.00 / 40.00 after 1 of 3 epochs | not run: about " in some


@pytest.mark.parametrize(("disturbed", "epochs"), [(0, 1), (1, 2), (3, 4), (6, 8), (7, 10)])
def test_an_epoch_takes_as_long_as_the_quick_ones(disturbed, epochs):
    one = cell(errors=((0.3, 0.4),) * epochs)
    for k, epoch in enumerate(one.epochs):
        epoch["seconds"] += 70.0 * min(k + 1, disturbed)
    assert one.epoch_seconds == 3.0


def test_the_ranges_of_epochs_and_seeds(few):
    cells = [
        cell(errors=((0.3, 0.4),) * 3),
        cell(row="adam", solver="adam", errors=((0.3, 0.4),) * 2),
        cell(row="adam", solver="adam", errors=((0.3, 0.4),), seed=1),
        cell(row="curveball", solver="curveball", errors=(), seed=0, stopped="the loss is nan"),
    ]
    text = markdown(Results(cells))
    assert "| plain | mlp | digits | 150 | 1 to 3 | 10 | 1 to 2 of 0, 1 |" in text.replace(" (whole: 3)", "")
    assert "- plain was run for 1 to 3 epochs of 150 images. 6 runs of 3 epochs of 150 images: about " in text
    text = markdown(Results(cells[:1]))
    assert "| plain | mlp | digits | 150 | 3 | 10 | 0 |" in text
    assert "plain was" not in text


def test_what_to_type_for_the_rest():
    text = markdown(Results([], data="cifar100"))
    assert "epochs of 50,000 images: `curveball table2 --columns basic --data cifar100`" in text
    assert "epochs of 50,000 images: `curveball table2 --columns vgg-f --imagenet-folder DIR`" in text
    assert "| resnet18 | resnet18 (resnet18-dropout) | CIFAR-100 | not run |" in text
    assert "first convolution is every 2 pixels, not every 4" in text
    one, photographs = cell("basic"), cell("vgg-f")
    one.about["data"] = "cifar100"  # says it for the other columns, where a table is only put together
    photographs.about["training_images"] = [150, 224, 224, 3]
    text = markdown(Results([one, photographs]))
    assert "`curveball table2 --columns resnet18 --data cifar100 --backend torch --compile`" in text
    assert "`curveball table2 --columns vgg-f --imagenet-folder DIR --image-size 224 --epochs 40 --backend" in text
    assert "--columns basic`" in markdown(Results([])).replace(" --data cifar10`", "`")


def test_a_pause_of_the_machine_does_not_count(tmp_path, monkeypatch):
    """Neither in the milliseconds of a step nor in figure 3, though it is in most of the epochs."""
    paused = cell("basic", errors=((0.3, 0.4),) * 5)
    for k, epoch in enumerate(paused.epochs):
        epoch["seconds"] += 5000.0 * min(k, 3)
    assert paused.seconds == 15015.0
    assert "| SGD with momentum | 200 |" in markdown(Results([paused], {}, {}, {}))
    drawn = []
    monkeypatch.setattr(table2_figures, "save", lambda figure, path: drawn.append(figure))
    table2_figures.draw([paused], tmp_path / "figure3.png", "seconds")
    assert drawn[0].axes[0].lines[0].get_xdata().tolist() == [3.0, 6.0, 9.0, 12.0, 15.0]


# ------------------------------------------------------------------------------------- what is refused


def test_a_damaged_plan_and_other_images(few, tmp_path, monkeypatch):
    monkeypatch.setattr(table2_run, "train", fake_train([]))
    options = ("--columns", "plain", "--epochs", 1, "--out", tmp_path)
    assert command(*options).exit_code == 0
    plan = tmp_path / "plan.json"
    content = json.loads(plan.read_text())
    plan.write_text("{}")
    result = command(*options, "--resume")
    assert (result.exit_code, result.stderr.startswith(f"curveball: {plan} cannot be read (")) == (2, True)
    content["lengths"]["plain"]["batch_size"] = 16
    plan.write_text(json.dumps(content))
    result = command(*options, "--resume")
    assert result.exit_code == 2
    assert "is of batch_size=32, this run is of batch_size=16: give another --out" in result.stderr


def other_data(data):
    """The same images, but for one pixel."""
    images = data.train_images.copy()
    images[0, 0, 0] += 1
    return replace(data, train_images=images)


@pytest.mark.parametrize("more", [(), ("--seed", 5), ("--solvers", "adam")], ids=["same", "other seed", "other row"])
def test_other_data_are_refused(few, tmp_path, monkeypatch, more):
    """One line before anything is trained, and nothing is lost."""
    monkeypatch.setattr(table2_run, "train", fake_train([]))
    one = ("--columns", "plain", "--epochs", 2, "--out", tmp_path)
    assert command(*one, "--solvers", "curveball,sgd").exit_code == 0
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix == ".json"}
    for changed, words in ((replace(few, name="cifar100"), "data=digits"), (other_data(few), "train_images=")):
        monkeypatch.setattr(Setting, "dataset", lambda self, column, changed=changed: changed)
        result = command(*one, *more, "--resume")
        assert result.exit_code == 2
        line = result.stderr.splitlines()[-1]
        assert f"curveball: {tmp_path / 'cells' / 'plain-'}" in line
        assert f"cell.json is of {words}" in line
        assert "give another --out, or the data as before" in line
    files = {path: path.read_bytes() for path in kept if path.parent.parent.name == "cells"}
    assert files == {path: text for path, text in kept.items() if path in files}
    assert len(table2_cells.load(tmp_path)) == 4
    monkeypatch.setattr(Setting, "dataset", lambda self, column: few)
    assert command(*one, *more, "--resume").exit_code == 0


def test_one_tuning_for_all_seeds(few, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(table2_run, "train", fake_train(calls))
    options = ("--columns", "plain", "--epochs", 2, "--out", tmp_path)
    assert command(*options).exit_code == 0
    tuning = {name for name in numbers(tmp_path) if "tuning" in name}
    assert all(name.endswith("-seed1000") for name in tuning)
    assert command(*options, "--seed", 5, "--resume").exit_code == 0
    assert {name for name in numbers(tmp_path) if "tuning" in name} == tuning
    older = cell(solver="sgd:lr=0.3", tuning=True, seed=1005, errors=((0.01, 0.5),))
    known = cell(solver="sgd:lr=0.1", tuning=True, seed=1000, errors=((0.5, 0.5),))
    assert "SGD with momentum: 0.1: 50.0%; 4 steps, 3 s, seed 1000" in markdown(Results([older, known]))


def test_a_row_has_one_learning_rate(few, tmp_path, monkeypatch):
    """As that of runs whose tuning is not that of now."""
    monkeypatch.setattr(table2_run, "train", fake_train([]))
    options = ("--columns", "plain", "--solvers", "sgd", "--epochs", 2, "--out", tmp_path)
    assert command(*options).exit_code == 0
    (run,) = (one for one in table2_cells.load(tmp_path).values() if not one.task.tuning)
    other = replace(run, task=replace(run.task, solver="sgd:lr=0.7,momentum=0.9", seed=5))
    table2_cells.save(tmp_path, other)
    result = command(*options, "--resume")
    assert result.exit_code == 2
    assert "plain-sgd-lr=0.7-seed5/cell.json is of sgd:lr=0.7,momentum=0.9, and sgd:lr=0" in result.stderr


def test_minutes_cannot_become_epochs(few, tmp_path, monkeypatch):
    """A part of the images stays one, which is said; whole ones go on."""
    monkeypatch.setattr(table2_run, "train", fake_train([]))
    one = ("--columns", "plain", "--solvers", "curveball", "--out", tmp_path / "part")
    assert command(*one, "--minutes", 0.01).exit_code == 0
    before = numbers(tmp_path / "part")
    ((task, _, _),) = before.values()
    assert task.length.images < 150
    words = f"plain was planned with --minutes 0.01: {task.length.images} of 150 images in batches of 4; give another"
    for more in (("--epochs", 2), ("--minutes", 5)):
        result = command(*one, *more, "--resume")
        assert (result.exit_code, words in result.stderr) == (2, True)
        assert len(result.stderr.splitlines()) == 2  # and what the data are
        assert numbers(tmp_path / "part") == before
    assert command(*one, "--minutes", 0.01, "--resume").exit_code == 0
    whole = (*one[:-1], tmp_path / "whole")
    assert command(*whole, "--minutes", 5).exit_code == 0
    assert command(*whole, "--epochs", 4, "--resume").exit_code == 0
    assert [len(errors) for _, errors, _ in numbers(tmp_path / "whole").values()] == [4]
    result = command(*whole, "--minutes", 9, "--resume")
    assert result.exit_code == 0
    assert "plain: as long as it was planned before; --epochs makes it longer" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--columns", "vgg"], "unknown column 'vgg': there are basic, basic-bn, resnet18, vgg-f"),
        (["--columns", ""], "each column is given once, and one at least"),
        (["--solvers", "sgd,sgd"], "each solver is given once"),
        (["--solvers", "newton"], "unknown solver 'newton': there are curveball, curveball-lambda, sgd, adam"),
        (["--epochs", 0], "--epochs must be at least 1; got 0"),
        (["--image-size", 4], "--image-size must be from 8 to 1024 pixels; got 4"),
        (["--image-size", 16], "images of 16 x 16 are too small for the network vgg-f-bn"),
        (["--image-size", 2000], "--image-size must be from 8 to 1024 pixels; got 2000"),
        (["--epochs", 1, "--minutes", 1], "give --epochs or --minutes, not both"),
        (["--minutes", 0], "--minutes must be positive, and less than a million; got 0"),
        (["--minutes", "nan"], "--minutes must be positive, and less than a million; got nan"),
        (["--seeds", 0], "--seeds must be at least 1; got 0"),
        (["--seed", -1], "seed must be zero or positive"),
        (["--data", "digits"], "--data must be cifar10 or cifar100; got 'digits'"),
        (["--resume"], "there is no run of Table 2 in "),
        (["--table"], "there is no run of Table 2 in "),
        (["somewhere"], "somewhere is only read with --table: give the folder of the runs with --out"),
        (["--backend", "torch7", "--columns", "vgg-f"], "unknown backend 'torch7'"),
    ],
)
def test_bad_options(options, words, tmp_path):
    result = command(*options, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr.startswith("curveball: ")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_columns_without_data(few, tmp_path, monkeypatch):
    """A line for each; the others run."""
    monkeypatch.setattr(table2_run, "train", fake_train([]))
    data = few

    def dataset(self, column):
        if column == "other":
            raise ValueError("there are no photographs")
        return data

    monkeypatch.setattr(Setting, "dataset", dataset)
    result = command(*ALL, "--epochs", 1, "--out", tmp_path / "one")
    assert result.exit_code == 0
    assert "other is left out: there are no photographs" in result.stderr
    assert "- other was not run: there are no photographs" in (tmp_path / "one" / "table2.md").read_text()
    before = numbers(tmp_path / "one")
    result = command("--columns", "other", "--epochs", 1, "--out", tmp_path / "one")
    assert result.exit_code == 2
    assert "curveball: no column has its data: there are no photographs" in result.stderr
    assert numbers(tmp_path / "one") == before  # earlier runs stay where they are
    assert not (tmp_path / "one" / "previous").exists()


def test_a_folder_that_was_given_must_do(few, tmp_path, monkeypatch):
    """An error in it ends the command at once: before any run, and before earlier ones are moved."""
    calls = []
    monkeypatch.setattr(table2_run, "train", fake_train(calls))
    assert command("--columns", "plain", "--epochs", 1, "--out", tmp_path).exit_code == 0
    before, done = numbers(tmp_path), len(calls)

    def dataset(self, column):
        if column == "other":
            raise ValueError("n01/3.JPEG is damaged")
        return few

    monkeypatch.setattr(Setting, "dataset", dataset)
    monkeypatch.setitem(FEW, "other", replace(FEW["other"], data="imagenet"))
    for column, option in (("cifar", "--data-folder"), ("imagenet", "--imagenet-folder")):
        monkeypatch.setitem(FEW, "other", replace(FEW["other"], data=column))
        for more in ((), ("--resume",)):
            result = command(*ALL, "--epochs", 1, "--out", tmp_path, option, tmp_path / "given", *more)
            assert (result.exit_code, result.stderr.splitlines()[-1]) == (2, "curveball: n01/3.JPEG is damaged")
    assert len(calls) == done
    assert numbers(tmp_path) == before
    assert not (tmp_path / "previous").exists()


def test_photographs_have_a_usual_place(tmp_path, monkeypatch):
    """Beside CIFAR-10."""
    monkeypatch.setenv("MINIGRAD_DATA_DIR", str(tmp_path))
    with pytest.raises(ValueError, match=f"put train and val in {tmp_path / 'imagenet'}, or say which folder"):
        Setting().dataset("vgg-f")
    loaded = []
    monkeypatch.setattr(table2_columns, "_loaded", lambda *arguments: loaded.append(arguments))
    Setting().dataset("vgg-f")
    Setting(imagenet_folder=tmp_path / "own").dataset("vgg-f")
    assert loaded == [("imagenet", None, 64), ("imagenet", tmp_path / "own", 64)]
    assert Setting().given_folder("vgg-f") is None
