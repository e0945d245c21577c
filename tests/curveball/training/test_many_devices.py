"""Many devices, on the CPU: the iterates are those of NumPy on one, whatever dies or changes on the way."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from curveball import SGD
from curveball.cli.many import ManyOptions
from curveball.cli.options import ProblemOptions
from curveball.training import processes
from curveball.training.many_devices import ManyDevices, start
from problems import Classification, load, network
from tests.support.many_devices import CASES, problem, results
from tests.support.training import run

pytest.importorskip("jax", reason="JAX is not installed")

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"},  # JAX sets it at import
    "PYTHONPATH": str(ROOT),
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_X64": "1",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
}


@pytest.mark.slow
def test_the_iterates_are_those_of_one_device_with_numpy_and_no_images_are_sent():
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.many_devices"],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    printed = json.loads(done.stdout)
    for (_, solver), found in zip(CASES, printed["results"], strict=True):
        expected = results(problem(), solver)
        for key in ("losses", "validation", "params"):
            np.testing.assert_allclose(found[key], expected[key], rtol=1e-9, atol=1e-11)

    # The params, six numbers, and one for the share of errors; statistics of two channels in one evaluation, where the
    # mean is taken twice, and in two push-forwards (tests/derivations/test_17_sum_over_shards.py). No images.
    assert {name for name, _, _ in printed["sent"]} == {"all-reduce"}
    assert sum(numbers for _, numbers, _ in printed["sent"]) == len(expected["params"]) + 7 + 2 * (3 + 2 + 2)


# ------------------------------------------------------------------------------------- processes


def command(folder, epochs, *more):
    """Train the perceptron on digits with SGD, in batches of 60."""
    return [
        sys.executable, "-m", "curveball.cli", "train", "--network", "mlp", "--solver", "sgd", "--batch-size", "60",
        "--backend", "jax", "--dtype", "float64", "--quiet", "--out", str(folder), "--epochs", str(epochs), *more,
    ]  # fmt: skip


def two(folder, from_slurm=False, more=()):
    """Two processes that train for ever; Slurm says who they are, or the command line."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = []
    for k in ("0", "1"):
        who, environment = ["--processes", "2", "--process-id", k, "--coordinator", f"127.0.0.1:{port}"], {}
        if from_slurm:
            job = {"JOB_ID": "1", "STEP_NODELIST": "127.0.0.1", "NTASKS": "2", "PROCID": k, "LOCALID": k}
            environment = {f"SLURM_{name}": value for name, value in job.items()}
            who, environment["JAX_COORDINATOR_PORT"] = ["--processes", "auto"], str(port)
        train = command(folder, 10**6, *who, *more)
        started.append(subprocess.Popen(train, cwd=ROOT, env={**ENVIRONMENT, **environment}, **pipes))
    return started


def kill_one(pair, index, folder, epochs):
    """Kill one of them after so many epochs; the other must end, with code 1 and this line."""
    checkpoint, seen = folder / "checkpoint.safetensors", 0
    deadline = time.monotonic() + 120.0
    while seen < epochs and time.monotonic() < deadline and all(process.poll() is None for process in pair):
        time.sleep(0.02)
        seen = epochs_of(folder) if checkpoint.exists() else 0
    pair[index].send_signal(signal.SIGKILL)
    other = pair[1 - index]
    output, errors = other.communicate(timeout=30)
    pair[index].communicate(timeout=10)
    assert seen >= epochs, errors
    assert (other.returncode, output, errors.count("\n")) == (1, "", 1), errors
    assert errors.startswith(
        f"curveball: process {1 - index} of 2 ends, because another one ended or cannot be reached"
    )
    assert errors.endswith(": start all of them again with --resume\n")


def records(folder, kind):
    lines = (folder / "log.jsonl").read_text().splitlines(keepends=True)
    found = [json.loads(line) for line in lines if line.endswith("\n")]
    return [record for record in found if record["kind"] == kind]


def epochs_of(folder):
    return len(records(folder, "epoch"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no processes that JAX connects on Windows")
def test_processes_that_die_and_go_on_with_other_devices_take_the_same_steps(tmp_path):
    """Two processes, of which the second dies; two again, of which the first dies; one with three devices."""
    kill_one(two(tmp_path), 1, tmp_path, epochs=1)
    kill_one(two(tmp_path, from_slurm=True, more=["--resume"]), 0, tmp_path, epochs=epochs_of(tmp_path) + 1)
    count = epochs_of(tmp_path) + 1
    last = command(tmp_path, count, "--devices", "3", "--resume")
    done = subprocess.run(last, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

    whole = run(Classification(load("digits"), network("mlp"), 60, np.float64), SGD(), epochs=count)
    for kind, key, expected in [
        ("step", "loss", whole.steps),
        ("epoch", "validation_loss", whole.epochs),
        ("epoch", "train_error", whole.epochs),
    ]:
        found = [record[key] for record in records(tmp_path, kind)]
        np.testing.assert_allclose(found, [record[key] for record in expected], rtol=1e-7, atol=1e-9)


@pytest.mark.skipif(sys.platform == "win32", reason="no processes that JAX connects on Windows")
def test_others_that_do_not_come():
    code = """if True:
        from curveball.training import many_devices, processes
        processes.START = 1
        many_devices.start(several=many_devices.Processes(2, 1, "127.0.0.1:1"))"""
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2, "curveball: not all processes came to 127.0.0.1:1 within 1 s: start all of them\n",
    )  # fmt: skip


def test_what_xla_says_of_others_becomes_one_line(monkeypatch, capsys):
    monkeypatch.setattr(processes, "_here", processes.Here(1, 2))
    with pytest.raises(SystemExit) as end, processes.reaching_others():
        raise ValueError("UNAVAILABLE: Connection closed by peer\nand a page more")
    assert end.value.code == 1
    assert capsys.readouterr().err == (
        "curveball: process 1 of 2 ends, because another one ended or cannot be reached (UNAVAILABLE: Connection "
        "closed by peer and a page more): start all of them again with --resume\n"
    )
    with pytest.raises(ValueError, match="the checkpoint"), processes.reaching_others():
        raise ValueError("the checkpoint cannot be written")


@pytest.mark.parametrize(("index", "seeds", "message"), [
    (1, (0, 1), "process 1 has seed=1, process 0 has seed=0: give all processes the same options and data"),
    (0, (0, 1), "process 1 has other options or data: give all processes the same"),
    (2, (0, 1), "process 1 has other options or data: give all processes the same"),
    (1, (0, 0), ""),
])  # fmt: skip
def test_processes_with_other_options_than_the_first(index, seeds, message, monkeypatch):
    """Each would wait for the others for ever, or train another network with them."""
    from jax.experimental import multihost_utils

    settings = [{"solver": "SGD", "lr": np.float32(0.5), "seed": seed} for seed in (*seeds, seeds[0])]
    monkeypatch.setattr(processes, "_here", processes.Here(index, 3))
    monkeypatch.setattr(processes, "from_leader", lambda content: json.dumps(settings[0], default=str).encode())
    differ = np.array([0, int(seeds[0] != seeds[1]), 0])

    def gathered(own):
        assert own == differ[index]
        return differ

    monkeypatch.setattr(multihost_utils, "process_allgather", gathered)
    if not message:
        processes.check_all_alike(settings[index])
        return
    with pytest.raises(ValueError, match="give all processes the same") as error:
        processes.check_all_alike(settings[index])
    assert str(error.value) == message


def test_one_process_is_like_itself():
    processes.check_all_alike({"seed": 0})


def test_processes_with_other_numbers_of_devices():
    with pytest.raises(ValueError, match="the processes have 2, 1 devices: give all of them the same --devices"):
        processes._check_devices(Counter([0, 0, 1]))
    processes._check_devices(Counter([0, 1, 0, 1]))


def test_only_one_of_several_ends_at_once(monkeypatch):
    ends = []
    monkeypatch.setattr(processes.os, "_exit", ends.append)
    with pytest.raises(KeyError), processes.ending_together(lambda error: 7):
        raise KeyError
    monkeypatch.setattr(processes, "_here", processes.Here(1, 2))
    with processes.ending_together(lambda error: 7):
        raise KeyError
    assert ends == [7]


# ------------------------------------------------------------------------------------- batches


class Counted:
    """Batches that count what was made of them."""

    def __init__(self, batches):
        self.batches, self.made = batches, 0

    def __iter__(self):
        return self

    def __next__(self):
        self.made += 1
        return next(self.batches)

    def skip(self, count):
        for _ in range(count):
            next(self.batches)


@pytest.mark.parametrize("skips", [True, False])
def test_batches_that_a_resumed_run_has_had_are_not_moved(skips, monkeypatch):
    one = problem()
    there = ManyDevices(one, start(1))
    made = []
    monkeypatch.setattr(
        Classification, "batches",
        lambda self, rng, part, f=Classification.batches: made.append(Counted(f(self, rng, part))) or (
            made[-1] if skips else iter(made[-1].__next__, None)
        ),
    )  # fmt: skip
    moved = []
    monkeypatch.setattr(there, "_in_shards", lambda x, f=there._in_shards: moved.append(x) or f(x))
    whole = [[np.asarray(x) for x in batch[:2]] for batch in there.batches(np.random.default_rng(3))]
    moved.clear()
    left = there.batches(np.random.default_rng(3))
    left.skip(2)
    assert (made[-1].made, len(moved)) == (0 if skips else 2, 0)
    for found, expected in zip(left, whole[2:], strict=True):
        for a, b in zip(found, expected, strict=False):
            np.testing.assert_array_equal(a, b)


# ------------------------------------------------------------------------------------- bad input


def test_a_batch_that_the_devices_do_not_divide():
    mesh = SimpleNamespace(size=8)
    for size, sizes in ((20, "16 or 24"), (5, "8")):
        with pytest.raises(ValueError, match="do not divide") as error:
            ManyDevices.check_divides(size, mesh)
        assert str(error.value) == f"8 devices do not divide a batch of {size}: use --batch-size {sizes}"
    ManyDevices.check_divides(16, mesh)


def test_more_devices_than_there_are():
    import jax

    here = len(jax.local_devices())
    with pytest.raises(ValueError, match="--devices") as error:
        start(here + 1)
    assert str(error.value).startswith(f"--devices {here + 1}: JAX has {here} in this process (cpu:0")
    with pytest.raises(ValueError, match="JAX finds no device tpu"):
        start(1, "tpu")
    assert start(1).size == 1


def test_a_jax_that_is_missing_or_too_old(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(__version__="0.4.30"))
    with pytest.raises(
        ValueError, match=r"JAX 0.4.30 is too old: 0.7 or later comes with pip install 'curveball-course\[jax\]'"
    ):
        start(2)
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ValueError, match=r"JAX is not installed: pip install 'curveball-course\[jax\]'"):
        start(2)


@pytest.mark.parametrize(
    ("options", "problem_options", "message"),
    [
        ({"devices": 2}, {}, "--devices and --processes need --backend jax; got numpy"),
        ({"devices": 0}, {"backend": "jax"}, "--devices must be at least 1; got 0"),
        ({"devices": 2}, {"backend": "jax", "device": "1"}, "--device 1 with --devices: give a kind of device, cpu, "),
        ({"devices": 2}, {"backend": "jax", "device": "cuda"}, "--device cuda with --devices: give a kind of device, "),
        ({"process_id": 1}, {"backend": "jax"}, "--process-id and --coordinator need --processes, the number of all"),
        ({"processes": "some"}, {"backend": "jax"}, "--processes must be a number of at least 1, or auto; got some"),
        (
            {"processes": "2", "process_id": 2, "coordinator": "localhost:1"},
            {"backend": "jax"},
            "--process-id must be from 0 to 1, one less than --processes; got 2",
        ),
        (
            {"processes": "2", "process_id": 1, "coordinator": "localhost"},
            {"backend": "jax"},
            "--coordinator must be HOST:PORT, as in 10.0.0.1:1234; got 'localhost'",
        ),
    ],
)
def test_options_that_do_not_fit(options, problem_options, message):
    with pytest.raises(ValueError, match="--") as error:
        ManyOptions(**options).start(ProblemOptions(**problem_options))
    assert str(error.value).startswith(message)
