r"""Momentum and step size that minimise the quadratic model, from a system of two equations.

Claim. Among all `z' = rho z - beta Dz` the model `m(z') = 1/2 z'.H^ z' + z'.J` is smallest where ::

    [ Dz.H^Dz   z.H^Dz ] [ beta ]   [ J.Dz ]
    [                  ] [      ] = [      ]                                       (1)
    [ z.H^Dz    z.H^z  ] [ -rho ]   [ J.z  ]

Derivation. m is a quadratic of two numbers; its derivatives by beta and by rho vanish at its minimum::

    0 = dm/dbeta = -Dz.(H^ (rho z - beta Dz) + J)        beta Dz.H^Dz - rho z.H^Dz = J.Dz
    0 = dm/drho  =   z.(H^ (rho z - beta Dz) + J)        beta z.H^Dz  - rho z.H^z  = J.z

The matrix is that of the products of Dz and z under H^; by Cauchy and Schwarz its determinant is not negative, and it
is zero exactly when z and Dz are parallel, z = 0 included (H^ positive definite). Then many (beta, rho) give the same
z', and the pseudo-inverse takes the shortest::

    z = 0           beta = J.Dz / Dz.H^Dz,  rho = 0                                (2)
    z = c Dz        (beta, -rho) = s (1, c) / (1 + c^2),  s = J.Dz / Dz.H^Dz       (3)

for with z = c Dz the move is `-(beta - rho c) Dz`, whose best length is s, and (3) is the point of the line
`beta + c (-rho) = s` nearest to the origin. At the first step z = 0 and Dz = J: (2) is steepest descent to the lowest
point of the model.

In floating point the determinant is known up to a few roundings times `Dz.H^Dz z.H^z`: directions whose `1 - cos^2`, in
the inner product of H^, is below that count as parallel.

What it costs. Let `a_y = J_phi^T a` be the push-forward of a. Then ::

    a.H^b = a_y.H_L b_y + lam a.b,        J.a = J_L.a_y                            (4)

`z_y` is there already (test_06_two_sweep_product.py), so all five numbers cost one more push-forward, `Dz_y`.

Source: Henriques et al., ICCV 2019, arXiv 1805.08095; J. Martens and R. Grosse, ICML 2015 (arXiv 1503.05671), section
7, choose the two coefficients of K-FAC alike.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

import curveball.solvers.two_by_two
from curveball import CurveBall
from curveball.solvers.two_by_two import solve_two_by_two
from tests.support import small_network as net

LAM = 0.3
W = net.vector(net.START)
J = net.gradient(W)
H = net.ggn(W) + LAM * np.eye(W.size)
Z = np.random.default_rng(7).standard_normal(W.size)


def m(z):
    return 0.5 * z @ H @ z + z @ J


def step(z, **coefficients):
    """One step from z: the new z, and info."""
    solver = CurveBall(lam=LAM, adapt_lam=False, **coefficients)
    state = solver.init(net.START)._replace(z=net.tree(z))
    _, state, info = solver.step(net.START, state, net.model, net.loss)
    return net.vector(state.z), info


def test_the_five_numbers(monkeypatch):
    seen = []

    def recording(*numbers):
        seen.extend(numbers)
        return solve_two_by_two(*numbers)

    monkeypatch.setattr(curveball.solvers.two_by_two, "solve_two_by_two", recording)
    step(Z)
    D = H @ Z + J
    assert_allclose(seen, [D @ H @ D, Z @ H @ D, Z @ H @ Z, J @ D, J @ Z], rtol=1e-12)  # (4), against dense products


def test_the_coefficients_minimise_the_model():
    D = H @ Z + J
    found = minimize(lambda x: m(x[0] * Z - x[1] * D), [0.0, 0.0], method="BFGS", options={"gtol": 1e-12})
    _, info = step(Z)
    assert_allclose([info["rho"], info["beta"]], found.x, rtol=1e-6)  # a search
    R = np.linalg.cholesky(H).T  # m(z') = 1/2 |R z' + R^-T J|^2 + constant: least squares
    exact, *_ = np.linalg.lstsq(R @ np.stack([Z, -D], axis=1), -np.linalg.solve(R.T, J), rcond=None)
    assert_allclose([info["rho"], info["beta"]], exact, rtol=1e-11)


@pytest.mark.parametrize("fixed", [{"rho": 0.9}, {"beta": 0.5}], ids=["rho", "beta"])
def test_the_other_coefficient_when_one_is_fixed(fixed):
    D = H @ Z + J
    _, info = step(Z, **fixed)
    direction, rest = (-D, 0.9 * Z) if "rho" in fixed else (Z, -0.5 * D)
    best = -direction @ (H @ rest + J) / (direction @ H @ direction)
    assert_allclose(info["beta" if "rho" in fixed else "rho"], best, rtol=1e-12)


def test_the_first_step_is_steepest_descent_to_the_lowest_point():
    z, info = step(np.zeros(W.size))
    assert info["rho"] == 0.0
    assert_allclose(info["beta"], J @ J / (J @ H @ J), rtol=1e-13)  # (2)
    assert_allclose(z, -(J @ J / (J @ H @ J)) * J, rtol=1e-12)


@pytest.mark.parametrize("c", [0.5, -3.0, 1e-3])
def test_parallel_directions(c):
    z = c * np.linalg.solve(np.eye(W.size) - c * H, J)  # solves z = c (H z + J)
    D = H @ z + J
    s = J @ D / (D @ H @ D)
    new, info = step(z)
    assert_allclose([info["beta"], -info["rho"]], s * np.array([1.0, c]) / (1.0 + c * c), rtol=1e-6)  # (3)
    assert_allclose(new, -s * D, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [1e-100, 1e-6, 1.0, 1e6, 1e100])
def test_the_singular_system_is_solved_by_the_pseudo_inverse(size):
    for u in ([1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [0.6, -0.8], [1.0, 1e-3]):
        matrix = size * np.outer(u, u)
        right = matrix @ [2.0, -3.0]
        (a, b), (_, c) = matrix
        found = solve_two_by_two(*map(np.asarray, (a, b, c, *right)))
        assert_allclose(found, size**-1 * (np.linalg.pinv(matrix / size) @ right), rtol=1e-9, atol=1e-12)
