"""Any library that follows the array API standard: its operations alone, correct and not fast."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy

from minigrad.backends.namespaces import Namespace, backend_name, device_of, is_floating
from minigrad.backends.protocol import Array, Backend, Index, Tree
from minigrad.backends.windows import Pads, Pair, transposed_pads, window_count

NO_DILATION = (1, 1)
MANY = 1 << 16  # entries of a sum


class Standard(Backend):
    """Every function of `Backend`, made of the standard's operations: a library overrides what it does better."""

    def __init__(self, xp: Namespace):
        self.xp = xp

    # ------------------------------------------------------------------------------------- images

    def conv2d(self, x: Array, w: Array, stride: Pair, pads: Pads, dilation: Pair, bias: Array | None = None) -> Array:
        xp = self.xp
        windows = self._windows(x, w.shape[:2], stride, pads, dilation, 0.0)
        kernel = xp.reshape(w, (prod(w.shape[:3]), w.shape[3]))
        y = xp.reshape(xp.matmul(_as_rows(xp, windows), kernel), (*windows.shape[:3], w.shape[3]))
        return y if bias is None else y + bias

    def conv2d_push(
        self, x_dot: Array, w: Array, x: Array, w_dot: Array, stride: Pair, pads: Pads, dilation: Pair,
        bias_dot: Array | None = None,
    ) -> Array:  # fmt: skip
        y_dot = self.conv2d(x_dot, w, stride, pads, dilation)
        return y_dot + self.conv2d(x, w_dot, stride, pads, dilation, bias_dot)

    def conv2d_kernel(self, x: Array, c: Array, window: Pair, stride: Pair, pads: Pads, dilation: Pair) -> Array:
        xp = self.xp
        rows = _as_rows(xp, self._windows(x, window, stride, pads, dilation, 0.0))
        cotangents = xp.reshape(c, (prod(c.shape[:3]), c.shape[3]))
        return xp.reshape(xp.matmul(xp.matrix_transpose(rows), cotangents), (*window, x.shape[3], c.shape[3]))

    def window_max(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        return self.xp.max(self._windows(x, window, stride, pads, NO_DILATION, float("-inf")), axis=(3, 4))

    def window_argmax(self, x: Array, y: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        """Places in flattened `x`."""
        xp, (n, h, w, c), k = self.xp, x.shape, window[0] * window[1]
        _, oh, ow, _ = y.shape
        windows = self._windows(x, window, stride, pads, NO_DILATION, float("-inf"))
        hits = xp.reshape(windows == xp.reshape(y, (n, oh, ow, 1, 1, c)), (n, oh, ow, k, c))
        first = xp.argmax(xp.astype(hits, xp.int32), axis=3)  # of the window's entries
        pixels = xp.reshape(self._arange(h * w, x), (1, h, w, 1))
        pixels = xp.reshape(self._windows(pixels, window, stride, pads, NO_DILATION, 0), (oh * ow * k,))
        number = xp.reshape(self._arange(oh * ow, x), (oh, ow, 1))  # of the window in its image
        pixel = xp.reshape(xp.take(pixels, xp.reshape(number * k + first, (-1,))), y.shape)
        image = xp.reshape(self._arange(n, x), (n, 1, 1, 1))
        return (image * (h * w) + pixel) * c + self._arange(c, x)

    def window_max_at(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> tuple[Array, Array]:
        y = self.window_max(x, window, stride, pads)
        return y, self.window_argmax(x, y, window, stride, pads)

    def window_pick(self, x: Array, places: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        return self.gather(self.xp.reshape(x, (-1,)), places)

    def window_put(
        self, c: Array, places: Array, shape: tuple[int, ...], window: Pair, stride: Pair, pads: Pads
    ) -> Array:
        return self.xp.reshape(self.scatter_add(c, places, (prod(shape),)), shape)

    def window_sum(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        return self.xp.sum(self._windows(x, window, stride, pads, NO_DILATION, 0.0), axis=(3, 4))

    def window_sum_transpose(self, c: Array, window: Pair, stride: Pair, pads: Pads, size: Pair) -> Array:
        """The sum over windows of `c` stretched by the stride: as the transpose of a convolution with ones."""
        top = transposed_pads(size[0], window[0], stride[0], pads[0], 1)
        left = transposed_pads(size[1], window[1], stride[1], pads[1], 1)
        return self.xp.sum(self._windows(c, window, (1, 1), (top, left), stride, 0.0), axis=(3, 4))

    def _windows(self, x: Array, window: Pair, stride: Pair, pads: Pads, dilation: Pair, fill: float) -> Array:
        """All windows of images, (n, oh, ow, kh, kw, c), with `fill` in the padding and between stretched entries.

        Along each axis, window i reads position `p = i stride + k - before`, which is entry `p / dilation` if that is
        an integer inside the image; else it reads `fill`.
        """
        xp, counts = self.xp, []
        for axis, k, s, pad, d in zip((1, 2), window, stride, pads, dilation, strict=True):
            n = x.shape[axis]
            count = window_count(n, k, s, pad, d)
            position = (numpy.arange(count)[:, None] * s - pad[0] + numpy.arange(k)).reshape(-1)  # from shapes alone
            entry = position // d
            inside = (entry * d == position) & (entry >= 0) & (entry < n)
            if n:
                x = self._at(x, numpy.where(inside, entry, 0), axis)
            if not inside.all():
                filler = xp.full((), fill, dtype=x.dtype, device=device_of(x))
                if n:
                    mask = self.from_host(inside.reshape(-1, *[1] * (x.ndim - axis - 1)), device_of(x))
                    x = xp.where(mask, x, filler)
                else:
                    x = xp.broadcast_to(filler, (*x.shape[:axis], count * k, *x.shape[axis + 1 :]))
            counts.append(count)
        x = xp.reshape(x, (x.shape[0], counts[0], window[0], counts[1], window[1], x.shape[3]))
        return xp.permute_dims(x, (0, 1, 3, 2, 4, 5))

    def _at(self, x: Array, places: numpy.ndarray, axis: int) -> Array:
        """The entries at places along an axis: a slice, where they are one after the other at a distance."""
        first, step = (int(places[0]), int(places[1] - places[0])) if places.size > 1 else (int(places.sum()), 1)
        if step > 0 and (numpy.diff(places) == step).all():
            every = (slice(None),) * axis
            return x[(*every, slice(first, first + step * (places.size - 1) + 1, step), ...)]
        return self.xp.take(x, self.from_host(places, device_of(x)), axis=axis)

    def _arange(self, n: int, like: Array) -> Array:
        return self.xp.arange(n, dtype=self.dtype("int64"), device=device_of(like))

    # ------------------------------------------------------------------------------------- batch normalisation

    def batch_norm(self, x: Array, gain: Array, bias: Array, eps: float) -> tuple[Array, Array, Array]:
        xp, rows = self.xp, tuple(range(x.ndim - 1))
        mean = xp.mean(x, axis=rows)
        centred = x - mean
        rest = xp.mean(centred, axis=rows)  # what rounding left of the mean
        centred = centred - rest
        variance = xp.mean(centred * centred, axis=rows)
        return centred * (gain / xp.sqrt(variance + eps)) + bias, mean + rest, variance

    def batch_norm_push(
        self, x_dot: Array, gain_dot: Array, bias_dot: Array, x: Array, gain: Array, mean: Array, scale: Array
    ) -> Array:
        xp, rows, x_hat = self.xp, tuple(range(x.ndim - 1)), (x - mean) * scale
        a = gain * scale
        b = gain_dot - a * xp.mean(x_dot * x_hat, axis=rows)
        return a * x_dot + b * x_hat + (bias_dot - a * xp.mean(x_dot, axis=rows))

    def batch_norm_pull(self, c: Array, x: Array, gain: Array, mean: Array, scale: Array) -> tuple[Array, Array, Array]:
        xp, rows, x_hat = self.xp, tuple(range(x.ndim - 1)), (x - mean) * scale
        gain_bar, bias_bar = xp.sum(c * x_hat, axis=rows), xp.sum(c, axis=rows)
        a, n = gain * scale, prod(x.shape[:-1])
        return a * c - (a / n * gain_bar) * x_hat - a / n * bias_bar, gain_bar, bias_bar

    # ------------------------------------------------------------------------------------- indices

    def gather(self, x: Array, index: Index) -> Array:
        """Entries at integer arrays, one for each axis, are taken by their places in `x` flattened.

        Not every library has more than one such array, or arrays of several axes, between brackets.
        """
        arrays = parts_of(index)
        if not arrays or len(arrays) != x.ndim or not all(_is_array_of_integers(part) for part in arrays):
            return x[index]
        xp = self.xp
        place: Array = 0
        for part, n in zip(arrays, x.shape, strict=True):
            place = place * n + xp.where(part < 0, part + n, part)
        return xp.reshape(xp.take(xp.reshape(x, (-1,)), xp.reshape(place, (-1,))), place.shape)

    def scatter_add(self, values: Array, index: Index, shape: tuple[int, ...]) -> Array:
        """Values sorted by place, then summed at each place by doubling: log2(len) steps of a segmented scan."""
        xp = self.xp
        if not prod(values.shape):
            return xp.zeros(shape, dtype=values.dtype, device=device_of(values))
        if not may_repeat(index) and not any(part is None for part in parts_of(index)):
            out = xp.zeros(shape, dtype=values.dtype, device=device_of(values))
            out[index] = values
            return out
        totals, places, last, named = self._sorted(values, index, shape)
        entry, shift = self._arange(places.shape[0], values), 1
        while shift < places.shape[0]:
            earlier = xp.where(entry < shift, 0, entry - shift)
            same_place = (entry >= shift) & (xp.take(places, earlier) == places)
            totals, shift = totals + xp.where(same_place, xp.take(totals, earlier), 0), 2 * shift
        return xp.reshape(xp.where(named, xp.take(totals, last), 0), shape)

    def scatter_last(self, order: Array, index: Index, shape: tuple[int, ...]) -> Array:
        if not prod(order.shape):
            return self.xp.full(shape, -1, dtype=order.dtype, device=device_of(order))
        writers, _, last, named = self._sorted(order, index, shape)
        return self.xp.reshape(self.xp.where(named, self.xp.take(writers, last), -1), shape)

    def _sorted(self, values: Array, index: Index, shape: tuple[int, ...]) -> tuple[Array, Array, Array, Array]:
        """Values and places in a flat array, sorted by place; for each place its last value and whether it has one."""
        xp, every = self.xp, self._arange(prod(shape), values)
        places = self.gather(xp.reshape(every, shape), index)
        values = xp.reshape(xp.broadcast_to(values, places.shape), (-1,))
        places = xp.reshape(places, (-1,))
        order = xp.argsort(places, stable=True)
        values, places = xp.take(values, order), xp.take(places, order)
        last = xp.searchsorted(places, every, side="right") - 1  # -1 before the first place
        last = xp.where(last < 0, 0, last)
        return values, places, last, xp.take(places, last) == every

    # ------------------------------------------------------------------------------------- elementwise, products

    def sum(self, x: Array, axis: int | tuple[int, ...] | None, keepdims: bool) -> Array:
        """Over a batch, as biases need, a row of ones times a matrix: the fastest way on NumPy."""
        xp = self.xp
        leading = len(axis) if isinstance(axis, tuple) and axis == tuple(range(len(axis))) else 0
        if 0 < leading < x.ndim and prod(x.shape) > MANY and is_floating(x):
            rows = prod(x.shape[:leading])
            y = xp.matmul(xp.ones((1, rows), dtype=x.dtype, device=device_of(x)), xp.reshape(x, (rows, -1)))
            return xp.reshape(y, ((1,) * leading if keepdims else ()) + x.shape[leading:])
        return xp.sum(x, axis=axis, keepdims=keepdims)

    def erf(self, x: Array) -> Array:
        """On the host: the standard has no erf."""
        return self.from_host(scipy_special().erf(self.to_host(x)), device_of(x))

    def sign(self, x: Array) -> Array:
        return self.xp.sign(x)

    def relu_slope(self, y: Array) -> Array:
        return self.xp.astype(y > 0.0, y.dtype)

    def maximum(self, a: Array, b: Array) -> Array:
        return self.xp.maximum(a, b)

    def minimum(self, a: Array, b: Array) -> Array:
        return self.xp.minimum(a, b)

    def vecdot(self, x: Array, y: Array) -> Array:
        return self.xp.vecdot(x, y)

    def solve(self, a: Array, b: Array) -> Array:
        return self.xp.linalg.solve(a, b)

    # ------------------------------------------------------------------------------------- memory and kernels

    packs = False

    def packed(self, arrays: list[Array], copy: bool = False) -> Array | None:
        return None

    def fused(self, function: Callable[..., Array]) -> Callable[..., Array]:
        return function

    def compiled(self, function: Callable[..., Tree], donate: tuple[int, ...] = ()) -> Callable[..., Tree]:
        raise ValueError(f"{backend_name(self.xp)} has no compiler")

    def check(self, arrays: list[Array]) -> None:
        pass

    def dtype(self, name: str) -> Any:
        return getattr(self.xp, name, None)

    def copied(self, x: Array) -> Array:
        return self.xp.asarray(x, copy=True)

    def is_view(self, x: Array) -> bool:
        """Views have a base. Where arrays do not say so, each may be one."""
        return getattr(x, "base", x) is not None

    def to_host(self, x: Array) -> numpy.ndarray:
        return numpy.asarray(x)

    def at_hand(self, x: Array) -> numpy.ndarray | None:
        return x if isinstance(x, numpy.ndarray) else None

    def from_host(self, x: numpy.ndarray, device: Any = None) -> Array:
        return self.xp.asarray(x, device=device, copy=True)


def scipy_special() -> Any:
    """SciPy's special functions: the engine needs SciPy for nothing else."""
    try:
        from scipy import special
    except ImportError as error:
        raise ImportError("minigrad.erf needs SciPy: pip install scipy") from error
    return special


def parts_of(index: Index) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def may_repeat(index: Index) -> bool:
    """Can an index name one entry twice? Only integer arrays can."""
    for part in parts_of(index):
        if part is None or part is Ellipsis or isinstance(part, slice | int):
            continue
        if getattr(part, "ndim", 1) and "bool" not in str(getattr(part, "dtype", "int")):
            return True
    return False


def _is_array_of_integers(part: Any) -> bool:
    return getattr(part, "ndim", 0) > 0 and "int" in str(part.dtype)


def _as_rows(xp: Namespace, windows: Array) -> Array:
    """Windows as a matrix, one per row."""
    return xp.reshape(windows, (prod(windows.shape[:3]), prod(windows.shape[3:])))
