"""Several processes that train one network with JAX: how they find each other, and how all end when one does.

Each has devices of its own. All draw the same batches, and take the same steps at the same time. The first, process 0,
leads: it alone writes files and prints.

When a process dies, JAX leaves the others waiting, raises an error, or aborts them from C++ with a page of messages,
whatever comes first. Here each of these ends in one line, and at once: a process that left in Python's own way would
wait for those that wait for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from curveball.training.files import one_line
from curveball.training.say import say

HEARTBEAT = 15  # seconds without a sign of life after which a process counts as dead
START = 300  # seconds to wait for the others at the start
# What XLA's errors begin with where others cannot be reached.
UNREACHABLE = re.compile(r"(UNKNOWN|UNAVAILABLE|INTERNAL|ABORTED|CANCELLED|DEADLINE_EXCEEDED|FAILED_PRECONDITION): ")


@dataclass
class Here:
    """This process: its index, how many there are, and whether it has said why it ends."""

    index: int = 0
    count: int = 1
    has_said: bool = False
    at_abort: tuple[str, int] = ("", 1)  # the line and the exit code where JAX aborts it
    handler: Any = None  # C's, which must not be collected


_here = Here()


def leads() -> bool:
    """Whether this process writes the files and prints: the first does, and one that is alone."""
    return _here.index == 0


def are_several() -> bool:
    """Whether other processes train the same network."""
    return _here.count > 1


def join(jax: Any, count: int | None, index: int | None, coordinator: str | None) -> None:
    """Find the other processes, and wait until all are there. Call it before JAX computes anything.

    count:        of all processes
    index:        of this one, from 0
    coordinator:  HOST:PORT of process 0

    What is None is read from the environment that Slurm, Kubernetes or Open MPI made. ValueError where it is not
    there, or where JAX has started already. Where the others do not come, JAX ends this process, with a line.
    """
    _check(count, index, coordinator)
    given = {"coordinator_address": coordinator, "num_processes": count, "process_id": index}
    if None not in given.values():
        given["cluster_detection_method"] = "deactivate"
    where = coordinator or "the coordinator"
    with contextlib.suppress(AttributeError):  # else SIGTERM would end nothing
        jax.config.update("jax_enable_preemption_service", False)
    _here.at_abort = f"curveball: not all processes came to {where} within {START} s: start all of them", 2
    _end_in_one_line()
    try:
        jax.distributed.initialize(
            **given, heartbeat_timeout_seconds=HEARTBEAT, initialization_timeout=START, shutdown_timeout_seconds=START
        )
        _here.index, _here.count = jax.process_index(), jax.process_count()
        _here.at_abort = _lost(), 1
        _check_devices(Counter(device.process_index for device in jax.devices()))
        with _without_output():  # of the libraries that connect the devices
            from jax.experimental import multihost_utils

            multihost_utils.sync_global_devices("start")
    except (RuntimeError, ValueError) as error:
        _here.at_abort = "curveball: JAX ended this process", 1
        if "--devices" in str(error):
            raise
        if "should be defined" in str(error) or "must be defined" in str(error):
            raise ValueError(
                "no Slurm, Kubernetes or Open MPI has started this process: give --processes N, --process-id K and "
                "--coordinator HOST:PORT"
            ) from None
        if "must be called before" in str(error) or "only be called once" in str(error):
            raise ValueError("JAX has started already: processes must be joined before it computes anything") from None
        raise ValueError(f"the processes do not find each other at {where} ({one_line(error)})") from None


def _check(count: int | None, index: int | None, coordinator: str | None) -> None:
    if count is not None and count < 1:
        raise ValueError(f"--processes must be at least 1, or auto; got {count}")
    if (index is not None and index < 0) or (index is not None and count is not None and index >= count):
        raise ValueError(f"--process-id must be from 0 to {(count or 1) - 1}, one less than --processes; got {index}")
    if coordinator is not None and not re.fullmatch(r".+:[0-9]{1,5}", coordinator):
        raise ValueError(f"--coordinator must be HOST:PORT, as in 10.0.0.1:1234; got {coordinator!r}")


def _check_devices(counts: Counter[int]) -> None:
    """ValueError where processes have more devices than others: JAX connects as many of each."""
    if len(set(counts.values())) > 1:
        numbers = ", ".join(str(counts[k]) for k in sorted(counts))
        raise ValueError(f"the processes have {numbers} devices: give all of them the same --devices")


def check_all_alike(settings: Mapping[str, Any]) -> None:
    """ValueError in every process where one was given other settings than the first: they would wait for each other.

    settings:  what must be the same, as JSON has it
    """
    if not are_several():
        return
    from jax.experimental import multihost_utils

    ours = json.loads(json.dumps(settings, default=str))
    first = json.loads(from_leader(json.dumps(ours).encode() if leads() else None))
    differ = [key for key in {**first, **ours} if first.get(key) != ours.get(key)]
    others = np.flatnonzero(multihost_utils.process_allgather(np.int32(len(differ))))
    if differ:
        key = differ[0]
        raise ValueError(
            f"process {_here.index} has {key}={ours.get(key)}, process 0 has {key}={first.get(key)}: "
            "give all processes the same options and data"
        )
    if others.size:
        raise ValueError(f"process {others[0]} has other options or data: give all processes the same")


def from_leader(content: bytes | None) -> bytes:
    """Send bytes from the first process to all: it gives them, the others give None."""
    from jax.experimental import multihost_utils

    length = np.array(divmod(len(content or b""), 2**30), np.int32)
    high, low = multihost_utils.broadcast_one_to_all(length, is_source=leads()).tolist()
    found = np.zeros(2**30 * high + low, np.uint8)
    if content is not None:
        found[:] = np.frombuffer(content, np.uint8)
    return multihost_utils.broadcast_one_to_all(found, is_source=leads()).tobytes()


# ------------------------------------------------------------------------------------- ends


@contextlib.contextmanager
def ending_together(exit_code: Callable[[BaseException], int]) -> Iterator[None]:
    """End this process at once where an exception leaves it, with a line where others cannot be reached.

    exit_code:  of an exception that has said what is wrong
    """
    try:
        yield
    except BaseException as error:
        if not are_several():
            raise
        code = 1 if _here.has_said else exit_code(error)
        if leads():
            time.sleep(2.0)  # it connects the others: whoever ends for the same reason may say so first
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        _here.has_said = True
        os._exit(code)


@contextlib.contextmanager
def reaching_others() -> Iterator[None]:
    """Turn XLA's error where others cannot be reached into a line, and an end with code 1."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if not are_several() or not UNREACHABLE.match(str(error)) or _here.has_said:
            raise
        _here.has_said = True
        say(_lost(f" ({one_line(error)[:200]})"))
        raise SystemExit(1) from None


def _lost(why: str = "") -> str:
    return (
        f"curveball: process {_here.index} of {_here.count} ends, because another one ended or cannot be reached{why}: "
        "start all of them again with --resume"
    )


def _end_in_one_line() -> None:
    """Where JAX aborts this process, as it does when the coordinator is gone, print a line and exit.

    The handler is C's own: Python's would wait for the main thread, which waits for a device.
    """
    if sys.platform == "win32":
        return

    def end(_: int) -> None:
        line, code = _here.at_abort
        if _here.has_said:
            time.sleep(1.0)  # the main thread may be writing the line
        else:
            _here.has_said = True
            with contextlib.suppress(OSError):
                os.write(2, f"{line}\n".encode())
        os._exit(code)

    kind = ctypes.CFUNCTYPE(None, ctypes.c_int)
    library = ctypes.CDLL(None)
    library.signal.argtypes, library.signal.restype = [ctypes.c_int, kind], ctypes.c_void_p
    _here.handler = kind(end)
    library.signal(signal.SIGABRT, _here.handler)


@contextlib.contextmanager
def _without_output() -> Iterator[None]:
    """What C++ prints to standard output is dropped."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
