"""The figure of damping.py: where lambda goes from each start, and what it costs beside the best fixed lambda.

python studies/damping_figure.py studies/results/damping.png
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from damping import BATCHES, SHARE, STARTS, TASKS, Row, Run, Task, read, rows

from curveball.figures.style import COLOURS, MARKERS, in_style, look, new_figure, save

SHOWN = {"digits-mlp": "digits, MLP", "basic-bn": "CIFAR-10, basic-bn"}  # lambda along the run
ORDER = (STARTS[0], 1.0, *STARTS[1:])  # of the starts
AIM = 1.15


@in_style
def draw(runs: dict[Run, dict[str, Any]], path: Path) -> None:
    found = list(rows(runs))
    figure, (*left, right) = new_figure(3, height=4.6)
    for axis, (name, title) in zip(left, SHOWN.items(), strict=True):
        draw_lambda(axis, runs, TASKS[name], next(row.best for row in found if row.task.name == name), title)
    left[0].legend(title="start", fontsize="small")
    draw_ratios(right, [row for row in found if row.ratio is not None])
    save(figure, path)


def draw_lambda(
    axis: Any, runs: dict[Run, dict[str, Any]], task: Task, best: tuple[float, float] | None, title: str
) -> None:
    """Along one run from each start."""
    for k, lam in enumerate(ORDER):
        lams = runs[Run(task.name, SHARE if lam == 1.0 else f"{SHARE},lam={lam:g}", 0, task.batch)]["lams"]
        axis.plot(np.linspace(0, 1, len(lams)), lams, label=f"{lam:g}", **look(k))
    if best:
        axis.axhline(best[0], color="black", linewidth=1, linestyle=":")
        axis.annotate(f"best fixed, {best[0]:g}", (1, best[0]), ha="right", va="bottom", fontsize="small")
    axis.set(title=title, xlabel="part of the run", ylabel="lambda", yscale="log")


def draw_ratios(axis: Any, found: list[Row]) -> None:
    """A line of points per task, from above by start, then those of other sizes of batches."""
    names = list(dict.fromkeys(row.task.name for row in found))
    for row in found:
        k = ORDER.index(row.lam) if row.batch == row.task.batch else len(ORDER) + BATCHES.index(row.batch)
        axis.plot(row.ratio, names.index(row.task.name) + 0.15 * (k - 2.5), **marks(k))
    labels = [*(f"start {lam:g}" for lam in ORDER), *(f"batches of {batch}" for batch in BATCHES)]
    handles = [axis.plot([], [], **marks(k))[0] for k in range(len(labels))]
    axis.legend(handles, labels, fontsize="x-small", loc="lower left")
    axis.axvline(1.0, color="grey", linewidth=1)
    axis.axvline(AIM, color="black", linewidth=1, linestyle=":")
    axis.set(title="final loss over best fixed", xlabel=f"ratio (dotted: the aim, {AIM:g})", xscale="log")
    ticks = (0.25, 0.5, 1, 2)
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.6)


def marks(k: int) -> dict[str, Any]:
    """Of a start, or open and black of a size of batches."""
    colour = COLOURS[k] if k < len(ORDER) else "black"
    face = colour if k < len(ORDER) else "none"
    return {"linestyle": "", "marker": MARKERS[k], "color": colour, "markerfacecolor": face, "markersize": 5}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("out", type=Path, help="where to write the figure")
    draw(read(), parser.parse_args().out)


if __name__ == "__main__":
    main()
