"""Convolution on strided memory: windows copied to the rows of a matrix, one matrix product per part of a batch."""

from __future__ import annotations

import functools
from threading import get_ident

from minigrad.backends.protocol import Array
from minigrad.backends.strided import Strided
from minigrad.backends.windows import Pads, Pair, stretched, window_count


class Patches:
    """The windows of a batch of images as matrices, one window per row, for a few images at a time."""

    def __init__(self, backend: Strided, x: Array, window: Pair, stride: Pair, pads: Pads, dilation: Pair):
        self.xp, self.x, self.window, self.stride = backend.xp, x, window, stride
        n, h, w, c = x.shape
        (kh, kw), (sh, sw) = window, stride
        self.oh = window_count(h, kh, sh, pads[0], dilation[0])
        self.ow = window_count(w, kw, sw, pads[1], dilation[1])
        self.height, self.width = (self.oh - 1) * sh + kh, (self.ow - 1) * sw + kw  # what the windows read
        self.from_h, self.to_h = stretched(h, self.height, pads[0][0], dilation[0])
        self.from_w, self.to_w = stretched(w, self.width, pads[1][0], dilation[1])
        self.image_bytes = self.oh * self.ow * kh * kw * c * x.dtype.itemsize
        self.part = backend.part_size(n, self.image_bytes)
        # One per thread, used for part after part: it stays in cache, where copies are fast (benchmarks/floor.py).
        self._spaces: dict[int, tuple[Array, Array, Array]] = {}

    def _space(self) -> tuple[Array, Array, Array]:
        """A buffer of padded images (its zeros stay), a view of it as windows, and the matrix they are copied to."""
        xp, n, c, dtype = self.xp, self.part, self.x.shape[3], self.x.dtype
        (kh, kw), (sh, sw) = self.window, self.stride
        buffer = xp.zeros((n, self.height, self.width, c), dtype=dtype)
        a, b, d, e = buffer.strides
        shape, strides = (n, self.oh, self.ow, kh, kw, c), (a, b * sh, d * sw, b, d, e)
        # not sliding_window_view: CuPy would wait for the GPU
        return buffer, xp.lib.stride_tricks.as_strided(buffer, shape, strides), xp.empty(shape, dtype=dtype)

    def matrix(self, start: int, stop: int, x: Array | None = None) -> Array:
        """Patches of images start..stop - 1, (images * oh * ow, kh * kw * channels), until this thread asks again.

        They are those of `x`, if given: images of the same shape and dtype as those given first.
        """
        thread = get_ident()
        if thread not in self._spaces:
            self._spaces[thread] = self._space()
        buffer, windows, matrix = (space[: stop - start] for space in self._spaces[thread])
        buffer[:, self.to_h, self.to_w] = (self.x if x is None else x)[start:stop, self.from_h, self.from_w]
        matrix[...] = windows
        return matrix.reshape(-1, matrix.shape[3] * matrix.shape[4] * matrix.shape[5])


class Convolutions(Strided):
    """`conv2d` and its transpose in the kernel: patches times kernel, and patches transposed times cotangent."""

    def conv2d(self, x: Array, w: Array, stride: Pair, pads: Pads, dilation: Pair, bias: Array | None = None) -> Array:
        xp, c_out = self.xp, w.shape[3]
        patches = Patches(self, x, w.shape[:2], stride, pads, dilation)
        y = xp.empty((x.shape[0], patches.oh, patches.ow, c_out), dtype=xp.result_type(x, w))
        kernel = xp.reshape(w, (-1, c_out))

        def work(start: int, stop: int) -> None:
            part = y[start:stop].reshape(-1, c_out)
            xp.matmul(patches.matrix(start, stop), kernel, out=part)
            if bias is not None:
                part += bias  # while it is in cache

        self.in_parts(x.shape[0], patches.image_bytes, work)
        return y

    def conv2d_push(
        self, x_dot: Array, w: Array, x: Array, w_dot: Array, stride: Pair, pads: Pads, dilation: Pair,
        bias_dot: Array | None = None,
    ) -> Array:  # fmt: skip
        xp, c_out = self.xp, w.shape[3]
        patches = Patches(self, x_dot, w.shape[:2], stride, pads, dilation)
        y_dot = xp.empty((x.shape[0], patches.oh, patches.ow, c_out), dtype=xp.result_type(x_dot, w, x, w_dot))
        kernel, kernel_dot = xp.reshape(w, (-1, c_out)), xp.reshape(w_dot, (-1, c_out))

        def work(start: int, stop: int) -> None:
            part = y_dot[start:stop].reshape(-1, c_out)
            xp.matmul(patches.matrix(start, stop), kernel, out=part)
            part += xp.matmul(patches.matrix(start, stop, x), kernel_dot)
            if bias_dot is not None:
                part += bias_dot

        self.in_parts(x.shape[0], patches.image_bytes, work)
        return y_dot

    def conv2d_kernel(self, x: Array, c: Array, window: Pair, stride: Pair, pads: Pads, dilation: Pair) -> Array:
        xp, c_in, c_out = self.xp, x.shape[3], c.shape[3]
        patches = Patches(self, x, window, stride, pads, dilation)

        def work(start: int, stop: int) -> Array:
            return xp.matmul(patches.matrix(start, stop).T, xp.reshape(c[start:stop], (-1, c_out)))

        parts = self.in_parts(x.shape[0], patches.image_bytes, work)
        shape = (*window, c_in, c_out)
        if not parts:
            return xp.zeros(shape, dtype=xp.result_type(x, c))
        return xp.reshape(functools.reduce(xp.add, parts), shape)
