"""CuPy's double: it has CuPy's names and refusals, and computes with NumPy, so that code for a GPU runs without one.

Its arrays are no NumPy arrays and do not become any: among them a host array is an error, as in CuPy 14. Whatever would
make CuPy wait for the device (float(), bool(), masks as indices, nonzero, ...) raises `Waited` under `no_waiting()`.
`installed()` puts it in CuPy's place for a while, under the real `array_api_compat.cupy`.

It counts launches: kernels and copies that CuPy 14.2 would start (`launches_of`). Not counted are a second pass of
large sums, and the parts into which cuBLAS may cut a product.

What it cannot show: kernels, their speed and rounding, memory, indices out of bounds (CuPy wraps them, this raises).
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from types import ModuleType, SimpleNamespace

import array_api_compat
import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tests.support.cuda_double import (
    CUDARuntimeError,
    Device,
    Event,
    Launches,
    Machine,
    Pool,
    RawKernel,
    Waited,
    Waits,
    benchmark,
    launch,
    no_waiting,
    runtime,
    wait,
)
from tests.support.cuda_text import INTEGERS, Program

__all__ = ["CUDARuntimeError", "Launches", "Machine", "RawKernel", "Waited", "Waits", "installed", "no_waiting"]


def _words(text: str) -> list[str]:
    return text.split()


VERSION = "14.2.0"
# Functions of NumPy that CuPy 14.2 has too, for arrays and derivatives. (Not vecdot, not unstack.)
NAMES = _words("""
    abs absolute acos acosh add all allclose amax amin any arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh
    argmax argmin argsort argwhere asin asinh atan atan2 atanh atleast_1d atleast_2d bincount bitwise_and bitwise_invert
    bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor broadcast_arrays broadcast_shapes broadcast_to
    can_cast ceil clip compress concatenate conj conjugate copy copysign copyto cos cosh count_nonzero cumprod cumsum
    diag diagonal diff divide dot einsum empty empty_like equal exp exp2 expand_dims expm1 extract eye flatnonzero flip
    floor floor_divide full full_like greater greater_equal hypot identity imag invert isclose isdtype isfinite isin
    isinf isnan issubdtype left_shift less less_equal linspace log log10 log1p log2 logaddexp logical_and logical_not
    logical_or logical_xor matmul max maximum mean meshgrid min minimum moveaxis multiply ndim negative nextafter
    nonzero not_equal ones ones_like outer pad positive power prod promote_types putmask ravel real reciprocal remainder
    repeat reshape result_type right_shift rint roll round searchsorted shape sign signbit sin sinh size sort sqrt
    square squeeze stack std subtract sum swapaxes take take_along_axis tan tanh tensordot tile trace transpose tril
    triu true_divide trunc unique var vdot where zeros zeros_like
""")
LINALG = _words("cholesky det eigh eigvalsh inv lstsq matrix_power matrix_rank norm pinv qr slogdet svd")
TYPES = _words("""bool_ int8 int16 int32 int64 intp uint8 uint16 uint32 uint64 float16 float32 float64
    complex64 complex128 dtype generic number integer signedinteger unsignedinteger inexact floating complexfloating""")
METHODS = _words("all any argmax argmin copy cumsum max mean min prod ravel std sum swapaxes take transpose var view")
ATOMIC = {  # dtypes that a GPU can add, or take the largest of, at one place at a time
    "add": _words("int32 uint32 uint64 float16 float32 float64"),
    "maximum": _words("int32 int64 uint32 uint64 float32 float64"),
}
WAITING = {"argwhere", "compress", "extract", "flatnonzero", "nonzero", "unique"}  # they look how many there are


# What only looks at memory: no launch, unless a copy has to be made.
VIEWS = set(
    _words("""
    atleast_1d atleast_2d broadcast_arrays broadcast_shapes broadcast_to can_cast diagonal empty empty_like expand_dims
    flip imag isdtype issubdtype moveaxis ndim promote_types ravel real reshape result_type shape size squeeze swapaxes
    transpose
""")
)
KINDS = {
    "copy": "array asarray ascontiguousarray astype concatenate copy copyto ravel repeat reshape roll stack tile",
    "fill": "arange eye full full_like identity linspace ones ones_like zeros zeros_like",
    "gather": "getitem take take_along_axis",
    "product": "dot einsum matmul outer tensordot vdot",
    "reduction": "all amax amin any argmax argmin count_nonzero cumprod cumsum max mean min prod std sum var",
}
KIND = {name: kind for kind, names in KINDS.items() for name in names.split()}
SEVERAL = {"argsort": 3, "meshgrid": 2, "searchsorted": 2, "sort": 3, "std": 3, "var": 2, "where": 2}  # in turn


def launches_of(name, args, result) -> int:
    """How many launches a call of CuPy's function takes, given what went in and what came out on the host."""
    if isinstance(result, np.ndarray) and not result.size:
        return 0
    arrays = [x for x in args if isinstance(x, np.ndarray)]
    if name in ("concatenate", "stack"):
        parts = list(args[0])
        # One kernel, told by three small copies where the parts are, for many small parts; else a copy of each.
        together = len(parts) > 8 and sum(x.nbytes for x in parts) < (len(parts) << 21)
        return (4 if len({x.shape for x in parts}) > 1 else 2) if together else len(parts)
    if name in ("dot", "matmul"):  # rows or columns must be contiguous, else they are copied first
        matrices = [x for x in arrays if x.ndim > 1 and 1 not in x.shape[-2:]]
        return (2 if result.size == 1 else 1) + sum(x.itemsize not in x.strides[-2:] for x in matrices)
    if name in VIEWS:
        return int(name in ("ravel", "reshape") and not np.may_share_memory(result, arrays[0]))
    return SEVERAL.get(name, 1)


# ------------------------------------------------------------------------------------- arrays


def _to_host(x, index: bool = False):
    """What NumPy computes with: device arrays opened; TypeError for host arrays and for what is no number."""
    if isinstance(x, ndarray):
        if index and x.dtype == bool:
            wait("a mask as an index")
        return x._host
    if isinstance(x, np.ndarray) or not isinstance(x, (np.generic, bool, int, float, complex, *PLAIN)):
        raise TypeError(f"Unsupported type {type(x)}")
    if isinstance(x, tuple | list):
        return type(x)(_to_host(part, index) for part in x)
    return x


def _to_device(x):
    if isinstance(x, np.ndarray | np.generic):
        return ndarray(np.asarray(x))
    if isinstance(x, tuple | list):
        parts = [_to_device(part) for part in x]
        return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
    return x


def _base(host):
    """The array that a view is a view of; None for one that has its own memory."""
    base = host.base
    while isinstance(getattr(base, "base", None), np.ndarray):
        base = base.base
    return None if base is None else ndarray(base if isinstance(base, np.ndarray) else host)


class ndarray(NDArrayOperatorsMixin):
    """An array on the pretended device: 0-d results are arrays too."""

    __slots__ = ("_host",)
    __array_priority__ = 100.0
    device = property(lambda self: Device())  # there is one memory: all are on the device in use
    base = property(lambda self: _base(self._host))
    data = property(lambda self: SimpleNamespace(ptr=self._host.__array_interface__["data"][0]))
    T = property(lambda self: ndarray(self._host.T))
    mT = property(lambda self: ndarray(self._host.mT))

    def __init__(self, host):
        self._host = host

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        function = getattr(cupy, ufunc.__name__, None)
        if method != "__call__" or function is None:
            return NotImplemented
        if not all(isinstance(x, (ndarray, np.ndarray, np.generic, bool, int, float)) for x in inputs):
            return NotImplemented  # somebody else's: a variable of minigrad
        return function(*inputs, **kwargs, **({} if out is None else {"out": out[0]}))

    def __getitem__(self, index):
        index = _to_host(index if isinstance(index, tuple) else (index,), index=True)
        if not any(part is Ellipsis for part in index):
            index = (*index, ...)  # so that one entry is a view, not a number
        chosen = sum(isinstance(part, np.ndarray) for part in index)
        if chosen:  # several index arrays are first made one
            launch("gather", "getitem", 1 if chosen == 1 else 2 * chosen + 1)
        return ndarray(np.asarray(self._host[index]))

    def __setitem__(self, index, value):
        index = _to_host(index, index=True)
        chosen = sum(isinstance(part, np.ndarray) for part in (index if isinstance(index, tuple) else (index,)))
        kind = "copy" if isinstance(value, ndarray) else "fill"
        if self._host[index].size:
            launch("scatter" if chosen else kind, "setitem", 1 if chosen < 2 else 2 * chosen + 1)
        self._host[index] = _to_host(value)

    def __len__(self):
        return len(self._host)

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def get(self):
        wait("get")
        launch("copy", "get")
        return self._host.copy()

    def item(self):
        wait("item")
        return self._host.item()

    def tolist(self):
        wait("tolist")
        return self._host.tolist()

    def astype(self, dtype, copy=True):
        if not copy and self.dtype == dtype:
            return self
        launch("copy", "astype", int(self.size > 0))
        return ndarray(self._host.astype(dtype))

    def reshape(self, *shape):
        result = self._host.reshape(*shape)
        launch("copy", "reshape", launches_of("reshape", [self._host], result))
        return ndarray(result)

    def fill(self, value):
        launch("fill", "fill")
        self._host.fill(_to_host(value))


def _question(name):
    def asked(self):
        wait(name)
        return getattr(self._host, name)()

    return asked


for _name in ("__bool__", "__float__", "__int__", "__complex__", "__repr__", "__str__"):
    setattr(ndarray, _name, _question(_name))
for _name in ("shape", "dtype", "ndim", "size", "nbytes", "itemsize", "strides", "flags"):
    setattr(ndarray, _name, property(lambda self, name=_name: getattr(self._host, name)))

# ------------------------------------------------------------------------------------- functions


class Function:
    """A function of NumPy on device arrays; `add.at` and `maximum.at` are there too."""

    def __init__(self, name, function):
        self.__name__, self._function = name, function
        if isinstance(function, np.ufunc):
            self.nin = function.nin

    def __call__(self, *args, **kwargs):
        if any(isinstance(x, Fused) for x in args):
            return self._fuse(*args, **kwargs)
        if self.__name__ in WAITING or (self.__name__ == "where" and len(args) == 1):
            wait(self.__name__)
        if self.__name__ == "repeat" and isinstance(args[1], ndarray):
            wait("repeat")
        host = {key: _to_host(value) for key, value in kwargs.items()}
        opened = [*map(_to_host, args)]
        result = self._function(*opened, **host)
        launch(KIND.get(self.__name__, "elementwise"), self.__name__, launches_of(self.__name__, opened, result))
        return kwargs["out"] if kwargs.get("out") is not None else _to_device(result)

    def _fuse(self, *args, **kwargs):
        if not isinstance(self._function, np.ufunc) and self.__name__ != "where":
            raise NotImplementedError(f"{self.__name__} in a fused function")
        if not any(isinstance(x, Fused) and not x.number for x in args):
            raise TypeError("two numbers in a fused function: CuPy would compute with them in float16")
        opened = [x._host if isinstance(x, Fused) else _to_host(x) for x in args]
        return Fused(self._function(*opened, **kwargs))

    def at(self, out, index, values):
        if self.__name__ not in ATOMIC or out.dtype.name not in ATOMIC[self.__name__]:
            raise TypeError(f"{self.__name__}.at of {out.dtype}")
        launch("scatter", f"{self.__name__}.at")
        self._function.at(out._host, _to_host(index, index=True), _to_host(values))


class Fused(NDArrayOperatorsMixin):
    """An array, or a number, inside a fused function: elementwise operations and nothing else."""

    def __init__(self, host, number=False):
        self._host, self.number = host, number
        self.dtype, self.ndim = np.asarray(host).dtype, np.ndim(host)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return getattr(cupy, ufunc.__name__)(*inputs, **kwargs)

    def __bool__(self):
        raise TypeError("Can't cast to bool")

    def astype(self, dtype, copy=True):
        return Fused(np.asarray(self._host, dtype=dtype))


def fuse(function):
    """One kernel of several operations: here, a check that it can be one."""

    @functools.wraps(function)
    def call(*args):
        if not any(isinstance(x, ndarray) for x in args):
            return function(*args)
        if not all(isinstance(x, (ndarray, int, float)) for x in args):
            raise TypeError(f"Invalid argument type for {function.__name__!r}")
        fuse.calls += 1
        launch("fused", function.__name__)
        result = function(*(Fused(x._host) if isinstance(x, ndarray) else Fused(x, number=True) for x in args))
        shape = np.broadcast_shapes(*(x.shape for x in args if isinstance(x, ndarray)))  # that of every result
        if isinstance(result, tuple):
            return tuple(ndarray(np.array(np.broadcast_to(x._host, shape))) for x in result)
        return ndarray(np.array(np.broadcast_to(result._host, shape)))

    return call


fuse.calls = 0


class ElementwiseKernel:
    """`cupy.ElementwiseKernel` with one output, which is given: its text, run by tests/support/cuda_text.py."""

    def __init__(self, in_params, out_params, operation, name="kernel"):
        self._params = [text.split() for text in in_params.split(",")]  # ["raw", "T", "x"] or ["int32", "h"]
        raw = tuple(param[-1] for param in self._params if param[0] == "raw")
        self.name, self._program = name, Program(operation, raw)
        (self._out,) = [text.split() for text in out_params.split(",")]

    def __call__(self, *args):
        *args, out = args
        if len(args) != len(self._params):
            raise TypeError(f"Wrong number of arguments for {self.name!r}")
        types, names = {}, {}
        for (*_, kind, _name), x in zip([*self._params, self._out], [*args, out], strict=True):
            if len(kind) == 1 and isinstance(x, ndarray) and types.setdefault(kind, x.dtype) != x.dtype:
                raise TypeError(f"Type is mismatched. {kind} {x.dtype}")
        for (*raw, kind, name), x in zip(self._params, args, strict=True):
            if raw:
                names[name] = np.ascontiguousarray(x._host)  # read at places counted row by row
            elif isinstance(x, ndarray):
                names[name] = np.broadcast_to(x._host, out.shape).reshape(-1)
            else:
                names[name] = (types[kind] if len(kind) == 1 else np.dtype(kind)).type(x)
        names |= INTEGERS | types | {"i": np.arange(out.size), self._out[-1]: np.zeros(out.size, out.dtype)}
        launch("elementwise", self.name, int(out.size > 0))
        if out.size:
            numbers = tuple(x for x in args if not isinstance(x, ndarray))
            same = len(numbers) == sum(param[0] != "raw" for param in self._params)  # no array is read entry by entry
            self._program(names, key=(out.size, *types.items(), *numbers) if same else None)
            out._host[...] = np.broadcast_to(names[self._out[-1]], out.size).reshape(out.shape)
        return out


def asarray(obj, dtype=None, order=None, **kwargs):
    """The way from the host to the device."""
    if isinstance(obj, ndarray):
        return obj if dtype is None or obj.dtype == dtype else obj.astype(dtype)
    if isinstance(obj, list) and obj and isinstance(obj[0], ndarray):
        return cupy.stack(obj).astype(dtype or obj[0].dtype)
    launch("copy", "asarray")
    return ndarray(np.array(obj, dtype=dtype))


def array(obj, dtype=None, copy=True, **kwargs):
    result = asarray(obj, dtype)
    return result.copy() if copy and result is obj else result


def ascontiguousarray(x):
    launch("copy", "ascontiguousarray", int(not x.flags.c_contiguous))
    return ndarray(np.ascontiguousarray(_to_host(x)))


def as_strided(x, shape=None, strides=None):
    return ndarray(np.lib.stride_tricks.as_strided(x._host, shape, strides))


def sliding_window_view(*args, **kwargs):
    raise Waited("sliding_window_view compares its window with 0 on the device, one entry after the other")


def solve(a, b):
    """As CuPy: no broadcasting, and a singular matrix gives numbers that mean nothing, not an error."""
    if a.shape[:-1] != b.shape[:-1]:
        raise ValueError("a must have (..., M, M) shape and b must have (..., M, K) for multidimensional b")
    try:
        return ndarray(np.linalg.solve(a._host, b._host))
    except np.linalg.LinAlgError:
        return ndarray(np.full(b.shape, np.nan, b.dtype))


# ------------------------------------------------------------------------------------- as modules


def _module(name: str, **contents) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(contents)
    MODULES[name] = module
    return module


MODULES: dict[str, ModuleType] = {}
PLAIN = (str, type(None), type(Ellipsis), slice, type, np.dtype, tuple, list)


def _method(name):
    def method(self, *args, **kwargs):
        opened = {key: _to_host(value) for key, value in kwargs.items()}
        result = getattr(self._host, name)(*map(_to_host, args), **opened)
        if name != "view":
            launch(KIND.get(name, "elementwise"), name, launches_of(name, [self._host], result))
        return _to_device(result)

    return method


for _name in METHODS:
    setattr(ndarray, _name, _method(_name))

cupy = _module(
    "cupy",
    __version__=VERSION,
    **{name: Function(name, getattr(np, name)) for name in NAMES},
    **{name: getattr(np, name) for name in TYPES},
    **{name: getattr(np, name) for name in ("e", "inf", "nan", "newaxis", "pi", "finfo", "iinfo")},
    **{f.__name__: f for f in (ndarray, fuse, ElementwiseKernel, asarray, array, ascontiguousarray, RawKernel)},
    is_available=lambda: bool(Machine.devices),
    get_default_memory_pool=Pool,
    asnumpy=lambda x: x.get(),
)
cupy.linalg = _module("cupy.linalg", solve=solve, **{name: Function(name, getattr(np.linalg, name)) for name in LINALG})
cupy.fft = _module("cupy.fft")
cupy.lib = _module("cupy.lib")
cupy.lib.stride_tricks = _module(
    "cupy.lib.stride_tricks", as_strided=as_strided, sliding_window_view=sliding_window_view
)
cupy.cuda = _module(
    "cupy.cuda", Device=Device, runtime=runtime, Event=Event, get_elapsed_time=lambda a, b: 1e3 * (b.time - a.time)
)
cupy.cuda.device = _module("cupy.cuda.device", Device=Device)
_cupyx = _module("cupyx")
_cupyx.scipy = _module("cupyx.scipy")
_cupyx.profiler = _module("cupyx.profiler", benchmark=benchmark)


def _erf(x):
    import scipy.special

    return ndarray(np.asarray(scipy.special.erf(x._host)))


_cupyx.scipy.special = _module("cupyx.scipy.special", erf=_erf)


def _ours(name: str) -> bool:
    return name.split(".")[0] in ("cupy", "cupyx") or name.startswith("array_api_compat.cupy")


@contextlib.contextmanager
def installed():
    """Put the double in CuPy's place, and CuPy back afterwards if it was there; gives `array_api_compat.cupy`."""
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if _ours(name)}
    attribute = array_api_compat.__dict__.pop("cupy", None)
    sys.modules.update(MODULES)
    try:
        compat = importlib.import_module("array_api_compat.cupy")
        array_api_compat.cupy = compat
        yield compat
    finally:
        MODULES.update({name: sys.modules.pop(name) for name in list(sys.modules) if _ours(name)})
        array_api_compat.__dict__.pop("cupy", None)
        sys.modules.update(hidden)
        if attribute is not None:
            array_api_compat.cupy = attribute
        Machine.devices, Machine.current, Machine.capability = 2, 0, 9
