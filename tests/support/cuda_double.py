"""The devices of CuPy's double (tests/support/cupy_double.py): how many, which is in use, what waits for them."""

from __future__ import annotations

import contextlib
import time
from types import SimpleNamespace

import numpy as np


class Waited(Exception):
    """The host waited for the device where it must not."""


class Waits:
    """How often the host waited, and whether it may."""

    count, forbidden = 0, False


def wait(what: str) -> None:
    if Waits.forbidden:
        raise Waited(what)
    Waits.count += 1


@contextlib.contextmanager
def no_waiting():
    """Raise `Waited` where CuPy would wait."""
    Waits.forbidden = True
    try:
        yield
    finally:
        Waits.forbidden = False


class Launches:
    """How many pieces of work went to the device, and of which kind; `seen(kind, name, count)` hears of each."""

    count = 0
    seen = None


def launch(kind: str, name: str, count: int = 1) -> None:
    Launches.count += count
    if Launches.seen is not None and count:
        Launches.seen(kind, name, count)


# ------------------------------------------------------------------------------------- the machine


class CUDARuntimeError(RuntimeError):
    """What CuPy raises where there is no driver or no device."""


class Machine:
    """How many devices the pretended machine has; None: no driver either."""

    devices: int | None = 2
    current, capability = 0, 9
    total, pool_used, pool_held = 8 << 30, 3 << 20, 5 << 20


def device_count():
    if Machine.devices is None:
        raise CUDARuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient")
    return Machine.devices


class Device:
    def __init__(self, device=None):
        self.id = Machine.current if device is None else int(device)

    def __int__(self):
        return self.id

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None

    def __repr__(self):
        return f"<CUDA Device {self.id}>"

    def use(self):
        if self.id >= device_count():
            raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        Machine.current = self.id
        return self

    @property
    def mem_info(self):
        return Machine.total // 2, Machine.total

    def synchronize(self):
        wait("synchronize")


class Pool:
    """The memory pool: what is in use, and what it holds."""

    def used_bytes(self):
        return Machine.pool_used

    def total_bytes(self):
        return Machine.pool_held

    def free_all_blocks(self):
        pass


class Event:
    """A point in time on the device."""

    def record(self):
        self.time = time.perf_counter()

    def synchronize(self):
        wait("synchronize")


class RawKernel:
    """Code for the device: noted, not run."""

    launched: list[tuple] = []

    def __init__(self, code, name):
        assert f"void {name}(" in code

    def __call__(self, grid, block, args):
        launch("raw", "RawKernel")
        self.launched.append((grid, block, args))


def benchmark(function, args=(), kwargs=None, n_repeat=10, *, name=None, n_warmup=10):
    """`cupyx.profiler.benchmark`: seconds on the host and on each device."""
    for _ in range(n_warmup):
        function(*args)
    times = []
    for _ in range(n_repeat):
        started = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - started)
    return SimpleNamespace(cpu_times=np.array(times), gpu_times=np.array([times]))


runtime = SimpleNamespace(
    CUDARuntimeError=CUDARuntimeError,
    getDeviceCount=device_count,
    getDeviceProperties=lambda k: {
        "name": f"Pretended {k}".encode(), "major": Machine.capability, "minor": 0, "totalGlobalMem": Machine.total,
    },
    driverGetVersion=lambda: 13000 if Machine.devices is not None else 0,
    runtimeGetVersion=lambda: 13020,
)  # fmt: skip
