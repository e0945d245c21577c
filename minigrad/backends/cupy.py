"""CuPy: fused kernels, batches in parts that fit into the GPU's memory, and functions that CuPy lacks or waits in."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy

from minigrad.backends.cupy_batch_norm import BatchNorm
from minigrad.backends.cupy_images import Images
from minigrad.backends.namespaces import Namespace
from minigrad.backends.protocol import Array, Index


class Library(Images, BatchNorm):
    """CuPy."""

    most_bytes = 1 << 30  # of one part; larger parts are not faster (benchmarks/gpu.py)

    def __init__(self, xp: Namespace):
        super().__init__(xp)
        import cupy  # here, so that this file can be read without CuPy

        self._cupy = cupy

    @property
    def part_bytes(self) -> int:  # type: ignore[override]  # elsewhere a constant, since there is one memory
        """At most an eighth of the memory of the GPU in use."""
        cuda = self._cupy.cuda
        return min(self.most_bytes, _device_bytes(cuda, cuda.Device().id) // 8)

    def scatter_last(self, order: Array, index: Index, shape: tuple[int, ...]) -> Array:
        out = self.xp.full(shape, -1, dtype=order.dtype)
        self.xp.maximum.at(out, index, order)  # an assignment may keep any of several values
        return out

    def erf(self, x: Array) -> Array:
        from cupyx.scipy import special  # slow to import, and seldom needed

        return special.erf(x).astype(x.dtype, copy=False)  # of float16 it makes float32

    def sign(self, x: Array) -> Array:
        """array-api-compat's would write nan through a mask, and wait."""
        return self.xp.where(x == x, self._cupy.sign(x), x)

    packs = True

    def packed(self, arrays: list[Array], copy: bool = False) -> Array | None:
        """One kernel for all is worth a copy of all."""
        first = arrays[0]
        if any(x.__class__ is not first.__class__ or x.dtype != first.dtype for x in arrays[1:]):
            return None
        vector = first.base
        if vector is not None and _are_parts(arrays, vector):
            return vector.copy() if copy else vector
        return self.xp.concat([self.xp.reshape(x, (-1,)) for x in arrays])

    def vecdot(self, x: Array, y: Array) -> Array:
        """CuPy has none; array-api-compat's is four kernels."""
        return self.xp.sum(x * y, axis=-1)

    def solve(self, a: Array, b: Array) -> Array:
        """CuPy's does not broadcast."""
        if a.shape[:-2] != b.shape[:-2]:
            batch = numpy.broadcast_shapes(a.shape[:-2], b.shape[:-2])
            a = self.xp.broadcast_to(a, (*batch, *a.shape[-2:]))
            b = self.xp.broadcast_to(b, (*batch, *b.shape[-2:]))
        return self.xp.linalg.solve(a, b)

    def fused(self, function: Callable[..., Array]) -> Callable[..., Array]:
        """By `cupy.fuse`, which computes with two numbers in float16."""
        return self._cupy.fuse(function)

    def to_host(self, x: Array) -> numpy.ndarray:
        return x.get()


def _are_parts(arrays: list[Array], vector: Array) -> bool:
    """Whether arrays are the parts of a vector, one after the other and nothing left over."""
    if vector.ndim != 1 or vector.dtype != arrays[0].dtype or not vector.flags.c_contiguous:
        return False
    place = vector.data.ptr
    for x in arrays:
        if x.data.ptr != place or not x.flags.c_contiguous:
            return False
        place += x.nbytes
    return bool(place == vector.data.ptr + vector.nbytes)


@functools.cache
def _device_bytes(cuda: Any, index: int) -> int:
    """The memory of a GPU."""
    return cuda.Device(index).mem_info[1]
