"""Time per step of CurveBall and momentum SGD on the basic CIFAR network, and how much of the machine that uses.

    python benchmarks/step.py [--repeats 15]

One JSON line. For the networks `basic` and `basic-bn`, 128 random images of 32 x 32 x 3 in float32: milliseconds of a
forward pass (loss included), of an SGD step and of a CurveBall step (lambda fixed: adapting it adds a forward pass
every five steps), medians over interleaved repeats after one unmeasured round; their ratios; and the rate of each in
GFLOP/s, with its share of `matmul_gflops`, the best rate at which NumPy multiplied large square float32 matrices here.

Two operations for each multiplication of a layer with weights; pools, relu, normalisation and biases are not counted.
With F multiplications in a forward pass, F1 of them in the first layer, what is done is

    forward                                                 F
    pull-back       cotangents of inputs and of weights     2 F - F1
    push-forward    tangents of inputs and of weights       2 F - F1
    SGD             forward, pull-back                      3 F - F1
    CurveBall       forward, two push-forwards, pull-back   7 F - 3 F1

as the images themselves need no tangent and no cotangent. `batch_over_sgd` and `augmented_batch_over_sgd` are what it
takes to have the next mini-batch, of 50,000 images kept as bytes, as a share of an SGD step: what training adds to it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import problems
from curveball import SGD, CurveBall
from curveball.training.provenance import provenance
from minigrad import keep_freed_memory, nn, one_blas_thread

BATCH, SHAPE, CLASSES = 128, (32, 32, 3), 10


def matmul_rate(sizes: tuple[int, ...] = (1024, 2048, 3072), repeats: int = 5) -> float:
    """The best GFLOP/s of several large float32 products."""
    best = 0.0
    for n in sizes:
        a, b = np.random.default_rng(0).standard_normal((2, n, n), dtype=np.float32)
        for _ in range(repeats):
            started = time.perf_counter()
            np.matmul(a, b)
            best = max(best, 2e-9 * n**3 / (time.perf_counter() - started))
    return best


def multiplications(net: Any) -> list[int]:
    """Of one forward pass per batch, for each layer with weights: every weight is used once per output position."""
    counts, shape = [], SHAPE
    for layer in net.layers:
        params, shape = layer.init(np.random.default_rng(0), shape, "he"), layer.shape(shape)
        if "w" in params:
            counts.append(BATCH * params["w"].size * math.prod(shape[:-1]))
    return counts


def workloads(net: Any) -> dict[str, Callable[[], Any]]:
    """A forward pass and one step of each solver, from the state after its first step."""
    rng = np.random.default_rng(0)
    images = rng.standard_normal((BATCH, *SHAPE), dtype=np.float32)
    labels = rng.integers(CLASSES, size=BATCH)
    params = net.init(rng, SHAPE)

    def model(w: Any) -> Any:
        return net(w, images)

    def loss(outputs: Any) -> Any:
        return nn.cross_entropy(outputs, labels)

    def step_of(solver: Any) -> Callable[[], Any]:
        w, state, _ = solver.step(params, solver.init(params), model, loss, has_aux=True)
        return lambda: solver.step(w, state, model, loss, has_aux=True)

    return {
        "forward": lambda: loss(model(params)[0]),
        "sgd": step_of(SGD(lr=0.01)),
        "curveball": step_of(CurveBall(lam=1.0, adapt_lam=False)),
    }


def inputs() -> dict[str, Callable[[], Any]]:
    """The next mini-batch of a data set as large as CIFAR-10, without and with flips and shifts."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (50_000, *SHAPE), dtype=np.uint8), rng.integers(CLASSES, size=50_000)
    data = problems.Dataset.of("random", tuple("0123456789"), (images, labels), (images[:1], labels[:1]))

    def next_of(augment: bool) -> Callable[[], Any]:
        problem = problems.Classification(data, problems.network("basic", CLASSES), BATCH, augment=augment)
        batches = itertools.chain.from_iterable(problem.batches(rng) for _ in itertools.count())
        return lambda: next(batches)

    return {"batch": next_of(False), "augmented_batch": next_of(True)}


def measure(functions: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median seconds of each function, the repeats interleaved."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for k in range(repeats + 1):
        for name, function in functions.items():
            started = time.perf_counter()
            function()
            if k:
                times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--repeats", type=int, default=15, help="timings of each, of which the median is taken")
    repeats = parser.parse_args().repeats
    if repeats < 1:
        parser.error(f"--repeats must be at least 1; got {repeats}")
    keep_freed_memory()  # as in training
    rate, pipeline = matmul_rate(), inputs()
    results: dict[str, Any] = {}
    for name in ("basic", "basic-bn"):
        net = problems.network(name, CLASSES)
        counts = multiplications(net)
        f, first = sum(counts), counts[0]
        work = {"forward": f, "sgd": 3 * f - first, "curveball": 7 * f - 3 * first}
        with one_blas_thread():  # as in training
            seconds = measure({**workloads(net), **pipeline}, repeats)
        results[name] = {"forward_multiplications": f, "first_layer_multiplications": first}
        for kind in work:
            value = seconds[kind]
            reached = 2e-9 * work[kind] / value
            results[name][kind] = {
                "ms": round(1e3 * value, 2),
                "gflop": round(2e-9 * work[kind], 3),
                "gflops": round(reached, 1),
                "share_of_matmul": round(reached / rate, 3),
            }
        results[name]["curveball_over_sgd"] = round(seconds["curveball"] / seconds["sgd"], 3)
        for kind in pipeline:
            results[name][f"{kind}_over_sgd"] = round(seconds[kind] / seconds["sgd"], 4)
        results[name]["curveball_over_forward"] = round(seconds["curveball"] / seconds["forward"], 3)
        results[name]["counted_curveball_over_sgd"] = round(work["curveball"] / work["sgd"], 3)
    line = {"benchmark": "step", "repeats": repeats, "batch": BATCH, "matmul_gflops": round(rate, 1), **results}
    print(json.dumps({**line, **provenance()}))


if __name__ == "__main__":
    main()
