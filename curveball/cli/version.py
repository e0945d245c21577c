"""`curveball --version`."""

from __future__ import annotations

from typing import Annotated

import typer

from curveball.cli.errors import help_alone
from minigrad import __version__


def _print(asked: bool) -> None:
    if asked:
        typer.echo(f"curveball {__version__}")
        raise typer.Exit


def help_or_version(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print, is_eager=True)
    ] = False,
) -> None:
    """Print the version if that is asked for, and the help where no command is given."""
    help_alone(context)
