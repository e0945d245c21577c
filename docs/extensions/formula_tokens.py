"""A formula in plain text, cut into names, numbers and signs."""

from __future__ import annotations

import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
    r"|(?P<name>[A-Za-z]+[0-9]*(?:_[A-Za-z0-9]+)*)"
    r"|(?P<sign>\.\.\.|<-|->|<=|>=|!=|==|~=|=:|:=|\+-|-\+|\*\*|''|[-+*/=<>~^_'.,:()\[\]{}|])"
)


class NotAFormula(ValueError):
    """The text is not of the grammar."""


@dataclass
class Token:
    kind: str
    text: str
    before: bool  # whether a space is before it
    after: bool = True  # and after it


def tokens(text: str) -> list[Token]:
    """The tokens; NotAFormula for a sign that no formula has."""
    found: list[Token] = []
    end, space = 0, True
    for match in TOKEN.finditer(text):
        if match.start() != end:
            break
        end = match.end()
        if match["space"]:
            space = True
            if found:
                found[-1].after = True
            continue
        found.append(Token(str(match.lastgroup), match[0], space, after=False))
        space = False
    if end != len(text) or not found:
        raise NotAFormula(f"{text!r}: nothing in a formula is written {text[end : end + 1]!r}")
    found[-1].after = True
    return found
