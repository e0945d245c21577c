"""The pictures of Figure 1: the steps of each solver in a panel of its own, the loss of all, and an animation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curveball.experiments.table1 import THRESHOLD
from curveball.figures.end_labels import label_ends
from curveball.figures.style import COLOURS, STYLES, in_style, new_figure, save
from minigrad.extras import from_extra

with from_extra("figures"):
    from matplotlib.axes import Axes

PER_ROW = 4
LEAST_LOSS = 1e-11
FAR = (-1.5, 2.0)
MANY = 100  # steps: beyond, their dots are small


@dataclass(frozen=True)
class Trajectory:
    """The iterates of one solver, the first its start, and the noise-free loss at each."""

    name: str
    settings: dict[str, Any]
    path: np.ndarray  # (iterations + 1, 2)
    losses: np.ndarray  # (iterations + 1,)


@in_style
def draw(found: list[Trajectory], noise: tuple[float, float] | None, path: Path) -> None:
    """Two panels for each solver, with a dot for each of its steps: where it goes, and its loss at each iteration.

    The upper panels have the contours of the noise-free function, the lower ones the losses of the others in grey.
    """
    rows = -(-len(found) // PER_ROW)
    figure, axes = new_figure(PER_ROW, 2 * rows, width=2.9, height=2.1, heights=(1.9, 1.0) * rows)
    above, below = axes.reshape(rows, 2, PER_ROW).swapaxes(0, 1).reshape(2, -1)
    for ax in (*above[len(found) :], *below[len(found) :]):
        ax.remove()
    for k, (plane, losses, t) in enumerate(zip(above, below, found, strict=False)):
        few = len(t.path) <= MANY
        style: dict[str, Any] = {"color": _colour(k), "linewidth": 1.2 if few else 0.4, "zorder": 4.0, "marker": "o"}
        style |= {"markersize": 3.6 if few else 1.6, "markeredgewidth": 0.0}
        _contours(plane, found)
        plane.plot(*t.path.T, **style)
        plane.set_title(f"{t.name}\n{_count(t)}", fontsize=10)
        for other in found:
            losses.plot(np.arange(1, len(other.losses) + 1), other.losses, color="0.8", linewidth=0.8)
        losses.plot(np.arange(1, len(t.losses) + 1), t.losses, **style)
        losses.axhline(THRESHOLD, color="black", linewidth=0.6, linestyle=":")
        losses.set(xscale="log", yscale="log", xlabel="iteration", ylim=(LEAST_LOSS, None))
        losses.xaxis.set_major_formatter("{x:g}")
        if k % PER_ROW:
            plane.set_ylabel("")
        else:
            losses.set_ylabel("loss")
    figure.suptitle("Rosenbrock's function" + ("" if noise is None else f", noise U[{noise[0]:g}, {noise[1]:g}]"))
    save(figure, path)


@in_style
def animate(found: list[Trajectory], noise: tuple[float, float] | None, path: Path) -> None:
    """The trajectories as they grow: one iteration more in each frame, later a tenth of the iterations so far."""
    from matplotlib.animation import FuncAnimation, PillowWriter

    figure, (ax,) = new_figure(1, width=6.4, height=5.2)
    _contours(ax, found)
    lines = [ax.plot([], [], marker=".", markersize=3, label=t.name, color=_colour(k))[0] for k, t in enumerate(found)]
    ax.legend(fontsize=8, loc="upper left")
    ax.set_title("iteration 0")
    figure.canvas.draw()
    figure.set_layout_engine("none")  # laid out once, not at every frame
    longest = max(len(t.path) for t in found)
    frames = [0]
    while frames[-1] < longest - 1:
        frames.append(min(longest - 1, max(frames[-1] + 1, round(1.1 * frames[-1]))))
    frames += [frames[-1]] * 15

    def show(iteration: int) -> list[Any]:
        for line, t in zip(lines, found, strict=True):
            line.set_data(*t.path[: iteration + 1].T)
        ax.set_title(f"iteration {iteration}")
        return lines

    FuncAnimation(figure, show, frames=frames, interval=120).save(path, writer=PillowWriter(fps=8), dpi=80)


@in_style
def draw_linear_system(distances: dict[str, np.ndarray], path: Path) -> None:
    """Distances against iteration."""
    figure, (ax,) = new_figure(1, width=7.6, height=4.0)
    labels = {
        "fixed": "CurveBall's z\nto Newton's step,\nw fixed",
        "cg": "conjugate gradients\nto Newton's step",
        "moving": "CurveBall's w\nto the minimum,\nw moving",
    }
    for k, (name, label) in enumerate(labels.items()):
        values = np.maximum(distances[name], 1e-16)
        ax.plot(np.arange(len(values)), values, label=label, color=COLOURS[k], linestyle=STYLES[k])
    ax.set(xscale="symlog", yscale="log", xlabel="iteration", ylabel="relative distance")
    ax.set_xlim(left=0.0)
    ax.set_ylim(bottom=1e-17)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_title("A quadratic with eigenvalues 1, 3, 10, 30, 100; λ = 0.1")
    label_ends([ax])
    save(figure, path)


def _colour(k: int) -> str:
    return (*COLOURS, "#7a3fa0")[k % (len(COLOURS) + 1)]


def _count(t: Trajectory) -> str:
    below = np.flatnonzero(t.losses < THRESHOLD)
    return f"{below[0] + 1} iterations to {THRESHOLD:g}" if below.size else f"not below {THRESHOLD:g}"


def _window(found: list[Trajectory]) -> tuple[tuple[float, float], tuple[float, float]]:
    """The part of the plane to show: the start, the minimum and all steps between, but no overshoot beyond FAR."""
    points = np.clip(np.concatenate([np.ones((1, 2)), *(t.path for t in found)]), *FAR)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.12 * (high - low)
    (u0, v0), (u1, v1) = low - margin, high + margin
    return (float(u0), float(u1)), (float(v0), float(v1))


def _contours(ax: Axes, found: list[Trajectory]) -> None:
    (u0, u1), (v0, v1) = _window(found)
    u, v = np.meshgrid(np.linspace(u0, u1, 300), np.linspace(v0, v1, 300))
    value = 100.0 * (v - u * u) ** 2 + (1.0 - u) ** 2
    ax.contourf(u, v, np.log10(value + 1e-4), levels=16, cmap="Greys", alpha=0.3)
    ax.plot(1.0, 1.0, marker="*", color="black", markersize=8, zorder=3)
    ax.set(xlim=(u0, u1), ylim=(v0, v1), xlabel="u", ylabel="v")
    ax.grid(False)
