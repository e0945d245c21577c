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


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("t", [1, 2, 1000])
def test_a_count_that_is_an_array_corrects_the_start_in_float32_too(beta, t):
    """As a compiled step has it. `1 - 0.999f` in float32 is wrong in its fifth digit."""
    solver = Adam(lr=0.1, beta1=beta, beta2=beta, eps=1e-12)
    w = np.array([1.0, -2.0], np.float32)
    expected, found = (
        solver.step(w, solver.init(w)._replace(steps=count), lambda w: w, loss)[:2]
        for count in (t - 1, np.int32(t - 1))
    )
    assert found[0].dtype == np.float32
    np.testing.assert_allclose(found[0], expected[0], rtol=3e-7)
    assert int(found[1].steps) == expected[1].steps == t
    g = A @ w + np.cos(w)
    step = 0.1 * (1.0 - beta) * g / (1.0 - beta**t) / np.sqrt((1.0 - beta) * g * g / (1.0 - beta**t))
    np.testing.assert_allclose(found[0], w - step, rtol=1e-6)


def test_a_count_in_an_array_is_as_exact_in_float32():
    w, loss = np.ones(3, np.float32), lambda y: y @ y
    solver = Adam(lr=0.5)
    state = solver.init(w)
    expected, _, _ = solver.step(w, state, lambda w: w, loss)
    found, _, _ = solver.step(w, state._replace(steps=np.asarray(0, np.int32)), lambda w: w, loss)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
