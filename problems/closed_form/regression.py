"""Linear, logistic and softmax regression: convex, with solutions that are known or found to the last digit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

import minigrad as mg
from minigrad import Array, nn
from problems.closed_form.asarray_like import asarray_like
from problems.closed_form.registry import register
from problems.protocol import Runs


@dataclass(frozen=True)
class Regression(ABC):
    """What the three share: samples `x ~ N(0, 1)` drawn by `seed`, and a penalty that makes the minimum unique.

    The penalty `ridge/2 |w|^2` is among the outputs, `(scores, sqrt(ridge) w)`, so that the Gauss-Newton matrix is the
    exact Hessian. ValueError for no samples, no features, or a ridge that is not positive.
    """

    samples: int = 200
    features: int = 5
    ridge: float = 1e-2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.samples < 1 or self.features < 1 or not self.ridge > 0.0:
            raise ValueError(
                f"samples and features must be at least 1 and ridge positive; got {self.samples}, {self.features}, "
                f"{self.ridge}"
            )

    @cached_property
    def inputs(self) -> Array:
        """Samples (samples, features)."""
        return np.random.default_rng([self.seed, 0]).standard_normal((self.samples, self.features))

    def _true(self, *shape: int) -> Array:
        return np.random.default_rng([self.seed, 1]).standard_normal((self.features, *shape))

    def batch(self, rng: np.random.Generator | None = None, runs: Runs = ()) -> None:  # noqa: B027  (it is complete)
        """None: every step sees all samples."""

    def _check(self, params: Array, *shape: int) -> None:
        if tuple(params.shape[params.ndim - len(shape) :]) != shape:
            wanted = ", ".join(map(str, shape))
            raise ValueError(
                f"{type(self).__name__} takes params of shape (*runs, {wanted}); got {tuple(params.shape)}"
            )

    @property
    @abstractmethod
    def solution(self) -> Array:
        """The one minimiser."""

    @abstractmethod
    def loss(self, outputs: tuple[Array, Array], batch: None = None) -> Array:
        """The mean loss over the samples, and the penalty: of shape runs."""

    @cached_property
    def minimum(self) -> float:
        """The loss at the solution."""
        return float(self.loss(self.model(self.solution)))

    def init(self, rng: np.random.Generator, runs: Runs = ()) -> Array:
        """Draw the start of every run, (*runs, features)."""
        return rng.standard_normal((*runs, self.features))

    def model(self, params: Array, batch: None = None) -> tuple[Array, Array]:
        """`(X w, sqrt(ridge) w)`."""
        self._check(params, self.features)
        return mg.matmul(params, asarray_like(self.inputs.T, params)), self.ridge**0.5 * params

    def _penalty(self, scaled: Array, axes: int) -> Array:
        return 0.5 * mg.sum(scaled * scaled, axis=tuple(range(-axes, 0)))


@dataclass(frozen=True)
class LinearRegression(Regression):
    """`f(w) = 1/2N |X w - y|^2 + ridge/2 |w|^2`, with `y = X w_true + 0.1 noise`.

    Closed form: `w* = (X^T X / N + ridge I)^-1 X^T y / N`. Hastie, Tibshirani and Friedman, The Elements of Statistical
    Learning, 2nd edition, eq. 3.44.

    >>> problem = LinearRegression()
    >>> w = problem.solution
    >>> gradient = mg.grad(lambda w: problem.loss(problem.model(w)))(w)
    >>> bool(np.all(np.abs(gradient) < 1e-14))
    True
    """

    name: str = field(default="linear-regression", init=False)

    @cached_property
    def targets(self) -> Array:
        """`y`, (samples,)."""
        noise = np.random.default_rng([self.seed, 2]).standard_normal(self.samples)
        return self.inputs @ self._true() + 0.1 * noise

    @cached_property
    def hessian(self) -> Array:
        """`X^T X / N + ridge I`, the same everywhere."""
        return self.inputs.T @ self.inputs / self.samples + self.ridge * np.eye(self.features)

    @cached_property
    def solution(self) -> Array:
        return np.linalg.solve(self.hessian, self.inputs.T @ self.targets / self.samples)

    def loss(self, outputs: tuple[Array, Array], batch: None = None) -> Array:
        scores, scaled = outputs
        misfit = scores - asarray_like(self.targets, scores)
        return (0.5 / self.samples) * mg.sum(misfit * misfit, axis=-1) + self._penalty(scaled, 1)


@dataclass(frozen=True)
class LogisticRegression(Regression):
    """`f(w) = 1/N sum_n log(1 + exp(-s_n x_n.w)) + ridge/2 |w|^2`, signs `s_n` drawn from the model at `w_true`.

    Reference: Newton's method in plain NumPy, to machine precision. With `p = sigmoid(X w)` the gradient is
    `-1/N sum_n s_n sigmoid(-s_n x_n.w) x_n + ridge w` and the Hessian `X^T diag(p (1 - p)) X / N + ridge I`. The
    Elements of Statistical Learning, section 4.4.1.

    >>> problem = LogisticRegression()
    >>> gradient, hessian = problem.derivatives(problem.solution)
    >>> bool(np.all(np.abs(gradient) < 1e-14)), hessian.shape
    (True, (5, 5))
    """

    name: str = field(default="logistic-regression", init=False)

    @cached_property
    def signs(self) -> Array:
        """`s`, -1.0 or 1.0, (samples,)."""
        p = 1.0 / (1.0 + np.exp(-self.inputs @ self._true()))
        return np.where(np.random.default_rng([self.seed, 2]).uniform(size=self.samples) < p, 1.0, -1.0)

    def derivatives(self, w: Array) -> tuple[Array, Array]:
        """The closed-form gradient and Hessian at `w`, in plain NumPy."""
        p = 1.0 / (1.0 + np.exp(-self.inputs @ w))
        gradient = self.inputs.T @ (p - 0.5 * (self.signs + 1.0)) / self.samples + self.ridge * w
        hessian = (self.inputs.T * (p * (1.0 - p))) @ self.inputs / self.samples + self.ridge * np.eye(self.features)
        return gradient, hessian

    @cached_property
    def solution(self) -> Array:
        return _newton(self.derivatives, np.zeros(self.features))

    def loss(self, outputs: tuple[Array, Array], batch: None = None) -> Array:
        scores, scaled = outputs
        return mg.mean(mg.softplus(asarray_like(-self.signs, scores) * scores), axis=-1) + self._penalty(scaled, 1)


@dataclass(frozen=True)
class SoftmaxRegression(Regression):
    """`f(W) = 1/N sum_n -log softmax(x_n W)[label_n] + ridge/2 |W|^2`, labels drawn from the model at `W_true`.

    Reference: Newton's method in plain NumPy, to machine precision, with gradient `X^T (P - Y) / N + ridge W` and
    Hessian blocks `X^T diag(p_j [j = k] - p_j p_k) X / N + ridge I`. The Elements of Statistical Learning, section 4.4.

    >>> problem = SoftmaxRegression(classes=4)
    >>> problem.solution.shape, problem.init(np.random.default_rng(0), runs=(2,)).shape
    ((5, 4), (2, 5, 4))
    """

    classes: int = 3
    name: str = field(default="softmax-regression", init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.classes < 2:
            raise ValueError(f"classes must be at least 2; got {self.classes}")

    @cached_property
    def labels(self) -> Array:
        """The classes, integers, (samples,)."""
        scores = self.inputs @ self._true(self.classes)
        gumbel = np.random.default_rng([self.seed, 2]).gumbel(size=scores.shape)
        return np.argmax(scores + gumbel, axis=1)

    def derivatives(self, w: Array) -> tuple[Array, Array]:
        """The closed-form gradient and Hessian at the flattened `W`, in plain NumPy."""
        d, k = self.features, self.classes
        scores = self.inputs @ w.reshape(d, k)
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        gradient = self.inputs.T @ (p - np.eye(k)[self.labels]) / self.samples
        inner = p[:, :, None] * np.eye(k) - p[:, :, None] * p[:, None, :]
        hessian = np.einsum("na,nij,nb->aibj", self.inputs, inner, self.inputs) / self.samples
        return gradient.ravel() + self.ridge * w, hessian.reshape(d * k, d * k) + self.ridge * np.eye(d * k)

    @cached_property
    def solution(self) -> Array:
        flat = _newton(self.derivatives, np.zeros(self.features * self.classes))
        return flat.reshape(self.features, self.classes)

    def init(self, rng: np.random.Generator, runs: Runs = ()) -> Array:
        """Draw the start of every run, (*runs, features, classes)."""
        return rng.standard_normal((*runs, self.features, self.classes))

    def model(self, params: Array, batch: None = None) -> tuple[Array, Array]:
        """`(X W, sqrt(ridge) W)`."""
        self._check(params, self.features, self.classes)
        return mg.matmul(asarray_like(self.inputs, params), params), self.ridge**0.5 * params

    def loss(self, outputs: tuple[Array, Array], batch: None = None) -> Array:
        scores, scaled = outputs
        labels = np.broadcast_to(self.labels, scores.shape[:-1])
        return nn.cross_entropy(scores, asarray_like(labels, scores)) + self._penalty(scaled, 2)


def _newton(derivatives: Callable[[Array], tuple[Array, Array]], w: Array) -> Array:
    """Newton's method on a strictly convex function, until the gradient is rounding."""
    for _ in range(50):
        gradient, hessian = derivatives(w)
        if np.abs(gradient).max() < 1e-15:
            break
        w = w - np.linalg.solve(hessian, gradient)
    return w


for _problem in (LinearRegression(), LogisticRegression(), SoftmaxRegression()):
    register(_problem.name, _problem)
