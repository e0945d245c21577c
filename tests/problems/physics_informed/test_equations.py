"""Each equation: its exact solution, its conditions, its Jacobian, its derivatives, and that a solver solves it."""

import numpy as np
import pytest

import minigrad as mg
from curveball.solvers.levenberg_marquardt import LevenbergMarquardt
from problems.physics_informed import PROBLEMS, get, names
from problems.physics_informed.burgers import Burgers
from problems.physics_informed.jet import Jet, coordinates

over_all = pytest.mark.parametrize("name", names())
WRITTEN_OUT = ("burgers", "burgers-sharp", "heat", "heat-inverse", "poisson-1d", "poisson-2d")  # below, in PyTorch


def exact_params(problem):
    """Parameters with the true coefficient, where one is to be found."""
    params = problem.init(np.random.default_rng(0))
    if "log_a" in params:
        params["log_a"] = np.log([problem.diffusivity])
    return params


def test_names():
    assert names() == tuple(sorted(PROBLEMS))
    assert set(WRITTEN_OUT) <= set(names())
    assert all(get(name).name == name for name in names())


@over_all
def test_the_exact_solution_has_no_residual(name):
    problem = get(name)
    x = coordinates(problem.points, second=problem.second)
    u = problem.solution(x)
    size = max(np.abs(a).max() for a in (*u.first, *u.second))
    assert np.abs(problem.residual(u, x, exact_params(problem))).max() < 1e-13 * size


@over_all
def test_another_function_has_a_residual(name):
    problem = get(name)
    x = coordinates(problem.points, second=problem.second)
    bump = problem.ansatz(x[0] * 0.1, x) - problem.ansatz(x[0] * 0.0, x)
    wrong = problem.solution(x) + bump
    assert np.abs(problem.residual(wrong, x, exact_params(problem))).max() > 1e-3


@over_all
def test_every_network_satisfies_the_conditions(name):
    """Where two networks agree, as no network has a say there, they are the exact solution: on the whole boundary."""
    problem = get(name)
    points = problem.test_points
    exact = problem.solution(coordinates(points, 0, 0)).value
    one, other = (problem.values(problem.init(np.random.default_rng(seed)), points) for seed in (3, 4))
    given = np.abs(one - other) < 1e-13
    np.testing.assert_allclose(one[given], exact[given], atol=1e-13)
    assert given.any()
    assert not given.all()


@pytest.mark.parametrize(
    ("name", "edges"),
    [
        ("poisson-1d", [(0, 0.0), (0, 1.0)]),
        ("poisson-2d", [(0, 0.0), (0, 1.0), (1, 0.0), (1, 1.0)]),
        ("heat", [(0, 0.0), (0, 1.0), (1, 0.0)]),  # x, and t at the start
        ("heat-inverse", [(0, 0.0), (0, 1.0), (1, 0.0)]),
        ("burgers", [(0, 0.0), (0, 1.0), (1, 0.0)]),
        ("burgers-sharp", [(0, 0.0), (0, 1.0), (1, 0.0)]),
    ],
)
def test_where_the_conditions_are(name, edges):
    problem = get(name)
    points = problem.test_points
    on_edge = np.any([points[:, k] == value for k, value in edges], axis=0)
    exact = problem.solution(coordinates(points[on_edge], 0, 0)).value
    found = problem.values(problem.init(np.random.default_rng(3)), points[on_edge])
    np.testing.assert_allclose(found, exact, atol=1e-13)


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_residuals_with_derivatives_by_pytorch(name):
    """The solution of a network is written down in PyTorch, and the equation is put together from its gradients."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    problem = get(name)
    params = problem.init(np.random.default_rng(4))
    layers = mg.tree_map(torch.asarray, params["network"])
    x = [torch.tensor(column, requires_grad=True) for column in problem.points.T]

    def u_of(x):
        first = x[0]
        if isinstance(problem, Burgers):
            first = torch.asinh(x[0] * np.sinh(problem.stretch)) / problem.stretch
        h = torch.stack([first, *x[1:]], dim=-1)
        for layer in [layers[k] for k in sorted(layers) if k != "output"]:
            h = torch.tanh(h @ layer["w"] + layer["b"])
        output = (h @ layers["output"]["w"])[:, 0]
        edge = first * (1.0 - first)
        if name == "poisson-1d":
            return edge * output
        if name == "poisson-2d":
            return edge * x[1] * (1.0 - x[1]) * output
        if isinstance(problem, Burgers):
            return x[1] * edge * output - torch.sin(np.pi * x[0])
        return x[1] * edge * output + torch.sin(np.pi * x[0]) + 0.5 * torch.sin(2.0 * np.pi * x[0])

    def slope(u, k):
        return torch.autograd.grad(u.sum(), x[k], create_graph=True)[0]

    u = u_of(x)
    if name == "poisson-1d":
        y = slope(slope(u, 0), 0) + 9.0 * np.pi**2 * torch.sin(3.0 * np.pi * x[0])
    elif name == "poisson-2d":
        source = 2.0 * np.pi**2 * torch.sin(np.pi * x[0]) * torch.sin(np.pi * x[1])
        y = slope(slope(u, 0), 0) + slope(slope(u, 1), 1) + source
    elif isinstance(problem, Burgers):
        y = slope(u, 1) + u * slope(u, 0) - problem.viscosity * slope(slope(u, 0), 0)
        c = problem.stretch  # dx/ds
        s = torch.asinh(x[0] * np.sinh(c)) / c
        y = y * c * torch.cosh(c * s) / np.sinh(c)
    else:
        a = problem.guess if name == "heat-inverse" else problem.diffusivity
        y = slope(u, 1) - a * slope(slope(u, 0), 0)
    found = problem.model(params)[: len(y)]
    np.testing.assert_allclose(found, y.detach().numpy(), rtol=1e-9, atol=1e-10 * np.abs(found).max())


@pytest.mark.parametrize("name", ["poisson-1d", "poisson-2d", "heat", "heat-inverse", "burgers"])
def test_the_jacobian_row_by_row(name):
    """Against the rows that one pull each gives."""
    problem = get(name)
    params = problem.init(np.random.default_rng(5))
    matrix = problem.jacobian(params)
    y, J = mg.linearize(problem.model, params)
    ravel = mg.Ravel(params)
    assert matrix.shape == (len(y), ravel.size)
    for i in (0, 7, len(y) // 2, len(y) - 1):
        row = ravel.vector(J.T(1.0 * (np.arange(len(y)) == i)))
        np.testing.assert_allclose(matrix[i], row, rtol=1e-9, atol=1e-11 * np.abs(row).max())


@pytest.mark.parametrize("name", ["poisson-1d", "heat-inverse"])
def test_the_gauss_newton_matrix_is_made_of_the_jacobian(name):
    """A step with it is the step with one product per parameter."""
    problem, solver = get(name), LevenbergMarquardt(tau=0.1)
    params = problem.init(np.random.default_rng(6))
    fast, _, _ = solver.step(params, solver.init(params), problem.at(), problem.loss)
    slow, _, _ = solver.step(params, solver.init(params), problem.model, problem.loss)
    for a, b in zip(mg.tree_flatten(fast)[0], mg.tree_flatten(slow)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)
    G = mg.GGNOperator(problem.at(), problem.loss, params)
    np.testing.assert_array_equal(G.rows, problem.jacobian(params))
    assert mg.GGNOperator(problem.model, problem.loss, params).rows is None


@pytest.mark.parametrize(("name", "steps", "error"), [("poisson-1d", 150, 1e-5), ("poisson-2d", 60, 1e-4)])
def test_levenberg_marquardt_solves_it(name, steps, error):
    problem, solver = get(name), LevenbergMarquardt()
    params = problem.init(np.random.default_rng([1, 0]))
    state, model = solver.init(params), problem.at()
    assert problem.error(params) > 0.5
    for _ in range(steps):
        params, state, _ = solver.step(params, state, model, problem.loss)
    assert problem.error(params) < error


def test_the_coefficient_counts_in_the_error():
    """With the exact solution put in for the network, what remains is the error of the coefficient."""
    problem = get("heat-inverse")
    params = problem.init(np.random.default_rng(0))
    object.__setattr__(problem, "u", lambda params, x: problem.solution(x))
    try:
        params["log_a"] = np.log([problem.diffusivity * 1.25])
        assert problem.error(params) == pytest.approx(0.25)
        assert problem.found(params) == pytest.approx(0.125)
        assert np.abs(problem.model(params)[-20:]).max() < 1e-14
    finally:
        object.__delattr__(problem, "u")


@over_all
def test_runs_and_their_losses(name):
    problem, rng = get(name), np.random.default_rng(0)
    params = problem.init(rng, (2,))
    outputs = problem.model(params, problem.batch(rng))
    assert outputs.shape[0] == 2
    assert problem.loss(outputs, None).shape == (2,)
    alone = mg.tree_map(lambda w: w[1], params)
    np.testing.assert_allclose(outputs[1], problem.model(alone), rtol=1e-10, atol=1e-10)


@over_all
def test_another_library_and_another_precision(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    problem = get(name)
    params = problem.init(np.random.default_rng(0))
    y, error = problem.model(params), problem.error(params)
    found = mg.tree_map(torch.asarray, params)
    np.testing.assert_allclose(problem.model(found).numpy(), y, rtol=1e-10, atol=1e-12 * np.abs(y).max())
    assert problem.error(found) == pytest.approx(error, rel=1e-12)
    single = mg.tree_map(lambda w: w.astype(np.float32), params)
    assert problem.model(single).dtype == problem.jacobian(single).dtype == np.float32
    np.testing.assert_allclose(problem.model(single), y, atol=1e-5 * np.abs(y).max())


@pytest.mark.parametrize("time", [0.0, 1.0])
def test_the_cole_hopf_solution_is_odd_and_starts_as_it_should(time):
    problem = get("burgers-sharp")
    x = np.linspace(-1.0, 1.0, 41)
    u = problem.solution(coordinates(np.stack([x, np.full(41, time)], axis=1), 0, 0)).value
    np.testing.assert_allclose(u, -u[::-1], atol=1e-13)
    if not time:
        np.testing.assert_allclose(u, -np.sin(np.pi * x), atol=1e-14)


@pytest.mark.parametrize(("name", "modes"), [("burgers", 64), ("burgers-sharp", 768)])
def test_the_cole_hopf_solution_against_a_spectral_one(name, modes):
    """`u_t = -(u^2 / 2)_x + nu u_xx` by Fourier series without the upper third of the modes, and Runge and Kutta."""
    from scipy.integrate import solve_ivp

    nu, n, times = get(name).viscosity, 2 * modes, [0.1, 0.4]
    x = -1.0 + 2.0 * np.arange(n) / n
    k = np.pi * np.arange(modes + 1)
    kept = np.arange(modes + 1) < 2 * modes // 3

    def slope(_, u):
        return np.fft.irfft(-0.5j * k * kept * np.fft.rfft(u * u) - nu * k * k * np.fft.rfft(u), n)

    found = solve_ivp(slope, (0.0, times[-1]), -np.sin(np.pi * x), "DOP853", times, rtol=1e-8, atol=1e-10)
    for time, u in zip(times, found.y.T, strict=True):
        points = np.stack([x, np.full(n, time)], axis=1)
        exact = get(name).solution(coordinates(points, 0, 0)).value
        assert np.linalg.norm(u - exact) < 1e-7 * np.linalg.norm(exact)


def test_the_stretched_coordinate():
    problem = get("burgers-sharp")
    s = np.linspace(0.0, 1.0, 11)
    x = coordinates(np.stack([problem._x(s), s], axis=1), second=1)
    found, _ = problem.features(x)
    np.testing.assert_allclose(found.value, s, atol=1e-14)
    assert isinstance(found, Jet)
    assert np.sum(problem.points[:, 0] < 0.05) > 0.3 * len(problem.points)


@pytest.mark.parametrize("bad", [{"stretch": 0.0}, {"viscosity": -1.0}])
def test_bad_settings(bad):
    with pytest.raises(ValueError, match="viscosity and stretch must be positive"):
        Burgers(**{"name": "bad", "viscosity": 0.1, **bad})
