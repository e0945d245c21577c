"""What training asks of an array library. The answers here are those of a library with arrays on the host."""

from __future__ import annotations

from typing import Any

import array_api_compat

import minigrad as mg
from minigrad import Array, Namespace, backend_name, namespace

Device = str | int | None  # as it is given on the command line


class Library:
    """An array library: which devices it has, and which of them is in use."""

    compiler: str | None = None  # what makes one program of a step; None: nothing does

    def choose(self, device: Device, tf32: bool, dtype: str) -> Namespace:
        """Return the library's namespace, with this device in use from here on. ValueError says what is missing."""
        raise NotImplementedError

    def facts(self) -> dict[str, Any]:
        """`version`, and `devices` by name. ValueError, a reason in one line, where the library cannot be used."""
        raise NotImplementedError

    def device_in_use(self) -> Any:
        """The device that was chosen; None for the library's own choice."""
        return None

    def device_of(self, x: Array) -> Any:
        """Where an array is."""
        return array_api_compat.device(x)

    def info(self, x: Array) -> dict[str, Any]:
        """The names of the backend and of the device of an array."""
        return {"backend": backend_name(namespace(x)), "device": str(array_api_compat.device(x))}

    def check_compiler(self, x: Array) -> None:
        """ValueError where steps of arrays on this device are not compiled."""
        mg.compiled(lambda x: x, namespace(x))

    def pool_use(self, x: Array) -> dict[str, int]:
        """Bytes of the device's memory; empty where the library does not count them."""
        return {}

    def to_host(self, scalars: list[Array]) -> list[float]:
        """Copy scalars to the host, at once."""
        return mg.to_numpy(namespace(*scalars).stack(scalars)).tolist()
