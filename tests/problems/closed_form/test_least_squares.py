"""Published data, starts and minima, checked by SciPy and by central differences, which know nothing of our rules."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import least_squares

import minigrad as mg
from problems.closed_form import PROBLEMS, get, more_garbow_hillstrom, nist
from problems.closed_form.least_squares import LeastSquares, problem

strict = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")

COLLECTED = {name: p for name, p in PROBLEMS.items() if isinstance(p, LeastSquares)}
MGH = [p for p in COLLECTED.values() if p.source.startswith("Moré")]
NIST = [p for p in COLLECTED.values() if p.source.startswith("NIST")]
SOLVED = [p for p in COLLECTED.values() if p.solution is not None]
DIGITS = {"Moré": 1e-5, "NIST": 1e-9}  # six digits, cut off; eleven digits, less rounding (r is y / 1e6 in Lanczos2)


def over(problems):
    return pytest.mark.parametrize("problem", problems, ids=lambda p: p.name)


def value(problem, x):
    return float(problem.loss(problem.model(np.asarray(x))))


def relative_error(problem, loss):
    return abs(loss - problem.minimum) / (problem.minimum or 1.0)


def difference_jacobian(problem, x):
    """dr/dx (m, n) by central differences of fourth order; the shifted points are runs of one evaluation."""
    h = (x + 1e-4 * np.where(x == 0.0, 1.0, np.abs(x))) - x
    near, far = (problem.model(x + k * np.diag(h)) - problem.model(x - k * np.diag(h)) for k in (1.0, 2.0))
    return ((8.0 * near - far) / (12.0 * h[:, None])).T


def minimise(problem, start, method="trf"):
    with np.errstate(all="ignore"):  # a trial step may leave the domain; SciPy then shortens it
        return least_squares(
            problem.model, start, lambda x: difference_jacobian(problem, x), method=method, x_scale="jac",
            xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=5000,
        )  # fmt: skip


def test_collections():
    assert (len(MGH), len(NIST)) == (22, 26)
    assert sorted(int(p.source.split()[-1]) for p in MGH) == [*range(1, 20), 20, 20, 20]
    assert all(p.name == name for name, p in COLLECTED.items())
    assert all(len(p.starts) == (2 if p in NIST else 1) for p in MGH + NIST)


@over(SOLVED)
def test_loss_at_the_solution_is_the_published_minimum(problem):
    tolerance = DIGITS.get(problem.source[:4], 1e-5) if problem.minimum else 1e-28
    assert relative_error(problem, value(problem, problem.solution)) <= tolerance


@over([p for p in SOLVED if p.minimum > 0.0])  # where r = 0 there is nothing to test
def test_gradient_at_the_solution_is_zero(problem):
    """|J_k . r| <= tol |J_k| |r| for each parameter; eleven digits of x leave 1e-5 in Lanczos2."""
    residuals, jacobian = problem.model(problem.solution), difference_jacobian(problem, problem.solution)
    scale = np.linalg.norm(jacobian, axis=0) * np.linalg.norm(residuals)
    assert np.max(np.abs(jacobian.T @ residuals) / scale) < 3e-5


@over([p for p in MGH if p.name != "freudenstein-roth"])
def test_scipy_reaches_the_minimum_of_mgh(problem):
    """From the standard start; freudenstein-roth's leads to a local minimum, see below."""
    loss = 2.0 * minimise(problem, problem.start).cost
    assert relative_error(problem, loss) <= (DIGITS["Moré"] if problem.minimum else 1e-20)


@over(NIST)
@pytest.mark.parametrize("start", ["far", "near"])
def test_scipy_reaches_the_certified_values_of_nist(problem, start):
    result = minimise(problem, problem.starts[["far", "near"].index(start)])
    assert relative_error(problem, 2.0 * result.cost) < DIGITS["NIST"]
    assert np.allclose(result.x, problem.solution, rtol=2e-6, atol=0.0)


def test_levenberg_marquardt_runs_off_from_the_far_start_of_boxbod():
    """MINPACK's first step makes b2 so large that exp(-b2 x) = 0: a plateau. The trust region above stays off it."""
    result = minimise(get("BoxBOD"), get("BoxBOD").start, method="lm")
    assert 2.0 * result.cost == pytest.approx(9771.5)
    assert result.x[1] > 50.0


def test_local_minimum_of_freudenstein_roth():
    p = get("freudenstein-roth")
    result = minimise(p, p.start)
    assert np.allclose(result.x, [(53.0 - 4.0 * 22.0**0.5) / 3.0, (2.0 - 22.0**0.5) / 3.0], rtol=1e-6)
    assert 2.0 * result.cost == pytest.approx(p.stationary_values[0], rel=1e-5)


def test_saddle_point_of_biggs_exp6():
    """The least f with x1 = x5 and x3 = x6 is a stationary point of all six, and f falls where x1 and x5 part."""
    p = get("biggs-exp6")
    plane = [0, 1, 2, 3, 0, 2]
    x = least_squares(lambda z: p.model(z[plane]), p.start[:4], xtol=1e-15, ftol=1e-15, gtol=1e-15).x[plane]
    assert value(p, x) == pytest.approx(p.stationary_values[0], rel=1e-5)
    assert np.max(np.abs(difference_jacobian(p, x).T @ p.model(x))) < 1e-9
    assert value(p, x + 0.01 * np.array([1.0, 0.0, 0.0, 0.0, -1.0, 0.0])) < value(p, x)


def test_minimum_of_bard_at_infinity():
    """x2, x3 -> -inf leaves y - x1, least where x1 is the mean of y."""
    y = more_garbow_hillstrom.BARD_Y
    assert y.size * np.var(y) == pytest.approx(get("bard").stationary_values[0], rel=1e-5)
    assert value(get("bard"), [y.mean(), -1e9, -1e9]) == pytest.approx(y.size * np.var(y))


def test_minimum_of_kowalik_osborne_at_infinity():
    """x1, x3, x4 -> inf in the ratio 1 : a : b leaves u (u + x2) / (a u + b)."""
    u, y = more_garbow_hillstrom.KOWALIK_U, more_garbow_hillstrom.KOWALIK_Y
    result = least_squares(lambda p: y - u * (u + p[0]) / (p[1] * u + p[2]), [-14.0, -50.0, -10.0], x_scale="jac")
    assert 2.0 * result.cost == pytest.approx(get("kowalik-osborne").stationary_values[0], rel=1e-5)
    assert result.x[0] == pytest.approx(-14.07, abs=0.01)


def test_further_minima_of_box_3d():
    for x in ([10.0, 1.0, -1.0], [3.0, 3.0, 0.0]):
        assert value(get("box-3d"), x) < 1e-28


def test_nist_and_mgh_agree_where_they_share_a_problem():
    for ours, theirs in (("meyer", "MGH10"), ("kowalik-osborne", "MGH09"), ("osborne-1", "MGH17")):
        x = get(ours).start
        assert np.array_equal(x, get(theirs).starts[1])
        assert value(get(ours), x) == pytest.approx(value(get(theirs), x), rel=1e-12)


@over(COLLECTED.values())
@pytest.mark.parametrize("runs", [(), (3,), (2, 3)], ids=str)
def test_runs_are_independent(problem, runs):
    start = problem.init(None, runs)
    assert start.shape == (*runs, problem.start.size)
    assert np.all(start == problem.start)
    params = start * np.random.default_rng(0).uniform(0.99, 1.01, start.shape)
    outputs = problem.model(params, problem.batch(None, runs))
    losses = problem.loss(outputs, problem.batch(None, runs))
    assert outputs.shape == (*runs, problem.model(problem.start).size)
    assert losses.shape == runs
    for run in np.ndindex(runs):
        single = problem.model(params[run])
        assert np.allclose(outputs[run], single, rtol=1e-12)
        assert np.allclose(losses[run], problem.loss(single), rtol=1e-12)


@over(COLLECTED.values())
def test_dtype_of_params_is_kept(problem):
    outputs = problem.model(problem.init().astype(np.float32))
    assert (outputs.dtype, problem.loss(outputs).dtype) == (np.float32, np.float32)


@over(COLLECTED.values())
def test_jacobian_of_minigrad(problem):
    """Near the start, or near the second one: from the first of MGH17 only rounding is left of two columns."""
    x = problem.starts[-1] * 1.01 + (0.01 if problem.name.startswith("watson") else 0.0)
    expected = difference_jacobian(problem, x)
    scale = np.max(np.abs(expected), axis=0)
    assert np.allclose(mg.jacobian(problem.model)(x) / scale, expected / scale, atol=1e-7)


@over(COLLECTED.values())
def test_another_backend(problem):
    """array-api-strict refuses operations that are not in the standard, and arrays of NumPy."""
    params = strict.asarray(problem.init(runs=(2,)))
    losses = problem.loss(problem.model(params))
    assert np.allclose(mg.to_numpy(losses), value(problem, problem.start))


def test_init_gives_fresh_arrays_and_the_rest_cannot_be_written():
    p = get("rosenbrock")
    p.init()[0] = 7.0
    assert p.start[0] == -1.2
    with pytest.raises(ValueError, match="read-only"):
        p.start[0] = 7.0
    with pytest.raises(ValueError, match="read-only"):
        p.solution[0] = 7.0


def test_second_start():
    near = replace(get("MGH09"), starts=get("MGH09").starts[1:])
    assert np.array_equal(near.init(None), [0.25, 0.39, 0.415, 0.39])


def test_data_file_holds_the_sets_in_use():
    assert set(nist.DATA) == {p.name for p in NIST} - {"Nelson"}  # it has two predictors, and a file of its own
    assert sum(xy.shape[1] for xy in nist.DATA.values()) == 2024


def test_wrong_shape_is_named():
    with pytest.raises(ValueError, match=r"'beale' need the shape \(\*runs, 2\), not \(3,\)"):
        get("beale").model(np.zeros(3))


def test_name_given_twice():
    with pytest.raises(ValueError, match="'beale' already"):
        problem("beale", "nowhere", [(0.0,)], 0.0)(lambda x: x)
    assert get("beale").source.startswith("Moré")
