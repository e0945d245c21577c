"""NumPy: on the host."""

from __future__ import annotations

from typing import Any

import array_api_compat.numpy as namespace
import numpy

from curveball.training.devices.base import Device, Library
from minigrad import Namespace


class NumPy(Library):
    """NumPy has one device, and no compiler."""

    def choose(self, device: Device, tf32: bool, dtype: str) -> Namespace:
        if device not in (None, "cpu"):
            raise ValueError(
                f"device {device!r}: NumPy computes on 'cpu'; the index of a GPU goes with backend cupy, torch or jax"
            )
        if tf32:
            raise ValueError("tf32 is for products on a GPU: use backend cupy, torch or jax")
        return namespace

    def facts(self) -> dict[str, Any]:
        return {"version": numpy.__version__, "devices": ["cpu"]}

    def to_host(self, scalars: list[Any]) -> list[float]:
        return [float(x) for x in scalars]
