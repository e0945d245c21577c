"""A learner's copies of the notebooks: `curveball course DIR` and `make course` write them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from curveball.course.data import installed, notebooks

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
    source = notebooks()
    written = []
    try:
        for original in sorted([*source.glob("[0-9]*.ipynb"), *source.glob("solutions/[0-9]*.ipynb")]):
            copy = folder / original.relative_to(source)
            if copy.exists():
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(copy, _with_links_for(json.loads(original.read_text("utf-8")), copy, folder))
            written.append(copy)
    except OSError as error:
        raise ValueError(f"cannot write the course to {folder}: {error.strerror}: {error.filename}") from None
    return written


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
