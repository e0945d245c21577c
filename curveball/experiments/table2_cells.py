"""The cells of Table 2 on the disk: each is a training run in a folder of its own.

    folder/cells/NAME/cell.json                 what the run is, where it came from; its epochs, when it is done
    folder/cells/NAME/log.jsonl                 the log of the run: its epochs, while it is not done
    folder/cells/NAME/checkpoint.safetensors    from which it goes on

The folders of several machines can be read together, into one table. So can a `table2.json`, which has its cells whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from curveball.experiments.table2_columns import COLUMNS, ROWS, Length
from curveball.experiments.table2_place import place_of
from curveball.experiments.usual_epoch import usual_epoch
from curveball.solvers.registry import EXACT, LARGEST, solver_from
from curveball.training.files import is_regular, one_line, output_folder, write_whole
from curveball.training.run import Record

CELLS, FILE, TABLE = "cells", "cell.json", "table2.json"
NUMBERS = ("train_error", "train_loss", "validation_error", "seconds")  # of an epoch, that the table needs
UNREADABLE = OSError, ValueError, TypeError, LookupError, RecursionError, AttributeError  # what a damaged file raises


@dataclass(frozen=True)
class Task:
    """One training run of a column."""

    column: str
    row: str
    solver: str
    seed: int
    length: Length
    schedule: str = "constant"
    dropout: bool = False
    tuning: bool = False

    @property
    def epochs(self) -> int:
        """Passes over its images."""
        return 1 if self.tuning else self.length.epochs

    @property
    def steps(self) -> int:
        """In all."""
        images = self.length.tuning if self.tuning else self.length.images
        return self.epochs * (images // self.length.batch_size)

    @property
    def name(self) -> str:
        """Of its folder. A run that has a schedule cannot be made longer, so its epochs are in the name."""
        length = "" if self.schedule == "constant" else f"-{self.epochs}-epochs"
        parts = [self.column, "dropout" * self.dropout, "tuning" * self.tuning, self.row]
        lr = re.search(r"lr=([^,]+)", self.solver)
        rate = f"-lr={lr[1]}" if lr else ""
        return "-".join(filter(None, parts)) + f"{rate}{length}-seed{self.seed}"

    def __str__(self) -> str:
        what = " with dropout" * self.dropout + ", tuning" * self.tuning
        return f"{self.column}{what}, {self.solver}, seed {self.seed}"


@dataclass(frozen=True)
class Cell:
    """What a run gave so far, and where it came from."""

    task: Task
    about: dict[str, Any]  # the problem, and hashes of its data
    provenance: dict[str, Any]
    epochs: list[Record] = field(default_factory=list)
    stopped: str | None = None  # why it ended early: it diverged

    @property
    def whole(self) -> bool:
        """Whether there is nothing left to do."""
        return self.stopped is not None or len(self.epochs) >= self.task.epochs

    @property
    def place(self) -> str:
        """Where it was run. Where it was begun elsewhere, both: its seconds are of neither."""
        before = self.provenance.get("before")
        return f"{before}, then {place_of(self.provenance)}" if before else place_of(self.provenance)

    @property
    def seconds(self) -> float:
        """Of training so far."""
        return float(self.epochs[-1]["seconds"]) if self.epochs else 0.0

    @property
    def epoch_seconds(self) -> float:
        """Of training in an epoch, as it usually takes."""
        return usual_epoch(self.epochs)

    def best(self, key: str, within: int | None = None) -> float:
        """The lowest of the first epochs."""
        return min(float(epoch[key]) for epoch in self.epochs[:within])

    def __str__(self) -> str:
        if self.stopped or not self.epochs:
            return f"{self.task}: " + ("diverged" if self.stopped else "no epoch is done")
        errors = (f"{100.0 * self.best(key):.2f}%" for key in ("train_error", "validation_error"))
        return f"{self.task}: best errors {' / '.join(errors)}, {self.seconds:.1f} s"


def save(folder: Path, cell: Cell) -> None:
    """Write a cell in the folder of all. ValueError where that cannot be."""
    place = output_folder(folder / CELLS / cell.task.name)
    text = json.dumps(asdict(cell)) + "\n"
    try:
        write_whole(place / FILE, lambda path: path.write_text(text, "utf-8"))
    except OSError as error:
        raise ValueError(f"{place} cannot be written ({one_line(error.strerror or error)})") from None


def path_of(folder: Path, cell: Cell) -> Path:
    """The file of a cell in the folder of all."""
    return folder / CELLS / cell.task.name / FILE


def load(folder: Path) -> dict[str, Cell]:
    """All cells in a folder, by the names of theirs. ValueError names a file that cannot be used."""
    return {path.parent.name: load_one(path) for path in sorted((folder / CELLS).glob(f"*/{FILE}"))}


def load_one(path: Path) -> Cell:
    """A cell, with the epochs that its log has where it is not done. ValueError names the file."""
    try:
        if not is_regular(path):
            raise ValueError("it is no file")
        cell = _cell(json.loads(path.read_text("utf-8")))
        if not cell.whole and (path.parent / "log.jsonl").exists():
            cell.epochs[:] = epochs_in(path.parent / "log.jsonl")[: cell.task.epochs]
            _check_epochs(cell.epochs)
    except UNREADABLE as error:
        raise ValueError(
            f"{path} cannot be read ({one_line(error)}): remove its folder, and the run is made again"
        ) from None
    return cell


def load_table(path: Path) -> dict[str, Cell]:
    """The cells in a `table2.json`, by the names that their folders had. ValueError names the file."""
    try:
        if not is_regular(path):
            raise ValueError("it is no file")
        found: dict[str, Cell] = {}
        for content in json.loads(path.read_text("utf-8"))["cells"]:
            cell = _cell(content)
            if found.setdefault(cell.task.name, cell) is not cell:
                raise ValueError(f"it has {cell.task.name} twice")
    except UNREADABLE as error:
        why = one_line(getattr(error, "strerror", None) or error)
        raise ValueError(f"{path} cannot be read ({why}): give a {TABLE}, or a folder of runs") from None
    return found


def epochs_in(log: Path) -> list[Record]:
    """The epochs in the log of a run, as far as it has whole lines."""
    found: dict[int, Record] = {}
    for line in log.read_bytes().splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            break  # a line that was being written
        if record.pop("kind") == "epoch":
            found[record["epoch"]] = record
    return [found[k] for k in sorted(found)]


def _cell(content: dict[str, Any]) -> Cell:
    """The cell in a file, checked. Any error of a wrong type, key or value."""
    task = content.pop("task")
    cell = Cell(task=_typed(Task, {**task, "length": _typed(Length, task["length"])}), **content)
    _check_task(cell.task)
    _check_origin(cell)
    _check_epochs(cell.epochs)
    return cell


_Kind = TypeVar("_Kind", Task, Length)


def _typed(kind: type[_Kind], values: dict[str, Any]) -> _Kind:
    """A task or a length, each value of the type that is annotated: True is no number, and 3.0 no count."""
    made = kind(**values)
    for name, wanted in get_type_hints(kind).items():
        if type(value := getattr(made, name)) is not wanted:
            raise TypeError(f"{name} is {one_line(repr(value))}, not of type {wanted.__name__}")
    return made


def _check_task(task: Task) -> None:
    """ValueError for a run that there cannot be."""
    length = task.length
    if task.column not in COLUMNS or task.row not in ROWS:
        raise ValueError(f"there is no column {task.column} or no row {task.row}")
    solver_from(task.solver)
    if not 0 <= task.seed <= EXACT:
        raise ValueError(f"seed is {task.seed}")
    if wrong := [name for name, count in asdict(length).items() if not 1 <= count <= EXACT]:
        raise ValueError(f"{wrong[0]} is {getattr(length, wrong[0])}")
    images = length.tuning if task.tuning else length.images
    if not length.batch_size <= images <= length.whole:
        raise ValueError(f"it is of {images} of {length.whole} images in batches of {length.batch_size}")


def _check_origin(cell: Cell) -> None:
    """ValueError where what a cell says of its data and its machine cannot be shown."""
    if not isinstance(cell.about, dict) or not isinstance(cell.provenance, dict):
        raise ValueError("it does not say where it came from")
    shape = cell.about.get("training_images", [1, 1])
    if not isinstance(shape, list) or len(shape) < 2 or not all(type(axis) is int for axis in shape):
        raise ValueError(f"training_images is {one_line(repr(shape))}, not the lengths of the axes")
    if not isinstance(cell.provenance.get("versions", {}), dict):
        raise ValueError("versions have no names")
    if not isinstance(cell.stopped, str | None):
        raise ValueError("stopped is no text")


def _check_epochs(epochs: Any) -> None:
    """ValueError for epochs that are not one after the other, or have numbers that cannot be."""
    if not isinstance(epochs, list) or [epoch["epoch"] for epoch in epochs] != list(range(1, len(epochs) + 1)):
        raise ValueError("its epochs are not a list of those from the first on")
    numbers = [epoch[key] for epoch in epochs for key in NUMBERS]
    if not all(type(number) in (int, float) and 0.0 <= number <= LARGEST for number in numbers):
        raise ValueError("its numbers are out of range")
    seconds = [epoch["seconds"] for epoch in epochs]
    if seconds != sorted(seconds):
        raise ValueError("its seconds fall")


def merged(sources: Iterable[Path]) -> list[Cell]:
    """The cells of several folders, or files `table2.json`; of a run that is in more than one, the longest.

    ValueError where one has none, or where cells that would stand together are not of the same data, batches or
    learning rate.
    """
    found: dict[str, tuple[Cell, Path]] = {}
    for source in sources:
        if (source / TABLE).exists() and not (source / CELLS).exists():
            source = source / TABLE  # made by --table
        is_table = source.suffix == ".json" and not source.is_dir()
        cells = load_table(source) if is_table else load(source)
        if not cells:
            raise ValueError(
                f"there is no run of Table 2 in {source}: give the folder of `curveball table2 --out`, or a {TABLE}"
            )
        for name, cell in cells.items():
            if name not in found or len(cell.epochs) > len(found[name][0].epochs):
                found[name] = cell, source if is_table else path_of(source, cell)
    check_alike(found.values())
    return [cell for cell, _ in found.values()]


def check_goes_on(cell: Cell, length: Length, about: Callable[[], dict[str, Any]], folder: Path) -> None:
    """ValueError where a run in a folder is of other images, batches or data than it would be now."""
    path = path_of(folder, cell)
    for key in ("images", "validation", "batch_size", "tuning"):
        was, now = getattr(cell.task.length, key), getattr(length, key)
        if was != now:
            raise ValueError(f"{path} is of {key}={was}, this run is of {key}={now}: give another --out")
    known, facts = _compared(cell.task, cell.about), _compared(cell.task, about())
    for fact in {**known, **facts}:
        if known.get(fact) != facts.get(fact):
            raise ValueError(
                f"{path} is of {fact}={one_line(known.get(fact))}, this run is of {one_line(facts.get(fact))}: give "
                "another --out, or the data as before"
            )


def check_alike(cells: Iterable[tuple[Cell, Path]]) -> None:
    """ValueError names the first two files that cannot stand together in one number."""
    first: dict[tuple[str, ...], tuple[dict[str, Any], Path]] = {}
    for cell, path in cells:
        if cell.task.tuning:
            continue
        task = cell.task
        for key, facts in (
            ((task.column, str(task.dropout)), _compared(task, cell.about)),
            ((task.column, task.row), {"solver": task.solver}),
        ):
            known, where = first.setdefault(key, (facts, path))
            for fact in {**known, **facts}:
                if known.get(fact) != facts.get(fact):
                    raise ValueError(
                        f"{path} is of {fact}={one_line(facts.get(fact))}, and {where} of {one_line(known.get(fact))}: "
                        "they cannot be in one table"
                    )


def _compared(task: Task, about: dict[str, Any]) -> dict[str, Any]:
    """What must be the same in two runs. Photographs have the name of their folder: where they have hashes, it may be
    any."""
    named = COLUMNS[task.column].data != "imagenet" or "train_images" not in about
    return {fact: value for fact, value in about.items() if named or fact != "data"}
