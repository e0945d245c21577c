r"""Momentum and step size that minimise the quadratic model, from a system of two equations.

Claim. Among all `z' = rho z - beta d` the model `m(z') = 1/2 z'.G_lam z' + z'.g` is smallest where ::

    [[d.G_lam d, z.G_lam d], [z.G_lam d, z.G_lam z]] [beta, -rho]^T = [g.d, g.z]^T,        in short A x = b     (1)

Derivation. `m` is a quadratic of two numbers. At its minimum its derivatives by `beta` and by `rho` are zero::

    0 = dm/dbeta = -d.(G_lam (rho z - beta d) + g)        beta d.G_lam d - rho z.G_lam d = g.d
    0 = dm/drho  =  z.(G_lam (rho z - beta d) + g)        beta z.G_lam d - rho z.G_lam z = g.z

`A` holds the inner products of `d` and `z` under `G_lam`. By Cauchy and Schwarz its determinant is not negative. For
positive definite `G_lam` it is zero exactly when `z` and `d` are parallel, which includes `z = 0`. Then many
`(beta, rho)` give the same `z'`, and the pseudo-inverse takes the shortest::

    z = 0:          beta = g.d / d.G_lam d, rho = 0                                                              (2)
    z = alpha d:    (beta, -rho) = s (1, alpha) / (1 + alpha^2), s = g.d / d.G_lam d                             (3)

With `z = alpha d` the move is `-(beta - rho alpha) d`, and its best length is `s`. (3) is the point on the line
`beta + alpha (-rho) = s` that is nearest to the origin. At the first step `z = 0` and `d = g`: then (2) is steepest
descent to the lowest point of the model.

In floating point the determinant is known up to a few rounding errors of the size of `(d.G_lam d) (z.G_lam z)`. If the
`1 - cos^2` of the angle between `z` and `d`, in the inner product of `G_lam`, is below that, `z` and `d` count as
parallel.

On one batch unlike the others `rho` may be several times 1, or negative. `rho="bounded"`, a step beyond the paper,
keeps it in [0, 1]. The smallest `m` over `beta`, as a function of `rho`, is a parabola that opens upwards, so where the
`rho` of (1) is outside, the best one inside is the bound next to it; and with `dm/dbeta = 0` ::

    beta = (g.d + rho z.G_lam d) / d.G_lam d                                                                     (5)

What it costs. With `z_y = J z` and `d_y = J d` ::

    d.G_lam d = d_y.H_L d_y + lam d.d        g.d = g_L.d_y
    z.G_lam d = z_y.H_L d_y + lam z.d        g.z = g_L.z_y                         (4)
    z.G_lam z = z_y.H_L z_y + lam z.z

The tangent `z_y` is known already (test_06_two_sweep_product.py), so all five numbers cost one more push-forward,
`d_y`.

Source: Henriques et al., ICCV 2019, arXiv 1805.08095; J. Martens and R. Grosse, ICML 2015 (arXiv 1503.05671), section
7, choose the two coefficients of K-FAC in the same way.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from curveball import CurveBall
from curveball.solvers.two_by_two import solve_two_by_two
from tests.support import small_network as net

lam = 0.3
w = net.vector(net.START)
g, G_lam = net.g(w), net.G(w) + lam * np.eye(w.size)
z = np.random.default_rng(7).standard_normal(w.size)
d = G_lam @ z + g


def m(z):
    return 0.5 * z @ G_lam @ z + z @ g


def step(z, **coefficients):
    """One step from z: the new z, and info."""
    solver = CurveBall(lam=lam, adapt_lam=False, **coefficients)
    state = solver.init(net.START)._replace(z=net.tree(z))
    _, state, info = solver.step(net.START, state, net.model, net.loss)
    return net.vector(state.z), info


def test_the_five_numbers():
    solver = CurveBall(lam=lam, adapt_lam=False, average=0.5)  # keeps them, divided by the decrease predicted
    state = solver.init(net.START)._replace(z=net.tree(z))
    _, state, info = solver.step(net.START, state, net.model, net.loss)
    numbers = -info["predicted"] * np.array(state.system)
    assert_allclose(numbers, [d @ G_lam @ d, z @ G_lam @ d, z @ G_lam @ z, g @ d, g @ z], rtol=1e-12)  # (4)


def test_the_coefficients_minimise_the_model():
    found = minimize(lambda c: m(c[0] * z - c[1] * d), [0.0, 0.0], method="BFGS", options={"gtol": 1e-12})
    _, info = step(z)
    assert_allclose([info["rho"], info["beta"]], found.x, rtol=1e-6)  # a search
    R = np.linalg.cholesky(G_lam).T  # m(z') = 1/2 |R z' + R^-T g|^2 + constant: least squares
    exact, *_ = np.linalg.lstsq(R @ np.stack([z, -d], axis=1), -np.linalg.solve(R.T, g), rcond=None)
    assert_allclose([info["rho"], info["beta"]], exact, rtol=1e-11)


@pytest.mark.parametrize("fixed", [{"rho": 0.9}, {"beta": 0.5}], ids=["rho", "beta"])
def test_the_other_coefficient_when_one_is_fixed(fixed):
    _, info = step(z, **fixed)
    direction, rest = (-d, 0.9 * z) if "rho" in fixed else (z, -0.5 * d)
    best = -direction @ (G_lam @ rest + g) / (direction @ G_lam @ direction)
    assert_allclose(info["beta" if "rho" in fixed else "rho"], best, rtol=1e-12)


@pytest.mark.parametrize(("scale", "low", "high"), [(0.2, 1.0, np.inf), (2.0, 0.0, 1.0), (-1.0, -np.inf, 0.0)])
def test_bounded_momentum(scale, low, high):
    """By a search within the bounds, with a `z` that is a part of the step to the minimum, twice it, or uphill."""
    z = -scale * np.linalg.solve(G_lam, g) + 0.01 * np.random.default_rng(1).standard_normal(w.size)
    _, free = step(z)
    assert low < free["rho"] < high
    new_z, info = step(z, rho="bounded")
    d = G_lam @ z + g
    best = minimize(lambda c: m(c[0] * z - c[1] * d), [0.5, 0.0], bounds=[(0.0, 1.0), (None, None)], tol=1e-14)
    assert_allclose([info["rho"], info["beta"]], best.x, rtol=1e-4)
    assert info["rho"] == min(max(free["rho"], 0.0), 1.0)
    assert_allclose(info["beta"], (g @ d + info["rho"] * (z @ G_lam @ d)) / (d @ G_lam @ d), rtol=1e-10)  # (5)
    assert_allclose(new_z, info["rho"] * z - info["beta"] * d, rtol=1e-9, atol=1e-12)


def test_the_first_step_is_steepest_descent_to_the_lowest_point():
    new_z, info = step(np.zeros(w.size))
    beta = g @ g / (g @ G_lam @ g)
    assert info["rho"] == 0.0
    assert_allclose(info["beta"], beta, rtol=1e-13)  # (2)
    assert_allclose(new_z, -beta * g, rtol=1e-12)


@pytest.mark.parametrize("alpha", [0.5, -3.0, 1e-3])
def test_parallel_directions(alpha):
    z = alpha * np.linalg.solve(np.eye(w.size) - alpha * G_lam, g)  # solves z = alpha (G_lam z + g)
    d = G_lam @ z + g
    s = g @ d / (d @ G_lam @ d)
    new_z, info = step(z)
    assert_allclose([info["beta"], -info["rho"]], s * np.array([1.0, alpha]) / (1.0 + alpha * alpha), rtol=1e-6)  # (3)
    assert_allclose(new_z, -s * d, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [1e-100, 1e-6, 1.0, 1e6, 1e100])
def test_the_singular_system_is_solved_by_the_pseudo_inverse(size):
    for row in ([1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [0.6, -0.8], [1.0, 1e-3]):
        A = size * np.outer(row, row)
        b = A @ [2.0, -3.0]
        x = solve_two_by_two(*map(np.asarray, (A[0, 0], A[0, 1], A[1, 1], *b)))
        assert_allclose(x, size**-1 * (np.linalg.pinv(A / size) @ b), rtol=1e-9, atol=1e-12)
