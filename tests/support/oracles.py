"""Least squares with derivatives written by hand, in plain NumPy: what second-order solvers are tested against."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import minigrad as mg


@dataclass(frozen=True)
class Oracle:
    """`f(w) = |r(w)|^2`: `model` is `r` for any backend, `parts` gives `r, dr/dw (m, n), d2r/dw2 (m, n, n)`."""

    model: Callable
    parts: Callable
    start: np.ndarray
    near: np.ndarray  # a point from which Newton's method converges without help

    @staticmethod
    def loss(y):
        return mg.sum(y * y, axis=-1)

    def value(self, w):
        r = self.parts(w)[0]
        return r @ r

    def gradient(self, w):
        r, J, _ = self.parts(w)
        return 2.0 * J.T @ r

    def ggn(self, w):
        J = self.parts(w)[1]
        return 2.0 * J.T @ J

    def hessian(self, w):
        r, _, second = self.parts(w)
        return self.ggn(w) + 2.0 * np.einsum("i,ijk->jk", r, second)


def _valley(w):
    u, v = w[..., :1], w[..., 1:]
    return mg.concat([10.0 * (v - u * u), 1.0 - u], axis=-1)


def _valley_parts(w):
    u, v = w
    r = np.array([10.0 * (v - u * u), 1.0 - u])
    second = np.zeros((2, 2, 2))
    second[0, 0, 0] = -20.0
    return r, np.array([[-20.0 * u, 10.0], [-1.0, 0.0]]), second


TIMES = np.linspace(0.0, 2.0, 7)
SEEN = 2.5 * np.exp(-1.3 * TIMES) + 0.3 * np.sin(5.0 * TIMES)  # no exponential fits: the residual stays


def _decay(w):
    t, y = (mg.asarray(x, dtype=w.dtype) for x in (TIMES.tolist(), SEEN.tolist()))
    return w[..., :1] * mg.exp(w[..., 1:] * t) - y


def _decay_parts(w):
    a, b = w
    e, t = np.exp(b * TIMES), TIMES
    second = np.array([[0.0 * e, t * e], [t * e, a * t * t * e]]).transpose(2, 0, 1)
    return a * e - SEEN, np.stack([e, a * t * e], axis=1), second


VALLEY = Oracle(_valley, _valley_parts, np.array([-1.2, 1.0]), np.array([0.9, 0.8]))
DECAY = Oracle(_decay, _decay_parts, np.array([1.0, 0.0]), np.array([2.3, -1.1]))
ORACLES = {"valley": VALLEY, "decay": DECAY}
