"""NumPy: parts of a batch that stay in cache, on as many threads as there are cores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.backends.channels import Channels
from minigrad.backends.patches import Convolutions
from minigrad.backends.pools import Pools
from minigrad.backends.protocol import Array, Index
from minigrad.backends.standard import scipy_special
from minigrad.backends.threads import call_all


class Library(Convolutions, Pools, Channels):
    """NumPy."""

    part_bytes = 2 << 20  # fits into a core's cache; benchmarks/step.py and floor.py (copies) show the effect
    strips = True

    def in_parts(self, n: int, image_bytes: int, work: Callable[[int, int], Any]) -> list[Any]:
        parts = self._parts(n, image_bytes)
        if n * image_bytes >= 4 * self.part_bytes:  # below, threads gain nothing: benchmarks/step.py
            return call_all(work, parts)
        return [work(*part) for part in parts]

    def gather(self, x: Array, index: Index) -> Array:
        """`x[index]`; many entries on all threads (benchmarks/where_time_goes.py, tangents of max pools)."""
        if x.ndim != 1 or getattr(index, "size", 0) * x.itemsize < 2 * self.part_bytes:
            return x[index]
        y = self.xp.empty(index.shape, dtype=x.dtype)

        def work(start: int, stop: int) -> None:
            y[start:stop] = x[index[start:stop]]

        self.in_parts(index.shape[0], index[:1].nbytes, work)
        return y

    def scatter_last(self, order: Array, index: Index, shape: tuple[int, ...]) -> Array:
        out = self.xp.full(shape, -1, dtype=order.dtype)
        out[index] = order  # NumPy writes in order
        return out

    def erf(self, x: Array) -> Array:
        """In the dtype of `x`; SciPy knows float32 and float64, whose digits the others get."""
        erf = scipy_special().erf
        if hasattr(x, "dtype") and x.dtype.kind == "f" and x.dtype.itemsize not in (4, 8):
            return erf(x.astype("float32" if x.dtype.itemsize < 4 else "float64")).astype(x.dtype)
        return erf(x)
