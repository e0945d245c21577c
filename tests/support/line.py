"""A straight line through points, as a problem that trains in milliseconds, with and without surprises."""

import numpy as np

import minigrad as mg
from minigrad import nn


class Points:
    name, source = "points", ""

    def __init__(self, count=40, shift=0.0):
        self.train_images = np.linspace(-1.0, 1.0, count)[:, None] + shift
        self.targets = 3.0 * self.train_images - 1.0


class Line:
    """`steps` batches of ten points; `seen` is called with each batch."""

    description = {"data": "points", "network": "line", "batch_size": 10}

    def __init__(self, steps=4, seen=lambda batch: None, **options):
        self.data, self.steps_per_epoch, self._seen = Points(10 * steps, **options), steps, seen

    def init(self, rng):
        return {"w": rng.standard_normal((1, 1)), "b": np.zeros(1)}

    def batches(self, rng):
        for part in rng.permutation(10 * self.steps_per_epoch).reshape(-1, 10):
            batch = self.data.train_images[part], self.data.targets[part]
            self._seen(batch)
            yield batch

    def model(self, params, batch):
        outputs = nn.dense(batch[0], params["w"], params["b"])
        return outputs, {"norm": {"mean": mg.mean(outputs, axis=0)}}

    def loss(self, outputs, batch):
        return nn.squared_error(outputs, batch[1])

    def errors(self, outputs, batch):
        return mg.mean(mg.astype(mg.abs(outputs - batch[1]) > 0.1, outputs.dtype))

    def validate(self, params, stats):
        batch = self.data.train_images, self.data.targets
        outputs, _ = self.model(params, batch)
        return float(self.loss(outputs, batch)), float(self.errors(outputs, batch))
