"""Names at the ends of lines, in place of a legend: moved apart where they would overlap, and off other lines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np

from minigrad.extras import from_extra

with from_extra("figures"):
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import withStroke
    from matplotlib.text import Annotation, Text

GAP = 1.15  # between the middles of two labels, in heights of one
SIZE = 9.0  # points


def label_ends(axes: Sequence[Axes], size: float = SIZE) -> None:
    """Write the label of each line with a name next to its end; limits and scales must be final."""
    labels = [_labels(ax, size) for ax in axes]
    if not any(labels):
        return
    figure = axes[0].get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # the layout, which makes room for the labels
    for ax, own in zip(axes, labels, strict=True):
        height = GAP * size * figure.dpi / 72.0 / ax.bbox.height  # of a line of text, in heights of the axes
        for group in _side_by_side(own):
            sizes = [height * (label.get_text().count("\n") + 1) for label in group]
            for label, y in zip(group, spread([label.xy[1] for label in group], sizes), strict=True):
                label.set_position((label.get_position()[0], y))
        _off_the_lines(ax, own)


def ends(ax: Axes) -> list[tuple[Line2D, float, float]]:
    """The lines with names, and where each ends, in widths and heights of the axes."""
    found = []
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())  # which are else known when the figure is drawn
    for line in ax.lines:
        x, y = (np.asarray(values, float) for values in (line.get_xdata(), line.get_ydata()))
        finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        if finite.size and not str(line.get_label()).startswith("_"):
            last = finite[-1]
            place = ax.transAxes.inverted().transform(ax.transData.transform((x[last], y[last])))
            found.append((line, float(place[0]), float(np.clip(place[1], 0.0, 1.0))))
    return found


def spread(wanted: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Middles of labels of these heights that do not overlap, as near to the wanted ones as that allows.

    They are from 0 to 1 as a whole. Near is meant in least squares. Where there is no room, labels overlap evenly.

    >>> spread([0.5, 0.5, 0.9], [0.2, 0.2, 0.2])
    [0.4, 0.6, 0.9]
    >>> spread([0.0], [0.2]), spread([0.0, 1.0], [0.4, 0.2])
    ([0.1], [0.2, 0.9])
    >>> spread([0.0, 0.0], [2.0, 2.0])
    [0.25, 0.75]
    """
    order = sorted(range(len(wanted)), key=lambda k: wanted[k])
    scale = min(1.0, 1.0 / sum(sizes))
    low, high = (0.5 * scale * sizes[k] for k in (order[0], order[-1]))
    offsets = list(accumulate((0.5 * scale * (sizes[a] + sizes[b]) for a, b in pairwise(order)), initial=0.0))
    blocks: list[list[float]] = []  # sum and count of what is moved together: pool adjacent violators
    for offset, k in zip(offsets, order, strict=False):
        blocks.append([wanted[k] - offset, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    room = 1.0 - high - offsets[-1]
    starts = [min(max(total / count, low), room) for total, count in blocks for _ in range(int(count))]
    places = [0.0] * len(wanted)
    for offset, start, k in zip(offsets, starts, order, strict=False):
        places[k] = round(start + offset, 12)
    return places


def _labels(ax: Axes, size: float) -> list[Annotation]:
    """A label beside the end of each line; a thin line leads to it where it is moved."""
    found = []
    for line, x, y in ends(ax):
        colour = line.get_color()
        label = ax.annotate(
            str(line.get_label()),
            xy=(x, y),
            xytext=(x + 0.02, y),
            xycoords="axes fraction",
            textcoords="axes fraction",
            color=colour,
            size=size,
            va="center",
            annotation_clip=False,
            zorder=10.0,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0.0, "shrinkB": 2.0,
                        "relpos": (0.0, 0.5)},
        )  # fmt: skip
        label.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
        found.append(label)
    return found


def _off_the_lines(ax: Axes, labels: list[Annotation]) -> None:
    """Move each label that lies on a line with a name up or down to the nearest place that is free, if there is one."""
    paths = [line.get_path().cleaned(line.get_transform(), remove_nans=True) for line, _, _ in ends(ax)]
    boxes = [Text.get_window_extent(label) for label in labels]
    for k, label in enumerate(labels):
        taken = [*boxes[:k], *boxes[k + 1 :]]
        x, y = label.get_position()
        for up in sorted(0.02 * np.arange(-50, 51), key=abs):
            box = boxes[k].translated(0.0, up * ax.bbox.height)
            if any(path.intersects_bbox(box, filled=False) for path in paths):
                continue
            inside = ax.bbox.y0 <= box.y0 and box.y1 <= ax.bbox.y1
            if up == 0.0 or (inside and not box.count_overlaps(taken)):
                label.set_position((x, y + up))
                boxes[k] = box
                break


def _side_by_side(labels: list[Annotation]) -> list[list[Annotation]]:
    """Labels in groups that do not overlap from left to right."""
    groups: list[list[Annotation]] = []
    right = -np.inf
    for label in sorted(labels, key=lambda label: label.get_position()[0]):
        box = label.get_window_extent()
        if box.x0 > right:
            groups.append([])
        groups[-1].append(label)
        right = max(right, box.x1)
    return groups
