"""The figure of cheaper_step.py: progress of each rule against what a step costs, and the aim.

python studies/cheaper_figure.py studies/results/cheaper-step.png
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cheaper_plan import CHOSEN, PART, RULES, TASKS
from cheaper_rules import rule_of
from cheaper_step import Groups, best_lam, grouped, progress, read, steps_of
from multiplications import multiplications

from curveball.figures.style import COLOURS, MARKERS, in_style, new_figure, save

NAMED = {
    "full": "CurveBall",
    "full,average=0.9": "CurveBall, sums",
    CHOSEN: "gradient ahead, sums every 3rd step",
    PART: "a quarter of the rows, sums every 3rd step",
}
ROWS = 20  # of the batch that is counted: a quarter and a fifth of it are whole numbers
COST, PROGRESS = 1.5, 0.95  # the aim


def costs() -> dict[str, float]:
    """Multiplications of a step of each rule over those of an SGD step, on the basic network."""
    counted = {}
    for name, cycle in steps_of("basic", ROWS, tuple(RULES)).items():
        with multiplications() as total:
            cycle()
        counted[name] = total[0] / (1 if name == "sgd" else rule_of(name).every)
    return {name: counted[name] / counted["sgd"] for name in RULES}


def progresses(groups: Groups, rule: str, own: bool) -> dict[str, float]:
    """By task: at lambda 1, or each of rule and reference at its own best lambda."""
    found = {}
    for task in TASKS:
        lams = [lam for t, lam in groups if t == task and rule in groups[t, lam]]
        if own and lams:
            best = groups[task, best_lam(groups, task, rule)][rule]
            found[task] = progress(best, groups[task, best_lam(groups, task, "full")]["full"])
        elif 1.0 in lams:
            found[task] = progress(groups[task, 1.0][rule], groups[task, 1.0]["full"])
    return found


@in_style
def draw(groups: Groups, cost: dict[str, float], path: Path) -> None:
    figure, axes = new_figure(2, width=5.6, height=4.2)
    for axis, own in zip(axes, (False, True), strict=True):
        axis.fill_between((1.0, COST), PROGRESS, 3.0, color="0.9", zorder=0)
        axis.annotate("the aim", (1.02, 1.95), va="top", color="0.35")
        for rule in RULES if not own else NAMED:
            draw_rule(axis, rule, cost[rule], progresses(groups, rule, own))
        axis.set(xlim=(1.0, 2.5), ylim=(-0.05, 2.0), xlabel="multiplications of a step over those of SGD")
        axis.set(ylabel="progress per step", title="each at its best lambda" if own else "lambda 1")
    rules = [axes[1].plot([], [], "s", color=colour(rule))[0] for rule in (*NAMED, "")]
    figure.legend(rules, [*NAMED.values(), "other rules"], loc="outside lower left", ncols=2, fontsize="small")
    tasks = [axes[1].plot([], [], MARKERS[k], color="0.4")[0] for k in range(len(TASKS))]
    figure.legend(tasks, list(TASKS), loc="outside lower right", ncols=2, fontsize="small")
    save(figure, path)


def colour(rule: str) -> str:
    return COLOURS[list(NAMED).index(rule)] if rule in NAMED else "0.75"


def draw_rule(axis: Any, rule: str, cost: float, by_task: dict[str, float]) -> None:
    """A point per task; small and grey for a rule that is not named."""
    named = rule in NAMED
    for task, value in by_task.items():
        marker = MARKERS[list(TASKS).index(task)]
        axis.plot(
            cost,
            value,
            marker,
            color=colour(rule),
            markersize=7 if named else 4,
            zorder=4 if rule == "full" else 3 if named else 2,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("out", type=Path, help="where to write the figure")
    draw(grouped(read()), costs(), parser.parse_args().out)


if __name__ == "__main__":
    main()
