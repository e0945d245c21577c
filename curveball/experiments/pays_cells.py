"""The runs of `curveball pays` that are done, on the disk: `folder/cells/`, a file each.

A run is known by its problem, solver, seconds and seed, so that more problems, solvers and seeds can be added to a
folder. The files of two machines can be put together, but their seconds are not the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from curveball.experiments.cell_files import CELLS, CellFiles
from curveball.experiments.pays_problems import ENTRIES, NAMES, solver_of
from curveball.experiments.pays_run import Cell, Point, Task
from curveball.training.provenance import settings_of

__all__ = ["CELLS", "files_in"]

PROTOCOL = 1  # runs of another protocol are refused: raise it when pays_run.py changes what a run is


def files_in(folder: Path) -> CellFiles[Cell]:
    """The cells in a folder."""
    return CellFiles(folder, {"protocol": PROTOCOL}, "run of curveball pays", _cell)


def _cell(content: dict[str, Any]) -> Cell:
    """The cell in a file, checked. Any error of a wrong type, key or value."""
    task = Task(**content.pop("task"))
    points = [Point(**point) for point in content.pop("points")]
    cell = Cell(task=task, points=points, **content)
    if task.problem not in ENTRIES or task.row not in NAMES:
        raise ValueError(f"there is no problem {task.problem} or no solver {task.row}")
    if not points or points[0].steps or not all(point.is_finite for point in points):
        raise ValueError("its measurements are not those of a run")
    if not 0.0 <= cell.seconds <= task.seconds or not cell.wall >= 0.0 or not cell.described["parameters"] > 0:
        raise ValueError("its numbers are out of range")
    now = settings_of(solver_of(task.solver))
    if any(now.get(key) != value for key, value in cell.settings.items()):  # a default has changed since
        raise ValueError(f"{task.solver} has other settings now")
    if not isinstance(cell.provenance, dict):
        raise ValueError("it does not say where it came from")
    return cell
