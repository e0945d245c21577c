"""A network that predicts numbers: the squared error of targets of mean 0 and standard deviation 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import array_api_compat

import minigrad as mg
from minigrad import Array, namespace, nn
from problems.data.own_data import NumberData
from problems.vision.classification import Batch, Classification
from problems.vision.predictor import Facts


@dataclass(frozen=True)
class Regression(Classification):
    """Train a network on data whose answers are numbers; mini-batches and validation are those of a `Classification`.

    `model` returns `(outputs, stats)`: use it with `has_aux=True`. The network has an output for each target.
    ValueError for data with classes.

    >>> import numpy as np
    >>> from problems import network
    >>> from problems.data.own_data import Rows, own_data
    >>> x = np.linspace(-1.0, 1.0, 100)[:, None]
    >>> problem = Regression(own_data("squares", Rows("squares", x, targets=x**2)), network("mlp", classes=1))
    >>> rng = np.random.default_rng(0)
    >>> params, batch = problem.init(rng), problem.batch(rng)
    >>> problem.model(params, batch)[0].shape
    (64, 1)
    """

    data: NumberData

    def _check_answers(self) -> None:
        if not isinstance(self.data, NumberData):
            raise ValueError(f"{self.data.name} has classes to predict, not numbers: use Classification")

    @property
    def description(self) -> dict[str, Any]:
        """That of a `Classification`; `target_means` tell data sets of one name apart."""
        return {**super().description, "loss": "squared error", "target_means": list(self.data.target_mean)}

    @property
    def facts(self) -> Facts | None:
        """What the inputs and the outputs mean."""
        known = super().facts
        if known is None:
            return None
        return replace(known, target_mean=self.data.target_mean, target_std=self.data.target_std)

    def loss(self, outputs: Array, batch: Batch) -> Array:
        """`mean_k ((y_k - t_k) / std_k)^2`, mean over the batch; `std_k` is that of the training targets."""
        return nn.squared_error(outputs, self._standard(batch.labels)) * (1.0 / len(self.data.target_std))

    def errors(self, outputs: Array, batch: Batch) -> Array:
        """The same: the share of the targets' variance that is not explained, `1 - R^2` on the training set."""
        return self.loss(outputs, batch)

    def _standard(self, targets: Array) -> Array:
        """Targets of mean 0 and standard deviation 1 over the training set, in the dtype of the network."""
        xp, device = namespace(targets), array_api_compat.device(targets)
        mean = xp.asarray(list(self.data.target_mean), dtype=targets.dtype, device=device)
        scale = xp.asarray([1.0 / s for s in self.data.target_std], dtype=targets.dtype, device=device)
        return mg.astype((targets - mean) * scale, self.dtype)
