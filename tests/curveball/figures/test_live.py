"""Runs drawn while they train: when, with what, in a notebook and on a terminal."""

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from curveball import SGD, LivePlot
from curveball.figures import live as module
from curveball.figures import surroundings
from curveball.figures.notebook_screen import NotebookScreen, png
from curveball.figures.seeds import settled
from curveball.figures.terminal_chart import HEIGHT, chart, panels
from curveball.figures.terminal_screen import TerminalScreen
from curveball.training.options import TrainOptions
from curveball.training.run import Run
from curveball.training.train import train
from problems import Classification, Dataset, load, network


def step(k, **more):
    return {"kind": "step", "step": k, "epoch": 1, "loss": 1.0 / k, "error": 0.5, "seconds": 0.1 * k, **more}


def epoch(k):
    return {"kind": "epoch", "epoch": k, "step": 10 * k, "validation_error": 0.5 / k, "seconds": float(k)}


class Recorder:
    """A screen that counts, and may fail or be slow."""

    def __init__(self, clock=None, cost=0.0, error=None):
        self.shown, self.closed, self.clock, self.cost, self.error = [], False, clock, cost, error

    def show(self, runs):
        self.shown.append([(run.name, len(run.steps), len(run.epochs)) for run in runs])
        if self.clock:
            self.clock.now += self.cost
        if self.error:
            raise self.error

    def close(self):
        self.closed = True


def few_digits():
    d = load("digits")
    parts = (d.train_images[:96], d.train_labels[:96]), (d.validation_images[:40], d.validation_labels[:40])
    return Classification(Dataset.of("few", d.classes, *parts), network("mlp"), 32)


@pytest.fixture
def clock(monkeypatch):
    time = SimpleNamespace(now=100.0)
    monkeypatch.setattr(module.time, "perf_counter", lambda: time.now)
    return time


def test_training_is_what_it_is_without(tmp_path):
    screen = Recorder()
    options = TrainOptions(epochs=2, quiet=True)
    with LivePlot(screen) as live:
        drawn = train(few_digits(), SGD(0.1), options, callback=live.watch("SGD"))
    plain = train(few_digits(), SGD(0.1), options)
    assert [s["loss"] for s in drawn.steps] == [s["loss"] for s in plain.steps]
    assert screen.shown[0] == [("SGD", 1, 0)]
    assert screen.shown[-1] == [("SGD", 6, 2)]
    assert screen.closed


@pytest.mark.parametrize(("cost", "pictures"), [(0.0, 25), (1.0, 2)])
def test_drawing_takes_a_tenth_of_the_time_at_most(clock, cost, pictures):
    """Twelve seconds of steps: a picture each half second, or one for each ten times what a picture takes."""
    screen = Recorder(clock, cost)
    with LivePlot(screen) as live:
        callback = live.watch("SGD")
        for k in range(1, 101):
            callback(step(k))
            clock.now += 0.125
        during = len(screen.shown)
    assert during == pictures
    assert len(screen.shown) == during + 1  # the last one at the end


def test_a_terminal_that_is_gone_ends_no_run():
    with LivePlot(Recorder(error=OSError("closed"))) as live:
        live.watch("SGD")(step(1))


def test_a_long_run_keeps_few_steps(monkeypatch):
    monkeypatch.setattr(module, "MOST", 10)
    screen = Recorder()
    with LivePlot(screen) as live:
        callback = live.watch("SGD")
        for k in range(1, 1001):
            callback(step(k))
    assert 4 <= screen.shown[-1][0][1] <= 10


def test_a_further_seed_is_drawn_when_it_has_caught_up():
    """The mean of seeds is as long as the shortest: one that has just begun would cut off the rest."""
    one, two, other = (Run(name, None, epochs=[epoch(1)] * n) for name, n in (("a", 2), ("a", 1), ("b", 1)))
    assert settled([one, other]) == [one, other]
    assert settled([one, two]) == [one]
    two.epochs.append(epoch(2))
    assert settled([one, two]) == [one, two]
    assert settled([one]) == [one]


def test_neither_a_notebook_nor_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with LivePlot() as live:
        live.watch("SGD")(step(1))
    assert sys.stderr.getvalue().startswith("curveball: there is no notebook and no terminal to draw in")
    assert len(sys.stderr.getvalue().splitlines()) == 1


# ------------------------------------------------------------------------------------- the notebook


def test_a_notebook_has_one_picture_that_changes(monkeypatch):
    import IPython.display

    shown = []
    handle = SimpleNamespace(update=lambda picture: shown.append(("update", picture)))
    monkeypatch.setattr(
        IPython.display, "display", lambda picture, display_id: (shown.append((display_id, picture)), handle)[1]
    )
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(kernel=object()))
    assert isinstance(module.find_screen(), NotebookScreen)
    with LivePlot() as live:
        live.watch("sgd:lr=0.1")(step(1))
    assert [what for what, _ in shown] == [True, "update"]
    assert all(picture.data.startswith(b"\x89PNG") for _, picture in shown)


def test_without_a_kernel_it_is_no_notebook(monkeypatch):
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    assert not surroundings.in_notebook()
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace())  # IPython on a terminal
    assert not surroundings.in_notebook()


def test_the_first_picture_has_no_epoch_yet():
    assert png([Run("SGD", None, [step(1)])], module.SHOWN).startswith(b"\x89PNG")


# ------------------------------------------------------------------------------------- the terminal


def test_a_terminal_is_found(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert isinstance(module.find_screen(), TerminalScreen)


def printed(thing, width):
    file = io.StringIO()
    Console(file=file, width=width).print(thing)
    return file.getvalue()


def test_a_terminal_has_charts_and_the_last_numbers():
    file = io.StringIO()
    screen = TerminalScreen(module.SHOWN, Console(file=file, force_terminal=True, width=100, color_system=None))
    with LivePlot(screen) as live:
        for name in ("curveball", "sgd:lr=0.1"):
            callback = live.watch(name)
            for k in range(1, 21):
                callback(step(k))
            callback(epoch(1))
    last = file.getvalue()[-4000:]
    assert "training loss" in last
    assert "validation error, %" in last
    rows = [line.split() for line in last.splitlines() if "50.00%" in line]
    assert rows[-2:] == [
        ["CurveBall", "1", "1", "20", "0.05", "50.00%", "2.0"],
        ["SGD,", "lr", "0.1", "1", "1", "20", "0.05", "50.00%", "2.0"],
    ]


@pytest.mark.parametrize("braille", [True, False])
def test_a_chart_has_the_points_where_they_are(braille):
    """A straight line from the lower left to the upper right corner, in every column."""
    x = np.linspace(0.0, 10.0, 50)
    lines = chart([(x, 1.0 + x, "red")], "height", "time", 60, braille, y="height").plain.splitlines()
    assert lines[0].strip() == "height"
    assert lines[-1].split() == ["0", "time", "10"]
    rows = [line[11:] for line in lines[1:-1]]
    assert len(rows) == HEIGHT
    first = [next(k for k, cell in enumerate(row) if cell != " ") for row in rows]
    assert first == sorted(first, reverse=True)
    assert (first[-1], len(rows[0])) == (0, 49)
    assert all(any(row[k] != " " for row in rows) for k in range(49))
    assert (lines[1].split()[0], lines[-2].split()[0]) == ("11", "1")
    assert all(("*" in row) != braille for row in rows)


@pytest.mark.parametrize("y", [np.array([1.0]), np.array([2.0, 2.0]), np.array([-1.0, 0.0]), np.array([np.nan, 1.0])])
def test_charts_of_little(y):
    text = chart([(np.arange(1.0, len(y) + 1.0), y, "red")], "loss", "step", 40).plain
    assert any("⠀" < cell <= "⣿" for cell in text)
    assert "nothing yet" in chart([], "loss", "step", 40).plain
    assert chart([], "loss", "step", 40).plain.count("\n") == text.count("\n")


@pytest.mark.parametrize(("width", "lines"), [(100, 15), (60, 29)])
def test_charts_stand_side_by_side_where_there_is_room(width, lines):
    runs = [Run("sgd", None, [step(k) for k in range(1, 9)], [epoch(1), epoch(2)])]
    found = printed(panels(runs, module.SHOWN, width), width).splitlines()
    assert len(found) == lines
    assert max(map(len, found)) <= width
    assert found[-1].strip() == "── SGD"
