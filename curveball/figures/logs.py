"""Runs, read from what they left: a log, the folder of a run or of a comparison, or its results.json."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curveball.training.files import is_regular, one_line
from curveball.training.log import NAME
from curveball.training.run import Record, Run

RESULTS = "results.json"
WHAT = f"give the folder of a run, its {NAME}, the folder of a comparison, or its {RESULTS}"


@dataclass(frozen=True)
class LoggedRun:
    """A run, what its log says about it (solver, settings, problem, seed), its folder, and where it was asked for."""

    run: Run
    about: Record
    folder: str
    origin: str = ""


def read_runs(path: str | Path) -> list[LoggedRun]:
    """The runs that are there, those of a comparison in its order. ValueError where there is none."""
    path = Path(path)
    try:
        if not path.exists():
            raise ValueError(f"there is no file or folder {path}: {WHAT}")
        if not path.is_dir():
            return _read_file(path)
        logs = [path / NAME] if (path / NAME).exists() else sorted(path.glob(f"*/{NAME}"))
        if not logs and (path / RESULTS).exists():
            return read_results(path / RESULTS)
        found = [read_log(log) for log in logs if log.parent.name.partition("-")[0] != "previous" or len(logs) == 1]
        if not found:
            raise ValueError(f"there is no log of a run in {path}: {WHAT}")
        return found if (path / NAME).exists() else _of_comparison(found, path / RESULTS)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({one_line(error.strerror or error)})") from None


def _read_file(path: Path) -> list[LoggedRun]:
    if not is_regular(path):
        raise ValueError(f"{path} is no regular file: {WHAT}")
    return read_results(path) if path.suffix == ".json" else [read_log(path)]


def read_log(path: Path) -> LoggedRun:
    """Read the lines of a log. A last line that is not whole, as a killed run leaves it, does not count."""
    about: Record = {}
    run = Run("", None)
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = _record(json.loads(line))
        except ValueError:
            if number == len(lines) and about:
                break
            raise ValueError(f"{path} is no log of a run: line {number} is no record of JSON; {WHAT}") from None
        kind = record.get("kind")
        if kind == "run":
            about = record
            run.name = str(record.get("name", path.parent.name))
        elif not about:
            raise ValueError(f"{path} is no log of a run: it does not begin with a record about one; {WHAT}")
        elif kind in ("step", "epoch"):
            (run.steps if kind == "step" else run.epochs).append(_numbers(record, path, number))
        elif kind == "stopped":
            run.stopped = str(record.get("reason", ""))
    if not about:
        raise ValueError(f"{path} is empty: {WHAT}")
    return LoggedRun(run, about, path.parent.name)


def read_results(path: Path) -> list[LoggedRun]:
    """Read `results.json` of a comparison, which has the epochs of its runs."""
    try:
        content = _record(json.loads(path.read_bytes()))
        runs = [_record(each) for each in content["runs"]]
        about = {key: value for key, value in content.items() if key != "runs"}
        return [
            LoggedRun(
                Run(
                    str(run["solver"]), None, stopped=run["stopped"],
                    epochs=[_numbers(_record(epoch), path, 0) for epoch in run["epochs"]],
                ),
                {**about, "name": run["solver"], "seed": run["seed"], "schedule": run.get("schedule")},
                path.parent.name,
            )
            for run in runs
        ]  # fmt: skip
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} has no results of a comparison: {WHAT}") from None


def _of_comparison(found: list[LoggedRun], results: Path) -> list[LoggedRun]:
    """In the order of the comparison, without what an earlier one left there; as they are where there is none."""
    try:
        solvers = [str(name) for name in json.loads(results.read_bytes())["solvers"]]
    except (OSError, ValueError, KeyError, TypeError):
        return found
    known = [each for each in found if each.run.name in solvers]
    return sorted(known, key=lambda each: solvers.index(each.run.name)) or found


def _record(value: Any) -> Record:
    if not isinstance(value, dict):
        raise ValueError
    return value


def _numbers(record: Record, path: Path, line: int) -> Record:
    """The finite numbers of a step or an epoch. ValueError without those that every record has."""
    found = {
        key: value
        for key, value in record.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }
    needed = {"epoch", "seconds"}
    if missing := needed - found.keys():
        where = f": line {line}" if line else ":"
        raise ValueError(f"{path} is no log of a run{where} has no number {min(missing)}; {WHAT}")
    return found
