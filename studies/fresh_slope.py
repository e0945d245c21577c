r"""Why is the slope of fresh data along the last step not enough to choose lambda?

After the step `z` from `w` on batch B the next batch B' gives the slope at `w + z` along `z` for nothing, and

    q = mean(g_B'(w + z).z) / mean(g_B(w).z),        running means over steps, decay 0.98

is what is left of the slope that batch B promised. A rule held q at -0.15, worked on digits and Fashion-MNIST, and
drove lambda to 260 on CIFAR-10 without batch normalisation. Why? q is a sum, with `s` the share of damping,

    q = s                                                lam z.z / z.G_lam z: q on a quadratic with equal batches
      + (g_B(w + z).z / g_B(w).z - s)                    bend: the loss of batch B is not its quadratic model
      + (g_B'(w).z - g_B(w).z) / g_B(w).z                own: slope that batch B alone has, as z was fitted to it
      + what is left, the same for the change of slope   curve: fresh data curve more along z than batch B does

as rho and beta minimise `m` on a plane that holds `z`: `(g_B + G_lam z).z = 0` (test_07_two_by_two_system). It is a
product too, of `real = 1 + own`, the part of the promised slope that fresh data have, and `turn`, the slope of fresh
data after the step over theirs before. (Added after the first runs: `real` and `turn` as columns, which need no new
number; lambda 300 on `basic`.)

Protocol, written before the runs. Tasks, lambdas and steps: TASKS; one seed; CurveBall at fixed lambda, with the
paper's rule for rho and beta. The best lambda of a task is that of studies/damping.py. Also: `hold`, the rule of the
target,

    lam <- lam exp(-0.05 clip(3 (q + 0.15), -1, 1)),

and `two`, two lambdas within one step. The plane of z and d is the same for all lambdas, so the step for 2 lam, `z_2`,
costs nothing, and the slope of the next batch says which was better, for one more push-forward:

    h = g_B'(w + z).(z_2 - z),        lam <- lam exp(-0.05 clip(3 mean(h) / sqrt(mean(h^2)), -1, 1))

Measured in every step: q, its terms, h. At five checkpoints: slopes along z before and after the step on the batch, on
fresh batches and on the training set (on 2,000 images where it is larger), mean and standard deviation over batches; z
as `rho z_old` and `-beta d`; z and its slopes in the ten sharpest directions of the training loss's Gauss-Newton matrix
(on as many images as TASKS says). The questions:

1. What is q at the best fixed lambda of each task? If it differs by more than its noise, no one target serves.
2. Does q rise with lambda, so that a rule which holds it can find its way? On which terms does it depend?

    OMP_NUM_THREADS=1 python studies/fresh_slope.py --data-folder cifar10=DIR      what is missing is run
    python studies/fresh_slope.py --table                                          the tables of the page
    python studies/fresh_slope.py --figure                                         results/fresh-slope.png
    python studies/fresh_slope.py --again --task digits-mlp --rule 0.3             a run that is there, once more

A run is a line of results/fresh-slope.jsonl; it can be stopped at any moment, and goes on with the next run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from fresh_slope_measures import TARGET, train

import problems
from curveball.figures.style import COLOURS, MARKERS, in_style, new_figure, save
from curveball.training.devices import choose, to_backend
from curveball.training.provenance import provenance

RESULTS = Path(__file__).parent / "results" / "fresh-slope.jsonl"
FIGURE = RESULTS.with_suffix(".png")


@dataclass(frozen=True)
class Task:
    """What is trained, the fixed lambdas, and the best one that studies/damping.py found."""

    data: str
    network: str
    batch: int
    steps: int
    rules: tuple[str, ...]
    best: float
    images: int  # for the sharp directions
    backend: str = "numpy"


HOLD, TWO = ("hold:1",), ("two:1", "two:10", "two:0.01")
TASKS = {
    "digits-mlp": Task("digits", "mlp", 64, 440, ("0.03", "0.3", "3", *HOLD, *TWO), 0.03, 1437),
    "digits-cnn": Task("digits", "cnn", 64, 440, ("0.1", "1", "10", *HOLD, *TWO), 0.1, 1437),
    "fashion-mnist": Task("fashion-mnist", "mnist-mlp", 64, 936, ("0.3", "3", "30", *HOLD, "two:1"), 3.0, 1000),
    "basic": Task("cifar10", "basic", 128, 150, ("3", *HOLD, "0.3", "30", "300"), 3.0, 250, "torch"),
}


def read() -> dict[tuple[str, str], dict[str, Any]]:
    """The runs that there are, by task and rule."""
    lines = RESULTS.read_text("utf-8").splitlines() if RESULTS.exists() else []
    return {(run["task"], run["rule"]): run for run in map(json.loads, lines)}


@cache
def problem_of(name: str, folder: Path | None = None) -> Any:
    task = TASKS[name]
    data = to_backend(problems.load(task.data, folder), choose(task.backend))
    network = problems.network(task.network, len(data.classes), shape=data.train_images.shape[1:])
    return problems.Classification(data, network, task.batch)


def compute(name: str, rule: str, folder: Path | None) -> dict[str, Any]:
    """Train by a rule: what was measured."""
    with np.errstate(all="ignore"):
        return train(problem_of(name, folder), rule, TASKS[name].steps, TASKS[name].images)


def again(names: list[str], rule: str | None, folders: dict[str, Path]) -> Iterator[str]:
    """Runs that are there, once more: lambda, loss and q at their ends, as kept and as found now."""
    yield "| task | rule | lambda | again | loss | again | q | again |\n|" + "---|" * 8
    for (name, of), kept in read().items():
        if name in names and rule in (None, of):
            ends = kept["end"], compute(name, of, folders.get(TASKS[name].data))["end"]
            numbers = " | ".join(f"{end[key]:.4g}" for key in ("lam", "loss", "q") for end in ends)
            yield f"| {name} | {of} | {numbers} |"


def run_missing(names: list[str], folders: dict[str, Path]) -> None:
    about = {key: value for key, value in provenance().items() if key != "command"}
    for name in names:
        missing = [rule for rule in TASKS[name].rules if (name, rule) not in read()]
        for rule in missing:
            found = compute(name, rule, folders.get(TASKS[name].data))
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"task": name, "rule": rule, **found, "provenance": about}) + "\n")
            print(name, rule, found["end"], found["noise"], flush=True)


def table() -> str:
    """q and its terms at the end of each run; then where the slopes are, at the checkpoints."""
    runs = read()
    lines = ["| task | rule | lambda | loss | q | real | turn | damping | bend | own | curve | h |", "|" + "---|" * 12]
    for name, run in ordered(runs):
        end, noise = run["end"], run["noise"]["running"]
        real = end["own"] + 1.0
        turn = f"{end['q'] / real:+.2f}" if real > 0.05 else ""
        cells = [f"{end['lam']:.3g}", f"{end['loss']:.3g}", f"{end['q']:+.3f} ± {noise:.3f}", f"{real:.2f}", turn]
        cells += [f"{end[key]:+.2f}" for key in ("share", "bend", "own", "curve", "h")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        "| task | rule | batch, after | fresh, before | fresh, after | kept | asked "
        "| sharp: part of z, of its curvature | sharp: before, after | sharpest |",
        "|" + "---|" * 10,
    ]
    for name, run in ordered(runs):
        if run["rule"].partition(":")[0] != "two":
            lines.append(f"| {name} | {' | '.join(where(run['checkpoints']))} |")
    return "\n".join(lines)


def ordered(runs: dict[tuple[str, str], dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """The first two cells of a row, and the run: fixed lambdas in rising order, then the rules."""
    found = []
    for task, about in TASKS.items():
        rules = [rule.rpartition(":") for name, rule in runs if name == task]
        for kind, _, number in sorted(rules, key=lambda parts: (parts[0], float(parts[2]))):
            best = " (best)" if not kind and float(number) == about.best else ""
            rule = f"{kind}, from {number}" if kind else number + best
            found.append((f"{task} | {rule}", runs[task, f"{kind}:{number}" if kind else number]))
    return found


def where(marks: list[dict[str, Any]]) -> list[str]:
    """Means over the checkpoints; slopes over that of the batch before the step, lengths over that of z."""

    def mean(of: Any) -> float:
        return float(np.mean([of(mark) for mark in marks]))

    def over(key: str, k: int) -> float:
        return mean(lambda mark: mark[key][k] / mark["batch"][0])

    def wide(k: int) -> str:
        return f"{over('mean', k):+.2f} ± {abs(over('deviation', k)):.2f}"

    def part(key: str, k: int) -> str:
        return f"{mean(lambda mark: mark['norms'][k] / mark['norms'][0]):.2f}, {over(key, 0):+.2f}"

    curvature = mean(lambda mark: mark["z_curvature"][0] / mark["z_curvature"][1])
    return [
        f"{over('batch', 1):+.2f}", wide(0), wide(1), part("kept", 1), part("asked", 2),
        f"{mean(lambda mark: mark['sharp_z']):.2f}, {curvature:.2f}",
        f"{over('sharp', 0):+.2f}, {over('sharp', 1):+.2f}", f"{marks[-1]['eigenvalues'][0]:.2g}",
    ]  # fmt: skip


@in_style
def draw() -> None:
    """q against lambda, q against the part of the slope that is real, and lambda where a rule holds q."""
    figure, (left, middle, right) = new_figure(3, width=3.9)
    runs = read()
    middle.plot([0.0, 0.6], [0.0, -0.6], color="grey", label="turn -1: q = -real")
    for k, (task, about) in enumerate(TASKS.items()):
        look: dict[str, Any] = {"color": COLOURS[k], "marker": MARKERS[k], "markersize": 5}
        fixed = sorted((float(rule), run) for (name, rule), run in runs.items() if name == task and ":" not in rule)
        lams, ends = [lam for lam, _ in fixed], [run["end"] for _, run in fixed]
        q, noise = [end["q"] for end in ends], [run["noise"]["running"] for _, run in fixed]
        real = [end["own"] + 1.0 for end in ends]
        left.errorbar(lams, q, noise, capsize=2, label=task, **look)
        best = lams.index(about.best)
        for ax, x in ((left, lams), (middle, real)):
            ax.plot(x[best], q[best], "o", markersize=13, markerfacecolor="none", markeredgecolor=COLOURS[k])
        middle.plot(real, q, linestyle="none", **look)
        curve = runs[task, HOLD[0]]["curve"]
        steps = [(n + 0.5) / len(curve) for n in range(len(curve))]
        right.plot(steps, [row["lam"] for row in curve], markevery=6, **look)
        right.plot(
            1.02, about.best, clip_on=False, markerfacecolor="none", linestyle="none", **look | {"markersize": 8}
        )
    for ax, x in ((left, 0.12), (middle, 0.9)):
        ax.axhline(TARGET, color="grey", linestyle=":")
        ax.text(x, TARGET + 0.005, "target", ha="center", fontsize=8, color="grey", transform=ax.get_yaxis_transform())
    left.set(xscale="log", xlabel="fixed lambda (ring: the best)", ylabel="q", title="q depends on the task")
    left.legend(fontsize=8, loc="center left", bbox_to_anchor=(0.0, 0.37))
    middle.set(xlabel="real: part of the slope that fresh data have", ylabel="q", title="q is near minus the real part")
    middle.legend(fontsize=8)
    right.set(
        yscale="log", xlabel="part of the run (open: best fixed lambda)", ylabel="lambda", title="lambda that holds q"
    )
    save(figure, FIGURE)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--task", choices=list(TASKS), action="append", help="these tasks; all, if none is given")
    parser.add_argument("--data-folder", action="append", default=[], metavar="DATA=DIR", help="where a data set is")
    parser.add_argument("--table", action="store_true", help="only print the tables of what there is")
    parser.add_argument("--figure", action="store_true", help="only draw the figure of what there is")
    parser.add_argument("--again", action="store_true", help="repeat runs that are there and print both; keep nothing")
    parser.add_argument("--rule", help="--again: only this rule, as in 0.3 or hold:1")
    options = parser.parse_args()
    if options.figure:
        draw()
        return
    if options.table:
        print(table())
        return
    pairs = (text.partition("=") for text in options.data_folder)
    names, folders = options.task or list(TASKS), {name: Path(folder) for name, _, folder in pairs}
    if not options.again:
        run_missing(names, folders)
        return
    if not any(name in names and options.rule in (None, rule) for name, rule in read()):
        parser.error("none of the runs that are there is like this; --table shows them")
    for row in again(names, options.rule, folders):
        print(row, flush=True)


if __name__ == "__main__":
    main()
