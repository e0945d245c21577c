"""`least_squares`: SciPy as the oracle for bounds and robust losses, trees, scales, reasons to stop, bad input."""

import numpy as np
import pytest
import scipy.optimize

import minigrad as mg
from curveball import least_squares
from curveball.fitting.robust import LOSSES, Weighing
from problems.closed_form import PROBLEMS, get
from problems.closed_form.least_squares import LeastSquares

MGH = [p.name for p in PROBLEMS.values() if isinstance(p, LeastSquares) and p.source.startswith("Moré")]
T = np.linspace(0.0, 5.0, 30)
Y = 2.5 * np.exp(-0.9 * T) + 0.4 + 0.1 * np.random.default_rng(0).normal(size=30)
OUTLIERS = Y + 0.8 * (np.arange(30) % 7 == 0)
START = np.array([1.0, 0.2, 0.6])


def decay(p):
    return p[0] * mg.exp(-p[1] * T) + p[2]


def rosenbrock(p):
    return mg.stack([10.0 * (p[1] - p[0] ** 2), 1.0 - p[0]])


@pytest.mark.parametrize("name", MGH)
def test_published_minima_from_the_standard_start(name):
    problem = get(name)
    result = least_squares(problem.model, problem.start)
    known = np.array([problem.minimum, *problem.stationary_values])
    assert np.min(np.abs(2.0 * result.cost - known) - 1e-5 * known) <= 1e-14
    assert result.success


@pytest.mark.parametrize("factor", [10.0, 100.0])
@pytest.mark.parametrize("name", ["gaussian", "meyer", "osborne-1", "kowalik-osborne", "helical-valley"])
def test_published_minima_from_far_away(name, factor):
    problem = get(name)
    result = least_squares(problem.model, factor * problem.start)
    known = np.array([problem.minimum, *problem.stationary_values])
    assert np.min(np.abs(2.0 * result.cost - known) - 1e-5 * known) <= 1e-14


@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), ([0, 0, 0.5], [2, 5, 2]), ([0, 0, 0.5], [np.inf, 0.3, 2])])
@pytest.mark.parametrize("loss", ["linear", *LOSSES])
def test_scipy_finds_the_same_with_bounds_and_robust_losses(loss, bounds):
    start = np.array([1.9, 0.29, 0.55])  # "arctan" has several minima
    result = least_squares(lambda p: decay(p) - OUTLIERS, start, loss=loss, f_scale=0.3, bounds=bounds)
    expected = scipy.optimize.least_squares(
        lambda p: p[0] * np.exp(-p[1] * T) + p[2] - OUTLIERS,
        start, loss=loss, f_scale=0.3, bounds=bounds, xtol=1e-15, ftol=1e-15, gtol=1e-15,
    )  # fmt: skip
    np.testing.assert_allclose(result.cost, expected.cost, rtol=1e-10)
    np.testing.assert_allclose(result.params, expected.x, rtol=1e-5)
    assert result.active_mask.tolist() == expected.active_mask.tolist()
    assert result.success


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_are_scipys_and_their_derivatives_right(loss):
    z = np.array([1e-3, 0.5, 0.9999, 1.5, 30.0])
    mine = np.array(LOSSES[loss](z))
    step = 1e-5 * z
    np.testing.assert_allclose(mine[1], (LOSSES[loss](z + step)[0] - LOSSES[loss](z - step)[0]) / (2 * step), rtol=1e-5)
    np.testing.assert_allclose(
        mine[2], (LOSSES[loss](z + step)[1] - LOSSES[loss](z - step)[1]) / (2 * step), rtol=1e-5, atol=1e-9
    )
    cost = scipy.optimize.least_squares(lambda p: np.sqrt(z) + 0 * p, 0.0, loss=loss, max_nfev=1).cost
    np.testing.assert_allclose(0.5 * Weighing.of(loss, 1.0).size(np.sqrt(z)) ** 2, cost)


def test_a_loss_of_ones_own():
    def mine(z):
        return np.log1p(z), 1.0 / (1.0 + z), -1.0 / (1.0 + z) ** 2

    found = [least_squares(lambda p: decay(p) - OUTLIERS, START, loss=loss, f_scale=0.1) for loss in (mine, "cauchy")]
    np.testing.assert_allclose(found[0].params, found[1].params, rtol=1e-12)


def test_a_tree_of_parameters_and_of_residuals():
    def residuals(p):
        return {"a": p["w"] - np.array([1.0, 2.0]), "b": [3.0 * (p["k"] - p["w"][0])]}

    result = least_squares(residuals, {"w": np.zeros(2), "k": 5})
    assert result.names == ("k", "w[0]", "w[1]")
    np.testing.assert_allclose(result.params["w"], [1.0, 2.0], atol=1e-12)
    np.testing.assert_allclose(result.params["k"], 1.0)
    assert result.x is result.params
    assert result.residuals.shape == (3,)
    np.testing.assert_allclose(result.jacobian, [[0, 1, 0], [0, 0, 1], [3, -3, 0]])


def test_one_number():
    assert abs(least_squares(lambda p: p**2 - 2.0, 1.0).params - np.sqrt(2.0)) < 1e-12


def test_fewer_residuals_than_parameters_pulls_and_takes_the_shortest_step():
    result = least_squares(lambda p: mg.sum(p, axis=0, keepdims=True) - 3.0, np.zeros(3), x_scale=1.0)
    np.testing.assert_allclose(result.params, np.ones(3))
    assert result.undetermined == ("p1", "p2", "p3")


def test_a_jacobian_that_is_given():
    """The residuals may then be any function."""
    result = least_squares(
        lambda p: np.array([10.0 * (p[1] - p[0] ** 2), 1.0 - p[0]]), np.array([-1.2, 1.0]),
        jac=lambda p: np.array([[-20.0 * p[0], 10.0], [-1.0, 0.0]]),
    )  # fmt: skip
    np.testing.assert_allclose(result.params, [1.0, 1.0])
    assert result.nhev == 0
    with pytest.raises(ValueError, match=r"jac must return the shape \(1, 2\); got \(2, 2\)"):
        least_squares(lambda p: p[:1], np.ones(2), jac=lambda p: np.eye(2))
    with pytest.raises(TypeError, match="jac must be a function of the parameters, or None for exact derivatives"):
        least_squares(lambda p: p, np.ones(2), jac="2-point")


def test_units_of_parameters_do_not_matter():
    """The same steps, to rounding, when parameters are measured in other units."""
    units = np.array([1e-6, 1e3, 1e9])
    plain = least_squares(lambda p: decay(p) - Y, START)
    other = least_squares(lambda p: decay(p * units) - Y, START / units)
    np.testing.assert_allclose(other.params * units, plain.params, rtol=1e-9)
    assert abs(other.nfev - plain.nfev) <= 1


def test_given_scales_change_the_way_and_not_the_end():
    plain, scaled = (least_squares(rosenbrock, np.array([-1.2, 1.0]), x_scale=s) for s in ("jac", [1.0, 10.0]))
    np.testing.assert_allclose(scaled.params, plain.params, rtol=1e-8)


def test_residuals_whose_squares_overflow():
    result = least_squares(lambda p: 1e170 * rosenbrock(p), np.array([-1.2, 1.0]))
    np.testing.assert_allclose(result.params, [1.0, 1.0])


def test_reasons_to_stop():
    assert least_squares(lambda p: p, np.zeros(2)).status == 1
    assert least_squares(lambda p: mg.stack([p[0], 1.0 + p[1] ** 2]), np.array([1.0, 0.0])).status == 1
    stopped = least_squares(rosenbrock, np.array([-1.2, 1.0]), max_nfev=3)
    assert (stopped.success, stopped.status, stopped.nfev) == (False, 0, 3)
    assert "the 3 evaluations allowed" in stopped.message
    seen = []
    told = least_squares(
        rosenbrock, np.array([-1.2, 1.0]), callback=lambda p, cost: seen.append((p, cost)) or len(seen) == 2
    )
    assert (told.status, told.nit, told.cost) == (-1, 2, seen[-1][1])
    assert seen[0][1] >= seen[1][1]
    assert np.array_equal(told.params, seen[1][0])


def test_nothing_given_is_changed():
    p0 = np.array([-1.2, 0.5])
    least_squares(rosenbrock, p0, bounds=(np.array([-2.0, -2.0]), np.array([2.0, 0.8])))
    assert p0.tolist() == [-1.2, 0.5]


def test_bounds_by_name():
    start = {"a": 1.0, "b": np.array([0.2, 0.6])}

    def residuals(p):
        return p["a"] * mg.exp(-p["b"][0] * T) + p["b"][1] - Y

    result = least_squares(residuals, start, bounds={"a": (None, 2.0), "b": (0.0, None)})
    assert result.params["a"] == 2.0
    assert result.active_mask.tolist() == [1, 0, 0]
    same = least_squares(residuals, start, bounds=({"a": -np.inf, "b": 0.0}, {"a": 2.0, "b": np.inf}))
    np.testing.assert_allclose(same.values, result.values)


P0 = np.array([-1.2, 1.0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bounds": (0.0, 2.0)}, "p0: p1 = -1.2 is outside its bounds, 0 to 2"),
        ({"bounds": (2.0, 0.0)}, "bounds of p1: 2 is not below 0"),
        ({"bounds": {"rate": (0, 1)}}, "bounds: no parameter 'rate'; there are p1, p2"),
        ({"bounds": {"p1": 1.0}}, r"bounds of p1 must be a pair \(lower, upper\)"),
        ({"bounds": 3.0}, r"bounds must be a pair \(lower, upper\); got 3.0"),
        ({"bounds": ([1.0, 2.0, 3.0], 9.0)}, "the lower bound must be a number, or like p0 with 2 numbers"),
        ({"loss": "abs"}, "loss must be linear, soft_l1, huber, cauchy, arctan, or a function; got 'abs'"),
        ({"f_scale": 0.0}, "f_scale must be a positive number; got 0.0"),
        ({"x_scale": [1.0, -1.0]}, "x_scale must be 'jac' or positive numbers"),
        ({"ftol": -1.0}, r"ftol must be in \[0, 1\); got -1.0"),
        ({"max_nfev": 0}, "max_nfev must be at least 1; got 0"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        least_squares(rosenbrock, P0, **options)


@pytest.mark.parametrize(
    ("p0", "error", "message"),
    [
        ({"a": 1.0, "rate": np.nan}, ValueError, "p0: rate is nan; a start must be finite"),
        (np.array([1.0, np.inf]), ValueError, "p0: p2 is inf"),
        ({"a": "1"}, TypeError, r"p0\['a'\] must be a real number or a NumPy array of them; got str"),
        (np.array([1j]), TypeError, "p0 must be a real number"),
        ({}, TypeError, "p0 has no parameters"),
    ],
)
def test_bad_starts(p0, error, message):
    with pytest.raises(error, match=message):
        least_squares(lambda p: p, p0)


def test_residuals_that_are_not_finite_at_the_start():
    with pytest.raises(ValueError, match=r"residual\[2\] is nan at p0: start where all are finite"):
        least_squares(lambda p: mg.sqrt(p - np.array([0.0, 0.5, 2.0])), np.ones(1))
    with pytest.raises(TypeError, match="residuals must be a function of the parameters; got ndarray"):
        least_squares(P0, P0)


def test_a_derivative_that_is_not_finite_at_the_start():
    with pytest.raises(ValueError, match=r"derivative of residual\[0\] is not finite at p0: start elsewhere"):
        least_squares(lambda p: p["a"] + mg.sqrt(p["rate"]) * np.ones(3), {"a": 1.0, "rate": 0.0})


def test_all_parameters_at_their_bounds():
    result = least_squares(lambda p: p + 1.0, np.zeros(2), bounds=(0.0, 1.0))
    assert (result.status, result.params.tolist(), result.active_mask.tolist()) == (1, [0.0, 0.0], [-1, -1])
    assert np.isnan(result.errors).all()
    assert "at its lower bound" in str(result)


def test_trials_outside_the_domain_are_shortened():
    result = least_squares(lambda p: mg.log(p) * np.array([1.0, 2.0]) + 30.0, np.array([5.0]))
    np.testing.assert_allclose(result.params, np.exp(-18.0), rtol=1e-9)  # the mean of -30 and -15, weighted by 1 and 4
