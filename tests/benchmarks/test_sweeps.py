"""benchmarks/sweeps.py times the step of the public solver, and says of all of its time which part took it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from numpy.testing import assert_allclose

from benchmarks import sweeps
from curveball import CurveBall

SCRIPT = Path(sweeps.__file__)
PARTS = [
    "evaluation, with what the maps keep", "push-forward of z", "pull-back", "push-forward of the model's gradient",
    "work on the outputs", "rest: inner products, new z and w",
]  # fmt: skip


def script(*arguments):
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_table_and_its_numbers(backend, tmp_path):
    pytest.importorskip(backend, reason="PyTorch is not installed")
    out = tmp_path / "sweeps.json"
    done = script("--backend", backend, "--networks", "mlp", "--batch", 4, "--rounds", 3, "--out", out)
    assert done.returncode == 0, done.stderr
    content = json.loads(out.read_text())
    assert content["backend"] == backend
    assert {"versions", "blas", "threads", "processor", "load"} <= set(content)
    row = content["networks"]["mlp"]
    assert list(row["ms"]) == PARTS
    assert_allclose(sum(row["per_cent"].values()), 100.0, atol=10.0)  # medians, so not exactly
    assert min(row["curveball_ms"], row["sgd_ms"], row["trust_ratio_ms"], *row["ms"].values()) > 0.0
    assert row["curveball_ms"] > max(row["ms"].values())
    lines = done.stdout.splitlines()
    for name in PARTS:
        assert any(line.startswith(f"| {name} | ") and line.endswith("%) |") for line in lines)


def test_parts_of_one_step_are_all_of_it(monkeypatch):
    """A clock that advances by one at each reading: every part once, the work on the outputs twice."""
    clock = iter(range(100))
    monkeypatch.setattr(sweeps.time, "perf_counter", lambda: next(clock))
    curveball, *_ = sweeps.contenders("mlp", 4, "numpy")
    seconds, whole = sweeps.parts_of(curveball)
    assert dict(zip(PARTS, seconds.values(), strict=True)) == dict(zip(PARTS, [1, 1, 1, 1, 2, 7], strict=True))
    assert sum(seconds.values()) == whole


def test_the_step_is_that_of_the_public_solver(monkeypatch):
    """With its defaults, and nothing of it stays changed."""
    taken = []
    step = CurveBall.step
    monkeypatch.setattr(CurveBall, "step", lambda self, *args, **kw: taken.append(self) or step(self, *args, **kw))
    before = sweeps.Linearization.push
    curveball, *_ = sweeps.contenders("mlp", 4, "numpy")
    sweeps.parts_of(curveball)
    assert taken == [CurveBall()] * 2
    assert sweeps.Linearization.push is before


@pytest.mark.parametrize(("options", "message"), [
    (["--rounds", "0"], "--rounds and --batch must be at least 1; got 0 and 128"),
    (["--out", "nowhere/sweeps.json"], "--out: there is no folder nowhere"),
    (["--networks", "nothing"], "unknown network 'nothing': there are "),
], ids=["rounds", "folder", "network"])  # fmt: skip
def test_bad_input_is_one_line(options, message):
    done = script(*options)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"sweeps.py: error: {message}")
