"""Cells spread over processes and a cluster: in order or as they come, whatever happens to the processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pytest

from curveball import CurveBall
from curveball.experiments.parallel import WorkerKilled, as_completed, parallel_map
from curveball.experiments.sweep import iterations_to
from problems.closed_form.rosenbrock import Rosenbrock
from tests.support import dask_cluster

BALL = CurveBall(lr=0.5, lam=0.1, adapt_lam=False)
CELLS = [(Rosenbrock((0.0, 1.0)), BALL, 5, 60, 1e-4, seed) for seed in range(4)]


@pytest.mark.parametrize("jobs", [None, 1, 2, -1])
def test_results_do_not_depend_on_the_jobs(jobs):
    found = parallel_map(iterations_to, CELLS, jobs)
    assert [counts.tolist() for counts in found] == [iterations_to(*cell).tolist() for cell in CELLS]


def test_parallel_config_says_where():
    """Without `jobs` the configuration around decides; with it only its backend does."""
    here = os.getpid()
    assert set(parallel_map(os.getpid, [()] * 3)) == {here}
    with joblib.parallel_config("loky", n_jobs=2):
        assert here not in parallel_map(os.getpid, [()] * 3)
        assert set(parallel_map(os.getpid, [()] * 3, jobs=1)) == {here}
    with joblib.parallel_config("threading", n_jobs=2):
        assert set(parallel_map(os.getpid, [()] * 3)) == {here}


def test_errors_of_a_cell_come_back():
    with pytest.raises(ValueError, match="runs and max_iter must be at least 1; got 0 and 60"):
        parallel_map(iterations_to, [*CELLS[:2], (Rosenbrock(), BALL, 0, 60)], 2)


def test_a_worker_of_a_cluster_dies_and_nothing_is_lost():
    pytest.importorskip("distributed", reason="distributed is not installed")
    program = subprocess.run(
        [sys.executable, Path(dask_cluster.__file__)], capture_output=True, text=True, timeout=120, check=False
    )
    assert program.returncode == 0, program.stderr
    found = json.loads(program.stdout)
    [(pid, seed)] = found["killed"]
    assert {other for other, of in found["began"] if of == seed} > {pid}  # another process began its cell again
    assert found["results"] == [dask_cluster.count(seed) for seed in range(dask_cluster.CELLS)]


# ------------------------------------------------------------------------------------- what happens to processes


def note(folder, cell):
    """Leave a file that says who began a cell."""
    Path(folder, f"{cell}-{os.getpid()}").touch()
    return sum(name.startswith(f"{cell}-") for name in os.listdir(folder))


def killed(folder, cell, times):
    """One cell's process is killed, as the system does where memory is short."""
    if note(folder, cell) <= times and cell == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.1)
    return 10 * cell


def wait(folder, cell, seconds):
    note(folder, cell)
    time.sleep(seconds)
    return cell


def began(folder):
    return [tuple(map(int, name.split("-"))) for name in os.listdir(folder)]


def alive(pid):
    """Whether a process runs: not one that nobody has asked about since its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system has no /proc")


def test_a_killed_process_costs_its_cell_only(tmp_path):
    found = parallel_map(killed, [(tmp_path, cell, 1) for cell in range(6)], 2)
    assert found == [0, 10, 20, 30, 40, 50]
    assert sorted(cell for cell, _ in began(tmp_path)) == [0, 1, 2, 2, 3, 4, 5]


def test_a_cell_that_is_always_killed(tmp_path):
    results = as_completed(killed, [(str(tmp_path), cell, 99) for cell in range(3)], 2)
    with pytest.raises(
        WorkerKilled, match=r"the process of \('.*', 2, 99\) was killed 2 times: is there enough memory"
    ):
        list(results)
    assert sum(cell == 2 for cell, _ in began(tmp_path)) == 2


def test_results_come_as_soon_as_they_are_there(tmp_path):
    cells = [(tmp_path, 0, 1.0), (tmp_path, 1, 0.0), (tmp_path, 2, 0.0)]
    assert [k for k, _ in as_completed(wait, cells, 2)] in ([1, 2, 0], [2, 1, 0])


@needs_proc
def test_nobody_works_for_who_does_not_listen(tmp_path):
    results = as_completed(wait, [(tmp_path, 0, 0.0), (tmp_path, 1, 60.0), (tmp_path, 2, 60.0)], 2)
    next(results)
    until(lambda: len(began(tmp_path)) == 3)
    results.close()
    until(lambda: not any(alive(pid) for _, pid in began(tmp_path)), seconds=5.0)


PARENT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background would have it ignore
from curveball.experiments.parallel import parallel_map
from tests.curveball.experiments.test_parallel import wait
parallel_map(wait, [(sys.argv[1], cell, 60.0) for cell in range(2)], 2)
"""


@needs_proc
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_processes_end_with_their_parent(tmp_path, how):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, tmp_path], stderr=subprocess.DEVNULL)
    until(lambda: len(began(tmp_path)) == 2)
    assert all(alive(pid) for _, pid in began(tmp_path))
    parent.send_signal(how)
    parent.wait(30)
    until(lambda: not any(alive(pid) for _, pid in began(tmp_path)), seconds=10.0)


def test_functions_of_a_program_are_sent(tmp_path):
    """With no guard of `__main__`, as in a notebook."""
    program = tmp_path / "program.py"
    program.write_text(
        "from curveball.experiments.parallel import parallel_map\n"
        "scale = 3\n"
        "print(parallel_map(lambda x: scale * x, [(1,), (2,)], 2))\n"
    )
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, env=here, timeout=120)
    assert (done.stdout, done.stderr) == ("[3, 6]\n", "")
