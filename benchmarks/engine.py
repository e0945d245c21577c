"""Time per derivative of small functions, where Python costs more than arithmetic: minigrad and HIPS autograd.

    python benchmarks/engine.py [--repeats 30]

One JSON line: microseconds (medians over the repeats) and minigrad's share of autograd's time for

- `chain`: the gradient of 1,000 `sin` one after the other, of one number; per operation;
- `gradient`: the gradient of Rosenbrock's function of two variables;
- `hessian_product`: its Hessian times a vector. autograd has two ways, reverse over reverse (`hessian_vector_product`)
  and forward over reverse (`make_jvp` of the gradient): the faster one counts.

A repeat times every contender once, one after the other, each over as many calls as take about 5 ms, so that other work
of the machine slows all of them alike. The results of the contenders are compared before anything is timed.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad as mg
from curveball.training.provenance import provenance

try:
    import autograd
    import autograd.numpy as anp
except ImportError:
    sys.exit("benchmarks/engine.py compares with autograd, which is not installed: pip install -e '.[dev]'")

LENGTH = 1000
W, V = np.array([-1.2, 1.0]), np.array([0.3, -0.7])


def chain(sin: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        for _ in range(LENGTH):
            x = sin(x)
        return x

    return function


def rosenbrock(w: Any) -> Any:
    return 100.0 * (w[1] - w[0] ** 2) ** 2 + (1.0 - w[0]) ** 2


def contenders() -> dict[str, dict[str, Callable[[], Any]]]:
    """For each quantity, functions without arguments that compute it."""
    ours, theirs = mg.grad(chain(mg.sin)), autograd.grad(chain(anp.sin))
    gradient, other_gradient = mg.grad(rosenbrock), autograd.grad(rosenbrock)
    twice_back, forward_back = autograd.hessian_vector_product(rosenbrock), autograd.make_jvp(other_gradient)
    return {
        "chain": {"minigrad": lambda: ours(0.5), "autograd": lambda: theirs(0.5)},
        "gradient": {"minigrad": lambda: gradient(W), "autograd": lambda: other_gradient(W)},
        "hessian_product": {
            "minigrad": lambda: mg.hvp(rosenbrock, W, V),
            "autograd": lambda: twice_back(W, V),
            "autograd, forward over reverse": lambda: forward_back(W)(V)[1],
        },
    }


def agree(functions: dict[str, Callable[[], Any]]) -> None:
    values = {name: np.asarray(function(), np.float64) for name, function in functions.items()}
    for name, value in values.items():
        if not np.allclose(value, values["minigrad"], rtol=1e-9):
            raise AssertionError(f"{name} gives {value}, minigrad {values['minigrad']}")


def calls_for(function: Callable[[], Any], seconds: float = 5e-3) -> int:
    started = time.perf_counter()
    function()
    return max(1, math.ceil(seconds / (time.perf_counter() - started)))


def measure(functions: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median seconds per call of each function, the repeats interleaved."""
    calls = {name: calls_for(function) for name, function in functions.items()}
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            started = time.perf_counter()
            for _ in range(calls[name]):
                function()
            times[name].append((time.perf_counter() - started) / calls[name])
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--repeats", type=int, default=30, help="timings of each; the median is reported")
    repeats = parser.parse_args().repeats
    if repeats < 1:
        parser.error(f"--repeats must be at least 1; got {repeats}")
    results: dict[str, Any] = {}
    for quantity, functions in contenders().items():
        agree(functions)
        seconds = measure(functions, repeats)
        per = LENGTH if quantity == "chain" else 1
        fastest = min(value for name, value in seconds.items() if name != "minigrad")
        results[quantity] = {
            **{f"{name}_us": round(1e6 * value / per, 3) for name, value in seconds.items()},
            "ratio": round(seconds["minigrad"] / fastest, 3),
        }
    print(json.dumps({"benchmark": "engine", "repeats": repeats, **results, "autograd": _version(), **provenance()}))


def _version() -> str:
    from importlib.metadata import version

    return version("autograd")


if __name__ == "__main__":
    main()
