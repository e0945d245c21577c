"""Charts on a terminal that are drawn anew in their place, and the last numbers of each run."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table

from curveball.figures.seeds import by_solver, settled
from curveball.figures.solver_names import readable
from curveball.figures.terminal_chart import COLOURS, panels
from curveball.training.run import Run


class TerminalScreen:
    """Lines of the terminal of standard error, which rich writes anew; what is printed meanwhile goes above them."""

    def __init__(self, shown: Sequence[tuple[str, str]], console: Console | None = None):
        self._shown = shown
        self._console = console or Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False)

    def show(self, runs: Sequence[Run]) -> None:
        """Draw the runs in place of what was there."""
        if not self._live.is_started:
            self._live.start()
        braille = not self._console.options.ascii_only
        charts = panels(settled(runs), self._shown, self._console.width, braille, named=False)
        self._live.update(Group(charts, last_numbers(runs)), refresh=True)

    def close(self) -> None:
        """The last picture stays."""
        self._live.stop()


def last_numbers(runs: Sequence[Run]) -> RenderableType:
    """A line for each solver: where its latest run is."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", "run", "epoch", "step", "loss", "validation error", "seconds"):
        table.add_column(heading, justify="left" if heading == "" else "right")
    for k, (name, own) in enumerate(by_solver(runs).items()):
        run = own[-1]
        step = run.steps[-1] if run.steps else {}
        error = f"{100.0 * run.epochs[-1]['validation_error']:.2f}%" if run.epochs else "-"
        table.add_row(
            readable(name), str(len(own)), *(str(step.get(key, "-")) for key in ("epoch", "step")),
            f"{step['loss']:.4g}" if step else "-", error, f"{step['seconds']:.1f}" if step else "-",
            style=COLOURS[k % len(COLOURS)],
        )  # fmt: skip
    return table
