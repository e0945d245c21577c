"""Adam against algorithm 1 of Kingma and Ba (ICLR 2015), line by line."""

import numpy as np
import pytest

import minigrad as mg
from curveball import Adam

A = np.array([[2.0, 0.3], [0.3, 0.7]])


def loss(y):
    return 0.5 * y @ (A @ y) + mg.sum(mg.sin(y))


@pytest.mark.parametrize("options", [
    {},
    {"lr": 0.1, "beta1": 0.0},
    {"lr": 0.05, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3},
    {"lr": 0.05, "weight_decay": 0.4},
], ids=str)  # fmt: skip
def test_iterates_are_those_of_the_plain_loop(options):
    solver = Adam(**options)
    alpha, beta1, beta2 = solver.lr, solver.beta1, solver.beta2
    w = theta = np.array([1.0, -2.0])
    state, m, v = solver.init(w), np.zeros(2), np.zeros(2)
    for t in range(1, 21):
        value = float(loss(w))
        w, state, info = solver.step(w, state, lambda w: w, loss)
        g = A @ theta + np.cos(theta) + options.get("weight_decay", 0.0) * theta
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        theta = theta - alpha * m_hat / (np.sqrt(v_hat) + solver.eps)
        np.testing.assert_allclose(w, theta, rtol=1e-12)
        np.testing.assert_allclose(state.m, m, rtol=1e-11, atol=1e-15)
        np.testing.assert_allclose(state.v, v, rtol=1e-11)
        assert state.steps == t
        assert info["loss"] == value


@pytest.mark.parametrize(
    "options",
    [{"lr": 0.0}, {"beta1": 1.0}, {"beta2": -0.1}, {"beta2": np.nan}, {"eps": 0.0}, {"weight_decay": -1.0}],
    ids=str,
)
def test_hyper_parameters_out_of_range(options):
    with pytest.raises(ValueError, match=f"^{next(iter(options))} must be "):
        Adam(**options)
