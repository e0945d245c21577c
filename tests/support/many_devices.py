"""Training on 2 and on 8 devices of the CPU, in a process of its own: JAX must know their number when it starts.

python -m tests.support.many_devices        one line of JSON: the results of each case, and what is sent
"""

import json

import numpy as np

import minigrad as mg
from benchmarks.wire import compiled, messages
from curveball import CurveBall
from curveball.solvers.registry import solver_from
from curveball.training.many_devices import ManyDevices, start
from minigrad import nn, tree_flatten
from problems import Classification, Dataset, load
from problems.vision.layers import BatchNorm, Conv, Dense, Dropout, Elementwise, Pool
from problems.vision.networks import Network
from tests.support.training import run

# Biases before batch normalisation have a gradient of rounding errors alone: with a small eps, Adam would follow them.
CASES = ((2, "curveball:lam_every=1"), (8, "curveball:lam_every=2"), (8, "sgd:lr=0.05"), (8, "adam:lr=0.01,eps=0.001"))
LAYERS = (
    Conv(2, 3), BatchNorm(), Elementwise(mg.relu), Pool(nn.max_pool2d, 3, 2, 1), Dropout(0.3), Dense(3),
)  # fmt: skip


def problem():
    """A few digits of three classes, with batch normalisation and dropout, in float64."""
    d = load("digits")
    few = d.train_labels < 3
    parts = (
        (d.train_images[few][:48], d.train_labels[few][:48]),
        (d.train_images[few][48:60], d.train_labels[few][48:60]),
    )
    return Classification(Dataset.of("few", d.classes[:3], *parts), Network("small", LAYERS), 16, np.float64)


def results(trained, solver, **options):
    """Losses of the steps, loss of the validation, params: two epochs of three steps."""
    found = run(trained, solver_from(solver), epochs=2, **options)
    return {
        "losses": [step["loss"] for step in found.steps],
        "validation": found.epochs[-1]["validation_loss"],
        "params": [float(x) for leaf in tree_flatten(found.params)[0] for x in mg.to_numpy(leaf).reshape(-1)],
    }


def main():
    start(8)
    found = [results(ManyDevices(problem(), start(n)), solver, compile=True) for n, solver in CASES]
    program, _ = compiled(ManyDevices(problem(), start(8)), CurveBall(), phase=False)
    print(json.dumps({"results": found, "sent": messages(program.as_text())}))


if __name__ == "__main__":
    main()
