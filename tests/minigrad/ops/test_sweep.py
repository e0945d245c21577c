"""All public functions with what is seldom tried: a result in the right dtype and shape, or a clear error."""

import inspect
import re

import numpy as np
import pytest

import minigrad as mg
from minigrad import linalg, nn
from tests.support.cases import CASES

DTYPES = [np.float16, np.float32, np.float64, np.longdouble]
FACTORISATIONS = {  # LAPACK's
    f"linalg.{name}"
    for name in (
        "cholesky",
        "det",
        "eigh",
        "eigvalsh",
        "inv",
        "pinv",
        "qr",
        "slogdet",
        "solve",
        "svd",
        "svdvals",
        "matrix_norm-nuc",
        "matrix_norm--2",
    )
}
over_cases = pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
over_dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: np.dtype(d).name)


def leaves(tree):
    return mg.tree_flatten(tree)[0]


def both_sweeps(f, *args):
    """The value, `J v` and `J^T u` for v and u of ones."""
    y, J = mg.linearize(f, *args)
    ones = tuple(np.ones_like(x) for x in args)
    return y, J(*ones), J.T(mg.tree_map(np.ones_like, y))


# ------------------------------------------------------------------------------------- dtypes


@over_dtypes
@over_cases
def test_the_dtype_is_kept(case, dtype):
    args = [x.astype(dtype) for x in case.args]
    if {case.function, case.name} & FACTORISATIONS and dtype not in (np.float32, np.float64):
        with pytest.raises(TypeError, match="unsupported in linalg"):
            mg.linearize(case.f, *args)
        return
    y, y_dot, x_bar = both_sweeps(case.f, *args)
    for x in leaves([y, y_dot, x_bar, mg.jvp(case.f, args, args)]):
        assert x.dtype == dtype
    for x, like in zip(leaves([y]), leaves([case.f(*args)]), strict=True):
        assert x.dtype == like.dtype


TWO = [
    "add", "atan2", "clip", "copysign", "divide", "floor_divide", "hypot", "logaddexp", "maximum", "minimum",
    "multiply", "pow", "remainder", "subtract",
]  # fmt: skip


@over_dtypes
@pytest.mark.parametrize("number", [2.0, 2, 0.0, True], ids=str)
@pytest.mark.parametrize("name", TWO)
def test_python_numbers_leave_the_dtype_alone(name, number, dtype):
    f = getattr(mg, name)
    for x in (np.array([1.5, 0.5], dtype), dtype(1.5)):
        assert f(x, 2.0).dtype == dtype
        calls = [lambda x: f(x, number), lambda x: f(number, x)]
        for call in calls[: 1 if name == "clip" else 2]:
            with np.errstate(divide="ignore", invalid="ignore"):
                results = [call(x), *leaves(both_sweeps(call, x))]
            assert {r.dtype for r in results} == {np.dtype(dtype)}


@pytest.mark.parametrize("name", TWO)
def test_python_numbers_on_other_libraries(backend, name):
    f, x = getattr(mg, name), backend.asarray([1.5, 0.5], dtype=backend.float32)
    for call in (lambda x: f(x, 2.0), lambda x: f(2.0, x) if name != "clip" else f(x, 0.0)):
        y, J = mg.linearize(call, x)
        for result in (call(x), y, J(x), J.T(x)):
            assert type(result) is type(x)
            assert result.dtype == x.dtype


@pytest.mark.parametrize("bound", [np.float64(0.3), np.full(2, 0.3)], ids=["scalar", "array"])
def test_bounds_take_the_dtype_of_what_they_bound(bound):
    x = np.array([0.1, 0.5], np.float32)
    for f in (lambda x: mg.clip(x, bound), lambda x: mg.clip(x, max=bound), lambda x: mg.clip(x, bound, 2 * bound)):
        assert f(x).dtype == np.float32
        assert {r.dtype for r in leaves(both_sweeps(f, x))} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(mg.clip(np.array([1, 5]), 2, 3), [2, 3])
    assert mg.grad(lambda b: mg.sum(mg.clip(x, b)))(bound).dtype == np.float64


def test_erf_has_the_digits_of_its_dtype():
    from scipy.special import erf

    x = np.linspace(-3.0, 3.0, 13)
    for dtype in DTYPES:
        tolerance = max(float(np.finfo(dtype).eps), 1e-16)
        np.testing.assert_allclose(mg.erf(x.astype(dtype)).astype(float), erf(x), rtol=4 * tolerance)
    assert float(mg.erf(1)) == float(mg.erf(1.0)) == erf(1.0)


@pytest.mark.parametrize("b", [-0.0, 0.0, -1, True])
def test_copysign_of_numbers(b):
    assert mg.copysign(2.0, b) == np.copysign(2.0, b)
    assert mg.copysign(np.float32(2.0), b) == np.copysign(2.0, b)
    np.testing.assert_array_equal(mg.copysign(2, np.array([-1.0, 1.0])), [-2.0, 2.0])


# ------------------------------------------------------------------------------------- complex numbers


def test_complex_numbers_are_refused():
    x, z = np.ones(2), np.array([1j, 2j])
    _, J = mg.linearize(mg.sin, x)
    for f in (lambda: J(z), lambda: J.T(z), lambda: mg.jvp(mg.sin, (x,), (z,)), lambda: mg.hvp(mg.sum, x, z)):
        with pytest.raises(TypeError, match="is complex128: derivatives need real numbers"):
            f()
    with pytest.raises(TypeError, match="output of <lambda> is complex128"):
        mg.linearize(lambda x: x * z, x)
    with pytest.raises(TypeError, match="complex128: derivatives need real numbers"):
        mg.grad(lambda x: mg.sum(mg.abs(x * z)))(x)
    with pytest.raises(TypeError, match="expected an array or a Python number, got complex"):
        mg.grad(lambda x: x * 1j)(1.0)


# ------------------------------------------------------------------------------------- layouts


def turned(x):
    """The same numbers in memory that runs backwards along every axis."""
    back = tuple(slice(None, None, -1) for _ in x.shape)
    return x[back].copy()[back] if x.ndim else x


@over_cases
def test_negative_strides_change_nothing(case):
    for want, got in zip(
        leaves(both_sweeps(case.f, *case.args)), leaves(both_sweeps(case.f, *map(turned, case.args))), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@over_cases
def test_the_other_order_of_bytes_changes_nothing(case):
    """As files of other machines have them."""
    swapped = [x.astype(x.dtype.newbyteorder()) for x in map(np.asarray, case.args)]
    for want, got in zip(leaves(both_sweeps(case.f, *case.args)), leaves(both_sweeps(case.f, *swapped)), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@over_cases
def test_read_only_arguments(case):
    args = [np.array(x) for x in case.args]
    for x in args:
        x.flags.writeable = False
    both_sweeps(case.f, *args)


# ------------------------------------------------------------------------------------- sizes

ONE_ARRAY = {  # functions of an array of any shape; a case's options make them fit, or an error says why they do not
    **{name: getattr(mg, name) for name in (
        "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "cumulative_prod",
        "cumulative_sum", "diff", "erf", "exp", "expand_dims", "expm1", "flip", "floor", "log", "log10", "log1p",
        "log2", "logsumexp", "matrix_transpose", "max", "mean", "min", "negative", "positive", "prod", "reciprocal",
        "relu", "round", "sigmoid", "sign", "sin", "sinh", "softplus", "sort", "sqrt", "square", "std", "sum", "tan",
        "tanh", "tril", "triu", "trunc", "unstack", "var",
    )},
    **{name: getattr(linalg, name) for name in (
        "cholesky", "det", "diagonal", "inv", "slogdet", "trace", "vector_norm",
    )},
    "nn.softmax": nn.softmax, "nn.log_softmax": nn.log_softmax,
    **{name: lambda x, name=name: getattr(mg, name)(x, 2.0) for name in TWO},
    **{f"{name}-itself": lambda x, name=name: getattr(mg, name)(x, x) for name in TWO},
    "where": lambda x: mg.where(x > 0.0, x, 0.0),
    "astype": lambda x: mg.astype(x, mg.float32),
    "broadcast_to": lambda x: mg.broadcast_to(x, (2, *x.shape)),
    "broadcast_arrays": lambda x: mg.broadcast_arrays(x, np.ones((2,) + (1,) * x.ndim)),
    "concat": lambda x: mg.concat([x, x]),
    "concat-flat": lambda x: mg.concat([x, x], axis=None),
    "stack": lambda x: mg.stack([x, x], axis=-1),
    "index_add": lambda x: mg.index_add(x, ..., 1.0),
    "index_update": lambda x: mg.index_update(x, ..., 2.0 * x),
    "eigh": linalg.eigh,
    "eigvalsh": linalg.eigvalsh,
    "matrix_norm": linalg.matrix_norm,
    "matrix_norm-nuc": lambda x: linalg.matrix_norm(x, ord="nuc"),
    "matrix_norm-1": lambda x: linalg.matrix_norm(x, ord=1),
    "pinv": linalg.pinv,
    "qr": linalg.qr,
    "svd": lambda x: linalg.svd(x, full_matrices=False),
    "svdvals": linalg.svdvals,
    "matrix_power": lambda x: linalg.matrix_power(x, 3),
    "moveaxis": lambda x: mg.moveaxis(x, 0, -1),
    "cross": lambda x: linalg.cross(x, 2.0 * x),
    "outer": lambda x: mg.outer(x, x),
    "pad": lambda x: mg.pad(x, ((1, 1),) * x.ndim),
    "permute_dims": lambda x: mg.permute_dims(x, tuple(range(x.ndim))[::-1]),
    "repeat": lambda x: mg.repeat(x, 2),
    "reshape": lambda x: mg.reshape(x, (*x.shape, 1)),
    "reshape-flat": lambda x: mg.reshape(x, -1),
    "roll": lambda x: mg.roll(x, 1),
    "solve": lambda x: linalg.solve(x, x),
    "squeeze": lambda x: mg.squeeze(mg.expand_dims(x, 0), 0),
    "sum-keepdims": lambda x: mg.sum(x, axis=-1, keepdims=True),
    "take": lambda x: mg.take(x, np.zeros(0, int), axis=0),
    "take-one": lambda x: mg.take(x, np.zeros(1, int), axis=0),
    "take_along_axis": lambda x: mg.take_along_axis(x, np.zeros(x.shape, int), axis=-1),
    "tensordot": lambda x: mg.tensordot(x, x, 0),
    "tile": lambda x: mg.tile(x, 2),
    "vecdot": lambda x: mg.vecdot(x, x),
    "matmul": lambda x: x @ mg.matrix_transpose(x),
    "getitem": lambda x: x[...],
    "getitem-slice": lambda x: x[:0],
    "nn.dense": lambda x: nn.dense(x, np.ones((x.shape[-1], 2)), np.ones(2)),
    "nn.dropout": lambda x: nn.dropout(x, np.ones(x.shape), 0.5),
    "nn.batch_norm": lambda x: nn.batch_norm(x, np.ones(x.shape[-1:]), np.ones(x.shape[-1:]))[0],
    "nn.local_response_norm": nn.local_response_norm,
    "nn.running_average": lambda x: nn.running_average(x, x, 0.1),
    "nn.cross_entropy": lambda x: nn.cross_entropy(x, np.zeros(x.shape[:-1], int)),
    "nn.squared_error": lambda x: nn.squared_error(x, x),
    "nn.conv2d": lambda x: nn.conv2d(x, np.ones((1, 1, 1, 2))),
    "nn.max_pool2d": lambda x: nn.max_pool2d(x, 1),
    "nn.avg_pool2d": lambda x: nn.avg_pool2d(x, 1),
}  # fmt: skip
SHAPES = [(), (0,), (1,), (0, 3), (3, 0), (1, 1), (0, 0), (2, 0, 3), (1, 1, 1, 1), (0, 2, 2, 1)]
CLEAR = re.compile(
    r"axis|axes|shape|square|over no entries|needs|index|images|window|classes|unpack|zero-size|dimension|batch"
)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # log(0), 0 / 0
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ONE_ARRAY)
def test_every_function_at_sizes_zero_and_one(name, shape):
    f, x = ONE_ARRAY[name], np.full(shape, 0.5, np.float32)
    try:
        y, J = mg.linearize(f, x)
    except (ValueError, IndexError, TypeError) as error:
        assert CLEAR.search(str(error)), error  # noqa: PT017  # most functions give no error
        with pytest.raises(type(error)):
            f(x)
        return
    u = mg.tree_map(np.ones_like, y)
    v = np.ones_like(x)
    assert [np.shape(t) for t in leaves([J(v)])] == [np.shape(t) for t in leaves([y])]
    assert J.T(u).shape == x.shape
    assert J.T(u).dtype == np.float32
    assert [np.shape(t) for t in leaves([f(x)])] == [np.shape(t) for t in leaves([y])]
    assert mg.jvp(f, (x,), (v,))[1] is not None


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ["sum", "mean", "prod", "std", "var", "max", "min"])
@pytest.mark.parametrize("shape", [s for s in SHAPES if s], ids=str)
def test_reductions_of_nothing_are_those_of_numpy(name, shape):
    x = np.full(shape, 0.5)
    for axis in (None, 0, -1):
        try:
            want = getattr(np, name)(x, axis=axis)
        except ValueError:
            with pytest.raises(ValueError, match="over no entries"):
                getattr(mg, name)(x, axis=axis)
            continue
        np.testing.assert_array_equal(getattr(mg, name)(x, axis=axis), want)


def test_logsumexp_over_nothing():
    assert mg.logsumexp(np.zeros(0)) == -np.inf
    np.testing.assert_array_equal(mg.logsumexp(np.zeros((2, 0)), axis=1), [-np.inf, -np.inf])
    assert mg.grad(mg.logsumexp)(np.zeros(0)).shape == (0,)


def test_the_table_forgets_no_function():
    names = {re.split("[-.]", name.removeprefix("nn."))[0] for name in ONE_ARRAY} | {"linalg"}
    forgotten = {c.function.rpartition(".")[2] for c in CASES} - names
    assert not forgotten, forgotten


# ------------------------------------------------------------------------------------- NumPy's numbers

STATS = {"mean": np.zeros(3, np.float32), "var": np.ones(3, np.float32)}
ONES = np.ones(3, np.float32)
OPTIONS = {
    "batch_norm eps": lambda x, k: nn.batch_norm(x, ONES, ONES, eps=k(0.1)),
    "batch_norm momentum": lambda x, k: nn.batch_norm(x, ONES, ONES, STATS, momentum=k(0.1)),
    "batch_norm evaluation": lambda x, k: nn.batch_norm(x, ONES, ONES, STATS, training=False, eps=k(0.1)),
    "running_average": lambda x, k: nn.running_average(STATS, STATS, k(0.1)),
    "dropout": lambda x, k: nn.dropout(x, np.ones(x.shape, bool), k(0.25)),
    "local_response_norm": lambda x, k: nn.local_response_norm(x, 3, k(0.1), k(0.5), k(1.5)),
    "vector_norm": lambda x, k: linalg.vector_norm(x, ord=k(2.5)),
    "var": lambda x, k: mg.var(x, correction=k(1.0)),
    "std": lambda x, k: mg.std(x, correction=k(1.0)),
    "clip": lambda x, k: mg.clip(x, k(2.0), k(3.0)),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_of_numpy_leave_the_dtype_alone(name):
    f, x = OPTIONS[name], np.arange(1.0, 7.0, dtype=np.float32).reshape(2, 3)
    for want, got in zip(leaves(f(x, float)), leaves(f(x, np.float64)), strict=True):
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, want)


# ------------------------------------------------------------------------------------- NumPy's integers

N = np.int64
X = np.arange(1.0, 7.0).reshape(2, 3)
INTEGERS = {
    **{name: lambda x, k, name=name: getattr(mg, name)(x, axis=k(1)) for name in (
        "sum", "mean", "var", "std", "prod", "max", "min", "logsumexp", "cumulative_sum", "cumulative_prod", "diff",
        "sort", "argmax", "argmin", "argsort", "all", "any", "count_nonzero", "flip", "expand_dims",
    )},
    "two axes": lambda x, k: mg.mean(x, axis=(k(0), k(1))),
    "squeeze": lambda x, k: mg.squeeze(x[:, :1], k(1)),
    "concat": lambda x, k: mg.concat([x, x], axis=k(1)),
    "stack": lambda x, k: mg.stack([x, x], axis=k(1)),
    "unstack": lambda x, k: mg.unstack(x, axis=k(1)),
    "take": lambda x, k: mg.take(x, np.array([0]), axis=k(1)),
    "take_along_axis": lambda x, k: mg.take_along_axis(x, np.zeros((2, 1), int), axis=k(1)),
    "repeat": lambda x, k: mg.repeat(x, k(2), axis=k(1)),
    "roll": lambda x, k: mg.roll(x, k(1), axis=k(1)),
    "roll two": lambda x, k: mg.roll(x, (k(1), k(2)), axis=(k(0), k(1))),
    "moveaxis": lambda x, k: mg.moveaxis(x, k(0), k(1)),
    "permute_dims": lambda x, k: mg.permute_dims(x, (k(1), k(0))),
    "reshape": lambda x, k: mg.reshape(x, (k(3), k(2))),
    "reshape flat": lambda x, k: mg.reshape(x, k(6)),
    "broadcast_to": lambda x, k: mg.broadcast_to(x, (k(2), k(2), k(3))),
    "tile": lambda x, k: mg.tile(x, (k(2), k(1))),
    "pad": lambda x, k: mg.pad(x, ((k(0), k(1)), (k(1), k(0)))),
    "tril": lambda x, k: mg.tril(x, k(1)),
    "vecdot": lambda x, k: mg.vecdot(x, x, axis=k(1)),
    "tensordot": lambda x, k: mg.tensordot(x, x.T, k(1)),
    "tensordot axes": lambda x, k: mg.tensordot(x, x, ((k(1),), (k(1),))),
    "getitem": lambda x, k: x[k(1), k(2)],
    "index_add": lambda x, k: mg.index_add(x, (k(1), k(2)), 1.0),
    "diagonal": lambda x, k: linalg.diagonal(x, k(1)),
    "matrix_power": lambda x, k: linalg.matrix_power(x @ x.T, k(2)),
    "vector_norm": lambda x, k: linalg.vector_norm(x, axis=k(1)),
    "diff n": lambda x, k: mg.diff(x, k(1), k(2)),
    "pow": lambda x, k: x ** k(2),
    "softmax": lambda x, k: nn.softmax(x, axis=k(1)),
    "max_pool2d": lambda x, k: nn.max_pool2d(x[None, :, :, None], k(2), k(1), k(1)),
    "avg_pool2d": lambda x, k: nn.avg_pool2d(x[None, :, :, None], (k(2), k(1)), k(1), (k(1), k(0))),
    "conv2d": lambda x, k: nn.conv2d(x[None, :, :, None], np.ones((2, 2, 1, 1)), k(1), k(1)),
    "linspace": lambda x, k: mg.linspace(0.0, 1.0, k(3)) * x[0, 0],
    "eye": lambda x, k: x @ mg.eye(k(3)),
    "zeros": lambda x, k: x + mg.zeros((k(2), k(3))),
}  # fmt: skip


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_of_numpy_are_integers(name):
    f = INTEGERS[name]
    for kind in (np.int64, np.int32, np.uint8, lambda k: np.array(k)):
        for got, want in zip(
            leaves(both_sweeps(lambda x, kind=kind: f(x, kind), X)),
            leaves(both_sweeps(lambda x: f(x, int), X)),
            strict=True,
        ):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("axis", [1.0, "1", [0.0], np.float64(1.0)])
@pytest.mark.parametrize("name", ["sum", "mean", "max", "cumulative_sum", "flip", "sort", "expand_dims"])
def test_an_axis_that_is_no_integer(name, axis):
    with pytest.raises(TypeError, match="integer"):
        getattr(mg, name)(X, axis=axis)


@pytest.mark.parametrize("axis", [(0, 1), (), np.zeros(0, int)])
@pytest.mark.parametrize("name", ["sort", "diff", "unstack", "cumulative_sum", "repeat", "take", "take_along_axis"])
def test_functions_along_one_axis(name, axis):
    more = {"repeat": (2,), "take": (np.array([0]),), "take_along_axis": (np.array([[0]]),)}
    with pytest.raises(ValueError, match=rf"\A{name} works along one axis; got axis="):
        getattr(mg, name)(X, *more.get(name, ()), axis=axis)
    with pytest.raises(ValueError, match=r"\Aconcat works along one axis; got axis="):
        mg.concat([X, X], axis=axis)


@pytest.mark.parametrize("x", [-2.0, 0.0, 3, -1])
def test_the_sign_of_numbers(x):
    assert mg.sign(x) == np.sign(x)


def test_argnums():
    f = lambda a, b: a * b  # noqa: E731
    assert mg.grad(f, np.int64(1))(2.0, 3.0) == 2.0
    assert mg.grad(f, [0, 1])(2.0, 3.0) == (3.0, 2.0)
    for argnums in ((0, 0), (0, -2), (1, 1)):
        with pytest.raises(ValueError, match=re.escape(f"argnums={argnums} names an argument twice")):
            mg.grad(f, argnums)(2.0, 3.0)


def test_every_function_with_an_axis_is_tried():
    with_axis = {n for n in mg.__all__ if callable(getattr(mg, n)) and "axis" in _parameters(getattr(mg, n))}
    assert with_axis - {name.split()[0] for name in INTEGERS} == set()


def _parameters(function):
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
