"""JAX: operations of XLA, which run as they are called, or as one compiled program under `jax.jit`.

Nothing here looks at a value, so that everything can be traced: under `jax.jit`, `jax.vmap`, and in a program for many
devices, where the batch is sharded. Max pools therefore compare places in windows, and look up nothing in the batch.
Numbers have 32 bits unless `jax.config.update("jax_enable_x64", True)` came first.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy

from minigrad.backends.bounds import check_index
from minigrad.backends.namespaces import Namespace
from minigrad.backends.protocol import Array, Index, Tree
from minigrad.backends.standard import Standard
from minigrad.backends.windows import Pads, Pair, transposed_pads, window_count

IMAGES = ("NHWC", "HWIO", "NHWC")
NO_PADS = ((0, 0), (0, 0))
MOST_BITS = 32  # entries of a window that are worked on one by one
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
        if x.shape[3] % 2 and x.shape[3] > 1:  # a channel of zeros more: odd numbers take several times as long
            pad = self._lax.pad
            x = pad(x, x.dtype.type(0.0), [(0, 0, 0)] * 3 + [(0, 1, 0)])
            w = pad(w, w.dtype.type(0.0), [(0, 0, 0)] * 2 + [(0, 1, 0), (0, 0, 0)])
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

    def window_argmax(self, x: Array, y: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        """A place is an integer with one bit, that of the entry's number in its window."""
        if prod(window) > MOST_BITS:
            return super().window_argmax(x, y, window, stride, pads)
        dtype = numpy.dtype("uint16" if prod(window) <= 16 else "uint32").type
        hits = self.xp.zeros(y.shape, dtype=dtype)
        for k, entry in enumerate(self._slices(x, float("nan"), window, stride, pads)):  # nan is equal to nothing
            hits = hits | self.xp.where(entry == y, dtype(1 << k), dtype(0))
        return hits & (~hits + dtype(1))  # the lowest of its bits

    def window_pick(self, x: Array, places: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        if prod(window) > MOST_BITS:
            return super().window_pick(x, places, window, stride, pads)
        y = self.xp.zeros(places.shape, dtype=x.dtype)
        for k, entry in enumerate(self._slices(x, 0.0, window, stride, pads)):
            y = y + self._chosen(k, places, entry)
        return y

    def window_put(
        self, c: Array, places: Array, shape: tuple[int, ...], window: Pair, stride: Pair, pads: Pads
    ) -> Array:
        if prod(window) > MOST_BITS:
            return super().window_put(c, places, shape, window, stride, pads)
        return self._put_back(self._chosen, [places, c], window, stride, pads, (shape[1], shape[2]))

    def _chosen(self, k: int, places: Array, values: Array) -> Array:
        """The values whose place is number k of the window, 0 elsewhere."""
        return self.xp.where((places & places.dtype.type(1 << k)) != 0, values, values.dtype.type(0.0))

    def window_sum(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        return self._reduce(x, 0.0, self._lax.add, window, stride, pads)

    def window_sum_transpose(self, c: Array, window: Pair, stride: Pair, pads: Pads, size: Pair) -> Array:
        if prod(window) <= MOST_BITS:
            return self._put_back(lambda k, c: c, [c], window, stride, pads, size)
        top = transposed_pads(size[0], window[0], stride[0], pads[0], 1)
        left = transposed_pads(size[1], window[1], stride[1], pads[1], 1)
        c = self._pad(c, 0.0, (top, left), stride)
        return self._reduce(c, 0.0, self._lax.add, window, (1, 1), NO_PADS)

    def _reduce(self, x: Array, start: float, operation: Any, window: Pair, stride: Pair, pads: Pads) -> Array:
        """Along the height, then along the width. XLA takes no negative pads here."""
        if min(*pads[0], *pads[1]) < 0:
            x, pads = self._pad(x, start, pads), NO_PADS
        first = x.dtype.type(start)
        for axis, (k, s, pad) in enumerate(zip(window, stride, pads, strict=True), start=1):
            sizes, strides, edges = [1] * 4, [1] * 4, [(0, 0)] * 4
            sizes[axis], strides[axis], edges[axis] = k, s, pad
            x = self._lax.reduce_window(x, first, operation, sizes, strides, edges)
        return x

    def _pad(self, x: Array, fill: float, pads: Pads, dilation: Pair = (1, 1)) -> Array:
        """Images with `fill` around them and between their stretched entries."""
        edges = [(*pad, d - 1) for pad, d in zip(pads, dilation, strict=True)]
        return self._lax.pad(x, x.dtype.type(fill), [(0, 0, 0), *edges, (0, 0, 0)])

    def _slices(self, x: Array, fill: float, window: Pair, stride: Pair, pads: Pads) -> list[Array]:
        """For each place in the window in order, the entries of `x` that stand there, one per window."""
        (kh, kw), (sh, sw) = window, stride
        n, h, w, c = x.shape
        oh, ow = window_count(h, kh, sh, pads[0]), window_count(w, kw, sw, pads[1])
        x = self._pad(x, fill, pads)
        return [
            self._lax.slice(x, (0, i, j, 0), (n, i + sh * (oh - 1) + 1, j + sw * (ow - 1) + 1, c), (1, sh, sw, 1))
            for i in range(kh)
            for j in range(kw)
        ]

    def _put_back(
        self, part: Callable[..., Array], arrays: list[Array], window: Pair, stride: Pair, pads: Pads, size: Pair
    ) -> Array:
        """The transpose of `_slices`: the sum of `part(k, *arrays)` at place k of each window, in images of `size`.

        Pixels `i stride + r` with the same rest r have the same places in their windows, of which they are in a few:
        a sum for each of the rests, next to one another.
        """
        (kh, kw), (sh, sw) = window, stride
        n, oh, ow, c = arrays[0].shape
        rows, columns = (max(0, -(-(m + pad[0]) // s)) for m, pad, s in zip(size, pads, stride, strict=True))
        above, left = (kh - 1) // sh, (kw - 1) // sw
        arrays = [self._pad(a, 0, ((above, rows - oh), (left, columns - ow))) for a in arrays]
        zeros = self.xp.zeros((n, rows, columns, c), dtype=arrays[-1].dtype)
        sums = [[zeros] * sw for _ in range(sh)]
        for k in range(kh * kw):
            i, j = divmod(k, kw)
            y, x = above - i // sh, left - j // sw
            shifted = [self._lax.slice(a, (0, y, x, 0), (n, y + rows, x + columns, c)) for a in arrays]
            old, new = sums[i % sh][j % sw], part(k, *shifted)
            sums[i % sh][j % sw] = new if old is zeros else old + new
        images = self.xp.stack([self.xp.stack(row, axis=3) for row in sums], axis=2)
        images = images.reshape(n, rows * sh, columns * sw, c)
        (top, _), (first, _) = pads
        return self._pad(images, 0, ((-top, size[0] + top - rows * sh), (-first, size[1] + first - columns * sw)))

    # ------------------------------------------------------------------------------------- indices

    def gather(self, x: Array, index: Index) -> Array:
        """`x[index]`; JAX itself would read the last entry at an index out of bounds, and write nothing there."""
        check_index(index, x.shape, self.at_hand)
        return x[index]

    def scatter_add(self, values: Array, index: Index, shape: tuple[int, ...]) -> Array:
        return self.xp.zeros(shape, dtype=values.dtype).at[index].add(values)

    def scatter_last(self, order: Array, index: Index, shape: tuple[int, ...]) -> Array:
        return self.xp.full(shape, -1, dtype=order.dtype).at[index].max(order)

    # ------------------------------------------------------------------------------------- elementwise, sums, memory

    def sum(self, x: Array, axis: int | tuple[int, ...] | None, keepdims: bool) -> Array:
        return self.xp.sum(x, axis=axis, keepdims=keepdims)

    def erf(self, x: Array) -> Array:
        return self._lax.erf(x)

    def dtype(self, name: str) -> Any:
        """Without 64 bits, indices have 32, and float64 is an error: JAX would make float32 of it, with a warning."""
        if "64" not in name:
            return super().dtype(name)
        found = self._jax.dtypes.canonicalize_dtype(name)
        if found.name not in (name, "int32"):
            raise TypeError(
                f"no dtype {name} on JAX with 32 bits: call jax.config.update('jax_enable_x64', True) first, "
                "or give minigrad.float32"
            )
        return found

    def copied(self, x: Array) -> Array:
        return x  # nothing can write to it

    def is_view(self, x: Array) -> bool:
        return False

    def compiled(self, function: Callable[..., Tree], donate: tuple[int, ...] = ()) -> Callable[..., Tree]:
        return self._jax.jit(function, donate_argnums=donate)

    def at_hand(self, x: Array) -> numpy.ndarray | None:
        """Not while a function is traced, and not from several devices."""
        if isinstance(x, self._jax.Array) and not isinstance(x, self._jax.core.Tracer):
            devices = x.devices()
            return numpy.asarray(x) if len(devices) == 1 and next(iter(devices)).platform == "cpu" else None
        return super().at_hand(x)

    def from_host(self, x: numpy.ndarray, device: Any = None) -> Array:
        """A copy: JAX would share memory that NumPy may write to. Integers of 64 bits, too, where JAX has 32."""
        if x.dtype.kind == "f":
            self.dtype(x.dtype.name)
        return self.xp.array(x, copy=True, device=device)
