"""Kill a run at random moments until it is done, and compare it with the uninterrupted one, bit by bit.

    python -m tests.support.kills --seconds 600        the long form: make torture

One process imports everything, and forks a child for each attempt: a kill costs milliseconds. Where the system cannot
fork, as on Windows, there is nothing to run.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np

from curveball.solvers.base import Solver
from curveball.solvers.registry import solver_from
from curveball.training.options import TrainOptions
from curveball.training.run import Run, RunIsDone
from curveball.training.train import train
from minigrad import tree_flatten
from problems import Classification, Dataset, load, network
from problems.vision.networks import Network
from problems.vision.resnet import resnet18

EPOCHS = 3
SOLVERS = ("curveball:lam_every=2", "curveball:average=0.9,lam_every=3", "sgd:lr=0.05", "adam:lr=0.003")
PROBLEMS = ("mlp", "cnn", "augmented", "dropout")
SCHEDULES = ("constant", "cosine", "warmup:epochs=1.5+step:epochs=2")


def problem(name: str) -> Classification:
    """A few digits, with what is random in training."""
    d = load("digits")
    count, net, size = (150, network("cnn"), 10) if name == "cnn" else (300, network("mlp"), 10)
    if name == "dropout":
        count, net, size = 48, Network("narrow", resnet18(10, 0.3, width=2)), 12
    parts = (d.train_images[:count], d.train_labels[:count]), (d.validation_images[:20], d.validation_labels[:20])
    return Classification(Dataset.of("few", d.classes, *parts), net, size, augment=name == "augmented")


def run(
    trained: Classification, solver: Solver, folder: Path | None, resume: bool, save_every: str, schedule: str
) -> Run:
    """The run, or what is left of it."""
    options = TrainOptions(EPOCHS, quiet=True, resume=resume, save_every=save_every, schedule=schedule)
    try:
        return train(trained, solver, options, folder=folder)
    except RunIsDone as done:
        return done.run


def killed(trained: Classification, solver: Solver, folder: Path, after: float, save_every: str, schedule: str) -> bool:
    """Train in a child that is killed after so many seconds; whether it was done before."""
    there = any((folder / name).exists() for name in ("checkpoint.safetensors", "checkpoint-before.safetensors"))
    child = os.fork()
    if not child:
        code = 1
        try:
            run(trained, solver, folder, there, save_every, schedule)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    deadline = time.monotonic() + after
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if status:
            raise RuntimeError("the child ended with an error")
        if pid:
            return True
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def untimed(records: list[dict]) -> list[dict]:
    return [{key: value for key, value in record.items() if key != "seconds"} for record in records]


def differences(found: Run, whole: Run) -> list[str]:
    """What is not the same, bit by bit."""
    what = []
    for name in ("params", "state", "stats"):
        a, b = (tree_flatten(getattr(each, name))[0] for each in (found, whole))
        if len(a) != len(b) or any(np.asarray(x).tobytes() != np.asarray(y).tobytes() for x, y in zip(a, b)):  # noqa: B905
            what.append(name)
    if untimed(found.steps) != untimed(whole.steps):
        what.append("steps")
    if untimed(found.epochs) != untimed(whole.epochs):
        what.append("epochs")
    return what


def torture(name: str, text: str, chance: random.Random, most: int) -> dict:
    """One run under kills: how many there were, and what came out otherwise."""
    trained, solver = problem(name), solver_from(text)
    started = time.perf_counter()
    schedule = chance.choice(SCHEDULES)
    whole = run(trained, solver, None, False, "1", schedule)
    length = time.perf_counter() - started
    save_every = chance.choice(["1", "2", "7", "0.01s"])
    kills = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        while kills < most:
            if killed(trained, solver, place, chance.uniform(0.0, 0.7 * length), save_every, schedule):
                break
            kills += 1
        there = any(place.glob("checkpoint*"))
        found = run(trained, solver, place, there, save_every, schedule)
        left = sorted(path.name for path in place.iterdir() if path.name.startswith(".") or "damaged" in path.name)
    different = differences(found, whole) + [f"left over: {path}" for path in left]
    how = {"problem": name, "solver": text, "schedule": schedule, "save_every": save_every}
    return {**how, "kills": kills, "different": different}


def main() -> int:
    """Print a line of JSON for each run; 1 if any came out otherwise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="begin no further run after this time")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("--most", type=int, default=30, help="kills of one run")
    arguments = parser.parse_args()
    if not hasattr(os, "fork"):
        print("this system cannot fork: nothing was run", file=sys.stderr)
        return 0
    print(json.dumps({"seed": arguments.seed}), flush=True)
    chance, bad = random.Random(arguments.seed), 0
    cases = list(itertools.product(PROBLEMS, SOLVERS))
    chance.shuffle(cases)
    deadline = time.monotonic() + arguments.seconds
    for name, text in itertools.cycle(cases):
        if time.monotonic() > deadline:
            break
        result = torture(name, text, chance, arguments.most)
        bad += bool(result["different"])
        print(json.dumps(result), flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
