"""Convolution on strided memory: windows copied to the rows of matrices, matrix products for a part of the batch.

A window of kh x kw entries, flattened, is a row of a matrix with kh kw columns for each channel: an entry of an image
is copied kh kw times. With strips, windows along the width alone are copied, so an entry is copied kw times. Each row
of the kernel multiplies a matrix of its own, which starts one row further down in the same strips, and the kh products
are added. benchmarks/results/where_time_goes.md has what that saves, and for which sizes.
"""

from __future__ import annotations

import functools
from threading import get_ident

from minigrad.backends.protocol import Array
from minigrad.backends.strided import Strided
from minigrad.backends.windows import Pads, Pair, stretched, window_count

NARROW = 32  # columns: products of matrices with fewer are slow


class Patches:
    """The windows of a batch of images as matrices, one window per row, for a few images at a time."""

    def __init__(
        self, backend: Strided, x: Array, window: Pair, stride: Pair, pads: Pads, dilation: Pair, outputs: int
    ):
        self.xp, self.x, self.window, self.stride = backend.xp, x, window, stride
        n, h, w, c = x.shape
        (kh, kw), (sh, sw) = window, stride
        self.oh = window_count(h, kh, sh, pads[0], dilation[0])
        self.ow = window_count(w, kw, sw, pads[1], dilation[1])
        self.height, self.width = (self.oh - 1) * sh + kh, (self.ow - 1) * sw + kw  # what the windows read
        self.from_h, self.to_h = stretched(h, self.height, pads[0][0], dilation[0])
        self.from_w, self.to_w = stretched(w, self.width, pads[1][0], dilation[1])
        size = self.oh * self.ow  # rows of a matrix for one image: many, or copies of the kernel take the time
        self.strips = backend.strips and sh == 1 and kh > 1 and kw * c >= NARROW and size >= max(c, outputs)
        self.products = kh if self.strips else 1  # that are added
        self.copies = kw * c * (self.height * self.ow if self.strips else kh * size)  # entries, for one image
        self.image_bytes = (self.copies + (kh * size * outputs if self.strips else 0)) * x.dtype.itemsize
        self.part = backend.part_size(n, self.image_bytes)
        # One per thread, used for part after part: it stays in cache, where copies are fast (benchmarks/floor.py).
        self._spaces: dict[int, tuple[Array, Array, Array]] = {}

    def _space(self) -> tuple[Array, Array, Array]:
        """A buffer of padded images (its zeros stay), a view of it as windows, and the memory they are copied to."""
        xp, n, c, dtype = self.xp, self.part, self.x.shape[3], self.x.dtype
        (kh, kw), (sh, sw) = self.window, self.stride
        buffer = xp.zeros((n, self.height, self.width, c), dtype=dtype)
        a, b, d, e = buffer.strides
        shape, strides = (n, self.oh, self.ow, kh, kw, c), (a, b * sh, d * sw, b, d, e)
        if self.strips:
            shape, strides = (n, self.height, self.ow, 1, kw, c), (a, b, d * sw, b, d, e)
        # not sliding_window_view: CuPy would wait for the GPU
        return buffer, xp.lib.stride_tricks.as_strided(buffer, shape, strides), xp.empty(shape, dtype=dtype)

    def matrices(self, start: int, stop: int, x: Array | None = None) -> Array:
        """Patches of images start..stop - 1 until this thread asks again: the products, for one image or all at once.

        The shape is (1, 1, images * oh * ow, kh * kw * channels), with strips (images, kh, oh * ow, kw * channels).
        They are patches of `x`, if given: images of the same shape and dtype as those given first.
        """
        thread = get_ident()
        if thread not in self._spaces:
            self._spaces[thread] = self._space()
        buffer, windows, copies = (space[: stop - start] for space in self._spaces[thread])
        buffer[:, self.to_h, self.to_w] = (self.x if x is None else x)[start:stop, self.from_h, self.from_w]
        copies[...] = windows
        n, _, _, kh, kw, c = copies.shape
        if not self.strips:
            return copies.reshape(1, 1, -1, kh * kw * c)
        a, b, d, _, _, e = copies.strides
        shape = (n, self.products, self.oh * self.ow, kw * c)
        return self.xp.lib.stride_tricks.as_strided(copies, shape, (a, b, d, e))

    def times(self, kernel: Array, start: int, stop: int, x: Array | None = None, out: Array | None = None) -> Array:
        """The patches of images start..stop - 1 times a kernel (products, columns, outputs)."""
        matrices = self.matrices(start, stop, x)
        if not self.strips:
            return self.xp.matmul(matrices[:, 0], kernel[0], out=out)
        y = self.xp.sum(self.xp.matmul(matrices, kernel), axis=1)
        if out is None:
            return y
        out[...] = y
        return out

    def transposed_times(self, c: Array, start: int, stop: int) -> Array:
        """The transpose, for cotangents of images start..stop - 1: (products, columns, outputs)."""
        matrices = self.matrices(start, stop)
        c = c[start:stop].reshape(matrices.shape[0], 1, matrices.shape[2], c.shape[3])
        products = self.xp.matmul(self.xp.matrix_transpose(matrices), c)
        return self.xp.sum(products, axis=0) if self.strips else products[0]


class Convolutions(Strided):
    """`conv2d` and its transpose in the kernel: patches times kernel, and patches transposed times cotangent."""

    def conv2d(self, x: Array, w: Array, stride: Pair, pads: Pads, dilation: Pair, bias: Array | None = None) -> Array:
        patches = Patches(self, x, w.shape[:2], stride, pads, dilation, w.shape[3])
        kernel = _by_product(patches, w)
        y = self._outputs(patches, x, w)

        def work(start: int, stop: int) -> None:
            part = _by_matrix(patches, y[start:stop])
            patches.times(kernel, start, stop, out=part)
            if bias is not None:
                part += bias  # while it is in cache

        self.in_parts(x.shape[0], patches.image_bytes, work)
        return y

    def conv2d_push(
        self, x_dot: Array, w: Array, x: Array, w_dot: Array, stride: Pair, pads: Pads, dilation: Pair,
        bias_dot: Array | None = None,
    ) -> Array:  # fmt: skip
        patches = Patches(self, x_dot, w.shape[:2], stride, pads, dilation, w.shape[3])
        kernel, kernel_dot = _by_product(patches, w), _by_product(patches, w_dot)
        y_dot = self._outputs(patches, x_dot, w, x, w_dot)

        def work(start: int, stop: int) -> None:
            part = _by_matrix(patches, y_dot[start:stop])
            patches.times(kernel, start, stop, out=part)
            part += patches.times(kernel_dot, start, stop, x)
            if bias_dot is not None:
                part += bias_dot

        self.in_parts(x.shape[0], patches.image_bytes, work)
        return y_dot

    def conv2d_kernel(self, x: Array, c: Array, window: Pair, stride: Pair, pads: Pads, dilation: Pair) -> Array:
        xp = self.xp
        patches = Patches(self, x, window, stride, pads, dilation, c.shape[3])
        parts = self.in_parts(x.shape[0], patches.image_bytes, functools.partial(patches.transposed_times, c))
        shape = (*window, x.shape[3], c.shape[3])
        if not parts:
            return xp.zeros(shape, dtype=xp.result_type(x, c))
        return xp.reshape(functools.reduce(xp.add, parts), shape)

    def _outputs(self, patches: Patches, x: Array, w: Array, *others: Array) -> Array:
        shape = (x.shape[0], patches.oh, patches.ow, w.shape[3])
        return self.xp.empty(shape, dtype=self.xp.result_type(x, w, *others))


def _by_product(patches: Patches, w: Array) -> Array:
    """A kernel as one matrix for each of the products."""
    columns = w.shape[0] * w.shape[1] * w.shape[2] // patches.products
    return patches.xp.reshape(w, (patches.products, columns, w.shape[3]))


def _by_matrix(patches: Patches, y: Array) -> Array:
    """Outputs of some images as one matrix for each of those that multiply the kernel."""
    return y.reshape(y.shape[0] if patches.strips else 1, -1, y.shape[3])
