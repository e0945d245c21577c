"""What came of `curveball pays`: who wins where, the errors, the tuning, and all numbers."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

from curveball.experiments.pays_figures import draw
from curveball.experiments.pays_problems import ENTRIES, FIRST_ORDER, GRID, NAMES
from curveball.experiments.pays_run import FLOOR, Cell, Point
from curveball.training.files import write_together

FILES = ("pays.md", "pays.csv", "pays.json", "pays-loss.png", "pays-error.png")
TIE = 1.05  # times the lowest
ORDERS = 100.0  # "by orders of magnitude"
SOLVED = 1e-6  # the relative error of a physics-informed network


@dataclass(frozen=True)
class Result:
    """One solver on one problem: medians over the seeds; inf where most runs diverged."""

    loss: float
    error: float
    steps: float
    runs: int
    diverged: int


def results(cells: Sequence[Cell]) -> dict[str, dict[str, Result]]:
    """By problem and row."""
    found: dict[str, dict[str, list[Cell]]] = {}
    for cell in cells:
        found.setdefault(cell.task.problem, {}).setdefault(cell.task.row, []).append(cell)
    return {problem: {row: _result(own) for row, own in by_row.items()} for problem, by_row in found.items()}


def _result(own: list[Cell]) -> Result:
    loss, error, steps = (median(getattr(cell, key) for cell in own) for key in ("loss", "error", "steps"))
    return Result(loss, error, steps, len(own), sum(cell.stopped is not None for cell in own))


def winners(by_row: Mapping[str, Result], key: str = "loss") -> list[str]:
    """The row with the lowest number, and those within 5% of it; none where all diverged."""
    lowest = min(getattr(result, key) for result in by_row.values())
    return [row for row, result in by_row.items() if math.isfinite(lowest) and getattr(result, key) <= TIE * lowest]


def gain(by_row: Mapping[str, Result], rows: Sequence[str] | None = None) -> float | None:
    """The lower loss of SGD and Adam over the lowest of the second-order solvers (of `rows`); None without both."""
    first = [result.loss for row, result in by_row.items() if row in FIRST_ORDER]
    second = [result.loss for row, result in by_row.items() if row not in FIRST_ORDER and (not rows or row in rows)]
    if not first or not second or math.isinf(min(second)):
        return None
    return min(first) / min(second)


def sooner(cells: Sequence[Cell], rows: Sequence[str] | None = None) -> float | None:
    """How many times sooner second order (of `rows`) has the last loss of the better of SGD and Adam, on one problem.

    Both times are those of the first measurement that is within 5% of that loss, medians over the seeds. None without
    both, or where second order never has it.
    """
    by_row = results(cells)[cells[0].task.problem]
    first = {row: result.loss for row, result in by_row.items() if row in FIRST_ORDER}
    second = [row for row in by_row if row not in FIRST_ORDER and (not rows or row in rows)]
    if not first or not second or math.isinf(min(first.values())):
        return None
    target = TIE * min(first.values())
    times = {row: median(_reached(cell, target) for cell in cells if cell.task.row == row) for row in (*first, *second)}
    soonest = min(times[row] for row in second)
    return None if math.isinf(soonest) else min(times[row] for row in first) / soonest


def _reached(cell: Cell, target: float) -> float:
    later = (point.seconds for point in cell.points[1:] if max(FLOOR, point.loss) <= target)
    return math.inf if cell.stopped else next(later, math.inf)


# ------------------------------------------------------------------------------------- Markdown


def markdown(tuned: Sequence[Cell], cells: Sequence[Cell], pca: Mapping[str, float] = MappingProxyType({})) -> str:
    """The verdict, the losses, the errors, and the tuning; `pca` has errors of principal components, by problem."""
    found = results(cells)
    parts = [
        "\n".join(verdict(found)),
        "Loss above the minimum, the lowest in bold. Factor: the better of SGD and Adam over the best second-order "
        "solver. Sooner: how many times sooner the best second-order solver has the last loss of the better of SGD and "
        "Adam. Then both for CurveBall alone.\n\n" + "\n".join(_losses(found, cells)),
        "Error\n\n" + "\n".join(_errors(found)) + _references(found, pca),
        "Tuning, not counted above\n\n" + "\n".join(_tuning(tuned, cells)),
    ]
    return "\n\n".join(parts[: 3 if not tuned else 4])


def verdict(found: Mapping[str, Mapping[str, Result]]) -> list[str]:
    """Who wins where, in sentences that follow the rules in pays_run.py."""
    rounding = [problem for problem, by_row in found.items() if gain(by_row) == 1.0 and _lowest(by_row) == FLOOR]
    there = {problem: by_row for problem, by_row in found.items() if problem not in rounding}
    gains = {problem: x for problem, by_row in there.items() if (x := gain(by_row))}
    alone = {problem: gain(by_row, ("curveball",)) for problem, by_row in found.items()}
    own = {problem: x for problem, x in alone.items() if x and not (x == 1.0 and problem in rounding)}
    informed = [problem for problem in found if ENTRIES[problem].family == "physics-informed"]
    solved = [problem for problem in informed if _lowest(found[problem], "error") < SOLVED]
    lines = [
        ("Second order pays by orders of magnitude on", [p for p, x in gains.items() if x >= ORDERS]),
        ("Second order pays by a factor on", [p for p, x in gains.items() if TIE < x < ORDERS]),
        ("Second order does not pay on", [p for p, x in gains.items() if x <= TIE]),
        ("First and second order both end at rounding on", rounding),
        ("CurveBall, untuned, ends below tuned SGD and tuned Adam on", [p for p, x in own.items() if x > TIE]),
        ("CurveBall does not on", [p for p, x in own.items() if x <= TIE]),
    ]
    if informed:
        lines.append(("Physics-informed networks solved to a relative error below 1e-6", solved))
    return [f"- {words}: {', '.join(names) if names else 'none'}." for words, names in lines]


def _lowest(by_row: Mapping[str, Result], key: str = "loss") -> float:
    return min(getattr(result, key) for result in by_row.values())


def _losses(found: Mapping[str, Mapping[str, Result]], cells: Sequence[Cell]) -> list[str]:
    rows = _rows(found)
    names = " | ".join(NAMES[row] for row in rows)
    lines = [f"| problem | parameters | seconds | {names} | factor | sooner | CurveBall's factor | sooner |"]
    lines.append("|---" * (7 + len(rows)) + "|")
    for problem, by_row in found.items():
        own = [cell for cell in cells if cell.task.problem == problem]
        alone = ("curveball",)
        factors = (gain(by_row), sooner(own), gain(by_row, alone), sooner(own, alone))
        size = f"{own[0].described['parameters']:,} | {own[0].task.seconds:g}"
        numbers = " | ".join((*_numbers(by_row, rows, "loss"), *map(_factor, factors)))
        lines.append(f"| {problem} | {size} | {numbers} |")
    return lines


def _errors(found: Mapping[str, Mapping[str, Result]]) -> list[str]:
    rows = _rows(found)
    lines = [f"| problem | what it is | {' | '.join(NAMES[row] for row in rows)} |", "|---" * (2 + len(rows)) + "|"]
    for problem, by_row in found.items():
        lines.append(f"| {problem} | {ENTRIES[problem].error} | {' | '.join(_numbers(by_row, rows, 'error'))} |")
    return lines


def _references(found: Mapping[str, Mapping[str, Result]], pca: Mapping[str, float]) -> str:
    errors = ", ".join(f"{problem} {pca[problem]:#.3g}" for problem in found if problem in pca)
    words = "PCA, with a code of the same size, fitted to the training images, has the errors"
    return f"\n\n{words}: {errors}." if errors else ""


def _rows(found: Mapping[str, Mapping[str, Result]]) -> list[str]:
    return [row for row in NAMES if any(row in by_row for by_row in found.values())]


def _numbers(by_row: Mapping[str, Result], rows: Sequence[str], key: str) -> list[str]:
    best = winners(by_row, key)
    texts = []
    for row in rows:
        if row not in by_row:
            texts.append("")
            continue
        text = _number(getattr(by_row[row], key))
        text = f"**{text}**" if row in best else text
        texts.append(text + (f" ({by_row[row].diverged} of {by_row[row].runs} diverged)" if _some(by_row[row]) else ""))
    return texts


def _some(result: Result) -> bool:
    return bool(result.diverged) and math.isfinite(result.loss)


def _number(x: float) -> str:
    return "diverged" if math.isinf(x) else f"below {FLOOR:g}" if x == FLOOR else f"{x:.2g}" if x < 1 else f"{x:.3g}"


def _factor(x: float | None) -> str:
    return "-" if x is None else "first order diverged" if math.isinf(x) else f"{x:.2g}" if x < 100 else f"{x:.0e}"


def _tuning(tuned: Sequence[Cell], cells: Sequence[Cell]) -> list[str]:
    """What was chosen, whether it is at an end of the grid, and what the tuning took."""
    rows = [row for row in FIRST_ORDER if any(cell.task.row == row for cell in tuned)]
    if not rows:
        return []
    lines = [
        f"| problem | {' | '.join(f'{row} | runs, seconds' for row in rows)} |",
        "|---" * (1 + 2 * len(rows)) + "|",
    ]
    for problem in dict.fromkeys(cell.task.problem for cell in tuned):
        texts = []
        for row in rows:
            own = [cell for cell in tuned if (cell.task.problem, cell.task.row) == (problem, row)]
            chosen = next((c.task.solver for c in cells if (c.task.problem, c.task.row) == (problem, row)), "")
            end = ", at an end of the grid" if chosen and _at_an_end(row, chosen) else ""
            texts += [chosen.partition(":")[2] + end, f"{len(own)}, {sum(cell.seconds for cell in own):.0f}"]
        lines.append(f"| {problem} | {' | '.join(texts)} |")
    return lines


def _at_an_end(row: str, chosen: str) -> bool:
    """Whether there is no larger or no smaller learning rate with the same momentum."""
    rate, _, rest = chosen.partition(",")
    rates = [text.partition(",")[0] for text in GRID[row] if text.partition(",")[2] == rest]
    return rate in (rates[0], rates[-1])


# ------------------------------------------------------------------------------------- files


def table_csv(tuned: Sequence[Cell], cells: Sequence[Cell]) -> str:
    """A row for each run, those of the tuning first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["problem", "parameters", "row", "solver", "counts", "seed", "budget", "seconds", "wall", "steps", "loss",
         "error", "diverged"]
    )  # fmt: skip
    for counts, cell in (*((0, cell) for cell in tuned), *((1, cell) for cell in cells)):
        task = cell.task
        numbers = ["", ""] if cell.stopped else [f"{cell.loss:.6g}", f"{cell.error:.6g}"]
        writer.writerow(
            [task.problem, cell.described["parameters"], task.row, task.solver, counts, task.seed, task.seconds,
             round(cell.seconds, 3), round(cell.wall, 2), cell.steps, *numbers, cell.stopped or ""]
        )  # fmt: skip
    return text.getvalue()


def table_json(tuned: Sequence[Cell], cells: Sequence[Cell], about: Mapping[str, Any]) -> str:
    """All runs, a line each, with points of seconds, steps, loss and error; of the tuning's the last one only."""

    def line(cell: Cell, points: Sequence[Point]) -> str:
        where = {key: cell.provenance.get(key) for key in ("date", "processor")}
        return json.dumps({
            **asdict(cell.task), "stopped": cell.stopped, "wall": round(cell.wall, 2), **where,
            "points": [[float(f"{x:.4g}") for x in (p.seconds, p.steps, p.loss, p.error)] for p in points],
        })  # fmt: skip

    lines = {
        "tuning": [line(cell, cell.points[-1:]) for cell in tuned],
        "cells": [line(cell, cell.points) for cell in cells],
    }
    described = {cell.task.problem: cell.described for cell in cells}
    head = json.dumps({**about, "problems": described}, indent=1).removesuffix("\n}")
    return (
        f"{head},\n" + ",\n".join(f'"{name}": [\n' + ",\n".join(own) + "\n]" for name, own in lines.items()) + "\n}\n"
    )


def write(
    tuned: Sequence[Cell],
    cells: Sequence[Cell],
    folder: Path,
    about: Mapping[str, Any],
    figure_format: str = "png",
    pca: Mapping[str, float] = MappingProxyType({}),
) -> None:
    """Write `FILES`, figures in this format; `about` says where the numbers came from, `pca` is as in `markdown`."""
    runs = (*tuned, *cells)
    seconds, wall = sum(cell.seconds for cell in runs), sum(cell.wall for cell in runs)
    note = (
        f"`{about['command']}`: {seconds:.0f} s of steps, in {wall:.0f} s on the wall with all that is measured, on "
        f"one core of {about['processor']}, NumPy {about['versions'].get('numpy')}, Python {about['python']}. Seconds "
        "are the processor's, as the protocol says."
    )
    text = f"# Where curvature pays: the tables\n\n{markdown(tuned, cells, pca)}\n\n{note}\n"
    write_together(
        folder,
        {
            "pays.md": lambda path: path.write_text(text, "utf-8"),
            "pays.csv": lambda path: path.write_text(table_csv(tuned, cells), "utf-8"),
            "pays.json": lambda path: path.write_text(table_json(tuned, cells, about), "utf-8"),
            f"pays-loss.{figure_format}": partial(draw, cells, "loss", "loss above the minimum"),
            f"pays-error.{figure_format}": partial(draw, cells, "error", "error"),
        },
    )
