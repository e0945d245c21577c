"""Data drawn on the host, where the parameters are."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np

import minigrad as mg

Array = Any  # of any backend, or a variable of minigrad


def like(data: np.ndarray, params: Array) -> Array:
    """Host data as an array of the params' library and device; floating-point data in their dtype.

    >>> like(np.array([1.0, 2.0]), np.zeros(3, np.float32)).dtype
    dtype('float32')
    """
    plain = mg.stop_gradient(params)
    xp = array_api_compat.array_namespace(plain)
    dtype = plain.dtype if data.dtype.kind == "f" else None
    return xp.asarray(data, dtype=dtype, device=array_api_compat.device(plain))
