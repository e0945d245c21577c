"""What benchmarks/gpu.py times: a step of ours on each array library, as it is or compiled, and PyTorch's own.

Every contender has `step()`, which waits for nothing, `finish()`, which waits for all, and `loss()`. They start from
the same params, on the same images.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from contenders import CLASSES, damping, draw, start

import minigrad as mg
from curveball import SGD, CurveBall
from curveball.training.devices import choose, device_info, pool_use, to_device_of
from minigrad import nn, tree_flatten
from minigrad.backends import fuse
from problems import network

OURS = {  # name of the row: library, compiled, a kernel for several operations
    "cupy": ("cupy", False, True),
    "cupy, nothing fused": ("cupy", False, False),
    "torch": ("torch", False, True),
    "torch, CUDA graph": ("torch", True, True),
    "jax, jit": ("jax", True, True),
}
THEIRS = {  # of peer.py
    "PyTorch, double backward": ("torch_double_backward", "curveball"),
    "PyTorch, torch.func": ("torch_func", "curveball"),
    "PyTorch, SGD": ("torch_sgd", "sgd"),
}
NETWORKS = ("basic", "basic-bn", "resnet18")
CHECK = 4  # images of the steps that are compared with NumPy's


class Ours:
    """Steps of one of our solvers on a library."""

    def __init__(self, name: str, solver: str, batch: int, row: str, device: Any, tf32: bool = False):
        library, self.is_compiled, self._fused = OURS.get(row, (row, False, True))
        xp = choose(library, device if library != "numpy" else None, tf32)
        net = network(name, CLASSES)
        self.solver = CurveBall(lam=damping(name), adapt_lam=False) if solver == "curveball" else SGD()
        images, labels = draw(batch)
        if library == "numpy":
            self.batch: Any = images, labels
        else:
            like = mg.from_numpy(np.zeros(1, np.float32), xp, _device_in_use(xp))
            self.batch = to_device_of(like, (images, labels))
        self.params = to_device_of(self.batch[0], start(name))
        self.state = self.solver.init(self.params)
        self._loss: Any = None

        def step(params: Any, state: Any, batch: Any) -> Any:
            model, loss = (lambda w: net(w, batch[0])), (lambda y: nn.cross_entropy(y, batch[1]))
            phase = {"phase": False} if solver == "curveball" else {}
            params, state, info = self.solver.step(params, state, model, loss, has_aux=True, **phase)
            return params, state, info["loss"]

        if self.is_compiled:  # numbers of the state become arrays, so that nothing is compiled twice
            step = mg.compiled(step, xp, donate=(0, 1))
            self.state = mg.tree_map(self._as_array, self.state)
            self.params, self.state = mg.tree_map(self._own, (self.params, self.state))
        self._step = step

    def _as_array(self, x: Any) -> Any:
        return x if hasattr(x, "shape") else to_device_of(
            self.batch[0], np.asarray(x, np.int32 if isinstance(x, int) else np.float32)
        )  # fmt: skip

    def _own(self, x: Any) -> Any:
        return mg.namespace(x).asarray(x, copy=True)

    def step(self) -> None:
        token = fuse.set(self._fused)
        try:
            self.params, self.state, self._loss = self._step(self.params, self.state, self.batch)
        finally:
            fuse.reset(token)

    def loss(self) -> float:
        return float(mg.to_numpy(self._loss))

    def finish(self) -> None:
        for x in tree_flatten((self.params, self._loss))[0]:
            if hasattr(x, "block_until_ready"):
                x.block_until_ready()
        if self.kind == "torch" and self.batch[0].device.type == "cuda":
            _torch().cuda.synchronize()
        if self.kind == "cupy":
            mg.namespace(self.batch[0]).cuda.Device().synchronize()

    @property
    def kind(self) -> str:
        return mg.backend_name(mg.namespace(self.batch[0])).partition(".")[0]

    def about(self) -> dict[str, Any]:
        return device_info(self.batch[0])

    def memory(self) -> int | None:
        return pool_use(self.batch[0]).get("pool_held")


class Theirs:
    """Steps of PyTorch's own."""

    is_compiled, kind = False, "torch"

    def __init__(self, name: str, row: str, batch: int, device: str, tf32: bool):
        if name not in NETWORKS:
            raise ValueError(f"{name} is not written in PyTorch here: {', '.join(NETWORKS)} are")
        from peer import DoubleBackward, Func, TorchSGD, copy_params, torch_network

        torch = self._torch = _torch()
        choose("torch", device, tf32)
        torch.backends.cudnn.benchmark = True
        if name == "resnet18":  # from PyTorch's own start
            from torch_resnet import resnet18

            net = resnet18(CLASSES)
        else:
            net = copy_params(start(name), torch_network(name))
        net, lam = net.to(device), damping(name)
        made: dict[str, Callable[[], Any]] = {
            "torch_double_backward": lambda: DoubleBackward(net, lam),
            "torch_func": lambda: Func(net, lam),
            "torch_sgd": lambda: TorchSGD(net),
        }
        images, labels = draw(batch)
        self._x = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).to(device)
        self._labels = torch.from_numpy(labels).to(device)
        self._stepper = made[THEIRS[row][0]]()

    def step(self) -> None:
        self._stepper.step(self._x, self._labels)

    def finish(self) -> None:
        if self._x.device.type == "cuda":
            self._torch.cuda.synchronize()

    def about(self) -> dict[str, Any]:
        return device_info(self._x)

    def memory(self) -> int | None:
        return pool_use(self._x).get("pool_held")


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise ValueError("PyTorch is not installed: pip install torch") from None
    return torch


def _device_in_use(xp: Any) -> Any:
    from curveball.training.devices.registry import library_for

    return library_for(xp).device_in_use()


def disagreement(name: str, solver: str, row: str, device: Any, tf32: bool) -> float:
    """The largest relative difference of the losses of three steps from NumPy's, on a few images."""
    ours, reference = Ours(name, solver, CHECK, row, device, tf32), Ours(name, solver, CHECK, "numpy", None)
    worst = 0.0
    for _ in range(3):
        ours.step()
        reference.step()
        worst = max(worst, abs(ours.loss() - reference.loss()) / abs(reference.loss()))
    return worst


def measure(contender: Ours | Theirs, repeats: int, block: int) -> dict[str, Any]:
    """Milliseconds of a step, as gpu.py defines them."""
    started = time.perf_counter()
    contender.step()
    contender.finish()
    found: dict[str, Any] = {"first_s": time.perf_counter() - started}
    for _ in range(2):  # memory is taken, cuDNN tunes
        contender.step()
    contender.finish()
    times, host = [], []
    for _ in range(repeats):
        started = time.perf_counter()
        for _ in range(block):
            contender.step()
        contender.finish()
        times.append(1e3 * (time.perf_counter() - started) / block)
        started = time.perf_counter()
        contender.step()
        host.append(1e3 * (time.perf_counter() - started))
        contender.finish()
    found["ms"], found["host_ms"] = float(np.median(times)), float(np.median(host))
    if (alone := _alone(contender)) is not None:
        device = [alone(2.0 * found["host_ms"] + 1.0) for _ in range(max(3, repeats // 4))]
        found["device_ms"] = float(np.median(device))
        found["launch_share"] = max(0.0, 1.0 - found["device_ms"] / found["ms"])
    if (memory := contender.memory()) is not None:
        found["memory_mb"] = memory / 2**20
    if not contender.is_compiled:
        del found["first_s"]
    return found


SPIN = 'extern "C" __global__ void spin(long long n) { long long t = clock64(); while (clock64() - t < n) {} }'


def _alone(contender: Ours | Theirs) -> Callable[[float], float] | None:
    """A function that times the kernels of a step alone, issued while the device spins; None where that cannot be."""
    if contender.kind == "cupy":
        import cupy

        spin, event = cupy.RawKernel(SPIN, "spin"), cupy.cuda.Event
        elapsed: Callable[..., float] = cupy.cuda.get_elapsed_time

        def wait(cycles: int) -> None:
            spin((1,), (1,), (cycles,))

    elif contender.kind == "torch" and "cuda" in contender.about()["device"]:
        cuda = _torch().cuda

        def event() -> Any:
            return cuda.Event(enable_timing=True)

        def elapsed(begin: Any, end: Any) -> float:
            return begin.elapsed_time(end)

        wait = cuda._sleep
    else:
        return None

    def time_alone(ahead_ms: float) -> float:
        begin, end = event(), event()
        contender.finish()
        wait(int(2e6 * ahead_ms))  # cycles, of at most 2 GHz
        begin.record()
        contender.step()
        end.record()
        end.synchronize()
        return float(elapsed(begin, end))

    return time_alone


@contextlib.contextmanager
def pretended() -> Iterator[None]:
    """CuPy's double in CuPy's place, for a rehearsal."""
    from tests.support import cupy_double

    with cupy_double.installed():
        yield


def one(task: dict[str, Any]) -> dict[str, Any]:
    """A row of the table: what was measured, or `why` there is nothing, in one line."""
    row, name, solver, batch = task["row"], task["network"], task["solver"], task["batch"]
    found: dict[str, Any] = {key: task[key] for key in ("network", "batch", "solver", "row")}
    library = OURS[row][0] if row in OURS else "torch"
    device = "cpu" if task["rehearse"] and library != "cupy" else task["device"]
    try:
        with pretended() if task["rehearse"] and library == "cupy" else contextlib.nullcontext():
            if row in OURS:
                found["disagreement"] = disagreement(name, solver, row, device, task["tf32"])
                contender: Ours | Theirs = Ours(name, solver, batch, row, device, task["tf32"])
            else:
                named = device if device is not None and not str(device).isdecimal() else f"cuda:{device or 0}"
                contender = Theirs(name, row, batch, named, task["tf32"])
            found |= contender.about() | measure(contender, task["repeats"], task["block"])
    except Exception as error:
        text = str(error).strip().partition("\n")[0]
        found["why"] = text if isinstance(error, ValueError) else f"{type(error).__name__}: {text}"
    return found
