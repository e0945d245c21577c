"""Steps of our solvers on the basic CIFAR network and random images, for the benchmarks that compare them."""

from __future__ import annotations

from typing import Any

import numpy as np

import minigrad as mg
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
    """A step of one of our solvers, on a backend.

    `fused=False` is for one kernel per operation on a GPU, `compiled` for the whole step as one program.
    """

    def __init__(self, name: str, solver: Any, batch: int, xp: Namespace, fused: bool = True, compiled: bool = False):
        self.solver, self.network, self.fused = solver, network(name, CLASSES), fused
        images, labels = (xp.asarray(x) for x in draw(batch))
        self.params = to_device_of(images, start(name))
        self.state = solver.init(self.params)
        self.batch = images, labels
        self.function = self.one_step
        if compiled:
            self.state = mg.tree_map(lambda x: xp.asarray(x, dtype=getattr(x, "dtype", xp.float32)), self.state)
            self.function = mg.compiled(self.one_step, xp)

    def one_step(self, params: Any, state: Any, images: Any, labels: Any) -> tuple[Any, Any, Any]:
        params, state, info = self.solver.step(
            params, state, lambda w: self.network(w, images), lambda y: nn.cross_entropy(y, labels), has_aux=True
        )
        return params, state, info["loss"]

    def step(self) -> None:
        token = fuse.set(self.fused)
        self.params, self.state, self.loss = self.function(self.params, self.state, *self.batch)
        fuse.reset(token)

    def wait(self) -> None:
        """Until the step is done, where it runs beside the host's program."""
        mg.to_numpy(self.loss)


def ours(name: str, batch: int, xp: Namespace, compiled: bool = False) -> dict[str, Ours]:
    """CurveBall, lambda fixed (adapting it adds a forward pass every five steps), and momentum SGD."""
    curveball = CurveBall(lam=damping(name), adapt_lam=False)
    solvers = {"curveball": curveball, "sgd": SGD()}
    return {key: Ours(name, solver, batch, xp, compiled=compiled) for key, solver in solvers.items()}
