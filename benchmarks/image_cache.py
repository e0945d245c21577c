"""Photographs from disk: how fast they are decoded once, and what share of a training step a batch of them takes.

    python benchmarks/image_cache.py decode DIR --size 64 --count 3000
    python benchmarks/image_cache.py input DIR --size 64 --network basic-bn

`DIR` is a folder as `--data imagenet` reads. `decode` compares one process, threads and processes, each given the
same files several times in turn, and prints images per second: medians and the most, as one line of JSON. `input`
trains with SGD, and prints milliseconds: the step, the wait for a batch, and the processor's own time for a step, all
its threads together, and for reading, cropping and normalising a batch, which a busy machine changes less; and the
peak of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def decode(folder: Path, size: int, count: int, repeats: int) -> dict[str, Any]:
    """Images per second, decoded into a cache of their own."""
    import numpy as np
    from joblib.externals.loky import ProcessPoolExecutor

    from problems.data.decode_images import BLOCK, decode_block
    from problems.data.image_cache import ImageCache
    from problems.data.imagenet import index_folders
    from problems.data.read_images import cores

    _, index, _ = index_folders(folder)
    chosen = np.random.default_rng(0).choice(len(index), min(count, len(index)), replace=False)
    found: dict[str, list[float]] = {"one": [], "threads": [], "processes": []}
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(cores()) as threads:
        cache = ImageCache(Path(place), "train", -(-8 * size // 7))
        cache.pixels.touch()
        jobs = [
            (cache, list(range(k, k + len(part))), [index.path(i) for i in part], index.keys[part].tolist())
            for k, part in ((k, chosen[k : k + BLOCK]) for k in range(0, len(chosen), BLOCK))
        ]
        with ProcessPoolExecutor(cores()) as processes:
            ways: dict[str, Callable[..., Any]] = {"one": map, "threads": threads.map, "processes": processes.map}
            for way in ways.values():  # imports, and the system's copy of the files
                list(way(decode_block, jobs))
            for _ in range(repeats):
                for name, way in ways.items():
                    started = time.perf_counter()
                    list(way(decode_block, jobs))
                    found[name].append(len(chosen) / (time.perf_counter() - started))
    rates = {name: [round(statistics.median(each)), round(max(each))] for name, each in found.items()}
    return {"images": len(chosen), "size": size, "cores": cores(), **rates, "load": os.getloadavg()[0]}


def train_steps(folder: Path, size: int, name: str, batch_size: int, repeats: int) -> dict[str, Any]:
    """Milliseconds of a step and of its input, medians."""
    import numpy as np

    import problems
    from curveball import SGD
    from minigrad import one_blas_thread
    from problems.vision.augment import draw_crops

    data = problems.load("imagenet", folder, size)
    problem = problems.Classification(data, problems.network(name, len(data.classes)), batch_size, augment=True)
    rng, solver = np.random.default_rng(0), SGD(lr=0.01)
    params = problem.init(rng)
    state = solver.init(params)
    steps, waits, reads, inputs, computing = [], [], [], [], []
    with one_blas_thread():
        batches = problem.batches(rng)
        for _ in range(repeats):
            times = [time.perf_counter()]
            batch = next(batches)
            times.append(time.perf_counter())
            began = time.process_time()
            params, state, _ = solver.step(
                params, state, partial(problem.model, batch=batch), partial(problem.loss, batch=batch), has_aux=True
            )
            times.append(time.perf_counter())
            computing.append(time.process_time() - began)
            waits.append(times[1] - times[0])
            steps.append(times[2] - times[1])
        del batches
        for _ in range(repeats):
            index = rng.choice(len(data.train_labels), batch_size, replace=False)
            started = time.thread_time()
            images = data.train_images.read(index, draw_crops(rng, batch_size))
            cropped = time.thread_time()
            data.normalise(images, np.float32)
            reads.append(cropped - started)
            inputs.append(time.thread_time() - started)
    step, wait, read, whole, computed = (
        1e3 * statistics.median(each[1:]) for each in (steps, waits, reads, inputs, computing)
    )
    return {
        "network": name, "size": size, "batch": batch_size,
        "step_ms": round(step, 1), "wait_ms": round(wait, 2), "read_and_crop_ms": round(read, 2),
        "input_ms": round(whole, 2), "step_cpu_ms": round(computed, 1),
        "wait_share": round(wait / step, 4), "input_share": round(whole / computed, 4),
        "images_per_second_of_one_reader": round(1e3 * batch_size / read),
        "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3), "load": os.getloadavg()[0],
    }  # fmt: skip


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", choices=("decode", "input"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--network", default="basic-bn")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=7)
    given = parser.parse_args()
    if given.what == "decode":
        print(json.dumps(decode(given.folder, given.size, given.count, given.repeats)))
    else:
        print(json.dumps(train_steps(given.folder, given.size, given.network, given.batch_size, given.repeats)))


if __name__ == "__main__":
    main()
