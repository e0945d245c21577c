"""What a network of a checkpoint says about files: images, tables, arrays; as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from curveball.prediction.load import Make, load_predictor
from problems.data.csv_file import read_features
from problems.data.npz_file import read_inputs
from problems.data.own_data import as_images
from problems.data.picture_inputs import picture_files, read_pictures
from problems.vision.networks import Network
from problems.vision.predictor import Facts, Labels, Numbers


def predictions(
    checkpoint: Path, files: Sequence[Path], net: Network | Make | None = None, resize: bool = False
) -> tuple[list[str], Labels | Numbers]:
    """The names of all inputs in the files, and what the network says of them. ValueError for what cannot be read.

    files:   images, folders of them, FILE.csv or FILE.npz
    net:     as in `load_predictor`
    resize:  fit images of another size
    """
    predictor = load_predictor(checkpoint, net)
    names, inputs = _read(files, predictor.facts, resize)
    return names, predictor(inputs)


def predictions_json(names: list[str], found: Labels | Numbers) -> str:
    """A dict for each input: its label and all probabilities, or its numbers.

    >>> print(predictions_json(["a.png"], Labels(("ham", "spam"), np.array([[0.9, 0.1]]))))
    [
     {
      "input": "a.png",
      "label": "ham",
      "probabilities": {
       "ham": 0.9,
       "spam": 0.1
      }
     }
    ]
    """
    return json.dumps([{"input": name, **each} for name, each in zip(names, _records(found), strict=True)], indent=1)


def predictions_table(names: list[str], found: Labels | Numbers, top: int = 3) -> str:
    """A line for each input: its most likely labels with their probabilities, or its numbers.

    >>> print(predictions_table(["a.png"], Labels(("ham", "spam"), np.array([[0.9, 0.1]])), top=1))
    input  label  probability
    a.png    ham        0.900
    """
    if isinstance(found, Numbers):
        numbers = [[name, *(f"{x:.6g}" for x in row)] for name, row in zip(names, found.values, strict=True)]
        return _table(["input", *found.names], numbers)
    heading = ["input", *["label", "probability"] * min(top, len(found.classes))]
    return _table(heading, _likely(names, found, top))


def _read(paths: Sequence[Path], facts: Facts, resize: bool) -> tuple[list[str], np.ndarray]:
    """The inputs of all files, and what they are called."""
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
            raise ValueError(
                f"{path} is no table: the network takes {facts.shape_text}, as FILE.csv or FILE.npz has them"
            )
        else:
            files = picture_files([path])
            rows = read_pictures(files, facts.shape, facts.white, resize)
            names += map(str, files)
        rows = as_images(rows)
        if rows.shape[1:] != facts.shape:
            raise ValueError(f"{path} has inputs of shape {rows.shape[1:]}, the network takes {facts.shape_text}")
        finite = np.isfinite(rows).all(axis=(1, 2, 3))
        if not finite.all():
            name = names[len(names) - len(rows) + int(np.argmin(finite))]
            raise ValueError(f"{name} has a number that is not finite: replace it, or leave it out")
        parts.append(rows)
    return names, np.concatenate(parts)


def _records(found: Labels | Numbers) -> list[dict[str, Any]]:
    """A dict for each input: its label and all probabilities, or its numbers."""
    if isinstance(found, Labels):
        return [
            {"label": label, "probabilities": dict(zip(found.classes, row, strict=True))}
            for label, row in zip(found.labels, found.probabilities.tolist(), strict=True)
        ]
    return [{"values": dict(zip(found.names, row, strict=True))} for row in found.values.tolist()]


def _likely(names: list[str], found: Labels, top: int) -> list[list[str]]:
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
