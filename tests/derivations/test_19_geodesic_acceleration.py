r"""A Gauss-Newton step that bends: the second term of the curve on which the outputs change as predicted.

Claim. Let `y(w)` be the outputs, `z` a step and `y'' = d^2/dt^2 y(w + t z)` at `t = 0`. Among all curves
`w(t) = w + t z + t^2 a`, the second-order error of the linear model ::

    e(a) = J a + 1/2 y''                                                            (1)

is smallest, in the sense of `1/2 e.H_L e + lam/2 |a|^2`, for ::

    a = -1/2 (J^T H_L J + lam I)^-1 J^T H_L y''                                     (2)

If `J` is invertible and `lam = 0`, `e` is zero: the outputs at `w + z + a` are `y + J z` up to the third order of `z`
instead of the second. And `a` depends on `z` quadratically: twice the step, four times the bend.

Derivation. By Taylor, `y(w + t z + t^2 a) = y + t J z + t^2 (J a + 1/2 y'') + O(t^3)`, so (1) is what the linear model
`y + t J z` lacks at second order. The sum of squares to be minimised is a quadratic in `a`, and its gradient
`J^T H_L (J a + 1/2 y'') + lam a` is zero at (2). The matrix of (2) is that of the damped step itself: solving for `a`
costs one more right-hand side. `y''` is a push-forward of a push-forward, exact and without a matrix.

What it is for. In a narrow valley that curves, a straight step leaves the floor, the loss rises, and damping has to
keep the steps short. A curve that stays on the floor to one order more allows longer ones. Where `2 |a|` is not small
compared with `|z|`, both are out of the range of Taylor's formula, and the step is refused.

Source: M. K. Transtrum and J. P. Sethna, "Improvements to the Levenberg-Marquardt algorithm for nonlinear least-squares
minimization", arXiv:1201.5885, 2012; M. K. Transtrum, B. B. Machta, J. P. Sethna, Physical Review E 83, 2011.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minigrad as mg
from curveball import LevenbergMarquardt
from tests.support.oracles import DECAY, ORACLES

Z = np.array([0.3, -0.2])


def bend(oracle, w, z, lam):
    """(2) in plain NumPy, for the loss `|y|^2`, whose H_L is 2."""
    _, J, second = oracle.parts(w)
    return -0.5 * np.linalg.solve(
        2.0 * J.T @ J + lam * np.eye(w.size), 2.0 * J.T @ np.einsum("ijk,j,k->i", second, z, z)
    )


@pytest.mark.parametrize("oracle", ORACLES.values(), ids=ORACLES)
def test_a_push_of_a_push_is_the_second_derivative(oracle):
    w = oracle.start
    found = mg.jvp(lambda w: mg.jvp(oracle.model, (w,), (Z,))[1], (w,), (Z,))[1]
    assert_allclose(found, np.einsum("ijk,j,k->i", oracle.parts(w)[2], Z, Z), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("lam", [0.0, 0.5])
def test_the_bend_minimises_the_second_order_error(lam):
    w = DECAY.start
    _, J, second = DECAY.parts(w)
    along = np.einsum("ijk,j,k->i", second, Z, Z)

    def penalised(a):
        e = J @ a + 0.5 * along
        return e @ e + 0.5 * lam * a @ a

    a, rng = bend(DECAY, w, Z, lam), np.random.default_rng(19)
    for _ in range(20):
        assert penalised(a) < penalised(a + 1e-3 * rng.standard_normal(2))


def test_one_order_more_along_the_curve():
    """Two outputs, two parameters. Half the step: a quarter of the straight step's error, an eighth of the curve's."""
    w, rows = DECAY.start, [1, 5]

    def errors(z):
        y, J, second = (part[rows] for part in DECAY.parts(w))
        a = -0.5 * np.linalg.solve(J, np.einsum("ijk,j,k->i", second, z, z))
        return [np.linalg.norm(DECAY.parts(w + z + bent)[0][rows] - y - J @ z) for bent in (0.0, a)]

    for k in range(6, 10):
        straight, curved = np.array(errors(2.0**-k * Z)) / errors(2.0 ** (1 - k) * Z)
        assert_allclose(straight, 0.25, rtol=0.02)
        assert_allclose(curved, 0.125, rtol=0.05)


def test_twice_the_step_four_times_the_bend():
    assert_allclose(bend(DECAY, DECAY.start, 2.0 * Z, 0.1), 4.0 * bend(DECAY, DECAY.start, Z, 0.1), rtol=1e-13)


def test_the_solver_takes_this_step():
    w = np.array([2.5, -1.2])
    solver = LevenbergMarquardt(geodesic=True)
    found, _, info = solver.step(w, solver.init(w), DECAY.model, DECAY.loss)
    lam = float(info["lam"])
    z = -np.linalg.solve(DECAY.ggn(w) + lam * np.eye(2), DECAY.gradient(w))
    assert info["accepted"]
    assert_allclose(found, w + z + bend(DECAY, w, z, lam), rtol=1e-10)
