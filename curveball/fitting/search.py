r"""Levenberg-Marquardt with geodesic acceleration, in a box.

Each iteration takes the best step `v` of the linear model `r + J v` inside `|D v| <= radius` (trust_region.py). `D` has
the largest norm so far of each column of J, so that the units of the parameters do not matter (Moré, 1978). The step
bends along the curve on which the residuals change as the linear model says,

    a = -1/2 (J^T J + lam D^2)^-1 J^T r'',   r'' = d^2/dt^2 r(p + t v) at t = 0,   step = v + a

where `r''` is exact. Where `2 |D a| > 3/4 |D v|`, the linear model does not hold so far out: the radius is halved
before anything is evaluated there (Transtrum and Sethna, arXiv:1201.5885, 2012). The radius follows the gain ratio: the
fall of the cost over the fall predicted. A parameter at its bound stays there while the cost falls beyond it, and steps
are cut at the box.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from curveball.fitting.box import Box
from curveball.fitting.evaluation import Evaluation, Point
from curveball.fitting.robust import Weighing
from curveball.fitting.trust_region import LinearModel

BEND = 0.75  # the largest 2 |D a| / |D v|
HALVINGS = 10  # of the radius for it, in one iteration
SAME = 1e-12  # as a share of the size: rounding errors
SHRINK = 0.8  # of a part of the residuals, or a Gauss-Newton step is not worth its evaluation
LOST = 1e-7  # of its largest norm is left in a column of J
FALL = 1e-4  # the least gain ratio of a step that is taken

STOPPED, EXHAUSTED, ORTHOGONAL, FLAT, SHORT = -1, 0, 1, 2, 3


@dataclass(frozen=True)
class Limits:
    """When to stop: see `least_squares`."""

    ftol: float
    xtol: float
    gtol: float
    max_nfev: int


class Search:
    """The state of a minimisation; `run` takes it to its end and returns why it ended."""

    def __init__(
        self,
        evaluation: Evaluation,
        start: Point,
        weighing: Weighing,
        box: Box,
        limits: Limits,
        scale: np.ndarray | None = None,  # None: by the columns of J
        accelerate: bool = True,
        callback: Callable[[np.ndarray, float], object] | None = None,  # of parameters and cost
        radius: float = 100.0,  # of the first step, in lengths of the scaled parameters
    ):
        self.point = start
        self.J = evaluation.jacobian(start)  # without the weights of a robust loss
        self.size = weighing.size(start.r)  # sqrt(2 cost)
        self.held = np.zeros(start.p.size, dtype=int)  # -1, 1 at a lower or upper bound
        self.iterations = 0
        self._evaluation, self._weighing, self._box, self._limits = evaluation, weighing, box, limits
        self._accelerate, self._callback = accelerate, callback
        self._moving_scale, self._largest = scale is None, 0.0  # the norm of the first J's longest column
        self._D = np.zeros(start.p.size) if scale is None else 1.0 / scale
        self._alpha: np.ndarray | None = None
        self._first = radius

    def run(self) -> int:
        """Minimise; return the reason for the end, one of the constants above."""
        self._model = self._linear_model()
        self._radius = self._first * (self._reach() or 1.0)
        while True:
            if self.size == 0.0 or self._model.tangent <= self._limits.gtol:
                return ORTHOGONAL
            status = self._iteration()
            if status in (FLAT, SHORT):
                self._polish()
            if status is not None:
                return status
            self._model = self._linear_model()

    def _polish(self) -> None:
        """Gauss-Newton steps while the part of the residuals that J can reach shrinks.

        At the minimum the cost is flat: its rounding error hides the second half of a parameter's digits, and the
        gradient's does not.
        """
        self._model = self._linear_model()
        while self._model.tangent > self._limits.gtol and self._evaluation.residuals < self._limits.max_nfev:
            before, model = (self.point, self.J, self.size, self.held), self._model
            step, _ = model.step(np.inf)
            self.point = self._evaluation.at(self._box.clip(self.point.p + self._spread(step)))
            self.size = self._weighing.size(self.point.r)
            good = self.size <= before[2] * (1.0 + SAME)
            if good:
                self.J = self._evaluation.jacobian(self.point)
                good = bool(np.isfinite(self.J).all())
            if good:
                self._model = self._linear_model()
                good = self._model.tangent <= SHRINK * model.tangent
            if not good:
                self.point, self.J, self.size, self.held = before
                return
            self.iterations += 1

    @property
    def lost(self) -> bool:
        """Whether a parameter has gone where it has no effect any more: flat, and often not the minimum."""
        if not self._moving_scale or not (self._D > 0.0).all():
            return False
        return bool((_column_norms(self.J) < LOST * self._largest * self._D).any())

    def _linear_model(self) -> LinearModel:
        """The linear model at the point, of the parameters that are free to move."""
        r, J, g = self.point.r, self.J, None
        if self._weighing.rho is not None:
            g = (self._weighing.weights(r)[0] * r) @ J
            self._alpha, root = self._weighing.factors(r)
            r, J = self._alpha * r, root[:, None] * J
        if self._moving_scale:
            norms = _column_norms(J)
            self._largest = self._largest or float(norms.max())
            self._D = np.maximum(self._D, norms / (self._largest or 1.0))
        D = np.where(self._D > 0.0, self._D, 1.0)
        if self._box.exists:
            self.held = self._box.held(self.point.p, r @ J if g is None else g)
            free = self.held == 0
            J, D, g = J[:, free], D[free], None if g is None else g[free]
        return LinearModel(r, J, D, self.size or 1.0, g)

    def _iteration(self) -> int | None:
        """Shorten the step until one is taken; return a reason to end."""
        halvings = 0
        while True:
            if self._evaluation.residuals >= self._limits.max_nfev:
                return EXHAUSTED
            step, length = self._model.step(self._radius)
            if self._accelerate:
                bent, bend = self._bent(step, length)
                if bend <= BEND:
                    step = bent
                elif halvings < HALVINGS:
                    halvings += 1
                    self._radius = 0.5 * length
                    if self._radius <= self._limits.xtol * self._reach():
                        return SHORT
                    continue
            p = self._box.clip(self.point.p + self._spread(step))
            trial = self._evaluation.at(p)
            new_size = self._weighing.size(trial.r)
            model, box = self._model, self._box
            predicted = model.fall_along((p - self.point.p)[self.held == 0]) if box.exists else model.fall()
            actual = 1.0 - (new_size / self.size) * (new_size / self.size)
            gain = actual / predicted if np.isfinite(actual) and predicted > 0.0 else -np.inf
            J = None
            if gain > FALL:
                J = self._evaluation.jacobian(trial)
                gain = gain if np.isfinite(J).all() else -np.inf
            self._resize(gain, length)
            if gain > FALL and J is not None:
                self.point, self.J, self.size = trial, J, new_size
                self.iterations += 1
                if self._callback is not None and self._callback(p, 0.5 * self.size**2):
                    return STOPPED
            if predicted <= self._limits.ftol and abs(actual) <= self._limits.ftol and gain <= 2.0:
                return FLAT
            if self._radius <= self._limits.xtol * self._reach():
                return SHORT
            if J is not None and gain > FALL:
                return None

    def _bent(self, step: np.ndarray, length: float) -> tuple[np.ndarray, float]:
        """The step with its acceleration, and `2 |D a| / |D v|`, infinite where `r''` is not finite."""
        second = self._evaluation.along(self.point.p, self._spread(step))
        if not np.isfinite(second).all():
            return step, np.inf
        a, size = self._model.bend(second if self._alpha is None else self._alpha * second)
        return step + a, size / length

    def _resize(self, gain: float, length: float) -> None:
        """Set the radius by the gain ratio."""
        if gain <= 0.25:
            self._radius = (0.25 if gain > -10.0 else 0.1) * min(self._radius, length)
        elif gain >= 0.75 or self._model.lam == 0.0:
            self._radius = 2.0 * length

    def _reach(self) -> float:
        return float(np.linalg.norm(self._D * self.point.p))

    def _spread(self, step: np.ndarray) -> np.ndarray:
        """A step of the free parameters as one of all."""
        if not self._box.exists:
            return step
        full = np.zeros(self.held.size)
        full[self.held == 0] = step
        return full


def _column_norms(J: np.ndarray) -> np.ndarray:
    """`|J_k|` of each column, also where squares overflow."""
    norms = np.sqrt(np.einsum("ij,ij->j", J, J))
    if np.isfinite(norms).all():
        return norms
    largest = np.abs(J).max()
    return largest * np.linalg.norm(J / largest, axis=0)
