"""Where curvature pays: the clock, the rules of tuning and winning by hand, all files, what is stopped and goes on."""

import contextlib
import csv
import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from curveball import SGD, GaussNewton, LevenbergMarquardt
from curveball.cli.app import app
from curveball.experiments import pays_run as module
from curveball.experiments import pays_tables
from curveball.experiments.pays_cells import files_in
from curveball.experiments.pays_problems import ENTRIES, GRID, NAMES, UNTUNED, batches, measure, solver_of
from curveball.experiments.pays_run import FLOOR, Cell, Plan, Point, Task, chosen, follow, run_cell
from curveball.experiments.pays_tables import FILES, gain, markdown, results, sooner, verdict, winners
from curveball.experiments.sealed import sealed
from problems.closed_form import get

REGRESSION = get("regression-1e2")


def ticking(step):
    """A clock that is read before and after each step, which takes `step` seconds."""
    reads = itertools.count(1)
    return lambda: step * (next(reads) // 2)


def made_up(problem, solver, loss, error=1.0, seed=0, seconds=2.0, stopped=None):
    row = {"newton-cg": "gauss-newton-cg"}.get(solver.partition(":")[0], solver.partition(":")[0])
    points = [Point(0.0, 0, 1.0, 1.0), Point(seconds, 10, loss, error)]
    return Cell(
        Task(problem, row, solver, seconds, seed),
        points,
        stopped,
        seconds,
        3.0,
        {"parameters": 20},
        {"lam": 1.0} if solver == "curveball" else {},
        {},
    )


# ------------------------------------------------------------------------------------- one run


def test_a_step_that_ends_too_late_does_not_count():
    """Steps of 0.3 s in 1 s: three count, and the result is measured after the third."""
    points, stopped = follow(REGRESSION, SGD(lr=0.1), 1.0, seed=0, clock=ticking(0.3))
    assert stopped is None
    assert [point.steps for point in points] == [0, 1, 2, 3]
    assert [point.seconds for point in points] == pytest.approx([0.0, 0.3, 0.6, 0.9])
    w = REGRESSION.init(np.random.default_rng([0, 0]))
    state = SGD(lr=0.1).init(w)
    for point in points:
        assert point.error == pytest.approx(REGRESSION.error(w))
        assert point.loss == pytest.approx(float(REGRESSION.loss(REGRESSION.model(w))) - REGRESSION.minimum)
        w, state, _ = SGD(lr=0.1).step(w, state, REGRESSION.model, REGRESSION.loss)


def test_measured_at_marks_that_are_evenly_spaced_on_a_logarithmic_scale():
    points, _ = follow(REGRESSION, SGD(lr=0.1), 1.0, seed=0, clock=ticking(1.0 / 512))
    seconds = [point.seconds for point in points[1:]]
    assert points[-1].steps == 512
    assert 20 <= len(seconds) <= module.MARKS + 1
    late = np.array([s for s in seconds if s > 0.05])
    assert np.all(np.diff(np.log10(late)) < 0.135)


def test_a_run_that_diverges():
    points, stopped = follow(REGRESSION, SGD(lr=1000.0), 1.0, seed=0, clock=ticking(1e-4))
    assert stopped.startswith("the loss is ")
    assert points[-1].steps < 20
    points, stopped = follow(get("factorisation-1e2"), GaussNewton(), 1.0, seed=0, clock=ticking(1e-2))
    assert stopped  # its matrix is singular everywhere


def test_a_measurement_that_is_not_finite_is_no_point():
    """Two steps are finite on the batch, and the params after the second are not."""

    class Breaks(type(REGRESSION)):
        def error(self, params):
            return math.nan if abs(params).max() > 1e3 else 1.0

    points, stopped = follow(Breaks(1e2), SGD(lr=100.0), 1.0, seed=0, clock=ticking(0.1))
    assert stopped.startswith("the loss is ")
    assert all(point.is_finite for point in points)


def test_a_run_that_stands_still_ends():
    points, stopped = follow(REGRESSION, LevenbergMarquardt(), 1.0, seed=0, clock=ticking(1e-4))
    assert stopped is None
    assert points[-1].seconds < 0.2
    assert points[-1].error < 1e-9


def test_the_batches_of_an_autoencoder_are_epochs_without_end():
    problem = ENTRIES["autoencoder-digits-small"].make(None, False)
    found = list(itertools.islice(batches(problem, np.random.default_rng(0)), problem.steps_per_epoch + 1))
    rng = np.random.default_rng(0)
    first = list(problem.batches(rng))
    assert all(np.array_equal(a.images, b.images) for a, b in zip(found, first, strict=False))
    assert np.array_equal(found[-1].images, next(iter(problem.batches(rng))).images)
    params = problem.init(np.random.default_rng(0))
    loss, error = measure(problem, params, found[0])
    assert loss == pytest.approx(problem.training_loss(params) - problem.entropy)
    assert error == problem.error(params)
    assert ENTRIES["autoencoder-digits-small"].make(None, True).batch_size == 1437


def test_every_solver_of_every_entry_exists():
    for entry in ENTRIES.values():
        assert set(entry.rows) <= set(NAMES)
        for row in entry.rows:
            for text in GRID.get(row) or (entry.text(row),):
                assert hasattr(solver_of(text), "step")
    assert set(GRID) | set(UNTUNED) == set(NAMES)


@pytest.mark.parametrize("row", ["gauss-newton", "gauss-newton-cg", "levenberg-marquardt"])
def test_second_order_solves_the_worst_regression(row):
    problem, text = get("regression-1e8"), ENTRIES["regression-1e8"].text(row)
    points, stopped = follow(problem, solver_of(text), 1.0, seed=0, clock=ticking(1.0 / 256))  # 256 steps at most
    assert stopped is None
    assert points[-1].loss < 1e-16
    assert points[-1].error < 1e-6


def test_what_a_cell_says_of_its_problem():
    cell = run_cell(Task("regression-1e8", "sgd", "sgd:lr=1", 0.02, seed=0))
    assert cell.described == {"parameters": 20, "condition": 1e8}
    assert 0.0 < cell.seconds <= 0.02 < cell.wall
    assert {"versions", "processor", "blas"} <= set(cell.provenance)


# ------------------------------------------------------------------------------------- the rules


def test_the_plan():
    plan = Plan(("regression-1e2", "factorisation-1e4"), ("curveball", "sgd", "gauss-newton"), seconds=4.0, seeds=2)
    assert plan.rows_of("factorisation-1e4") == ("curveball", "sgd")  # Gauss-Newton is singular there
    short = plan.tuning("regression-1e2")
    assert [task.solver for task in short] == list(GRID["sgd"])
    assert {(task.seconds, task.seed) for task in short} == {(1.0, 0)}
    cells = [made_up(t.problem, t.solver, loss=k % 7 + 1.0, seconds=1.0) for k, t in enumerate(short)]
    tasks = plan.tasks("regression-1e2", cells)
    lowest = {GRID["sgd"][k] for k in (7, 14, 21)}  # of the four with the loss 1, all but that of the largest rate
    assert {task.solver for task in tasks if task.row == "sgd"} == lowest
    assert [(task.row, task.seed) for task in tasks[:5]] == [
        ("curveball", 0), *[("sgd", 0)] * 3, ("gauss-newton", 0),
    ]  # fmt: skip
    assert len(tasks) == 10
    count, seconds = plan.counts("regression-1e2")
    assert count == len(short) + len(tasks)
    assert seconds == sum(task.seconds for task in (*short, *tasks))
    assert all(plan.has(task) for task in (*short, *tasks))
    assert not plan.has(Task("regression-1e2", "curveball", "curveball", 4.0, seed=2))
    assert not plan.has(Task("regression-1e2", "adam", "adam:lr=0.1", 4.0, seed=0))


def test_the_best_median_counts_and_one_that_diverges_cannot():
    losses = {"sgd:lr=1": [0.1, math.inf, math.inf], "sgd:lr=0.1": [0.5, 0.4, 9.0], "sgd:lr=0.01": [0.6, 0.6, 0.6]}
    cells = [
        made_up("regression-1e2", text, 0.0 if loss == math.inf else loss, seed=k, stopped="nan" * (loss == math.inf))
        for text, own in losses.items()
        for k, loss in enumerate(own)
    ]
    assert {cell.task.solver for cell in chosen(cells)} == {"sgd:lr=0.1"}
    tie = [made_up("regression-1e2", f"sgd:lr={lr}", 0.5) for lr in (0.1, 0.01)]
    assert [cell.task.solver for cell in chosen(tie)] == ["sgd:lr=0.01"]


def test_who_wins_by_hand():
    cells = [
        *(made_up("regression-1e2", text, loss) for text, loss in
          (("curveball", 1e-3), ("sgd:lr=1,momentum=0.9", 1e-2), ("adam:lr=0.1", 1e-4), ("gauss-newton", -1e-19))),
        *(made_up("factorisation-1e2", text, loss) for text, loss in
          (("curveball", 2.0), ("sgd:lr=1,momentum=0.9", 6.0), ("adam:lr=0.1", 9.0), ("newton-cg", 2.05))),
        *(made_up("autoencoder-digits", text, loss) for text, loss in
          (("curveball", 5.0), ("sgd:lr=1,momentum=0.9", 4.0), ("adam:lr=0.1", 7.0))),
        *(made_up("exponentials-2", text, loss) for text, loss in
          (("curveball", 1e-3), ("sgd:lr=1,momentum=0.9", 0.0), ("gauss-newton", 1e-18))),
    ]  # fmt: skip
    found = results(cells)
    assert winners(found["regression-1e2"]) == ["gauss-newton"]
    assert winners(found["factorisation-1e2"]) == ["curveball", "gauss-newton-cg"]
    assert gain(found["regression-1e2"]) == pytest.approx(1e-4 / FLOOR)
    assert gain(found["regression-1e2"], ("curveball",)) == pytest.approx(0.1)
    assert gain(found["factorisation-1e2"]) == pytest.approx(3.0)
    assert verdict(found) == [
        "- Second order pays by orders of magnitude on: regression-1e2.",
        "- Second order pays by a factor on: factorisation-1e2.",
        "- Second order does not pay on: autoencoder-digits.",
        "- First and second order both end at rounding on: exponentials-2.",
        "- CurveBall, untuned, ends below tuned SGD and tuned Adam on: factorisation-1e2.",
        "- CurveBall does not on: regression-1e2, autoencoder-digits, exponentials-2.",
    ]
    short = [made_up("regression-1e2", f"sgd:lr={lr},momentum=0.9", 1.0) for lr in (30, 1)]
    text = markdown(short, cells)
    assert markdown([], cells) == text.partition("\n\nTuning")[0]
    note = "PCA, with a code of the same size, fitted to the training images, has the errors: autoencoder-digits 0.200."
    assert note not in text
    assert f"|\n\n{note}\n\nTuning" in markdown(short, cells, {"autoencoder-digits": 0.2, "another": 1.0})
    assert "| regression-1e2 | 20 | 2 | 0.001 | 0.01 | 0.0001 | **below 1e-17** |  | 1e+13 | 1 | 0.1 | - |" in text
    assert "| factorisation-1e2 | 20 | 2 | **2** | 6 | 9 |  | **2.05** | 3 | 1 | 3 | 1 |" in text
    assert "| regression-1e2 | lr=1,momentum=0.9 | 2, 4 |" in text


def test_how_much_sooner_by_hand():
    """SGD is within 5% of its last loss, 0.5, at 1.6 s, in the median of the seeds; Gauss-Newton at 0.2 s."""

    def curve(solver, *points, seed=0):
        cell = made_up("regression-1e2", solver, points[-1][1], seed=seed)
        return replace(
            cell, points=[cell.points[0], *(Point(t, k + 1, loss, 1.0) for k, (t, loss) in enumerate(points))]
        )

    cells = [
        curve("sgd:lr=1", (1.0, 0.6), (1.6, 0.52), (2.0, 0.5)),
        curve("sgd:lr=1", (1.0, 0.6), (1.6, 0.51), (2.0, 0.5), seed=1),
        curve("sgd:lr=1", (1.0, 0.6), (1.6, 0.60), (2.0, 0.5), seed=2),
        curve("adam:lr=1", (0.1, 0.9), (2.0, 0.8)),
        *(curve("gauss-newton", (0.1, 0.7), (0.2, 0.1), (2.0, 0.1), seed=k) for k in range(3)),
        *(curve("curveball", (0.1, 0.7), (2.0, 0.6), seed=k) for k in range(3)),
    ]
    assert sooner(cells) == pytest.approx(8.0)
    assert sooner(cells, ("curveball",)) is None
    assert sooner(cells[:4]) is None


# ------------------------------------------------------------------------------------- the command


def command(*arguments):
    return CliRunner().invoke(app, ["pays", *map(str, arguments)], prog_name="curveball")


@pytest.fixture
def short_grid(monkeypatch):
    """Three settings of SGD, two of Adam; two problems take few runs."""
    grid = {"sgd": ("sgd:lr=1,momentum=0.9", "sgd:lr=0.1,momentum=0.9"), "adam": ("adam:lr=0.1", "adam:lr=0.01")}
    monkeypatch.setattr(module, "GRID", grid)
    return ("--problems", "regression-1e2,exponentials-2", "--solvers", "curveball,sgd,adam,levenberg-marquardt")


def test_every_file(short_grid, tmp_path):
    options = (*short_grid[2:], "--problems", "regression-1e2")
    result = command(*options, "--seconds", 0.02, "--seeds", 2, "--out", tmp_path)
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES, "cells"])
    assert "; 1 of 16 runs, about " in result.stderr.splitlines()[0]
    assert "; 16 of 16 runs, about 0 s left" in result.stderr.splitlines()[-1]
    found = json.loads((tmp_path / "pays.json").read_text())
    assert len(found["tuning"]) == 8
    assert len(found["cells"]) == 8
    assert {"versions", "processor", "command", "date", "blas", "protocol", "seeds"} <= set(found)
    assert all(cell["points"][0][1] == 0 for cell in found["cells"])
    assert all(cell["points"][-1][0] <= cell["seconds"] for cell in found["cells"])
    assert found["problems"] == {"regression-1e2": {"parameters": 20, "condition": 100.0}}
    rows = list(csv.DictReader((tmp_path / "pays.csv").read_text().splitlines()))
    assert [row["counts"] for row in rows] == ["0"] * 8 + ["1"] * 8
    text = (tmp_path / "pays.md").read_text()
    assert text.startswith("# Where curvature pays: the tables\n\n- Second order pays by orders of magnitude on: ")
    for figure in ("pays-loss.png", "pays-error.png"):
        assert (tmp_path / figure).read_bytes().startswith(b"\x89PNG")
    assert command(*options, "--seconds", 0.01, "--out", tmp_path).exit_code == 0  # the earlier results are kept
    assert sorted(path.name for path in (tmp_path / "previous").iterdir()) == sorted([*FILES, "cells"])


def fake_run_cell(calls, stop_after=None):
    """Results by arithmetic, and Ctrl-C after some."""

    def run(task, folder):
        if len(calls) == stop_after:
            raise KeyboardInterrupt
        calls.append(task)
        loss = (sum(map(ord, str(task))) % 97 + 1) / 100.0
        return made_up(task.problem, task.solver, loss, seed=task.seed, seconds=task.seconds)

    return run


@pytest.mark.parametrize("after", [1, 11])
def test_stopped_and_resumed(short_grid, tmp_path, monkeypatch, after):
    whole, calls = [], []
    monkeypatch.setattr(pays_tables, "draw", lambda cells, key, label, path: path.write_bytes(b""))
    monkeypatch.setattr(module, "run_cell", fake_run_cell(whole))
    assert command(*short_grid, "--out", tmp_path / "whole").exit_code == 0
    assert len(whole) == 20
    monkeypatch.setattr(module, "run_cell", fake_run_cell(calls, stop_after=after))
    result = command(*short_grid, "--out", tmp_path / "other")
    assert result.exit_code == 130
    assert f"curveball: interrupted: {after} of 20 cells are kept in {tmp_path / 'other'}, --resume" in result.stderr
    monkeypatch.setattr(module, "run_cell", fake_run_cell(calls))
    assert command(*short_grid, "--out", tmp_path / "other", "--resume").exit_code == 0
    assert calls == whole
    assert (tmp_path / "other/pays.csv").read_text() == (tmp_path / "whole/pays.csv").read_text()
    more = ("--seeds", 2, "--out", tmp_path / "whole", "--resume")
    assert command(*short_grid, *more).exit_code == 0  # a further seed is added
    assert {task.seed for task in calls[20:]} == {1}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text[:-40], "cannot be read (Unterminated string"),
        (lambda text: "[]", "cannot be read (it has no cell): remove it"),
        (lambda text: text.replace('"regression-1e2"', '"regression-1e3"'), "there is no problem regression-1e3"),
        (lambda text: text.replace('"lam": 1.0', '"lam": 2.0'), "(curveball has other settings now): remove it"),
        (lambda text: text.replace('"steps": 0', '"steps": 1'), "its measurements are not those of a run"),
        (
            lambda text: text.replace('"seconds": 2.0, "wall"', '"seconds": 99.0, "wall"'),
            "its numbers are out of range",
        ),
        (lambda text: text.replace('"protocol": 1', '"protocol": 0'), "is of protocol=0, this run is of protocol=1"),
    ],
)
def test_damaged_cells_are_named(tmp_path, damage, words):
    files_in(tmp_path).save(made_up("regression-1e2", "curveball", 0.5))
    [path] = (tmp_path / "cells").iterdir()
    text = damage(path.read_text())
    with contextlib.suppress(ValueError, TypeError):  # a forged file, of which the hash is right
        content = json.loads(text)
        del content["sha256"]
        text = json.dumps(sealed(content))
    path.write_text(text)
    result = command("--problems", "regression-1e2", "--out", tmp_path, "--resume")  # of all, some need a download
    assert result.exit_code == 2
    assert result.stderr.startswith(f"curveball: {path}")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_cells_come_back_as_they_were(tmp_path):
    cell = run_cell(Task("exponentials-2", "adam", "adam:lr=0.1", 0.02, seed=1))
    files = files_in(tmp_path)
    files.save(cell)
    assert files.load() == {cell.task: cell}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--problems", "regression"], "unknown problem 'regression': there are regression-1e2, "),
        (["--solvers", "newton"], "unknown solver 'newton': there are curveball, sgd, adam"),
        (["--solvers", "adam,adam"], "each solver is given once"),
        (["--seconds", 0], "--seconds must be positive"),
        (["--seconds", "nan"], "--seconds must be positive"),
        (["--seeds", 0], "--seeds must be at least 1; got 0"),
        (["--seed", -1], "--seed must be zero or positive; got -1"),
        (["--problems", "factorisation-1e2", "--solvers", "gauss-newton"], "none of the solvers gauss-newton is for"),
        (["--problems", "regression-1e2", "--resume"], "there is no run of curveball pays in "),
    ],
)
def test_bad_options(options, words, tmp_path):
    result = command(*options, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr.startswith("curveball: ")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()
