"""CuPy: on a GPU of NVIDIA."""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import Any

import array_api_compat

from curveball.training.devices.base import Device, Library
from curveball.training.devices.installed import import_library, nth, one_line
from minigrad import Array, Namespace, namespace
from minigrad.extras import install_command

LOWEST = (14, 0)


class CuPy(Library):
    """CuPy reads once whether products are rounded to TF32, before the first product of the process."""

    def choose(self, device: Device, tf32: bool, dtype: str) -> Namespace:
        cupy = import_cupy()
        index = nth(0 if device is None else device, names_of_gpus(cupy), "GPU")
        if tf32 and (capability := cupy.cuda.runtime.getDeviceProperties(index)["major"]) < 8:
            raise ValueError(f"tf32 needs a GPU of compute capability 8 or higher; GPU {index} has {capability}")
        cupy.cuda.Device(index).use()
        if tf32:
            os.environ["CUPY_TF32"] = "1"
        _try_out(cupy, index)
        return importlib.import_module("array_api_compat.cupy")

    def facts(self) -> dict[str, Any]:
        """Also `gpus`: for each its index, name, memory in bytes, compute capability, and the versions of CUDA."""
        cupy = import_cupy()
        names, runtime = names_of_gpus(cupy), cupy.cuda.runtime
        cuda = {"cuda": _version(runtime.runtimeGetVersion()), "driver_cuda": _version(runtime.driverGetVersion())}
        gpus = []
        for k, name in enumerate(names):
            known = runtime.getDeviceProperties(k)
            capability = f"{known['major']}.{known['minor']}"
            gpus.append({"index": k, "name": name, "memory": known["totalGlobalMem"], "capability": capability} | cuda)
        devices = [f"{k} ({name})" for k, name in enumerate(names)]
        return {"version": str(getattr(cupy, "__version__", "")), "devices": devices, "gpus": gpus}

    def info(self, x: Array) -> dict[str, Any]:
        device = array_api_compat.device(x).id
        known = namespace(x).cuda.runtime.getDeviceProperties(device)["name"].decode()
        tf32 = os.environ.get("CUPY_TF32", "0") not in ("", "0")
        return {"backend": "cupy", "device": f"{device} ({known})", "tf32": tf32}

    def pool_use(self, x: Array) -> dict[str, int]:
        """Bytes of the memory pool that are in use, and those that it holds: the most it ever needed."""
        pool = namespace(x).get_default_memory_pool()
        return {"pool_used": pool.used_bytes(), "pool_held": pool.total_bytes()}


def import_cupy() -> ModuleType:
    """Import CuPy. ValueError where it is not installed."""
    return import_library("cupy", "CuPy", "gpu", LOWEST)


def names_of_gpus(cupy: ModuleType) -> list[str]:
    """The GPUs that CuPy finds, in the order of their index. ValueError where there is none."""
    runtime = cupy.cuda.runtime
    try:
        count = runtime.getDeviceCount()
    except RuntimeError as error:  # no driver, or one that is too old
        raise ValueError(f"CuPy finds no GPU ({one_line(error)}): use backend numpy") from None
    if not count:
        raise ValueError("CuPy finds no GPU: use backend numpy")
    return [runtime.getDeviceProperties(k)["name"].decode() for k in range(count)]


def _try_out(cupy: ModuleType, index: int) -> None:
    """A product, a kernel and a copy: CuPy loads CUDA's libraries only when they are needed."""
    try:
        x = cupy.ones((2, 2), dtype=cupy.float32)
        float((x @ x + x).sum())
    except Exception as error:
        raise ValueError(
            f"CuPy cannot compute on GPU {index} ({one_line(error)}): CUDA's libraries come with "
            + install_command("gpu")
        ) from None


def _version(n: int) -> str:
    return f"{n // 1000}.{n % 1000 // 10}"
