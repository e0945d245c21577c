"""Regression: the loss by hand, its derivatives, and predictions in the units of the targets."""

from dataclasses import replace

import numpy as np
import pytest

import minigrad as mg
from problems import Classification, Regression, network
from problems.data.own_data import Rows, in_dtype, own_data

RNG = np.random.default_rng(0)
X = RNG.normal(10.0, 3.0, (50, 4))
Y = np.stack([X[:, 0] * 100.0 + 5.0, np.sin(X[:, 1])], axis=1)


@pytest.fixture
def problem():
    return Regression(own_data("mine", Rows("mine", X, targets=Y)), network("mlp", 2), 16, np.float64)


def test_the_loss(problem):
    params, batch = problem.init(RNG), problem.batch(RNG)
    outputs, _ = problem.model(params, batch)
    data = problem.data
    expected = 0.0
    for y, t in zip(outputs, batch.labels, strict=True):
        for k in range(2):
            expected += (y[k] - (t[k] - data.train_labels[:, k].mean()) / data.train_labels[:, k].std()) ** 2
    assert float(problem.loss(outputs, batch)) == pytest.approx(expected / 32)
    assert float(problem.errors(outputs, batch)) == pytest.approx(expected / 32)
    mg.check_derivatives(lambda w: problem.loss(problem.model(w, batch)[0], batch), params)


def test_answers_of_the_other_kind(problem):
    with pytest.raises(ValueError, match="mine has numbers to predict, not classes: use Regression"):
        Classification(problem.data, problem.network)
    classes = own_data("kinds", Rows("kinds", X, labels=np.arange(50) % 2))
    with pytest.raises(ValueError, match="kinds has classes to predict, not numbers: use Classification"):
        Regression(classes, problem.network)


def test_the_mean_of_the_targets_explains_nothing(problem):
    """Outputs of 0 are the means: 1 - R^2 = 1."""
    whole = Regression(problem.data, problem.network, len(problem.data.train_labels), np.float64)
    batch = next(iter(whole.batches(RNG)))
    assert float(whole.errors(np.zeros((40, 2)), batch)) == pytest.approx(1.0)


def test_predictions_are_in_the_units_of_the_targets(problem):
    params = problem.init(np.random.default_rng(1))
    found = problem.predictor(params, {})(X[:5])
    z = (X[:5] - problem.data.mean) / problem.data.std
    h = np.tanh(z @ params["dense1"]["w"] + params["dense1"]["b"])
    y = h @ params["dense2"]["w"] + params["dense2"]["b"]
    np.testing.assert_allclose(found.values, y * problem.data.target_std + problem.data.target_mean)
    assert found.names == ("target0", "target1")


def test_on_other_array_libraries(problem, backend):
    data = in_dtype(problem.data, np.float32)
    moved = {
        name: mg.from_numpy(getattr(data, name), backend)
        for name in ("train_images", "train_labels", "validation_images", "validation_labels")
    }
    there = Regression(replace(data, **moved), problem.network, 16)
    params = mg.tree_map(lambda x: mg.from_numpy(x, backend), there.init(np.random.default_rng(0)))
    here = Regression(data, problem.network, 16)
    loss, error = there.validate(params, {})
    assert (loss, error) == pytest.approx(here.validate(here.init(np.random.default_rng(0)), {}), rel=1e-4)
