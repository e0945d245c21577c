"""The array library behind the arrays, and the few operations that the array API standard lacks.

Everything that differs between NumPy, CuPy and other libraries stands in this file; no rule knows which one it is on.
"""

from __future__ import annotations

from contextvars import ContextVar
from types import ModuleType
from typing import Any

import array_api_compat
import array_api_compat.numpy as numpy_namespace

Namespace = Any  # a module that follows the Python array API standard

SCALARS = (bool, int, float)
_family: dict[type, ModuleType | None] = {bool: None, int: None, float: None}

# The namespace that `minigrad.zeros` and the other creation functions use: that of the innermost open transform.
current_namespace: ContextVar[Namespace] = ContextVar("current_namespace", default=numpy_namespace)


def family(x: Any) -> Namespace | None:
    """Return the namespace of one array, None for a Python scalar; TypeError for what is neither."""
    kind = type(x)
    try:
        return _family[kind]
    except KeyError:
        pass
    if not array_api_compat.is_array_api_obj(x):
        raise TypeError(f"expected an array or a Python number, got {kind.__name__}: {x!r:.80}")
    xp = array_api_compat.array_namespace(x)
    _family[kind] = xp
    return xp


def namespace(*arrays: Any) -> Namespace:
    """Return the namespace that these arrays share (NumPy's where all are Python scalars)."""
    found = None
    for x in arrays:
        xp = family(x)
        if xp is None or xp is found:
            continue
        if found is not None:
            raise TypeError(mixed_backends(found, xp))
        found = xp
    return numpy_namespace if found is None else found


def mixed_backends(a: Namespace, b: Namespace) -> str:
    names = sorted(backend_name(xp) for xp in (a, b))
    return (
        f"arrays of two backends meet: {names[0]} and {names[1]}. Move one over first, as with "
        f"{names[0]}.asarray(x) or minigrad.to_numpy(x); write constants as Python floats"
    )


def backend_name(xp: Namespace) -> str:
    return xp.__name__.removeprefix("array_api_compat.")


def to_numpy(x: Any) -> Any:
    """Copy an array to the host as a NumPy array: for logs, files and figures only.

    >>> to_numpy(2.0)
    array(2.)
    """
    import numpy

    if hasattr(x, "get"):  # CuPy
        return x.get()
    return numpy.asarray(x)


def is_floating(x: Any) -> bool:
    xp = family(x)
    if xp is None:
        return isinstance(x, float)
    dtype = x.dtype
    if xp is numpy_namespace:
        return dtype.kind == "f"
    return xp.isdtype(dtype, "real floating")


# ------------------------------------------------------------------------------------- scatter


def scatter_add(values: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Return zeros of `shape` with `values` added at `index`: the transpose of `x[index]`.

    >>> import numpy as np
    >>> scatter_add(np.array([1.0, 2.0]), np.array([1, 1]), (3,))
    array([0., 3., 0.])
    """
    xp = namespace(values)
    out = xp.zeros(shape, dtype=values.dtype, device=array_api_compat.device(values))
    if not _may_repeat(index):
        out[index] = values
    elif backend_name(xp) == "numpy":
        xp.add.at(out, index, values)
    elif backend_name(xp) == "cupy":
        out.scatter_add(index, values)
    else:
        _scatter_add_by_loop(out, index, values)
    return out


def _scatter_add_by_loop(out: Any, index: Any, values: Any) -> None:
    """Add at repeated positions with the standard's own operations: slow, for small arrays on other backends."""
    xp = namespace(out)
    flat = xp.reshape(xp.arange(out.size), out.shape)[index]
    updates = xp.reshape(xp.broadcast_to(values, flat.shape), (-1,))
    view = xp.reshape(out, (-1,), copy=False)
    for k in range(updates.shape[0]):
        position = int(xp.reshape(flat, (-1,))[k])
        view[position] = view[position] + updates[k]


def _may_repeat(index: Any) -> bool:
    """Can an index name one entry twice? Only integer arrays can."""
    parts = index if isinstance(index, tuple) else (index,)
    for part in parts:
        if part is None or part is Ellipsis or isinstance(part, slice | int):
            continue
        if getattr(part, "ndim", 1) and "bool" not in str(getattr(part, "dtype", "int")):
            return True
    return False


# ------------------------------------------------------------------------------------- functions missing from the standard


def erf(x: Any) -> Any:
    """Error function `2/sqrt(pi) * integral of exp(-t^2) from 0 to x`, by SciPy (CuPy's copy of it on a GPU)."""
    xp = namespace(x)
    if backend_name(xp) == "cupy":
        from cupyx.scipy import special
    else:
        try:
            from scipy import special
        except ImportError as error:
            raise ImportError("minigrad.erf needs SciPy: pip install scipy") from error
    if xp is numpy_namespace or backend_name(xp) == "cupy":
        return special.erf(x)
    return xp.asarray(special.erf(to_numpy(x)))


def backend_dtype(xp: Namespace, dtype: Any) -> Any:
    """Return the backend's own dtype of this name: `minigrad.float32`, `numpy.float32` and `"float32"` all do."""
    name = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", None) or str(dtype)
    found = getattr(xp, name.rsplit(".", 1)[-1].removesuffix("'>"), None)
    if found is None:
        raise TypeError(f"no dtype {dtype!r} on {backend_name(xp)}: give minigrad.float32, minigrad.float64, ...")
    return found


# ------------------------------------------------------------------------------------- windows of an image
#
# Images are (batch, height, width, channels). One axis of length n is spread to n' = (n - 1) spread + 1 with zeros
# between its entries, padded by (before, after), and read through windows of k entries every `stride`. Spread and
# stride change places in the transpose, so that one convolution serves both ways.

Pair = tuple[int, int]
Pads = tuple[Pair, Pair]  # (before, after) along height, then width; negative pads crop

PATCH_BYTES = {"numpy": 4 << 20, "cupy": 1 << 30}  # patches in flight: on a CPU they should stay in cache


def window_count(n: int, k: int, stride: int, pad: Pair, spread: int = 1) -> int:
    """How many windows of `k` fit along an axis of length `n`."""
    return ((n - 1) * spread + 1 + sum(pad) - k) // stride + 1


def transposed_pads(n: int, k: int, stride: int, pad: Pair, spread: int) -> Pair:
    """The pads with which the transpose, its stride and spread exchanged, has an output of length `n`."""
    m = window_count(n, k, stride, pad, spread)
    return k - 1 - pad[0], (n - 1) * spread - (m - 1) * stride + pad[0]


def _place(n: int, length: int, before: int, spread: int) -> tuple[slice, slice]:
    """Where entries 0..n-1, spread and shifted by `before`, fall in a buffer: (which of them, where)."""
    first = max(0, -(before // spread)) if before < 0 else 0
    last = min(n - 1, (length - 1 - before) // spread)
    start = first * spread + before
    return slice(first, last + 1), slice(start, max(start, last * spread + before + 1), spread)


def _patch_chunks(x: Any, window: Pair, stride: Pair, pads: Pads, spread: Pair, itemsize_out: int) -> Any:
    """Yield (first image, last image + 1, patches as a matrix of one window per row), a few images at a time."""
    xp = namespace(x)
    n, h, w, c = x.shape
    (kh, kw), (sh, sw) = window, stride
    oh = window_count(h, kh, sh, pads[0], spread[0])
    ow = window_count(w, kw, sw, pads[1], spread[1])
    bh, bw = (oh - 1) * sh + kh, (ow - 1) * sw + kw  # what the windows read
    bytes_per_image = oh * ow * kh * kw * c * x.dtype.itemsize
    step = max(1, min(n, PATCH_BYTES[backend_name(xp)] // max(1, bytes_per_image)))
    from_h, to_h = _place(h, bh, pads[0][0], spread[0])
    from_w, to_w = _place(w, bw, pads[1][0], spread[1])
    plain = (h, w) == (bh, bw) and pads == ((0, 0), (0, 0)) and spread == (1, 1)
    buffer = None if plain else xp.zeros((step, bh, bw, c), dtype=x.dtype)
    columns = xp.empty((step, oh, ow, kh, kw, c), dtype=x.dtype)
    as_strided = xp.lib.stride_tricks.as_strided
    for start in range(0, n, step):
        stop = min(n, start + step)
        source = x[start:stop]
        if buffer is not None:
            buffer[: stop - start, to_h, to_w] = source[:, from_h, from_w]
            source = buffer[: stop - start]
        a, b, d, e = source.strides
        windows = as_strided(source, (stop - start, oh, ow, kh, kw, c), (a, b * sh, d * sw, b, d, e))
        part = columns[: stop - start]
        part[...] = windows
        yield start, stop, part.reshape(-1, kh * kw * c)


def conv2d(x: Any, w: Any, stride: Pair, pads: Pads, spread: Pair) -> Any:
    """Cross-correlate images with kernels (height, width, in, out): patches and one matrix product per chunk."""
    xp = namespace(x, w)
    kh, kw, _, c_out = w.shape
    oh = window_count(x.shape[1], kh, stride[0], pads[0], spread[0])
    ow = window_count(x.shape[2], kw, stride[1], pads[1], spread[1])
    y = xp.empty((x.shape[0], oh, ow, c_out), dtype=xp.result_type(x, w))
    kernel = xp.reshape(w, (-1, c_out))
    for start, stop, patches in _patch_chunks(x, (kh, kw), stride, pads, spread, y.dtype.itemsize):
        xp.matmul(patches, kernel, out=y[start:stop].reshape(-1, c_out))
    return y


def conv2d_kernel(x: Any, c: Any, window: Pair, stride: Pair, pads: Pads, spread: Pair) -> Any:
    """The transpose of `conv2d` in its kernel: patches transposed, times the cotangent `c` of its output."""
    xp = namespace(x, c)
    c_in, c_out = x.shape[3], c.shape[3]
    w = xp.zeros((window[0] * window[1] * c_in, c_out), dtype=xp.result_type(x, c))
    for start, stop, patches in _patch_chunks(x, window, stride, pads, spread, w.dtype.itemsize):
        w += patches.T @ xp.reshape(c[start:stop], (-1, c_out))
    return xp.reshape(w, (*window, c_in, c_out))


def _shifted(x: Any, window: Pair, stride: Pair, pads: Pads, fill: float) -> Any:
    """Yield, for each place in the window in order, the strided view of padded `x` that stands there."""
    xp = namespace(x)
    n, h, w, c = x.shape
    (kh, kw), (sh, sw) = window, stride
    oh, ow = window_count(h, kh, sh, pads[0]), window_count(w, kw, sw, pads[1])
    padded = xp.full((n, h + sum(pads[0]), w + sum(pads[1]), c), fill, dtype=x.dtype)
    padded[:, pads[0][0] : pads[0][0] + h, pads[1][0] : pads[1][0] + w] = x
    for i in range(kh):
        for j in range(kw):
            yield i, j, padded[:, i : i + sh * (oh - 1) + 1 : sh, j : j + sw * (ow - 1) + 1 : sw]


def window_max(x: Any, window: Pair, stride: Pair, pads: Pads) -> Any:
    """The largest entry of each window; padding never wins, nan always does."""
    xp = namespace(x)
    best = None
    for _, _, view in _shifted(x, window, stride, pads, float("-inf")):
        best = xp.asarray(view, copy=True) if best is None else xp.maximum(best, view, out=best)
    return best


def window_argmax(x: Any, y: Any, window: Pair, stride: Pair, pads: Pads) -> Any:
    """Where the maxima `y` of the windows stand in flattened `x`: the first place of each window that equals it."""
    xp = namespace(x)
    n, h, w, c = x.shape
    (kh, kw), (sh, sw) = window, stride
    place = xp.zeros(y.shape, dtype=xp.uint8 if kh * kw < 256 else xp.int32)
    for i, j, view in reversed(list(_shifted(x, window, stride, pads, float("-inf")))):
        xp.copyto(place, place.dtype.type(i * kw + j), where=view == y)
    oh, ow = y.shape[1:3]
    row = xp.arange(oh)[:, None, None] * sh - pads[0][0] + place // kw
    column = xp.arange(ow)[:, None] * sw - pads[1][0] + place % kw
    # Only a window of nothing but -inf can point into the padding: any entry of x will do for it.
    row, column = xp.clip(row, 0, h - 1), xp.clip(column, 0, w - 1)
    return ((xp.arange(n)[:, None, None, None] * h + row) * w + column) * c + xp.arange(c)


def window_sum(x: Any, window: Pair, stride: Pair, pads: Pads) -> Any:
    """The sum over each window, padding counted as zero: along the height, then along the width."""
    xp = namespace(x)
    n, h, w, c = x.shape
    (kh, kw), (sh, sw) = window, stride
    oh, ow = window_count(h, kh, sh, pads[0]), window_count(w, kw, sw, pads[1])
    rows = xp.zeros((n, oh, (ow - 1) * sw + kw, c), dtype=x.dtype)
    from_w, to_w = _place(w, rows.shape[2], pads[1][0], 1)
    for i in range(kh):
        from_h, to_h = _strided(h, oh, i - pads[0][0], sh)
        rows[:, to_h, to_w] += x[:, from_h, from_w]
    y = xp.zeros((n, oh, ow, c), dtype=x.dtype)
    for j in range(kw):
        y += rows[:, :, j : j + sw * (ow - 1) + 1 : sw]
    return y


def window_spread(c: Any, window: Pair, stride: Pair, pads: Pads, size: Pair) -> Any:
    """The transpose of `window_sum`: each entry of `c` added to all places of its window, in images of `size`."""
    xp = namespace(c)
    n, oh, ow, channels = c.shape
    (kh, kw), (sh, sw) = window, stride
    h, w = size
    rows = xp.zeros((n, oh, (ow - 1) * sw + kw, channels), dtype=c.dtype)
    for j in range(kw):
        rows[:, :, j : j + sw * (ow - 1) + 1 : sw] += c
    x = xp.zeros((n, h, w, channels), dtype=c.dtype)
    from_w, to_w = _place(w, rows.shape[2], pads[1][0], 1)
    for i in range(kh):
        from_h, to_h = _strided(h, oh, i - pads[0][0], sh)
        x[:, from_h, from_w] += rows[:, to_h, to_w]
    return x


def _strided(n: int, m: int, offset: int, stride: int) -> tuple[slice, slice]:
    """Entries `offset + stride k` of an axis of length `n`, for those k in 0..m-1 that are inside: (which, which k)."""
    first = max(0, -(offset // stride)) if offset < 0 else 0
    last = min(m - 1, (n - 1 - offset) // stride)
    start = offset + stride * first
    return slice(start, max(start, offset + stride * last + 1), stride), slice(first, max(first, last + 1))
