"""A learner's copies of the notebooks: `curveball course DIR` and `make course` write them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from curveball.course.data import installed, notebooks
from curveball.course.merge import cell_keys, is_older, merge, record, with_metadata

# A relative link of Markdown to a file: its text, which may hold brackets, its target and the anchor in it.
LINK = re.compile(r"(?<!!)\[((?:[^][]|\[[^][]*\])*)\]\((?!\w+:)([^)#\s]*[./][^)#\s]*)(#[^)\s]*)?\)")


def write_copies(folder: Path) -> list[Path]:
    """Write the notebooks, and their solutions in `solutions/`, into a folder; return the files written.

    A copy that is there already is left as it is: it may hold a learner's answers. Links between the notebooks are
    kept; a link to another file leads to that file where it is installed, and is plain text where it is not.

    Raises ValueError if the folder cannot be written to.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(write_copies(Path(folder))), len(write_copies(Path(folder)))
    (20, 0)
    """
    written, pairs = [], _pairs(folder)
    with _named(folder):
        for original, copy in pairs:
            if copy.exists():
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(copy, _copy_of(original, copy, folder))
            written.append(copy)
    return written


def older_copies(folder: Path) -> list[Path]:
    """The copies in a folder that were made of an older course, or of a newer one."""
    found = []
    for original, copy in _pairs(folder):
        mine = _read(copy)
        if mine is not None and is_older(mine, _copy_of(original, copy, folder)):
            found.append(copy)
    return found


def unreadable_copies(folder: Path) -> list[Path]:
    """The files in a folder that have a copy's name and are no notebook: they are left alone."""
    return [copy for _, copy in _pairs(folder) if copy.exists() and _read(copy) is None]


def update_copies(folder: Path) -> list[Path]:
    """Merge what is new in the course into the copies of a folder; return the files written.

    `curveball.course.merge.merge` says what is kept: every cell that the learner has edited or added. The files as they
    were are put into `before-update/` under their names, with a number where there is one already.

    Raises ValueError if the folder cannot be written to.
    """
    older = older_copies(folder)
    with _named(folder):
        for original, copy in _pairs(folder):
            if copy not in older or (mine := _read(copy)) is None:
                continue
            put_aside(copy, folder / "before-update" / copy.relative_to(folder))
            _write_whole(copy, merge(mine, _copy_of(original, copy, folder)))
    return older


def put_aside(file: Path, place: Path) -> Path:
    """Copy a file to a place, or to the first free name beside it; return where it is."""
    place.parent.mkdir(parents=True, exist_ok=True)
    k, free = 1, place
    while free.exists():
        k += 1
        free = place.with_stem(f"{place.stem}-{k}")
    shutil.copyfile(file, free)
    return free


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Each notebook of the course with the place of its copy."""
    source = notebooks()
    originals = sorted([*source.glob("[0-9]*.ipynb"), *source.glob("solutions/[0-9]*.ipynb")])
    return [(original, folder / original.relative_to(source)) for original in originals]


def _copy_of(original: Path, copy: Path, folder: Path) -> dict[str, Any]:
    """The notebook as it is written: links hold, and it says what it was made of."""
    notebook = with_metadata(json.loads(original.read_text("utf-8")))
    keys = cell_keys(notebook)
    return record(_with_links_for(notebook, copy, folder), keys)


def _read(copy: Path) -> dict[str, Any] | None:
    """A learner's notebook; None where there is none, or a file that is no notebook: it is left alone."""
    try:
        return with_metadata(json.loads(copy.read_text("utf-8")))
    except (OSError, ValueError, RecursionError):
        return None


@contextlib.contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Say of an error of the disk which folder was to be written."""
    try:
        yield
    except OSError as error:
        raise ValueError(f"cannot write the course to {folder}: {error.strerror}: {error.filename}") from None


def _write_whole(path: Path, notebook: dict[str, Any]) -> None:
    """Write a whole file or none: half a notebook, from a full disk, would later be kept as a learner's copy."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _with_links_for(notebook: dict[str, Any], copy: Path, folder: Path) -> dict[str, Any]:
    """The notebook with links that hold where the copy is."""
    home = "notebooks" / copy.relative_to(folder).parent  # where the links are written for, from the checkout's root

    def link(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        path = Path(os.path.normpath(home / target))
        if path.is_relative_to("notebooks") and path.suffix == ".ipynb":
            return found[0]
        file = installed(path)
        if file is None:
            return text
        try:
            new = Path(os.path.relpath(file, copy.parent.resolve())).as_posix()
        except ValueError:  # on another drive of Windows
            return text
        return f"[{text}]({quote(new)}{anchor})"

    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            source = cell["source"]
            text = LINK.sub(link, source if isinstance(source, str) else "".join(source))
            cell["source"] = text.splitlines(keepends=True)
    return notebook
