"""The cells of an experiment in parallel: each result as soon as it is there, and nothing left behind.

On this machine each worker is a process of its own: one that is killed costs the cell that it was computing, which is
begun again, and all end with their parent. Under `joblib.parallel_config("dask")` or `"ray"` a cluster computes the
cells, without a change here.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from typing import Any

from problems.data.workers import worker_pool

TRIES = 2  # of a cell whose process is killed
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # of a worker: one
Cells = Sequence[tuple[Any, ...]]


class WorkerKilled(RuntimeError):
    """The process of a cell was killed each time: the memory may be too small."""


def parallel_map(function: Callable[..., Any], cells: Cells, jobs: int | None = None) -> list[Any]:
    """Call a function on each cell's arguments, in parallel; the results in order.

    `jobs` at once (processes on this machine, unless `joblib.parallel_config` says otherwise), -1 for one per core;
    None for the number that `joblib.parallel_config` says, one if nothing. An error in a cell is raised here.

    >>> parallel_map(pow, [(2, 3), (3, 2)])
    [8, 9]
    """
    results = dict(as_completed(function, cells, jobs))
    return [results[k] for k in range(len(cells))]


def as_completed(function: Callable[..., Any], cells: Cells, jobs: int | None = None) -> Iterator[tuple[int, Any]]:
    """The same, each result with the index of its cell as soon as it is there. WorkerKilled names a cell.

    >>> sorted(as_completed(pow, [(2, 3), (3, 2)]))
    [(0, 8), (1, 9)]
    """
    from joblib import Parallel, delayed, effective_n_jobs
    from joblib.parallel import LokyBackend, get_active_backend

    backend, _ = get_active_backend()
    if not isinstance(backend, LokyBackend):
        # Clusters that are like a pool of multiprocessing, as Ray's is, give all results at the end.
        form = "generator_unordered" if backend.supports_return_generator else "list"
        yield from Parallel(jobs, return_as=form)(delayed(_indexed)(k, function, cell) for k, cell in enumerate(cells))
    elif (count := min(effective_n_jobs(jobs), len(cells))) > 1:
        yield from _in_processes(function, cells, count)
    else:
        for k, cell in enumerate(cells):
            yield k, function(*cell)


def _indexed(k: int, function: Callable[..., Any], cell: tuple[Any, ...]) -> tuple[int, Any]:
    return k, function(*cell)


def _in_processes(function: Callable[..., Any], cells: Cells, count: int) -> Iterator[tuple[int, Any]]:
    """A thread for each process: it takes a cell after the other from one queue and puts what comes into another."""
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Any, BaseException | None]] = queue.SimpleQueue()
    for k in range(len(cells)):
        todo.put(k)
    workers = [_Worker() for _ in range(count)]

    def serve(worker: _Worker) -> None:
        try:
            while not worker.stopped:
                k = todo.get_nowait()
                try:
                    done.put((k, worker.call(function, cells[k]), None))
                except BaseException as error:
                    done.put((k, None, error))
        except queue.Empty:
            worker.stop()

    threads = [threading.Thread(target=serve, args=(worker,), daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        for _ in cells:
            k, result, error = done.get()
            if error is not None:
                raise error
            yield k, result
    finally:
        for worker in workers:
            worker.stop()
        for thread in threads:
            thread.join()


class _Worker:
    """One process, started when it is needed and again when it was killed."""

    def __init__(self) -> None:
        self.stopped = False
        self._executor: Any = None
        self._lock = threading.Lock()

    def call(self, function: Callable[..., Any], cell: tuple[Any, ...]) -> Any:
        """The result of a cell, or its error."""
        for _ in range(TRIES):
            try:
                return self._started().submit(function, *cell).result()
            except BrokenExecutor:
                self._end()
        raise WorkerKilled(f"the process of {cell} was killed {TRIES} times: is there enough memory? Try fewer at once")

    def stop(self) -> None:
        """Kill the process; there is no next one."""
        self.stopped = True
        self._end()

    def _started(self) -> Any:
        with self._lock:
            if self.stopped:
                raise BrokenExecutor
            if self._executor is None:
                self._executor = worker_pool(1, dict.fromkeys(THREADS, "1"))
            return self._executor

    def _end(self) -> None:
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(kill_workers=True)
