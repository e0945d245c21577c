"""Table 2 with two small columns on digits, and runs that are made up."""

import os

import pytest
from typer.testing import CliRunner

from curveball.cli.app import app
from curveball.experiments import (
    table2_cells,
    table2_columns,
    table2_not_run,
    table2_plan,
    table2_results,
    table2_run,
    table2_tables,
    table2_time,
)
from curveball.experiments.table2_cells import Cell, Task
from curveball.experiments.table2_columns import Column, Length, Setting
from curveball.experiments.table2_time import Rate
from curveball.training.run import Run
from problems import Dataset, load

FEW = {"plain": Column("mlp", 10.0, 3), "other": Column("mlp", 1.0, 4, "mnist-mlp", pieces=True)}
GRID = {"sgd": (0.1, 0.01), "adam": (0.01, 0.001)}
PLACES = (
    table2_columns,
    table2_cells,
    table2_plan,
    table2_results,
    table2_not_run,
    table2_run,
    table2_tables,
    table2_time,
)
RATE = Rate(start=0.05, step=0.1, image=0.01, validation=0.0005)
RUNS = 2 * (4 + 4) + 4  # two columns with their tuning; one of them with dropout
ALL = ("--columns", "plain,other")


@pytest.fixture
def few(monkeypatch):
    """Two columns of small networks, 150 digits to train and 60 to validate, and grids of two learning rates."""
    d = load("digits")
    train_set = d.train_images[:150], d.train_labels[:150]
    data = Dataset.of("digits", d.classes, train_set, (d.validation_images[:60], d.validation_labels[:60]))
    monkeypatch.setattr(Setting, "dataset", lambda self, column: data)
    for module in PLACES:
        for name, value in (("COLUMNS", FEW), ("GRID", GRID), ("PAPER", ("plain", "other")), ("BATCH", 32)):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(table2_run, "measure", lambda setting, column, row, folder, most: RATE)
    monkeypatch.setattr(os, "fsync", lambda file: None)  # it takes longer than all else
    monkeypatch.setattr(table2_tables, "draw", lambda cells, path, against: path.touch())
    return data


def command(*arguments):
    return CliRunner().invoke(app, ["table2", *map(str, arguments)], prog_name="curveball")


def fake_train(calls, stop_after=None):
    """Errors that fall by arithmetic, and Ctrl-C after some runs."""

    def train(problem, solver, options, name, folder, callback):
        if len(calls) == stop_after:
            raise KeyboardInterrupt
        key = (problem.network.name, str(solver), options.epochs, options.seed, options.schedule)
        calls.append(key)
        start = 0.5 + (sum(map(ord, str(key))) % 40) / 100.0
        epochs = [
            {"epoch": k, "train_error": start / k, "train_loss": start / k, "validation_error": start / k + 0.05,
             "validation_loss": start, "seconds": 2.0 * k}
            for k in range(1, options.epochs + 1)
        ]  # fmt: skip
        for record in epochs:
            callback({"kind": "epoch", **record})
        return Run(name, None, epochs=epochs)

    return train


def cell(column="plain", row="sgd", errors=((0.3, 0.4),), *, stopped=None, seed=0, solver="sgd:lr=0.1", **facts):
    """One made up: training and validation error of each epoch."""
    length = facts.pop("length", Length(3, 150, 60, 10, 40, 150))
    epochs = [
        {"epoch": k, "train_error": e, "train_loss": e, "validation_error": v, "seconds": 3.0 * k}
        for k, (e, v) in enumerate(errors, 1)
    ]
    task = Task(column, row, solver, seed, length, **facts)
    return Cell(task, {"data": "digits", "batch_size": 10}, {"cores": 2, "processor": "one"}, epochs, stopped)


def numbers(folder):
    return {name: (cell.task, cell.epochs and [e["train_error"] for e in cell.epochs], cell.stopped)
            for name, cell in table2_cells.load(folder).items()}  # fmt: skip
