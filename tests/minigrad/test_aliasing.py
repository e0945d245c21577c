"""Results share no memory with each other or with what was given, and a linearization keeps what it reads.

The rules are those of docs/aliasing.md.
"""

import itertools

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.backends import backend_for
from tests.support.cases import CASES

W = np.array([0.3, -0.7, 1.1])
V = np.array([1.0, 2.0, 3.0])


def arrays(*trees):
    return [x for x in mg.tree_flatten(trees)[0] if isinstance(x, np.ndarray)]


def assert_apart(results, given):
    """Results can be written to, and share memory with nothing."""
    for x in results:
        assert x.flags.writeable
        x[...] += 0.0
    for x, y in itertools.chain(itertools.combinations(results, 2), itertools.product(results, given)):
        assert not np.shares_memory(x, y)


# Functions whose maps return their argument, a view of it, or one array for several.
TRICKY = {
    "identity": lambda x: x,
    "twice": lambda x: (x, x),
    "view": lambda x: x[::-1],
    "views": lambda x: [x[:2], x[1:], mg.reshape(x, (3, 1))],
    "broadcast": lambda x: mg.broadcast_to(x, (2, 3)),
    "constant": lambda x: {"c": V, "x": x},
    "coefficient": mg.exp,
    "sum": mg.sum,
    "positive": lambda x: +x,
    "aliased constant": lambda x: (V, V),
    "astype": lambda x: mg.astype(x, mg.float64, copy=False),
}  # fmt: skip


@pytest.mark.parametrize("name", TRICKY)
def test_results_share_no_memory(name):
    f, w, v = TRICKY[name], W.copy(), V.copy()
    y, J = mg.linearize(f, w)
    u = mg.tree_map(np.ones_like, y)
    assert_apart(arrays(y, J(v), J.T(u)), arrays(w, v, u, V))
    value, pull_back = mg.vjp(f, w)
    assert_apart(arrays(value, pull_back(u)), arrays(w, u, V))
    assert_apart(arrays(*mg.jvp(f, (w,), (v,))), arrays(w, v, V))
    assert_apart(arrays(*mg.jvp(f, (w,), (w,))), arrays(w, V))
    assert_apart(arrays(mg.jacobian(f)(w)), arrays(w, V))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_every_operation_in_both_sweeps(case):
    """After primals, outputs, tangents and results were overwritten, J gives what it gave before."""
    args = tuple(np.array(x) for x in case.args)
    y, J = mg.linearize(case.f, *args)
    rng = np.random.default_rng(0)
    v = tuple(np.asarray(rng.normal(size=x.shape)) for x in args)
    u = mg.tree_map(lambda x: np.asarray(rng.normal(size=x.shape)), y)
    y_dot, x_bar = J(*v), J.T(u)
    kept = mg.tree_map(np.array, (y_dot, x_bar))
    assert_apart(arrays(y, y_dot, x_bar), arrays(args, v, u))
    for x in arrays(args, y, y_dot, x_bar):
        x[...] = np.nan
    mg.tree_map(np.testing.assert_array_equal, (J(*v), J.T(u)), kept)


def test_a_changed_output_leaves_the_map_alone():
    y, J = mg.linearize(mg.exp, W)
    y *= 0
    np.testing.assert_array_equal(J(V), np.exp(W) * V)


@pytest.mark.parametrize(
    "make",
    [
        lambda w: mg.linearize(lambda x: x * x, w)[1],
        lambda w: mg.vjp(lambda x: x * x, w)[1],
        lambda w: mg.HessianOperator(lambda x: mg.sum(x**3) / 3.0, w),
        lambda w: mg.GGNOperator(lambda x: x, lambda y: mg.sum(y**3) / 3.0, w),
    ],
)
def test_a_changed_input_leaves_the_map_alone(make):
    w = W.copy()
    J = make(w)
    w -= 1.0
    np.testing.assert_allclose(J(V), 2.0 * W * V)


def test_changed_outputs_of_an_operator_leave_it_alone():
    G = mg.GGNOperator(lambda w: mg.exp(w), lambda y: y @ y, W)
    want = G(V)
    for x in (G.outputs, G.g_L):
        x *= 0.0
    np.testing.assert_array_equal(G(V), want)


def test_gradients_of_two_leaves_are_two_arrays():
    a, b = np.ones(3), np.ones(3)
    for f in (
        lambda p: mg.sum(p["a"] + p["b"]),
        lambda p: mg.sum(mg.concat([p["a"], p["b"]])),
        lambda p: mg.sum(mg.stack([p["a"], p["b"]])),
        lambda p: mg.mean(p["a"]),
    ):
        value, g = mg.value_and_grad(f)({"a": a, "b": b})
        assert_apart(arrays(value, g), [a, b])
        g["a"] += 5.0
        np.testing.assert_array_equal(g["b"], mg.grad(f)({"a": a, "b": b})["b"])


def test_the_value_and_its_aux_are_not_the_argument():
    x = np.array(3.0)
    (value, aux), g = mg.value_and_grad(lambda x: (x, {"x": x, "same": x}), has_aux=True)(x)
    assert_apart(arrays(value, aux, g), [x])


def test_aux_is_not_held_by_the_map():
    def f(w):
        y = mg.exp(w)
        return mg.sum(y), (y, mg.stop_gradient(y))

    _, J, aux = mg.linearize(f, W, has_aux=True)
    for x in aux:
        x *= 0.0
    np.testing.assert_allclose(J(V), np.sum(np.exp(W) * V))


def test_a_constant_taken_from_a_variable_is_a_copy():
    def f(w):
        c = mg.stop_gradient(w)
        c *= 0.0
        return mg.sum(w * w)

    w = W.copy()
    np.testing.assert_array_equal(mg.grad(f)(w), 2.0 * W)
    np.testing.assert_array_equal(w, W)


def test_nested_transforms():
    g = mg.grad(lambda w: mg.sum(mg.linearize(lambda x: x, w)[1].T(w)))(W)
    assert_apart([g], [W])
    H = mg.hessian(lambda w: mg.sum(w) * mg.sum(w))(W)
    np.testing.assert_array_equal(H, np.full((3, 3), 2.0))
    assert_apart([mg.hvp(lambda w: 0.5 * (w @ w), W, V)], [W, V])


def test_results_on_other_libraries(backend):
    from_host = backend_for(backend).from_host
    w, v = from_host(W.copy()), from_host(V.copy())
    if backend_for(backend).copied(w) is w:  # nothing can write to it
        with pytest.raises(TypeError, match="immutable"):
            w[...] = 0.0
        return
    y, J = mg.linearize(lambda w: w, w)
    y_dot, x_bar = J(v), J.T(v)
    if "jax" in backend.__name__:
        with pytest.raises(TypeError, match="immutable"):  # then nothing can be changed through another name
            y[...] = 0.0
        return
    for x in (y, y_dot, x_bar):
        x[...] = 0.0
    np.testing.assert_array_equal(mg.to_numpy(w), W)
    np.testing.assert_array_equal(mg.to_numpy(v), V)
    w[...] = 0.0
    np.testing.assert_array_equal(mg.to_numpy(J(v)), V)


def test_an_array_from_the_host_is_a_copy(backend):
    x = W.copy()
    y = mg.from_numpy(x, backend)
    x *= 0.0
    np.testing.assert_array_equal(mg.to_numpy(y), W)


@pytest.mark.parametrize("library", ["torch", 3.0])
def test_no_library(library):
    with pytest.raises(TypeError, match=r"xp must be an array library, as torch, jax.numpy or namespace\(x\); got "):
        mg.from_numpy(W, library)


def test_the_state_of_batch_norm_is_its_own():
    x = np.random.default_rng(0).normal(size=(5, 3))
    _, J, stats = mg.linearize(lambda g: nn.batch_norm(x * g, g, g), np.ones(3), has_aux=True)
    want = J(V)
    for s in stats.values():
        s *= 0.0
    np.testing.assert_array_equal(J(V), want)
