"""`vmap`: values against a loop and against JAX's, derivatives through it and inside it, errors."""

import numpy as np
import pytest

import minigrad as mg
from tests.support.errors import fails

RNG = np.random.default_rng(9)
W, XS, YS = RNG.normal(size=(3, 2)), RNG.normal(size=(4, 3)), RNG.normal(size=(4, 2))


def error(w, x, y):
    return mg.sum((mg.tanh(x @ w) - y) ** 2)


def test_each_example_has_its_own_result():
    np.testing.assert_array_equal(mg.vmap(lambda x: x @ W)(XS), np.stack([x @ W for x in XS]))
    both = mg.vmap(lambda x, y: {"dot": mg.sum(x) * y, "x": (x,)})(XS, YS)
    np.testing.assert_allclose(both["dot"], XS.sum(1, keepdims=True) * YS)
    np.testing.assert_array_equal(both["x"][0], XS)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_axes_of_arguments_and_results(axis):
    x = RNG.normal(size=(2, 3, 4))
    rows = [np.take(x, i, axis) ** 2 for i in range(x.shape[axis])]
    for out in (0, 1, 2, -1):
        got = mg.vmap(mg.square, axis, out)(x)
        np.testing.assert_array_equal(got, np.stack(rows, out))


def test_gradients_of_each_example():
    each = mg.vmap(mg.grad(error), (None, 0, 0))(W, XS, YS)
    whole = mg.jacobian(lambda w: mg.sum((mg.tanh(XS @ w) - YS) ** 2, axis=1))(W)
    np.testing.assert_allclose(each, whole, rtol=1e-12)


def test_derivatives_go_through_it():
    mg.check_derivatives(lambda w, xs: mg.vmap(error, (None, 0, None))(w, xs, YS[0]), W, XS)
    per_example = lambda w: mg.vmap(mg.grad(error), (None, 0, 0))(w, XS, YS)  # noqa: E731
    mg.check_derivatives(lambda w: mg.sum(per_example(w) ** 2), W, directions=1)


def test_trees_keywords_and_numbers():
    p = {"a": XS, "b": [np.arange(4.0)]}
    f = mg.vmap(lambda p, scale=1.0: scale * mg.sum(p["a"]) + p["b"][0])
    np.testing.assert_allclose(f(p, scale=2.0), 2.0 * XS.sum(1) + np.arange(4.0))
    np.testing.assert_array_equal(mg.vmap(lambda x: 1.0)(XS), np.ones(4))
    assert mg.vmap(lambda x: mg.sum(x))(XS.astype(np.float32)).dtype == np.float32


def test_a_map_of_a_map():
    got = mg.vmap(mg.vmap(lambda x, y: x * y, (0, None)), (None, 0))(np.arange(3.0), np.arange(4.0))
    np.testing.assert_array_equal(got, np.outer(np.arange(4.0), np.arange(3.0)))


def test_as_jax_does():
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    for in_axes, out_axes, args in (
        (0, 0, (XS, YS)), ((0, None), 1, (XS, YS[0])), ((1, None), 0, (XS, YS[0])), ((None, 1), -1, (XS[0], YS)),
    ):  # fmt: skip
        f = lambda x, y: x[:, None] * y  # noqa: E731
        want = jax.vmap(f, in_axes, out_axes)(*args)
        np.testing.assert_allclose(mg.vmap(f, in_axes, out_axes)(*args), want, rtol=1e-6)


def test_on_other_libraries(backend):
    x = backend.asarray(XS.tolist(), dtype=backend.float64)
    f = mg.vmap(mg.grad(lambda x: mg.sum(x**3)))
    assert type(f(x)) is type(x)
    np.testing.assert_allclose(mg.to_numpy(f(x)), 3.0 * XS**2)


@pytest.mark.parametrize(("kind", "message", "call"), [
    (TypeError, "vmap takes a function, got ndarray: write vmap(f)(xs)", lambda: mg.vmap(XS)),
    (TypeError, "vmap: axes are integers, or None in in_axes; got 0.5", lambda: mg.vmap(mg.sin, 0.5)),
    (TypeError, "vmap: out_axes must be an integer", lambda: mg.vmap(mg.sin, 0, None)),
    (TypeError, "in_axes has 2 entries; sin was called with 1 arguments", lambda: mg.vmap(mg.sin, (0, 0))(XS)),
    (ValueError, "argument 0 of add has 4 examples, argument 1 has 3", lambda: mg.vmap(mg.add)(XS, XS[:3])),
    (ValueError, "argument 0['b'] of <lambda> has 2",
     lambda: mg.vmap(lambda p: p)({"b": np.ones(2), "c": np.ones(3)})),
    (ValueError, "argument 0 of sin has no examples", lambda: mg.vmap(mg.sin)(np.zeros((0, 2)))),
    (ValueError, "no argument of sin has examples", lambda: mg.vmap(mg.sin, None)(XS)),
    (ValueError, "argument 0 of sin: axis 2 does not name axes of an array of shape (4, 3)",
     lambda: mg.vmap(mg.sin, 2)(XS)),
    (TypeError, "returned another structure for example 1 than for example 0",
     lambda: mg.vmap(lambda x: (x, x) if x > 0.5 else x)(np.arange(2.0))),
])  # fmt: skip
def test_errors(kind, message, call):
    fails(kind, message, call)
