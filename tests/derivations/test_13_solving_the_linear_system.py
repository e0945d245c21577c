r"""CurveBall as a solver of Newton's system, with w fixed and with w moving.

Claim for fixed `w`. With automatic `rho` and `beta`, `z` converges to Newton's step `z* = -G_lam^-1 g`. Each step
lowers `m(z) - m(z*)` at least as much as a steepest descent step of the best length. With the condition number `kappa`
of `G_lam`::

    m(z') - m(z*) <= ((kappa - 1) / (kappa + 1))^2 (m(z) - m(z*))                  (1)

From `z = 0` the first two `z` are those of conjugate gradients. With `rho` and `beta` fixed, `z` converges to another
point, Newton's step with more damping::

    z = -(G_lam + (1 - rho)/beta I)^-1 g                                           (2)

Claim for moving `w`. On a quadratic with Hessian `G`, with `lam = 0`, the objective never rises. The first two `w` are
again those of conjugate gradients, so two parameters are found in two steps. If a step ever has length zero, the next
step is one of steepest descent, so CurveBall stops only at the minimum. That it reaches the minimum is tested below,
not derived.

Derivation. `d = G_lam z + g` is the gradient of `m` at `z`. `z'` is the lowest point of the plane spanned by `z` and
`d`. That plane holds `z - beta d` for every `beta`, and so also the point of steepest descent, which satisfies (1)
(Kantorovich's inequality). The `t`-th point of conjugate gradients is the lowest in the space spanned by
`g, G_lam g, ..., G_lam^(t-1) g`. From `z = 0` the first plane is the line of `g`, so `z_1` is a multiple of `g`. So the
second plane is spanned by `g` and `G_lam g`. The third space has three dimensions, and a plane in it need not hold its
lowest point: conjugate gradients remember the last *move*, CurveBall the last *point*.

A fixed point of `z' = rho z - beta (G_lam z + g)` solves `((1 - rho) I + beta G_lam) z = -beta g`, which is (2). A
momentum below 1 acts as damping by `(1 - rho)/beta`. The iteration converges for `|rho - beta h| < 1`, by the
derivation in test_02_descent_on_the_step.py with `rho - beta h` for `1 - beta h`.

With `w` moving, `f(w + z') - f(w) = m(z') <= 0` (test_08_predicted_decrease.py). After the first step `g` has changed
to `g + G z`, so the second plane is spanned by `z` and `G z + (g + G z)`: again `g` and `G g`, from the new `w`. If
`m(z') = 0` then `z' = 0`, and the next direction is `d = g`.

What it does not do. Automatic `rho` and `beta` do not accelerate on a fixed quadratic. With `w` moving they take, in
the test below, about as many steps as steepest descent, in proportion to `kappa`. Fixed ones need a number of steps in
proportion to `sqrt(kappa)`, if `h_min` and `h_max` are known (test_10_convergence_rate.py). The automatic ones need no
such knowledge, and on problems that are not quadratic the plane is new in every step.

Source: Nocedal and Wright, theorem 3.3 (the bound) and section 5.1; Henriques et al., ICCV 2019.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from curveball import CurveBall, conjugate_gradient
from problems.closed_form.quadratic import Quadratic
from tests.support import small_network as net

lam = 0.1
w = net.vector(net.START)
g, G_lam = net.g(w), net.G(w) + lam * np.eye(w.size)
z_star = np.linalg.solve(G_lam, -g)
AUTOMATIC = CurveBall(lam=0.0, adapt_lam=False)


def with_fixed_w(solver, steps):
    """The z of a run that never moves the network's params."""
    state, seen = solver.init(net.START), [np.zeros(w.size)]
    for _ in range(steps):
        _, state, _ = solver.step(net.START, state, net.model, net.loss)
        seen.append(net.vector(state.z))
    return np.array(seen)


def with_moving_w(problem, solver, steps, w):
    state, seen = solver.init(w), [w]
    for _ in range(steps):
        w, state, _ = solver.step(w, state, problem.model, problem.loss)
        seen.append(w)
    return np.array(seen)


def heights(points, lowest, B):
    """How much higher a quadratic with matrix B is at each point than at its lowest one."""
    return 0.5 * np.einsum("ni,ij,nj->n", points - lowest, B, points - lowest)


def test_with_fixed_w_it_reaches_newtons_step_and_that_of_conjugate_gradients():
    z = with_fixed_w(CurveBall(lam=lam, adapt_lam=False), 80)
    assert_allclose(z[-1], z_star, atol=1e-11)
    assert_allclose(z[-1], conjugate_gradient(lambda v: G_lam @ v, -g, tol=1e-13).x, atol=1e-11)


def test_with_fixed_w_every_step_gains_what_steepest_descent_would():
    gap = heights(with_fixed_w(CurveBall(lam=lam, adapt_lam=False), 25), z_star, G_lam)
    kappa = np.linalg.cond(G_lam)
    assert (gap[1:] <= ((kappa - 1.0) / (kappa + 1.0)) ** 2 * gap[:-1]).all()  # (1)


def test_the_first_two_are_those_of_conjugate_gradients():
    z = with_fixed_w(CurveBall(lam=lam, adapt_lam=False), 3)
    cg = [conjugate_gradient(lambda v: G_lam @ v, -g, tol=0.0, max_iter=t).x for t in (1, 2, 3)]
    assert_allclose(z[1:3], cg[:2], rtol=1e-10, atol=1e-14)
    low, lowest = heights(np.array([z[3], cg[2]]), z_star, G_lam)
    assert low > 1.001 * lowest  # the third is another


@pytest.mark.parametrize(("rho", "beta"), [(0.9, 1.0), (0.5, 2.0), (1.0, 1.0)])
def test_fixed_coefficients_reach_a_damped_newton_step(rho, beta):
    z = with_fixed_w(CurveBall(rho=rho, beta=beta, lam=lam, adapt_lam=False), 400)[-1]
    assert_allclose(z, np.linalg.solve(G_lam + (1.0 - rho) / beta * np.eye(w.size), -g), atol=1e-12)  # (2)


@pytest.mark.parametrize("spectrum", [(1.0, 2.0), (0.5, 30.0), (1.0, 300.0)])
def test_with_moving_w_it_finds_two_parameters_in_two_steps(spectrum):
    problem = Quadratic(spectrum)
    w = with_moving_w(problem, AUTOMATIC, 2, problem.init(np.random.default_rng(13)))
    assert_allclose(w[-1], problem.solution, atol=1e-8)  # the two directions are nearly parallel: 1 - cos^2 ~ kappa^-3


@pytest.mark.parametrize("kappa", [10.0, 100.0])
def test_with_moving_w_it_reaches_the_minimum(kappa):
    problem = Quadratic(tuple(np.geomspace(1.0, kappa, 8)))
    start = problem.init(np.random.default_rng(13))
    w = with_moving_w(problem, AUTOMATIC, 200 if kappa == 10.0 else 1200, start)
    f = heights(w, problem.solution, problem.hessian)
    assert (np.diff(f) <= 1e-15 * f[:-1]).all()
    assert_allclose(w[-1], problem.solution, atol=1e-8)
    g = problem.hessian @ (start - problem.solution)
    cg = [start + conjugate_gradient(lambda v: problem.hessian @ v, -g, tol=0.0, max_iter=t).x for t in (1, 2)]
    assert_allclose(w[1:3], cg, rtol=1e-9)


def test_automatic_coefficients_do_not_accelerate_on_a_quadratic():
    q = 0.95  # of test_10_convergence_rate.py
    kappa = (1.0 + q) * (1.0 - q + 2.0 * q * q) / ((1.0 + 2.0 * q) * (1.0 - q) ** 2)
    problem = Quadratic(tuple(np.geomspace(1.0, kappa, 20)))
    tuned = CurveBall(rho=q * q + (1.0 - q) ** 2, beta=(1.0 - q) ** 2, lam=0.0, adapt_lam=False)
    start = problem.init(np.random.default_rng(13))
    descent = [start]  # steepest descent to the lowest point of each line
    for _ in range(400):
        g = problem.hessian @ (descent[-1] - problem.solution)
        descent.append(descent[-1] - (g @ g) / (g @ problem.hessian @ g) * g)
    runs = with_moving_w(problem, tuned, 400, start), with_moving_w(problem, AUTOMATIC, 400, start), np.array(descent)
    f = [heights(w, problem.solution, problem.hessian) for w in runs]
    fixed, automatic, steepest = (np.log(x[0] / x[-1]) for x in f)
    assert fixed > 2.5 * automatic
    assert 0.5 < automatic / steepest < 2.0
