r"""For which rho and beta CurveBall converges on a quadratic.

Claim. Along an eigenvector of eigenvalue `h`, with `a = beta h` and `w` measured from the minimum, CurveBall with
`lam = 0` is ::

    z' = rho z - a (z + w),    w' = w + z',      [z', w']^T = M [z, w]^T,    M = [[rho - a, -a], [rho - a, 1 - a]]

    det(mu I - M) = mu^2 - (1 + rho - 2a) mu + (rho - a)                           (1)

It converges from every start exactly when ::

    a > 0    and    3a/2 - 1 < rho < 1 + a                                         (2)

For momentum gradient descent, `z' = rho z - a w`, the polynomial is `mu^2 - (1 + rho - a) mu + rho`, and the condition
is ::

    0 < a < 2 (1 + rho)    and    |rho| < 1                                        (3)

With several eigenvectors the condition must hold for the `a` of each of them.

Derivation. In the basis of the Hessian's eigenvectors the iteration separates into one with two numbers for each. `M`
has the trace `tr = (rho - a) + (1 - a)` and the determinant `det = (rho - a)(1 - a) + a (rho - a) = rho - a`, which
gives (1). The iterates tend to zero from every start exactly when both roots of `P(mu) = mu^2 - tr mu + det` lie inside
the unit circle. By Jury's conditions that holds exactly when ::

    P(1) = 1 - tr + det > 0,        P(-1) = 1 + tr + det > 0,        det < 1       (4)

Proof of (4). If the roots are a complex pair, `P` is positive on the real line, and `det` is their modulus squared. If
they are real, `P` is negative between them. So if `P(1)` and `P(-1)` are positive, both roots lie in (-1, 1), or both
above 1, or both below -1. In the last two cases their product `det` is above 1. Conversely, roots inside the circle
satisfy all three conditions. Here ::

    P(1) = a,        P(-1) = 2 + 2 rho - 3a,        det = rho - a

which is (2). For momentum gradient descent `P(1) = a`, `P(-1) = 2 + 2 rho - a`, `det = rho`, which is (3): its first
part needs `rho > -1`.

What it says. For the same `rho`, CurveBall's largest step is `2 (1 + rho) / 3`, a third of momentum gradient descent's.
But `rho` may exceed 1 by as much as the smallest `a`. For some `rho` it converges up to `a = 4`, where the two bounds
in (2) meet. At the bound `rho = 3a/2 - 1` one root is -1: `w` jumps from one side of the minimum to the other. At the
bound `rho = 1 + a` the roots have modulus 1: `w` circles around the minimum.

Source: E. Jury, Theory and Application of the z-Transform Method (1964); B. Polyak, 1964, for (3).
"""

import numpy as np
import pytest

import minigrad as mg
from curveball import SGD, CurveBall
from problems.closed_form.quadratic import Quadratic

PROBLEM = Quadratic((2.0,))  # one eigenvector of eigenvalue 2: beta = a / 2
START = np.random.default_rng(9).standard_normal()


def matrices(rho, a, solver):
    """M for every pair, (..., 2, 2)."""
    kept = rho - a if solver == "curveball" else rho
    return np.stack([np.stack([kept, -a], -1), np.stack([kept, 1.0 - a], -1)], -2)


def converges(rho, a, solver):
    if solver == "curveball":
        return (a > 0.0) & (1.5 * a - 1.0 < rho) & (rho < 1.0 + a)  # (2)
    return (a > 0.0) & (a < 2.0 * (1.0 + rho)) & (np.abs(rho) < 1.0)  # (3)


def run(rho, a, solver, steps):
    """Solve the quadratic with each pair of coefficients at once; return (z, w) after each step, (steps, pairs, 2)."""
    model, loss, beta = PROBLEM.model, PROBLEM.loss, a / 2.0
    if solver == "sgd":
        method = SGD(lr=beta, momentum=rho)
    else:
        method = CurveBall(rho=rho, beta=beta, lam=0.0, adapt_lam=False)
        if solver == "heavy ball":  # SGD takes momentum in [0, 1) only: test_03_heavy_ball.py
            model, loss = (lambda w: PROBLEM.loss(PROBLEM.model(w))), (lambda y: y)
    w = PROBLEM.solution + START * np.ones((rho.size, 1))
    state, seen = method.init(w), []
    for _ in range(steps):
        w, state, _ = method.step(w, state, model, mg.independent_runs(loss))
        seen.append(np.concatenate([state.z, w - PROBLEM.solution], axis=-1))
    return np.array(seen)


GRID = [x.ravel() for x in np.meshgrid(np.arange(-2.03, 5.6, 0.11), np.arange(-0.47, 4.6, 0.13))]


@pytest.mark.parametrize("solver", ["curveball", "heavy ball"])
def test_the_region_is_where_all_eigenvalues_are_inside_the_unit_circle(solver):
    largest_mu = np.abs(np.linalg.eigvals(matrices(*GRID, solver))).max(-1)
    assert np.array_equal(largest_mu < 1.0, converges(*GRID, solver))


@pytest.mark.parametrize("solver", ["curveball", "heavy ball"])
def test_runs_all_over_the_grid(solver):
    rho, a = (x[GRID[1] > 0.0] for x in GRID)
    M = matrices(rho, a, solver)
    largest_mu = np.abs(np.linalg.eigvals(M)).max(-1)
    clear, inside = np.abs(np.log(largest_mu)) > 0.05, converges(rho, a, solver)
    last = run(rho, a, solver, 120)[-1]
    size = np.abs(last / START).max(-1)
    assert (size[clear & inside] < 0.2).all()
    assert (size[clear & ~inside] > 5.0).all()
    expected = np.linalg.matrix_power(M, 120) @ np.array([0.0, START])
    assert (np.abs(last - expected).max(-1) <= 1e-9 * np.maximum(1.0, np.abs(expected).max(-1))).all()


CURVEBALL_LIMITS = [(1.5 * a - 1.0, a) for a in (0.3, 1.0, 2.5)] + [(1.0 + a, a) for a in (0.3, 1.0, 2.5)]
HEAVY_BALL_LIMITS = [(rho, 2.0 * (1.0 + rho)) for rho in (0.0, 0.5, 0.9)] + [(1.0, a) for a in (0.3, 1.0, 3.0)]


@pytest.mark.parametrize(
    ("solver", "limits", "across"),
    [
        ("curveball", CURVEBALL_LIMITS[:3], (-0.02, 0.0)),
        ("curveball", CURVEBALL_LIMITS[3:], (0.02, 0.0)),
        ("heavy ball", HEAVY_BALL_LIMITS[:3], (0.0, 0.02)),
        ("heavy ball", HEAVY_BALL_LIMITS[3:], (0.02, 0.0)),
        ("sgd", HEAVY_BALL_LIMITS[:3], (0.0, 0.02)),
    ],
    ids=["curveball-low", "curveball-high", "heavy-ball-step", "heavy-ball-momentum", "sgd-step"],
)
def test_just_inside_on_and_just_outside_each_boundary(solver, limits, across):
    side = np.array([-1.0, 0.0, 1.0])[:, None]  # inside, on, outside
    rho, a = (side * shift + x for shift, x in zip(across, np.array(limits).T, strict=True))
    size = np.abs(run(rho.ravel(), a.ravel(), solver, 1200)).max(-1)
    inside, on, outside = (size[-1] / size[199]).reshape(3, -1)  # over the last thousand steps
    assert (inside < 0.02).all()
    assert ((on > 0.1) & (on < 10.0)).all()  # neither to the minimum nor away
    assert (outside > 50.0).all()


@pytest.mark.parametrize(("sign", "grows"), [(1.0, False), (-1.0, True)])
def test_the_boundary_at_zero_curvature(sign, grows):
    solver, w = CurveBall(rho=0.5, beta=0.01, lam=0.0, adapt_lam=False), PROBLEM.solution + START
    state = solver.init(w)
    for _ in range(400):
        w, state, _ = solver.step(w, state, PROBLEM.model, lambda y: sign * PROBLEM.loss(y))
    ratio = np.abs(w - PROBLEM.solution) / abs(START)
    assert (ratio > 1e3).all() if grows else (ratio < 1e-3).all()


def test_one_eigenvector_outside_is_enough_to_diverge():
    problem, rho = Quadratic((0.5, 3.0, 12.0)), np.array([0.82, 0.78])  # 3/2 beta h - 1 = 0.8 for the last
    solver = CurveBall(rho=rho, beta=0.1, lam=0.0, adapt_lam=False)
    w = problem.init(np.random.default_rng(9), runs=(2,))
    state, first = solver.init(w), problem.loss(problem.model(w))
    for _ in range(1500):
        w, state, _ = solver.step(w, state, problem.model, mg.independent_runs(problem.loss))
    growth = problem.loss(problem.model(w)) / first
    assert growth[0] < 1e-6
    assert growth[1] > 1e6
