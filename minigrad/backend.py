"""The array library behind the arrays, and the few operations that the array API standard lacks.

Everything that differs between NumPy, CuPy and other libraries stands in this file; no rule knows which one it is on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from threading import get_ident
from types import ModuleType
from typing import Any

import array_api_compat
import array_api_compat.numpy as numpy_namespace
import numpy
from array_api_compat import device as device_of

from minigrad.threads import call_all

Namespace = Any  # a module that follows the Python array API standard

SCALARS = (bool, int, float)
_family: dict[type, ModuleType | None] = {bool: None, int: None, float: None}
families = _family  # the namespaces of the types seen so far, for those who look on a hot path
_fusible: set[type] = set()  # what a fused kernel takes; nothing before the first array of CuPy

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
    if backend_name(xp) == "cupy":
        _fusible.update((kind, float, int))
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
    """Return the name of an array library: "numpy", "cupy", ..."""
    return xp.__name__.removeprefix("array_api_compat.")


def to_numpy(x: Any) -> Any:
    """Copy an array to the host as a NumPy array: for logs, files and figures only.

    >>> to_numpy(2.0)
    array(2.)
    """
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


def gather(x: Any, index: Any) -> Any:
    """`x[index]`; of a vector at very many places on NumPy, one thread per core."""
    xp = namespace(x)
    if xp is not numpy_namespace or x.ndim != 1 or getattr(index, "size", 0) * x.itemsize < 2 * PART_BYTES["numpy"]:
        return x[index]
    y = xp.empty(index.shape, dtype=x.dtype)

    def work(start: int, stop: int) -> None:
        y[start:stop] = x[index[start:stop]]

    over_images(index.shape[0], index[:1].nbytes, xp, work)
    return y


def scatter_add(values: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Return zeros of `shape` with `values` added at `index`: the transpose of `x[index]`.

    >>> import numpy as np
    >>> scatter_add(np.array([1.0, 2.0]), np.array([1, 1]), (3,))
    array([0., 3., 0.])
    """
    xp = namespace(values)
    out = xp.zeros(shape, dtype=values.dtype, device=device_of(values))
    if not _may_repeat(index):
        out[index] = values
    elif backend_name(xp) in ("numpy", "cupy"):
        if out.ndim == 1 and getattr(index, "shape", None) == values.shape:  # NumPy is quicker along one axis
            index, values = xp.reshape(index, (-1,)), xp.reshape(values, (-1,))
        xp.add.at(out, index, values)
    else:
        _scatter_add_by_loop(out, index, values)
    return out


def put_last(out: Any, index: Any, rising: Any) -> None:
    """`out[index] = rising`; of places named twice the last, whose value is the largest. (CuPy leaves open which.)"""
    xp = namespace(out)
    if backend_name(xp) == "cupy":
        xp.maximum.at(out, index, rising)
    else:
        out[index] = rising


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


IN_PLACE = 1 << 16  # entries: below, a new array is as quick


def add_to(total: Any, more: Any) -> Any:
    """`total + more`, in the memory of `total` where that is a large array which owns it and nobody else holds.

    The caller knows that `total` is new, if it is not a view: what a linear map made of a tangent, say.
    """
    mine = getattr(total, "base", total) is None and total.size >= IN_PLACE
    if mine and more.__class__ is total.__class__ and more.dtype == total.dtype:
        total += more
        return total
    return total + more


# ------------------------------------------------------------------------------------- fused kernels

fuse: ContextVar[bool] = ContextVar("fuse", default=True)  # what it is worth, benchmarks/gpu.py measures


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an elementwise function of arrays and numbers one kernel on CuPy; elsewhere it stays as it is.

    It may use operators alone, and never between two numbers, which CuPy 14 then computes in float16.

    >>> import numpy as np
    >>> fused(lambda x, k, y: x + k * y)(np.ones(2), 0.5, np.ones(2))
    array([1.5, 1.5])
    """
    kernels: dict[Any, Any] = {}

    @functools.wraps(function)
    def apply(*args: Any) -> Any:
        if not _fusible or not all(type(x) in _fusible for x in args) or not fuse.get():
            return function(*args)
        import cupy

        if cupy.fuse not in kernels:
            kernels[cupy.fuse] = cupy.fuse(function)
        return kernels[cupy.fuse](*args)

    return apply


# ------------------------------------------------------------------------------------- missing from the standard


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


def sign(x: Any) -> Any:
    """-1, 0, 1 or nan, elementwise. (On CuPy array-api-compat writes the nan through a mask, which waits.)"""
    xp = namespace(x)
    if backend_name(xp) != "cupy":
        return xp.sign(x)
    import cupy

    return xp.where(x == x, cupy.sign(x), x)


def inner(x: Any, y: Any) -> Any:
    """Sum of products over the last axis. (CuPy has no vecdot; array-api-compat makes it of four kernels.)"""
    xp = namespace(x, y)
    return xp.sum(x * y, axis=-1) if backend_name(xp) == "cupy" else xp.vecdot(x, y)


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

PART_BYTES = {"numpy": 2 << 20, "cupy": 1 << 30}  # worked on at a time: on a CPU it should stay in cache


def part_size(n: int, image_bytes: int, xp: Namespace) -> int:
    """How many of `n` images are worked on at a time: on a GPU, in an eighth of its memory at most."""
    most = PART_BYTES[backend_name(xp)]
    if backend_name(xp) == "cupy":
        most = min(most, _device_bytes(xp.cuda.Device().id) // 8)
    return max(1, min(n, most // max(1, image_bytes)))


@functools.cache
def _device_bytes(index: int) -> int:
    """The memory of a GPU."""
    import cupy

    return cupy.cuda.Device(index).mem_info[1]


def over_images(n: int, image_bytes: int, xp: Namespace, work: Callable[[int, int], Any]) -> list[Any]:
    """Call `work(start, stop)` on parts of `n` images that stay in cache, on NumPy one thread per core; the results."""
    step = part_size(n, image_bytes, xp)
    parts = [(start, min(n, start + step)) for start in range(0, n, step)]
    if xp is numpy_namespace and n * image_bytes >= 4 * PART_BYTES["numpy"]:
        return call_all(work, parts)
    return [work(*part) for part in parts]


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


class _Patches:
    """The windows of a batch of images as matrices, one window per row, for a few images at a time."""

    def __init__(self, x: Any, window: Pair, stride: Pair, pads: Pads, spread: Pair):
        self.x, self.window, self.stride, self.spread = x, window, stride, spread
        self.xp = namespace(x)
        _, h, w, c = x.shape
        (kh, kw), (sh, sw) = window, stride
        self.oh = window_count(h, kh, sh, pads[0], spread[0])
        self.ow = window_count(w, kw, sw, pads[1], spread[1])
        self.height, self.width = (self.oh - 1) * sh + kh, (self.ow - 1) * sw + kw  # what the windows read
        self.from_h, self.to_h = _place(h, self.height, pads[0][0], spread[0])
        self.from_w, self.to_w = _place(w, self.width, pads[1][0], spread[1])
        self.image_bytes = self.oh * self.ow * kh * kw * c * x.dtype.itemsize
        self.part = part_size(x.shape[0], self.image_bytes, self.xp)
        self._spaces: dict[int, tuple[Any, Any, Any]] = {}  # per thread, written over by each part

    def _space(self) -> tuple[Any, Any, Any]:
        """A buffer of padded images (its zeros stay), a view of it as windows, and the matrix they are copied to."""
        xp, n, c, dtype = self.xp, self.part, self.x.shape[3], self.x.dtype
        (kh, kw), (sh, sw) = self.window, self.stride
        buffer = xp.zeros((n, self.height, self.width, c), dtype=dtype)
        a, b, d, e = buffer.strides
        shape, strides = (n, self.oh, self.ow, kh, kw, c), (a, b * sh, d * sw, b, d, e)
        return buffer, xp.lib.stride_tricks.as_strided(buffer, shape, strides), xp.empty(shape, dtype=dtype)

    def matrix(self, start: int, stop: int) -> Any:
        """Patches of images start..stop - 1, (images * oh * ow, kh * kw * channels), until this thread asks again."""
        thread = get_ident()
        if thread not in self._spaces:
            self._spaces[thread] = self._space()
        buffer, windows, matrix = (space[: stop - start] for space in self._spaces[thread])
        buffer[:, self.to_h, self.to_w] = self.x[start:stop, self.from_h, self.from_w]
        matrix[...] = windows
        return matrix.reshape(-1, matrix.shape[3] * matrix.shape[4] * matrix.shape[5])


def conv2d(x: Any, w: Any, stride: Pair, pads: Pads, spread: Pair, bias: Any = None) -> Any:
    """Cross-correlate images with kernels (height, width, in, out): patches and one matrix product per part."""
    xp = namespace(x, w)
    c_out = w.shape[3]
    patches = _Patches(x, w.shape[:2], stride, pads, spread)
    y = xp.empty((x.shape[0], patches.oh, patches.ow, c_out), dtype=xp.result_type(x, w))
    kernel = xp.reshape(w, (-1, c_out))

    def work(start: int, stop: int) -> None:
        part = y[start:stop].reshape(-1, c_out)
        xp.matmul(patches.matrix(start, stop), kernel, out=part)
        if bias is not None:
            part += bias  # while it is in cache

    over_images(x.shape[0], patches.image_bytes, xp, work)
    return y


def conv2d_kernel(x: Any, c: Any, window: Pair, stride: Pair, pads: Pads, spread: Pair) -> Any:
    """The transpose of `conv2d` in its kernel: patches transposed, times the cotangent `c` of its output."""
    xp = namespace(x, c)
    c_in, c_out = x.shape[3], c.shape[3]
    patches = _Patches(x, window, stride, pads, spread)

    def work(start: int, stop: int) -> Any:
        return xp.matmul(patches.matrix(start, stop).T, xp.reshape(c[start:stop], (-1, c_out)))

    parts = over_images(x.shape[0], patches.image_bytes, xp, work)
    shape = (*window, c_in, c_out)
    return xp.reshape(functools.reduce(xp.add, parts), shape) if parts else xp.zeros(shape, dtype=xp.result_type(x, c))


def _padded(x: Any, pads: Pads, fill: float) -> Any:
    """Images with a border."""
    n, h, w, c = x.shape
    y = namespace(x).full((n, h + sum(pads[0]), w + sum(pads[1]), c), fill, dtype=x.dtype)
    y[:, pads[0][0] : pads[0][0] + h, pads[1][0] : pads[1][0] + w] = x
    return y


def _shifted(x: Any, window: Pair, stride: Pair, pads: Pads) -> list[Any]:
    """For each place in the window in order, the strided view of `x`, padded with -inf, that stands there."""
    (kh, kw), (sh, sw) = window, stride
    oh, ow = (window_count(x.shape[k + 1], window[k], stride[k], pads[k]) for k in (0, 1))
    x = _padded(x, pads, float("-inf"))
    return [x[:, i : i + sh * (oh - 1) + 1 : sh, j : j + sw * (ow - 1) + 1 : sw] for i in range(kh) for j in range(kw)]


def window_max(x: Any, window: Pair, stride: Pair, pads: Pads) -> Any:
    """The largest entry of each window; padding never wins, nan always does."""
    xp = namespace(x)
    n = x.shape[0]
    oh, ow = (window_count(x.shape[k + 1], window[k], stride[k], pads[k]) for k in (0, 1))
    y = xp.empty((n, oh, ow, x.shape[3]), dtype=x.dtype)

    def work(start: int, stop: int) -> None:
        first, *rest = _shifted(x[start:stop], window, stride, pads)
        best = y[start:stop]
        best[...] = first
        for view in rest:
            xp.maximum(best, view, out=best)

    over_images(n, x[:1].nbytes, xp, work)
    return y


def window_argmax(x: Any, y: Any, window: Pair, stride: Pair, pads: Pads) -> Any:
    """Where the maxima `y` of the windows stand in flattened `x`: the first place of each window that equals it."""
    xp = namespace(x)
    n, h, w, c = x.shape
    (kh, kw), (sh, sw) = window, stride
    oh, ow = y.shape[1:3]
    row = xp.arange(oh)[:, None, None] * sh - pads[0][0]
    column = xp.arange(ow)[:, None] * sw - pads[1][0]
    corner = (row * w + column) * c + xp.arange(c)  # of each window, in its image
    # Places of a window count down from kh kw, so that the first of equal ones is the largest; 0 means none (nan).
    inside = xp.asarray([0, *((i * w + j) * c for i in reversed(range(kh)) for j in reversed(range(kw)))])
    small = xp.uint8 if kh * kw < 256 else xp.int32
    index = xp.empty(y.shape, dtype=xp.int64)

    def work(start: int, stop: int) -> None:
        best, where = y[start:stop], index[start:stop]
        place = xp.zeros(best.shape, dtype=small)
        for k, view in enumerate(_shifted(x[start:stop], window, stride, pads)):
            xp.maximum(place, (view == best) * small(kh * kw - k), out=place)
        where[...] = inside[place]
        where += corner + xp.arange(start, stop)[:, None, None, None] * (h * w * c)

    over_images(n, x[:1].nbytes, xp, work)
    # Only a window of nothing but -inf can point into the padding: any entry of x will do for it.
    xp.maximum(index, 0, out=index)
    return xp.minimum(index, x.size - 1, out=index)


def window_sum(x: Any, window: Pair, stride: Pair, pads: Pads) -> Any:
    """The sum over each window, padding counted as zero: along the height, then along the width."""
    xp = namespace(x)
    n, h, w, c = x.shape
    (kh, kw), (sh, sw) = window, stride
    oh, ow = window_count(h, kh, sh, pads[0]), window_count(w, kw, sw, pads[1])
    y = xp.empty((n, oh, ow, c), dtype=x.dtype)
    from_w, to_w = _place(w, (ow - 1) * sw + kw, pads[1][0], 1)

    def work(start: int, stop: int) -> None:
        rows = xp.zeros((stop - start, oh, (ow - 1) * sw + kw, c), dtype=x.dtype)
        for i in range(kh):
            from_h, to_h = _strided(h, oh, i - pads[0][0], sh)
            rows[:, to_h, to_w] += x[start:stop, from_h, from_w]
        sums = y[start:stop]
        sums[...] = rows[:, :, : sw * (ow - 1) + 1 : sw]
        for j in range(1, kw):
            sums += rows[:, :, j : j + sw * (ow - 1) + 1 : sw]

    over_images(n, x[:1].nbytes, xp, work)
    return y


def window_spread(c: Any, window: Pair, stride: Pair, pads: Pads, size: Pair) -> Any:
    """The transpose of `window_sum`: each entry of `c` added to all places of its window, in images of `size`."""
    xp = namespace(c)
    n, oh, ow, channels = c.shape
    (kh, kw), (sh, sw) = window, stride
    h, w = size
    x = xp.empty((n, h, w, channels), dtype=c.dtype)
    from_w, to_w = _place(w, (ow - 1) * sw + kw, pads[1][0], 1)

    def work(start: int, stop: int) -> None:
        rows = xp.zeros((stop - start, oh, (ow - 1) * sw + kw, channels), dtype=c.dtype)
        for j in range(kw):
            rows[:, :, j : j + sw * (ow - 1) + 1 : sw] += c[start:stop]
        part = x[start:stop]
        part[...] = 0.0
        for i in range(kh):
            from_h, to_h = _strided(h, oh, i - pads[0][0], sh)
            part[:, from_h, from_w] += rows[:, to_h, to_w]

    over_images(n, x[:1].nbytes, xp, work)
    return x


def _strided(n: int, m: int, offset: int, stride: int) -> tuple[slice, slice]:
    """Entries `offset + stride k` of an axis of length `n`, for those k in 0..m-1 that are inside: (which, which k)."""
    first = max(0, -(offset // stride)) if offset < 0 else 0
    last = min(m - 1, (n - 1 - offset) // stride)
    start = offset + stride * first
    return slice(start, max(start, offset + stride * last + 1), stride), slice(first, max(first, last + 1))
