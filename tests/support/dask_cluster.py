"""Spread cells over two worker processes, kill one in the midst of a cell, and print what came back.

Run by test_sweep.py as a program of its own, which keeps the cluster's threads, sockets and warnings out of the tests.
"""

import json
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import joblib

from curveball import CurveBall
from curveball.experiments.parallel import parallel_map
from curveball.experiments.sweep import iterations_to
from problems.closed_form.rosenbrock import Rosenbrock

CELLS = 6


def count(seed):
    """Iterations of a few noisy runs."""
    return iterations_to(
        Rosenbrock((0.0, 1.0)), CurveBall(lr=0.5, lam=0.1, adapt_lam=False), 5, 100, seed=seed
    ).tolist()


def cell(folder, seed):
    """The same, slowly, leaving a file that says who began it."""
    Path(folder, f"{os.getpid()}-{seed}").touch()
    time.sleep(0.5)
    return count(seed)


def kill_the_second(folder, killed):
    """When a second process has begun its first cell, kill it: half a second is left of that cell."""
    first = None
    while True:
        for name in os.listdir(folder):
            pid, seed = name.split("-")
            first = first or pid
            if pid != first:
                os.kill(int(pid), signal.SIGKILL)
                killed.append((pid, seed))
                return
        time.sleep(0.005)


def main():
    from distributed import Client, LocalCluster  # where it runs: the tests read this file without it too

    killed = []
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        threading.Thread(target=kill_the_second, args=(folder, killed), daemon=True).start()
        with joblib.parallel_config("dask"):
            results = parallel_map(cell, [(folder, seed) for seed in range(CELLS)])
        began = [tuple(name.split("-")) for name in os.listdir(folder)]
    json.dump({"results": results, "killed": killed, "began": began}, sys.stdout)


if __name__ == "__main__":
    main()
