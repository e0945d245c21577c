"""One derivative by many routes, on random networks and on functions whose derivatives are known in closed form."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn, tree_flatten

# ------------------------------------------------------------------------------------- random networks

SMOOTH = {
    "tanh": mg.tanh,
    "sin": mg.sin,
    "softplus": mg.softplus,
    "sigmoid times x": lambda x: mg.sigmoid(x) * x,
    "shared": lambda x: (x + x) * mg.exp(-(x**2)) + x,
    "normalised": lambda x: (x - mg.mean(x, -1, keepdims=True)) / mg.sqrt(mg.var(x, -1, keepdims=True) + 0.5),
    "softmax": nn.softmax,
    "shifted": lambda x: mg.concat([x[..., 1:], x[..., :1]], axis=-1) - 0.5 * mg.flip(x, -1),
    "cumulative": lambda x: mg.cumulative_sum(x, axis=-1) * 0.5,
    "gathered": lambda x: mg.index_add(x, (..., 0), mg.prod(x, -1)),
    "quadratic": lambda x: 0.1 * (x.mT @ x)[0, 0] + x,
}
LOSSES = {
    "squared error": lambda y: nn.squared_error(y, np.ones(y.shape)),
    "cross-entropy": lambda y: nn.cross_entropy(y, np.arange(y.shape[0]) % y.shape[1]),
    "log-sum-exp": lambda y: mg.logsumexp(y) - mg.mean(mg.log(1.0 + y**2)),
}


class Network:
    """A random composition of dense layers and smooth functions, its parameters a nested pytree."""

    def __init__(self, widths, names, loss, seed):
        rng = np.random.default_rng(seed)
        self.names = names
        self.loss = LOSSES[loss]
        self.x = rng.normal(size=(3, widths[0]))
        self.params = {
            "layers": [
                {"w": rng.normal(size=(m, n)) / m**0.5, "b": 0.1 * rng.normal(size=n)}
                for m, n in itertools.pairwise(widths)
            ],
            "scale": (np.asarray(rng.normal()),),
        }
        self.v = mg.tree_map(lambda w: rng.normal(size=w.shape), self.params)
        self.u = rng.normal(size=(3, widths[-1]))

    def model(self, params):
        y = self.x
        for layer, name in zip(params["layers"], itertools.cycle(self.names)):
            y = SMOOTH[name](nn.dense(y, layer["w"], layer["b"]))
        return y * params["scale"][0]

    def f(self, params):
        return self.loss(self.model(params))


networks = st.builds(
    Network,
    st.lists(st.integers(2, 4), min_size=2, max_size=4),
    st.lists(st.sampled_from(sorted(SMOOTH)), min_size=1, max_size=3),
    st.sampled_from(sorted(LOSSES)),
    st.integers(0, 2**32 - 1),
)
on_networks = settings(derandomize=True, max_examples=50, deadline=None)


def flat(tree):
    return np.concatenate([np.reshape(x, -1) for x in tree_flatten(tree)[0]])


def matrix(tree, rows):
    """A dense derivative with one tree per output entry, as a matrix."""
    return np.concatenate([np.reshape(x, (rows, -1)) for x in tree_flatten(tree)[0]], axis=1)


def square_matrix(hessian, params):
    blocks = [matrix(row, x.size) for row, x in zip(rows_of(hessian), tree_flatten(params)[0], strict=True)]
    return np.concatenate(blocks)


def rows_of(hessian):
    """The trees that stand in place of the leaves of the outer tree."""
    inner = len(tree_flatten(hessian["scale"][0])[0])
    leaves = tree_flatten(hessian)[0]
    return [leaves[k : k + inner] for k in range(0, len(leaves), inner)]


def agree(*results, rtol=1e-8, atol=1e-9):
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=rtol, atol=atol)


@on_networks
@given(networks)
def test_first_derivatives_by_all_routes(net):
    y, J = mg.linearize(net.model, net.params)
    rows = y.size
    forward = matrix(mg.jacobian(net.model, "forward")(net.params), rows)
    reverse = matrix(mg.jacobian(net.model, "reverse")(net.params), rows)
    agree(forward, reverse, matrix(mg.jacobian(net.model)(net.params), rows))
    agree(
        forward @ flat(net.v), flat(J(net.v)), flat(mg.jvp(net.model, (net.params,), (net.v,))[1]), flat(J.T.T(net.v))
    )
    agree(net.u.ravel() @ forward, flat(J.T(net.u)), flat(mg.vjp(net.model, net.params)[1](net.u)))
    agree(y, net.model(net.params), mg.jvp(net.model, (net.params,), (net.v,))[0])


@on_networks
@given(networks)
def test_the_derivative_of_a_linearisation_is_itself(net):
    """`v -> J v` is linear, and its transpose is the derivative of `u -> J^T u`."""
    _, J = mg.linearize(net.model, net.params)
    y, again = mg.linearize(J, net.v)
    agree(flat(y), flat(again(net.v)))
    agree(flat(J.T(net.u)), flat(again.T(net.u)), flat(mg.linearize(J.T, net.u)[1](net.u)))


@on_networks
@given(networks)
def test_gradients_by_all_routes(net):
    value, gradient = mg.value_and_grad(net.f)(net.params)
    y, J = mg.linearize(net.model, net.params)
    agree(flat(gradient), flat(J.T(mg.grad(net.loss)(y))), flat(mg.jacobian(net.f, "forward")(net.params)))
    agree(flat(gradient) @ flat(net.v), mg.jvp(net.f, (net.params,), (net.v,))[1])
    agree(value, net.f(net.params))
    h = 1e-6
    ahead, behind = (net.f(mg.tree_map(lambda w, v, s=s: w + s * v, net.params, net.v)) for s in (h, -h))
    agree(flat(gradient) @ flat(net.v), (ahead - behind) / (2.0 * h), rtol=1e-6, atol=1e-7)


@on_networks
@given(networks)
def test_hessians_by_all_routes(net):
    params, v = net.params, net.v
    dense = square_matrix(mg.hessian(net.f)(params), params)
    agree(dense, dense.T, square_matrix(mg.hessian(net.f, "reverse-over-reverse")(params), params))
    operator = mg.HessianOperator(net.f, params)
    along = mg.grad(lambda w: mg.jvp(net.f, (w,), (v,))[1])(params)  # reverse over forward
    inner = mg.grad(lambda w: dot(mg.grad(net.f)(w), v))(params)  # reverse over reverse
    agree(
        dense @ flat(v), flat(mg.hvp(net.f, params, v)), flat(operator(v)), operator.to_scipy() @ flat(v), flat(along),
        flat(inner), flat(mg.linearize(mg.grad(net.f), params)[1].T(v)),
    )  # fmt: skip
    agree(flat(operator.gradient), flat(mg.grad(net.f)(params)))
    curvature = mg.jvp(lambda w: mg.jvp(net.f, (w,), (v,))[1], (params,), (v,))[1]  # forward over forward
    agree(flat(v) @ dense @ flat(v), curvature)


def dot(a, b):
    return sum(mg.sum(x * y) for x, y in zip(tree_flatten(a)[0], tree_flatten(b)[0], strict=True))


@on_networks
@given(networks)
def test_gauss_newton_is_the_hessian_of_the_linearised_model(net):
    params, v = net.params, net.v
    y0, J = mg.linearize(net.model, params)
    dense_J = matrix(mg.jacobian(net.model)(params), y0.size)

    def linearised(w):  # w in one line, so that nothing of the operators is used
        return net.loss(y0 + mg.reshape(dense_J @ (w - flat(params)), y0.shape))

    dense = mg.hessian(linearised)(flat(params))
    operator = mg.GGNOperator(net.model, net.loss, params)
    through_J = mg.hvp(lambda w: net.loss(y0 + J(w)), mg.tree_map(np.zeros_like, params), v)
    product = mg.ggnvp(net.model, net.loss, params, v)
    agree(dense @ flat(v), flat(product), flat(operator(v)), operator.to_scipy() @ flat(v), flat(through_J))
    agree(operator.outputs, y0)
    agree(flat(operator.g_L), flat(mg.grad(net.loss)(y0)))
    agree(flat(operator.gradient), flat(mg.grad(net.f)(params)))
    agree(flat(operator.H_L(J(v))), flat(mg.hvp(net.loss, y0, J(v))), flat(operator.slope_and_product(J(v))[1]))
    agree(operator.slope_and_product(J(v))[0], flat(mg.grad(net.f)(params)) @ flat(v))
    agree(operator.value, net.f(params))


@on_networks
@given(networks)
def test_third_derivatives_by_all_routes(net):
    params, v = net.params, net.v
    by_forward = mg.jvp(lambda w: mg.hvp(net.f, w, v), (params,), (v,))[1]
    by_reverse = mg.grad(lambda w: dot(mg.hvp(net.f, w, v), v))(params)
    through_operator = mg.grad(lambda w: dot(mg.HessianOperator(net.f, w)(v), v))(params)
    agree(flat(by_forward), flat(by_reverse), flat(through_operator), rtol=1e-7, atol=1e-8)


# ------------------------------------------------------------------------------------- closed forms

FORWARD = "forward"
REVERSE = "reverse"
MODES = list(itertools.product([FORWARD, REVERSE], repeat=3))


def derivative(f, mode):
    """The derivative of a function of one number, by one push or one pull."""
    return (lambda x: mg.jvp(f, (x,), (1.0,))[1]) if mode == FORWARD else mg.grad(f)


@pytest.mark.parametrize("modes", MODES, ids="-".join)
@pytest.mark.parametrize(
    ("f", "third"),
    [
        (lambda x: x**5, lambda x: 60.0 * x**2),
        (lambda x: mg.sin(2.0 * x), lambda x: -8.0 * np.cos(2.0 * x)),
        (lambda x: mg.exp(x) * x, lambda x: np.exp(x) * (x + 3.0)),
        (lambda x: 1.0 / x, lambda x: -6.0 / x**4),
        (lambda x: mg.log(x) * mg.sqrt(x), lambda x: (0.375 * np.log(x) - 0.25) / x**2.5),
        (lambda x: x**x, lambda x: x**x * ((np.log(x) + 1) ** 3 + 3 * (np.log(x) + 1) / x - 1 / x**2)),
        (lambda x: mg.where(x > 0.0, x**4, x) * mg.maximum(x, 0.0), lambda x: 60.0 * x**2),
    ],
    ids=["power", "sine", "exponential", "reciprocal", "logarithm", "tower", "choice"],
)
def test_third_derivatives_through_any_nesting(f, third, modes):
    x = np.float64(0.7)
    got = functools.reduce(derivative, modes, f)(x)
    np.testing.assert_allclose(got, third(x), rtol=1e-11)


def test_third_derivatives_of_matrix_functions():
    """The third derivative of log det along b is 2 tr(k^3), k = a^-1 b."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(3, 3)) + 4.0 * np.eye(3), rng.normal(size=(3, 3))
    k = np.linalg.solve(a, b)

    def log_det(t):
        return mg.linalg.slogdet(a + t * b).logabsdet

    for modes in MODES:
        got = functools.reduce(derivative, modes, log_det)(np.float64(0.0))
        np.testing.assert_allclose(got, 2.0 * np.trace(k @ k @ k), rtol=1e-11)


def test_derivatives_of_a_product_with_zeros_to_any_order():
    x = np.array([0.0, 0.0, 3.0])
    np.testing.assert_array_equal(mg.grad(mg.prod)(x), np.zeros(3))
    np.testing.assert_array_equal(mg.hessian(mg.prod)(x), [[0, 3, 0], [3, 0, 0], [0, 0, 0]])
    third = mg.jacobian(mg.hessian(mg.prod))(x)
    expected = np.zeros((3, 3, 3))
    for i, j, k in itertools.permutations(range(3)):
        expected[i, j, k] = 1.0
    np.testing.assert_array_equal(third, expected)


def test_mixed_derivative_of_a_power_at_exponent_zero():
    """d^2 x^p / dx dp = x^(p-1) (1 + p log x), which is 1/x at p = 0."""
    mixed = mg.grad(lambda p: mg.grad(lambda x: x**p)(np.float64(2.0)))
    np.testing.assert_allclose(mixed(np.float64(0.0)), 0.5)
    np.testing.assert_allclose(mg.grad(lambda x: mg.grad(lambda p: x**p)(np.float64(0.0)))(np.float64(2.0)), 0.5)


def test_power_at_zero():
    zero = np.float64(0.0)
    for p, first, second in ((0, 0.0, 0.0), (1, 1.0, 0.0), (2, 0.0, 2.0), (3, 0.0, 0.0)):
        for f in (lambda x, p=p: x**p, lambda x, p=p: x ** np.float64(p), lambda x, p=p: mg.pow(x, np.array(float(p)))):
            assert mg.grad(f)(zero) == first
            assert mg.grad(mg.grad(f))(zero) == second
    assert mg.grad(lambda p: 0.0**p)(np.float64(2.0)) == 0.0
    assert mg.grad(lambda p: zero**p)(np.float64(2.0)) == 0.0


# ------------------------------------------------------------------------------------- perturbation confusion


@pytest.mark.parametrize("outer", [FORWARD, REVERSE])
@pytest.mark.parametrize("inner", [FORWARD, REVERSE])
def test_perturbations_are_not_confused(outer, inner):
    x = np.float64(3.0)
    # d/dx [x d/dy (x + y)] = 1
    assert derivative(lambda x: x * derivative(lambda y: x + y, inner)(np.float64(2.0)), outer)(x) == 1.0
    # d/dx [x d/dy (x y)] = 2 x
    assert derivative(lambda x: x * derivative(lambda y: x * y, inner)(np.float64(2.0)), outer)(x) == 6.0
    # d/dx [d/dy (x^2 y^2) at y = x] = d/dx 2 x^3
    assert derivative(lambda x: derivative(lambda y: x**2 * y**2, inner)(x), outer)(x) == 54.0
    # the inner function ignores its argument
    assert derivative(lambda x: x * derivative(lambda y: x, inner)(np.float64(2.0)), outer)(x) == 0.0


def test_a_tangent_of_the_outer_transform_is_a_constant_to_the_inner():
    def f(x):
        y, y_dot = mg.jvp(lambda z: z * x, (x,), (x,))  # y = x^2, y_dot = x^2
        return y * y_dot

    assert mg.grad(f)(np.float64(2.0)) == 32.0
    assert mg.grad(mg.grad(f))(np.float64(2.0)) == 48.0


def test_a_linearisation_made_inside_an_outer_transform_is_differentiated():
    def f(x):
        _, J = mg.linearize(lambda y: x * y**2, x)  # J = 2 x^2
        return J(x) + J.T(x)  # 4 x^3

    assert mg.grad(f)(np.float64(2.0)) == 48.0
    assert mg.jvp(f, (np.float64(2.0),), (1.0,))[1] == 48.0


def test_inner_functions_close_over_variables_of_two_levels():
    def f(a):
        return mg.grad(lambda b: mg.grad(lambda c: a * b**2 * c**3)(b) * a)(a)  # d/db [3 a^2 b^4] at a: 12 a^5

    assert mg.grad(f)(np.float64(2.0)) == 60.0 * 2.0**4


def test_the_value_of_an_inner_gradient_can_steer_the_outer_function():
    def f(x):
        slope = mg.grad(lambda y: y**2)(x)
        return x**3 if slope > 1.0 else x

    assert mg.grad(f)(np.float64(2.0)) == 12.0
    assert mg.grad(f)(np.float64(0.1)) == 1.0


# ------------------------------------------------------------------------------------- graphs


def test_a_shared_subexpression_counts_every_use():
    def f(a):
        b = a + a
        c = b + b
        return c * b

    assert mg.grad(f)(np.float64(3.0)) == 48.0
    assert mg.jvp(f, (np.float64(3.0),), (1.0,))[1] == 48.0
    assert mg.hessian(f)(np.float64(3.0)) == 16.0


def test_doubling_forty_times_is_forty_operations():
    def f(x):
        for _ in range(40):
            x = x + x
        return x

    assert mg.grad(f)(np.float64(1.0)) == 2.0**40


def test_a_chain_of_ten_thousand_operations():
    def f(x):
        for _ in range(10_000):
            x = x * 0.9999 + 1e-4 * mg.sin(x)
        return x

    x = np.float64(0.5)
    gradient = mg.grad(f)(x)
    y, J = mg.linearize(f, x)
    product = mg.hvp(f, x, 1.0)
    h = 1e-4
    np.testing.assert_allclose([J(1.0), J.T(1.0), mg.jvp(f, (x,), (1.0,))[1]], gradient, rtol=1e-12)
    np.testing.assert_allclose(gradient, (f(x + h) - f(x - h)) / (2.0 * h), rtol=1e-6)
    np.testing.assert_allclose(product, (mg.grad(f)(x + h) - mg.grad(f)(x - h)) / (2.0 * h), rtol=1e-6)
    assert y == f(x)
