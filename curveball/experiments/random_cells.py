"""The cells of random networks that are done, on the disk: `folder/cells/`, a file each.

A cell is known by its network, solver, epochs and seed, so that more networks or other epochs can be added to a folder,
and the files of two machines can be put together. All are of the same data, in batches of one size.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curveball.experiments.random_networks import Cell, Task
from curveball.experiments.sealed import read_sealed, sealed
from curveball.training.files import one_line, output_folder, remove_leftovers, write_whole

CELLS = "cells"


@dataclass(frozen=True)
class CellFiles:
    """The cells in a folder, of problems with this description."""

    folder: Path
    about: dict[str, Any]

    @property
    def cells(self) -> Path:
        """The folder of the cells."""
        return self.folder / CELLS

    def check(self) -> None:
        """ValueError where there is nothing to go on from."""
        if not self.cells.exists():
            raise ValueError(
                f"there is no cell of random networks in {self.folder}: give its folder with --out, or start without "
                "--resume"
            )

    def save(self, cell: Cell) -> None:
        """Write a cell. ValueError where that cannot be."""
        text = json.dumps(sealed({"about": self.about, **asdict(cell)})) + "\n"
        name = re.sub(r"[^\w.=-]+", "-", str(cell.task)) + ".json"
        try:
            write_whole(output_folder(self.cells) / name, lambda path: path.write_text(text, "utf-8"))
        except OSError as error:
            raise ValueError(f"{self.cells} cannot be written ({one_line(error.strerror or error)})") from None

    def load(self) -> dict[Task, Cell]:
        """All cells that are done. ValueError names a file that cannot be used."""
        found = {}
        if self.cells.exists():
            remove_leftovers(self.cells)
        for path in sorted(self.cells.glob("*.json")):
            try:
                content = _read(path)
                about, cell = content.pop("about"), _cell(content)
            except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
                raise ValueError(
                    f"{path} cannot be read ({one_line(error)}): remove it, and what it had is computed again"
                ) from None
            for key in self.about:
                if about.get(key) != self.about[key]:
                    was, here = one_line(about.get(key)), one_line(self.about[key])
                    raise ValueError(
                        f"{path} is of {key}={was}, this run is of {key}={here}: give the same, or another folder with "
                        "--out"
                    )
            found[cell.task] = cell
        return found


def _read(path: Path) -> dict[str, Any]:
    content = read_sealed(path)
    if not isinstance(content.get("about"), dict):
        raise ValueError("it has no cell")
    return content


def _cell(content: dict[str, Any]) -> Cell:
    """The cell in a file, checked. Any error of a wrong type, key or value."""
    task = Task(**content.pop("task"))
    cell = Cell(task=task, **content)
    whole = cell.stopped is not None or len(cell.epochs) == task.epochs
    if not whole or not 0.0 <= cell.error <= 1.0 or not isinstance(cell.provenance, dict):
        raise ValueError("its epochs are not those of its task")
    if not (cell.multiplications > 0 and cell.parameters > 0 and cell.seconds >= 0.0 and isinstance(cell.layers, str)):
        raise ValueError("its numbers are out of range")
    return cell
