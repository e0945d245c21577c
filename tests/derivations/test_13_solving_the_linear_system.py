r"""CurveBall as a solver of Newton's system: w held still, and w moving.

Claim, w held still. With rho and beta automatic, z converges to Newton's step `z* = -H^-1 J`; each step takes from
`m(z) - m(z*)` at least what a steepest descent step with the best length takes, with kappa the condition of H::

    m(z') - m(z*) <= ((kappa - 1) / (kappa + 1))^2 (m(z) - m(z*))                  (1)

From z = 0 the first two z are those of conjugate gradients. With rho and beta fixed, z converges to another point,
Newton's step with more damping::

    z = -(H + (1 - rho)/beta I)^-1 J                                               (2)

Claim, w moving, on a quadratic with lam = 0. The objective never rises; the first two w are those of conjugate
gradients again, so two parameters are found in two steps; and a step of length zero, should it ever come, is followed
by one of steepest descent: CurveBall stops at the minimum only. That it gets there is checked below, not derived.

Derivation. `Dz = H z + J` is the gradient of m at z. z' is the lowest point of the plane of z and Dz, which holds
`z - beta Dz` for every beta, thus also steepest descent's point, whose bound is (1) (Kantorovich's inequality).
Conjugate gradients' n-th point is the lowest of the space of `J, H J, ..., H^(n-1) J`. From z = 0 the first plane is
that of J, and z_1 a multiple of J; so the second is that of J and H J. The third space has three dimensions, and a
plane in it need not hold its lowest point: conjugate gradients remember the last *move*, CurveBall the last *point*.

A fixed point of `z = rho z - beta (H z + J)` solves `((1 - rho) I + beta H) z = -beta J`: (2). Forgetting old moves is
damping by (1 - rho)/beta. The derivation of the rate in test_02_descent_on_the_step.py, with `rho - beta h` for
`1 - beta h`, says when it is reached: for `|rho - beta h| < 1`.

With w moving, `f(w + z') - f(w) = m(z') <= 0` (test_08_predicted_decrease.py). After the first step J has changed to
`J + H z`, so the second plane is that of z and `H z + (J + H z)`, again J and H J, seen from the new w. If m(z') = 0
then z' = 0, and the next direction is Dz = J.

What it does not do. Automatic rho and beta do not accelerate on a fixed quadratic: with w moving they take, as measured
below, about as many steps as steepest descent, in proportion to kappa, where fixed ones, if h_1 and h_p are known, need
sqrt(kappa) (test_10_convergence_rate.py). They need to know nothing; and on problems that are not quadratic the plane
is new every time.

Source: Nocedal and Wright, theorem 3.3 (the bound) and section 5.1; Henriques et al., ICCV 2019.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from curveball import CurveBall, conjugate_gradient
from problems.closed_form.quadratic import Quadratic
from tests.support import small_network as net

LAM = 0.1
W = net.vector(net.START)
J = net.gradient(W)
H = net.ggn(W) + LAM * np.eye(W.size)
NEWTON = np.linalg.solve(H, -J)
AUTOMATIC = CurveBall(lam=0.0, adapt_lam=False)


def held_still(solver, steps):
    """The z of a run that never moves the network's params."""
    state, seen = solver.init(net.START), [np.zeros(W.size)]
    for _ in range(steps):
        _, state, _ = solver.step(net.START, state, net.model, net.loss)
        seen.append(net.vector(state.z))
    return np.array(seen)


def moving(problem, solver, steps, w):
    state, seen = solver.init(w), [w]
    for _ in range(steps):
        w, state, _ = solver.step(w, state, problem.model, problem.loss)
        seen.append(w)
    return np.array(seen)


def values(points, centre, matrix):
    """`1/2 (x - centre).matrix (x - centre)`."""
    return 0.5 * np.einsum("ni,ij,nj->n", points - centre, matrix, points - centre)


def test_held_still_it_reaches_newtons_step_and_that_of_conjugate_gradients():
    z = held_still(CurveBall(lam=LAM, adapt_lam=False), 80)
    assert_allclose(z[-1], NEWTON, atol=1e-11)
    assert_allclose(z[-1], conjugate_gradient(lambda v: H @ v, -J, tol=1e-13).x, atol=1e-11)


def test_held_still_every_step_gains_what_steepest_descent_would():
    gap = values(held_still(CurveBall(lam=LAM, adapt_lam=False), 25), NEWTON, H)
    kappa = np.linalg.cond(H)
    assert (gap[1:] <= ((kappa - 1.0) / (kappa + 1.0)) ** 2 * gap[:-1]).all()  # (1)


def test_the_first_two_are_those_of_conjugate_gradients():
    z = held_still(CurveBall(lam=LAM, adapt_lam=False), 3)
    cg = [conjugate_gradient(lambda v: H @ v, -J, tol=0.0, max_iter=n).x for n in (1, 2, 3)]
    assert_allclose(z[1:3], cg[:2], rtol=1e-10, atol=1e-14)
    low, lowest = values(np.array([z[3], cg[2]]), NEWTON, H)
    assert low > 1.001 * lowest  # the third is another


@pytest.mark.parametrize(("rho", "beta"), [(0.9, 1.0), (0.5, 2.0), (1.0, 1.0)])
def test_fixed_coefficients_reach_a_damped_newton_step(rho, beta):
    z = held_still(CurveBall(rho=rho, beta=beta, lam=LAM, adapt_lam=False), 400)[-1]
    assert_allclose(z, np.linalg.solve(H + (1.0 - rho) / beta * np.eye(W.size), -J), atol=1e-12)  # (2)


@pytest.mark.parametrize("spectrum", [(1.0, 2.0), (0.5, 30.0), (1.0, 300.0)])
def test_moving_it_finds_two_parameters_in_two_steps(spectrum):
    problem = Quadratic(spectrum)
    w = moving(problem, AUTOMATIC, 2, problem.init(np.random.default_rng(13)))
    assert_allclose(w[-1], problem.solution, atol=1e-8)  # the two directions are nearly parallel: 1 - cos^2 ~ kappa^-3


@pytest.mark.parametrize("kappa", [10.0, 100.0])
def test_moving_it_reaches_the_minimum(kappa):
    problem = Quadratic(tuple(np.geomspace(1.0, kappa, 8)))
    start = problem.init(np.random.default_rng(13))
    w = moving(problem, AUTOMATIC, 200 if kappa == 10.0 else 1200, start)
    f = values(w, problem.solution, problem.hessian)
    assert (np.diff(f) <= 1e-15 * f[:-1]).all()
    assert_allclose(w[-1], problem.solution, atol=1e-8)
    b = problem.hessian @ (problem.solution - start)
    cg = [start + conjugate_gradient(lambda v: problem.hessian @ v, b, tol=0.0, max_iter=n).x for n in (1, 2)]
    assert_allclose(w[1:3], cg, rtol=1e-9)


def test_automatic_coefficients_do_not_accelerate_on_a_quadratic():
    r = 0.95  # of test_10_convergence_rate.py
    kappa = (1.0 + r) * (1.0 - r + 2.0 * r * r) / ((1.0 + 2.0 * r) * (1.0 - r) ** 2)
    problem = Quadratic(tuple(np.geomspace(1.0, kappa, 20)))
    tuned = CurveBall(rho=r * r + (1.0 - r) ** 2, beta=(1.0 - r) ** 2, lam=0.0, adapt_lam=False)
    start = problem.init(np.random.default_rng(13))
    descent = [start]  # steepest descent to the lowest point of each line
    for _ in range(400):
        g = problem.hessian @ (descent[-1] - problem.solution)
        descent.append(descent[-1] - (g @ g) / (g @ problem.hessian @ g) * g)
    runs = moving(problem, tuned, 400, start), moving(problem, AUTOMATIC, 400, start), np.array(descent)
    f = [values(w, problem.solution, problem.hessian) for w in runs]
    fixed, automatic, steepest = (np.log(x[0] / x[-1]) for x in f)
    assert fixed > 2.5 * automatic
    assert 0.5 < automatic / steepest < 2.0
