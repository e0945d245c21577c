"""Predictions that say how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class ClassPrediction:
    """Probabilities of classes, averaged over what the params may be.

    - `mean` (batch, features) and `covariance` (batch, features, features) of the outputs;
    - `probabilities` (batch, classes), which are less sure than those of the mean where the data say little;
    - `mean_entropy` (batch,): of the probabilities of one network drawn from the posterior, on average.
    """

    mean: np.ndarray
    covariance: np.ndarray
    probabilities: np.ndarray
    mean_entropy: np.ndarray

    @cached_property
    def labels(self) -> np.ndarray:
        """The most likely class of each example."""
        return np.argmax(self.probabilities, axis=1)

    @cached_property
    def confidence(self) -> np.ndarray:
        """The probability of that class."""
        return np.max(self.probabilities, axis=1)

    @cached_property
    def entropy(self) -> np.ndarray:
        """`-sum_k p_k log p_k` of the probabilities, in nats: all that is uncertain about a label."""
        return -np.sum(self.probabilities * np.log(np.maximum(self.probabilities, 1e-300)), axis=1)

    @cached_property
    def disagreement(self) -> np.ndarray:
        """The part of the entropy that more data would take away: how much networks from the posterior differ.

        `entropy - mean_entropy`, the mutual information of label and params. Houlsby et al., arXiv 1112.5745, 2011.
        """
        return np.maximum(self.entropy - self.mean_entropy, 0.0)


@dataclass(frozen=True)
class NumberPrediction:
    """Numbers with error bars: `mean` (batch, features), its `covariance`, and the `noise` of a measurement."""

    mean: np.ndarray
    covariance: np.ndarray
    noise: float

    @cached_property
    def std(self) -> np.ndarray:
        """Standard deviation of the mean (batch, features): what is not known about the params."""
        return np.sqrt(np.maximum(np.diagonal(self.covariance, axis1=1, axis2=2), 0.0))

    @cached_property
    def total_std(self) -> np.ndarray:
        """Standard deviation of a new measurement (batch, features): that of the mean, and the noise."""
        return np.hypot(self.std, self.noise)

    def interval(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """The ends of the interval that holds a new measurement with this probability: two arrays (batch, features).

        >>> one = NumberPrediction(np.zeros((1, 1)), np.full((1, 1, 1), 0.36), 0.8)
        >>> one.interval(0.95)[1].round(2).tolist()
        [[1.96]]
        """
        from scipy.special import ndtri

        if not 0.0 < level < 1.0:
            raise ValueError(f"level must be between 0 and 1; got {level!r}")
        half = ndtri(0.5 + 0.5 * level) * self.total_std
        return self.mean - half, self.mean + half
