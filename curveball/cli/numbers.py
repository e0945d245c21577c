"""Options that are numbers, read strictly: `1_0` is no way to write 10."""

from __future__ import annotations

import re
from typing import Any

import typer

from curveball.solvers.registry import LARGEST, NUMBER

DIGITS = re.compile(r"[+-]?[0-9]+")
LONGEST = 2**63 - 1  # what an integer of any library holds


def whole_number(text: str | int) -> int:
    """The whole number that digits spell. BadParameter for anything else, and beyond 64 bits.

    >>> whole_number("-20")
    -20
    """
    if isinstance(text, int):  # a default
        return text
    if not DIGITS.fullmatch(text):
        raise typer.BadParameter(f"must be a whole number; got {_short(text)}")
    if len(text) > 20 or abs(int(text)) > LONGEST:
        raise typer.BadParameter(f"must be a whole number of at most {LONGEST}; got {_short(text)}")
    return int(text)


def number(text: str | float) -> float:
    """The number that a decimal spells, inf and nan too. BadParameter for anything else, and beyond 1e300.

    >>> number("1e-3")
    0.001
    """
    if isinstance(text, int | float):  # a default
        return float(text)
    if not NUMBER.fullmatch(text):
        raise typer.BadParameter(f"must be a number; got {_short(text)}")
    found = float(text)
    if abs(found) > LARGEST and text.lstrip("+-").lower() != "inf":
        raise typer.BadParameter(f"must be a number of at most {LARGEST:g}; got {_short(text)}")
    return found


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")


def integer_option(help: str) -> Any:
    """`typer.Option` for a whole number."""
    return typer.Option(help=help, parser=whole_number, metavar="<int>")


def number_option(help: str, metavar: str = "<float>") -> Any:
    """`typer.Option` for a number."""
    return typer.Option(help=help, parser=number, metavar=metavar)
