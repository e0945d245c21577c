"""PyTorch: on the host, on a GPU of NVIDIA, or on one of Apple."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from curveball.training.devices.base import Device, Library
from curveball.training.devices.installed import import_library, one_line
from minigrad import Array, Namespace

LOWEST = (2, 9)


class Torch(Library):
    """PyTorch computes where its tensors are: the device in use is kept here, for the data."""

    compiler = "CUDA graphs, on a GPU"

    def __init__(self) -> None:
        self._in_use: str | None = None

    def choose(self, device: Device, tf32: bool, dtype: str) -> Namespace:
        """By default the first GPU, or the host where there is none. An index is that of a GPU."""
        torch = _import_torch()
        there = _devices(torch)
        name = _named(torch, device, there)
        if tf32 and (not name.startswith("cuda") or torch.cuda.get_device_capability(name)[0] < 8):
            raise ValueError(f"tf32 needs a GPU of compute capability 8 or higher; the device is {there[name]}")
        if name == "mps" and dtype == "float64":
            raise ValueError("device 'mps' has no float64: use dtype float32, or device cpu")
        if name.startswith("cuda"):
            torch.cuda.set_device(name)
            _set_tf32(torch, tf32)
        _try_out(torch, name)
        self._in_use = name
        return importlib.import_module("array_api_compat.torch")

    def facts(self) -> dict[str, Any]:
        torch = _import_torch()
        return {"version": torch.__version__, "devices": list(_devices(torch).values())}

    def device_in_use(self) -> str | None:
        return self._in_use

    def info(self, x: Array) -> dict[str, Any]:
        torch = _import_torch()
        name = str(x.device)
        found: dict[str, Any] = {"backend": "torch", "device": _devices(torch).get(name, name)}
        if name.startswith("cuda"):
            found["tf32"] = torch.backends.cuda.matmul.fp32_precision == "tf32"
        return found

    def check_compiler(self, x: Array) -> None:
        super().check_compiler(x)
        if x.device.type != "cuda":
            raise ValueError(f"CUDA graphs need a GPU, and the data are on {x.device}")

    def pool_use(self, x: Array) -> dict[str, int]:
        """Bytes of a GPU's memory that tensors take, and the most that they ever took."""
        if x.device.type != "cuda":
            return {}
        cuda = _import_torch().cuda
        return {"pool_used": cuda.memory_allocated(x.device), "pool_held": cuda.max_memory_allocated(x.device)}


def _import_torch() -> ModuleType:
    return import_library("torch", "PyTorch", "torch", LOWEST)


def _devices(torch: ModuleType) -> dict[str, str]:
    """The devices that there are: what a person reads, by name."""
    found = {"cpu": "cpu"}
    if torch.cuda.is_available():
        for k in range(torch.cuda.device_count()):
            found[f"cuda:{k}"] = f"cuda:{k} ({torch.cuda.get_device_name(k)})"
    if torch.backends.mps.is_available():
        found["mps"] = "mps"
    return found


def _named(torch: ModuleType, device: Device, there: dict[str, str]) -> str:
    """The device that is meant. ValueError lists those that there are."""
    text = "cuda:0" if device is None else str(device)
    text = f"cuda:{text}" if text.isdecimal() else {"cuda": "cuda:0", "cpu:0": "cpu", "mps:0": "mps"}.get(text, text)
    if text in there:
        return text
    if device is None:
        return "cpu"
    built = "" if torch.version.cuda or not text.startswith("cuda") else ", a build without CUDA,"
    raise ValueError(f"PyTorch{built} has no device {device!r}: choose one of {', '.join(there.values())}")


def _set_tf32(torch: ModuleType, tf32: bool) -> None:
    """Of PyTorch's defaults, that for convolutions rounds to TF32."""
    precision = "tf32" if tf32 else "ieee"
    torch.backends.cuda.matmul.fp32_precision = precision
    torch.backends.cudnn.conv.fp32_precision = precision


def _try_out(torch: ModuleType, device: str) -> None:
    """A product, a kernel and a copy."""
    try:
        x = torch.ones((2, 2), device=device)
        float((x @ x + x).sum())
    except Exception as error:
        raise ValueError(f"PyTorch cannot compute on {device} ({one_line(error)}): use device cpu") from None
