"""The table of all functions on other array libraries, and what happens where two libraries meet.

`backend` is every library that has a file in minigrad/backends and is installed (NumPy aside, with which all are
compared), CuPy's double, and array-api-strict, which has no file: it runs the standard's operations alone. Dask's
lazy arrays are in test_dask.py. What each function of the protocol promises is in test_protocol.py, the networks in
tests/problems/vision/test_on_backends.py.
"""

import array_api_compat
import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, tree_flatten
from tests.conftest import BACKENDS, in_one_program, namespace_of
from tests.minigrad.ops.test_derivatives import cast
from tests.support.cases import CASES

CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)

# JAX compiles each operation for each shape: test_jax.py has the table in whole programs, in a fifth of the time.
UNCOMPILED = pytest.mark.parametrize("backend", [name for name in BACKENDS if name != "jax"], indirect=True)


def skip_if_numpy_only(case, backend):
    if case.numpy_only and "strict" in backend.__name__:
        pytest.skip(case.numpy_only)


@CASE
@UNCOMPILED
def test_derivatives_to_second_order(case, backend):
    skip_if_numpy_only(case, backend)
    mg.check_derivatives(case.f, *cast(case.args, "float64", backend), directions=1, **case.options)


@CASE
@UNCOMPILED
def test_values_are_numpys_and_results_stay_on_the_backend(case, backend):
    skip_if_numpy_only(case, backend)
    args = cast(case.args, "float32", backend)
    y, J = mg.linearize(case.f, *args)
    y_bar = J.T(y)
    results = [case.f(*args), y, J(*args), y_bar, mg.jvp(case.f, args, args)]
    for x in tree_flatten(results)[0]:
        assert array_api_compat.array_namespace(x) is array_api_compat.array_namespace(args[0])
        assert x.dtype == backend.float32
    expected, J = mg.linearize(case.f, *cast(case.args, "float32"))
    for got, want in zip(tree_flatten([y, y_bar])[0], tree_flatten([expected, J.T(expected)])[0], strict=True):
        np.testing.assert_allclose(mg.to_numpy(got), want, rtol=1e-4, atol=1e-5)


def little_network(images, kernel, gain, bias, weights):
    """All that networks are made of, smooth but for the maximum."""
    labels = mg.namespace(images).asarray([1, 0, 1])
    x = nn.conv2d(images, kernel, stride=(2, 1), padding=(1, 0), bias=bias)
    x, _ = nn.batch_norm(x, gain, bias)
    x = nn.avg_pool2d(nn.max_pool2d(mg.tanh(x), 2, 1, padding=1), (1, 2), padding=(0, 1))
    outputs = nn.dense(mg.reshape(x, (x.shape[0], -1)), weights)
    return nn.cross_entropy(outputs, labels)


def third_derivative(*args):
    """The gradient of `<w, H w>`."""
    curvature = mg.grad(lambda w: mg.jvp(lambda w: mg.jvp(little, (w,), (args,))[1], (w,), (args,))[1])
    return curvature(args)


def little(args):
    return little_network(*args)


def test_third_derivatives(backend):
    rng = np.random.default_rng(0)
    shapes = (3, 5, 3, 1), (3, 2, 1, 2), (2,), (2,), (16, 2)  # odd lengths
    args = [rng.normal(size=shape) for shape in shapes]
    expected = third_derivative(*args)
    found = in_one_program(lambda args: third_derivative(*args), backend)(cast(args, "float64", backend))
    for got, want in zip(found, expected, strict=True):
        np.testing.assert_allclose(mg.to_numpy(got), want, rtol=1e-9, atol=1e-11)


def test_numpys_third_derivatives_are_those_of_difference_quotients():
    rng = np.random.default_rng(0)
    shapes = (3, 5, 3, 1), (3, 2, 1, 2), (2,), (2,), (16, 2)
    mg.check_derivatives(little_network, *(rng.normal(size=shape) for shape in shapes), order=3, directions=1)


EMPTY = {
    "elementwise": (lambda x: mg.exp(x) * mg.maximum(x, 0.5) + mg.relu(x), (0, 3)),
    "sum": (lambda x: mg.sum(x * x), (0,)),
    "sum-axis": (lambda x: mg.sum(x, axis=1), (2, 0)),
    "prod": (lambda x: mg.prod(x, axis=0), (0, 2)),
    "matmul": (lambda x: x @ mg.matrix_transpose(x), (2, 0)),
    "concat": (lambda x: mg.concat([x, mg.ones_like(x), x], axis=1), (2, 0)),
    "slice": (lambda x: x[1:, ...], (1, 3)),
    "pad": (lambda x: mg.pad(x, ((1, 0), (0, 2))), (0, 2)),
    "sort": (lambda x: mg.sort(x), (0,)),
    "convolution": (lambda x: nn.conv2d(x, mg.ones((3, 2, 2, 4), dtype=x.dtype), padding=1), (0, 5, 4, 2)),
    "max_pool": (lambda x: nn.max_pool2d(x, 3, 2, 1), (0, 5, 4, 2)),
    "avg_pool": (lambda x: nn.avg_pool2d(x, 3, 2, 1), (0, 5, 4, 2)),
    "dense": (lambda x: nn.log_softmax(nn.dense(x, mg.ones((3, 2), dtype=x.dtype))), (0, 3)),
}  # fmt: skip


@pytest.mark.parametrize(("f", "shape"), EMPTY.values(), ids=EMPTY)
def test_empty_arrays(f, shape, backend):
    def results(x):
        y, J = mg.linearize(f, x)
        return [y, J(x), J.T(y)]

    for got, want in zip(results(backend.zeros(shape, dtype=backend.float64)), results(np.zeros(shape)), strict=True):
        assert got.shape == want.shape
        assert got.dtype == backend.float64
        np.testing.assert_array_equal(mg.to_numpy(got), want)


# ------------------------------------------------------------------------------------- two backends meet

MIXED = "arrays of two backends meet: .*write constants as Python floats"


def meets(f, *args):
    with pytest.raises(TypeError, match=MIXED):
        f(*args)


@pytest.mark.parametrize(
    "operation",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: a / b,
        lambda a, b: abs(a) ** b,
        lambda a, b: a @ b,
        lambda a, b: mg.maximum(a, b),
        lambda a, b: mg.where(a > 0.0, a, b),
        lambda a, b: mg.concat([a, b]),
        lambda a, b: mg.linalg.solve(mg.outer(a, a), b),
    ],
)
def test_a_constant_of_another_backend(operation, backend):
    ours, numpys = backend.asarray([1.0, 2.0]), np.array([1.0, 2.0])
    for x, constant in ((ours, numpys), (numpys, ours)):
        meets(mg.linearize, lambda x, c=constant: operation(x, c), x)
        meets(mg.linearize, lambda x, c=constant: operation(c, x), x)


def test_an_index_array_of_another_backend(backend):
    """Those of NumPy may be constants on the host; array-api-strict refuses them itself."""
    ours, numpys = backend.asarray([1.0, 2.0]), np.array([1.0, 2.0])
    there, here = backend.asarray([1, 0]), np.array([1, 0])
    for f in (lambda x, i: x[i], mg.take, lambda x, i: mg.index_add(x, i, 1.0)):
        meets(mg.linearize, lambda x, f=f: f(x, there), numpys)
        if "strict" not in backend.__name__ and "cupy" not in backend.__name__:
            np.testing.assert_array_equal(mg.linearize(lambda x, f=f: f(x, here), ours)[0], f(numpys, here))


def test_primals_tangents_and_cotangents_of_another_backend(backend):
    ours, numpys = backend.asarray([1.0, 2.0]), np.array([1.0, 2.0])
    _, J = mg.linearize(mg.sin, ours)
    meets(J, numpys)
    meets(J.T, numpys)
    meets(mg.linearize, mg.add, ours, numpys)
    meets(mg.jvp, mg.sin, (numpys,), (ours,))
    meets(mg.linearize, lambda p: p["a"], {"a": numpys, "b": [ours]})


def test_python_floats_take_the_backend_and_dtype_of_the_arrays_they_come_with(backend):
    params = {"w": backend.asarray([1.0, 2.0], dtype=backend.float32), "b": 3.0}
    gradient = mg.grad(lambda p: mg.sum(p["w"] * p["b"]))(params)
    assert type(gradient["b"]) is type(params["w"])
    assert gradient["b"].dtype == backend.float32
    assert float(gradient["b"]) == 3.0


def test_creation_functions_follow_the_innermost_open_transform(backend):
    made = []

    def f(x):
        made.append(mg.zeros(2))
        made.append(mg.grad(lambda y: y * mg.sum(mg.ones(2)))(np.float64(1.0)))
        made.append(mg.asarray([1, 2]))
        return mg.sum(x)

    mg.grad(f)(backend.ones(2))
    assert [type(x) for x in made] == [type(backend.ones(2)), np.float64, type(backend.ones(2))]
    assert type(mg.zeros(2)) is np.ndarray


def test_constants_in_unused_branches_and_outputs_stay_on_the_backend(backend):
    x = backend.ones(2)
    y, J = mg.linearize(lambda x: (1.0, 2.0 * backend.ones(3)), x)
    assert {type(leaf) for leaf in tree_flatten([y, J(x), J.T(y)])[0]} == {type(x)}


def test_a_small_network_on_a_library_without_a_file():
    """Dask has no file, and its namespace is one of its modules."""
    dask = pytest.importorskip("dask.array", reason="Dask is not installed")
    rng = np.random.default_rng(0)
    params = {"w1": rng.normal(size=(3, 4)), "b1": rng.normal(size=4), "w2": rng.normal(size=(4, 2))}
    x = rng.normal(size=(5, 3))

    def gradient(asarray):
        images = asarray(x)
        loss = lambda p: mg.mean(mg.square(mg.tanh(nn.dense(images, p["w1"], p["b1"])) @ p["w2"]))  # noqa: E731
        return mg.grad(loss)(mg.tree_map(asarray, params))

    found = gradient(dask.asarray)
    assert mg.namespace(found["w1"]) is namespace_of("dask")
    for name, expected in gradient(np.asarray).items():
        np.testing.assert_allclose(mg.to_numpy(found[name]), expected, rtol=1e-13)
