"""Packages that a plain install does not bring: where one is missing, the error names the extra that has it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

TITLES = {"PIL": "pillow", "mpl_toolkits": "matplotlib", "sklearn": "scikit-learn"}  # where pip has another name


class MissingExtra(ModuleNotFoundError):
    """A package is missing that comes with an extra of this one."""


@contextlib.contextmanager
def from_extra(extra: str) -> Iterator[None]:
    """Import packages of an extra within: where one is missing, MissingExtra says in one line what brings it.

    >>> with from_extra("data"):
    ...     import no_such_package
    Traceback (most recent call last):
    minigrad.extras.MissingExtra: no_such_package is not installed: pip install 'curveball-course[data]'
    """
    try:
        yield
    except MissingExtra:
        raise
    except ModuleNotFoundError as error:
        top = (error.name or "a package").partition(".")[0]
        message = f"{TITLES.get(top, top)} is not installed: {install_command(extra)}"
        raise MissingExtra(message, name=error.name) from None


def install_command(extra: str) -> str:
    """What brings an extra.

    >>> install_command("gpu")
    "pip install 'curveball-course[gpu]'"
    """
    return f"pip install 'curveball-course[{extra}]'"
