"""`curveball predict`: what a trained network says about images, or about rows of a table."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
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
    from curveball.prediction.load import load_predictor
    from problems.vision.predictor import Labels

    with bad_input():
        at_least(1, "--top", top)
        net = None if network is None else partial(make_network, network)
        predictor = load_predictor(checkpoint, net)
        names, arrays = _read(inputs, predictor.facts, resize)
        found = predictor(arrays)
    if as_json:
        typer.echo(json.dumps([{"input": name, **each} for name, each in zip(names, _records(found), strict=True)], indent=1))
    elif isinstance(found, Labels):
        typer.echo(_table(["input", *["label", "probability"] * min(top, len(found.classes))], _likely(names, found, top)))
    else:
        rows = [[name, *(f"{x:.6g}" for x in row)] for name, row in zip(names, found.values, strict=True)]
        typer.echo(_table(["input", *found.names], rows))


def _read(paths: list[Path], facts: Any, resize: bool) -> tuple[list[str], np.ndarray]:
    """The inputs of all files, and what they are called. ValueError for a file that cannot be used."""
    from problems.data.csv_file import read_features
    from problems.data.npz_file import read_inputs
    from problems.data.own_data import as_images
    from problems.data.picture_inputs import picture_files, read_pictures

    names: list[str] = []
    parts: list[np.ndarray] = []
    for path in paths:
        kind = path.suffix.lower()
        if kind == ".csv":
            if not facts.features:
                raise ValueError(f"{path} is a table, the network was not trained on one: it takes {facts.shape_text}")
            rows = read_features(path, facts.features)
            names += [f"{path}:{k + 2}" for k in range(len(rows))]  # the lines, counted from 1, after the heading
        elif kind == ".npz":
            rows = read_inputs(path)
            names += [f"{path}[{k}]" for k in range(len(rows))]
        elif facts.is_table:
            raise ValueError(f"{path} is no table: the network takes {facts.shape_text}, as FILE.csv or FILE.npz has them")
        else:
            files = picture_files([path])
            rows = read_pictures(files, facts.shape, facts.white, resize)
            names += map(str, files)
        rows = as_images(rows)
        if rows.shape[1:] != facts.shape:
            raise ValueError(f"{path} has inputs of shape {rows.shape[1:]}, the network takes {facts.shape_text}")
        parts.append(rows)
    return names, np.concatenate(parts)


def _records(found: Any) -> list[dict[str, Any]]:
    """A dict for each input: its label and all probabilities, or its numbers."""
    from problems.vision.predictor import Labels

    if isinstance(found, Labels):
        return [
            {"label": label, "probabilities": dict(zip(found.classes, row, strict=True))}
            for label, row in zip(found.labels, found.probabilities.tolist(), strict=True)
        ]
    return [{"values": dict(zip(found.names, row, strict=True))} for row in found.values.tolist()]


def _likely(names: list[str], found: Any, top: int) -> list[list[str]]:
    """For each input the most likely labels with their probabilities."""
    order = np.argsort(-found.probabilities, axis=1, kind="stable")[:, :top]
    return [
        [name, *(cell for k in best for cell in (found.classes[k], f"{row[k]:.3f}"))]
        for name, best, row in zip(names, order, found.probabilities, strict=True)
    ]


def _table(heading: list[str], rows: list[list[str]]) -> str:
    """Columns of text, the first to the left, all on lines of their own."""
    lines = [[_printable(cell) for cell in row] for row in [heading, *rows]]
    widths = [max(len(row[k]) for row in lines) for k in range(len(heading))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in lines
    )


def _printable(text: str) -> str:
    """A name on one line, whatever characters it has."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
