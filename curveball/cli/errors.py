"""Errors are one line; the exit code is 2 for bad input and 130 for Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from curveball.training.say import say

# All errors about a command line derive from click's UsageError. From 0.26 on Typer has its own copy of click, and
# exports only one of these errors: its base class is UsageError.
UsageError: Any = typer.BadParameter.__base__


class OneLine(TyperGroup):
    """A group of commands that says in one line what is wrong with the command line."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command and exit."""
        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)
        except UsageError as error:
            code = 2
            text = " ".join(error.format_message().split())
            say(f"curveball: {text} (see curveball --help)")
        except ModuleNotFoundError as error:  # of an extra
            code = 2
            say(f"curveball: {error}")
        except typer.Abort:
            code = 130
        except OSError as error:  # of standard output: a full disk, or a pipe that was closed
            code = 1
            say(f"curveball: {error}")
            _drop_unwritten()
        sys.exit(code if isinstance(code, int) else 0)


def _drop_unwritten() -> None:
    """Where standard output cannot be written, leave nothing for the end of the program to fail at."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def help_alone(context: typer.Context) -> None:
    """Print the help where no command is given: the callback of a group."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


@contextlib.contextmanager
def bad_input() -> Iterator[None]:
    """Turn an error about what the user gave into one line and exit code 2."""
    try:
        yield
    except ValueError as error:
        say(f"curveball: {error}")
        raise typer.Exit(2) from None


@contextlib.contextmanager
def interruptible(folder: Path) -> Iterator[None]:
    """At Ctrl-C say whether there is a checkpoint to continue from."""
    try:
        yield
    except KeyboardInterrupt:
        found = [path.parent for path in folder.glob("**/checkpoint*.safetensors")]
        what = "no epoch was finished"
        if any(not place.name.startswith("previous") for place in found):
            what = f"{folder} has the finished epochs: continue with --resume"
        elif found:
            what += f"; the previous run is in {max(found, key=lambda place: place.stat().st_mtime)}"
        say(f"curveball: interrupted: {what}")
        raise


def at_least(least: int, option: str, number: int) -> None:
    """ValueError for a number that is too small."""
    if number < least:
        raise ValueError(f"{option} must be at least {least}; got {number}")
