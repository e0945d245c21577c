"""Threads for NumPy, which copies and adds on one core: each thread works on a part of the batch.

BLAS has threads of its own. While parts are worked on it is held to one thread: a core for each part is faster than all
cores on one part. After a call that used them, the idle threads of BLAS busy-wait and slow ours down: `one_blas_thread`
holds BLAS to one thread for a whole run, as training does. benchmarks/step.py shows what both gain.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Lock
from typing import Any


@functools.cache
def _threads() -> tuple[ThreadPoolExecutor, int, Any, Lock] | None:
    """A pool, the number of BLAS's threads, the controller that limits them, and a lock for it; None for one core."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:  # then BLAS alone has threads
        return None
    controller = ThreadpoolController().select(user_api="blas")
    count = max([library["num_threads"] for library in controller.info()], default=1)
    return (ThreadPoolExecutor(count - 1), count, controller, Lock()) if count > 1 else None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)  # a child process inherits the pool without its threads


def call_all(work: Callable[..., Any], parts: list[tuple[Any, ...]]) -> list[Any]:
    """Call `work(*part)` for each part, as many at once as BLAS has threads; the results in order."""
    threads = _threads()
    if threads is None:
        return [work(*part) for part in parts]
    pool, count, controller, lock = threads
    results: list[Any] = [None] * len(parts)
    left = iter(range(len(parts)))

    def work_on() -> None:  # a free thread takes the next part
        for k in left:
            results[k] = work(*parts[k])

    with lock, controller.limit(limits=1):
        # NumPy's errstate is part of the context
        others = [pool.submit(copy_context().run, work_on) for _ in range(count - 1)]
        try:
            work_on()
        finally:
            for _ in left:  # after an error: take all that is left
                pass
            for other in others:
                other.result()
    return results


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread for a whole run, so that the parts of a batch have the cores.

    >>> with one_blas_thread():
    ...     pass
    """
    threads = _threads()
    if threads is None:
        yield
        return
    with threads[2].limit(limits=1):
        yield
