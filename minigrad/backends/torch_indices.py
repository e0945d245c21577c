"""Indices of tensors: what PyTorch reads in another way than NumPy is put as it takes it, or refused by name."""

from __future__ import annotations

from typing import Any

from minigrad.backends.protocol import Array, Index
from minigrad.backends.standard import parts_of

TAKEN = ("int64", "int32", "bool")  # dtypes of index arrays


def as_numpy_reads(index: Index, ndim: int) -> Index:
    """An index of tensors of `ndim` axes, with index arrays of a dtype that PyTorch takes.

    TypeError for index arrays of uint8, which PyTorch takes for masks; IndexError where it puts the axes of index
    arrays in another place than NumPy. The function without derivatives would read them in PyTorch's way.
    """
    parts = parts_of(index)
    arrays = [part for part in parts if getattr(part, "ndim", 0)]
    if not arrays:
        return index
    for part in arrays:
        if str(part.dtype).endswith("uint8"):
            raise TypeError(
                "an index array of uint8: PyTorch takes it for a mask, NumPy for integers. Give minigrad.astype(index, "
                "minigrad.int64), or a mask of minigrad.bool"
            )
    if _order_differs(parts, ndim):
        raise IndexError(
            "an integer and an index array with a slice, None or ... between them: PyTorch orders the axes in another "
            "way than NumPy. Index twice, first with the integer: x[1, ...][..., index]"
        )
    if all(str(part.dtype).endswith(TAKEN) and "uint" not in str(part.dtype) for part in arrays):
        return index
    parts = tuple(part.long() if "int" in str(getattr(part, "dtype", "")) else part for part in parts)
    return parts if isinstance(index, tuple) else parts[0]


def _order_differs(parts: tuple[Any, ...], ndim: int) -> bool:
    """Does NumPy put the axes of index arrays first, where PyTorch puts them in the place of the arrays?

    NumPy does so where integers and arrays stand apart. For PyTorch integers are no arrays.
    """
    rest = ndim - sum(_axes(part) for part in parts if part is not Ellipsis)
    numpys = torchs = ""
    for part in parts:
        if getattr(part, "ndim", 0):
            numpys, torchs = numpys + "a", torchs + "a"
        elif part is None or part is Ellipsis or isinstance(part, slice):
            numpys, torchs = numpys + ":", torchs + ("" if part is Ellipsis and not rest else ":")
        else:
            numpys += "a"
    return ":" in numpys.strip(":") and ":" not in torchs.strip(":") and torchs.startswith(":")


def goes_backwards(index: Index) -> bool:
    return any(isinstance(part, slice) and (part.step or 1) < 0 for part in parts_of(index))


def backwards(x: Array, index: Index) -> Array:
    """`x[index]` with slices that go backwards: forward slices of `x` flipped along their axes."""
    parts = list(parts_of(index))
    for k, part in enumerate(parts):
        if part is Ellipsis:
            parts[k : k + 1] = [slice(None)] * (x.ndim - sum(_axes(p) for p in parts if p is not Ellipsis))
            break
    axis, flipped = 0, []
    for k, part in enumerate(parts):
        if isinstance(part, slice) and (part.step or 1) < 0:
            n = x.shape[axis]
            start, stop, step = part.indices(n)
            parts[k] = slice(n - 1 - start, n - 1 - stop, -step)  # entry i has the place n - 1 - i
            flipped.append(axis)
        axis += _axes(part)
    return x.flip(flipped)[tuple(parts)]


def _axes(part: Any) -> int:
    """How many axes a part of an index reads."""
    if part is None:
        return 0
    return part.ndim if getattr(part, "ndim", 0) and "bool" in str(part.dtype) else 1
