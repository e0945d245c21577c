"""A table of text, separated by commas, with a heading: a row for each example, a column for each number.

The column to be predicted is `label` (classes: text or whole numbers) or `target` (numbers), or one that is named.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np

from problems.data.dataset import Dataset
from problems.data.errors import CorruptData, DataError, readable
from problems.data.own_data import Rows, own_data

WHOLE = re.compile("[+-]?[0-9]{1,18}")
LABEL, TARGET = "label", "target"
FIRST = 2  # the line of the first row, counted from 1, after the heading


def read_csv(path: Path, label: str | None = None, target: str | None = None) -> Dataset:
    """A table as a data set of the file's name. DataError names the row and the column that cannot be used.

    label:   the column with the classes
    target:  the column with the numbers to predict, in place of a label
    """
    heading, table = _table(path)
    if label is not None and target is not None:
        raise DataError(f"give a label, which is a class, or a target, which is a number; got {label} and {target}")
    if label is None and target is None:
        label, target = (name if name in heading else None for name in (LABEL, TARGET))
        if (label is None) is (target is None):
            raise DataError(
                f"{path}: which column is to be predicted? Give it as a label (classes) or a target (numbers); the "
                f"columns are {', '.join(heading)}"
            )
    answer = _column(path, heading, str(label if target is None else target))
    columns = [k for k in range(len(heading)) if k != answer]
    if not columns:
        raise CorruptData(f"{path} has one column: it needs others to predict it from")
    inputs = _numbers(path, heading, table, columns)
    if target is not None:
        rows = Rows(str(path), inputs, targets=_numbers(path, heading, table, [answer]), first=FIRST)
    else:
        cells = [row[answer] for row in table]
        labels = np.array([int(cell) for cell in cells] if all(WHOLE.fullmatch(cell) for cell in cells) else cells)
        if not all(row[answer] for row in table):
            k = next(k for k, row in enumerate(table) if not row[answer])
            raise CorruptData(f"{path}: row {k + FIRST} has no {heading[answer]}: fill it in, or remove the row")
        rows = Rows(str(path), inputs, labels=labels, first=FIRST)
    outputs = None if target is None else [heading[answer]]
    return own_data(path.stem, rows, outputs=outputs, features=[heading[k] for k in columns])


def read_features(path: Path, names: tuple[str, ...]) -> np.ndarray:
    """The columns (n, features) of these names, to predict from; others are left out."""
    heading, table = _table(path)
    return _numbers(path, heading, table, [_column(path, heading, name) for name in names])


def _table(path: Path) -> tuple[list[str], list[list[str]]]:
    """The heading and the rows, all of one length; empty lines are left out at the end."""
    with readable(path):
        if not path.is_file():
            raise CorruptData(f"{path} is no file: give a table with a heading, separated by commas")
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                lines = [[cell.strip() for cell in row] for row in csv.reader(file, strict=True)]
        except (csv.Error, UnicodeDecodeError) as error:
            raise CorruptData(f"{path} is no table that can be read ({error}): save it as CSV in UTF-8") from None
    while lines and not any(lines[-1]):
        lines.pop()
    if len(lines) < 2:
        raise CorruptData(f"{path} has no rows below its heading")
    heading, table = lines[0], lines[1:]
    if len(heading) == 1 and re.search("[;\t]", heading[0]):
        raise CorruptData(f"{path}: the columns must be separated by commas; its heading is {heading[0][:100]!r}")
    if len(set(heading)) < len(heading) or not all(heading):
        raise CorruptData(f"{path}: the columns must have names, all different; got {', '.join(heading)[:200]}")
    if all(_is_number(cell) for cell in heading):
        raise CorruptData(f"{path} begins with numbers: its first line must be a heading, the columns' names")
    for k, row in enumerate(table):
        if len(row) != len(heading):
            raise CorruptData(f"{path}: row {k + FIRST} has {len(row)} cells, the heading {len(heading)}")
    return heading, table


def _column(path: Path, heading: list[str], name: str) -> int:
    if name not in heading:
        raise DataError(f"{path} has no column {name}: its columns are {', '.join(heading)}")
    return heading.index(name)


def _numbers(path: Path, heading: list[str], table: list[list[str]], columns: list[int]) -> np.ndarray:
    try:
        return np.array([[float(row[k]) for k in columns] for row in table])
    except ValueError:
        line, k = next((n, k) for n, row in enumerate(table) for k in columns if not _is_number(row[k]))
    cell = table[line][k]
    what = f"{cell[:40]!r}, which is no number: leave the column out, or write it as numbers" if cell else "no number"
    raise CorruptData(f"{path}: row {line + FIRST}, column {heading[k]} has {what}")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
