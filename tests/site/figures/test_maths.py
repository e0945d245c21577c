"""What the figures compute is what the packages compute."""

import numpy as np
import pytest

import minigrad as mg
from curveball import CurveBall
from curveball.solvers.two_by_two import PlaneModel
from problems.closed_form.rosenbrock import Rosenbrock


def quadratic(h, angle):
    """Residuals and Hessian of the figures' bowl."""
    c, s = np.cos(angle), np.sin(angle)
    rows = np.sqrt(np.asarray(h))[:, None] * np.array([[c, s], [-s, c]])
    return (lambda w: rows @ w), (lambda y: 0.5 * mg.sum(y * y))


def iterates(model, loss, start, steps, **options):
    solver = CurveBall(**options)
    w = np.array(start, float)
    state, seen = solver.init(w), [w]
    for _ in range(steps):
        w, state, _ = solver.step(w, state, model, loss)
        seen.append(w)
    return np.array(seen)


OPTIONS = [
    {"lam": 0.0, "rho": 0.9, "beta": 0.02, "adapt_lam": False},
    {"lam": 0.5, "rho": 0.7, "adapt_lam": False},
    {"lam": 0.5, "beta": 0.03, "adapt_lam": False, "lr": 0.7},
    {"lam": 1.0, "adapt_lam": False},
    {"lam": 1.0, "adapt_lam": True, "lam_factor": 0.9},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("bowl", [True, False], ids=["bowl", "rosenbrock"])
def test_iterates_are_those_of_the_package(maths, bowl, options):
    start, steps = ([-2.0, 1.4], 30) if bowl else ([-1.2, 1.0], 30)
    if bowl and options["lam"] == 1.0:
        steps = 8  # then z and d are parallel up to rounding: there is no one pair
    problem = Rosenbrock()
    model, loss = quadratic([1.0, 20.0], 0.5) if bowl else (problem.model, problem.loss)
    if not bowl and "beta" in options:
        options = options | {"beta": 0.0005}
    renamed = {"adapt_lam": "adapt", "lam_factor": "factor"}
    ours = {renamed.get(key, key): value for key, value in options.items()}
    which = "quadratic([1, 20], 0.5)" if bowl else "rosenbrock"
    found = np.array(maths(f"curveballRun({which}, a, b, c)", start, steps, ours))
    expected = iterates(model, loss, start, steps, **options)
    assert np.all(np.isfinite(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def test_lambda_follows_the_trust_ratio_within_its_bounds(maths):
    problem, solver = Rosenbrock(), CurveBall(lam=1e-9, lam_every=1, lam_factor=0.5)
    for start in ([-1.2, 1.0], [0.3, 0.2]):
        _, state, info = solver.step(np.array(start), solver.init(np.array(start)), problem.model, problem.loss)
        found = maths("curveballStep(rosenbrock, { w: a, z: [0, 0], lam: 1e-9, steps: 0 },"
                      " { adapt: true, every: 1, factor: 0.5 })", start)  # fmt: skip
        np.testing.assert_allclose([found["lam"], found["gamma"]], [state.lam, info["trust_ratio"]], rtol=1e-9)


@pytest.mark.parametrize("given", [(None, None), (0.5, None), (None, 0.1), (0.5, 0.1)])
@pytest.mark.parametrize("z", [[0.7, -0.2], [0.0, 0.0]])
def test_the_minimum_on_the_plane(maths, given, z):
    found = maths("(p => [p, planeMinimum(p, c, d), planeChange(p, 0.4, 0.1)])(planeModel(rosenbrock, a, b, 0.3))",
                  [0.4, -0.3], z, *given)  # fmt: skip
    plane = PlaneModel(*(np.float64(found[0][key]) for key in ("dGd", "zGd", "zGz", "gd", "gz")))
    np.testing.assert_allclose(found[1], plane.minimum(*given), rtol=1e-12)
    np.testing.assert_allclose(found[2], plane.change(np.float64(0.4), np.float64(0.1)), rtol=1e-12)
    problem = Rosenbrock()
    G = mg.GGNOperator(problem.model, problem.loss, np.array([0.4, -0.3]))
    v = np.array([0.2, 0.9])
    np.testing.assert_allclose(maths("planeModel(rosenbrock, a, b, 0.3).G(c)", [0.4, -0.3], z, list(v)), G(v) + 0.3 * v)


def test_roots_and_rates(maths):
    rng = np.random.default_rng(0)
    for rho, a in [*zip(rng.uniform(-1, 3, 40), rng.uniform(0.01, 4, 40), strict=True), (1.0, 1.0), (0.2, 0.2)]:
        M = np.array([[rho - a, -a], [rho - a, 1.0 - a]])
        expected = np.sort_complex(np.linalg.eigvals(M))
        found = np.sort_complex([complex(*mu) for mu in maths("modeRoots(a, b)", rho, a)])
        np.testing.assert_allclose(found, expected, atol=1e-7)
        modulus = np.abs(expected).max()
        np.testing.assert_allclose(maths("rate(a, b)", rho, a), modulus, atol=1e-7)
        assert maths("converges(a, b)", rho, a) == (modulus < 1.0)


def test_a_run_in_one_mode(maths):
    expected = iterates(lambda w: w, lambda y: 0.5 * (y @ y), [1.0], 20, rho=0.9, beta=0.3, lam=0.0, adapt_lam=False)
    np.testing.assert_allclose(maths("modeRun(0.9, 0.3, 20)"), expected[:, 0], rtol=1e-12)


@pytest.mark.parametrize("kappa", [4.0, 30.0, 1000.0])
def test_the_best_pair(maths, kappa):
    """No pair in its neighbourhood has a smaller rate over the range of curvatures."""
    best = maths("bestPair(a)", kappa)
    rate = "Math.max(...geomspace(1, a, 200).map((h) => rate(b, c * h)))"
    here = maths(rate, kappa, best["rho"], best["beta"])
    np.testing.assert_allclose(here, best["q"], rtol=1e-6)
    for rho, beta in [(1.003, 1.0), (0.997, 1.0), (1.0, 1.01), (1.0, 0.99), (1.003, 1.01), (0.997, 0.99)]:
        assert maths(rate, kappa, best["rho"] * rho, best["beta"] * beta) > here
