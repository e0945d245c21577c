"""A learner's copy and a newer course become one notebook: what is new comes in, and the learner's cells stay.

Each cell of a copy carries two hashes in its metadata, `course` (the course's cell that it was made of) and `copy` (the
text that was written), and the notebook carries the list of the first ones. So three versions can be compared, cell by
cell, with two files: what the course was, what the learner made of it, and what the course is now.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

Cell = dict[str, Any]
Notebook = dict[str, Any]
NAME = "curveball"  # of our entry in the metadata
ALIKE = 0.5  # two cells whose texts agree this much are versions of one cell
DEFINED = re.compile(r"^(?:def|class) +(\w+)", re.MULTILINE)
QUOTE = "**The course has a new version of the cell below, which you have edited:**"


def text_of(cell: Cell) -> str:
    """The text of a cell, which files hold whole or in lines.

    >>> text_of({"source": ["a = 1\\n", "b = 2"]})
    'a = 1\\nb = 2'
    """
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def with_metadata(notebook: Any) -> Notebook:
    """What a file held, if that is a notebook, with the metadata that it may lack; ValueError if it is none."""
    try:
        for part in (notebook, *notebook["cells"]):
            if not isinstance(part.setdefault("metadata", {}), dict) or not isinstance(
                part["metadata"].get("tags", []), list
            ):
                raise TypeError
        for cell in notebook["cells"]:
            text_of(cell).encode()
            cell["cell_type"].encode()
    except (KeyError, TypeError, AttributeError, UnicodeError):
        raise ValueError("this is no notebook") from None
    return notebook


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _tags(cell: Cell) -> list[str]:
    return cell["metadata"].get("tags", [])


def _copy_hash(cell: Cell) -> str:
    return _hash(cell["cell_type"], text_of(cell).rstrip())


def cell_keys(notebook: Notebook) -> list[str]:
    """A name for each cell that changes with its text, its kind and its tags; equal cells are numbered.

    >>> cell = {"cell_type": "code", "source": "1 + 1", "metadata": {}}
    >>> first, second = cell_keys({"cells": [cell, cell]})
    >>> second == first + "-2"
    True
    """
    keys: list[str] = []
    count: dict[str, int] = {}
    for cell in notebook["cells"]:
        key = _hash(cell["cell_type"], sorted(_tags(cell)), text_of(cell).rstrip())
        count[key] = count.get(key, 0) + 1
        keys.append(key if count[key] == 1 else f"{key}-{count[key]}")
    return keys


def record(notebook: Notebook, keys: list[str]) -> Notebook:
    """Write into a copy what it was made of; `keys` are the `cell_keys` of the course's notebook."""
    notebook["metadata"][NAME] = {"cells": keys}
    for cell, key in zip(notebook["cells"], keys, strict=True):
        cell["metadata"][NAME] = {"course": key, "copy": _copy_hash(cell)}
    return notebook


def has_record(mine: Notebook) -> bool:
    """Was this copy written with hashes?"""
    entry = mine["metadata"].get(NAME)
    return isinstance(entry, dict) and isinstance(entry.get("cells"), list)


def is_older(mine: Notebook, new: Notebook) -> bool:
    """Was this copy made of another course than `new`, a copy with its record?

    A copy without a record counts as older where it lacks a cell that is no exercise.
    """
    if has_record(mine):
        return mine["metadata"][NAME]["cells"] != new["metadata"][NAME]["cells"]
    have = {_copy_hash(cell) for cell in mine["cells"]}
    return any(_copy_hash(cell) not in have for cell in new["cells"] if "exercise" not in _tags(cell))


def merge(mine: Notebook, new: Notebook) -> Notebook:
    """Return the learner's notebook with what is new in the course; `new` is a copy with its record.

    A cell that the learner has not touched is the course's. A cell that they have edited stays: where the course has
    changed it too, the course's text stands above it, and its code as a quotation, which does not run. Cells of their
    own stay behind the cell that they stood behind. A cell that they have deleted comes back only if it has changed.
    """
    if not has_record(mine):
        mine = _with_guessed_record(mine, new)
    base: list[str] = mine["metadata"][NAME]["cells"]
    cells, places = _places(mine, base)
    for b, t in _alignment(base, places, new):
        if b is None and t is not None:
            cells.append(new["cells"][t])
        elif b in places:
            cells += _of_both(places[b], None if t is None else new["cells"][t])
    metadata = {**mine["metadata"], NAME: new["metadata"][NAME]}
    return {**mine, "cells": _with_unique_ids(cells), "metadata": metadata}


def _places(mine: Notebook, base: list[str]) -> tuple[list[Cell], dict[int, list[Cell]]]:
    """The learner's cells by the course's cell that each stands for or behind; first those before any of these."""
    position = {key: k for k, key in enumerate(base)}
    head: list[Cell] = []
    places: dict[int, list[Cell]] = {}
    here = head
    for cell in mine["cells"]:
        k = position.get(_entry(cell).get("course", ""))
        if k is not None and k not in places:
            here = places[k] = []
        elif _entry(cell):  # copied by the learner: a cell of their own
            cell = _as_own(cell)
        here.append(cell)
    return head, places


def _entry(cell: Cell) -> dict[str, str]:
    entry = cell["metadata"].get(NAME)
    return entry if isinstance(entry, dict) and {"course", "copy"} <= entry.keys() else {}


def _alignment(
    base: list[str], places: dict[int, list[Cell]], new: Notebook
) -> Iterator[tuple[int | None, int | None]]:
    """Pairs of positions, in the course that was and in the one that is, in an order that suits both."""
    keys: list[str] = new["metadata"][NAME]["cells"]
    for kind, b, b_end, t, t_end in difflib.SequenceMatcher(None, base, keys, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from zip(range(b, b_end), range(t, t_end), strict=True)
            continue
        for k in range(b, b_end):
            found = _most_alike(places[k][0], new["cells"][t:t_end]) if k in places else None
            if found is None:
                yield k, None
            else:
                yield from ((None, j) for j in range(t, t + found))
                yield k, t + found
                t += found + 1
        yield from ((None, j) for j in range(t, t_end))


def _most_alike(cell: Cell, others: list[Cell]) -> int | None:
    """The position of the other version of a cell, if there is one: of an exercise, what defines the same names."""

    def likeness(other: Cell) -> float:
        if (cell["cell_type"], "exercise" in _tags(cell)) != (other["cell_type"], "exercise" in _tags(other)):
            return 0.0
        if cell["cell_type"] == "code" and DEFINED.findall(text_of(cell)) == DEFINED.findall(text_of(other)) != []:
            return 1.0
        return difflib.SequenceMatcher(None, text_of(cell), text_of(other), autojunk=False).ratio()

    found = [likeness(other) for other in others]
    best = max(range(len(others)), key=found.__getitem__, default=None)
    return best if best is not None and found[best] >= ALIKE else None


def _of_both(mine: list[Cell], theirs: Cell | None) -> list[Cell]:
    """One place of the merged notebook: `mine` has the learner's version of its cell first, then cells of their own."""
    first, own = mine[0], mine[1:]
    edited = _copy_hash(first) != _entry(first)["copy"]
    if theirs is None:
        return [*([_as_own(first)] if edited else []), *own]
    if not edited and _copy_hash(first) != _copy_hash(theirs):
        return [theirs, *own]
    tags = {"tags": theirs["metadata"]["tags"]} if _tags(theirs) else {}
    metadata = {name: value for name, value in first["metadata"].items() if name != "tags"}
    kept = {**first, "metadata": {**metadata, **tags, NAME: theirs["metadata"][NAME]}}
    if _entry(first)["copy"] == _entry(theirs)["copy"]:
        return [kept, *own]
    if first["cell_type"] == "markdown":
        return [theirs, _as_own(first), *own]
    fence = "~" * 6 if "```" in text_of(theirs) else "```"
    quotation = f"{QUOTE}\n\n{fence}python\n{text_of(theirs)}\n{fence}"
    note = {"cell_type": "markdown", "id": "note", "metadata": {}, "source": quotation.splitlines(keepends=True)}
    return [note, kept, *own]


def _as_own(cell: Cell) -> Cell:
    return {**cell, "metadata": {name: value for name, value in cell["metadata"].items() if name != NAME}}


def _with_unique_ids(cells: list[Cell]) -> list[Cell]:
    """Cells of the learner keep their ids; those of the course get others where they are taken."""
    taken: set[str] = set()
    result = []
    for cell in cells:
        k, wanted = 1, cell.get("id", "cell")
        while cell.get("id", "cell") in taken:
            k += 1
            cell = {**cell, "id": f"{wanted}-{k}"}
        if "id" in cell:
            taken.add(cell["id"])
        result.append(cell)
    return result


def _with_guessed_record(mine: Notebook, new: Notebook) -> Notebook:
    """A copy without hashes: cells that are the course's to the letter are taken as such, and exercises that are alike.

    All others are taken as the learner's own, so an old text may stay next to its new version; nothing goes.
    """
    cells = [_as_own(cell) for cell in mine["cells"]]
    keys = []
    start = 0
    for cell in new["cells"]:
        rest = cells[start:]
        same = [k for k, other in enumerate(rest) if _copy_hash(other) == _copy_hash(cell)]
        if not same and "exercise" in _tags(cell):
            exercises = [k for k, other in enumerate(rest) if "exercise" in _tags(other)]
            found = _most_alike(cell, [rest[k] for k in exercises])
            same = [] if found is None else [exercises[found]]
        if same:
            k = start + same[0]
            cells[k] = {**cells[k], "metadata": {**cells[k]["metadata"], NAME: cell["metadata"][NAME]}}
            keys.append(cell["metadata"][NAME]["course"])
            start = k + 1
    return {**mine, "cells": cells, "metadata": {**mine["metadata"], NAME: {"cells": keys}}}
