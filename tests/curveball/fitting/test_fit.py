"""`fit`: closed forms of linear regression, SciPy's `curve_fit`, the report, bad data."""

import warnings

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

import minigrad as mg
from curveball import FitWarning, fit

RNG = np.random.default_rng(1)
X = np.linspace(-1.0, 2.0, 12)
SIGMA = 0.1 + 0.05 * np.arange(12)
Y = 3.0 - 0.5 * X + SIGMA * RNG.normal(size=12)
A = np.stack([np.ones(12), X], axis=1)


def line(x, offset, slope):
    return offset + slope * x


def decay(t, height, rate):
    return height * mg.exp(-rate * t)


T = np.linspace(0.0, 4.0, 25)
DECAY = 2.0 * np.exp(-0.7 * T) + 0.05 * RNG.normal(size=25)


@pytest.mark.parametrize("p0", [[0.0, 0.0], np.zeros(2), (1, 1), {"offset": 0.0, "slope": 1}])
def test_a_line_has_its_closed_form(p0):
    result = fit(line, X, Y, p0, SIGMA, absolute_sigma=True)
    W = A / SIGMA[:, None]
    C = np.linalg.inv(W.T @ W)
    expected = C @ (W.T @ (Y / SIGMA))
    assert result.names == ("offset", "slope")
    np.testing.assert_allclose(result.values, expected, rtol=1e-12)
    np.testing.assert_allclose(result.covariance, C, rtol=1e-12)
    np.testing.assert_allclose(result.errors, np.sqrt(np.diag(C)), rtol=1e-12)
    np.testing.assert_allclose(result.correlation[0, 1], C[0, 1] / np.sqrt(C[0, 0] * C[1, 1]), rtol=1e-12)
    r = (A @ expected - Y) / SIGMA
    np.testing.assert_allclose(result.reduced_chi_square, r @ r / 10, rtol=1e-12)
    scaled = W / np.linalg.norm(W, axis=0)
    np.testing.assert_allclose(result.condition, np.linalg.cond(scaled), rtol=1e-12)


def test_intervals_and_band_of_a_line_are_those_of_regression():
    result = fit(line, X, Y, {"offset": 0.0, "slope": 0.0})
    known = scipy.stats.linregress(X, Y)
    errors = np.array([known.intercept_stderr, known.stderr])
    np.testing.assert_allclose(result.errors, errors, rtol=1e-12)
    half = scipy.stats.t.ppf(0.95, 10) * errors
    intervals = result.confidence_intervals(0.9)
    np.testing.assert_allclose(intervals["slope"], known.slope + half[1] * np.array([-1.0, 1.0]), rtol=1e-12)
    new = np.array([-3.0, 0.2, 5.0])
    low, high = result.confidence_band(new, 0.9)
    s = np.sqrt(np.sum((result.predict(X) - Y) ** 2) / 10)
    width = s * np.sqrt(1 / 12 + (new - X.mean()) ** 2 / np.sum((X - X.mean()) ** 2)) * scipy.stats.t.ppf(0.95, 10)
    np.testing.assert_allclose(high - low, 2.0 * width, rtol=1e-12)
    np.testing.assert_allclose((high + low) / 2.0, result.predict(new), rtol=1e-12)


def test_intervals_are_normal_where_sigma_is_known():
    result = fit(line, X, Y, [0.0, 0.0], SIGMA, absolute_sigma=True)
    assert result.quantile(0.95) == pytest.approx(scipy.stats.norm.ppf(0.975))


@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("kind", ["vector", "number", "matrix"])
def test_curve_fit_agrees(kind, absolute):
    correlated = 0.01 * np.exp(-np.abs(T[:, None] - T))
    sigma = {"vector": 0.05 + 0.01 * T, "number": 0.05, "matrix": correlated}[kind]
    result = fit(decay, T, DECAY, [1.0, 1.0], sigma, absolute_sigma=absolute)
    values, covariance = scipy.optimize.curve_fit(
        lambda t, a, b: a * np.exp(-b * t), T, DECAY, [1.0, 1.0], sigma + 0 * T if kind == "number" else sigma,
        absolute_sigma=absolute, jac=lambda t, a, b: np.stack([np.exp(-b * t), -a * t * np.exp(-b * t)], axis=1),
        xtol=1e-14, ftol=1e-14, gtol=1e-14,
    )  # fmt: skip
    np.testing.assert_allclose(result.values, values, rtol=1e-7)
    np.testing.assert_allclose(result.covariance, covariance, rtol=1e-6)


def test_robust_errors_of_a_mean():
    """Huber's estimate of a location: `sum psi^2 / (sum psi')^2`, times `m / (m - 1)`."""
    y = np.concatenate([RNG.normal(size=40), [50.0, -30.0]])
    result = fit(lambda x, mean: mean + 0.0 * x, np.zeros(42), y, [0.0], loss="huber", f_scale=1.5, gtol=1e-14)
    mean = result.params[0]
    psi = np.clip(mean - y, -1.5, 1.5)
    assert abs(np.sum(psi)) < 1e-8
    inside = np.sum(np.abs(mean - y) < 1.5)
    np.testing.assert_allclose(result.errors[0] ** 2, 42 / 41 * np.sum(psi**2) / inside**2, rtol=1e-6)


def test_several_predictors_and_shapes():
    grid = {"a": RNG.normal(size=(4, 5)), "b": RNG.normal(size=(4, 5))}
    y = 2.0 * grid["a"] - 1.0 * grid["b"]
    result = fit(lambda x, w: w[0] * x["a"] + w[1] * x["b"], grid, y, {"w": np.zeros(2)})
    np.testing.assert_allclose(result.params["w"], [2.0, -1.0])
    assert result.names == ("w[0]", "w[1]")
    with pytest.raises(ValueError, match="plot draws y over one predictor"):
        result.plot()


class Frame(dict):
    """As much of a data frame as `fit` asks for."""

    columns = ("t",)

    def to_numpy(self):
        return np.stack(list(self.values()), axis=1)

    def __getitem__(self, name):
        return Series(dict.__getitem__(self, name))


class Series:
    def __init__(self, values):
        self.values = values

    def to_numpy(self):
        return np.asarray(self.values)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype=dtype)


def test_lists_and_columns_of_tables_are_data():
    expected = fit(decay, T, DECAY, [1.0, 1.0])
    for x, y in ((T.tolist(), DECAY.tolist()), (tuple(T), tuple(DECAY)), (Series(T), Series(DECAY))):
        result = fit(decay, x, y, [1, 1])
        np.testing.assert_array_equal(result.values, expected.values)
        np.testing.assert_array_equal(result.predict(x), expected.predict(T))
        np.testing.assert_array_equal(
            result.confidence_band([1.0, 2.0]), expected.confidence_band(np.array([1.0, 2.0]))
        )
    for table in ({"t": T.tolist()}, Frame(t=T)):
        result = fit(lambda x, a, k: decay(x["t"], a, k), table, DECAY, [1, 1])
        np.testing.assert_array_equal(result.values, expected.values)


def test_arguments_with_defaults_keep_them():
    result = fit(lambda t, height, rate=0.7: decay(t, height, rate), T, DECAY, [1.0])
    assert result.names == ("height",)


def test_bounds_of_scipy():
    pair = fit(decay, T, DECAY, [1.0, 1.0], bounds=([0.0, 0.0], [1.5, np.inf]))
    theirs = fit(decay, T, DECAY, [1.0, 1.0], bounds=scipy.optimize.Bounds([0.0, 0.0], [1.5, np.inf]))
    np.testing.assert_array_equal(theirs.values, pair.values)


def test_bounds_in_a_row_do_not_fit_names():
    """In which order would they be: as written, or as sorted?"""
    p0 = {"rate": 1.0, "height": 1.0}
    with pytest.raises(ValueError, match="the lower bound must be a number, or like p0 with 2 numbers"):
        fit(decay, T, DECAY, p0, bounds=([0.0, 0.5], [5.0, 9.0]))
    with pytest.raises(ValueError, match="x_scale must be a number, or like p0"):
        fit(decay, T, DECAY, p0, x_scale=[1.0, 2.0])
    both = {"height": 0.0, "rate": 0.5}, {"rate": 9.0, "height": 5.0}
    np.testing.assert_array_equal(
        fit(decay, T, DECAY, p0, bounds=both).values, fit(decay, T, DECAY, [1.0, 1.0], bounds=([0, 0.5], [5, 9])).values
    )


def test_what_is_not_determined_is_named():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = fit(lambda t, a, b, c: (a + b) * mg.exp(-c * t), T, DECAY, [1.0, 0.5, 1.0])
        text = str(result)  # says so, and does not warn
    assert result.undetermined == ("a", "b")
    assert result.condition > 1e14
    assert "warning             the data do not determine a, b: fix one of them, or measure more" in text
    assert text.count("not determined") == 2
    with pytest.warns(FitWarning, match="do not determine a, b"):
        errors = result.standard_errors
    assert np.isinf(errors[0])
    assert np.isinf(errors[1])
    alone = fit(decay, T, DECAY, [1.0, 1.0])
    np.testing.assert_allclose(errors[2] * np.sqrt(22 / 23), alone.errors[1], rtol=1e-6)
    with pytest.warns(FitWarning):
        assert np.isinf(result.covariance[0, 0])


def test_a_parameter_at_its_bound_counts_as_known():
    result = fit(decay, T, DECAY, {"height": 1.0, "rate": 1.0}, bounds={"height": (0.0, 1.5)})
    assert result.params["height"] == 1.5
    fixed = fit(lambda t, rate: 1.5 * mg.exp(-rate * t), T, DECAY, {"rate": 1.0})
    np.testing.assert_allclose(result.errors[1], fixed.errors[0], rtol=1e-9)
    assert np.isnan(result.errors[0])
    assert result.degrees_of_freedom == 24
    assert "at its upper bound" in str(result)
    low, high = result.confidence_band(T)
    np.testing.assert_allclose(np.stack([low, high]), fixed.confidence_band(T), rtol=1e-6)


def test_as_many_points_as_parameters():
    result = fit(line, X[:2], Y[:2], [0.0, 0.0])
    np.testing.assert_allclose(result.predict(X[:2]), Y[:2])
    assert result.degrees_of_freedom == 0
    assert np.isinf(result.errors).all()
    assert "0 degrees of freedom" in str(result)
    assert "warning             no scatter is left to tell errors from: give more points" in str(result)
    with pytest.warns(FitWarning, match="no scatter is left"):
        assert np.isinf(result.standard_errors).all()
    with pytest.warns(FitWarning, match="no scatter is left"):
        low, high = result.confidence_band(X[:2])
    assert (low == -np.inf).all()
    assert (high == np.inf).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(fit(line, X[:2], Y[:2], [0, 0], 0.1, absolute_sigma=True).standard_errors).all()


def test_the_report():
    text = str(fit(line, X, Y, [0.0, 0.0], SIGMA, absolute_sigma=True))
    lines = text.splitlines()
    assert lines[0].startswith("2 parameters, 12 residuals: converged (")
    assert lines[2].split() == ["value", "standard", "error", "95%", "interval"]
    assert lines[3].split()[0] == "offset"
    assert [line.split("  ")[0] for line in lines[6:]] == [
        "sum of squares", "reduced chi-square", "condition of J", "evaluations",
    ]  # fmt: skip
    assert "NOT converged" in str(fit(decay, T, DECAY, [1.0, 9.0], max_nfev=2))
    related = str(fit(lambda x, a, b: a + b * (x + 30.0), X, Y, [0.0, 0.0]))
    assert "correlation         a, b -1.000" in related
    many = str(fit(lambda x, w: w + 0.0 * x, np.zeros(40), np.arange(40.0), {"w": np.zeros(40)}))
    assert "... and 10 more" in many


def test_the_picture():
    from matplotlib import pyplot

    with pyplot.rc_context({"backend": "agg"}):
        figure, ax = pyplot.subplots()
        result = fit(decay, T, DECAY, [1.0, 1.0], 0.05)
        assert result.plot(ax) is ax
        figure.canvas.draw()
        assert len(figure.axes) == 2
        assert [text.get_text() for text in ax.get_legend().get_texts()] == ["data", "fit", "95% confidence"]
        _, curve = ax.get_lines()[-1].get_data()
        np.testing.assert_allclose(curve[0], result.predict(np.zeros(1))[0])
        pyplot.close(figure)
        pyplot.rcParams["figure.constrained_layout.use"] = True  # as the course's style has it
        alone = result.plot()
        _, below = alone.figure.axes
        alone.figure.draw_without_rendering()
        assert 0.0 < below.xaxis.label.get_window_extent().y0 < below.bbox.y0  # nothing is cut off
        pyplot.close(alone.figure)


def bad(values, k, value):
    values = values.copy()
    values[k] = value
    return values


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((line, X, bad(Y, 3, np.nan), [0, 0]), r"y\[3\] is nan: leave such rows out"),
        ((line, bad(X, 5, np.inf), Y, [0, 0]), r"x\[5\] is inf: leave such rows out"),
        ((line, X, Y, [0, 0], bad(SIGMA, 2, np.nan)), r"sigma\[2\] is nan"),
        ((line, X, Y, [0, 0], bad(SIGMA, 2, 0.0)), r"sigma\[2\] is 0: standard deviations must be positive"),
        ((line, X, Y, [0, 0], -1.0), "sigma is -1: standard deviations must be positive"),
        ((line, X, Y, [0, 0], np.ones(3)), r"sigma must be a number or have the shape of y, \(12,\); got \(3,\)"),
        ((line, X, Y, [0, 0], np.zeros((12, 12))), "sigma as a covariance must be positive definite: it is not"),
        (
            (line, X, Y, [0, 0], np.eye(12) + np.eye(12, k=4) + np.eye(12, k=-4)),
            "must be positive definite: it is not, first at row 4",
        ),
        ((line, X, Y, [0, 0], np.eye(12) + 0.5 * np.eye(12, k=4)), r"symmetric: \[0, 4\] is 0\.5, \[4, 0\] is 0"),
        ((line, X, np.ma.array(Y, mask=X > 1.0), [0, 0]), r"y\[8\] is masked: leave such rows out"),
        ((line, X, Y, [0, 0], np.eye(3)), r"sigma as a covariance needs the shape \(12, 12\); got \(3, 3\)"),
        ((line, X[:1], Y[:1], [0, 0]), "2 parameters need at least as many points; there are 1"),
        ((line, X, Y[:5], [0, 0]), r"f returns the shape \(12,\), but y has \(5,\)"),
        ((line, X, Y, [0, np.nan]), "p0: slope is nan"),
        ((lambda x, a: mg.log(a * x), X, Y, [1.0]), r"f\(x\)\[0\] is nan at p0"),
    ],
)
def test_bad_data(arguments, message):
    with warnings.catch_warnings(action="error"), pytest.raises(ValueError, match=message):
        fit(*arguments)  # one line, and no warnings before it


def test_other_mistakes():
    with pytest.raises(TypeError, match=r"f must be a function f\(x, \.\.\.\); got float"):
        fit(3.0, X, Y, [0.0])
    with pytest.raises(TypeError, match="y must be real numbers; got"):
        fit(line, X, Y + 1j, [0.0, 0.0])
    with pytest.raises(TypeError, match=r"fit\(\) got an unexpected keyword argument 'method'"):
        fit(line, X, Y, [0.0, 0.0], method="lm")
    with pytest.raises(ValueError, match=r"level must be between 0 and 1, as 0\.95; got 95"):
        fit(line, X, Y, [0.0, 0.0]).confidence_intervals(95)
