"""JAX: on the devices that XLA has here."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from curveball.training.devices.base import Device, Library
from curveball.training.devices.installed import import_library, nth, one_line
from minigrad import Array, Namespace

LOWEST = (0, 7)


class JAX(Library):
    """JAX computes on its first device unless it is told another one."""

    compiler = "XLA"

    def choose(self, device: Device, tf32: bool, dtype: str) -> Namespace:
        """A device is "cpu", "gpu", "tpu", one of them with an index as in "gpu:1", or an index among all."""
        jax = _import_jax()
        chosen = _found(jax, device)
        if tf32 and chosen.platform != "gpu":
            raise ValueError(f"tf32 is for products on a GPU; the device is {_name(chosen)}")
        if dtype == "float64" and not jax.config.jax_enable_x64:
            raise ValueError("jax has no float64 unless it is asked for: set JAX_ENABLE_X64=1, or use dtype float32")
        jax.config.update("jax_default_device", None if device is None else chosen)
        if chosen.platform != "cpu":  # elsewhere products of float32 are rounded unless JAX is told not to
            jax.config.update("jax_default_matmul_precision", "tensorfloat32" if tf32 else "highest")
        _try_out(jax, chosen)
        return importlib.import_module("jax.numpy")

    def facts(self) -> dict[str, Any]:
        jax = _import_jax()
        return {"version": jax.__version__, "devices": [_name(device) for device in _devices(jax)]}

    def device_in_use(self) -> Any:
        return _import_jax().config.jax_default_device

    def info(self, x: Array) -> dict[str, Any]:
        device = _first_of(x)
        found: dict[str, Any] = {"backend": "jax", "device": _name(device)}
        if (count := len(x.devices())) > 1:
            found["devices"] = count
        if device.platform == "gpu":
            found["tf32"] = _import_jax().config.jax_default_matmul_precision in (None, "tensorfloat32")
        return found

    def pool_use(self, x: Array) -> dict[str, int]:
        """Bytes of a device's memory that arrays take, and the most that they ever took."""
        known = _first_of(x).memory_stats() or {}
        names = {"pool_used": "bytes_in_use", "pool_held": "peak_bytes_in_use"}
        return {name: known[key] for name, key in names.items() if key in known}

    def to_host(self, scalars: list[Array]) -> list[float]:
        """All copies are begun before the first is waited for. To stack them, XLA would compile for each count."""
        return [float(x) for x in _import_jax().device_get(scalars)]


def _import_jax() -> ModuleType:
    return import_library("jax", "JAX", "jax", LOWEST)


def _devices(jax: ModuleType, kind: str | None = None) -> list[Any]:
    try:
        return list(jax.local_devices(backend=kind))
    except (RuntimeError, AssertionError) as error:  # the latter where JAX_PLATFORMS names one that JAX lacks
        if kind is not None:
            return []
        raise ValueError(f"JAX finds no device ({one_line(error)}): set JAX_PLATFORMS=cpu") from None


def _first_of(x: Array) -> Any:
    """The first device of this process that has the array, or a part of it."""
    return min(x.sharding.addressable_devices, key=lambda device: device.id)


def _name(device: Any) -> str:
    kind = "" if device.platform == "cpu" else f" ({device.device_kind})"
    return f"{device.platform}:{device.id}{kind}"


def _found(jax: ModuleType, device: Device) -> Any:
    """The device that is meant. ValueError lists those that there are."""
    every = _devices(jax)
    text = "0" if device is None else str(device)
    if text.isdecimal():
        return every[nth(text, [_name(each) for each in every], "device")]
    kind, _, index = text.partition(":")
    there = _devices(jax, kind) if kind.isalpha() else []
    if (not index or index.isdecimal()) and int(index or 0) < len(there):
        return there[int(index or 0)]
    raise ValueError(f"JAX has no device {device!r}: choose one of {', '.join(_name(each) for each in every)}")


def _try_out(jax: ModuleType, device: Any) -> None:
    """A product, a kernel and a copy."""
    try:
        x = jax.numpy.ones((2, 2), device=device)
        float((x @ x + x).sum())
    except Exception as error:
        raise ValueError(f"JAX cannot compute on {_name(device)} ({one_line(error)}): use device cpu") from None
