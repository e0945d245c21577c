r"""The decrease that the quadratic model predicts.

Claim. With the rho and beta that minimise the model m over `z' = rho z - beta Dz` (test_07_two_by_two_system.py)::

    m(z') = -1/2 (beta J.Dz - rho J.z) = -1/2 z'.H^ z'  <=  0                      (1)

On a quadratic objective whose curvature matrix is G, with `H^ = G + lam I`, the objective changes by ::

    f(w + z') - f(w) = m(z') - lam/2 |z'|^2                                        (2)

which is m itself for lam = 0: then the prediction is exact.

Derivation. Write the system as `A x = b` with `x = (beta, -rho)`, `b = (J.Dz, J.z)`. As `z' = -(x_1 Dz + x_2 z)`, the
two terms of m are ::

    1/2 z'.H^ z' = 1/2 x.A x,        z'.J = -x.b

so that with `A x = b`, `m = 1/2 x.b - x.b = -1/2 x.b`, the first form of (1). And `x.b = x.A x = z'.H^ z'` is not
negative, as H^ is not indefinite. It is zero only for z' = 0, and that only where J is orthogonal to Dz and z.

Since x minimises m over all pairs of coefficients, m(z') is no higher than m of any of them: not above `m(z)` (rho = 1,
beta = 0), so repeating the last move is never better, and not above 0 (standing still).

For (2): the model of a quadratic with its own curvature G is its change, `1/2 z'.G z' + z'.J`, and `1/2 z'.H^ z'`
counts `lam/2 |z'|^2` on top. Damping makes the prediction pessimistic by that much, on a quadratic.

The solver evaluates `1/2 x.A x - x.b`, which is right for fixed rho or beta too, where (1) does not hold.

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
    H, J = net.ggn(w) + lam * np.eye(w.size), net.gradient(w)
    return H, J, lambda z: 0.5 * z @ H @ z + z @ J


def test_the_prediction_on_a_network():
    for w, z, new, info in steps_on_the_network(CurveBall(lam=0.5), 15):
        H, J, m = model_of_the_network(w, info["lam"])
        D = H @ z + J
        predicted = info["predicted"]
        assert_allclose(predicted, m(new), rtol=1e-10)
        assert_allclose(predicted, -0.5 * (info["beta"] * J @ D - info["rho"] * J @ z), rtol=1e-10)  # (1)
        assert_allclose(predicted, -0.5 * new @ H @ new, rtol=1e-10)
        assert predicted < 0.0
        assert predicted <= m(z)
        for rho, beta in RNG.uniform(-2.0, 2.0, (20, 2)):
            assert predicted <= m(rho * z - beta * D)


@pytest.mark.parametrize("fixed", [{"rho": 0.9}, {"beta": 0.5}, {"rho": 0.9, "beta": 0.5}])
def test_the_prediction_for_fixed_coefficients(fixed):
    for w, _, new, info in steps_on_the_network(CurveBall(lam=0.5, **fixed), 6):
        _, _, m = model_of_the_network(w, info["lam"])
        assert_allclose(info["predicted"], m(new), rtol=1e-10)


@pytest.mark.parametrize("lam", [0.0, 0.4])
def test_on_a_quadratic_it_is_the_change_but_for_the_damping(lam):
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
