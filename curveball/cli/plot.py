"""`curveball plot`: runs against each other, from their logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curveball.cli.errors import at_least, bad_input
from curveball.cli.numbers import integer_option
from curveball.figures.formats import FORMATS


def plot(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="folders of runs or comparisons, log.jsonl, results.json")
    ],
    y: Annotated[
        list[str] | None,
        typer.Option(
            "--y", help="what is drawn, any number that was logged; repeat for each [default: loss, validation_error]"
        ),
    ] = None,
    x: Annotated[str, typer.Option("--x", help="against what: epoch, step or seconds")] = "epoch",
    window: Annotated[
        int | None, integer_option("steps of the running mean of what is noisy [default: half an epoch]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="FILE.png, FILE.svg or FILE.pdf [default: a window]")] = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="draw with characters")] = False,
) -> None:
    """Draw runs against each other: the loss, the validation error, or any number that was logged.

    Runs that differ in their seed alone are thin lines, and their mean a thick one.
    """
    # Imported here, so that other commands and the help start without Matplotlib.
    from curveball.figures.plot_runs import choose, gather

    with bad_input():
        if window is not None:
            at_least(1, "--window", window)
        if terminal and out is not None:
            raise ValueError("--terminal and --out are two ways to draw: give one")
        _check_suffix(out)
        found, title = gather(runs)
        shown = [(each, x) for each in choose(found, y, x)]
        if terminal:
            from curveball.figures.terminal_chart import print_panels

            print_panels(found, shown, title, window)
            return
        from curveball.figures.curves import panels
        from curveball.figures.style import save
        from curveball.figures.windows import show, window_figure

        if out is None:
            panels(found, shown, title, window, window_figure())
            show()
            return
        figure = panels(found, shown, title, window)
        try:
            save(figure, out)
        except OSError as error:
            raise ValueError(f"{out} cannot be written ({error.strerror}): give another file with --out") from None
    typer.echo(f"{out}: {len(found)} run{'s' * (len(found) > 1)}")


def _check_suffix(out: Path | None) -> None:
    if out is not None and out.suffix.lower().removeprefix(".") not in FORMATS:
        suffixes = ", ".join(f".{kind}" for kind in FORMATS)
        raise ValueError(f"--out {out} must end in {suffixes}: the format of the figure")
