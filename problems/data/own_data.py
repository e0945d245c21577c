"""Arrays of one's own as a data set: checked row by row, split, standardised by the training part.

    inputs    (n, height, width, channels) images, (n, height, width) grey images, or (n, features), a table
    labels    (n,) whole numbers or text: a class each
    targets   (n,) or (n, k) numbers, in place of labels: what is predicted is a number

Without a validation part, a fixed shuffle holds out a fifth of the rows. A table is stored as images of one pixel with
a channel for each feature, so that each feature is standardised for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minigrad import Array
from problems.data.dataset import Dataset
from problems.data.errors import CorruptData

HELD_OUT = 0.2
ARRAYS = ("train_images", "train_labels", "validation_images", "validation_labels")


@dataclass(frozen=True)
class NumberData(Dataset):
    """A data set whose answers are numbers: `train_labels` (n, k) of floats, and `classes` the names of the k.

    `target_mean` and `target_std` are those of the training part, one for each of the k.
    """

    target_mean: tuple[float, ...] = ()
    target_std: tuple[float, ...] = ()


@dataclass(frozen=True)
class Rows:
    """Inputs, and either labels or targets, as they were read; `source` is the file, for errors."""

    source: str
    inputs: np.ndarray
    labels: np.ndarray | None = None
    targets: np.ndarray | None = None
    first: int = 0  # what the first row is called: 0 in an array, 2 in a table with a heading


def own_data(
    name: str,
    train: Rows,
    validation: Rows | None = None,
    classes: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    features: Sequence[str] = (),
) -> Dataset:
    """A data set of rows: a `Dataset` with labels, a `NumberData` with targets. CorruptData names the row at fault.

    classes:  names of the labels 0, 1, ...; None: the labels themselves
    outputs:  names of the targets; None: target, or target0, target1, ...
    features: names of the columns of a table, where they have any

    >>> rows = Rows("mine", np.arange(20.0).reshape(10, 2), labels=np.array(["ham", "spam"] * 5))
    >>> data = own_data("mine", rows)
    >>> data.classes, data.train_images.shape, data.validation_images.shape
    (('ham', 'spam'), (8, 1, 1, 2), (2, 1, 1, 2))
    """
    for rows in (train, validation):
        if rows is not None:
            _check(rows)
    inputs, shape = as_images(train.inputs), as_images(train.inputs).shape[1:]
    if validation is not None and as_images(validation.inputs).shape[1:] != shape:
        raise CorruptData(
            f"{train.source}: the validation inputs have shape {validation.inputs.shape}, those of training "
            f"{train.inputs.shape}: all but the first number must agree"
        )
    if train.labels is not None:
        answers, held_answers, names = _numbered(train, validation, classes)
    else:
        answers, held_answers = _columns(train), None if validation is None else _columns(validation)
        names = _target_names(train.source, answers, held_answers, outputs)
    if validation is None:
        held = _held_out(train.source, len(inputs))
        (inputs, held_inputs), (answers, held_answers) = (_split(x, held) for x in (inputs, answers))
    else:
        held_inputs = as_images(validation.inputs)
    inputs, held_inputs = _stored((inputs, held_inputs))
    mean, std = column_statistics(train.source, "input", inputs.reshape(-1, shape[-1]))
    white = 1.0 if inputs.dtype != np.uint8 and inputs.min() >= 0.0 and inputs.max() <= 1.0 else 255
    known: dict[str, Any] = {
        "name": name,
        "classes": names,
        "train_images": inputs,
        "train_labels": answers,
        "validation_images": held_inputs,
        "validation_labels": held_answers,
        "mean": mean,
        "std": std,
        "source": train.source,
        "white": white,
        "features": tuple(features),
    }
    if train.labels is not None:
        return Dataset(**known)
    target_mean, target_std = column_statistics(train.source, "target", answers)
    return NumberData(**known, target_mean=target_mean, target_std=target_std)


def as_images(inputs: Array) -> Array:
    """Rows of a table, or grey images, as images (n, height, width, channels).

    >>> as_images(np.zeros((5, 3))).shape, as_images(np.zeros((5, 8, 8))).shape
    ((5, 1, 1, 3), (5, 8, 8, 1))
    """
    if inputs.ndim == 2:
        return inputs[:, None, None, :]
    return inputs[..., None] if inputs.ndim == 3 else inputs


def is_table(data: Dataset) -> bool:
    """Whether the inputs are rows of numbers rather than pictures."""
    return tuple(data.train_images.shape[1:3]) == (1, 1)


def in_dtype(data: Dataset, dtype: type[np.floating]) -> Dataset:
    """The data set with its floats in a dtype: not every array library has float64. Bytes and labels stay."""
    arrays = {name: getattr(data, name) for name in ARRAYS}
    return replace(data, **{k: x.astype(dtype) for k, x in arrays.items() if getattr(x.dtype, "kind", "") == "f"})


def _check(rows: Rows) -> None:
    """Shapes, types, and that all numbers are finite."""
    x, source = rows.inputs, rows.source
    if x.ndim not in (2, 3, 4) or 0 in x.shape:
        raise CorruptData(
            f"{source}: the inputs must be (n, features), (n, height, width) or (n, height, width, channels), with at "
            f"least one row; got {x.shape}"
        )
    if x.dtype.kind not in "uifb":
        raise CorruptData(f"{source}: the inputs must be numbers; got {x.dtype}")
    _check_finite(rows, "inputs", x)
    answers, kind = (rows.labels, "labels") if rows.targets is None else (rows.targets, "targets")
    if answers is None or (rows.labels is not None and rows.targets is not None):
        raise CorruptData(f"{source}: give labels, which are classes, or targets, which are numbers: one of them")
    if len(answers.shape) == 0 or len(answers) != len(x):
        raise CorruptData(f"{source}: {len(x)} inputs, but {kind} of shape {answers.shape}: one for each input")
    if kind == "labels":
        if answers.ndim != 1:
            raise CorruptData(f"{source}: labels must be (n,), a class for each input; got {answers.shape}")
        if answers.dtype.kind not in "uibUS":
            raise CorruptData(
                f"{source}: labels must be whole numbers or text; got {answers.dtype}: call numbers to predict targets"
            )
        return
    if answers.dtype.kind not in "uif" or answers.ndim > 2 or 0 in answers.shape:
        raise CorruptData(f"{source}: targets must be numbers (n,) or (n, k); got {answers.dtype} {answers.shape}")
    _check_finite(rows, "targets", answers)


def _check_finite(rows: Rows, what: str, x: np.ndarray) -> None:
    if x.dtype.kind != "f":
        return
    bad = np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))
    if len(bad):
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise CorruptData(
            f"{rows.source}: row {bad[0] + rows.first}{more} of the {what} has a number that is not finite: remove or "
            "replace it"
        )


def _numbered(
    train: Rows, validation: Rows | None, classes: Sequence[str] | None
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Labels as numbers from 0, and the names of the classes. All classes must be in the training part."""
    assert train.labels is not None
    if classes is None:
        known = np.unique(train.labels)
        names = tuple(_text(label) for label in known.tolist())
    else:
        known, names = np.arange(len(classes)), tuple(map(str, classes))
        if train.labels.dtype.kind in "US":
            raise CorruptData(f"{train.source}: labels that are text need no classes: leave out classes")
    if len(set(names)) < max(2, len(names)):
        raise CorruptData(f"{train.source}: there must be two classes or more, of different names; got {list(names)}")
    found: list[np.ndarray] = []
    for rows in (train, validation):
        if rows is None:
            return found[0], None, names
        labels = rows.labels
        if labels is None:
            raise CorruptData(f"{train.source}: labels to train, but targets to validate: give the same of both")
        comparable = (labels.dtype.kind in "US" and known.dtype.kind in "US") or known.dtype.kind == labels.dtype.kind
        is_known = np.isin(labels, known) if comparable or labels.dtype.kind in "uib" else np.zeros(len(labels), bool)
        if not is_known.all():
            k = int(np.flatnonzero(~is_known)[0])
            raise CorruptData(
                f"{rows.source}: row {k + rows.first} has the label {_text(labels[k].item())}, which is no class of "
                f"training ({', '.join(names[:10])}{', ...' if len(names) > 10 else ''})"
            )
        found.append(np.searchsorted(known, labels).astype(np.int64))
    return found[0], found[1], names


def _text(label: object) -> str:
    return label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label)


def _columns(rows: Rows) -> np.ndarray:
    """Targets as floats (n, k)."""
    if rows.targets is None:
        raise CorruptData(f"{rows.source}: targets to train, but labels to validate: give the same of both")
    return rows.targets.reshape(len(rows.targets), -1).astype(np.float64)


def _target_names(
    source: str, train: np.ndarray, validation: np.ndarray | None, names: Sequence[str] | None
) -> tuple[str, ...]:
    count = train.shape[1]
    if validation is not None and validation.shape[1] != count:
        raise CorruptData(f"{source}: {count} targets to train, but {validation.shape[1]} to validate")
    if names is None:
        return ("target",) if count == 1 else tuple(f"target{k}" for k in range(count))
    if len(names) != count:
        raise CorruptData(f"{source}: {len(names)} names for {count} targets")
    return tuple(names)


def _held_out(source: str, count: int) -> np.ndarray:
    """Which rows are for validation: a fixed shuffle, at least one and not all."""
    if count < 2:
        raise CorruptData(f"{source}: two rows or more are needed, to train and to validate; got {count}")
    held = np.zeros(count, bool)
    held[np.random.default_rng(0).permutation(count)[: max(1, round(HELD_OUT * count))]] = True
    return held


def _split(x: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return x[~held], x[held]


def _stored(parts: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """As bytes where all are, else as floats."""
    if all(x.dtype == np.uint8 for x in parts):
        return parts
    return tuple(x if x.dtype == np.float32 else x.astype(np.float64) for x in parts)


def column_statistics(source: str, what: str, columns: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each column (1 where it never changes)."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = columns.mean(axis=0, dtype=np.float64)
        std = np.sqrt(np.mean(np.square(columns - mean), axis=0, dtype=np.float64))
    if not np.isfinite(std).all():
        k = int(np.flatnonzero(~np.isfinite(std))[0])
        raise CorruptData(f"{source}: the numbers of {what} {k} are too large: their squares overflow")
    flat = std <= 1e-12 * np.abs(mean)
    return tuple(mean.tolist()), tuple(np.where(flat, 1.0, std).tolist())
