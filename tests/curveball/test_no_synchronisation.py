"""A step never asks for the value of an array: on a GPU each such question would wait for the device."""

import operator

import numpy as np
import pytest

import minigrad as mg
from curveball import SGD, Adam, CurveBall
from minigrad import nn
from minigrad.trees import flatten
from tests.conftest import _let_variables_answer

SOLVERS = {
    "curveball": CurveBall(lam_every=1, lam_factor=0.5, trust_low=0.99, trust_high=1.0),
    "curveball-decay": CurveBall(lr=0.5, lam_every=1, weight_decay=0.1),
    "curveball-rho": CurveBall(rho=0.8),
    "curveball-beta": CurveBall(beta=0.3),
    "sgd": SGD(weight_decay=0.1),
    "adam": Adam(),
}
QUESTIONS = ("__float__", "__bool__", "__int__", "__index__", "__complex__", "__array__", "__buffer__", "__dlpack__")


class Synchronised(Exception):
    """An array was read on the host."""


@pytest.fixture
def device(monkeypatch):
    """A strict array library whose arrays do not tell their values; `device.let_go()` makes them."""
    xp = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")
    kind = type(xp.asarray(0.0))
    _let_variables_answer(kind, monkeypatch)
    guard = pytest.MonkeyPatch()

    def refuse(name):
        def asked(self, *args, **kwargs):
            raise Synchronised(name)

        return asked

    class Device:
        asarray, let_go = staticmethod(xp.asarray), staticmethod(guard.undo)

        @staticmethod
        def close():
            for name in QUESTIONS:
                guard.setattr(kind, name, refuse(name), raising=False)

    yield Device
    guard.undo()


def draw():
    rng = np.random.default_rng(0)
    X, labels = rng.standard_normal((16, 5)).astype(np.float32), rng.integers(3, size=16)
    shapes = {"w1": (5, 6), "b1": (6,), "w2": (6, 3), "b2": (3,)}
    params = {key: (0.6 * rng.standard_normal(shape)).astype(np.float32) for key, shape in shapes.items()}
    return X, labels, params


def three_steps(solver, X, labels, params):
    def model(p):
        y = nn.dense(mg.tanh(nn.dense(X, p["w1"], p["b1"])), p["w2"], p["b2"])
        return y, {"mean": mg.mean(y)}

    state = solver.init(params)
    for _ in range(3):
        params, state, info = solver.step(params, state, model, lambda y: nn.cross_entropy(y, labels), has_aux=True)
    return params, state, info


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
def test_a_step_does_not_read_arrays_on_the_host(solver, device):
    X, labels, params = draw()
    expected = three_steps(solver, X, labels, params)
    X, labels, params = mg.tree_map(device.asarray, (X, labels, params))
    device.close()
    found = three_steps(solver, X, labels, params)
    device.let_go()
    for a, b in zip(flatten(found)[0], flatten(expected)[0], strict=True):
        np.testing.assert_allclose(mg.to_numpy(a), b, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("question", [float, bool, int, complex, np.asarray, operator.index], ids=lambda f: f.__name__)
def test_the_guard_notices(question, device):
    x = device.asarray(1)
    question(x)
    device.close()
    with pytest.raises(Synchronised):
        question(x)
