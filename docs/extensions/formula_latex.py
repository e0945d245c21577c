"""Pieces of LaTeX put together: a matrix, brackets, scripts, factors of a product."""

from __future__ import annotations

import re
from itertools import pairwise


def matrix(rows: list[str]) -> str:
    return r"\begin{bmatrix} " + r" \\ ".join(rows) + r" \end{bmatrix}"


def tall(left: str, inner: str, right: str) -> str:
    if r"\frac" in inner or r"\sum" in inner:
        return rf"\left{left} {inner} \right{right}"
    return f"{left}{inner}{right}" if len(left) == 1 else f"{left} {inner} {right}"


def braced(script: str) -> str:
    return script if re.fullmatch(r"\w|\\[a-z]+(?<!max)(?<!min)", script) else f"{{{script}}}"


def apart(tex: str) -> str:
    return f" {tex}" if tex.startswith("\\") else tex


def beside(parts: list[str]) -> str:
    """Factors of a product; upright words and functions are set apart from their neighbours."""
    text = parts[0]
    for before, part in pairwise(parts):
        upright = re.search(r"\\mathrm\{\w+\}(_\w|\^\w)?$", before) or part.startswith(r"\mathrm")
        digits = part[:1].isdigit()
        text += (r" \cdot " if digits and before[-1:].isdigit() else r" \, " if upright or digits else " ") + part
    return text
