"""The cells of an experiment that are done, on the disk: `folder/cells/`, a sealed file each.

A cell is known by its task, so that more can be added to a folder, and the files of two machines can be put together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from curveball.experiments.sealed import read_sealed, sealed
from curveball.training.files import one_line, output_folder, remove_leftovers, write_whole

CELLS = "cells"


class CellOfTask(Protocol):
    """A dataclass with the task that it is of, whose text is the name of its file."""

    @property
    def task(self) -> Hashable:
        """What was computed."""
        ...


C = TypeVar("C", bound=CellOfTask)


@dataclass(frozen=True)
class CellFiles(Generic[C]):
    """The cells in a folder, all of what `about` says; `make` checks the content of a file, and makes a cell of it.

    `make` may raise any error of a wrong type, key or value. `what` names the cells in errors, in the singular.
    """

    folder: Path
    about: dict[str, Any]
    what: str
    make: Callable[[dict[str, Any]], C]

    @property
    def cells(self) -> Path:
        """The folder of the cells."""
        return self.folder / CELLS

    def check(self) -> None:
        """ValueError where there is nothing to go on from."""
        if not self.cells.exists():
            raise ValueError(
                f"there is no {self.what} in {self.folder}: give its folder with --out, or start without --resume"
            )

    def save(self, cell: C) -> None:
        """Write a cell. ValueError where that cannot be."""
        text = json.dumps(sealed({"about": self.about, **asdict(cell)})) + "\n"  # type: ignore[call-overload]  # a dataclass
        name = re.sub(r"[^\w.=-]+", "-", str(cell.task)) + ".json"
        try:
            write_whole(output_folder(self.cells) / name, lambda path: path.write_text(text, "utf-8"))
        except OSError as error:
            raise ValueError(f"{self.cells} cannot be written ({one_line(error.strerror or error)})") from None

    def load(self) -> dict[Any, C]:
        """All cells that are done, by their tasks. ValueError names a file that cannot be used."""
        found = {}
        if self.cells.exists():
            remove_leftovers(self.cells)
        for path in sorted(self.cells.glob("*.json")):
            try:
                content = _read(path)
                about, cell = content.pop("about"), self.make(content)
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
