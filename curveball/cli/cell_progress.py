"""What a person sees while the cells of an experiment are computed: a bar on a terminal, elsewhere a line for each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import typer

from curveball.figures.surroundings import on_terminal
from curveball.training.say import say


class CellProgress:
    """The progress of an experiment: its name, its cells and how many of them are done."""

    def __init__(self, name: str, cells: int, done: int):
        from tqdm import tqdm

        self._bar = tqdm(total=cells, initial=done, desc=name, unit="cell", disable=not on_terminal())

    def report(self, line: str, left: str = "") -> None:
        """A cell is done, of which a line says what came out; `left`: how long the others will take."""
        if self._bar.disable:
            say(f"{line}; {left}" if left else line)
        elif left:
            self._bar.set_postfix_str(left, refresh=False)
        self._bar.update()

    def close(self) -> None:
        """The end."""
        self._bar.close()

    def __enter__(self) -> CellProgress:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


@contextlib.contextmanager
def cells_kept(counts: Callable[[], tuple[int, int]], folder: Path) -> Iterator[None]:
    """At Ctrl-C, or where a process was killed, say what is kept; `counts` gives the cells that are done and all."""
    from curveball.experiments.parallel import WorkerKilled  # here, so that the help starts without joblib

    try:
        yield
    except (KeyboardInterrupt, WorkerKilled) as error:
        done, cells = counts()
        kept = f"{done} of {cells} cells are kept in {folder}" + (", --resume goes on from there" if done else "")
        if isinstance(error, WorkerKilled):
            say(f"curveball: {error}; {kept}")
            raise typer.Exit(1) from None
        say(f"curveball: interrupted: {kept}")
        raise


def kept(save: Callable[[], None], what: object) -> bool:
    """Save a cell; False, and a line that says why, where that fails: the computation goes on."""
    try:
        save()
    except ValueError as error:
        say(f"curveball: {what} is not kept: {error}")
        return False
    return True
