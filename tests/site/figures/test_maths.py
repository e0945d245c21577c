"""What the figures compute is what the packages compute."""

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import solve_discrete_lyapunov

import minigrad as mg
from curveball import CurveBall, conjugate_gradient
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


@pytest.mark.parametrize(("n", "kappa"), [(4, 30.0), (8, 100.0)])
def test_the_planes_of_curveball_and_of_conjugate_gradients(maths, n, kappa):
    h = np.geomspace(1.0, kappa, n)
    np.testing.assert_allclose(maths("curvatures(a, b)", n, kappa), h)
    model, loss = (lambda w: np.sqrt(h) * w), (lambda y: 0.5 * mg.sum(y * y))

    def losses(ws):
        values = 0.5 * np.sum(h * np.asarray(ws) ** 2, axis=-1)
        return values / values[0]

    start = np.ones(n)
    automatic = iterates(model, loss, start, 30, lam=0.0, adapt_lam=False)
    np.testing.assert_allclose(maths("lowestPoints(a, 1, 30)", list(h)), losses(automatic), rtol=1e-6)
    best = maths("bestPair(a)", kappa)
    fixed = iterates(model, loss, start, 60, lam=0.0, adapt_lam=False, rho=best["rho"], beta=best["beta"])
    np.testing.assert_allclose(maths("fixedPair(a, 60)", list(h)), losses(fixed), rtol=1e-8)
    cg = [start + conjugate_gradient(lambda v: h * v, -h, tol=0.0, max_iter=t).x for t in range(1, n)]
    found = maths("lowestPoints(a, 0, b)", list(h), n)
    np.testing.assert_allclose(found[:n], losses([start, *cg]), rtol=1e-6)
    assert found[n] < 1e-15  # done, but for rounding
    w, steps = start, [start]
    for _ in range(20):
        g = h * w
        w = w - (g @ g) / (g @ (h * g)) * g
        steps.append(w)
    np.testing.assert_allclose(maths("steepest(a, 20)", list(h)), losses(steps), rtol=1e-10)


def test_noise_and_the_variance_that_it_leaves(maths):
    rho, beta, h, sigma = 0.8, 0.1, 3.0, 0.5
    a = beta * h
    M = np.array([[rho - a, -a], [rho - a, 1.0 - a]])
    covariance = solve_discrete_lyapunov(M, (beta * sigma) ** 2 * np.ones((2, 2)))
    np.testing.assert_allclose(maths("variance(a, b, c, d)", rho, beta, h, sigma), covariance[1, 1], rtol=1e-12)

    noise = np.random.default_rng(0).standard_normal((30, 2))
    solver, w = CurveBall(rho=rho, beta=beta, lam=0.0, adapt_lam=False), np.array([2.5, -1.8])
    found, state, curvature = (
        maths("noisyRun(a, b, [1, 4], c, d)", rho, beta, list(w), noise.tolist()),
        None,
        np.array([1.0, 4.0]),
    )
    state = solver.init(w)
    for draw, here in zip(noise, found, strict=True):
        w, state, _ = solver.step(
            w, state, lambda w: mg.concat([np.sqrt(curvature) * w, w]),
            lambda y, draw=draw: 0.5 * mg.sum(y[:2] * y[:2]) + mg.sum(draw * y[2:]),
        )  # fmt: skip
        np.testing.assert_allclose(here, w, rtol=1e-10, atol=1e-12)
    assert maths("slowest(0.8, 0.1, [1, 4])") == max(maths("[rate(0.8, 0.1), rate(0.8, 0.4)]"))


def test_draws_are_normal_and_always_the_same(maths):
    found = np.array(maths("draws(5000, 1, 2, 1)"))[:, 0]
    assert maths("draws(3, 2, 1)") == maths("draws(3, 2, 1)")
    assert stats.kstest(found / 2.0, "norm").pvalue > 0.01
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.04


def test_the_noise_of_the_ball_has_the_deviation_that_the_formula_gives(maths):
    seen = np.array(maths("noisyRun(0.5, 0.2, [1, 4], [0, 0], draws(8000, 2, 1))"))[100:]
    expected = maths("[variance(0.5, 0.2, 1, 1), variance(0.5, 0.2, 4, 1)]")
    np.testing.assert_allclose(seen.var(axis=0), expected, rtol=0.1)


def test_the_tape_pushes_and_pulls_as_minigrad_does(maths):
    def y(x):
        return mg.sin(x[0] * x[1]) + x[0] * mg.exp(x[1])

    for x, v in [([1.0, 0.5], [1.0, -0.3]), ([-0.7, 1.2], [0.2, 2.0])]:
        value, J = mg.linearize(y, np.array(x))
        rows = maths("record(a)", x)
        np.testing.assert_allclose(rows[-1]["value"], value, rtol=1e-14)
        np.testing.assert_allclose(maths("pushed(record(a), b)", x, v)[-1], J(np.array(v)), rtol=1e-12)
        np.testing.assert_allclose(maths("pulled(record(a), 0.7)", x)[:2], J.T(np.float64(0.7)), rtol=1e-12)
        assert maths("pulled(record(a), 0.7, 0)", x) == [0.0] * 6 + [0.7]
        p, q = x
        values = [p, q, p * q, np.sin(p * q), np.exp(q), p * np.exp(q), value]
        np.testing.assert_allclose([row["value"] for row in rows], values)


def test_a_linear_map_and_its_singular_directions(maths):
    A = np.array([[1.2, 0.8], [-0.2, 0.7]])
    found = maths("singular(a)", A.tolist())
    values, right = np.linalg.svd(A)[1:]
    np.testing.assert_allclose(found["values"], values)
    v = np.array([np.cos(found["angle"]), np.sin(found["angle"])])
    np.testing.assert_allclose(abs(v @ right[0]), 1.0)
    np.testing.assert_allclose(maths("thereAndBack(a, b)", A.tolist(), [0.3, 2.0]), A.T @ A @ [0.3, 2.0])
    np.testing.assert_allclose(
        maths("[between([1, 0], [1, 1]), between([0, 2], [0, -3]), between([1, 0], [0, 1])]"), [45, 0, 90]
    )


@pytest.mark.parametrize("kernel", ["edge", "level", "spot", "mean"])
def test_patches_are_those_of_the_convolution(maths, kernel):
    image, weights = np.array(maths("IMAGE"), float), np.array(maths(f"KERNELS.{kernel}"), float)
    expected = mg.nn.conv2d(image[None, :, :, None], weights[:, :, None, None])[0, :, :, 0]
    np.testing.assert_array_equal(maths(f"convolved(IMAGE, KERNELS.{kernel})"), expected)
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3)).reshape(25, 9)
    np.testing.assert_array_equal(maths("patches(IMAGE)"), windows)


@pytest.mark.parametrize(("w", "lam"), [(1.0, 0.03), (1.0, 0.15), (-0.4, 0.5), (2.0, 0.2)])
def test_trust_ratio_and_lambda_are_those_of_a_step_of_the_package(maths, w, lam):
    def model(w):
        return mg.tanh(2.0 * w) + w / 5.0

    start = np.array([w])
    solver = CurveBall(lam=lam, lam_every=1, lam_factor=0.5)
    after, state, info = solver.step(start, solver.init(start), model, lambda y: 0.5 * mg.sum(y * y))
    found, moved = maths("[dampedStep(a, b), trustStep({ w: a, lam: b }, 0.5)]", w, lam)
    np.testing.assert_allclose(
        [found["gamma"], found["predicted"]], [info["trust_ratio"], info["predicted"]], rtol=1e-10
    )
    np.testing.assert_allclose([moved["w"], moved["lam"]], [after[0], state.lam], rtol=1e-12)


@pytest.mark.parametrize("w", [-1.3, -0.5, 0.1, 0.8])
def test_both_curvatures(maths, w):
    def model(w):
        return mg.tanh(2.0 * w) + w / 5.0

    def loss(y):
        return 0.5 * mg.sum(y * y)

    found, at, one = maths("curvatureAt(a)", w), np.array([w]), np.ones(1)
    np.testing.assert_allclose(found["g"], mg.grad(lambda w: loss(model(w)))(at)[0], rtol=1e-12)
    np.testing.assert_allclose(found["H"], mg.hvp(lambda w: loss(model(w)), at, one)[0], rtol=1e-11)
    np.testing.assert_allclose(found["G"], mg.ggnvp(model, loss, at, one)[0], rtol=1e-12)
    np.testing.assert_allclose(
        [found["newton"], found["gaussNewton"]], [-found["g"] / found["H"], -found["g"] / found["G"]]
    )
    parabola = maths("parabola(a, 2, 0.1)", w)
    np.testing.assert_allclose(parabola, loss(model(at)) + 0.1 * found["g"] + 0.01, rtol=1e-12)


def test_what_damping_leaves_and_what_noise_moves(maths):
    h, lam = np.array([0.01, 1.0, 30.0]), 0.7
    w = np.ones(3)
    for _ in range(10):
        w = w - (h * w) / (h + lam)
    np.testing.assert_allclose(maths("a.map((h) => left(h, b, 10))", list(h), lam), w, rtol=1e-12)
    np.testing.assert_allclose(
        maths("a.map((h) => noiseGain(h, b))", list(h), lam), np.linalg.solve(np.diag(h + lam), np.ones(3))
    )


def test_rates_of_the_other_methods(maths):
    for rho, a in [(0.9, 0.3), (0.5, 1.7), (0.2, 0.05)]:
        heavy = np.array([[rho, -a], [rho, 1.0 - a]])
        ahead = np.array([[rho * (1.0 - a), -a], [rho * (1.0 - a), 1.0 - a]])
        for name, M in {"heavy ball": heavy, "Nesterov": ahead}.items():
            np.testing.assert_allclose(
                maths("rate(a, b, c)", rho, a, name), np.abs(np.linalg.eigvals(M)).max(), rtol=1e-10
            )
