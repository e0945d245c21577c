r"""The decrease that the quadratic model predicts.

Claim. With the `rho` and `beta` that minimise the model `m` over `z' = rho z - beta d` (test_07_two_by_two_system.py)::

    m(z') = -1/2 (beta g.d - rho g.z) = -1/2 z'.G_lam z'  <=  0                    (1)

On a quadratic objective with Hessian `G`, the objective changes by ::

    f(w + z') - f(w) = m(z') - lam/2 |z'|^2                                        (2)

For `lam = 0` that is `m` itself, so the prediction is exact.

Derivation. Write the system as `A x = b` with `x = (beta, -rho)` and `b = (g.d, g.z)`. As `z' = -(x_1 d + x_2 z)`, the
two terms of `m` are ::

    1/2 z'.G_lam z' = 1/2 x.A x,        z'.g = -x.b

With `A x = b`, `m = 1/2 x.b - x.b = -1/2 x.b`: the first form of (1). And `x.b = x.A x = z'.G_lam z'` is not negative,
because `G_lam` is not indefinite. For positive definite `G_lam` it is zero only for `z' = 0`, and `z' = 0` only where
`g` is orthogonal to `d` and `z`.

Since `x` minimises `m` over all pairs of coefficients, `m(z')` is at most the `m` of any of them. It is at most `m(z)`
(`rho = 1`, `beta = 0`), so repeating the last move is never better. It is at most 0 (`rho = beta = 0`), so standing
still is never better.

For (2): the change of a quadratic with Hessian `G` is `1/2 z'.G z' + z'.g`, and `1/2 z'.G_lam z'` has `lam/2 |z'|^2`
more. So on a quadratic, damping makes the prediction too high by that much: the true decrease is larger.

The solver evaluates `1/2 x.A x - x.b`. This is right for fixed `rho` or `beta` too, where (1) does not hold.

Source: Nocedal and Wright, chapter 4 (the model's decrease); Henriques et al., ICCV 2019, arXiv 1805.08095.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from curveball import CurveBall
from problems.closed_form.quadratic import Quadratic
from tests.support import small_network as net

RNG = np.random.default_rng(8)


def steps_on_the_network(solver, count):
    """For each step: w before it, z before and after, info."""
    params, state = net.START, solver.init(net.START)
    for _ in range(count):
        before = net.vector(params), net.vector(state.z)
        params, state, info = solver.step(params, state, net.model, net.loss)
        yield *before, net.vector(state.z), info


def model_of_the_network(w, lam):
    g, G_lam = net.g(w), net.G(w) + lam * np.eye(w.size)
    return g, G_lam, lambda z: 0.5 * z @ G_lam @ z + z @ g


def test_the_prediction_on_a_network():
    for w, z, new_z, info in steps_on_the_network(CurveBall(lam=0.5), 15):
        g, G_lam, m = model_of_the_network(w, info["lam"])
        d = G_lam @ z + g
        predicted = info["predicted"]
        assert_allclose(predicted, m(new_z), rtol=1e-10)
        assert_allclose(predicted, -0.5 * (info["beta"] * g @ d - info["rho"] * g @ z), rtol=1e-10)  # (1)
        assert_allclose(predicted, -0.5 * new_z @ G_lam @ new_z, rtol=1e-10)
        assert predicted < 0.0
        assert predicted <= m(z)
        for rho, beta in RNG.uniform(-2.0, 2.0, (20, 2)):
            assert predicted <= m(rho * z - beta * d)


@pytest.mark.parametrize("fixed", [{"rho": 0.9}, {"beta": 0.5}, {"rho": 0.9, "beta": 0.5}])
def test_the_prediction_for_fixed_coefficients(fixed):
    for w, _, new_z, info in steps_on_the_network(CurveBall(lam=0.5, **fixed), 6):
        _, _, m = model_of_the_network(w, info["lam"])
        assert_allclose(info["predicted"], m(new_z), rtol=1e-10)


@pytest.mark.parametrize("lam", [0.0, 0.4])
def test_on_a_quadratic_it_is_the_change_except_for_the_damping(lam):
    problem = Quadratic((0.3, 1.0, 8.0, 20.0))
    solver = CurveBall(lam=lam, adapt_lam=False)
    w = problem.init(RNG)
    state = solver.init(w)
    for _ in range(12):
        value = problem.loss(problem.model(w))
        w, state, info = solver.step(w, state, problem.model, problem.loss)
        change = problem.loss(problem.model(w)) - value
        assert_allclose(change, info["predicted"] - 0.5 * lam * state.z @ state.z, rtol=1e-8, atol=1e-14)  # (2)


def test_nothing_is_predicted_where_nothing_moves():
    problem = Quadratic((1.0, 2.0))
    solver = CurveBall(lam=0.1)
    w, _, info = solver.step(problem.solution, solver.init(problem.solution), problem.model, problem.loss)
    assert info["predicted"] == 0.0
    assert_allclose(w, problem.solution, rtol=0.0, atol=0.0)
