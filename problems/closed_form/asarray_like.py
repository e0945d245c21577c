"""A problem's data, made on the host, are moved to the library and the device of the parameters."""

from __future__ import annotations

import array_api_compat
import numpy as np

import minigrad as mg
from minigrad import Array


def asarray_like(data: np.ndarray, params: Array) -> Array:
    """Host data as an array of the params' library and device; floating-point data in their dtype.

    >>> asarray_like(np.array([1.0, 2.0]), np.zeros(3, np.float32)).dtype
    dtype('float32')
    """
    plain = mg.stop_gradient(params)
    xp = array_api_compat.array_namespace(plain)
    if data.dtype.kind == "f":
        data = data.astype(str(plain.dtype).rpartition(".")[2])  # torch.float32, too, is float32
    return mg.from_numpy(data, xp, array_api_compat.device(plain))
