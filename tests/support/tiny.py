"""A network of one hidden layer that has all that a step of training has, and is compiled in a moment."""

import numpy as np

import minigrad as mg
from curveball.training.devices import to_backend
from minigrad import nn
from problems import Classification, network
from tests.support.training import small

STEPS = 12  # of an epoch


class Tiny(Classification):
    """One hidden layer of 6 with batch normalisation: all that a step has, in little to compile."""

    def init(self, rng):
        sizes = {"gain": (6,), "bias": (6,), "w1": (64, 6), "w2": (6, 10)}
        draw = {name: 0.2 * rng.standard_normal(shape) for name, shape in sizes.items()}
        return {name: (x + (name == "gain")).astype(self.dtype) for name, x in draw.items()}

    def model(self, params, batch, stats=None):
        x = mg.reshape(batch.images, (-1, 64)) @ params["w1"]
        x, stats = nn.batch_norm(x, params["gain"], params["bias"], stats, training=stats is None)
        return mg.tanh(x) @ params["w2"], stats


def tiny(xp=None, batch_size=12, dtype=np.float32):
    """12 steps an epoch."""
    data = small().data
    return Tiny(data if xp is None else to_backend(data, xp), network("mlp"), batch_size, dtype)
