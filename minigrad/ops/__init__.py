"""Which operations are there? The functions of the Python array API standard, each with its value and its derivative.

Each file lists in `__all__` what `minigrad` exports of it; `linalg` is a namespace of its own, `minigrad.linalg`. All
files of this folder are imported here, so that a new one is found by itself.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

_files = [import_module(file.name) for file in iter_modules(__path__, f"{__name__}.")]


def operations() -> dict[str, Any]:
    """What the files list, by name, apart from `linalg`."""
    own = [file for file in _files if not file.__name__.endswith(".linalg")]
    return {name: getattr(file, name) for file in own for name in getattr(file, "__all__", ())}
