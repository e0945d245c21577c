"""Every differentiable function of minigrad with points to check it at: one table for all backends and dtypes.

A case's arguments are float64 NumPy arrays; a test converts them. Constants inside a case are made from its arguments,
so that they are on the same backend and in the same dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from operator import add, mul, sub, truediv
from typing import Any

import array_api_compat
import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.ops import indexing, linalg


@dataclass(frozen=True)
class Case:
    function: str  # its public name: "exp", "linalg.solve", "nn.conv2d"
    f: Callable[..., Any]
    args: tuple[Any, ...]
    label: str = ""
    numpy_only: str = ""  # the reason why other backends leave it out
    options: dict[str, Any] = field(default_factory=dict)  # for check_derivatives

    @property
    def name(self) -> str:
        return f"{self.function}-{self.label}" if self.label else self.function


CASES: list[Case] = []
_rng = np.random.default_rng(20240)


def case(
    function: str, *args: Any, f: Callable[..., Any] | None = None, label: str = "", numpy_only: str = "", **options
):
    module, _, name = function.rpartition(".")
    CASES.append(
        Case(function, f or getattr(getattr(mg, module) if module else mg, name), args, label, numpy_only, options)
    )


def linear(function: str, *args: Any, **options: Any) -> None:
    """A case of a linear function: differences are exact at any step, and a step of 1 loses least."""
    case(function, *args, step=1.0, **options)


def constants(x: Any, values: Any) -> Any:
    """Numbers on the backend of `x`: integers as such, floats in its dtype."""
    xp = array_api_compat.array_namespace(x)
    values = np.asarray(values)
    return xp.asarray(values.tolist(), dtype=x.dtype if values.dtype.kind == "f" else None)


def normal(*shape: int) -> np.ndarray:
    return np.asarray(_rng.normal(size=shape))


def between(low: float, high: float, *shape: int) -> np.ndarray:
    return np.asarray(_rng.uniform(low, high, size=shape))


def apart(*shape: int) -> np.ndarray:
    """Entries in random order, no two of them nearer than 0.1, and none near 0: no kink is crossed."""
    n = int(np.prod(shape))
    return (_rng.permutation(n) - n // 2 + 0.5).reshape(shape) * 0.2


def well_conditioned(*shape: int) -> np.ndarray:
    return normal(*shape) + 3.0 * np.eye(shape[-1])


# ------------------------------------------------------------------------------------- elementwise

for name in (
    "sin",
    "cos",
    "sinh",
    "cosh",
    "tanh",
    "atan",
    "asinh",
    "exp",
    "expm1",
    "square",
    "sigmoid",
    "softplus",
    "erf",
):
    case(name, normal(2, 3))
    case(name, normal(), label="scalar")
for name in ("log", "log2", "log10", "sqrt", "reciprocal"):
    case(name, between(0.5, 2.0, 2, 3))
for name in ("negative", "positive"):
    linear(name, normal(2, 3))
case("log1p", between(-0.5, 2.0, 4))
case("tan", between(-1.0, 1.0, 4))
for name in ("asin", "acos", "atanh"):
    case(name, between(-0.8, 0.8, 4))
case("acosh", between(1.5, 3.0, 4))
for name in ("abs", "relu"):
    case(name, apart(2, 3))
for name in ("sign", "floor", "ceil", "round"):
    case(name, between(0.6, 0.9, 3) * np.array([1.0, -1.0, 2.3]))
    function = getattr(mg, name)
    case(name, between(0.6, 0.9, 3), f=lambda x, g=function: x * g(3.1 * x), label="times-x")

for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "logaddexp", "atan2", "hypot"):
    function = getattr(mg, name)
    case(name, between(0.5, 2.0, 2, 3), -between(0.5, 2.0, 2, 3))
    case(name, between(0.5, 2.0, 2, 1), between(2.5, 3.0, 3), label="broadcast")
    case(name, between(2.5, 3.0), between(0.5, 2.0, 2, 3), label="broadcast-scalar")
for name, symbol in (("add", add), ("subtract", sub), ("multiply", mul), ("divide", truediv)):
    function = getattr(mg, name)
    case(name, between(0.5, 2.0, 3), f=lambda x, g=function: g(x, 1.5), label="number-right")
    case(name, between(0.5, 2.0, 3), f=lambda x, g=function: g(1.5, x), label="number-left")
    case(name, between(0.5, 2.0, 3), f=lambda x, g=symbol: g(g(1.5, x), g(x, 2.5)), label="operators")
    case(name, between(0.5, 2.0, 3), f=lambda x, g=function: g(x, x), label="twice-the-same")
for name in ("maximum", "minimum"):
    function = getattr(mg, name)
    case(name, apart(4), f=lambda x, g=function: g(x, 0.0) * g(0.05, x), label="number")

for p in (-1.5, -1, 0, 0.5, 1, 2, 2.0, 3):
    case("pow", between(0.5, 2.0, 3), f=lambda x, p=p: x**p, label=f"constant-{p}")
case("pow", normal(3), f=lambda x: x**3, label="negative-base")
case("pow", np.zeros(2), f=lambda x: x**0 + x**1 + x**2 + x**3, label="constant-at-0")
case("pow", between(0.5, 2.0, 2, 1), normal(3), label="broadcast")
case("pow", normal(3), f=lambda p: 2.0**p, label="number-base")
case("pow", normal(3), f=lambda x: mg.pow(x, constants(x, [2.0, 3.0, 1.0])), label="array-of-exponents")
case("pow", np.array([2.0, 0.5]), np.array([0.0, 1.0]), label="exponent-0-and-1")

case("remainder", np.array([0.7, 2.3, -1.2]), between(0.9, 1.1, 3))
case("remainder", np.array([0.7, 2.3]), f=lambda x: x % 1.0 + 5.2 % x, label="operators")
case("floor_divide", np.array([0.7, 2.3]), np.array([0.3, 0.9]), f=lambda a, b: a * (a // b) + 4.1 // b)
case("copysign", apart(4), f=lambda x: mg.copysign(x, constants(x, [1.0, -1.0, 1.0, -1.0])))
case("copysign", apart(4), apart(4), label="both")

case("clip", apart(2, 4), f=lambda x: mg.clip(x, -0.4, 0.4))
case("clip", apart(4), f=lambda x: mg.clip(x, max=0.2), label="one-side")
case("clip", apart(4), np.full(4, -0.45), np.full(4, 0.45), label="arrays")
case("where", normal(2, 3), normal(3), f=lambda a, b: mg.where(a > 0.0, a * b, mg.exp(b)), label="broadcast")
case("where", normal(4), f=lambda x: mg.where(x > 0.0, x, 0.0) + mg.where(x > 0.0, 1.0, x), label="numbers")
case(
    "where", between(-1.0, 1.0, 4), f=lambda x: mg.where(x > 0.0, mg.log(mg.where(x > 0.0, x, 1.0)), x), label="guarded"
)

# ------------------------------------------------------------------------------------- reductions

for name in ("sum", "mean"):
    function = getattr(mg, name)
    for axis in (None, 0, -1, (0, 2)):
        linear(name, normal(2, 3, 4), f=partial(function, axis=axis), label=f"axis-{axis}")
    linear(name, normal(2, 3), f=partial(function, axis=1, keepdims=True), label="keepdims")
    linear(name, normal(), label="scalar")
for name in ("var", "std", "logsumexp", "prod", "max", "min"):
    function = getattr(mg, name)
    for axis in (None, 0, -1, (0, 2)):
        case(name, apart(3, 2, 4), f=partial(function, axis=axis), label=f"axis-{axis}")
    case(name, apart(2, 3), f=partial(function, axis=1, keepdims=True), label="keepdims")
for name in ("var", "std"):
    case(name, normal(5), f=partial(getattr(mg, name), correction=1), label="correction")
case("prod", np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 5.0]]), f=partial(mg.prod, axis=1), label="zeros")
case("prod", np.array([1.5]), label="one-factor")
case("max", normal(), label="scalar")
case("vecdot", normal(2, 3), normal(2, 3))
case("vecdot", normal(3), normal(2, 3), label="broadcast")
case("vecdot", normal(3, 2), normal(3, 2), f=partial(mg.vecdot, axis=0), label="axis-0")
case("vecdot", normal(3, 3), normal(3), f=partial(mg.vecdot, axis=0), label="axis-0-broadcast")
for axis in (0, 1, -1):
    linear("cumulative_sum", normal(3, 4), f=partial(mg.cumulative_sum, axis=axis), label=f"axis-{axis}")
linear("cumulative_sum", normal(4), f=partial(mg.cumulative_sum, include_initial=True), label="include-initial")
for axis in (0, 1):
    case("cumulative_prod", normal(3, 4), f=partial(mg.cumulative_prod, axis=axis), label=f"axis-{axis}")
case("cumulative_prod", np.array([2.0, 0.0, 3.0, 0.0, 1.5]), label="zeros")
case("cumulative_prod", normal(3), f=partial(mg.cumulative_prod, include_initial=True), label="include-initial")
linear("diff", normal(5, 2), f=partial(mg.diff, axis=0, n=2))
ROWS = np.array([[0.3, -1.2], [2.0, 0.7], [-0.4, 1.1]])
linear("diff", ROWS, ROWS[:1] - 0.5, ROWS[1:] + 0.2, label="joined",
       f=lambda x, before, after: mg.diff(x, axis=0, prepend=before, append=after))  # fmt: skip
for order in (1, 2, 2.5, float("inf"), float("-inf")):
    case("linalg.vector_norm", apart(2, 3), f=partial(linalg.vector_norm, axis=1, ord=order), label=f"ord-{order}")

# ------------------------------------------------------------------------------------- shaping

linear("reshape", normal(2, 3, 4), f=lambda x: mg.reshape(x, (4, -1)))
linear("permute_dims", normal(2, 3, 4), f=lambda x: mg.permute_dims(x, (2, 0, -2)))
linear("matrix_transpose", normal(2, 3, 4))
linear("matrix_transpose", normal(3, 4), f=lambda x: x.T @ x.mT.mT, label="properties")
linear("moveaxis", normal(2, 3, 4), f=lambda x: mg.moveaxis(x, 0, -1))
linear("moveaxis", normal(2, 3, 4), f=lambda x: mg.moveaxis(x, (0, 1), (-1, 0)), label="several")
linear("expand_dims", normal(2, 3), f=lambda x: mg.expand_dims(x, (0, -1)))
linear("squeeze", normal(1, 3, 1), f=lambda x: mg.squeeze(x, (0, -1)))
linear("broadcast_to", normal(3, 1), f=lambda x: mg.broadcast_to(x, (2, 3, 4)))
linear("broadcast_arrays", normal(3, 1), normal(2))
linear("concat", normal(2, 3), normal(2, 1), normal(2, 3), f=lambda *xs: mg.concat(xs, axis=-1))
linear("concat", normal(2, 3), normal(4), f=lambda *xs: mg.concat(xs, axis=None), label="flattened")
linear("concat", normal(2, 3), f=lambda x: mg.concat([x, 2.0 * x, constants(x, [[1.0, 2.0, 3.0]])]), label="constant")
linear("stack", normal(2, 3), normal(2, 3), f=lambda *xs: mg.stack(xs, axis=1))
linear("stack", normal(3), f=lambda x: mg.stack([x[0], 1.0, x[2]]), label="number")
linear("unstack", normal(3, 2), f=lambda x: mg.unstack(x, axis=1))
linear("pad", normal(2, 3), f=lambda x: mg.pad(x, ((1, 0), (2, 3))))
for axis in (None, 0, (0, -1)):
    linear("flip", normal(2, 3), f=partial(mg.flip, axis=axis), label=f"axis-{axis}")
linear("roll", normal(2, 3), f=lambda x: mg.roll(x, 2, axis=1))
linear("roll", normal(2, 3), f=lambda x: mg.roll(x, 2), label="flattened")
linear("roll", normal(2, 3), f=lambda x: mg.roll(x, (1, -2), axis=(0, 1)), label="two-axes")
for name in ("tril", "triu"):
    linear(name, normal(2, 3, 4), f=partial(getattr(mg, name), k=1))
linear("tile", normal(2, 3), f=lambda x: mg.tile(x, (2, 2)))
linear("tile", normal(2, 3), f=lambda x: mg.tile(x, (2,)) + mg.tile(x, (1, 2)), label="fewer")
linear("astype", normal(3), f=lambda x: mg.astype(mg.astype(x, mg.float64), x.dtype))

# ------------------------------------------------------------------------------------- indexing

strict_index = "array-api-strict wants an index for every axis, or ..."
linear("take", normal(3, 4), f=lambda x: x[1], label="getitem-integer", numpy_only=strict_index)
linear("take", normal(3, 4), f=lambda x: x[1:][:-1], label="getitem-slice", numpy_only=strict_index)
for label, index in {
    "integer-ellipsis": (1, ...), "negative-integer": (-1, 2), "steps": (slice(None, None, 2), slice(1, None, 2)),
    "ellipsis": (..., 1),
}.items():  # fmt: skip
    linear("take", normal(3, 4), f=lambda x, index=index: x[index], label=f"getitem-{label}")
backwards = (slice(None, None, 2), slice(None, None, -1))  # PyTorch's own arrays do not take it
linear("take", normal(3, 4), f=lambda x: indexing.getitem(x, backwards), label="getitem-backwards")
linear("take", normal(5), f=lambda x: x[constants(x, [0, 3, 3, -1])], label="getitem-repeats")
linear(
    "take", normal(3, 4), f=lambda x: x[constants(x, [0, 2, 2]), constants(x, [1, 3, 3])], label="getitem-two-arrays"
)
linear("take", normal(3, 4), f=lambda x: x[None, :, None, 0], label="getitem-new-axis")
mixed = "array-api-strict indexes with arrays alone"
linear(
    "take",
    normal(3, 4),
    f=lambda x: x[:, constants(x, [[0, 3], [3, 1]])],
    label="getitem-slice-and-array",
    numpy_only=mixed,
)
case("take", normal(3, 4), f=lambda x: x[x > 0.0], label="getitem-mask")
linear("take", normal(3, 4), f=lambda x: x[1, :][constants(x, [True, False, True, True])], label="getitem-row-mask")
linear("take", normal(5), f=lambda x: mg.take(x, constants(x, [0, 3, 3])))
linear("take", normal(3, 4), f=lambda x: mg.take(x, constants(x, [0, 3, 3]), axis=1), label="axis")
linear("take_along_axis", normal(2, 4), f=lambda x: mg.take_along_axis(x, constants(x, [[0, 0, -1], [2, 1, 2]]), 1))
linear("take_along_axis", normal(3, 2), f=lambda x: mg.take_along_axis(x, constants(x, [[2, 0]]), 0), label="axis-0")
case("sort", apart(3, 4))
case("sort", apart(3, 4), f=lambda x: mg.sort(x, axis=0, descending=True), label="axis-0-descending")
linear("repeat", normal(3), f=lambda x: mg.repeat(x, 2))
linear("repeat", normal(3), f=lambda x: mg.repeat(x, constants(x, [1, 0, 3])), label="counts")
linear("index_update", normal(3, 4), normal(2, 4), f=lambda x, v: mg.index_update(x, (slice(1, None), ...), v))
linear("index_update", normal(3, 4), normal(), f=lambda x, v: mg.index_update(x, (..., 1), v), label="broadcast-value")
linear("index_update", normal(3), f=lambda x: mg.index_update(x, 0, 2.0), label="number")
linear("index_update", normal(), normal(), f=lambda x, v: mg.index_update(x, (), v), label="0-d")
case("index_update", normal(4), normal(), f=lambda x, v: mg.index_update(x, x > 0.0, v), label="mask")
linear(
    "index_update",
    normal(4),
    normal(3),
    f=lambda x, v: mg.index_update(x, constants(x, [0, 2, 0]), v),
    label="repeats",
)
linear("index_add", normal(3, 4), normal(2, 4), f=lambda x, v: mg.index_add(x, (slice(1, None), ...), v))
linear("index_add", normal(4), normal(3), f=lambda x, v: mg.index_add(x, constants(x, [0, 2, 0]), v), label="repeats")
linear(
    "index_add",
    normal(4),
    normal(),
    f=lambda x, v: mg.index_add(x, constants(x, [True, False, True, True]), v),
    label="mask",
)

# ------------------------------------------------------------------------------------- linear algebra

for label, a, b in (
    ("matrices", (2, 3), (3, 4)), ("vectors", (3,), (3,)),
    ("vector-matrix", (3,), (3, 2)), ("matrix-vector", (2, 3), (3,)),
    ("batched", (5, 2, 3), (5, 3, 4)), ("broadcast-left", (2, 3), (5, 3, 4)), ("broadcast-right", (5, 2, 3), (3, 4)),
    ("broadcast-both", (5, 1, 2, 3), (4, 3, 2)), ("batch-vector", (5, 2, 3), (3,)), ("vector-batch", (3,), (5, 3, 2)),
):  # fmt: skip
    case("matmul", normal(*a), normal(*b), f=lambda a, b: a @ b, label=label)
case("tensordot", normal(2, 3, 4), normal(3, 4, 2))
case("tensordot", normal(2, 3), normal(4), f=lambda a, b: mg.tensordot(a, b, axes=0), label="outer")
case("tensordot", normal(2, 3, 4), normal(4, 5, 2), f=lambda a, b: mg.tensordot(a, b, ((0, -1), (2, 0))), label="axes")
case("outer", normal(3), normal(2))
case("linalg.diagonal", normal(2, 3, 4), step=1.0)
for offset in (-1, 2):
    linear("linalg.diagonal", normal(3, 4), f=partial(linalg.diagonal, offset=offset), label=f"offset-{offset}")
case("linalg.trace", normal(2, 3, 3), step=1.0)
case("linalg.matrix_power", normal(3, 3), f=lambda a: linalg.matrix_power(a, 5))
case("linalg.solve", well_conditioned(3, 3), normal(3, 2))
case("linalg.solve", well_conditioned(3, 3), normal(3), label="vector")
case("linalg.solve", well_conditioned(2, 3, 3), normal(2, 3, 2), label="batched")
case("linalg.solve", well_conditioned(3, 3), normal(2, 3, 2), label="broadcast")
case("linalg.inv", well_conditioned(3, 3))
case("linalg.inv", well_conditioned(2, 3, 3), label="batched")


def _spd(a):
    return a @ a.mT + 2.0 * mg.exp(0.1 * a @ a.mT)


case("linalg.cholesky", normal(3, 3), f=lambda a: linalg.cholesky(_spd(a)))
case("linalg.cholesky", normal(2, 3, 3), f=lambda a: linalg.cholesky(_spd(a)), label="batched")
case("linalg.cholesky", normal(3, 3) * 0.1 + np.eye(3), label="not-symmetric")
TRIPLES = np.array([[0.3, -1.2, 0.8], [2.0, 0.7, -0.5]])
case("linalg.cross", TRIPLES, TRIPLES[:1, ::-1] + 0.4)
case("linalg.cross", TRIPLES.T, TRIPLES.T[::-1] + 0.1, f=partial(linalg.cross, axis=0), label="axis-0")
case("linalg.cholesky", np.array([[2.0, 0.3], [0.3, 1.0]]), f=partial(linalg.cholesky, upper=True), label="upper")
case("linalg.slogdet", well_conditioned(3, 3), f=lambda a: tuple(linalg.slogdet(a)))
case("linalg.slogdet", -well_conditioned(2, 3, 3), f=lambda a: tuple(linalg.slogdet(a)), label="batched")
case("linalg.det", well_conditioned(3, 3))
case("linalg.det", -well_conditioned(2, 3, 3), label="batched")


def _signed(vectors, *others):
    """Columns whose first entry is positive, and others with the same signs: libraries choose them."""
    signs = mg.sign(vectors[..., :1, :])
    return tuple(x * signs for x in (vectors, *others))


def _eigh(a):
    w, V = linalg.eigh(a)
    return w, *_signed(V)


def _svd(a):
    U, S, Vh = linalg.svd(a, full_matrices=False)
    return S, *_signed(U, Vh.mT)


def _qr(a):
    Q, R = linalg.qr(a)
    return _signed(Q, R.mT)


_spread = np.diag([-2.0, 0.5, 3.0])  # eigenvalues apart
case("linalg.eigh", _spread + 0.3 * normal(3, 3), f=_eigh)
case("linalg.eigh", _spread + 0.3 * normal(2, 3, 3), f=_eigh, label="batched")
case("linalg.eigvalsh", _spread + 0.3 * normal(3, 3))
_tall = np.array([[3.0, 0.0], [1.0, 1.0], [0.0, 1.5]])
for label, a in (
    ("square", np.diag([3.0, 2.0, 1.0]) + 0.2 * normal(3, 3)),
    ("wide", _tall.T + 0.1 * normal(2, 3)),
    ("batched", _tall + 0.1 * normal(2, 3, 2)),
):
    case("linalg.svd", a, f=_svd, label=label)
    case("linalg.qr", a, f=_qr, label=label)
    case("linalg.pinv", a, label=label)
case("linalg.svdvals", _tall + 0.1 * normal(3, 2))
for order in ("fro", "nuc", -2, 1, float("-inf")):
    case("linalg.matrix_norm", _tall - 0.1 * normal(3, 2), f=partial(linalg.matrix_norm, ord=order), label=f"{order}")
case("linalg.matrix_norm", normal(2, 2, 3), f=partial(linalg.matrix_norm, keepdims=True), label="keepdims")

# ------------------------------------------------------------------------------------- networks

for label, size, kernel, options in (
    ("1x1", (3, 3), (1, 1), {}),
    ("valid", (5, 4), (3, 2), {"padding": "valid"}),
    ("same", (4, 5), (3, 3), {"padding": "same"}),
    ("same-even-kernel", (4, 5), (2, 4), {"padding": "same"}),
    ("same-stride", (5, 4), (3, 3), {"padding": "same", "stride": 2}),
    ("stride", (7, 6), (3, 2), {"stride": (2, 3)}),
    ("stride-leaves-rest", (6, 6), (2, 3), {"stride": 2}),
    ("stride-beyond-kernel", (7, 7), (2, 1), {"stride": (3, 2)}),
    ("padding", (3, 4), (3, 3), {"padding": (2, 1)}),
    ("asymmetric", (4, 3), (3, 2), {"padding": ((2, 0), (0, 1)), "stride": 2}),
    ("padding-beyond-kernel", (3, 3), (2, 2), {"padding": 3, "stride": 2}),
):
    image, weights = normal(2, *size, 2), normal(*kernel, 2, 3)
    case("nn.conv2d", image, weights, f=partial(nn.conv2d, **options), label=label)
case(
    "nn.conv2d", normal(2, 5, 4, 2), normal(3, 2, 2, 3), normal(3), label="bias",
    f=lambda x, w, b: nn.conv2d(x, w, 2, 1, bias=b),
)  # fmt: skip
for label, size, options in (
    ("window-2", (4, 6), {"window": 2}),
    ("leaves-rest", (5, 5), {"window": (2, 3)}),
    ("overlap", (5, 6), {"window": 3, "stride": 2}),
    ("overlap-padding", (5, 6), {"window": 3, "stride": 2, "padding": 1}),
    ("same", (5, 4), {"window": 3, "stride": 2, "padding": "same"}),
    ("asymmetric", (4, 5), {"window": (3, 2), "stride": 1, "padding": ((0, 2), (1, 0))}),
    ("stride-beyond-window", (7, 7), {"window": 2, "stride": 3}),
):
    case(
        "nn.max_pool2d",
        apart(2, *size, 2),
        f=partial(nn.max_pool2d, **options),
        label=label,
        step=1e-4,
    )
    linear("nn.avg_pool2d", normal(2, *size, 2), f=partial(nn.avg_pool2d, **options), label=label)


def _evaluate(x, gain, bias, mean, log_var):
    return nn.batch_norm(x, gain, bias, {"mean": mean, "var": mg.exp(log_var)}, training=False)[0]


case("nn.batch_norm", normal(6, 3), normal(3), normal(3), f=lambda *args: nn.batch_norm(*args)[0], label="training")
case("nn.batch_norm", normal(2, 3, 3, 2), normal(2), normal(2), f=lambda *args: nn.batch_norm(*args)[0], label="images")
case("nn.batch_norm", normal(4, 3), normal(3), normal(3), normal(3), normal(3), f=_evaluate, label="evaluation")
linear("nn.running_average", normal(3), normal(3), f=lambda a, b: nn.running_average({"m": a}, {"m": b}, 0.1)["m"])
linear(
    "nn.dropout", normal(2, 3), f=lambda x: nn.dropout(x, constants(x, [[True, False, True], [False, True, True]]), 0.4)
)
for label, shape, options in (
    ("defaults", (2, 7), {}),
    ("images", (2, 3, 2, 6), {"size": 3, "alpha": 0.3, "beta": 0.75, "k": 1.0}),
    ("even-size", (3, 5), {"size": 4, "alpha": 0.5, "beta": 0.5, "k": 1.5}),
    ("one-channel", (4, 1), {"size": 5, "alpha": 0.4, "beta": 1.3}),
    ("wider-than-the-channels", (2, 3), {"size": 9, "alpha": 0.4}),
    ("vector", (6,), {"size": 2, "alpha": 0.4, "beta": -0.5}),
):
    case("nn.local_response_norm", normal(*shape), f=partial(nn.local_response_norm, **options), label=label)
case("nn.dense", normal(4, 3), normal(3, 2), normal(2))
case("nn.dense", normal(2, 4, 3), normal(3, 2), label="no-bias")
for name in ("nn.softmax", "nn.log_softmax"):
    case(name, normal(3, 4))
    case(name, normal(3, 4), f=partial(getattr(nn, name[3:]), axis=0), label="axis-0")
case("nn.cross_entropy", normal(3, 4), f=lambda y: nn.cross_entropy(y, constants(y, [0, 3, 3])), label="labels")
case(
    "nn.cross_entropy",
    normal(2, 3, 4),
    f=lambda y: nn.cross_entropy(y, constants(y, [[0, 3, 3], [1, 2, 0]])),
    label="runs",
)
case(
    "nn.cross_entropy",
    normal(3, 4),
    normal(3, 4),
    f=lambda y, z: nn.cross_entropy(y, nn.softmax(z)),
    label="probabilities",
)
case("nn.squared_error", normal(3, 4), normal(3, 4))
