"""A trained network that answers: labels with probabilities, or numbers, for inputs as they are stored.

It stands on its own: params, running statistics, and the facts that a checkpoint keeps (`Facts`) are all that it needs.
It computes on the host.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.data.normalise import normalised
from problems.vision.layers import Params
from problems.vision.networks import Network

AT_ONCE = 500  # inputs in one pass


@dataclass(frozen=True)
class Facts:
    """What a network's inputs and outputs mean, as values that JSON can hold. ValueError where they contradict.

    - `classes`: names of the classes, or of the numbers that are predicted
    - `shape`: of one input (height, width, channels); a row of a table is (1, 1, features)
    - `mean`, `std`: of the channels, subtracted and divided by
    - `white`: the value of white in the training images
    - `unit`: the divisor of networks that take values in 0..1
    - `features`: names of the columns of a table
    - `target_mean`, `target_std`: of the numbers that are predicted; None where classes are
    """

    classes: tuple[str, ...]
    shape: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    white: float
    unit: float
    features: tuple[str, ...] = ()
    target_mean: tuple[float, ...] | None = None
    target_std: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or not all(type(n) is int and n >= 1 for n in self.shape):
            raise ValueError(f"the shape of an input must be height, width and channels; got {self.shape}")
        numbers = [*self.mean, *self.std, self.white, self.unit, *(self.target_mean or ()), *(self.target_std or ())]
        if not all(isinstance(x, int | float) and math.isfinite(x) for x in numbers):
            raise ValueError("the statistics of the inputs must be finite numbers")
        if not (len(self.mean) == len(self.std) == self.shape[2]) or 0.0 in (*self.std, self.unit, self.white):
            raise ValueError(f"{len(self.mean)} means and {len(self.std)} deviations for {self.shape[2]} channels")
        for given in (self.target_mean, self.target_std):
            if given is not None and len(given) != len(self.classes):
                raise ValueError(f"{len(given)} statistics of targets for {len(self.classes)} targets")
        if (self.target_mean is None) is not (self.target_std is None):
            raise ValueError("targets must have both a mean and a deviation")
        if not self.classes or not all(isinstance(name, str) for name in (*self.classes, *self.features)):
            raise ValueError("the names of the classes must be text, and at least one")
        if self.features and len(self.features) != self.shape[2]:
            raise ValueError(f"{len(self.features)} names for {self.shape[2]} features")

    def to_json(self) -> dict[str, Any]:
        """The same as a dict of lists and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Any) -> Facts:
        """The facts that `to_json` wrote. ValueError for anything else."""
        names = {field.name for field in fields(cls)}
        if not isinstance(found, dict) or set(found) != names:
            raise ValueError("the facts about inputs and classes are incomplete")
        try:
            known: dict[str, Any] = {key: tuple(x) if isinstance(x, list) else x for key, x in found.items()}
            return cls(**known)
        except TypeError as error:
            raise ValueError(f"the facts about inputs and classes are of other types ({error})") from None

    @property
    def is_table(self) -> bool:
        """Whether an input is a row of a table."""
        return self.shape[:2] == (1, 1)

    @property
    def shape_text(self) -> str:
        """The shape of an input, to read."""
        if self.is_table:
            return f"{self.shape[2]} numbers"
        return f"{self.shape[0]} x {self.shape[1]} pixels of {self.shape[2]} channel{'s' * (self.shape[2] > 1)}"


@dataclass(frozen=True)
class Labels:
    """A label for each input: `probabilities` (n, classes), in the order of `classes`.

    >>> found = Labels(("ham", "spam"), np.array([[0.9, 0.1]]))
    >>> found.labels, found.confidence
    (['ham'], array([0.9]))
    """

    classes: tuple[str, ...]
    probabilities: np.ndarray

    @cached_property
    def indices(self) -> np.ndarray:
        """The number of the most likely class of each input."""
        return np.argmax(self.probabilities, axis=1)

    @property
    def labels(self) -> list[str]:
        """Its name."""
        return [self.classes[k] for k in self.indices]

    @property
    def confidence(self) -> np.ndarray:
        """Its probability."""
        return np.max(self.probabilities, axis=1)

    def __len__(self) -> int:
        return len(self.probabilities)


@dataclass(frozen=True)
class Numbers:
    """Numbers for each input: `values` (n, k), in the order of `names`, in the units of the training targets."""

    names: tuple[str, ...]
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Predictor:
    """A network with its params; call it with inputs as the data set has them: bytes of pictures, rows of a table.

    >>> from problems import Classification, load, network
    >>> data = load("digits")
    >>> problem = Classification(data, network("mlp"))
    >>> predictor = problem.predictor(problem.init(np.random.default_rng(0)), {})
    >>> predictor(data.validation_images[:3]).probabilities.shape
    (3, 10)
    """

    network: Network
    params: Params
    stats: Params
    facts: Facts

    def __call__(self, inputs: Array) -> Labels | Numbers:
        """Labels with probabilities, or numbers. ValueError for inputs of another shape, or that are not finite."""
        outputs = self.outputs(inputs)
        if not np.isfinite(outputs).all():
            raise ValueError(
                "the network's outputs are not finite: its params have diverged, or the inputs are too large"
            )
        mean, std = self.facts.target_mean, self.facts.target_std
        if mean is not None and std is not None:
            return Numbers(self.facts.classes, outputs * np.array(std) + np.array(mean))
        e = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return Labels(self.facts.classes, e / e.sum(axis=1, keepdims=True))

    def outputs(self, inputs: Array) -> np.ndarray:
        """What the network returns, before the loss: (n, classes), float64."""
        x = self._checked(np.asarray(mg.to_numpy(inputs)))
        with np.errstate(over="ignore", invalid="ignore"):
            parts = [self._outputs(x[start : start + AT_ONCE]) for start in range(0, len(x), AT_ONCE)]
        return np.concatenate(parts)

    def _outputs(self, x: np.ndarray) -> np.ndarray:
        dtype = mg.tree_flatten(self.params)[0][0].dtype.type
        if self.network.inputs == "unit":
            scaled = x.astype(dtype) * dtype(1.0 / self.facts.unit)
        else:
            scaled = normalised(x, self.facts.mean, self.facts.std, dtype)
        return np.asarray(self.network(self.params, scaled, self.stats)[0], np.float64)

    def _checked(self, x: np.ndarray) -> np.ndarray:
        """Inputs (n, *shape). Rows of a table and grey images may lack the axes of length 1."""
        shape = self.facts.shape
        if x.dtype.kind not in "uifb":
            raise ValueError(f"inputs must be numbers; got {x.dtype}")
        if x.ndim == 2 and self.facts.is_table:
            x = x[:, None, None, :]
        if x.ndim == 3 and shape[2] == 1:
            x = x[..., None]
        if x.shape[1:] != shape or not len(x):
            raise ValueError(f"the network takes inputs (n, *{shape}), at least one; got {x.shape}")
        if x.dtype.kind == "f":
            bad = np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))
            if len(bad):
                raise ValueError(f"input {bad[0]} has a number that is not finite: replace it, or leave it out")
            return x
        return x if x.dtype == np.uint8 else x.astype(np.float64)


def predictor_of(network: Network, params: Params, stats: Params | None, facts: Facts) -> Predictor:
    """A predictor on the host, whatever library and device the params are on."""
    params, stats = (mg.tree_map(lambda x: np.asarray(mg.to_numpy(x)), tree or {}) for tree in (params, stats))
    return Predictor(network, params, stats, facts)
