"""Where a run computes: with NumPy on the host, or with CuPy on a GPU.

The data set is moved once, as bytes. Parameters, batch order and noise are drawn on the host, so that runs start alike
on every backend, and are then moved to where the data are. Only this file asks which backend an array is on.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any, TypeVar

import array_api_compat
import array_api_compat.numpy as numpy_namespace

import minigrad as mg
from curveball.training.protocol import Stored, TrainingData
from minigrad import Array, Namespace, Tree, backend_name, namespace

D = TypeVar("D")


def choose(backend: str = "numpy", device: str | int | None = None, tf32: bool = False) -> Namespace:
    """Return the array library of a backend, with its device in use from here on. ValueError says what is missing.

    backend:  a name in `BACKENDS`
    device:   the index of a GPU (None: the first), or "cpu" for NumPy
    tf32:     a GPU multiplies float32 matrices with 10 bits of the fraction instead of 23; CuPy reads this once, before
              the first product of the process

    >>> choose("numpy").__name__
    'array_api_compat.numpy'
    """
    if backend not in BACKENDS:
        raise ValueError(f"unknown backend {backend!r}: there are {', '.join(sorted(BACKENDS))}")
    return BACKENDS[backend](device, tf32)


def _numpy(device: str | int | None, tf32: bool) -> Namespace:
    if device not in (None, "cpu"):
        raise ValueError(f"device {device!r}: NumPy computes on 'cpu'; the index of a GPU goes with backend cupy")
    if tf32:
        raise ValueError("tf32 is for products on a GPU: use backend cupy")
    return numpy_namespace


def _cupy(device: str | int | None, tf32: bool) -> Namespace:
    cupy = import_cupy()
    index = _index(device, names_of_gpus(cupy))
    if tf32 and (capability := cupy.cuda.runtime.getDeviceProperties(index)["major"]) < 8:
        raise ValueError(f"tf32 needs a GPU of compute capability 8 or higher; GPU {index} has {capability}")
    cupy.cuda.Device(index).use()
    if tf32:
        os.environ["CUPY_TF32"] = "1"
    _try_out(cupy, index)
    return importlib.import_module("array_api_compat.cupy")


BACKENDS: dict[str, Callable[[str | int | None, bool], Namespace]] = {"numpy": _numpy, "cupy": _cupy}


def import_cupy() -> ModuleType:
    """Import CuPy. ValueError where it is not installed."""
    try:
        return importlib.import_module("cupy")
    except ModuleNotFoundError:
        raise ValueError("CuPy is not installed: pip install '.[gpu]'") from None
    except ImportError as error:
        raise ValueError(f"CuPy cannot be imported ({_line(error)}): pip install '.[gpu]'") from None


def names_of_gpus(cupy: ModuleType) -> list[str]:
    """The GPUs that CuPy finds, in the order of their index. ValueError where there is none."""
    runtime = cupy.cuda.runtime
    try:
        count = runtime.getDeviceCount()
    except RuntimeError as error:  # no driver, or one that is too old
        raise ValueError(f"CuPy finds no GPU ({_line(error)}): use backend numpy") from None
    if not count:
        raise ValueError("CuPy finds no GPU: use backend numpy")
    return [runtime.getDeviceProperties(k)["name"].decode() for k in range(count)]


def _index(device: str | int | None, names: list[str]) -> int:
    text = "0" if device is None else str(device)
    if not text.isdecimal() or int(text) >= len(names):
        there = ", ".join(f"{k} ({name})" for k, name in enumerate(names))
        raise ValueError(f"there is no GPU {device!r}: the GPUs here are {there}")
    return int(text)


def _try_out(cupy: ModuleType, index: int) -> None:
    """A product, a kernel and a copy: CuPy loads CUDA's libraries only when they are needed."""
    try:
        x = cupy.ones((2, 2), dtype=cupy.float32)
        float((x @ x + x).sum())
    except Exception as error:
        raise ValueError(
            f"CuPy cannot compute on GPU {index} ({_line(error)}): CUDA's libraries come with pip install '.[gpu]'"
        ) from None


def _line(error: Exception) -> str:
    """The most informative line of an error: CuPy's ImportError is a page long."""
    lines = [line.strip() for line in str(error).splitlines() if any(c.isalpha() for c in line)]
    if "Original error:" in lines[:-1]:
        return lines[lines.index("Original error:") + 1]
    return lines[0] if lines else type(error).__name__


# ------------------------------------------------------------------------------------- moving


def to_backend(dataset: D, xp: Namespace) -> D:
    """A data set (a dataclass, as `problems.Dataset` is) with its arrays on a backend; bytes stay bytes."""
    if xp is numpy_namespace:
        return dataset
    names = ("train_images", "train_labels", "validation_images", "validation_labels")
    arrays = {name: getattr(dataset, name) for name in names}
    moved = {name: x.on(xp) if isinstance(x, Stored) else xp.asarray(x) for name, x in arrays.items()}
    return replace(dataset, **moved)  # type: ignore[type-var]


def images_of(data: TrainingData) -> Array:
    """The training images, or an array of the device that they are moved to: it says where training computes."""
    images = data.train_images
    return images.like if isinstance(images, Stored) else images


def to_device_of(like: Array, tree: Tree) -> Tree:
    """The arrays of a tree, moved from the host to where the array `like` is."""
    xp = namespace(like)
    if xp is numpy_namespace:
        return tree
    device = array_api_compat.device(like)
    return mg.tree_map(lambda x: xp.asarray(x, device=device) if hasattr(x, "shape") else x, tree)


def to_host(numbers: list[float | Array]) -> list[float]:
    """Scalars from a device to the host, by one copy for all of them.

    >>> import numpy as np
    >>> to_host([np.float32(0.5), 2.0])
    [0.5, 2.0]
    """
    there = [x for x in numbers if hasattr(x, "shape")]
    if not there or namespace(*there) is numpy_namespace:
        return [float(x) for x in numbers]
    copied = iter(mg.to_numpy(namespace(*there).stack(there)).tolist())
    return [next(copied) if hasattr(x, "shape") else float(x) for x in numbers]


# ------------------------------------------------------------------------------------- facts for logs


def device_info(x: Array) -> dict[str, Any]:
    """The backend and the device of an array, and whether products are rounded to TF32."""
    xp = namespace(x)
    name = backend_name(xp)
    if name != "cupy":
        return {"backend": name, "device": str(array_api_compat.device(x))}
    device = array_api_compat.device(x).id
    known = xp.cuda.runtime.getDeviceProperties(device)["name"].decode()
    return {"backend": name, "device": f"{device} ({known})", "tf32": os.environ.get("CUPY_TF32", "0") not in ("", "0")}


def pool_use(x: Array) -> dict[str, int]:
    """Bytes of CuPy's memory pool that are in use, and those that it holds: the most it ever needed. `{}` for NumPy."""
    xp = namespace(x)
    if backend_name(xp) != "cupy":
        return {}
    pool = xp.get_default_memory_pool()
    return {"pool_used": pool.used_bytes(), "pool_held": pool.total_bytes()}
