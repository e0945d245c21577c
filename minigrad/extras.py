"""Packages that a plain install does not bring: where one is missing, the error names the extra that has it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

TITLES = {"PIL": "pillow", "mpl_toolkits": "matplotlib", "sklearn": "scikit-learn"}  # where pip has another name


@contextlib.contextmanager
def from_extra(extra: str) -> Iterator[None]:
    """Import packages of an extra within: ModuleNotFoundError says in one line what brings those that are missing.

    >>> with from_extra("data"):
    ...     import no_such_package
    Traceback (most recent call last):
    ModuleNotFoundError: no_such_package is not installed: pip install 'curveball-course[data]'
    """
    try:
        yield
    except ModuleNotFoundError as error:
        top = (error.name or "a package").partition(".")[0]
        message = f"{TITLES.get(top, top)} is not installed: {install_command(extra)}"
        raise ModuleNotFoundError(message, name=error.name, path=error.path) from None


def install_command(extra: str) -> str:
    """What brings an extra.

    >>> install_command("gpu")
    "pip install 'curveball-course[gpu]'"
    """
    return f"pip install 'curveball-course[{extra}]'"
