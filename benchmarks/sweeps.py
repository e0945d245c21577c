"""The share of the time of a CurveBall step that each of its sweeps takes, beside a whole step of SGD with momentum.

    python benchmarks/sweeps.py [--backend torch] [--networks basic basic-bn ...] [--rounds 15] [--out FILE]

Prints a table in Markdown; `--out` writes the numbers as JSON too. The step is that of `CurveBall()`, as training takes
it, on one batch of random images, from the state after its first step. A clock reads before and after each sweep in
it; what is left of the step is the rest. Four steps of five, as this one, have no trust ratio; the fifth has one more
evaluation of the network. In each round the networks take turns, and for each a step of CurveBall, a step of SGD and
this evaluation. Medians over the rounds, after one that is not timed; per cent and ratios are taken in each round.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from curveball import SGD, CurveBall
from curveball.solvers.base import loss_at
from curveball.training.devices import choose, to_device_of
from curveball.training.files import write_whole
from curveball.training.provenance import provenance
from minigrad import GGNOperator, Linearization, keep_freed_memory, nn, one_blas_thread
from problems import network

IMAGES = {"vgg-f-bn": ((64, 64, 3), 100)}  # their shape, and the classes; of all others:
CIFAR = ((32, 32, 3), 10)
NETWORKS = ("basic", "basic-bn", "resnet18-7x7", "vgg-f-bn")
TIMED = (
    (GGNOperator, "__init__"),
    (GGNOperator, "slope_and_product"),
    (Linearization, "push"),
    (Linearization, "pull"),
)
EVALUATION, REST = "evaluation, with what the maps keep", "rest: inner products, new z and w"
PUSH_Z, PULL, PUSH_D = "push-forward of z", "pull-back", "push-forward of the model's gradient"
OUTPUTS = "work on the outputs"
PARTS = (EVALUATION, PUSH_Z, PULL, PUSH_D, OUTPUTS, REST)  # in the table
ORDER = (EVALUATION, PUSH_Z, OUTPUTS, PULL, PUSH_D, OUTPUTS)  # in a step
WHOLE = {
    "curveball_ms": "CurveBall's step",
    "sgd_ms": "SGD's step",
    "curveball_over_sgd": "CurveBall's over SGD's",
    "trust_ratio_ms": "evaluation for the trust ratio, in one step of five",
    "training_over_sgd": "CurveBall's over SGD's, with a fifth of it",
}

Seconds = dict[str, float]


def contenders(name: str, batch: int, backend: str) -> tuple[Callable[[], Any], ...]:
    """A step of CurveBall, a step of SGD and an evaluation, on one batch: each does the same at every call."""
    xp, rng = choose(backend, "cpu"), np.random.default_rng(0)
    shape, classes = IMAGES.get(name, CIFAR)
    images = xp.asarray(rng.standard_normal((batch, *shape), dtype=np.float32))
    labels = xp.asarray(rng.integers(classes, size=batch))
    net = network(name, classes, shape=shape)
    params = to_device_of(images, net.init(rng, shape))

    def model(w: Any) -> Any:
        return net(w, images)

    def loss(outputs: Any) -> Any:
        return nn.cross_entropy(outputs, labels)

    def step_of(solver: Any) -> Callable[[], Any]:
        w, state, _ = solver.step(params, solver.init(params), model, loss, has_aux=True)
        return lambda: solver.step(w, state, model, loss, has_aux=True)

    return step_of(CurveBall()), step_of(SGD()), lambda: loss_at(params, model, loss, has_aux=True)


def timed(function: Callable[..., Any], spent: list[float], inside: list[bool]) -> Callable[..., Any]:
    """A function that notes its seconds, unless one that does has called it."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if inside:
            return function(*args, **kwargs)
        inside.append(True)
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent.append(time.perf_counter() - started)
            inside.clear()

    return call


def parts_of(step: Callable[[], Any]) -> tuple[Seconds, float]:
    """The seconds of each part of a step of CurveBall, and of all of it."""
    spent: list[float] = []
    inside: list[bool] = []
    with ExitStack() as stack:
        for owner, name in TIMED:
            function = timed(getattr(owner, name), spent, inside)
            stack.enter_context(mock.patch.object(owner, name, function))
        whole = seconds(step)
    parts = dict.fromkeys(PARTS, 0.0)
    for name, value in zip(ORDER, spent, strict=True):
        parts[name] += value
    parts[REST] = whole - sum(spent)
    return parts, whole


def seconds(function: Callable[[], Any]) -> float:
    """Of one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def measured(names: list[str], batch: int, backend: str, rounds: int) -> dict[str, dict[str, Any]]:
    """For each network medians over the rounds, in which the networks take turns too."""
    made = {name: contenders(name, batch, backend) for name in names}
    times: dict[str, list[Seconds]] = {name: [] for name in names}
    for k in range(rounds + 1):
        for name, (curveball, sgd, evaluation) in made.items():
            parts, whole = parts_of(curveball)
            whole_steps = {"curveball": whole, "sgd": seconds(sgd), "trust_ratio": seconds(evaluation)}
            if k:
                times[name].append({**parts, **whole_steps})
    return {name: medians(rows) for name, rows in times.items()}


def medians(rows: list[Seconds]) -> dict[str, Any]:
    """Milliseconds of each part, the per cent of its own step that this is, whole steps, and their ratios."""
    whole = [row["curveball"] for row in rows]
    training = [row["curveball"] + 0.2 * row["trust_ratio"] for row in rows]
    sgd, evaluation = [row["sgd"] for row in rows], [row["trust_ratio"] for row in rows]
    parts = {part: [row[part] for row in rows] for part in PARTS}
    return {
        "ms": {part: round(1e3 * statistics.median(values), 2) for part, values in parts.items()},
        "per_cent": {part: round(100.0 * median_ratio(values, whole), 1) for part, values in parts.items()},
        "curveball_ms": round(1e3 * statistics.median(whole), 2),
        "sgd_ms": round(1e3 * statistics.median(sgd), 2),
        "curveball_over_sgd": round(median_ratio(whole, sgd), 2),
        "trust_ratio_ms": round(1e3 * statistics.median(evaluation), 2),
        "training_over_sgd": round(median_ratio(training, sgd), 2),
    }


def median_ratio(values: list[float], wholes: list[float]) -> float:
    """Of the ratios in each round."""
    return statistics.median(value / whole for value, whole in zip(values, wholes, strict=True))


def markdown(rows: dict[str, dict[str, Any]]) -> str:
    """The table: a row for each part, a column for each network."""
    lines = {part: [f"{row['ms'][part]:.1f} ({row['per_cent'][part]:.0f}%)" for row in rows.values()] for part in PARTS}
    for key, title in WHOLE.items():
        digits = 1 if key.endswith("_ms") else 2
        lines[title] = [f"{row[key]:.{digits}f}" for row in rows.values()]
    head = f"| ms | {' | '.join(rows)} |\n|---|{'---|' * len(rows)}\n"
    return head + "\n".join(f"| {title} | {' | '.join(cells)} |" for title, cells in lines.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="numpy", choices=("numpy", "torch"))
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, help="a JSON file")
    options = parser.parse_args()
    if min(options.rounds, options.batch) < 1:
        parser.error(f"--rounds and --batch must be at least 1; got {options.rounds} and {options.batch}")
    if options.out and not options.out.parent.is_dir():
        parser.error(f"--out: there is no folder {options.out.parent}")
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    keep_freed_memory()
    try:
        with one_blas_thread():  # both as in training
            rows = measured(options.networks, options.batch, options.backend, options.rounds)
    except ValueError as error:
        parser.error(str(error))
    facts = {"benchmark": "sweeps", "backend": options.backend, "batch": options.batch, "rounds": options.rounds}
    facts |= {"load": load, **provenance()}
    print(f"{options.backend}, batch {options.batch}, float32, {facts['threads']} threads\n")
    print(f"{markdown(rows)}\n\n`{json.dumps(facts)}`")
    if options.out:
        text = json.dumps({**facts, "networks": rows}, indent=1) + "\n"
        write_whole(options.out, lambda path: path.write_text(text))


if __name__ == "__main__":
    main()
