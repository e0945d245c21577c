"""Convolutions and pools on CuPy, one kernel each beside the matrix product: few launches, no padded copies.

The kernels are text, as CuPy compiles it. `i` is the entry of the output that a thread computes, counted row by row;
its place is taken apart by divisions, the last axis first. Images are (batch, h, w, c), as in windows.py.
"""

from __future__ import annotations

from math import prod
from typing import Any

from minigrad.backends.protocol import Array
from minigrad.backends.standard import NO_DILATION
from minigrad.backends.strided import Strided
from minigrad.backends.windows import Pads, Pair, window_count

# The geometry that every kernel is given: sizes of the image and of the output, window, stride, zeros before, dilation.
_NAMES = ("h", "w", "c", "oh", "ow", "kh", "kw", "sh", "sw", "top", "left", "dh", "dw")
_GEOMETRY = ", ".join(f"int32 {name}" for name in _NAMES)

# Patches (batch, oh, ow, kh, kw, c). `Index` is int where all places fit into it: a GPU divides 64 bits slowly.
_PATCHES = """
    Index k = i;
    Index channel = k % c;           k = k / c;
    Index b = k % kw;                k = k / kw;
    Index a = k % kh;                k = k / kh;
    Index column = (k % ow) * sw + b - left;    k = k / ow;
    Index row = (k % oh) * sh + a - top;        k = k / oh;
    bool inside = row >= 0 && column >= 0 && row % dh == 0 && column % dw == 0 && row / dh < h && column / dw < w;
    Index at = ((k * h + row / dh) * w + column / dw) * c + channel;
    y = inside ? x[at] : T(0);
"""

# Where a thread stands in the outputs (batch, oh, ow, c) of a pool: its channel, and the corner of its window.
_POOL = """
    ptrdiff_t k = i;
    ptrdiff_t channel = k % c;       k = k / c;
    ptrdiff_t corner_w = (k % ow) * sw - left;  k = k / ow;
    ptrdiff_t corner_h = (k % oh) * sh - top;   k = k / oh;
"""

# Over all entries of a window, row by row: where each is, and whether it is inside the image.
_WINDOW = """
    for (int a = 0; a < kh; ++a) {
        for (int b = 0; b < kw; ++b) {
            ptrdiff_t row = corner_h + a;
            ptrdiff_t column = corner_w + b;
            bool inside = row >= 0 && column >= 0 && row < h && column < w;
            ptrdiff_t at = ((k * h + row) * w + column) * c + channel;
"""

_MAX = f"""{_POOL}
    T best = lowest;{_WINDOW}
            T value = inside ? x[at] : lowest;
            best = value > best || value != value ? value : best;
        }}
    }}
    y = best;
"""

_ARGMAX = f"""{_POOL}
    T best = T(0);
    ptrdiff_t place = -1;{_WINDOW}
            T value = inside ? x[at] : T(0);
            bool better = inside && (place < 0 || value > best || value != value);
            best = better ? value : best;
            place = better ? at : place;
        }}
    }}
    y = place < 0 ? 0 : place;
"""

_SUM = f"""{_POOL}
    T total = T(0);{_WINDOW}
            total += inside ? x[at] : T(0);
        }}
    }}
    y = total;
"""

# Here `i` is an entry of the image, and the windows that hold it are summed: window (p / sh, q / sw) where that is one.
_SUM_TRANSPOSE = """
    ptrdiff_t k = i;
    ptrdiff_t channel = k % c;       k = k / c;
    ptrdiff_t column = k % w;        k = k / w;
    ptrdiff_t row = k % h;           k = k / h;
    T total = T(0);
    for (int a = 0; a < kh; ++a) {
        for (int b = 0; b < kw; ++b) {
            ptrdiff_t p = row + top - a;
            ptrdiff_t q = column + left - b;
            bool inside = p >= 0 && q >= 0 && p % sh == 0 && q % sw == 0 && p / sh < oh && q / sw < ow;
            total += inside ? x[((k * oh + p / sh) * ow + q / sw) * c + channel] : T(0);
        }
    }
    y = total;
"""


class Images(Strided):
    """Convolutions and pools by kernels of their own."""

    def __init__(self, xp: Any):
        super().__init__(xp)
        import cupy  # here, so that this file can be read without CuPy

        def kernel(name: str, text: str, first: str = "raw T x", out: str = "T y") -> Any:
            return cupy.ElementwiseKernel(f"{first}, {_GEOMETRY}", out, text, f"minigrad_{name}")

        self._patches_32 = kernel("patches", _PATCHES.replace("Index", "int"))
        self._patches_64 = kernel("patches_64", _PATCHES.replace("Index", "ptrdiff_t"))
        self._max = kernel("window_max", _MAX, "raw T x, T lowest")
        self._argmax = kernel("window_argmax", _ARGMAX, out="int64 y")
        self._sum = kernel("window_sum", _SUM)
        self._sum_transpose = kernel("window_sum_transpose", _SUM_TRANSPOSE)

    # ------------------------------------------------------------------------------------- convolutions

    def conv2d(self, x: Array, w: Array, stride: Pair, pads: Pads, dilation: Pair, bias: Array | None = None) -> Array:
        xp, c_out = self.xp, w.shape[3]
        geometry = _geometry(x.shape, w.shape[:2], stride, pads, dilation)
        y = xp.empty((x.shape[0], *geometry[3:5], c_out), dtype=xp.result_type(x, w))
        kernel = xp.reshape(w, (-1, c_out))
        for start, stop in self._parts(x.shape[0], _patch_bytes(x, geometry)):
            xp.matmul(self._rows(x[start:stop], geometry), kernel, out=y[start:stop].reshape(-1, c_out))
        if bias is not None:
            y += bias
        return y

    def conv2d_kernel(self, x: Array, c: Array, window: Pair, stride: Pair, pads: Pads, dilation: Pair) -> Array:
        xp, n, c_out = self.xp, x.shape[0], c.shape[3]
        geometry = _geometry(x.shape, window, stride, pads, dilation)
        y = xp.empty((*window, x.shape[3], c_out), dtype=xp.result_type(x, c))
        total = y.reshape(-1, c_out)
        for start, stop in self._parts(n, _patch_bytes(x, geometry)):
            factors = self._rows(x[start:stop], geometry).T, xp.reshape(c[start:stop], (-1, c_out))
            if start:
                total += xp.matmul(*factors)
            else:
                xp.matmul(*factors, out=total)
        if not n:
            y.fill(0)
        return y

    def _rows(self, x: Array, geometry: tuple[int, ...]) -> Array:
        """Patches of images as a matrix, (images * oh * ow, kh * kw * channels); pixels alone are one already."""
        h, w, c, *_, oh, ow, kh, kw, sh, sw, top, left, dh, dw = geometry
        if (kh, kw, sh, sw, top, left, dh, dw) == (1, 1, 1, 1, 0, 0, 1, 1) and (oh, ow) == (h, w):
            return self.xp.reshape(x, (-1, c))
        y = self.xp.empty((x.shape[0] * oh * ow, kh * kw * c), dtype=x.dtype)
        small = max(prod(y.shape), x.size) < 1 << 31
        return (self._patches_32 if small else self._patches_64)(x, *geometry, y)

    # ------------------------------------------------------------------------------------- pools

    def window_max(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        geometry = _geometry(x.shape, window, stride, pads)
        return self._max(x, float("-inf"), *geometry, self._pooled(x, geometry))

    def window_argmax(self, x: Array, y: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        return self._argmax(x, *_geometry(x.shape, window, stride, pads), self.xp.empty(y.shape, dtype=self.xp.int64))

    def window_sum(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        geometry = _geometry(x.shape, window, stride, pads)
        return self._sum(x, *geometry, self._pooled(x, geometry))

    def window_sum_transpose(self, c: Array, window: Pair, stride: Pair, pads: Pads, size: Pair) -> Array:
        shape = (c.shape[0], *size, c.shape[3])
        return self._sum_transpose(c, *_geometry(shape, window, stride, pads), self.xp.empty(shape, dtype=c.dtype))

    def _pooled(self, x: Array, geometry: tuple[int, ...]) -> Array:
        return self.xp.empty((x.shape[0], *geometry[3:5], x.shape[3]), dtype=x.dtype)


def _geometry(
    shape: tuple[int, ...], window: Pair, stride: Pair, pads: Pads, dilation: Pair = NO_DILATION
) -> tuple[int, ...]:
    """The numbers of `_GEOMETRY`."""
    sizes = (window_count(shape[k + 1], window[k], stride[k], pads[k], dilation[k]) for k in (0, 1))
    return (*shape[1:], *sizes, *window, *stride, pads[0][0], pads[1][0], *dilation)


def _patch_bytes(x: Array, geometry: tuple[int, ...]) -> int:
    """The memory of one image's patches."""
    return prod((x.dtype.itemsize, geometry[2], *geometry[3:7]))
