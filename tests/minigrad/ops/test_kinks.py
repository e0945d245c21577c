"""Ties and kinks: which one-sided derivative is taken, the same in both sweeps."""

import numpy as np
import pytest
from scipy.special import expit

import minigrad as mg
from minigrad import nn


def both_sweeps(f, *args):
    """The dense Jacobian of a function of one array or several, the same forward and in reverse."""
    trees = args[0] if len(args) == 1 else list(args)

    def g(tree):
        return f(tree) if len(args) == 1 else f(*tree)

    forward, reverse = mg.jacobian(g, "forward")(trees), mg.jacobian(g, "reverse")(trees)
    mg.tree_map(np.testing.assert_array_equal, forward, reverse)
    return forward


@pytest.mark.parametrize("name", ["max", "min"])
def test_the_first_of_equal_extrema_has_the_whole_derivative(name):
    function = getattr(mg, name)
    np.testing.assert_array_equal(both_sweeps(function, np.full(4, 2.0)), [1, 0, 0, 0])
    x = np.array([[1.0, 3.0, 3.0], [1.0, 1.0, 3.0]]) * (1 if name == "max" else -1)
    np.testing.assert_array_equal(both_sweeps(function, x), [[0, 1, 0], [0, 0, 0]])
    rows = both_sweeps(lambda x: function(x, axis=1), x)
    np.testing.assert_array_equal(rows[0], [[0, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(rows[1], [[0, 0, 0], [0, 0, 1]])
    over_both = both_sweeps(lambda x: function(x, axis=(1, 0), keepdims=True), x)
    np.testing.assert_array_equal(over_both[0, 0], [[0, 1, 0], [0, 0, 0]])


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_the_first_of_equal_arguments_has_the_whole_derivative(name):
    x = np.array([1.0, 2.0])
    a, b = both_sweeps(getattr(mg, name), x, x)
    np.testing.assert_array_equal(a, np.eye(2))
    np.testing.assert_array_equal(b, np.zeros((2, 2)))
    np.testing.assert_array_equal(both_sweeps(lambda x: getattr(mg, name)(1.0, x), x[:1]), [[0.0]])
    np.testing.assert_array_equal(both_sweeps(lambda x: getattr(mg, name)(x, 1.0), x[:1]), [[1.0]])


def test_max_pool_takes_the_first_of_equal_entries_row_by_row():
    x = np.zeros((1, 4, 4, 1))
    x[0, 1, :2, 0] = 5.0  # a tie in the first window, on its second row
    taken = both_sweeps(lambda x: mg.sum(nn.max_pool2d(x, 2)), x)[0, :, :, 0]
    np.testing.assert_array_equal(taken, [[0, 0, 1, 0], [1, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]])


def test_max_pool_over_a_border_ties_inside_the_image():
    taken = both_sweeps(lambda x: mg.sum(nn.max_pool2d(x, 3, 2, 1)), np.zeros((1, 3, 3, 1)))[0, :, :, 0]
    np.testing.assert_array_equal(taken, [[1, 1, 0], [1, 1, 0], [0, 0, 0]])
    lowest = both_sweeps(lambda x: mg.sum(nn.max_pool2d(x, 2)), np.full((1, 2, 2, 1), -np.inf))
    np.testing.assert_array_equal(lowest.sum(), 1.0)
    lowest = both_sweeps(lambda x: mg.sum(nn.max_pool2d(x, 2, 1, 1)), np.full((1, 2, 2, 1), -np.inf))
    np.testing.assert_array_equal(lowest.sum(), 9.0)  # one for each window, wherever it went


def test_slopes_at_zero_and_at_bounds():
    x = np.array([-1.0, 0.0, 1.0])
    np.testing.assert_array_equal(np.diag(both_sweeps(mg.relu, x)), [0, 0, 1])
    np.testing.assert_array_equal(np.diag(both_sweeps(mg.abs, x)), [-1, 0, 1])
    bounds = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    np.testing.assert_array_equal(np.diag(both_sweeps(lambda x: mg.clip(x, -1.0, 1.0), bounds)), [0, 1, 1, 1, 0])


def test_where_ignores_the_infinite_slope_of_the_side_not_taken():
    x = np.array([0.0, 4.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        guarded = mg.grad(lambda x: mg.sum(mg.where(x > 0.0, mg.sqrt(mg.where(x > 0.0, x, 1.0)), 0.0)))(x)
    np.testing.assert_array_equal(guarded, [0.0, 0.25])
    chosen = both_sweeps(lambda x: mg.where(np.array([True, False]), x, np.inf), x)
    np.testing.assert_array_equal(chosen, [[1, 0], [0, 0]])


def test_a_mask_is_a_constant_to_nested_derivatives():
    x = np.array([-1.0, 2.0])
    np.testing.assert_array_equal(mg.hessian(lambda x: mg.sum(mg.where(x > 0.0, x**3, x**2)))(x), np.diag([2.0, 12.0]))
    np.testing.assert_array_equal(
        mg.hessian(lambda x: mg.sum(mg.relu(x) ** 2 + mg.abs(x) * x))(x), np.diag([-2.0, 4.0])
    )
    np.testing.assert_array_equal(mg.hessian(lambda x: mg.sum(x[x > 0.0] ** 3))(x), np.diag([0.0, 12.0]))
    np.testing.assert_array_equal(mg.hessian(lambda x: mg.max(x * x) * x[0])(x), [[0, 4], [4, -2]])


def test_steps_have_slope_zero():
    x = np.array([-1.5, 0.4])
    for function in (mg.sign, mg.floor, mg.ceil, mg.round, mg.trunc):
        np.testing.assert_array_equal(mg.grad(lambda x, g=function: mg.sum(g(x) * x))(x), function(x))


def test_infinities_where_the_derivative_is_infinite():
    with np.errstate(divide="ignore"):
        assert mg.grad(mg.sqrt)(np.float64(0.0)) == np.inf
        assert mg.grad(mg.log)(np.float64(0.0)) == np.inf
    assert np.isnan(mg.grad(lambda x: mg.max(x * np.nan))(np.ones(2))).any()


@pytest.mark.parametrize("condition", [True, np.array([1, 0, 1]), np.array([1, 0, 1], np.uint8), np.array([2.0, 0, 1])])
def test_where_takes_numbers_for_a_condition(condition):
    x = np.array([1.0, 2.0, 3.0])
    taken = np.broadcast_to(np.asarray(condition) != 0, x.shape)
    value, J = mg.value_and_grad(lambda x: mg.sum(mg.where(condition, x, 10.0 * x)))(x)
    np.testing.assert_array_equal(J, np.where(taken, 1.0, 10.0))
    assert value == np.sum(np.where(taken, x, 10.0 * x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_keeps_its_digits_far_out(dtype):
    x = np.linspace(-60.0, 60.0, 241).astype(dtype)
    np.testing.assert_allclose(mg.sigmoid(x), expit(x), rtol=20 * np.finfo(dtype).eps)
    slope = mg.grad(lambda x: mg.sum(mg.sigmoid(x)))(x)
    np.testing.assert_allclose(slope, expit(x) * expit(-x), rtol=50 * np.finfo(dtype).eps)
