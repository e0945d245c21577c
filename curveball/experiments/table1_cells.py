"""The cells of Table 1 that are done, on the disk: a file each while the table is computed, then `table1.json`.

    folder/cells/NUMBER.json    runs, seed and threshold, the seconds since the start, and a cell

The folder `cells` is removed when the table is written.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curveball.experiments.sealed import read_sealed, sealed
from curveball.experiments.table1 import COLUMNS, ROWS, THRESHOLD, Cell
from curveball.training.files import (
    archive_previous,
    one_line,
    output_folder,
    remove_leftovers,
    write_whole,
)

CELLS = "cells"


@dataclass(frozen=True)
class CellFiles:
    """The cells of one table, of so many runs from a seed, in a folder."""

    folder: Path
    runs: int
    seed: int

    @property
    def cells(self) -> Path:
        """The folder of the cells."""
        return self.folder / CELLS

    def check(self) -> None:
        """ValueError where there is nothing to go on from."""
        if not self.cells.exists() and not (self.folder / "table1.json").exists():
            raise ValueError(
                f"there is no cell of a table in {self.folder}: give its folder with --out, or start without --resume"
            )

    def begin(self) -> None:
        """Move the cells of an earlier table, which was not finished, to the folder `previous`. ValueError."""
        if self.cells.exists():
            archive_previous(self.folder, (CELLS,))

    def save(self, cell: Cell, seconds: float) -> None:
        """Write a cell. ValueError where that cannot be."""
        columns = [column.name for column in COLUMNS]
        number = list(ROWS).index(cell.row) * len(columns) + columns.index(cell.column)
        about = {"runs": self.runs, "seed": self.seed, "threshold": THRESHOLD, "seconds": seconds}
        text = json.dumps(sealed({**about, "cell": asdict(cell)})) + "\n"
        try:
            write_whole(output_folder(self.cells) / f"{number:03}.json", lambda path: path.write_text(text, "utf-8"))
        except OSError as error:
            raise ValueError(f"{self.cells} cannot be written ({one_line(error.strerror or error)})") from None

    def load(self) -> tuple[list[Cell], float]:
        """All cells that are done, and how many seconds they took. ValueError names a file that cannot be used."""
        found: list[Cell] = []
        seconds = 0.0
        if self.cells.exists():
            remove_leftovers(self.cells)
        paths = sorted(self.cells.glob("*.json")) if self.cells.exists() else [self.folder / "table1.json"]
        for path in paths:
            try:
                content = read_sealed(path)
                given = {key: content[key] for key in ("runs", "seed", "threshold")}
                cells = list(_cells(content, given["runs"]))
                seconds = max(seconds, float(content["seconds"]))
            except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
                raise ValueError(
                    f"{path} cannot be read ({one_line(error)}): remove it, and what it had is computed again"
                ) from None
            if given != {"runs": self.runs, "seed": self.seed, "threshold": THRESHOLD}:
                raise ValueError(
                    f"{path} is of --runs {given['runs']} --seed {given['seed']} and a threshold of "
                    f"{given['threshold']}, not of --runs {self.runs} --seed {self.seed} and {THRESHOLD}: give "
                    "the same, or another folder with --out"
                )
            found += cells
        return found, seconds

    def remove(self) -> None:
        """Remove the files of single cells."""
        shutil.rmtree(self.cells, ignore_errors=True)


def _cells(content: dict[str, Any], runs: int) -> Iterator[Cell]:
    """The cells in a file, checked, of the rows and columns that the table has."""
    longest = {column.name: column.max_iter for column in COLUMNS}
    for given in [content["cell"]] if "cell" in content else content["cells"]:
        row, column, settings, counts = (given[key] for key in ("row", "column", "settings", "counts"))
        if row not in ROWS or column not in longest:
            continue
        if not isinstance(settings, dict) or not isinstance(counts, list) or len(counts) != runs:
            raise ValueError(f"the cell {row}, {column} has not {runs} counts")
        if not all(type(count) is int and 0 <= count <= longest[column] for count in counts):
            raise ValueError(f"a count of {row}, {column} is no number of iterations")
        yield Cell(row, column, settings, counts, float(given["seconds"]))
