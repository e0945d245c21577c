"""Where the time of a training step goes: seconds in matrix products, patches and pools, summed over the threads.

    python benchmarks/where_time_goes.py [--network basic] [--solver curveball] [--repeats 15]

Prints a table in Markdown, medians over the repeats. `per core` is the sum over threads divided by their number: what
the work would take if all cores always had some. What is left of the step is time without work for a core, and all
that is not listed: sums of tangents, activations, small operations, Python. Timing each call costs a few per cent.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from contenders import NETWORKS, ours

from curveball.training.provenance import blas, provenance
from minigrad import keep_freed_memory, one_blas_thread
from minigrad.backends import backend_for, numpy_namespace
from minigrad.backends.patches import Patches

BACKEND = backend_for(numpy_namespace)

PARTS: dict[str, tuple[tuple[Any, str], ...]] = {  # name -> functions whose time it is; none calls another
    "matrix products": ((numpy_namespace, "matmul"),),
    "patches": ((Patches, "matrices"),),
    "batch normalisation": ((BACKEND, "batch_norm"), (BACKEND, "batch_norm_push"), (BACKEND, "batch_norm_pull")),
    "max pools: maxima": ((BACKEND, "window_max"),),
    "max pools: their places": ((BACKEND, "window_argmax"),),
    "max pools: tangents": ((BACKEND, "gather"),),
    "max pools: cotangents": ((BACKEND, "scatter_add"),),
    "average pools": ((BACKEND, "window_sum"), (BACKEND, "window_sum_transpose")),
}


def timed(function: Callable[..., Any], note: Callable[[float], None]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            note(time.perf_counter() - started)

    return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="basic", choices=NETWORKS)
    parser.add_argument("--solver", default="curveball", choices=("curveball", "sgd"))
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    threads = max((library["threads"] for library in blas()), default=1)
    spent: dict[str, float] = defaultdict(float)
    calls: dict[str, int] = defaultdict(int)

    def note(name: str, seconds: float) -> None:  # two threads at once may lose a call, one in thousands
        spent[name] += seconds
        calls[name] += 1

    for name, functions in PARTS.items():
        for owner, attribute in functions:
            setattr(owner, attribute, timed(getattr(owner, attribute), functools.partial(note, name)))
    step = ours(options.network, options.batch, numpy_namespace)[options.solver].step
    rows: dict[str, list[float]] = {name: [] for name in ("step", *PARTS)}
    keep_freed_memory()
    with one_blas_thread():  # both as in training
        step()
        for _ in range(options.repeats):
            spent.clear()
            calls.clear()
            started = time.perf_counter()
            step()
            rows["step"].append(time.perf_counter() - started)
            for name in PARTS:
                rows[name].append(spent[name])
    print(f"{options.solver}, {options.network}, batch {options.batch}, float32, {threads} threads\n")
    print("| | calls | sum over threads, ms | per core, ms |\n|---|---|---|---|")
    for name in PARTS:
        whole = "pools" in name or "batch" in name  # timed from outside: they share the cores out themselves
        total = 1e3 * statistics.median(rows[name]) * (threads if whole else 1)
        print(f"| {name} | {calls[name]} | {total:.1f} | {total / threads:.1f} |")
    print(f"| step | 1 | | {1e3 * statistics.median(rows['step']):.1f} |")
    print(f"\n`{json.dumps(provenance())}`")


if __name__ == "__main__":
    main()
