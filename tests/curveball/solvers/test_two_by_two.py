"""The 2x2 system against exact rational arithmetic where it is regular, and NumPy's pseudo-inverse where it is not."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from curveball.solvers.two_by_two import PlaneModel, solve_two_by_two


def solve(a, b, c, p, q, dtype=np.float64):
    return [float(v) for v in solve_two_by_two(*(dtype(v) for v in (a, b, c, p, q)))]


def exact(a, b, c, p, q):
    """Cramer's rule without rounding."""
    a, b, c, p, q = map(Fraction, (a, b, c, p, q))
    determinant = a * c - b * b
    return [float((c * p - b * q) / determinant), float((a * q - b * p) / determinant)]


def pseudo_inverse(a, b, c, p, q, rcond=1e-10):
    return np.linalg.pinv(np.array([[a, b], [b, c]], np.float64), rcond=rcond) @ np.array([p, q], np.float64)


@pytest.mark.parametrize(
    "system",
    [(2.0, 0.0, 4.0, 6.0, 8.0), (2.0, 1.0, 3.0, 1.0, -2.0), (1.0, 0.99, 1.0, 0.3, 0.4), (5.0, -2.0, 1.0, -1.0, 7.0)],
)
def test_regular(system):
    np.testing.assert_allclose(solve(*system), pseudo_inverse(*system), rtol=1e-13)
    np.testing.assert_allclose(solve(*system), exact(*system), rtol=1e-13)


@pytest.mark.parametrize("a", [1e-20, 3.0, 1e10])
def test_no_second_direction(a):
    """z = 0, the first step of CurveBall: beta = g.d / d.G_lam d."""
    assert solve(a, 0.0, 0.0, 6.0 * a, 0.0) == pytest.approx([6.0, 0.0], rel=1e-15)
    assert solve(0.0, 0.0, a, 0.0, 6.0 * a) == pytest.approx([0.0, 6.0], rel=1e-15)


@pytest.mark.parametrize("ratio", [1.0, -3.0, 1 / 7, 1e-5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parallel_directions(ratio, dtype):
    """z = ratio d: the solutions are a line, and this is the shortest."""
    a, p = 2.3, 0.7
    system = a, ratio * a, ratio * ratio * a, p, ratio * p
    np.testing.assert_allclose(solve(*system, dtype), pseudo_inverse(*system), rtol=1e3 * np.finfo(dtype).eps)


def test_all_zero():
    assert solve(0.0, 0.0, 0.0, 0.0, 0.0) == [0.0, 0.0]


@pytest.mark.parametrize("system", [
    (1e10, 0.0, 1e-20, 1e10, 3e-20),
    (1e10, 3e-6, 1e-20, 1e10, 3e-20),
    (1e-20, 3e-6, 1e10, 5e-20, 1e10),
    (1e-20, 4e-21, 1e-20, 1e-20, 2e-20),
    (1e20, 4e19, 1e20, 1e20, 2e20),
])  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_different_scales(system, dtype):
    """Squares of these numbers are out of the range of float32."""
    rounded = [float(dtype(v)) for v in system]
    np.testing.assert_allclose(solve(*system, dtype), exact(*rounded), rtol=1e2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_singular_at_the_ends_of_float32(scale):
    system = [scale * v for v in (1.0, 2.0, 4.0, 3.0, 6.0)]
    np.testing.assert_allclose(solve(*system, np.float32), [0.6, 1.2], rtol=1e-6)


def test_not_a_number_is_passed_on():
    assert np.isnan(solve(np.nan, 0.0, 0.0, 1.0, 0.0)).all()


def test_many_at_once_are_one_by_one():
    rng = np.random.default_rng(0)
    D, z = rng.standard_normal((2, 50, 3))
    z[::7], D[::11], z[5] = 0.0, 0.0, -2.0 * D[5]
    g = rng.standard_normal((50, 3))
    system = [np.sum(u * v, axis=-1) for u, v in ((D, D), (D, z), (z, z), (g, D), (g, z))]
    together = np.stack(solve_two_by_two(*system))
    assert together.shape == (2, 50)
    for k in range(50):
        assert solve(*(v[k] for v in system)) == together[:, k].tolist()


def test_float32_stays():
    assert all(v.dtype == np.float32 for v in solve_two_by_two(*(np.float32(v) for v in (2, 1, 3, 1, 1))))


numbers = st.floats(-4.0, 4.0, width=32)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(numbers, min_size=6, max_size=6), st.integers(-8, 8), st.integers(-8, 8))
def test_minimises_the_quadratic(entries, i, j):
    """For directions d = 10^i (..) and e = 10^j (..) of a quadratic: at the solution its slope is zero along both."""
    d, e = 10.0**i * np.array(entries[:2]), 10.0**j * np.array(entries[2:4])
    g = np.array(entries[4:])
    cos = abs(d @ e) / max(np.linalg.norm(d) * np.linalg.norm(e), 1e-300)
    assume(cos < 1.0 - 1e-4 and min(np.linalg.norm(d) / 10.0**i, np.linalg.norm(e) / 10.0**j) > 1e-3)
    system = d @ d, d @ e, e @ e, d @ g, e @ g
    x, y = solve(*system)
    np.testing.assert_allclose(x * d + y * e, g, atol=1e-9)  # in the plane the projection of g is g


@settings(derandomize=True, deadline=None, max_examples=200)
@given(numbers, numbers, numbers)
def test_rank_one_is_the_pseudo_inverse(u, v, s):
    """[[u u, u v], [u v, v v]] (x, y) = s (u, v) has the shortest solution s (u, v) / (u u + v v)."""
    assume(u * u + v * v > 1e-6)
    expected = np.array([u, v]) * s / (u * u + v * v)
    np.testing.assert_allclose(solve(u * u, u * v, v * v, s * u, s * v), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("slope", [-3.0, 0.4, 5.0])
def test_the_bounded_minimum_is_the_best_one_in_its_range(slope):
    """By a search over a grid, where momentum is at 0, inside, and at 1."""
    plane = PlaneModel(*map(np.float64, (2.0, 0.3, 1.0, 0.7, -slope)))
    rho, beta = plane.bounded_minimum()
    assert 0.0 <= rho <= 1.0
    found = plane.change(rho, beta)
    grid = [plane.change(r, np.linspace(-5, 5, 2001)).min() for r in np.linspace(0.0, 1.0, 101)]
    assert found <= min(grid) + 1e-9
    assert found >= min(grid) - 1e-4


@pytest.mark.parametrize("beta", [None, 0.5])
def test_bounds_hold_where_they_are_asked_for(beta):
    """Of several runs: the first may go anywhere, the next two are kept at 1 and at 0, the last has no number."""
    gz = np.array([-3.0, -3.0, 3.0, np.nan])
    plane = PlaneModel(*(np.full(4, number) for number in (2.0, 0.3, 1.0, 0.7)), gz)
    free, _ = plane.minimum(beta=beta)
    rho, found = plane.bounded_minimum(beta, np.array([0.0, 1.0, 1.0, 1.0]))
    np.testing.assert_array_equal(rho, [free[0], 1.0, 0.0, 0.0])
    assert free[0] > 1.0
    if beta is not None:
        np.testing.assert_array_equal(found, np.full(4, beta))
    else:  # dm/dbeta = 0
        np.testing.assert_allclose(found, (plane.gd + rho * plane.zGd) / plane.dGd)
