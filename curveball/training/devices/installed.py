"""A library that may be missing, too old, or broken: it is imported, or one line says what would help."""

from __future__ import annotations

import importlib
import re
from types import ModuleType

from minigrad.extras import install_command


def import_library(name: str, title: str, extra: str, lowest: tuple[int, ...] = ()) -> ModuleType:
    """Import a library. ValueError where it is not installed, cannot be imported, or is older than `lowest`.

    >>> import_library("numpy", "NumPy", "gpu").__name__
    'numpy'
    >>> import_library("no_such_library", "This library", "gpu")
    Traceback (most recent call last):
    ValueError: This library is not installed: pip install 'curveball-course[gpu]'
    """
    cure = install_command(extra)
    try:
        library = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name in (None, name):
            raise ValueError(f"{title} is not installed: {cure}") from None
        raise ValueError(f"{title} cannot be imported ({one_line(error)}): {cure}") from None
    except Exception as error:  # whatever a broken installation raises
        raise ValueError(f"{title} cannot be imported ({one_line(error)}): {cure}") from None
    version = str(getattr(library, "__version__", ""))
    if lowest and version and tuple(map(int, re.findall(r"\d+", version)[: len(lowest)])) < lowest:
        raise ValueError(f"{title} {version} is too old: {'.'.join(map(str, lowest))} or later comes with {cure}")
    return library


def one_line(error: Exception) -> str:
    """The most informative line of an error: CuPy's ImportError is a page long."""
    lines = [line.strip() for line in str(error).splitlines() if any(c.isalpha() for c in line)]
    if "Original error:" in lines[:-1]:
        return lines[lines.index("Original error:") + 1]
    return lines[0] if lines else type(error).__name__


def nth(device: str | int, names: list[str], kind: str) -> int:
    """The index of a device among those that there are. ValueError lists them."""
    text = str(device)
    if not text.isdecimal() or int(text) >= len(names):
        there = ", ".join(f"{k} ({name})" for k, name in enumerate(names))
        raise ValueError(f"there is no {kind} {device!r}: the {kind}s here are {there}")
    return int(text)
