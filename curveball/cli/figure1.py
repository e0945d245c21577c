"""`curveball figure1`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curveball.cli.errors import at_least, bad_input
from curveball.cli.numbers import number_option
from curveball.cli.options import Format, Out, Seed
from curveball.solvers.registry import NUMBER


def figure1(
    noise: Annotated[
        tuple[float, float] | None, number_option("noise of Rosenbrock's function, U[a, b]", "<float> <float>")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="where to start, as in -0.25,-0.25 [default: drawn by the seed]")
    ] = None,
    seed: Seed = 0,
    out: Out = None,
    figure_format: Format = "png",
) -> None:
    """Draw every solver's path over the contours of Rosenbrock's function, and loss against iteration; animate it."""
    # Imported here, so that other commands and the help start without Matplotlib.
    from curveball.experiments.figure1 import figure1 as run_figure
    from curveball.experiments.table1 import THRESHOLD
    from curveball.figures.formats import in_format
    from curveball.training.files import output_folder
    from problems.closed_form.rosenbrock import Rosenbrock

    with bad_input():
        Rosenbrock(noise)  # refuses a bad range before anything is written
        at_least(0, "--seed", seed)
        point = None if start is None else _numbers("--start", start, 2)
        files = in_format(("figure1.png", "figure1.gif", "linear_system.png", "figure1.json"), figure_format)
        folder = output_folder(out or Path("runs") / "figure1")
        found = run_figure(folder, noise, seed, point, figure_format)
    for t in found:
        below = next((str(k + 1) for k, loss in enumerate(t.losses) if loss < THRESHOLD), "never")
        typer.echo(f"{t.name:>27}: loss below {THRESHOLD:g} at iteration {below}")
    typer.echo(f"{', '.join(files[:-1])} and {files[-1]} in {folder}")


def _numbers(option: str, text: str, count: int) -> list[float]:
    """Numbers separated by commas. ValueError for anything else."""
    parts = text.split(",")
    numbers = [float(part) for part in parts] if all(NUMBER.fullmatch(part.strip(" ")) for part in parts) else []
    if len(numbers) != count or not all(abs(x) < 1e6 for x in numbers):
        raise ValueError(f"{option} takes {count} numbers separated by commas, as in -0.25,-0.25; got {text!r}")
    return numbers
