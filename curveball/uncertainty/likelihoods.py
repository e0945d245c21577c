"""What targets are believed to be, given the outputs: classes of a softmax, one of two classes, or numbers with noise.

Each gives the log-likelihood, a factor `S` of its negative Hessian by the outputs of one example, `S S^T = H`, and what
follows for a target from outputs that are normally distributed.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from curveball.uncertainty.logistic_normal import expected_entropy, expected_probability
from curveball.uncertainty.predictions import ClassPrediction, NumberPrediction

SAMPLES_AT_ONCE = 2**22


class Likelihood(Protocol):
    """How targets follow from outputs (batch, features), on the host."""

    has_noise: bool  # whether the log-likelihood has a standard deviation: the factor below is then for 1

    def check(self, features: int, targets: np.ndarray) -> np.ndarray:
        """The targets in the form that the others take. ValueError names the one that does not fit."""

    def error(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        """Minus the log-likelihood, summed over the examples; for numbers half the sum of squares."""

    def factor(self, outputs: np.ndarray) -> np.ndarray:
        """`S` (batch, features, features)."""

    def predict(
        self, mean: np.ndarray, covariance: np.ndarray, noise: float, samples: int, rng: np.random.Generator
    ) -> ClassPrediction | NumberPrediction:
        """The prediction for outputs with this mean (batch, features) and covariance (batch, features, features)."""


class Classes:
    """One of several classes: `log p = y_label - logsumexp(y)`, `H = diag(p) - p p^T`."""

    has_noise = False

    def check(self, features: int, targets: np.ndarray) -> np.ndarray:
        return check_labels(targets, features)

    def error(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        return float(-np.sum(_log_softmax(outputs)[np.arange(len(targets)), targets]))

    def factor(self, outputs: np.ndarray) -> np.ndarray:
        """`S = diag(sqrt p) - p sqrt(p)^T`: then `S S^T = diag(p) - 2 p p^T + p (sum p) p^T = H`."""
        p = np.exp(_log_softmax(outputs))
        return np.sqrt(p)[:, :, None] * np.eye(p.shape[1]) - p[:, :, None] * np.sqrt(p)[:, None, :]

    def predict(
        self, mean: np.ndarray, covariance: np.ndarray, noise: float, samples: int, rng: np.random.Generator
    ) -> ClassPrediction:
        """Means over samples of the outputs, which come in pairs `mean +- deviation`."""
        half = rng.standard_normal(((samples + 1) // 2, mean.shape[1]))
        z = np.concatenate([half, -half])
        probabilities, entropies = np.zeros(mean.shape), np.zeros(len(mean))
        size = max(1, SAMPLES_AT_ONCE // z.size)
        for start in range(0, len(mean), size):
            part = slice(start, start + size)
            values, vectors = np.linalg.eigh(covariance[part])
            root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
            log_p = _log_softmax(mean[part, None, :] + np.einsum("sk,bjk->bsj", z, root))
            p = np.exp(log_p)
            probabilities[part] = np.mean(p, axis=1)
            entropies[part] = -np.mean(np.sum(p * log_p, axis=2), axis=1)
        return ClassPrediction(mean, covariance, probabilities, entropies)


class TwoClasses:
    """Class 1 with the logistic function of one output: `p = 1 / (1 + exp(-y))`, `H = p (1 - p)`."""

    has_noise = False

    def check(self, features: int, targets: np.ndarray) -> np.ndarray:
        if features != 1:
            raise ValueError(f'likelihood="binary" needs one output for each example; the model has {features}')
        return check_labels(targets, 2)

    def error(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        y = outputs[:, 0]
        return float(np.sum(np.logaddexp(0.0, y) - targets * y))

    def factor(self, outputs: np.ndarray) -> np.ndarray:
        return (0.5 / np.cosh(0.5 * outputs))[:, :, None]

    def predict(
        self, mean: np.ndarray, covariance: np.ndarray, noise: float, samples: int, rng: np.random.Generator
    ) -> ClassPrediction:
        """By quadrature, to rounding."""
        y, std = mean[:, 0], np.sqrt(np.maximum(covariance[:, 0, 0], 0.0))
        p = expected_probability(y, std)
        return ClassPrediction(mean, covariance, np.stack([1.0 - p, p], axis=1), expected_entropy(y, std))


class Numbers:
    """Numbers with normal noise of one standard deviation, in all features: `H = I / noise^2`."""

    has_noise = True

    def check(self, features: int, targets: np.ndarray) -> np.ndarray:
        rows = targets[:, None] if targets.ndim == 1 else targets
        if rows.shape[1:] != (features,):
            raise ValueError(f"targets of shape {targets.shape} do not fit outputs of {features} features")
        bad = ~np.all(np.isfinite(rows), axis=1)
        if np.any(bad):
            raise ValueError(f"the target of example {int(np.argmax(bad))} is not finite")
        return rows.astype(float)

    def error(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        return float(0.5 * np.sum((outputs - targets) ** 2))

    def factor(self, outputs: np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.eye(outputs.shape[1]), (*outputs.shape, outputs.shape[1]))

    def predict(
        self, mean: np.ndarray, covariance: np.ndarray, noise: float, samples: int, rng: np.random.Generator
    ) -> NumberPrediction:
        return NumberPrediction(mean, covariance, noise)


LIKELIHOODS: dict[str, type[Likelihood]] = {"classification": Classes, "binary": TwoClasses, "regression": Numbers}


def likelihood_of(name: str | None, targets: np.ndarray, features: int) -> Likelihood:
    """The likelihood by name; without one, by the targets: whole numbers are classes.

    >>> likelihood_of(None, np.array([0, 1]), 1).__class__.__name__
    'TwoClasses'
    """
    if name is None:
        name = "regression" if targets.dtype.kind == "f" else "binary" if features == 1 else "classification"
    if name not in LIKELIHOODS:
        raise ValueError(f"likelihood must be one of {', '.join(map(repr, LIKELIHOODS))}; got {name!r}")
    return LIKELIHOODS[name]()


def check_labels(labels: np.ndarray, classes: int) -> np.ndarray:
    """Integer labels, one for each example. ValueError names one that is no class."""
    if labels.ndim != 1 or labels.dtype.kind not in "iub":
        raise ValueError(
            f"labels must be whole numbers, one for each example; got {labels.dtype} of shape {labels.shape}"
        )
    labels = labels.astype(int)
    bad = (labels < 0) | (labels >= classes)
    if np.any(bad):
        k = int(np.argmax(bad))
        raise ValueError(f"the label {labels[k]} of example {k} is no class: labels must be in 0..{classes - 1}")
    return labels


def _log_softmax(y: np.ndarray) -> np.ndarray:
    y = y - np.max(y, axis=-1, keepdims=True)
    return y - np.log(np.sum(np.exp(y), axis=-1, keepdims=True))
