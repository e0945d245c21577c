"""Runs of training that take a moment, and whether two are the same."""

import numpy as np

from curveball.training.options import TrainOptions
from curveball.training.train import train
from minigrad import tree_flatten
from problems import Classification, Dataset, load, network


def small(name="cnn", batch_size=32, dtype=np.float32):
    """150 digits to train (four batches of 32), 60 to validate."""
    d = load("digits")
    train_set = d.train_images[:150], d.train_labels[:150]
    data = Dataset.of("few digits", d.classes, train_set, (d.validation_images[:60], d.validation_labels[:60]))
    return Classification(data, network(name), batch_size, dtype)


def assert_same(a, b):
    """Bit by bit; numbers may be Python's or NumPy's."""
    leaves, others = tree_flatten(a)[0], tree_flatten(b)[0]
    assert len(leaves) == len(others) > 0
    for x, y in zip(leaves, others, strict=True):
        np.testing.assert_array_equal(x, y)
        if hasattr(x, "dtype"):
            assert x.dtype == y.dtype


def run(problem, solver, folder=None, name=None, callback=None, **options):
    """Train quietly, for one epoch unless the options say otherwise."""
    chosen = TrainOptions(**{"epochs": 1, "quiet": True, **options})
    return train(problem, solver, chosen, name=name, folder=folder, callback=callback)
