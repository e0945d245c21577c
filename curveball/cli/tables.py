"""Tables on a terminal: rich draws them. A file or a pipe gets the Markdown as it is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby

import typer


def print_tables(text: str) -> None:
    """Print Markdown: on a terminal with its tables drawn, elsewhere as it is."""
    if sys.stdout is None or not sys.stdout.isatty():
        typer.echo(text)
        return
    for is_table, lines in groupby(text.splitlines(), key=lambda line: line.startswith("|")):
        if is_table:
            _draw([[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines])
        else:
            typer.echo("\n".join(lines))


def _draw(rows: Sequence[Sequence[str]]) -> None:
    """Draw a table: its headings, a line of dashes, and the rest.

    Where it is too wide, its rows become its columns if that is narrower. Texts that are still too wide go on in the
    next line.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    upright = [rows[0], *rows[2:]]
    lying = list(zip(*upright, strict=True))
    headings, *cells = lying if console.width < _width(upright) > _width(lying) else upright
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for k, heading in enumerate(headings):
        table.add_column(Text(heading), justify="right" if k else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    console.print(table)


def _width(rows: Sequence[Sequence[str]]) -> int:
    """The columns of the terminal that a table takes."""
    return sum(3 + max(map(len, column)) for column in zip(*rows, strict=True))
