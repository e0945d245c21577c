"""Batch normalisation on CuPy: a fused kernel before the sums over the batch, and one after them.

Sums over the batch are a row of ones times a matrix: CuPy's own reductions use few of the GPU's processors where there
are few channels. The functions below are fused by `cupy.fuse`: operators and `sqrt` alone, each with an array.
"""

from __future__ import annotations

import functools
from math import prod
from typing import Any

from minigrad.backends.protocol import Array
from minigrad.backends.strided import Strided


class BatchNorm(Strided):
    """`batch_norm`, `batch_norm_push` and `batch_norm_pull` of the protocol."""

    def __init__(self, xp: Any):
        super().__init__(xp)
        import cupy

        def variance(rest: Array, squares: Array, over: float) -> Array:
            """From the sums of what is left after subtracting a rounded mean, and of its squares."""
            return cupy.maximum(over * squares - (over * rest) * (over * rest), 0.0)

        def centred(x: Array, total: Array, over: float) -> tuple[Array, Array]:
            c = x - over * total
            return c, c * c

        def normalised(
            c: Array, rest: Array, squares: Array, gain: Array, bias: Array, over: float, eps: float
        ) -> Array:
            return (c - over * rest) * (gain / cupy.sqrt(variance(rest, squares, over) + eps)) + bias

        def moments(total: Array, rest: Array, squares: Array, over: float) -> tuple[Array, Array]:
            return over * total + over * rest, variance(rest, squares, over)

        self._centred, self._normalised, self._moments, self._product, self._pushed, self._pulled = map(
            cupy.fuse, (centred, normalised, moments, _product, _pushed, _pulled)
        )

    def batch_norm(self, x: Array, gain: Array, bias: Array, eps: float) -> tuple[Array, Array, Array]:
        over, total = _over(x), self._sums(x)
        c, c_squared = self._centred(x, total, over)
        rest, squares = self._sums(c), self._sums(c_squared)
        y = self._normalised(c, rest, squares, gain, bias, over, eps)
        return (y, *self._moments(total, rest, squares, over))

    def batch_norm_push(
        self, x_dot: Array, gain_dot: Array, bias_dot: Array, x: Array, gain: Array, mean: Array, scale: Array
    ) -> Array:
        along = self._sums(self._product(x_dot, x, mean, scale))
        total = self._sums(x_dot)
        return self._pushed(x_dot, gain_dot, bias_dot, x, gain, mean, scale, along, total, _over(x))

    def batch_norm_pull(self, c: Array, x: Array, gain: Array, mean: Array, scale: Array) -> tuple[Array, Array, Array]:
        gain_bar, bias_bar = self._sums(self._product(c, x, mean, scale)), self._sums(c)
        return self._pulled(c, x, gain, mean, scale, gain_bar, bias_bar, _over(x)), gain_bar, bias_bar

    def _sums(self, x: Array) -> Array:
        """The sum over all axes but the last."""
        xp, channels, rows = self.xp, x.shape[-1], prod(x.shape[:-1])
        matrix = xp.reshape(x, (rows, channels))
        if x.dtype.itemsize < 4:  # half precision is summed in single
            return xp.sum(matrix, axis=0)
        y = xp.empty(channels, dtype=x.dtype)
        xp.matmul(self._ones(rows, x.dtype, x.device.id), matrix, out=xp.reshape(y, (1, channels)))
        return y

    @functools.lru_cache(maxsize=8)  # noqa: B019  # there is one backend for each library, and it stays
    def _ones(self, n: int, dtype: Any, device: int) -> Array:
        return self.xp.ones((1, n), dtype=dtype)


def _over(x: Array) -> float:
    return 1.0 / prod(x.shape[:-1])


def _product(t: Array, x: Array, mean: Array, scale: Array) -> Array:
    """`t x_hat`."""
    return t * ((x - mean) * scale)


def _pushed(
    t: Array, k: Array, b: Array, x: Array, gain: Array, mean: Array, scale: Array, along: Array, total: Array,
    over: float,
) -> Array:  # fmt: skip
    a = gain * scale
    return a * t + (k - a * (over * along)) * ((x - mean) * scale) + (b - a * (over * total))


def _pulled(
    c: Array, x: Array, gain: Array, mean: Array, scale: Array, along: Array, total: Array, over: float
) -> Array:
    a = gain * scale
    return a * c - a * (over * along) * ((x - mean) * scale) - a * (over * total)
