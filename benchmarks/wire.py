"""What many devices send in a step, counted in the compiled programs, and the efficiency that this allows.

    python benchmarks/wire.py [--repeats 9] > benchmarks/results/wire.md

Each step is compiled for 8 devices of the CPU, and the collective operations of the program are listed. Then a step on
one device is timed, with 128 images per device, and its efficiency on K devices is predicted as T / (T + sent(K)), with

    sent(K) = sum over all-reduces of   2 (K - 1) / K  bytes / bandwidth  +  2 ceil(log2 K) latency

a ring for the bytes and a tree for the latency, and nothing sent while it computes. Derived, but for the constants, in
tests/derivations/test_17_sum_over_shards.py.
"""

from __future__ import annotations

import argparse
import itertools
import math
import re
import statistics
import time
from collections.abc import Hashable
from functools import partial
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

import minigrad as mg
import problems
from curveball import SGD, CurveBall
from curveball.solvers.base import Solver
from curveball.training.many_devices import ManyDevices, start
from curveball.training.provenance import provenance
from curveball.training.step import train_step
from minigrad import Tree, tree_flatten
from problems.vision.layers import BatchNorm

DEVICES, PER_DEVICE, SHAPE, CLASSES = 8, 128, (32, 32, 3), 10
NETWORKS = ("basic", "basic-bn")
STEPS: dict[str, tuple[Solver, Hashable]] = {
    "SGD": (SGD(), None),
    "CurveBall": (CurveBall(), False),
    "CurveBall, every fifth": (CurveBall(), True),
}
GIGABITS, COUNTS = (25, 100, 400), (1, 2, 8, 16, 64, 256, 1024)
LATENCY, FAST = 5e-6, 20e12  # seconds of a message; operations per second of a device that is only assumed
COLLECTIVE = re.compile(
    r"= (?P<shapes>.*?) (?P<name>all-reduce|all-gather|all-to-all|reduce-scatter|collective-permute)(-start)?\("
)
WIDTHS = {"f32": 4, "f64": 8, "s32": 4, "s64": 8, "pred": 1, "f16": 2, "bf16": 2}


PAGE = """# What many devices send

Made by `python benchmarks/wire.py > benchmarks/results/wire.md`.

## In a step, counted in the programs that XLA compiles for {devices} devices

`others` are collective operations that are no all-reduces. `numbers` are those of all of them, and `derived` those that
[the derivation](../../tests/derivations/test_17_sum_over_shards.py) counts, with one more for the share of errors.
Each device sends $2 (K - 1) / K$ times what is reduced.

{counted}

## The efficiency that this allows

Predicted, not measured: {per_device} images for each device in each step, however many devices. A step takes T on one
device, and T + S on K devices, where S has for each all-reduce $2 (K - 1) / K$ times the bytes over the bandwidth (a
ring) and $2 \\lceil \\log_2 K \\rceil$ times {latency:.0f} µs (a tree). Nothing is sent while a device computes. Each
process makes its own rows of a batch. Validation and checkpoints are left out. The efficiency is T / (T + S).

With T as measured, the median of {repeats} steps on {machine}:

{measured}

With T of a device that does {fast:.0f} Tflop/s in the products of a step, and nothing else (assumed):

{computed}
"""


class Message(NamedTuple):
    """One collective operation: its name, and how many numbers of how many bytes it is about."""

    name: str
    numbers: int
    bytes: int


def messages(program: str) -> list[Message]:
    """The collective operations in the text of a compiled program.

    >>> messages("%x = (f32[2,3]{1,0}, f32[]) all-reduce(%a, %b), channel_id=1")
    [Message(name='all-reduce', numbers=7, bytes=28)]
    """
    found = []
    for match in COLLECTIVE.finditer(program):
        shapes = re.findall(r"(\w+)\[([\d,]*)\]", match["shapes"])
        counts = [(WIDTHS[kind], math.prod(map(int, filter(None, shape.split(","))))) for kind, shape in shapes]
        found.append(Message(match["name"], sum(n for _, n in counts), sum(width * n for width, n in counts)))
    return found


def random_images(network: str, mesh: Any) -> ManyDevices:
    """A network on random images, so many for each device of the mesh."""
    count, rng = PER_DEVICE * mesh.size, np.random.default_rng(0)
    part = rng.integers(0, 256, (count, *SHAPE), dtype=np.uint8), rng.integers(CLASSES, size=count)
    data = problems.Dataset.of("random", tuple("0123456789"), part, part)
    return ManyDevices(problems.Classification(data, problems.network(network, CLASSES), count), mesh)


def compiled(problem: ManyDevices, solver: Solver, phase: Hashable) -> tuple[Any, list[Tree]]:
    """The program of a step, and what it takes."""
    import jax

    rng = np.random.default_rng(0)
    like = problem.data.train_images

    def placed(x: Any) -> Any:
        kind = np.int32 if isinstance(x, int) else getattr(x, "dtype", np.float32)
        return jax.device_put(np.asarray(x, kind), like.sharding)

    params = mg.tree_map(placed, problem.init(rng))
    batch = next(problem.batches(rng))
    _, stats = jax.eval_shape(partial(problem.model, batch=batch), params)
    stats = mg.tree_map(lambda x: placed(np.ones(x.shape, x.dtype)), stats)
    taken = [params, mg.tree_map(placed, solver.init(params)), stats, batch]
    step = jax.jit(partial(train_step, problem, solver, phase))
    return step.lower(*taken).compile(), taken


def seconds(program: Any, taken: list[Tree], repeats: int) -> float:
    """The median of some steps, after one that is not counted."""
    times = []
    for k in range(repeats + 1):
        started = time.perf_counter()
        [x.block_until_ready() for x in tree_flatten(program(*taken))[0]]
        if k:
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def sent(sizes: list[int], devices: int, gigabits: float) -> float:
    """Seconds of the model above, for all-reduces of so many bytes."""
    if devices == 1:
        return 0.0
    each = 2.0 * (devices - 1) / devices * 8e-9 / gigabits
    return sum(each * size + 2.0 * math.ceil(math.log2(devices)) * LATENCY for size in sizes)


def derived(network: str, params: int, step: str) -> int:
    """The numbers that the derivation counts, and one for the share of errors.

    Batch normalisation of C channels: 3 C in an evaluation, as the mean is taken twice against rounding, and 2 C in a
    push-forward. The 2 C of the pull-back are gradients of gain and bias, which are among the params.
    """
    net, shape, channels = problems.network(network, CLASSES), SHAPE, 0
    for layer in net.layers:
        shape = layer.shape(shape)
        channels += shape[-1] if isinstance(layer, BatchNorm) else 0
    of_channels, scalars = {"SGD": (3, 1), "CurveBall": (7, 6), "CurveBall, every fifth": (10, 7)}[step]
    return params + of_channels * channels + scalars + 1


def computing(network: str, step: str) -> float:
    """Seconds of the products of a step at `FAST` operations per second: (3) and (4) of test_12_cost.py."""
    net, shape, counts = problems.network(network, CLASSES), SHAPE, []
    for layer in net.layers:
        params, shape = layer.init(np.random.default_rng(0), shape, "he"), layer.shape(shape)
        if "w" in params:
            counts.append(params["w"].size * math.prod(shape[:-1]))
    F, F_1 = sum(counts), counts[0]
    return 2.0 * PER_DEVICE * (3 * F - F_1 if step == "SGD" else 7 * F - 3 * F_1) / FAST


def efficiencies(times: dict[tuple[str, str], float], sizes: dict[tuple[str, str], list[int]]) -> list[str]:
    """The table for steps that take so long on one device."""
    lines = header("step", "ms", "Gb/s", *(f"{count:,}" for count in COUNTS))
    for (network, name), step in times.items():
        for rate in GIGABITS:
            shares = [f"{100.0 * step / (step + sent(sizes[network, name], count, rate)):.1f}%" for count in COUNTS]
            lines.append(row(f"{network}, {name}", f"{1e3 * step:.4g}", rate, *shares))
    return lines


def row(*cells: Any) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def header(*cells: str) -> list[str]:
    return [row(*cells), row("---", *["---:"] * (len(cells) - 1))]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--repeats", type=int, default=9, help="timings of each step, of which the median is taken")
    repeats = parser.parse_args().repeats
    mesh, one = start(DEVICES), start(1)
    counted = header("step", "all-reduces", "others", "params", "numbers", "derived", "KiB", "KiB sent by each of 8")
    sizes, measured, fast = {}, {}, {}
    for network, name in itertools.product(NETWORKS, STEPS):
        program, taken = compiled(random_images(network, mesh), *STEPS[name])
        params, found = sum(x.size for x in tree_flatten(taken[0])[0]), messages(program.as_text())
        sizes[network, name] = [each.bytes for each in found if each.name == "all-reduce"]
        numbers, total = sum(each.numbers for each in found), sum(sizes[network, name]) / 1024
        cells = [len(sizes[network, name]), len(found) - len(sizes[network, name])]
        cells += [f"{count:,}" for count in (params, numbers, derived(network, params, name))]
        counted.append(row(f"{network}, {name}", *cells, f"{total:.1f}", f"{2 * (1 - 1 / DEVICES) * total:.1f}"))
        if name in ("SGD", "CurveBall"):
            measured[network, name] = seconds(*compiled(random_images(network, one), *STEPS[name]), repeats)
            fast[network, name] = computing(network, name)
    about = provenance()
    text = PAGE.format(
        devices=DEVICES, per_device=PER_DEVICE, latency=1e6 * LATENCY, repeats=repeats, fast=1e-12 * FAST,
        machine=f"{about['cores']} cores of {about['processor']}, JAX {version('jax')}, float32",
        counted="\n".join(counted),
        measured="\n".join(efficiencies(measured, sizes)),
        computed="\n".join(efficiencies(fast, sizes)),
    )  # fmt: skip
    print(text, end="")


if __name__ == "__main__":
    main()
