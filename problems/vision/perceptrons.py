"""Networks of dense layers with tanh between them."""

from __future__ import annotations

import minigrad as mg
from problems.vision.layers import Dense, Elementwise, Layer
from problems.vision.networks import architecture

TANH = Elementwise(mg.tanh)


@architecture("mlp")
def mlp(classes: int) -> tuple[Layer, ...]:
    """One hidden layer of 64."""
    return Dense(64), TANH, Dense(classes)


@architecture("mnist-mlp", inputs="unit")
def mnist_mlp(classes: int) -> tuple[Layer, ...]:
    """Three hidden layers, for images of 28 x 28 with values in 0..1: 784-128-64-32-10."""
    return Dense(128), TANH, Dense(64), TANH, Dense(32), TANH, Dense(classes)
