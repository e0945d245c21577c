"""The cells of random networks that are done, on the disk: `folder/cells/`, a file each.

A cell is known by its network, solver, epochs and seed, so that more networks or other epochs can be added to a folder,
and the files of two machines can be put together. All are of the same data, in batches of one size.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from curveball.experiments import cell_files
from curveball.experiments.cell_files import CELLS
from curveball.experiments.random_networks import Cell, Task

__all__ = ["CELLS", "CellFiles"]


class CellFiles(cell_files.CellFiles[Cell]):
    """The cells in a folder, of problems with this description."""

    def __init__(self, folder: Path, about: dict[str, Any]):
        super().__init__(folder, about, "cell of random networks", _cell)


def _cell(content: dict[str, Any]) -> Cell:
    """The cell in a file, checked. Any error of a wrong type, key or value."""
    task = Task(**content.pop("task"))
    cell = Cell(task=task, **content)
    whole = cell.stopped is not None or len(cell.epochs) == task.epochs
    if not whole or not 0.0 <= cell.error <= 1.0 or not isinstance(cell.provenance, dict):
        raise ValueError("its epochs are not those of its task")
    counts, seconds = (cell.multiplications, cell.parameters), (cell.seconds, cell.usual_seconds)
    if not min(counts) > 0 or not min(seconds) >= 0.0 or not isinstance(cell.layers, str):
        raise ValueError("its numbers are out of range")
    return cell
