"""`check_derivatives` checked: planted mistakes are found, and named."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import Linear, Scale, primitive

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])


@primitive(lambda y, x: Scale(2.001 * x))
def wrong_factor(x):
    return x * x


@primitive(lambda y, x: Scale(mg.sin(x)))
def wrong_sign(x):
    return np.cos(x)


@primitive(lambda y, x: Linear(lambda t: t[..., ::-1], lambda c: c))
def pull_is_not_the_transpose_of_push(x):
    return x[..., ::-1]


@primitive(lambda y, x: Linear(lambda t: mg.roll(t, 1, 1), lambda c: mg.roll(c, 1, 1)))
def rolled_the_same_way_twice(x):
    return np.roll(x, 1, axis=1)


@primitive(lambda y, x: Linear(lambda t: t[:, 1], lambda c: mg.index_add(np.zeros((2, 3)), (slice(None), 1), c)))
def wrong_index(x):
    return x[:, 0]


@primitive(lambda y, x: Scale(3.0 * mg.stop_gradient(x) ** 2))
def coefficient_held_constant(x):
    return x**3


@primitive(lambda y, a, b: Scale(b), lambda y, a, b: Scale(a))
def broadcasting_forgotten(a, b):
    return a * b


@primitive(lambda y, x: Scale(x / x))
def nan_at_zero(x):
    with np.errstate(invalid="ignore"):
        return x + 0.0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("f", "message"),
    [
        (
            wrong_factor,
            r"^wrong_factor: argument 0, index \[0, 2\]: .* output, index \[0, 2\], is 4.00[12].*, .* give (4|3.99)",
        ),
        (wrong_sign, r"^wrong_sign: argument 0, index \[1, 0\]: .* is 0.99749.*, difference quotients give -0.99749"),
        (
            pull_is_not_the_transpose_of_push,
            r"^pull_is_not_the_transpose_of_push: argument 0, index \[0, 0\]: the sweeps are not transposes: "
            r"the derivative of output, index \[0, 0\], is 0 forward and 1 in reverse",
        ),
        (rolled_the_same_way_twice, r"argument 0, index \[0, 0\]: the sweeps are not transposes: .* 1 forward and 0"),
        (
            wrong_index,
            r"^wrong_index: argument 0, index \[(.), 0\]: .* index \[\1\], is 0, difference quotients give (1|0.99)",
        ),
        (coefficient_held_constant, r"^J v of coefficient_held_constant: argument 0, index .*is 0, .* give "),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_planted_mistakes_are_found_and_named(f, message, dtype):
    with pytest.raises(mg.DerivativeError, match=message):
        mg.check_derivatives(f, X.astype(dtype))


def test_a_wrong_second_derivative_passes_to_first_order_only():
    mg.check_derivatives(coefficient_held_constant, X, order=1)


def test_forgotten_broadcasting_is_named_by_its_shapes():
    message = r"^broadcasting_forgotten: J\^T u\[1\] has shape \(2, 3\), it must have the shape \(3,\)"
    with pytest.raises(mg.DerivativeError, match=message):
        mg.check_derivatives(broadcasting_forgotten, X, X[0])


def test_the_argument_and_the_leaf_are_named():
    with pytest.raises(mg.DerivativeError, match=r"argument 1\['w'\]\[0\], index \[0, 2\]: .* of output\['y'\], index"):
        mg.check_derivatives(lambda a, tree: {"y": a * wrong_factor(tree["w"][0])}, np.array(1.0), {"w": [X]})


def test_mistakes_deep_inside_a_function_are_found():
    with pytest.raises(mg.DerivativeError):
        mg.check_derivatives(lambda x: mg.sum(mg.tanh(mg.exp(wrong_factor(x)) @ mg.sin(x).mT)), X)


def test_nan_does_not_pass():
    with np.errstate(invalid="ignore"), pytest.raises(mg.DerivativeError, match=r"index \[1\].* is nan"):
        mg.check_derivatives(nan_at_zero, np.array([1.0, 0.0]))
    with pytest.raises(mg.DerivativeError, match="nan"):
        mg.check_derivatives(lambda x: x * np.nan, X)


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e6])
def test_mistakes_are_found_at_every_scale(size):
    mg.check_derivatives(lambda x: x * x, size * X)
    with pytest.raises(mg.DerivativeError):
        mg.check_derivatives(wrong_factor, size * X)


def test_third_order():
    @primitive(lambda y, x: Scale(3.0 * second_derivative_wrong(x)))
    def cube(x):
        return x**3

    @primitive(lambda y, x: Scale(2.0 * mg.stop_gradient(x)))
    def second_derivative_wrong(x):
        return x**2

    mg.check_derivatives(cube, X, order=2)
    with pytest.raises(mg.DerivativeError, match=r"^J v of J v of cube: "):
        mg.check_derivatives(cube, X, order=3)
    mg.check_derivatives(lambda x: mg.exp(x) * mg.sin(x), X, order=3)


def test_correct_functions_of_trees_pass():
    def f(w, x):
        return {"y": mg.tanh(x @ w["w"] + w["b"]), "constant": 1.0, "list": [w["b"], None]}

    mg.check_derivatives(f, {"w": X.T, "b": np.array([1.0, 2.0])}, X)
    mg.check_derivatives(lambda x: x * 2.5, 3.0)
    mg.check_derivatives(lambda x: mg.sum(x), np.zeros((0, 2)))


def test_a_function_that_changes_between_evaluations_is_found():
    calls = []

    def f(x):
        calls.append(None)
        return x * (1.0 if len(calls) < 4 else 2.0)  # linearize, two quotients, and then jvp

    with pytest.raises(mg.DerivativeError, match=r"^f: output, index .*: J v of jvp is .*, of linearize "):
        mg.check_derivatives(f, X)


def test_order_must_be_positive():
    with pytest.raises(ValueError, match="order must be at least 1; got 0"):
        mg.check_derivatives(mg.sin, X, order=0)
