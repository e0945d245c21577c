"""How things get a name: a table that files add to, and the import of all files of a folder, so that each adds its own.

A package has one table. Every file of the package puts what it defines into the table, and the package's `__init__`
imports all its files. So a new problem, data set or network is one new file, and no list has to be edited.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


class Registry(dict[str, T]):
    """A dict from names to entries that refuses a name given twice and lists the names when one is unknown.

    `kind` says what is in it, for the errors. `error` is the class of the error for an unknown name.

    >>> shapes = Registry("shape")
    >>> shapes.add("square", 4)
    >>> shapes.find("square"), shapes.names()
    (4, ('square',))
    >>> shapes.find("circle")
    Traceback (most recent call last):
    ValueError: unknown shape 'circle': there are square
    """

    def __init__(self, kind: str, error: type[ValueError] = ValueError):
        super().__init__()
        self.kind, self.error = kind, error

    def add(self, name: str, entry: T) -> None:
        """Put an entry under a new name. ValueError if the name is taken."""
        if name in self:
            raise ValueError(f"there is a {self.kind} named {name!r} already: choose another name")
        self[name] = entry

    def find(self, name: str) -> T:
        """The entry of that name. An error that lists all names if there is none."""
        if name not in self:
            raise self.error(f"unknown {self.kind} {name!r}: there are {', '.join(self.names())}")
        return self[name]

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self))


def import_modules(package: str, path: Iterable[str]) -> None:
    """Import all modules of a package; called in its `__init__` with `__name__` and `__path__`.

    The modules must not import the package's `__init__`, which is still being read.
    """
    for module in pkgutil.iter_modules(path):
        importlib.import_module(f"{package}.{module.name}")
