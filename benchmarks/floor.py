"""What a step of the basic network must cost on this machine: multiplications and bytes per layer, and measured rates.

    python benchmarks/floor.py [--network basic] [--batch 128]

Prints a table in Markdown. Per layer of the forward pass, in float32:

    multiplications   of the matrix product, if the layer has weights
    patches           bytes of the windows that a convolution copies (strips of them where they do), through a buffer
                      that stays in cache
    traffic           bytes of what the layer reads and writes once: images in, images out

A CurveBall step sweeps each layer with weights 7 times (forward, two push-forwards and a pull-back of two products
each), the first one 4 times, as the images need no tangent and no cotangent; SGD 3 and 2 times. Layers without
weights are swept 4 times and 2 times, a sweep after the first reading a mask or places too, which is not counted. The
floor is the sum of three times: multiplications at the best rate of large matrix products, patches at the rate of
copies in cache, traffic at the rate of copies in memory, all on all cores.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from step import CLASSES, SHAPE, matmul_rate

import problems
from curveball.training.provenance import provenance
from minigrad import one_blas_thread
from minigrad.backends import backend_for, numpy_namespace
from minigrad.backends.patches import Patches
from minigrad.backends.threads import call_all


def best(work: Callable[[], Any], repeats: int = 20) -> float:
    """The shortest of several timings, in seconds."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def copy_rates() -> tuple[float, float]:
    """GB/s copied by all cores: windows of 5 x 5 x 32 into a buffer of 2 MB again and again, and from and to memory."""
    image = np.zeros((3, 20, 20, 32), np.float32)
    a, b, c, d = image.strides
    windows = np.lib.stride_tricks.as_strided(image, (3, 16, 16, 5, 5, 32), (a, b, c, b, c, d))
    buffers = [np.empty(windows.shape, np.float32) for _ in range(8)]

    def in_cache(k: int) -> None:
        for _ in range(20):
            buffers[k][...] = windows

    source, target = np.ones((2, 16, 1 << 21), np.float32)

    def in_memory(k: int) -> None:
        target[k] = source[k]

    with one_blas_thread():
        cache = 8 * 20 * windows.nbytes / best(lambda: call_all(in_cache, [(k,) for k in range(8)]))
        memory = 2 * source.nbytes / best(lambda: call_all(in_memory, [(k,) for k in range(16)]))  # read and written
    return 1e-9 * cache, 1e-9 * memory


def copied(image: tuple[int, ...], kernel: tuple[int, ...], stride: int) -> int:
    """Bytes of the windows that a convolution copies for one image."""
    backend, size = backend_for(numpy_namespace), kernel[0]
    pads, x = (size // 2, size // 2), np.empty((1, *image), np.float32)
    return 4 * Patches(backend, x, (size, size), (stride, stride), (pads, pads), (1, 1), kernel[3]).copies


def layers(network: str, batch: int) -> list[dict[str, Any]]:
    """Counts for each layer of a forward pass."""
    net = problems.network(network, CLASSES)
    rows, shape, rng = [], SHAPE, np.random.default_rng(0)
    for layer in net.layers:
        after = layer.shape(shape)
        weights = layer.init(rng, shape, "he").get("w")
        row = {"layer": layer.kind, "in": shape, "out": after, "multiplications": 0, "patches": 0}
        row["traffic"] = 4 * batch * (math.prod(shape) + math.prod(after))
        if weights is not None:
            row["multiplications"] = batch * weights.size * math.prod(after[:-1])
            if weights.ndim == 4:
                row["patches"] = batch * copied(shape, weights.shape, layer.stride)
        rows.append(row)
        shape = after
    return rows


def sweeps(rows: list[dict[str, Any]], solver: str) -> list[int]:
    """How often a step sweeps each layer."""
    first = next(k for k, row in enumerate(rows) if row["multiplications"])
    with_weights, of_first, without = {"forward": (1, 1, 1), "sgd": (3, 2, 2), "curveball": (7, 4, 4)}[solver]
    return [
        (of_first if k == first else with_weights) if row["multiplications"] else without for k, row in enumerate(rows)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--network", default="basic", choices=("basic", "basic-bn"))
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    rows = layers(options.network, options.batch)
    rate, (cache, memory) = matmul_rate(), copy_rates()
    print(f"{options.network}, batch {options.batch}, float32\n")
    print("| layer | in | out | multiplications, M | patches, MB | traffic, MB | sweeps, SGD | sweeps, CurveBall |")
    print("|---|---|---|---|---|---|---|---|")
    for row, sgd, curveball in zip(rows, sweeps(rows, "sgd"), sweeps(rows, "curveball"), strict=True):
        sizes = (" x ".join(map(str, row[key])) for key in ("in", "out"))
        counts = f"{row['multiplications'] / 1e6:.0f} | {row['patches'] / 1e6:.1f} | {row['traffic'] / 1e6:.1f}"
        print(f"| {row['layer']} | {' | '.join(sizes)} | {counts} | {sgd} | {curveball} |")
    print(f"\nmatrix products {rate:.0f} GFLOP/s, copies in cache {cache:.1f} GB/s, through memory {memory:.1f} GB/s\n")
    print("| step | multiplications, G | products, ms | patches, ms | traffic, ms | floor, ms |")
    print("|---|---|---|---|---|---|")
    for solver in ("forward", "sgd", "curveball"):
        counts = {
            key: sum(n * row[key] for n, row in zip(sweeps(rows, solver), rows, strict=True))
            for key in ("multiplications", "patches", "traffic")
        }
        ms = [
            2e-6 * counts["multiplications"] / rate,
            1e-6 * counts["patches"] / cache,
            1e-6 * counts["traffic"] / memory,
        ]
        times = " | ".join(f"{t:.1f}" for t in [*ms, sum(ms)])
        print(f"| {solver} | {counts['multiplications'] / 1e9:.2f} | {times} |")
    print(f"\n`{json.dumps(provenance())}`")


if __name__ == "__main__":
    main()
