"""Work done ahead: threads make the next batches while the current one is in use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Job = tuple[Callable[[], Any], Callable[[Any], T]]


class Ahead(Generic[T]):
    """The results of jobs, in the order of the jobs, however many threads there are.

    A job is a pair: a function that a thread calls, and one that is called with its result when it is asked for.

    >>> list(Ahead(((lambda k=k: k * k, str) for k in range(4)), threads=2))
    ['0', '1', '4', '9']
    """

    def __init__(self, jobs: Iterator[Job[T]], threads: int):
        self._jobs, self._threads = jobs, threads
        self._waiting: deque[tuple[Future[Any], Callable[[Any], T]]] = deque()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="ahead")

    def __iter__(self) -> Ahead[T]:
        return self

    def __next__(self) -> T:
        while len(self._waiting) <= self._threads and (job := next(self._jobs, None)) is not None:
            self._waiting.append((self._pool.submit(job[0]), job[1]))
        if not self._waiting:
            self._pool.shutdown()
            raise StopIteration
        future, finish = self._waiting.popleft()
        return finish(future.result())

    def skip(self, count: int) -> None:
        """Leave out the next jobs; those that no thread has begun are not done."""
        for _ in range(count):
            if self._waiting:
                self._waiting.popleft()[0].cancel()
            else:
                next(self._jobs, None)
