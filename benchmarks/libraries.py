"""The same CurveBall and SGD steps on every array library, alternately in one run: a Markdown table and a JSON file.

    python benchmarks/libraries.py [--repeats 15] [--libraries numpy torch jax] [--problems basic ...] [--no-memory]

Writes `libraries.md` and `libraries.json` into the folder `--out` (default: benchmarks/results). The code of a step is
the same on all libraries: NumPy and PyTorch run it operation by operation, JAX as one program, compiled by its first
call. PyTorch's own steps are in peer.py, those on a GPU in gpu.py.

    ms         of a step, the median; in every repeat all libraries take steps in turn, the first of them not timed
    first s    the seconds of the first step, compiling included, less those of a later one
    memory MB  how much a process grows in four steps and what came before them, above what the libraries imported
               take: its maximum resident set size, in a process of its own

All numbers are float32. CurveBall's lambda is fixed: to adapt it adds an evaluation every five steps. Steps of fewer
than 20 ms are timed several in a row. OpenMP's threads wait passively (OMP_WAIT_POLICY): busy ones of PyTorch would be
in the way of other libraries' threads, and these in theirs. A library that cannot be used is left out, and the reason
is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before a library reads it

import numpy as np
from contenders import NETWORKS, Ours, ours
from memory import UNIT

import minigrad as mg
from curveball import SGD, CurveBall
from curveball.training.devices import choose
from curveball.training.files import output_folder, write_whole
from curveball.training.provenance import provenance
from minigrad import Namespace, nn, one_blas_thread
from problems import load, network
from problems.closed_form.rosenbrock import Rosenbrock

RESULTS = Path(__file__).parent / "results"
LIBRARIES = ("numpy", "torch", "jax")
PROBLEMS = {"basic": 128, "basic-bn": 128, "digits mlp": 64, "rosenbrock": None}  # and the batch
SOLVERS = ("curveball", "sgd")
COMPILED = ("jax",)
PAUSE = 0.1  # seconds between two libraries: idle threads of the one before wait busily, and would slow the next
BLOCK = 0.02  # seconds: shorter steps are timed several in a row

Pair = tuple[Callable[[], None], Callable[[], None]]  # take a step; wait until it is done


class Small:
    """A step of a small problem: a function of params and state, on some library."""

    def __init__(self, name: str, solver: Any, xp: Namespace, compiled: bool):
        model, loss, params = digits(xp) if name == "digits mlp" else rosenbrock(xp)
        state = solver.init(params)
        self.function = lambda w, s: self.advance(solver, model, loss, w, s)
        if compiled:
            state = mg.tree_map(lambda x: xp.asarray(x, dtype=getattr(x, "dtype", xp.float32)), state)
            self.function = mg.compiled(self.function, xp)
        self.params, self.state = params, state

    @staticmethod
    def advance(solver: Any, model: Any, loss: Any, params: Any, state: Any) -> tuple[Any, Any, Any]:
        params, state, info = solver.step(params, state, model, loss)
        return params, state, info["loss"]

    def step(self) -> None:
        self.params, self.state, self.loss = self.function(self.params, self.state)

    def wait(self) -> None:
        mg.to_numpy(self.loss)


def digits(xp: Namespace) -> tuple[Any, Any, Any]:
    """The mlp on a batch of the digits."""
    data, net, batch = load("digits"), network("mlp"), PROBLEMS["digits mlp"]
    images = xp.asarray(data.train_images[:batch].astype(np.float32) / np.float32(255.0))
    labels = xp.asarray(data.train_labels[:batch].astype(np.int32 if xp.__name__ == "jax.numpy" else np.int64))
    params = net.init(np.random.default_rng(0), data.train_images.shape[1:])
    return lambda w: net(w, images)[0], lambda y: nn.cross_entropy(y, labels), mg.tree_map(xp.asarray, params)


def rosenbrock(xp: Namespace) -> tuple[Any, Any, Any]:
    """Rosenbrock's function of three variables."""
    problem = Rosenbrock(n=3)
    start = problem.init(np.random.default_rng(0)).astype(np.float32)
    return problem.model, problem.loss, xp.asarray(start)


def stepper(problem: str, solver: str, library: str) -> Pair:
    """One step of a solver on a library, and what waits for its end."""
    xp, compiled = choose(library, "cpu"), library in COMPILED
    made: Ours | Small
    if problem in NETWORKS:
        made = ours(problem, PROBLEMS[problem] or 0, xp, compiled)[solver]
    else:
        solvers = {"curveball": CurveBall(lam=1.0, adapt_lam=False), "sgd": SGD(lr=1e-3)}
        made = Small(problem, solvers[solver], xp, compiled)
    return made.step, made.wait


def seconds(pair: Pair, count: int) -> float:
    """Of one step, among so many in a row."""
    step, wait = pair
    started = time.perf_counter()
    for _ in range(count):
        step()
    wait()
    return (time.perf_counter() - started) / count


def measured(problem: str, solver: str, libraries: list[str], repeats: int) -> dict[str, dict[str, float]]:
    """For each library the median milliseconds of a step, and what the first step took in addition."""
    pairs = {library: stepper(problem, solver, library) for library in libraries}
    first = {library: seconds(pair, 1) for library, pair in pairs.items()}
    counts = {library: max(1, round(BLOCK / seconds(pair, 1))) for library, pair in pairs.items()}
    times: dict[str, list[float]] = {library: [] for library in libraries}
    for _ in range(repeats):
        for library, pair in pairs.items():
            time.sleep(PAUSE)
            seconds(pair, 1)
            times[library].append(seconds(pair, counts[library]))
    medians = {library: statistics.median(values) for library, values in times.items()}
    return {
        library: {"ms": 1e3 * medians[library], "first_s": max(0.0, first[library] - medians[library])}
        for library in libraries
    }


def peak() -> float:
    """This process's maximum resident set size in MB; on Linux getrusage has its parent's where that is larger."""
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s*(\d+) kB", status.read_text())):
        return 1024e-6 * int(found[1])
    return 1e-6 * UNIT * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def grown(problem: str, solver: str, library: str) -> float:
    """Peak memory in MB of a process that takes four steps, above what it has when everything is imported."""
    choose(library, "cpu")
    before = peak()
    with one_blas_thread():
        pair = stepper(problem, solver, library)
        for _ in range(4):
            seconds(pair, 1)
    return peak() - before


def grown_apart(*task: str) -> float:
    """`grown` in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--grown", *task]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def usable(libraries: list[str]) -> list[str]:
    """Those that can be used here; the reasons for the others are printed."""
    found = []
    for library in libraries:
        try:
            choose(library, "cpu")
            found.append(library)
        except ValueError as error:
            print(f"{library} is left out: {error}", file=sys.stderr)
    return found


def markdown(rows: list[dict[str, Any]], facts: dict[str, Any]) -> str:
    """The page: a row for each step, columns for each library."""
    libraries, versions = facts["libraries"], facts["versions"]
    titles = {name: f"{name}{', compiled' if name in COMPILED else ''}" for name in libraries}
    columns = [f"{titles[name]}: {key}" for name in libraries for key in ("ms", "first s", "memory MB")]
    lines = [
        "# The same steps on every array library",
        "",
        f"Made by `python benchmarks/libraries.py`, {facts['date']}, medians of {facts['repeats']}, "
        f"{facts['processor']}, {facts['cores']} cores, load of the machine before {facts['load']}, "
        f"{', '.join(f'{name} {versions[name]}' for name in libraries if name in versions)}. "
        "What the columns mean is in [libraries.py](../libraries.py).",
        "",
        f"| step | {' | '.join(columns)} |",
        f"|---|{'---:|' * len(columns)}",
    ]
    for row in rows:
        cells = []
        for name in libraries:
            known = row["on"][name]
            memory = known.get("memory_mb")
            cells += [f"{known['ms']:.3g}", f"{known['first_s']:.2f}", "" if memory is None else f"{memory:.0f}"]
        lines.append(f"| {row['problem']}, {row['solver']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write(out: Path, rows: list[dict[str, Any]], options: argparse.Namespace, libraries: list[str]) -> None:
    """Both files."""
    facts = {"benchmark": "libraries", "repeats": options.repeats, "libraries": libraries, "load": options.load}
    facts |= provenance()
    text = json.dumps({**facts, "rows": rows}, indent=1) + "\n"
    write_whole(out / "libraries.json", lambda path: path.write_text(text))
    write_whole(out / "libraries.md", lambda path: path.write_text(markdown(rows, facts)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--libraries", nargs="+", default=list(LIBRARIES), choices=LIBRARIES)
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=PROBLEMS)
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--grown", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.grown:
        print(grown(*options.grown))
        return
    options.load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    out, libraries = output_folder(options.out), usable(options.libraries)
    rows: list[dict[str, Any]] = []
    for problem in options.problems:
        for solver in SOLVERS:
            with one_blas_thread():  # NumPy's, as in training; PyTorch and JAX have their own threads
                on = measured(problem, solver, libraries, options.repeats)
            if problem in NETWORKS and not options.no_memory:
                for library in libraries:
                    on[library]["memory_mb"] = grown_apart(problem, solver, library)
            rows.append({"problem": problem, "batch": PROBLEMS[problem], "solver": solver, "on": on})
            write(out, rows, options, libraries)
            print(problem, solver, {name: round(known["ms"], 2) for name, known in on.items()}, file=sys.stderr)


if __name__ == "__main__":
    main()
