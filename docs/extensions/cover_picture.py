"""The picture of the start page: three solvers in Rosenbrock's valley, run when the page is built.

`.. cover-picture::` puts it into a page.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from docutils import nodes
from inline_svg import GREY, to_svg
from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from curveball import SGD, CurveBall
from problems.closed_form.rosenbrock import Rosenbrock

START = (-1.2, 1.0)
STEPS = 60
SOLVERS = {  # each with its colour, which is seen on black and on white
    "gradient descent": (SGD(lr=0.0015, momentum=0.0), "#d5762c"),
    "with momentum": (SGD(lr=0.001, momentum=0.9), "#2b9e7a"),
    "CurveBall": (CurveBall(), "#3d8fd1"),
}


def path(solver: Any) -> np.ndarray:
    """The iterates of a solver, (steps + 1, 2); it stops where it has arrived."""
    problem = Rosenbrock()
    batch = problem.batch(np.random.default_rng(0))
    model, loss = partial(problem.model, batch=batch), partial(problem.loss, batch=batch)
    w = np.array(START)
    state, visited = solver.init(w), [w]
    for _ in range(STEPS):
        w, state, _ = solver.step(w, state, model, loss)
        visited.append(w)
        if np.abs(w - 1.0).max() < 1e-3:
            break
    return np.array(visited)


def draw() -> Figure:
    """The valley by its level lines, and the paths."""
    figure = Figure(figsize=(7.2, 3.5))
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.98))
    x, y = np.meshgrid(np.linspace(-1.75, 1.75, 141), np.linspace(-0.65, 1.65, 89))
    height = 100.0 * (y - x**2) ** 2 + (1.0 - x) ** 2
    axes.contour(x, y, np.log10(height + 0.05), levels=9, colors=GREY, linewidths=0.5, alpha=0.45)
    for solver, colour in SOLVERS.values():
        axes.plot(*path(solver).T, ".-", color=colour, linewidth=1.6, markersize=5)
    axes.plot(1.0, 1.0, "*", color=GREY, markersize=13)
    axes.set(xlim=(-1.75, 1.75), ylim=(-0.65, 1.65), xticks=[], yticks=[], facecolor="none")
    for side in axes.spines.values():
        side.set_visible(False)
    return figure


class CoverPicture(SphinxDirective):
    """`.. cover-picture::` shows the picture."""

    def run(self) -> list[nodes.Node]:
        about = f"Level lines of Rosenbrock's valley with the paths of {', '.join(SOLVERS)} to its minimum, a star"
        keys = [_key(name, solver, colour) for name, (solver, colour) in SOLVERS.items()]
        legend = f'<figcaption class="cover">{" ".join(keys)}</figcaption>'
        return [nodes.raw("", f"<figure>{to_svg(draw(), about, 'cover', '46em')}{legend}</figure>", format="html")]


def _key(name: str, solver: Any, colour: str) -> str:
    steps = len(path(solver)) - 1
    label = f"{name}, {steps} steps{' (arrived)' if steps < STEPS else ''}"
    return f'<span><span style="color: {colour}">&#9679;</span> {label}</span>'


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("cover-picture", CoverPicture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
