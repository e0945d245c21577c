"""Momentum SGD against the two lines of its definition."""

import numpy as np
import pytest

import minigrad as mg
from curveball import SGD

A = np.array([[2.0, 0.3], [0.3, 0.7]])


def loss(y):
    return 0.5 * y @ (A @ y) + mg.sum(mg.sin(y))


def gradient(w):
    return A @ w + np.cos(w)


@pytest.mark.parametrize("options", [
    {"lr": 0.1, "momentum": 0.0},
    {"lr": 0.1, "momentum": 0.9},
    {"lr": 0.05, "momentum": 0.5, "weight_decay": 0.4},
], ids=str)  # fmt: skip
def test_iterates_are_those_of_the_plain_loop(options):
    solver = SGD(**options)
    w = expected = np.array([1.0, -2.0])
    state, velocity = solver.init(w), np.zeros(2)
    for _ in range(20):
        value = float(loss(w))
        w, state, info = solver.step(w, state, lambda w: w, loss)
        velocity = options["momentum"] * velocity - options["lr"] * (
            gradient(expected) + options.get("weight_decay", 0.0) * expected
        )
        expected = expected + velocity
        np.testing.assert_allclose(w, expected, rtol=1e-13)
        np.testing.assert_allclose(state.z, velocity, rtol=1e-12, atol=1e-15)
        assert info["loss"] == value  # without the weight decay


@pytest.mark.parametrize("decay", [0.0, 0.4])
def test_nesterov_follows_the_gradient_at_the_point_ahead(decay):
    """The form of Sutskever et al. moves `w`; the params here are `w + momentum z`, where its gradient is taken."""
    lr, momentum = 0.05, 0.8
    solver = SGD(lr=lr, momentum=momentum, weight_decay=decay, nesterov=True)
    ahead = w = np.array([1.0, -2.0])
    state, velocity = solver.init(ahead), np.zeros(2)
    for _ in range(20):
        ahead, state, _ = solver.step(ahead, state, lambda w: w, loss)
        there = w + momentum * velocity
        velocity = momentum * velocity - lr * (gradient(there) + decay * there)
        w = w + velocity
        np.testing.assert_allclose(state.z, velocity, rtol=1e-11, atol=1e-14)
        np.testing.assert_allclose(ahead, w + momentum * velocity, rtol=1e-12)


def test_outputs_and_aux_come_back():
    w = np.array([1.0, -2.0])
    _, _, info = SGD().step(w, SGD().init(w), lambda w: (3.0 * w, {"seen": w + 1.0}), loss, has_aux=True)
    assert info["outputs"].tolist() == [3.0, -6.0]
    assert info["aux"]["seen"].tolist() == [2.0, -1.0]


@pytest.mark.parametrize("options", [
    {"lr": 0.0}, {"lr": np.nan}, {"momentum": 1.0}, {"momentum": -0.1}, {"weight_decay": -1.0}, {"nesterov": 1},
], ids=str)  # fmt: skip
def test_hyper_parameters_out_of_range(options):
    with pytest.raises(ValueError, match=f"^{next(iter(options))} must be "):
        SGD(**options)
