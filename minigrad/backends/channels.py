"""Batch normalisation on NumPy: sums and affine functions per channel, over parts of a batch that stay in cache.

Each function reads its arrays from memory twice, once for the sums and once for the result, and writes once. All else
happens to a part while it is in cache (benchmarks/results/where_time_goes.md). With p and q the means over a channel::

    forward    y     = a (x - mean) + bias                     a = gain s
    push       y_dot = a x_dot + b (x - mean) + (bias_dot - a p(x_dot))         b = s (gain_dot - a q(x_dot))
    pull       x_bar = a c     + b (x - mean) - a p(c)                          b = -s a q(c)
"""

from __future__ import annotations

from math import prod

import numpy as np

from minigrad.backends.protocol import Array
from minigrad.backends.strided import Strided

SMALL = 1 << 14  # entries: below, parts and threads gain nothing
NARROW, WIDE = 1 << 10, 1 << 15  # entries in a row of a matrix product, of an elementwise loop


class Channels(Strided):
    """`batch_norm`, its push and its pull, for large arrays of one floating dtype; the standard's for all others."""

    def batch_norm(self, x: Array, gain: Array, bias: Array, eps: float) -> tuple[Array, Array, Array]:
        if not _is_large(x, gain, bias):
            return super().batch_norm(x, gain, bias, eps)
        exact_mean, exact_variance = self._moments(x)
        mean, variance = exact_mean.astype(x.dtype), exact_variance.astype(x.dtype)
        a = gain / np.sqrt(variance + eps)
        rest = (bias - a * (exact_mean - mean)).astype(x.dtype)
        wide = _width(x, WIDE)
        offset, factor, constant = (_repeated(k, wide) for k in (mean, a, rest))
        y = np.empty(x.shape, x.dtype)

        def work(start: int, stop: int) -> None:
            part = y[start:stop].reshape(-1, wide)
            np.subtract(x[start:stop].reshape(-1, wide), offset, out=part)
            part *= factor
            part += constant

        self.in_parts(x.shape[0], 2 * x[:1].nbytes, work)
        return y, mean, variance

    def batch_norm_push(
        self, x_dot: Array, gain_dot: Array, bias_dot: Array, x: Array, gain: Array, mean: Array, scale: Array
    ) -> Array:
        if not _is_large(x, x_dot, gain_dot, bias_dot, gain):
            return super().batch_norm_push(x_dot, gain_dot, bias_dot, x, gain, mean, scale)
        total, product = self._sums(x_dot, x, mean)
        n, a = prod(x.shape[:-1]), gain * scale
        b = scale * (gain_dot - (a * scale / n) * product)
        return self._combined(x_dot, a, x, mean, b, bias_dot - (a / n) * total)

    def batch_norm_pull(self, c: Array, x: Array, gain: Array, mean: Array, scale: Array) -> tuple[Array, Array, Array]:
        if not _is_large(x, c, gain):
            return super().batch_norm_pull(c, x, gain, mean, scale)
        bias_bar, product = self._sums(c, x, mean)
        n, a, gain_bar = prod(x.shape[:-1]), gain * scale, scale * product
        return self._combined(c, a, x, mean, -(a * scale / n) * gain_bar, -(a / n) * bias_bar), gain_bar, bias_bar

    def _moments(self, x: Array) -> tuple[Array, Array]:
        """Mean and variance of each channel in float64, from those of the parts about their own means."""
        narrow, channels = _width(x, NARROW), x.shape[-1]

        def work(start: int, stop: int) -> tuple[int, Array, Array]:
            part = x[start:stop].reshape(-1, narrow)
            n = part.size // channels
            near = _column_sums(part, channels) / n
            centred = part - _repeated(near, narrow)
            rest = _column_sums(centred, channels).astype(np.float64)  # what rounding left of the mean
            np.multiply(centred, centred, out=centred)
            return n, near + rest / n, _column_sums(centred, channels) - rest * rest / n

        parts = self.in_parts(x.shape[0], 2 * x[:1].nbytes, work)
        counts, means, squares = (np.stack(each) for each in zip(*parts, strict=True))
        n, counts = prod(x.shape[:-1]), counts[:, None]
        mean = np.sum(counts * means, axis=0) / n
        return mean, np.sum(squares + counts * np.square(means - mean), axis=0) / n

    def _sums(self, t: Array, x: Array, mean: Array) -> tuple[Array, Array]:
        """`sum(t)` and `sum(t (x - mean))` of each channel."""
        narrow, channels = _width(x, NARROW), x.shape[-1]
        offset = _repeated(mean, narrow)

        def work(start: int, stop: int) -> tuple[Array, Array]:
            part = t[start:stop].reshape(-1, narrow)
            centred = x[start:stop].reshape(-1, narrow) - offset
            centred *= part
            return _column_sums(part, channels), _column_sums(centred, channels)

        totals, products = zip(*self.in_parts(x.shape[0], 4 * x[:1].nbytes, work), strict=True)
        return sum(totals), sum(products)

    def _combined(self, t: Array, a: Array, x: Array, mean: Array, b: Array, c: Array) -> Array:
        """`a t + b (x - mean) + c`."""
        wide = _width(x, WIDE)
        offset, factor, other, constant = (_repeated(k, wide) for k in (mean, a, b, c))
        y = np.empty(x.shape, x.dtype)

        def work(start: int, stop: int) -> None:
            part = y[start:stop].reshape(-1, wide)
            centred = x[start:stop].reshape(-1, wide) - offset
            centred *= other
            np.multiply(t[start:stop].reshape(-1, wide), factor, out=part)
            part += centred
            part += constant

        self.in_parts(x.shape[0], 4 * x[:1].nbytes, work)
        return y


def _is_large(x: Array, *others: Array) -> bool:
    blas = x.dtype in (np.float32, np.float64)
    return x.size >= SMALL and blas and all(other.dtype == x.dtype for other in others)


def _width(x: Array, most: int) -> int:
    """Entries in a row, if the last axes of `x` are flattened to at most so many: long rows take less time."""
    *sizes, width = x.shape[1:]
    for size in reversed(sizes):
        if width * size > most:
            break
        width *= size
    return width


def _repeated(k: Array, width: int) -> Array:
    """A value for each channel, as a row of so many entries."""
    return np.tile(k, width // k.size)


def _column_sums(part: Array, channels: int) -> Array:
    """Sums over rows: as a row of ones times a matrix, the fastest way."""
    ones = np.ones((1, part.shape[0]), part.dtype)
    return np.sum(np.matmul(ones, part).reshape(-1, channels), axis=0)
