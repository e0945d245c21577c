"""Functions written for the array API standard, which know nothing of minigrad, differentiate unchanged."""

import array_api_compat
import numpy as np
import pytest

import minigrad as mg


def namespace_of(x):
    """As a library of the standard finds it."""
    return x.__array_namespace__() if isinstance(x, mg.Variable) else array_api_compat.array_namespace(x)


def softmax_entropy(x):
    xp = namespace_of(x)
    e = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    p = e / xp.sum(e, axis=-1, keepdims=True)
    return -xp.sum(p * xp.log(p))


def polynomial(x):
    xp = namespace_of(x)
    powers = xp.arange(4, dtype=x.dtype)
    return xp.sum(xp.expand_dims(x, axis=-1) ** powers * xp.asarray([1.0, -2.0, 0.5, 0.25], dtype=x.dtype))


def padded_difference(x):
    xp = namespace_of(x)
    zeros = xp.zeros((x.shape[0], 1), dtype=x.dtype, device=x.device)
    y = xp.concat([zeros, x, xp.full_like(zeros, 2.0)], axis=1)
    return xp.mean(xp.square(xp.diff(y, axis=1)))


def robust(x):
    """Choices, comparisons, masks and questions."""
    xp = namespace_of(x)
    inside = xp.logical_and(x > -1.0, xp.isfinite(x))
    y = xp.where(inside, x**2, 2.0 * xp.abs(x) - 1.0)
    y = y * xp.astype(xp.less_equal(x, 0.5), x.dtype) + xp.clip(x, -0.5, 0.5) * xp.ones_like(x)
    if xp.any(x > 0.0) and not xp.all(xp.equal(x, 0.0)):
        y = y + xp.maximum(x, xp.zeros_like(x))
    return xp.sum(y) + xp.sum(xp.linspace(0.0, 1.0, num=3, dtype=x.dtype)) * x[0, 0]


def whitened(x):
    """Linear algebra of the extension."""
    xp = namespace_of(x)
    c = xp.matmul(xp.matrix_transpose(x), x) + xp.eye(x.shape[1], dtype=x.dtype)
    root = xp.linalg.cholesky(c)
    y = xp.linalg.solve(root, xp.matrix_transpose(x))
    return xp.linalg.trace(xp.linalg.matmul(y, y.mT)) + xp.linalg.slogdet(c).logabsdet + xp.linalg.vector_norm(x)


def rearranged(x):
    xp = namespace_of(x)
    y = xp.permute_dims(xp.stack([x, xp.flip(x, axis=0), xp.roll(x, 1, axis=1)]), (1, 2, 0))
    first, *_ = xp.unstack(y, axis=2)
    z = xp.reshape(xp.tile(xp.repeat(first, 2, axis=0), (1, 2)), (-1,))
    z = xp.sort(z) * xp.arange(z.shape[0], dtype=x.dtype) + xp.take(z, xp.asarray([0, 0, 1]))[0]
    order = xp.argsort(x, axis=1)
    return xp.sum(xp.cumulative_sum(z)) + xp.sum(xp.take_along_axis(x, order, axis=1)[:, -1] * xp.prod(x, axis=1))


FUNCTIONS = [softmax_entropy, polynomial, padded_difference, robust, whitened, rearranged]
FUNCTION = pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
X = np.array([[0.3, -1.7, 0.9], [-0.2, 1.4, 0.45]])


@FUNCTION
def test_on_numpy(f):
    assert mg.value_and_grad(f)(X)[0] == f(X)
    mg.check_derivatives(f, X)
    single = X.astype(np.float32)
    assert f(single).dtype == mg.grad(f)(single).dtype == mg.hvp(f, single, single).dtype == np.float32


@FUNCTION
def test_on_other_backends(f, backend):
    x = backend.asarray(X.tolist(), dtype=backend.float64)  # which is not every library's default
    value, gradient = mg.value_and_grad(f)(x)
    assert type(value) is type(gradient) is type(x)
    np.testing.assert_allclose(mg.to_numpy(value), f(X), rtol=1e-13)
    np.testing.assert_allclose(mg.to_numpy(gradient), mg.grad(f)(X), rtol=1e-12)
    mg.check_derivatives(f, x, directions=1)


def test_a_variable_answers_with_minigrad():
    def f(x):
        assert x.__array_namespace__() is mg
        assert x.__array_namespace__(api_version="2024.12") is mg
        assert array_api_compat.is_array_api_obj(x)
        assert array_api_compat.array_namespace(x) is mg
        return mg.sum(x)

    mg.hessian(f)(X)


@pytest.mark.parametrize(
    ("name", "args", "params"),
    [
        ("zeros", ((2, 3),), {}), ("ones", (2,), {}), ("full", ((2,), 3.0), {}), ("full", (2,), {"fill_value": 3.0}),
        ("arange", (5,), {}), ("arange", (1, 9, 2), {}), ("linspace", (0.0, 1.0), {"num": 5, "endpoint": False}),
        ("eye", (2, 3), {"k": 1}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [None, "float32", "int64"])
def test_creation(name, args, params, dtype):
    if dtype is not None and name != "linspace":
        params = {**params, "dtype": getattr(mg, dtype)}
    got, want = getattr(mg, name)(*args, **params), getattr(np, name)(*args, **params)
    np.testing.assert_array_equal(got, want, strict=True)


def test_creation_like_a_variable():
    def f(x):
        for made, want in (
            (mg.zeros_like(x), np.zeros((2, 3), np.float32)),
            (mg.ones_like(x, dtype=mg.float64), np.ones((2, 3))),
            (mg.full_like(x, 2.5), np.full((2, 3), 2.5, np.float32)),
        ):
            np.testing.assert_array_equal(made, want, strict=True)
        assert mg.empty_like(x).shape == (2, 3)
        return mg.sum(x)

    mg.grad(f)(X.astype(np.float32))


def test_questions_are_answered_with_plain_values():
    def f(x):
        for name, want in (
            ("isnan", np.isnan(X)), ("isinf", np.isinf(X)), ("isfinite", np.isfinite(X)), ("signbit", np.signbit(X)),
            ("trunc", np.trunc(X)), ("argsort", np.argsort(X)), ("argmax", np.argmax(X)), ("argmin", np.argmin(X)),
            ("count_nonzero", 6), ("all", np.True_), ("any", np.True_),
        ):  # fmt: skip
            np.testing.assert_array_equal(getattr(mg, name)(x), want)
        np.testing.assert_array_equal(mg.greater(x, 0.0), X > 0.0)
        np.testing.assert_array_equal(mg.less(0.0, x), X > 0.0)
        np.testing.assert_array_equal(mg.not_equal(x, x), X != X)
        np.testing.assert_array_equal(np.greater(x, X - 1.0), np.full((2, 3), True))
        np.testing.assert_array_equal(np.less(X - 1.0, x), np.full((2, 3), True))
        np.testing.assert_array_equal(mg.nonzero(x > 0.0), np.nonzero(X > 0.0))
        np.testing.assert_array_equal(mg.searchsorted(np.arange(3.0), x[0]), np.searchsorted(np.arange(3.0), X[0]))
        np.testing.assert_array_equal(mg.meshgrid(x[0], x[1])[1], np.meshgrid(X[0], X[1])[1])
        assert mg.result_type(x, mg.float32) == mg.result_type(mg.float64, 1.0) == np.float64
        assert mg.result_type(mg.float32, 1.0) == np.float32
        return mg.sum(x)

    mg.grad(f)(X)


def test_dtypes_and_constants():
    assert mg.isdtype(np.dtype("float32"), "real floating")
    assert mg.isdtype(mg.int64, "integral")
    assert mg.finfo(mg.float32).eps == np.finfo(np.float32).eps
    assert [mg.pi, mg.e, mg.inf, mg.newaxis] == [np.pi, np.e, np.inf, None]
    assert mg.astype(X, "float32").dtype == mg.astype(X, mg.float32).dtype == np.float32
    assert mg.astype(X, mg.float64, copy=False) is X
    with pytest.raises(TypeError, match=r"no dtype 'float77' on numpy: give minigrad\.float32"):
        mg.astype(X, "float77")


def test_astype_to_integers_and_booleans_gives_constants():
    gradient = mg.grad(lambda x: mg.sum(x * mg.astype(mg.astype(x, mg.int64), x.dtype) * mg.astype(x, mg.bool)))(X)
    np.testing.assert_array_equal(gradient, np.trunc(X))


def test_asarray():
    def f(x):
        assert mg.asarray(x) is x
        assert mg.asarray(x, dtype=mg.float32).dtype == np.float32
        return mg.sum(mg.asarray(x, dtype=mg.float32)) + mg.sum(mg.asarray([1.0, 2.0]))

    assert mg.grad(f)(X).dtype == np.float64
    assert mg.asarray(X) is X


def test_dtypes_of_the_backend(backend):
    x = backend.ones(2, dtype=backend.float32)
    assert mg.isdtype(x.dtype, "real floating")
    assert mg.astype(x, mg.float64).dtype == backend.float64
    assert mg.finfo(x.dtype).eps == np.finfo(np.float32).eps


def test_to_numpy(backend):
    assert type(mg.to_numpy(backend.ones(2))) is np.ndarray
    assert mg.to_numpy(X) is X
    assert mg.to_numpy(2.0) == np.array(2.0)


def test_what_the_standard_says_of_arguments():
    """Products of short integers do not overflow; an array of its own; lists of coordinates; upper factors."""
    short = np.full(3, 100, np.uint8)
    assert mg.prod(short) == 10**6
    assert mg.prod(short).dtype == np.uint64
    np.testing.assert_array_equal(mg.cumulative_prod(short.astype(np.int8)), [100, 10**4, 10**6])
    assert mg.prod(short, dtype=mg.uint8).dtype == np.uint8
    x = np.arange(6.0)
    own = mg.asarray(x, copy=True)
    assert not np.shares_memory(own, x)
    np.testing.assert_array_equal(own, x)
    assert isinstance(mg.meshgrid(x, x), list)
    np.testing.assert_array_equal(mg.diff(x, prepend=x[-1:], append=x[:1]), np.diff(x, prepend=5.0, append=0.0))
    np.testing.assert_array_equal(mg.sort(x[::-1], stable=False), x)
    assert mg.finfo(x).eps == mg.finfo(mg.float64).eps == np.finfo(np.float64).eps
    a = np.array([[4.0, 2.0], [2.0, 3.0]])
    np.testing.assert_array_equal(mg.linalg.cholesky(a, upper=True), np.linalg.cholesky(a).T)
