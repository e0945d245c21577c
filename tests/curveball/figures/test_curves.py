"""Figures are files of pixels with labelled axes, and lines with names at their ends."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread
from PIL import Image

from curveball.figures.curves import draw_errors, draw_losses
from curveball.figures.seeds import running_mean
from curveball.figures.style import COLOURS, DPI, STYLES, look, new_figure, save, styled
from curveball.training.run import Run


def records(n, seed):
    loss = np.exp(-np.arange(n) / 20.0) * np.random.default_rng(seed).uniform(0.8, 1.2, n)
    return [{"step": k + 1, "seconds": 0.1 * (k + 1), "loss": float(value)} for k, value in enumerate(loss)]


@pytest.fixture
def saved(monkeypatch):
    """The figures as they are saved."""
    figures = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), save(self, *a, **k))[1])
    return figures


def names(figure):
    """The names of the lines, which stand at their ends, the same in every panel."""
    left, *others = [[text.get_text() for text in ax.texts] for ax in figure.axes]
    assert all(other == left for other in others)
    return left


def thick(ax):
    """The lines with names."""
    return [line for line in ax.lines if not line.get_label().startswith("_")]


def of_epochs(name, train_errors, validation_errors, seconds=2.0, stopped=None):
    epochs = [
        {"epoch": k + 1, "seconds": seconds * (k + 1), "train_error": a, "validation_error": b}
        for k, (a, b) in enumerate(zip(train_errors, validation_errors, strict=True))
    ]
    return Run(name, {}, [], epochs, stopped=stopped)


def test_losses(tmp_path, saved):
    path = tmp_path / "losses.png"
    draw_losses([Run("one", {}, records(40, 0)), Run("two", {}, records(60, 1))], path, "a title")
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    image = imread(path)
    assert image.shape[:2] == (792, 2112)  # 9.6 x 3.6 inches, twice 110 pixels for each
    assert image.std() > 0.02  # not a blank page
    (figure,) = saved
    assert [(ax.get_xlabel(), ax.get_ylabel()) for ax in figure.axes] == [
        ("step", "training loss"),
        ("seconds of training", "training loss"),
    ]
    assert figure.get_suptitle() == "a title"
    assert names(figure) == ["one", "two"]
    for ax in figure.axes:
        assert ax.get_yscale() == "log"
        one, two = (line for line in ax.lines if not line.get_label().startswith("_"))
        assert one.get_color() != two.get_color()
        assert one.get_linestyle() != two.get_linestyle()  # told apart without colours
        assert (len(one.get_xdata()), len(two.get_xdata())) == (40, 60)


def test_a_png_is_small_and_keeps_its_colours(tmp_path):
    """Its resolution is written in it; 256 colours change no pixel to be seen."""
    with styled():
        figure, (ax,) = new_figure(1)
        for k in range(len(COLOURS)):
            ax.plot(np.arange(9.0), np.cos(np.arange(9.0) + k), **look(k))
    figure.savefig(tmp_path / "all.png", dpi=DPI)
    save(figure, tmp_path / "few.png")
    with Image.open(tmp_path / "all.png") as drawn, Image.open(tmp_path / "few.png") as kept:
        assert kept.mode == "P"
        np.testing.assert_allclose(kept.info["dpi"], 220.0, rtol=1e-4)
        change = np.abs(np.asarray(drawn.convert("RGB"), int) - np.asarray(kept.convert("RGB"), int))
    assert change.mean() < 0.2
    assert np.percentile(change, 99.9) < 16
    assert (tmp_path / "few.png").stat().st_size < 0.6 * (tmp_path / "all.png").stat().st_size
    for colour in (*COLOURS, "white"):
        rgb = np.round(255.0 * np.array(to_rgb(colour))).astype(int)
        assert (np.abs(imread(tmp_path / "few.png")[..., :3] * 255.0 - rgb).max(axis=-1) < 2.5).any(), colour


def test_a_run_without_a_step_is_left_out(tmp_path, saved):
    draw_losses([Run("none", {}), Run("one", {}, records(5, 0))], tmp_path / "one.png", "")
    assert names(saved[0]) == ["one"]
    draw_losses([Run("none", {})], tmp_path / "empty.png", "")
    assert names(saved[1]) == []
    assert imread(tmp_path / "empty.png").ndim == 3


def test_losses_of_several_seeds(tmp_path, saved):
    """Every seed faint, the running mean of their mean on top, against the mean of their seconds."""
    runs = [Run("one", {}, records(40, 0)), Run("one", {}, records(40, 1))]
    draw_losses(runs, tmp_path / "losses.png", "")
    for ax, key in zip(saved[0].axes, ("step", "seconds"), strict=True):
        assert len(ax.lines) == 3
        (line,) = thick(ax)
        mean = np.mean([[r["loss"] for r in run.steps] for run in runs], axis=0)
        np.testing.assert_allclose(line.get_ydata(), running_mean(mean, 20), rtol=1e-12)
        np.testing.assert_allclose(line.get_xdata(), [r[key] for r in runs[0].steps], rtol=1e-12)


@pytest.mark.parametrize(("against", "label", "x"), [
    ("epoch", "epoch", [1, 2, 3]),
    ("seconds", "seconds of training", [2.0, 4.0, 6.0]),
])  # fmt: skip
def test_errors_against_epochs_and_seconds(tmp_path, saved, against, label, x):
    """Figures 2 and 3: a line per solver, in per cent, on the left of training, on the right of validation."""
    runs = [of_epochs("one", [0.5, 0.2, 0.05], [0.4, 0.3, 0.31]), of_epochs("two", [0.6, 0.3, 0.1], [0.5, 0.4, 0.2])]
    draw_errors(runs, tmp_path / "figure.png", "a title", against)
    assert imread(tmp_path / "figure.png").std() > 0.02
    (figure,) = saved
    left, right = figure.axes
    assert [(ax.get_xlabel(), ax.get_ylabel()) for ax in (left, right)] == [
        (label, "training error, %"),
        (label, "validation error, %"),
    ]
    assert names(figure) == ["one", "two"]
    assert figure.get_suptitle() == "a title"
    assert len(left.lines) == len(right.lines) == 2  # with one seed nothing but the lines themselves
    for ax, expected in ((left, [[50, 20, 5], [60, 30, 10]]), (right, [[40, 30, 31], [50, 40, 20]])):
        for line, y in zip(ax.lines, expected, strict=True):
            np.testing.assert_allclose(line.get_xdata(), x)
            np.testing.assert_allclose(line.get_ydata(), y)
    assert left.get_yscale() == "log"  # 5 to 60
    assert right.get_yscale() == "linear"  # 20 to 50
    assert [text.get_text() for text in left.get_yticklabels()] == ["5", "10", "20", "50"]


def test_errors_of_several_seeds(tmp_path, saved):
    """Thin lines and their mean; a run that was stopped is drawn as far as it goes, and not in the mean."""
    runs = [
        of_epochs("one", [0.5, 0.2], [0.4, 0.3], seconds=1.0),
        of_epochs("one", [0.3, 0.1], [0.2, 0.1], seconds=3.0),
        of_epochs("one", [0.9], [0.9], stopped="the loss is nan"),
    ]
    draw_errors(runs, tmp_path / "figure.png", "", "seconds")
    left, right = saved[0].axes
    assert len(left.lines) == len(right.lines) == 4
    (mean,) = thick(left)
    np.testing.assert_allclose(mean.get_ydata(), [40.0, 15.0])
    np.testing.assert_allclose(mean.get_xdata(), [2.0, 4.0])
    np.testing.assert_allclose(thick(right)[0].get_ydata(), [30.0, 20.0])
    draw_errors([runs[2], of_epochs("one", [0.7, 0.5], [0.7, 0.5], stopped="too")], tmp_path / "two.png", "")
    np.testing.assert_allclose(thick(saved[1].axes[0])[0].get_ydata(), [80.0])  # all stopped: as far as all go


def test_an_error_of_nothing_has_a_place_on_the_axis(tmp_path, saved):
    draw_errors([of_epochs("one", [0.5, 0.01, 0.0], [0.5, 0.02, 0.01])], tmp_path / "figure.png", "")
    left, right = saved[0].axes
    assert (left.get_yscale(), right.get_yscale()) == ("symlog", "log")
    assert left.get_ylim()[0] == 0.0
    assert [text.get_text() for text in left.get_yticklabels()] == ["0", "1", "2", "5", "10", "20", "50"]


def test_errors_of_runs_without_an_epoch(tmp_path, saved):
    draw_errors([Run("none", {}, stopped="at once")], tmp_path / "empty.png", "")
    assert names(saved[0]) == []
    draw_errors([Run("none", {}, stopped="at once"), of_epochs("one", [0.0], [0.5])], tmp_path / "one.png", "")
    assert names(saved[1]) == ["one"]
    assert thick(saved[1].axes[0])[0].get_marker() == "o"  # one epoch is a point, not a line


def as_seen(colour, vision):
    """A colour in CIE Lab to an eye of this kind."""
    linear = np.array([x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in to_rgb(colour)])
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(vision @ linear, 0.0, 1.0) / to_xyz.sum(axis=1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


VISIONS = {  # Machado, Oliveira and Fernandes, IEEE TVCG 15(6), 2009, severity 1
    "most": np.eye(3),
    "without red": [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]],
    "without green": [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]],
}


@pytest.mark.parametrize("vision", VISIONS)
def test_colours_are_told_apart(vision):
    """A distance of 2 in Lab is what one just sees; here all are 15 and more apart."""
    seen = [as_seen(colour, np.array(VISIONS[vision])) for colour in COLOURS]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 15.0


def test_running_mean_is_that_of_a_loop():
    values = np.random.default_rng(0).standard_normal(20)
    expected = [np.mean(values[max(0, k - 6) : k + 1]) for k in range(20)]
    np.testing.assert_allclose(running_mean(values, 7), expected, rtol=1e-12, atol=1e-15)
    assert running_mean([], 3).shape == (0,)


def test_new_figure_and_its_looks():
    figure, axes = new_figure(3, width=2.0, height=1.5)
    assert axes.shape == (3,)
    assert figure.get_size_inches().tolist() == [6.0, 1.5]
    assert len(set(COLOURS)) == len(COLOURS) == len(STYLES) == len(set(STYLES))
    assert len({(look(k)["color"], look(k)["linestyle"]) for k in range(20)}) == 20
