"""How many pieces of work a step sends to a GPU: kernels and copies, counted on CuPy's double; no GPU is needed.

    python benchmarks/launches.py [--network basic basic-bn resnet18] [--solver curveball sgd adam] [--calls 0]

Prints a Markdown table of launches per step, by kind, and with `--calls N` the N functions that launch most.
On a GPU the host needs some microseconds for each, whatever its size: on small batches that is what a step takes.
A step is counted after two others, on a batch of 4, with lambda fixed. A batch that is worked on in several parts needs
more. tests/support/cupy_double.py says what counts as how many.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the double, which is among the tests

from contenders import Ours

from curveball import SGD, Adam, CurveBall
from tests.support import cupy_double

SOLVERS = {"curveball": CurveBall(adapt_lam=False), "sgd": SGD(), "adam": Adam()}
NETWORKS = ("basic", "basic-bn", "resnet18")
KINDS = ("elementwise", "fused", "reduction", "product", "gather", "scatter", "copy", "fill", "raw")
PACKAGES = ("minigrad", "curveball", "problems")


def caller() -> str:
    """The innermost function of ours that is running."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if any(part in PACKAGES for part in path.parts) and "tests" not in path.parts:
            return f"{path.parent.name}/{path.stem}.{frame.f_code.co_qualname}"
        frame = frame.f_back
    return "elsewhere"


def count(network: str, solver: str, batch: int = 4) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """The launches of a step by kind, and by function and name."""
    kinds: Counter[str] = Counter()
    calls: Counter[tuple[str, str]] = Counter()

    def seen(kind: str, name: str, launches: int) -> None:
        kinds[kind] += launches
        calls[caller(), name] += launches

    with cupy_double.installed() as xp:
        ours = Ours(network, SOLVERS[solver], batch, xp)
        ours.step()
        ours.step()
        cupy_double.Launches.seen = seen
        try:
            ours.step()
        finally:
            cupy_double.Launches.seen = None
    return kinds, calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", nargs="+", default=list(NETWORKS))
    parser.add_argument("--solver", nargs="+", default=list(SOLVERS), choices=SOLVERS)
    parser.add_argument("--calls", type=int, default=0, help="how many of the functions that launch most to list")
    options = parser.parse_args()
    print(f"| network | solver | launches | {' | '.join(KINDS)} |\n|---|---|{'---|' * (1 + len(KINDS))}")
    most = []
    for network in options.network:
        for solver in options.solver:
            kinds, calls = count(network, solver)
            cells = " | ".join(str(kinds[kind]) for kind in KINDS)
            print(f"| {network} | {solver} | {kinds.total()} | {cells} |")
            most.append((network, solver, calls.most_common(options.calls)))
    for network, solver, found in most if options.calls else ():
        print(f"\n{network}, {solver}")
        for (function, name), launches in found:
            print(f"{launches:6} {function}: {name}")


if __name__ == "__main__":
    main()
