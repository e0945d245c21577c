"""JAX: operations of XLA, which run as they are called, or as one compiled program under `jax.jit`.

Nothing here looks at a value, so that everything can be traced: under `jax.jit`, `jax.vmap`, and in a program for many
devices, where the batch is sharded. Pools therefore never mix images: a place is compared, not looked up.
Numbers have 32 bits unless `jax.config.update("jax_enable_x64", True)` came first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from minigrad.backends.namespaces import Namespace
from minigrad.backends.protocol import Array, Index, Tree
from minigrad.backends.standard import Standard
from minigrad.backends.windows import Pads, Pair, transposed_pads, window_count

IMAGES = ("NHWC", "HWIO", "NHWC")
KERNELS = ("CHWN", "IHWO", "HWNC")  # sums over the batch: images are (channel, batch), cotangents (batch, output)


class Library(Standard):
    """JAX."""

    def __init__(self, xp: Namespace):
        super().__init__(xp)
        import jax  # here, so that this file can be read without JAX
        from jax import lax

        self._jax, self._lax = jax, lax

    # ------------------------------------------------------------------------------------- images

    def conv2d(self, x: Array, w: Array, stride: Pair, pads: Pads, dilation: Pair, bias: Array | None = None) -> Array:
        x, w = self._same_dtype(x, w)
        y = self._lax.conv_general_dilated(x, w, stride, pads, lhs_dilation=dilation, dimension_numbers=IMAGES)
        return y if bias is None else y + bias

    def conv2d_kernel(self, x: Array, c: Array, window: Pair, stride: Pair, pads: Pads, dilation: Pair) -> Array:
        """As a convolution of images with cotangents stretched by the stride, of which there are `window` outputs."""
        x, c = self._same_dtype(x, c)
        reach = [(m - 1) * s + k for m, s, k in zip(c.shape[1:3], stride, window, strict=True)]
        length = [(n - 1) * d + 1 for n, d in zip(x.shape[1:3], dilation, strict=True)]
        ends = [(before, m - n - before) for m, n, (before, _) in zip(reach, length, pads, strict=True)]
        return self._lax.conv_general_dilated(
            x, c, (1, 1), ends, lhs_dilation=dilation, rhs_dilation=stride, dimension_numbers=KERNELS
        )

    def _same_dtype(self, *arrays: Array) -> tuple[Array, ...]:
        dtype = self.xp.result_type(*arrays)
        return tuple(x.astype(dtype) for x in arrays)

    def window_max(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        return self._reduce(x, float("-inf"), self._lax.max, window, stride, pads)

    def window_sum(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        return self._reduce(x, 0.0, self._lax.add, window, stride, pads)

    def window_sum_transpose(self, c: Array, window: Pair, stride: Pair, pads: Pads, size: Pair) -> Array:
        top = transposed_pads(size[0], window[0], stride[0], pads[0], 1)
        left = transposed_pads(size[1], window[1], stride[1], pads[1], 1)
        return self._reduce(c, 0.0, self._lax.add, window, (1, 1), (top, left), stride)

    def _reduce(
        self, x: Array, start: float, operation: Any, window: Pair, stride: Pair, pads: Pads, dilation: Pair = (1, 1)
    ) -> Array:
        """`reduce_window` of XLA, which takes no negative pads."""
        crops = [(min(0, before), min(0, after), 0) for before, after in pads]
        start = numpy.asarray(start, x.dtype)[()]
        if dilation != (1, 1) or crops != [(0, 0, 0)] * 2:
            edges = [(*pad, d - 1) for pad, d in zip(pads, dilation, strict=True)]
            x, pads = self._lax.pad(x, start, [(0, 0, 0), *edges, (0, 0, 0)]), ((0, 0), (0, 0))
        return self._lax.reduce_window(x, start, operation, (1, *window, 1), (1, *stride, 1), ((0, 0), *pads, (0, 0)))

    def window_argmax(self, x: Array, y: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        places = self._places(x.shape, window, stride, pads)
        windows = self._slices(x, float("nan"), window, stride, pads)  # nan in the padding is equal to nothing
        found = self.xp.broadcast_to(self.xp.clip(places[0], 0, max(0, x.size - 1)), y.shape)
        for place, entry in reversed(list(zip(places, windows, strict=True))):
            found = self.xp.where(entry == y, place, found)
        return found

    def window_pick(self, x: Array, places: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        """By comparing places, so that images never mix: a look-up would send them all to each of many devices."""
        y = self.xp.zeros(places.shape, dtype=x.dtype)
        known = self._places(x.shape, window, stride, pads)
        for place, entry in zip(known, self._slices(x, 0.0, window, stride, pads), strict=True):
            y = self.xp.where(places == place, entry, y)
        return y

    def window_put(
        self, c: Array, places: Array, shape: tuple[int, ...], window: Pair, stride: Pair, pads: Pads
    ) -> Array:
        """Each place in the window by itself, stretched by the stride over padded images."""
        (_, kw), (oh, ow) = window, places.shape[1:3]
        total, zero = None, numpy.asarray(0.0, c.dtype)[()]
        for k, place in enumerate(self._places(shape, window, stride, pads)):
            edges = [(0, 0, 0)]
            for axis, offset, count in ((0, k // kw, oh), (1, k % kw, ow)):
                low, reach = offset - pads[axis][0], stride[axis] * (count - 1) + 1
                edges.append((low, shape[axis + 1] - low - reach, stride[axis] - 1))
            part = self._lax.pad(self.xp.where(places == place, c, zero), zero, [*edges, (0, 0, 0)])
            total = part if total is None else total + part
        return total

    def _slices(self, x: Array, fill: float, window: Pair, stride: Pair, pads: Pads) -> list[Array]:
        """For each place in the window in order, the entries of `x` that stand there, one per window."""
        (kh, kw), (sh, sw) = window, stride
        n, h, w, c = x.shape
        oh, ow = window_count(h, kh, sh, pads[0]), window_count(w, kw, sw, pads[1])
        edges = [(0, 0, 0), (*pads[0], 0), (*pads[1], 0), (0, 0, 0)]
        x = self._lax.pad(x, numpy.asarray(fill, x.dtype)[()], edges)
        return [
            self._lax.slice(x, (0, i, j, 0), (n, i + sh * (oh - 1) + 1, j + sw * (ow - 1) + 1, c), (1, sh, sw, 1))
            for i in range(kh)
            for j in range(kw)
        ]

    def _places(self, shape: tuple[int, ...], window: Pair, stride: Pair, pads: Pads) -> list[Array]:
        """The places in flattened images of those entries."""
        xp, (n, h, w, c) = self.xp, shape
        oh, ow = (window_count(*axis) for axis in zip((h, w), window, stride, pads, strict=True))
        images, channels = xp.arange(n).reshape(n, 1, 1, 1), xp.arange(c)
        rows, columns = xp.arange(oh).reshape(oh, 1, 1) * stride[0], xp.arange(ow).reshape(ow, 1) * stride[1]
        first = ((images * h + rows) * w + columns) * c + channels
        return [first + ((i - pads[0][0]) * w + j - pads[1][0]) * c for i in range(window[0]) for j in range(window[1])]

    # ------------------------------------------------------------------------------------- indices

    def scatter_add(self, values: Array, index: Index, shape: tuple[int, ...]) -> Array:
        return self.xp.zeros(shape, dtype=values.dtype).at[index].add(values)

    def scatter_last(self, order: Array, index: Index, shape: tuple[int, ...]) -> Array:
        return self.xp.full(shape, -1, dtype=order.dtype).at[index].max(order)

    # ------------------------------------------------------------------------------------- elementwise, memory

    def erf(self, x: Array) -> Array:
        return self._lax.erf(x)

    def compiled(self, function: Callable[..., Tree], donate: tuple[int, ...] = ()) -> Callable[..., Tree]:
        return self._jax.jit(function, donate_argnums=donate)

    def from_host(self, x: numpy.ndarray, device: Any = None) -> Array:
        """A copy: JAX would share memory that NumPy may write to."""
        return self.xp.array(x, copy=True, device=device)
