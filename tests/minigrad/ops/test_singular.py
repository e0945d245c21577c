"""Points at which a formula divides by zero though the function, or its limit, is plain."""

import itertools
import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import linalg

RNG = np.random.default_rng(1)


def leibniz(a):
    """The determinant as the sum over permutations: smooth everywhere."""
    n = a.shape[-1]
    total = 0.0
    for p in itertools.permutations(range(n)):
        swaps = sum(p[i] > p[j] for i in range(n) for j in range(i + 1, n))
        product = (-1.0) ** swaps
        for i in range(n):
            product = product * a[i, p[i]]
        total = total + product
    return total


def of_rank(n, rank):
    return RNG.normal(size=(n, rank)) @ RNG.normal(size=(rank, n))


SINGULAR = {
    "zero": np.zeros((3, 3)),
    "one": np.zeros((1, 1)),
    "exact": np.array([[1.0, 2.0], [2.0, 4.0]]),
    "nearly": np.arange(1.0, 10.0).reshape(3, 3),
    "nullity-1": of_rank(4, 3),
    "nullity-2": of_rank(4, 2),
    "nullity-3": of_rank(4, 1),
    "row": np.diag([1.0, 0.0, 2.0]),
    "tiny": 1e-9 * of_rank(3, 2),
    "nearer": of_rank(3, 2) + 1e-9 * np.eye(3),
    "regular": RNG.normal(size=(4, 4)),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_det_to_third_order(name):
    a = SINGULAR[name]
    size = max(1e-30, float(np.abs(a).max())) ** max(0, len(a) - 1) + 1e-30
    third = lambda f: mg.jvp(lambda a: mg.hvp(f, a, v), (a,), (v,))[1]  # noqa: E731
    v = RNG.normal(size=a.shape)
    np.testing.assert_allclose(mg.value_and_grad(linalg.det)(a)[0], leibniz(a), atol=1e-13 * size * np.abs(a).max())
    np.testing.assert_allclose(mg.grad(linalg.det)(a), mg.grad(leibniz)(a), atol=1e-12 * size, rtol=1e-9)
    np.testing.assert_allclose(mg.hvp(linalg.det, a, v), mg.hvp(leibniz, a, v), rtol=1e-7, atol=1e-11)
    np.testing.assert_allclose(third(linalg.det), third(leibniz), rtol=1e-6, atol=1e-9)


def test_det_of_several_matrices_of_which_some_are_singular():
    a = np.stack([SINGULAR["nullity-1"], SINGULAR["regular"], SINGULAR["nullity-2"]])
    got = mg.grad(lambda a: mg.sum(linalg.det(a)))(a)
    np.testing.assert_allclose(got, [mg.grad(leibniz)(x) for x in a], rtol=1e-9, atol=1e-12)


def test_det_of_no_rows():
    assert mg.grad(linalg.det)(np.zeros((0, 0))).shape == (0, 0)
    assert linalg.det(np.zeros((0, 0))) == 1.0


def test_det_keeps_float32_and_tells_of_nan():
    a = SINGULAR["exact"].astype(np.float32)
    assert mg.grad(linalg.det)(a).dtype == np.float32
    np.testing.assert_allclose(mg.grad(linalg.det)(a), [[4.0, -2.0], [-2.0, 1.0]], rtol=1e-5)
    with np.errstate(invalid="ignore"):
        assert np.isnan(mg.grad(linalg.det)(np.full((2, 2), np.nan))).all()


def test_the_slopes_of_an_angle_and_a_length_at_the_origin():
    for f in (mg.atan2, mg.hypot):
        np.testing.assert_array_equal(mg.grad(f, (0, 1))(0.0, 0.0), (0.0, 0.0))
        v = (np.ones(2), np.ones(2))
        np.testing.assert_array_equal(mg.jvp(f, (np.array([0.0, 3.0]), np.array([0.0, 4.0])), v)[1][0], 0.0)
    np.testing.assert_allclose(mg.grad(mg.atan2, (0, 1))(3.0, 4.0), (4.0 / 25.0, -3.0 / 25.0))


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_an_angle_of_tiny_and_huge_coordinates(size):
    np.testing.assert_allclose(mg.grad(mg.atan2, (0, 1))(size, size), (0.5 / size, -0.5 / size))


@pytest.mark.parametrize("x", [0, 0.0, np.float64(0.0), np.zeros(4)], ids=["int", "float", "0-d", "array"])
def test_powers_of_zero(x):
    """`0 ** p` is 0 for p > 0: its derivative in p is 0, and so it is said of every p."""
    p = np.array([0.0, 0.5, 1.0, 2.0])
    np.testing.assert_array_equal(mg.grad(lambda p: mg.sum(mg.pow(x, p)))(p), np.zeros(4))
    np.testing.assert_array_equal(mg.hessian(lambda p: mg.sum(mg.pow(x, p)))(p), np.zeros((4, 4)))
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(mg.grad(lambda p: mg.sum(mg.pow(x, p)))(-np.ones(4)), np.zeros(4))


def test_powers_with_zero_in_the_base():
    x, p = np.zeros(4), np.array([0.0, 1.0, 2.0, 3.0])
    np.testing.assert_array_equal(mg.grad(lambda x: mg.sum(mg.pow(x, p)))(x), [0.0, 1.0, 0.0, 0.0])
    np.testing.assert_array_equal(np.diag(mg.hessian(lambda x: mg.sum(mg.pow(x, p)))(x)), [0.0, 0.0, 2.0, 0.0])
    np.testing.assert_array_equal(mg.pow(x, p), [1.0, 0.0, 0.0, 0.0])
    for q in (0, 0.0, 1, 1.0, 2, 3.0):
        assert mg.grad(lambda x, q=q: mg.pow(x, q))(0.0) == (1.0 if q == 1 else 0.0)


def test_powers_of_negative_numbers_have_no_derivative_in_the_exponent():
    assert math.isnan(mg.grad(lambda p: mg.pow(-2.0, p))(2.0))
    with np.errstate(invalid="ignore"):
        assert math.isnan(mg.grad(lambda p: mg.pow(np.float64(-2.0), p))(2.0))


@pytest.mark.parametrize("x", [0.5, 1, 1.5])
def test_powers_of_a_number(x):
    p = np.array([-1.0, 0.0, 2.5])
    np.testing.assert_allclose(mg.grad(lambda p: mg.sum(mg.pow(x, p)))(p), x**p * np.log(x), rtol=1e-14)
    second = mg.hessian(lambda p: mg.sum(mg.pow(x, p)))(p)
    np.testing.assert_allclose(second, np.diag(x**p * np.log(x) ** 2), rtol=1e-14)
