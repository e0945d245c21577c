"""Linear, logistic and softmax regression: closed forms against derivatives, solutions against other packages."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression as ScikitLogistic
from sklearn.linear_model import Ridge

import minigrad as mg
from problems.closed_form.regression import LinearRegression, LogisticRegression, SoftmaxRegression

PROBLEMS = {
    "linear": LinearRegression(),
    "logistic": LogisticRegression(),
    "softmax": SoftmaxRegression(),
    "softmax of five": SoftmaxRegression(samples=50, features=3, ridge=0.5, seed=4, classes=5),
}
over_problems = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)


def objective(problem):
    return lambda w: problem.loss(problem.model(w))


def closed_form(problem, w):
    """Gradient and Hessian, flat."""
    if isinstance(problem, LinearRegression):
        return problem.hessian @ w - problem.inputs.T @ problem.targets / problem.samples, problem.hessian
    return problem.derivatives(w.ravel())


@pytest.mark.parametrize("seed", range(3))
@over_problems
def test_derivatives(problem, seed):
    w = problem.init(np.random.default_rng(seed))
    gradient, hessian = closed_form(problem, w)
    f = objective(problem)
    np.testing.assert_allclose(mg.grad(f)(w).ravel(), gradient, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(mg.hessian(f)(w).reshape(hessian.shape), hessian, rtol=1e-9, atol=1e-13)


@over_problems
def test_gauss_newton_matrix_is_the_hessian(problem):
    """Scores are linear in the params, and the penalty is among the outputs."""
    w, v = (problem.init(np.random.default_rng(k)) for k in (1, 2))
    Gv = mg.ggnvp(problem.model, problem.loss, w, v)
    np.testing.assert_allclose(Gv.ravel(), closed_form(problem, w)[1] @ v.ravel(), rtol=1e-9, atol=1e-13)


@over_problems
def test_solution(problem):
    """Gradient zero to the last digit, and the loss rises in every direction."""
    w, f = problem.solution, objective(problem)
    assert np.abs(mg.grad(f)(w)).max() < 1e-14
    rng = np.random.default_rng(0)
    assert all(f(w + 1e-3 * problem.init(rng)) > f(w) for _ in range(20))


def test_values_by_hand():
    w = np.random.default_rng(0).standard_normal(5)
    linear, logistic, softmax = LinearRegression(), LogisticRegression(), SoftmaxRegression()
    penalty = 0.005 * w @ w
    expected = 0.5 * np.mean((linear.inputs @ w - linear.targets) ** 2) + penalty
    np.testing.assert_allclose(objective(linear)(w), expected, rtol=1e-13)
    expected = np.mean(np.log1p(np.exp(-logistic.signs * (logistic.inputs @ w)))) + penalty
    np.testing.assert_allclose(objective(logistic)(w), expected, rtol=1e-12)
    W = np.random.default_rng(0).standard_normal((5, 3))
    p = np.exp(softmax.inputs @ W)
    p /= p.sum(axis=1, keepdims=True)
    expected = -np.mean(np.log(p[np.arange(200), softmax.labels])) + 0.005 * np.sum(W * W)
    np.testing.assert_allclose(objective(softmax)(W), expected, rtol=1e-12)


def test_linear_solution_is_scikit_learns():
    problem = LinearRegression()
    ridge = Ridge(alpha=problem.ridge * problem.samples, fit_intercept=False).fit(problem.inputs, problem.targets)
    np.testing.assert_allclose(problem.solution, ridge.coef_, rtol=1e-9)


@pytest.mark.parametrize("problem", [PROBLEMS["logistic"], PROBLEMS["softmax"]], ids=["logistic", "softmax"])
def test_classifiers_are_scikit_learns(problem):
    labels = problem.signs if isinstance(problem, LogisticRegression) else problem.labels
    weight = 1.0 / (problem.ridge * problem.samples)
    fit = ScikitLogistic(C=weight, fit_intercept=False, tol=1e-10, max_iter=10_000).fit(problem.inputs, labels)
    expected = fit.coef_[0] if isinstance(problem, LogisticRegression) else fit.coef_.T
    np.testing.assert_allclose(problem.solution, expected, atol=1e-6)


def test_data_come_from_the_model_and_the_seed():
    linear = LinearRegression(samples=5000)
    np.testing.assert_allclose(np.cov(linear.inputs.T), np.eye(5), atol=0.08)
    noise = linear.targets - linear.inputs @ np.random.default_rng([0, 1]).standard_normal(5)
    np.testing.assert_allclose([noise.mean(), noise.std()], [0.0, 0.1], atol=0.005)
    for kind, data in ((LogisticRegression, "signs"), (SoftmaxRegression, "labels"), (LinearRegression, "targets")):
        a, again, b = (getattr(kind(seed=seed), data) for seed in (0, 0, 1))
        np.testing.assert_array_equal(a, again)
        assert not np.array_equal(a, b)
    assert set(LogisticRegression().signs) == {-1.0, 1.0}
    assert set(SoftmaxRegression(classes=4).labels) == {0, 1, 2, 3}


def test_labels_follow_the_probabilities():
    """With many samples the fitted weights come near those that drew them."""
    for problem in (LogisticRegression(samples=40_000, ridge=1e-6), SoftmaxRegression(samples=40_000, ridge=1e-6)):
        shape = (5,) if isinstance(problem, LogisticRegression) else (5, 3)
        true = np.random.default_rng([0, 1]).standard_normal(shape)
        found = problem.solution
        if len(shape) == 2:  # a common shift of all classes changes nothing
            true, found = (x - x.mean(axis=1, keepdims=True) for x in (true, found))
        np.testing.assert_allclose(found, true, atol=0.08)


@pytest.mark.parametrize("runs", [(), (3,), (2, 2)])
@over_problems
def test_runs(problem, runs):
    w = problem.init(np.random.default_rng(0), runs)
    assert w.shape == (*runs, *problem.solution.shape)
    assert problem.batch(np.random.default_rng(0), runs) is None
    losses = objective(problem)(w)
    assert losses.shape == runs
    alone = [objective(problem)(x) for x in w.reshape(-1, *problem.solution.shape)]
    np.testing.assert_allclose(np.ravel(losses), alone, rtol=1e-12)


@over_problems
def test_other_arrays_and_float32(problem, backend):
    w = problem.init(np.random.default_rng(0)).astype(np.float32)
    value, gradient = mg.value_and_grad(objective(problem))(backend.asarray(w))
    expected = mg.value_and_grad(objective(problem))(w.astype(float))
    assert value.dtype == gradient.dtype == backend.float32
    np.testing.assert_allclose(mg.to_numpy(value), expected[0], rtol=1e-5)
    np.testing.assert_allclose(mg.to_numpy(gradient), expected[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [LinearRegression, LogisticRegression, SoftmaxRegression])
@pytest.mark.parametrize("options", [{"samples": 0}, {"features": 0}, {"ridge": 0.0}, {"ridge": float("nan")}])
def test_bad_arguments(kind, options):
    with pytest.raises(ValueError, match="samples and features must be at least 1 and ridge positive; got"):
        kind(**options)


def test_too_few_classes():
    with pytest.raises(ValueError, match="classes must be at least 2; got 1"):
        SoftmaxRegression(classes=1)


@pytest.mark.parametrize("kind", [LinearRegression, LogisticRegression, SoftmaxRegression])
def test_params_of_another_shape(kind):
    problem = kind()
    with pytest.raises(ValueError, match=rf"{kind.__name__} takes params of shape \(\*runs, 5"):
        problem.model(np.zeros((5, 2)))
