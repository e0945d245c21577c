"""Processes that work for another one: they leave Ctrl-C to it, and when it is gone, however it ended, they end."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

WATCH = 0.5  # seconds between two looks at whether the parent lives


def worker_pool(count: int, environment: Mapping[str, str] | None = None) -> Any:
    """A `concurrent.futures` executor of so many processes, with variables of the environment that they have besides.

    It sends functions of a program or a notebook, too, and needs no `if __name__ == "__main__"`. `shutdown` takes
    `kill_workers`.
    """
    from joblib.externals.loky import ProcessPoolExecutor

    return ProcessPoolExecutor(count, initializer=end_with, initargs=(os.getpid(),), env=dict(environment or {}))


def end_with(parent: int) -> None:
    """In a worker: Ctrl-C is for the parent, and this process ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    if sys.platform == "win32":  # where a process keeps the number of a parent that is gone
        import _winapi

        with contextlib.suppress(OSError):  # it is gone already
            _winapi.WaitForSingleObject(_winapi.OpenProcess(_winapi.SYNCHRONIZE, False, parent), _winapi.INFINITE)
    else:
        while os.getppid() == parent:
            time.sleep(WATCH)
    os._exit(1)
