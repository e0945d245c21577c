"""Names at the ends of lines: beside their ends, apart from each other, inside the picture."""

import numpy as np
import pytest
from matplotlib.text import Text
from scipy.optimize import LinearConstraint, minimize

from curveball.figures.end_labels import label_ends, spread
from curveball.figures.style import new_figure, styled


@pytest.mark.parametrize("seed", range(4))
def test_places_are_the_nearest_that_do_not_overlap(seed):
    """Against SciPy's solution of the same least-squares problem, inside as a whole."""
    rng = np.random.default_rng(seed)
    wanted, sizes = np.sort(rng.uniform(0.0, 1.0, 5)), rng.uniform(0.1, 0.2, 5)
    bounds = [(0.0, 1.0)] * 5
    bounds[0], bounds[-1] = (0.5 * sizes[0], 1.0), (0.0, 1.0 - 0.5 * sizes[-1])
    steps = np.eye(5, k=1)[:-1] - np.eye(5)[:-1]
    found = minimize(
        lambda y: np.sum((y - wanted) ** 2), np.linspace(0.0, 1.0, 5), bounds=bounds, method="SLSQP",
        constraints=LinearConstraint(steps, (sizes[1:] + sizes[:-1]) / 2.0, np.inf), options={"ftol": 1e-12},
    )  # fmt: skip
    np.testing.assert_allclose(spread(wanted.tolist(), sizes.tolist()), found.x, atol=1e-4)


def test_the_order_of_the_lines_does_not_matter():
    assert spread([0.9, 0.1, 0.1], [0.2] * 3) == [0.9, *spread([0.1, 0.1], [0.2] * 2)]
    assert spread([0.5], [0.2]) == [0.5]
    assert spread([0.3] * 11, [0.5] * 11) == pytest.approx(((np.arange(11) + 0.5) / 11).tolist())


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_labels_do_not_overlap_and_are_in_the_picture(scale):
    with styled():
        figure, axes = new_figure(2)
        for ax in axes:
            for k in range(6):
                ax.plot([1.0, 10.0], [5.0, 1.0 + 1e-3 * k], label=f"solver number {k}")
            ax.plot([1.0, 3.0], [5.0, 4.0], label="ends\nearly")
            ax.plot([1.0, 10.0], [np.nan, np.nan], label="has nothing")
            ax.plot([1.0, 10.0], [4.0, 4.0])
            ax.set_yscale(scale)
        label_ends(list(axes))
        figure.draw_without_rendering()
        for ax in axes:
            assert [text.get_text() for text in ax.texts] == [f"solver number {k}" for k in range(6)] + ["ends\nearly"]
            boxes = [Text.get_window_extent(text) for text in ax.texts]
            for k, a in enumerate(boxes):
                assert figure.bbox.x0 <= a.x0 < a.x1 <= figure.bbox.x1 + 1.0
                assert not any(a.overlaps(b) for b in boxes[:k])
            assert {text.get_color() for text in ax.texts[:6]} == {line.get_color() for line in ax.lines[:6]}


def test_a_label_does_not_lie_on_another_line():
    with styled():
        figure, (ax,) = new_figure(1)
        ax.plot([0.0, 1.0, 3.0], [5.0, 2.0, 1.0], label="short")
        ax.plot([0.0, 2.0, 10.0], [5.0, 1.05, 0.9], label="goes on")
        ax.plot([0.0, 2.0, 10.0], [np.nan, 3.0, 0.5], label="too")
        label_ends([ax])
        figure.draw_without_rendering()
        boxes = [Text.get_window_extent(text) for text in ax.texts]
        for line in ax.lines:
            x, y = (np.interp(np.linspace(0.0, 2.0, 2001), range(3), values) for values in line.get_data())
            points = ax.transData.transform(np.stack([x, y], 1))
            for box in boxes:
                inside = (points > (box.x0, box.y0)) & (points < (box.x1, box.y1))
                assert not np.any(np.all(inside, 1))
        assert not boxes[0].overlaps(boxes[1])
        assert abs(ax.texts[0].get_position()[1] - ax.texts[0].xy[1]) < 0.3


def test_where_all_is_full_a_label_stays_at_its_end():
    with styled():
        _, (ax,) = new_figure(1)
        ax.plot([0.0, 1.0], [5.0, 2.0], label="short")
        x = np.linspace(0.0, 10.0, 4000)
        ax.plot(x, 2.5 + 2.5 * np.cos(40.0 * x), label="everywhere")
        ax.set_ylim(0.0, 5.0)
        label_ends([ax])
        assert ax.texts[0].get_position()[1] == pytest.approx(ax.texts[0].xy[1])


def test_lines_without_names_have_no_labels():
    with styled():
        _, (ax,) = new_figure(1)
        ax.plot([0.0, 1.0], [0.0, 1.0])
        label_ends([ax])
        assert not ax.texts
