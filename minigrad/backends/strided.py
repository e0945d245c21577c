"""What NumPy and CuPy share: memory that operations write to, `add.at`, and batches worked on a part at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.backends.namespaces import device_of
from minigrad.backends.protocol import Array, Index
from minigrad.backends.standard import Standard, may_repeat


class Strided(Standard):
    """Libraries with NumPy's in-place operations; patches.py and pools.py add images."""

    part_bytes = 1 << 20  # worked on at a time
    strips = False  # whether convolutions may copy fewer bytes and multiply more, smaller matrices

    def part_size(self, n: int, image_bytes: int) -> int:
        """How many of `n` images are worked on at a time."""
        return max(1, min(n, self.part_bytes // max(1, image_bytes)))

    def in_parts(self, n: int, image_bytes: int, work: Callable[[int, int], Any]) -> list[Any]:
        """Call `work(start, stop)` on one part of `n` images after the other; the results in order."""
        return [work(*part) for part in self._parts(n, image_bytes)]

    def _parts(self, n: int, image_bytes: int) -> list[tuple[int, int]]:
        step = self.part_size(n, image_bytes)
        return [(start, min(n, start + step)) for start in range(0, n, step)]

    def copied(self, x: Array) -> Array:
        return x.copy()

    def gather(self, x: Array, index: Index) -> Array:
        return x[index]

    def scatter_add(self, values: Array, index: Index, shape: tuple[int, ...]) -> Array:
        xp = self.xp
        out = xp.zeros(shape, dtype=values.dtype, device=device_of(values))
        if not may_repeat(index):
            out[index] = values
            return out
        if out.ndim == 1 and getattr(index, "shape", None) == values.shape:
            # NumPy is quicker along one axis: benchmarks/where_time_goes.py, cotangents of max pools
            index, values = xp.reshape(index, (-1,)), xp.reshape(values, (-1,))
        xp.add.at(out, index, values)
        return out
