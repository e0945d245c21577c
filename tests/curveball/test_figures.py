"""Figures are files of pixels with labelled axes."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from curveball.figures import COLOURS, STYLES, draw_losses, new_figure, running_mean
from curveball.train import Run


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


def test_losses(tmp_path, saved):
    path = tmp_path / "losses.png"
    draw_losses([Run("one", {}, records(40, 0)), Run("two", {}, records(60, 1))], path, "a title")
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    image = imread(path)
    assert 300 < image.shape[0] < 1000
    assert 800 < image.shape[1] < 2000
    assert image.std() > 0.02  # not a blank page
    (figure,) = saved
    assert [(ax.get_xlabel(), ax.get_ylabel()) for ax in figure.axes] == [
        ("step", "training loss"),
        ("seconds of training", "training loss"),
    ]
    assert figure.get_suptitle() == "a title"
    for ax in figure.axes:
        assert ax.get_yscale() == "log"
        assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]
        one, two = (line for line in ax.lines if not line.get_label().startswith("_"))
        assert one.get_color() != two.get_color()
        assert one.get_linestyle() != two.get_linestyle()  # told apart without colours
        assert (len(one.get_xdata()), len(two.get_xdata())) == (40, 60)


def test_a_run_without_a_step_is_left_out(tmp_path, saved):
    draw_losses([Run("none", {}), Run("one", {}, records(5, 0))], tmp_path / "one.png", "")
    assert [text.get_text() for text in saved[0].axes[0].get_legend().get_texts()] == ["one"]
    draw_losses([Run("none", {})], tmp_path / "empty.png", "")
    assert saved[1].axes[0].get_legend() is None
    assert imread(tmp_path / "empty.png").ndim == 3


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
