"""The array libraries by name, and the one that an array is of."""

from __future__ import annotations

from typing import Any

from curveball.training.devices.base import Device, Library
from curveball.training.devices.cupy import CuPy
from curveball.training.devices.jax import JAX
from curveball.training.devices.numpy import NumPy
from curveball.training.devices.torch import Torch
from minigrad import Array, Namespace, backend_name, namespace

BACKENDS: dict[str, Library] = {"numpy": NumPy(), "cupy": CuPy(), "torch": Torch(), "jax": JAX()}
OTHER = Library()  # any other that follows the array API standard


def choose(backend: str = "numpy", device: Device = None, tf32: bool = False, dtype: str = "float32") -> Namespace:
    """Return the array library of a backend, with its device in use from here on. ValueError says what is missing.

    backend:  a name in `BACKENDS`
    device:   the index of a GPU or its name, as in "cuda:1", or "cpu"; None: the library's first
    tf32:     a GPU multiplies float32 matrices with 10 bits of the fraction instead of 23; CuPy reads this once, before
              the first product of the process
    dtype:    of the params: not every device has float64

    >>> choose("numpy").__name__
    'array_api_compat.numpy'
    """
    if backend not in BACKENDS:
        raise ValueError(f"unknown backend {backend!r}: there are {', '.join(sorted(BACKENDS))}")
    return BACKENDS[backend].choose(device, tf32, dtype)


def library_for(xp: Namespace) -> Library:
    """The library of a namespace."""
    return BACKENDS.get(backend_name(xp).partition(".")[0], OTHER)


def device_info(x: Array) -> dict[str, Any]:
    """The backend and the device of an array; on a GPU also whether products are rounded to TF32."""
    return library_for(namespace(x)).info(x)


def check_compiler(x: Array) -> None:
    """ValueError, a reason in one line, where nothing compiles steps of arrays on this device."""
    library_for(namespace(x)).check_compiler(x)


def pool_use(x: Array) -> dict[str, int]:
    """Bytes of the device's memory: `pool_used` by arrays now, `pool_held` at most. `{}` on the host."""
    return library_for(namespace(x)).pool_use(x)


def backend_facts() -> dict[str, dict[str, Any]]:
    """For each backend its `version`, `devices` and `compiler`, or `reason`: why it cannot be used. Imports them all.

    >>> backend_facts()["numpy"]["devices"]
    ['cpu']
    """
    found: dict[str, dict[str, Any]] = {}
    for name, library in BACKENDS.items():
        try:
            found[name] = {**library.facts(), "compiler": library.compiler}
        except ValueError as error:
            found[name] = {"reason": str(error)}
    return found
