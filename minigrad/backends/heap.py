"""Freed memory kept for the next step, instead of given back to the system after each.

The system clears every page that it hands out. A step frees what it has allocated, and the next one needs as much
again: benchmarks/results/where_time_goes.md has what that costs. The C library decides: `mallopt` of GNU libc.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of malloc.h
KEPT = 1 << 30  # bytes: what is free above the last block in use, before it is given back
LARGEST = 1 << 28  # bytes: blocks above are always given back


@functools.cache
def keep_freed_memory() -> None:
    """From now on, let freed memory wait for the next allocation; where the C library is another, nothing changes.

    >>> keep_freed_memory()
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(MMAP_THRESHOLD, LARGEST)
        mallopt(TRIM_THRESHOLD, KEPT)
