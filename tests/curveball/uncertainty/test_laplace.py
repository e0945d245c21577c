"""The Laplace approximation against closed forms, dense matrices and integrals that share no code with it."""

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.stats
from scipy.special import expit, softmax

import curveball
import minigrad as mg
from curveball.uncertainty.example_jacobians import ExampleJacobians
from curveball.uncertainty.logistic_normal import expected_entropy, expected_probability
from minigrad import nn

RNG = np.random.default_rng(11)


# ------------------------------------------------------------------------------------- Bayesian linear regression

X = np.column_stack([np.ones(25), np.linspace(-1.0, 1.0, 25), np.linspace(-1.0, 1.0, 25) ** 2])
Y = X @ [0.3, -1.0, 0.5] + 0.2 * RNG.standard_normal(25)
NEW = np.column_stack([np.ones(4), [-2.0, 0.0, 0.5, 3.0], [4.0, 0.0, 0.25, 9.0]])


def linear(w, x):
    return x @ w


def ridge(delta, sigma):
    """The posterior in closed form: mean and covariance."""
    covariance = np.linalg.inv(X.T @ X / sigma**2 + delta * np.eye(3))
    return covariance @ X.T @ Y / sigma**2, covariance


def marginal(delta, sigma):
    """`y ~ N(0, sigma^2 I + X X^T / delta)`."""
    return scipy.stats.multivariate_normal(np.zeros(25), sigma**2 * np.eye(25) + X @ X.T / delta).logpdf(Y)


def test_linear_regression_is_exact():
    mean, covariance = ridge(2.0, 0.3)
    posterior = curveball.laplace(linear, mean, X, Y, prior=2.0, noise=0.3)
    np.testing.assert_allclose(posterior.covariance(), covariance, rtol=1e-10, atol=1e-16)
    np.testing.assert_allclose(posterior.std, np.sqrt(np.diag(covariance)), rtol=1e-10)
    np.testing.assert_allclose(posterior.evidence, marginal(2.0, 0.3), rtol=1e-12)
    prediction = posterior.predict(NEW)
    variance = np.einsum("bi,ij,bj->b", NEW, covariance, NEW)
    np.testing.assert_allclose(prediction.mean[:, 0], NEW @ mean, rtol=1e-12)
    np.testing.assert_allclose(prediction.std[:, 0], np.sqrt(variance), rtol=1e-10)
    np.testing.assert_allclose(prediction.total_std[:, 0], np.sqrt(variance + 0.09), rtol=1e-10)
    low, high = scipy.stats.norm(NEW @ mean, np.sqrt(variance + 0.09)).interval(0.9)
    np.testing.assert_allclose(prediction.interval(0.9), [low[:, None], high[:, None]], rtol=1e-10)


def test_prior_and_noise_that_maximise_the_evidence():
    """Fit, choose, fit again, ...: it ends at the maximum of the exact evidence, found by another optimiser."""
    delta, sigma = 1.0, 1.0
    for _ in range(60):
        posterior = curveball.laplace(linear, ridge(delta, sigma)[0], X, Y)
        delta, sigma = posterior.prior, posterior.noise
    best = scipy.optimize.minimize(
        lambda x: -marginal(*np.exp(x)), np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}
    )
    np.testing.assert_allclose([delta, sigma], np.exp(best.x), rtol=1e-5)
    np.testing.assert_allclose(posterior.evidence, -best.fun, rtol=1e-10)
    gamma = 3.0 - delta * np.trace(ridge(delta, sigma)[1])
    np.testing.assert_allclose(posterior.determined, gamma, rtol=1e-4)


@pytest.mark.parametrize(("prior", "noise"), [(None, 0.3), (2.0, None)])
def test_one_of_the_two_is_given(prior, noise):
    """At the chosen value the evidence does not change to first order."""
    w = ridge(1.0, 0.5)[0]
    found = curveball.laplace(linear, w, X, Y, prior=prior, noise=noise)
    assert (found.prior == prior) != (found.noise == noise)

    def at(factor):
        other = {"prior": found.prior * factor, "noise": noise} if prior is None else {"noise": found.noise * factor}
        return curveball.laplace(linear, w, X, Y, **{"prior": prior, **other}).evidence

    assert max(at(0.9), at(1.1)) < found.evidence
    assert abs(at(1.0001) - at(0.9999)) < 1e-6


def test_several_outputs():
    targets = np.column_stack([Y, 2.0 * Y])
    W = np.column_stack([ridge(1.0, 0.5)[0]] * 2)
    posterior = curveball.laplace(linear, W, X, targets, prior=1.0, noise=0.5)
    prediction = posterior.predict(NEW)
    variance = np.einsum("bi,ij,bj->b", NEW, ridge(1.0, 0.5)[1], NEW)
    np.testing.assert_allclose(prediction.covariance, variance[:, None, None] * np.eye(2), atol=1e-12)


# ------------------------------------------------------------------------------------- logistic regression

POINTS = np.column_stack([np.ones(60), RNG.standard_normal(60)])
SIDES = (RNG.random(60) < expit(POINTS @ [-0.5, 2.0])).astype(int)
DELTA = 0.5


def negative_log_posterior(w, sides=SIDES):
    y = POINTS @ w
    return np.sum(np.logaddexp(0.0, y) - sides * y, axis=0) + 0.5 * DELTA * np.sum(w**2, axis=0)


def map_estimate():
    """By Newton's method written out; the Hessian there."""
    w = np.zeros(2)
    for _ in range(50):
        p = expit(POINTS @ w)
        H = (POINTS.T * (p * (1.0 - p))) @ POINTS + DELTA * np.eye(2)
        w = w - np.linalg.solve(H, POINTS.T @ (p - SIDES) + DELTA * w)
    return w, H


def test_logistic_regression():
    """Covariance from the Hessian; predictions as integrals over both parameters on a grid."""
    w, H = map_estimate()
    posterior = curveball.laplace(linear, w, POINTS, SIDES, prior=DELTA)
    np.testing.assert_allclose(posterior.covariance(), np.linalg.inv(H), rtol=1e-9)
    logarithm = np.linalg.slogdet(H)[1]
    want = -negative_log_posterior(w) + np.log(DELTA) - 0.5 * logarithm
    np.testing.assert_allclose(posterior.evidence, want, rtol=1e-12)
    new = np.column_stack([np.ones(5), [-4.0, -0.5, 0.2, 1.0, 30.0]])
    prediction = posterior.predict(new)
    root = np.linalg.cholesky(np.linalg.inv(H))
    z = np.linspace(-8.0, 8.0, 321)
    grid = np.stack(np.meshgrid(z, z), axis=0).reshape(2, -1)
    weights = np.exp(-0.5 * np.sum(grid**2, axis=0))
    weights /= weights.sum()
    p = expit(new @ (w[:, None] + root @ grid))
    np.testing.assert_allclose(prediction.probabilities[:, 1], p @ weights, atol=1e-9)
    entropies = -(p * np.log(p) + (1.0 - p) * np.log1p(-np.minimum(p, 1.0 - 1e-16)))
    np.testing.assert_allclose(prediction.mean_entropy, entropies @ weights, atol=1e-6)
    assert prediction.labels.tolist() == [0, 0, 0, 1, 1]
    assert prediction.confidence[4] < expit(new[4] @ w)  # far away it is less sure than the one best line
    assert np.argmax(prediction.disagreement) != 2


def test_logistic_regression_against_its_exact_posterior():
    """The true posterior, normalised by a sum over a fine grid: evidence and predictions are close to it."""
    w, H = map_estimate()
    posterior = curveball.laplace(linear, w, POINTS, SIDES, prior=DELTA)
    half = 7.0 * np.sqrt(np.diag(np.linalg.inv(H)))
    axes = [np.linspace(c - d, c + 1.5 * d, 250) for c, d in zip(w, half, strict=True)]
    grid = np.stack(np.meshgrid(*axes), axis=0).reshape(2, -1)
    log_density = -negative_log_posterior(grid, SIDES[:, None])
    cell = np.prod([a[1] - a[0] for a in axes])
    exact = np.log(np.sum(np.exp(log_density)) * cell) + np.log(DELTA) - np.log(2.0 * np.pi)
    assert abs(posterior.evidence - exact) < 0.1
    weights = np.exp(log_density - log_density.max())
    new = np.column_stack([np.ones(4), [-2.0, 0.0, 0.5, 2.0]])
    p = expit(new @ grid) @ (weights / weights.sum())
    np.testing.assert_allclose(posterior.predict(new).probabilities[:, 1], p, atol=0.03)


@pytest.mark.parametrize("std", [0.0, 1e-3, 0.5, 0.999, 1.0, 3.0, 40.0])
def test_expectations_of_the_logistic_function(std):
    means = np.array([-30.0, -2.0, 0.0, 0.7, 8.0])

    def integral(f, m):
        if not std:
            return f(m)
        density = scipy.stats.norm(m, std).pdf
        points = sorted({*np.clip([0.0, -5.0, 5.0], m - 12.0 * std, m + 12.0 * std), m})
        bounds = (m - 12.0 * std, m + 12.0 * std)
        return scipy.integrate.quad(lambda t: f(t) * density(t), *bounds, points=points, epsabs=1e-13, limit=500)[0]

    def entropy(t):
        return np.logaddexp(0.0, t) - t * expit(t)

    stds = np.full(5, std)
    np.testing.assert_allclose(expected_probability(means, stds), [integral(expit, m) for m in means], atol=1e-11)
    np.testing.assert_allclose(expected_entropy(means, stds), [integral(entropy, m) for m in means], atol=1e-11)


# ------------------------------------------------------------------------------------- networks

IMAGES, LABELS = RNG.standard_normal((40, 5)), RNG.integers(0, 3, 40)
NET = {
    "hidden": {"w": RNG.standard_normal((5, 6)), "b": 0.1 * RNG.standard_normal(6)},
    "last": {"w": RNG.standard_normal((6, 3)), "b": 0.1 * RNG.standard_normal(3)},
}


def network(w, x):
    return nn.dense(mg.tanh(nn.dense(x, w["hidden"]["w"], w["hidden"]["b"])), w["last"]["w"], w["last"]["b"])


def ggn():
    """Of the sum over the examples, from products."""
    return mg.GGNOperator(
        lambda w: network(w, IMAGES), lambda y: 40.0 * nn.cross_entropy(y, LABELS), NET
    ).to_dense()  # fmt: skip


def test_the_covariance_is_the_inverse_of_the_damped_gauss_newton_matrix():
    posterior = curveball.laplace(network, NET, IMAGES, LABELS, prior=0.7)
    H = ggn() + 0.7 * np.eye(57)
    np.testing.assert_allclose(posterior.covariance() @ H, np.eye(57), atol=1e-10)
    loss = 40.0 * float(nn.cross_entropy(network(NET, IMAGES), LABELS))
    w = mg.Ravel(NET).vector(NET)
    want = -loss - 0.35 * w @ w + 0.5 * 57 * np.log(0.7) - 0.5 * np.linalg.slogdet(H)[1]
    np.testing.assert_allclose(posterior.evidence, want, rtol=1e-12)


def test_the_diagonal():
    posterior = curveball.laplace(network, NET, IMAGES, LABELS, prior=0.7, diagonal=True)
    variances = 1.0 / (np.diag(ggn()) + 0.7)
    np.testing.assert_allclose(posterior.covariance(), np.diag(variances), rtol=1e-10)
    np.testing.assert_allclose(mg.Ravel(NET).vector(posterior.std), np.sqrt(variances), rtol=1e-10)
    _, J = mg.linearize(lambda w: network(w, IMAGES[:1]), NET)
    J = J.to_dense()
    np.testing.assert_allclose(posterior.predict(IMAGES[:1]).covariance[0], (J * variances) @ J.T, rtol=1e-10)


def test_the_last_layer():
    posterior = curveball.laplace(network, NET, IMAGES, LABELS, prior=0.7, part="last")
    H = ggn()[36:, 36:] + 0.7 * np.eye(21)  # after hidden, in the order of the sorted keys
    np.testing.assert_allclose(posterior.covariance() @ H, np.eye(21), atol=1e-11)
    assert posterior.std["last"]["w"].shape == (6, 3)
    (drawn,) = posterior.samples(1)
    assert drawn["hidden"]["w"] is NET["hidden"]["w"]
    assert np.all(drawn["last"]["w"] != NET["last"]["w"])


def test_params_that_are_plain_numbers():
    """As they come from a fit: one number for each name."""
    x, y = np.linspace(0.0, 1.0, 9), np.linspace(0.1, 2.0, 9) ** 2
    given = curveball.laplace(lambda w, x: w["a"] + w["b"] * x, {"a": 0.5, "b": 2}, x, y, prior=1.0, noise=0.5)
    same = curveball.laplace(lambda w, x: w[0] + w[1] * x, np.array([0.5, 2.0]), x, y, prior=1.0, noise=0.5)
    np.testing.assert_allclose(given.covariance(), same.covariance(), rtol=1e-12)
    assert given.std["b"] == pytest.approx(same.std[1])


def test_parts_of_lists_and_named_tuples():
    layers = [NET["hidden"], NET["last"]]
    inputs = (lambda w, x: network({"hidden": w[0], "last": w[1]}, x)), layers, IMAGES, LABELS
    want = curveball.laplace(network, NET, IMAGES, LABELS, prior=1.0, part="last").covariance()
    for part in (-1, [1], (1,)):
        np.testing.assert_allclose(curveball.laplace(*inputs, prior=1.0, part=part).covariance(), want)
    assert isinstance(next(curveball.laplace(*inputs, prior=1.0, part=-1).samples(1)), list)


def test_probabilities_are_means_over_networks_that_are_linearised():
    """The same mean, from a hundred thousand samples of all 57 parameters pushed through the dense Jacobian."""
    posterior = curveball.laplace(network, NET, IMAGES, LABELS, prior=0.7)
    prediction = posterior.predict(IMAGES[:4], samples=20_000)
    root = np.linalg.cholesky(posterior.covariance())
    z = np.random.default_rng(0).standard_normal((57, 100_000))
    for k in range(4):
        y, J = mg.linearize(lambda w, k=k: network(w, IMAGES[k : k + 1])[0, :], NET)
        p = softmax(y[:, None] + J.to_dense() @ root @ z, axis=0)
        np.testing.assert_allclose(prediction.probabilities[k], p.mean(axis=1), atol=0.01)
        entropies = -np.sum(p * np.log(p), axis=0)
        np.testing.assert_allclose(prediction.mean_entropy[k], entropies.mean(), atol=0.01)
    np.testing.assert_allclose(prediction.probabilities.sum(axis=1), 1.0)
    assert np.all(prediction.disagreement >= 0.0)
    assert np.all(prediction.disagreement <= prediction.entropy)


def test_samples_have_the_covariance():
    posterior = curveball.laplace(linear, ridge(2.0, 0.3)[0], X, Y, prior=2.0, noise=0.3)
    drawn = np.array(list(posterior.samples(4000)))
    np.testing.assert_allclose(np.cov(drawn.T), posterior.covariance(), rtol=0.1, atol=1e-3)
    np.testing.assert_allclose(drawn.mean(axis=0), posterior.mean, atol=0.01)


@pytest.mark.parametrize("entries", [1, 300, 10**6])
def test_jacobians_by_pushes_and_by_pulls(entries, monkeypatch):
    monkeypatch.setattr("curveball.uncertainty.example_jacobians.ENTRIES", entries)
    found = np.concatenate([J for _, J in ExampleJacobians(network, NET).batches(IMAGES)])
    _, J = mg.linearize(lambda w: network(w, IMAGES), NET)
    np.testing.assert_allclose(found.reshape(120, 57), J.to_dense(), atol=1e-12)


def test_on_another_library_in_float32(backend):
    on = mg.tree_map(lambda x: backend.asarray(x, dtype=backend.float32), NET)
    images, labels = backend.asarray(IMAGES, dtype=backend.float32), backend.asarray(LABELS)
    posterior = curveball.laplace(network, on, images, labels, prior=0.7, part="last")
    want = curveball.laplace(network, NET, IMAGES, LABELS, prior=0.7, part="last")
    np.testing.assert_allclose(posterior.covariance(), want.covariance(), atol=1e-4)
    found = posterior.predict(images).probabilities
    np.testing.assert_allclose(found, want.predict(IMAGES).probabilities, atol=1e-4)
    assert str(posterior.std["last"]["w"].dtype).endswith("float32")
    assert mg.namespace(next(posterior.samples(1))["last"]["w"]) is mg.namespace(images)


def test_the_report():
    text = str(curveball.laplace(linear, ridge(2.0, 0.3)[0], X, Y, prior=2.0, noise=0.3))
    assert text.startswith(
        "Laplace approximation, full: 3 parameters, of which the data determine 2.9\n  prior 2, noise"
    )
    assert "noise" not in str(curveball.laplace(network, NET, IMAGES, LABELS, diagonal=True, prior=1.0))


# ------------------------------------------------------------------------------------- what is refused


def nan_in(x, k):
    x = np.array(x, float)
    x[k] = np.nan
    return x


def normalised(w, x):
    return network(w, x - mg.mean(x, axis=0, keepdims=True))


W = ridge(1.0, 1.0)[0]
REFUSED = {
    "nan in the inputs": ((linear, W, nan_in(X, (7, 1)), Y), {}, r"outputs of example 7, or .* are not finite"),
    "nan in the targets": ((linear, W, X, nan_in(Y, 3)), {}, "the target of example 3 is not finite"),
    "too few targets": ((linear, W, X, Y[:-1]), {}, r"a target for each of 25 examples; targets have shape \(24,\)"),
    "targets of other features": ((linear, W, X, X), {}, r"shape \(25, 3\) do not fit outputs of 1 features"),
    "a label that is no class": ((network, NET, IMAGES, LABELS + 1), {}, r"the label 3 of example \d+ is no class"),
    "labels that are no numbers": (
        (network, NET, IMAGES, LABELS + 0.5), {"likelihood": "classification"}, "labels must be whole numbers",
    ),
    "binary with three": ((network, NET, IMAGES, LABELS), {"likelihood": "binary"}, "needs one output for each"),
    "likelihood": ((linear, W, X, Y), {"likelihood": "poisson"}, "'classification', 'binary', 'regression'; got 'poi"),
    "noise of labels": ((network, NET, IMAGES, LABELS), {"noise": 0.1}, "noise is for regression"),
    "prior": ((linear, W, X, Y), {"prior": -1.0}, "prior must be a positive number; got -1.0"),
    "part": ((network, NET, IMAGES, LABELS), {"part": "top"}, "the params have no 'top'; they have 'hidden', 'last'"),
    "part of an array": ((linear, W, X, Y), {"part": 0}, "the params are one array; leave part out"),
    "no params": ((lambda w, x: x, {}, X, X), {}, "no params to be uncertain about"),
    "one number": ((lambda w, x: mg.sum(x @ w), W, X, Y), {}, r"a row of outputs for each example.*it returned \(\)"),
    "batch normalisation": ((normalised, NET, IMAGES, LABELS), {}, "give the network in evaluation"),
    "no maximum": ((linear, np.zeros(3), X, Y), {"noise": 0.3}, "the evidence has no maximum in the prior: "),
    "no noise": ((linear, W, X, X @ W), {"prior": 1.0}, r"the evidence has no maximum in the noise, .* give noise="),
    "no examples": ((linear, W, X[:0], Y[:0]), {}, r"examples along their first axis; got shape \(0, 3\)"),
    "too many": ((linear, np.ones(6000), np.ones((2, 6000)), Y[:2]), {}, "full covariance of 6000 parameters is too"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "options", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(given, options, message):
    with pytest.raises(ValueError, match=message):
        curveball.laplace(*given, **options)


def test_inputs_that_are_no_array_and_levels_that_are_none():
    with pytest.raises(TypeError, match=r"inputs must be an array .* got list"):
        curveball.laplace(linear, W, X.tolist(), Y)
    with pytest.raises(ValueError, match="level must be between 0 and 1; got 95"):
        curveball.laplace(linear, W, X, Y, prior=1.0, noise=1.0).predict(X).interval(95)
