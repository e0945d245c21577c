"""Steps of our solvers on the basic CIFAR network and random images, for the benchmarks that compare them."""

from __future__ import annotations

from typing import Any

import numpy as np

from curveball import SGD, CurveBall
from curveball.training.devices import to_device_of
from minigrad import nn
from minigrad.backends import Namespace, fuse
from problems import network

CLASSES, SHAPE = 10, (32, 32, 3)
NETWORKS = ("basic", "basic-bn")


def draw(batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (batch, 32, 32, 3) in float32 and their labels, on the host."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((batch, *SHAPE)).astype(np.float32), rng.integers(0, CLASSES, batch)


def start(name: str) -> dict[str, dict[str, np.ndarray]]:
    """The parameters that all start from, on the host."""
    return network(name, CLASSES).init(np.random.default_rng(0), SHAPE)


def damping(name: str) -> float:
    """With batch normalisation gradients are smaller."""
    return 1.0 if name.endswith("-bn") else 10.0


class Ours:
    """A step of one of our solvers, on a backend; `fused=False` for one kernel per operation on a GPU."""

    def __init__(self, name: str, solver: Any, batch: int, xp: Namespace, fused: bool = True):
        self.solver, self.network, self.fused = solver, network(name, CLASSES), fused
        images, labels = (xp.asarray(x) for x in draw(batch))
        self.params = to_device_of(images, start(name))
        self.state = solver.init(self.params)
        self.model = lambda w: self.network(w, images)
        self.loss = lambda y: nn.cross_entropy(y, labels)

    def step(self) -> None:
        token = fuse.set(self.fused)
        self.params, self.state, _ = self.solver.step(self.params, self.state, self.model, self.loss, has_aux=True)
        fuse.reset(token)


def ours(name: str, batch: int, xp: Namespace) -> dict[str, Ours]:
    """CurveBall, lambda fixed (adapting it adds a forward pass every five steps), and momentum SGD."""
    curveball = CurveBall(lam=damping(name), adapt_lam=False)
    return {"curveball": Ours(name, curveball, batch, xp), "sgd": Ours(name, SGD(), batch, xp)}
