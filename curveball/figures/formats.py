"""The formats of figures, and the names of the files."""

from __future__ import annotations

from collections.abc import Iterable

FORMATS = ("png", "svg", "pdf")


def in_format(names: Iterable[str], kind: str) -> list[str]:
    """Names of files, with figures, which end in .png, of another format. ValueError for one that is not known.

    >>> in_format(["table.md", "figure.png"], "svg")
    ['table.md', 'figure.svg']
    """
    if kind not in FORMATS:
        raise ValueError(f"the format of figures must be {', '.join(FORMATS)}; got {kind!r}")
    return [name.removesuffix(".png") + f".{kind}" if name.endswith(".png") else name for name in names]


def in_any_format(names: Iterable[str]) -> list[str]:
    """Names of files, with figures of all formats.

    >>> in_any_format(["figure.png"])
    ['figure.png', 'figure.svg', 'figure.pdf']
    """
    names = list(names)
    return list(dict.fromkeys(name for kind in FORMATS for name in in_format(names, kind)))
