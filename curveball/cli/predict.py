"""`curveball predict`: what a trained network says about images, or about rows of a table."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from curveball.cli.errors import at_least, bad_input
from curveball.cli.numbers import integer_option

NEXT = 3  # labels that are printed, the most likely first


def predict(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint.safetensors, or the folder of a run")],
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUTS...", help="images, folders of images, or FILE.csv, FILE.npz")
    ],
    resize: Annotated[
        bool, typer.Option("--resize", help="resize the middle of images of another size; colours to grey if need be")
    ] = False,
    top: Annotated[int, integer_option("how many labels to print for each input, the most likely first")] = NEXT,
    network: Annotated[
        str | None, typer.Option(help="module:function, for a checkpoint of a network of your own")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON, with all probabilities")] = False,
) -> None:
    """Print labels with probabilities, or the numbers that were trained for, one line for each input."""
    # Imported here, so that other commands and the help start quickly.
    from curveball.cli.own_code import make_network
    from curveball.experiments.predictions import predictions, predictions_json, predictions_table

    with bad_input():
        at_least(1, "--top", top)
        net = None if network is None else partial(make_network, network)
        names, found = predictions(checkpoint, inputs, net, resize)
    typer.echo(predictions_json(names, found) if as_json else predictions_table(names, found, top))
