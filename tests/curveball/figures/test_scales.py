"""Axes that suit the numbers: powers of ten where there are two, else plain numbers."""

import pytest

from curveball.figures.scales import suit_axis
from curveball.figures.style import new_figure


def shown(values, y="loss"):
    """What stands at the ticks in sight."""
    figure, (ax,) = new_figure(1)
    ax.plot(range(len(values)), values)
    suit_axis(ax, y)
    figure.draw_without_rendering()
    low, high = ax.get_ylim()
    labels = [*ax.get_yticklabels(), *ax.get_yticklabels(minor=True)]
    return ax.get_yscale(), [
        label.get_text() for label in labels if label.get_text() and low <= label.get_position()[1] <= high
    ]


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([1.6, 0.5], ["0.5", "1"]),
        ([30.0, 3.4], ["5", "10", "20"]),
        ([0.98, 0.53], ["0.6", "0.7", "0.8", "0.9"]),
        ([99.0, 1.0], ["1", "2", "5", "10", "20", "50"]),
    ],
)
def test_a_loss_over_less_than_two_decades_has_plain_numbers(values, ticks):
    assert shown(values) == ("log", ticks)


def test_a_loss_over_decades_has_powers_of_ten():
    scale, ticks = shown([3.0, 3e-6])
    assert scale == "log"
    assert all(r"\mathdefault{10^{" in tick for tick in ticks)
    assert len(ticks) > 2


@pytest.mark.parametrize("values", [[0.531, 0.53], [0.5, 0.5]])
def test_a_loss_that_hardly_moves_has_an_axis(values):
    assert shown(values)[0] == "log"


def test_errors():
    assert shown([50.0, 20.0], "train_error")[0] == "linear"
    assert shown([50.0, 2.0], "train_error") == ("log", ["2", "5", "10", "20", "50"])
    assert shown([50.0, 2.0, 0.0], "train_error") == ("symlog", ["0", "2", "5", "10", "20", "50"])
