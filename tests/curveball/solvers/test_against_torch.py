"""SGD, Adam, and the gradients under them, against PyTorch where it is installed."""

import numpy as np
import pytest

import minigrad as mg
from curveball import SGD, Adam
from minigrad import nn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((16, 5)), RNG.integers(3, size=16)
START = {"w1": 0.5 * RNG.standard_normal((5, 7)), "w2": 0.5 * RNG.standard_normal((7, 3))}


def follow(solver, steps):
    params, state = START, solver.init(START)
    for _ in range(steps):
        params, state, info = solver.step(
            params, state, lambda p: mg.tanh(X @ p["w1"]) @ p["w2"], lambda y: nn.cross_entropy(y, LABELS)
        )
        yield params, float(info["loss"])


def follow_torch(optimizer, steps, **options):
    params = {key: torch.tensor(value, requires_grad=True) for key, value in START.items()}
    optimizer = optimizer(params.values(), **options)
    x, labels = torch.tensor(X), torch.tensor(LABELS)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(torch.tanh(x @ params["w1"]) @ params["w2"], labels)
        loss.backward()
        optimizer.step()
        yield {key: value.detach().numpy() for key, value in params.items()}, loss.item()


@pytest.mark.parametrize(("solver", "optimizer", "options"), [
    (SGD(lr=0.3, momentum=0.9), "SGD", {"lr": 0.3, "momentum": 0.9}),
    (SGD(lr=0.3, momentum=0.0, weight_decay=0.1), "SGD", {"lr": 0.3, "weight_decay": 0.1}),
    (SGD(lr=0.2, nesterov=True), "SGD", {"lr": 0.2, "momentum": 0.9, "nesterov": True}),
    (
        SGD(lr=0.2, momentum=0.5, weight_decay=0.1, nesterov=True),
        "SGD",
        {"lr": 0.2, "momentum": 0.5, "weight_decay": 0.1, "nesterov": True},
    ),
    (Adam(lr=0.03), "Adam", {"lr": 0.03}),
    (
        Adam(lr=0.03, beta1=0.8, beta2=0.95, weight_decay=0.1),
        "Adam",
        {"lr": 0.03, "betas": (0.8, 0.95), "weight_decay": 0.1},
    ),
], ids=["momentum", "decay", "nesterov", "nesterov-decay", "adam", "adam-decay"])  # fmt: skip
def test_same_iterates(solver, optimizer, options):
    ours, theirs = follow(solver, 25), follow_torch(getattr(torch.optim, optimizer), 25, **options)
    for (params, loss), (expected, expected_loss) in zip(ours, theirs, strict=True):
        assert loss == pytest.approx(expected_loss, rel=1e-10)
        for key in START:
            np.testing.assert_allclose(params[key], expected[key], rtol=1e-8, atol=1e-10)
