"""benchmarks/gpu.py runs, PyTorch and JAX on the host, CuPy's double; its contenders take the same steps."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minigrad import tree_flatten
from tests.support import cupy_double

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
# torch.func takes the derivative of max pooling through torch.jit, which PyTorch itself deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")


@pytest.fixture
def scripts(monkeypatch):
    """The scripts as modules, by name."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield __import__
    for name in ("gpu", "gpu_steps", "torch_resnet", "peer", "contenders", "find_gpu"):
        sys.modules.pop(name, None)


def script(*arguments):
    return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False)


def rehearse(scripts, monkeypatch, tmp_path, rows, *arguments):
    """Run gpu.py for some of its rows, in this process; the JSON file's content and the table."""
    gpu, steps = scripts("gpu"), scripts("gpu_steps")
    for table in (gpu.OURS, gpu.THEIRS):
        for name in set(table) - set(rows):
            monkeypatch.delitem(table, name)
    monkeypatch.setattr(steps, "CHECK", 2)
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--rehearse", "--out", str(tmp_path), *arguments])
    gpu.main()
    table, content = sorted(tmp_path.iterdir(), key=lambda path: path.suffix, reverse=True)
    assert content.with_suffix(".md") == table
    return json.loads(content.read_text()), table.read_text()


def test_on_the_double(scripts, monkeypatch, tmp_path, capsys):
    """What only runs on a GPU: events, the spinning kernel, the pool, the file's name."""
    cupy_double.RawKernel.launched.clear()
    content, table = rehearse(scripts, monkeypatch, tmp_path, ["cupy", "cupy, nothing fused"], "--network", "mlp")
    assert [(row["row"], row["solver"]) for row in content["rows"]] == [
        (row, solver) for solver in ("curveball", "sgd") for row in ("cupy", "cupy, nothing fused")
    ]
    for row in content["rows"]:
        assert row["disagreement"] < 1e-5
        assert min(row["ms"], row["host_ms"], row["device_ms"]) > 0.0
        assert 0.0 <= row["launch_share"] < 1.0
        assert row["memory_mb"] == 5.0
        assert "first_s" not in row
    assert content["rehearsal"]
    assert content["device"] == "0 (Pretended 0)"
    assert len(cupy_double.RawKernel.launched) == 3 * len(content["rows"])
    assert cupy_double.RawKernel.launched[0][2][0] > 2e6  # cycles
    assert "| mlp | 2 | sgd | cupy, nothing fused |" in table
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"written to {tmp_path / 'gpu-Pretended-0-'}")


def test_libraries_on_the_host(scripts, monkeypatch, tmp_path):
    """A row is measured, or says in one line why not."""
    rows = ["torch", "torch, CUDA graph", "jax, jit", "PyTorch, SGD"]
    content, table = rehearse(scripts, monkeypatch, tmp_path, rows, "--network", "mlp")
    assert len(content["rows"]) == 7
    for row in content["rows"]:
        if "why" in row:
            assert "\n" not in row["why"]
            assert f"| {row['row']} | {row['why']} |" in table
        else:
            assert row["ms"] > 0.0
            assert row.get("disagreement", 0.0) < 1e-4
            assert ("first_s" in row) is (row["row"] == "jax, jit")
    reasons = {row["row"]: row.get("why", "") for row in content["rows"]}
    assert reasons["torch, CUDA graph"]
    assert reasons["PyTorch, SGD"].startswith(("mlp is not written in PyTorch here", "PyTorch is not installed"))


def test_pytorchs_own(scripts):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    task = {"network": "basic", "batch": 2, "row": "PyTorch, SGD", "solver": "sgd", "device": None, "tf32": False,
            "repeats": 1, "block": 1, "rehearse": True}  # fmt: skip
    row = scripts("gpu_steps").one(task)
    assert min(row["ms"], row["host_ms"]) > 0.0


def test_rows_that_fail_say_why(scripts, monkeypatch):
    gpu, steps = scripts("gpu"), scripts("gpu_steps")
    task = {"network": "basic", "batch": 2, "solver": "sgd", "row": "jax, jit", "device": None, "tf32": False,
            "repeats": 1, "block": 1, "rehearse": False}  # fmt: skip
    monkeypatch.setitem(sys.modules, "jax", None)
    assert steps.one(task)["why"].startswith("JAX is not installed")
    known = {key: task[key] for key in ("network", "batch", "solver", "row")}
    assert gpu.apart(task, 0.01) == {**known, "why": "not done after 0 s"}
    monkeypatch.setattr(sys, "executable", "false")
    assert gpu.apart(task, 60.0) == {**known, "why": "ended with 1"}


def test_a_row_in_a_process_of_its_own(scripts):
    """Without a GPU it tells so, on one line of JSON."""
    gpu = scripts("gpu")
    task = {"network": "basic", "batch": 2, "solver": "sgd", "row": "cupy", "device": "99", "tf32": False,
            "repeats": 1, "block": 1, "rehearse": False}  # fmt: skip
    assert "CuPy" in gpu.apart(task, 120.0)["why"] or "no GPU" in gpu.apart(task, 120.0)["why"]


def test_without_time_rows_say_so(scripts, monkeypatch, tmp_path):
    content, _ = rehearse(scripts, monkeypatch, tmp_path, ["torch"], "--minutes", "0")
    assert [row["why"] for row in content["rows"]] == ["no time is left"] * 2
    assert content["device"] == "none"


@pytest.mark.parametrize(("options", "message"), [
    (["--batch", "1"], "batch must be at least 2 and repeats 1; got [1] and 20"),
    (["--rehearse", "--out", f"{__file__}/gpu"], f"the output folder {__file__}/gpu cannot be written"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else "")  # fmt: skip
def test_bad_input_is_one_line(options, message):
    done = script(BENCHMARKS / "gpu.py", *options)
    assert done.returncode == 2
    assert done.stderr.startswith(f"gpu.py: {message}")
    assert len(done.stderr.splitlines()) == 1


def test_fused_and_unfused_are_what_they_say(scripts):
    contenders = scripts("contenders")
    with cupy_double.installed() as xp:
        fused = contenders.ours("basic", 4, xp)["sgd"]
        unfused = contenders.Ours("basic", fused.solver, 4, xp, fused=False)
        calls = []
        for contender in (fused, unfused):
            before = cupy_double.fuse.calls
            contender.step()
            calls.append(cupy_double.fuse.calls - before)
    assert calls[0] > 0
    assert calls[1] == 0


@pytest.mark.parametrize("network", ["basic", "basic-bn"])
def test_pytorch_takes_our_steps(network, scripts):
    """The same start, the same images: after three steps the same parameters, to the precision of float32."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    import array_api_compat.numpy as numpy_namespace

    contenders, peer = scripts("contenders"), scripts("peer")
    ours, theirs = contenders.ours(network, 8, numpy_namespace), peer.theirs(network)
    steps = peer.steps_of(theirs, 8)
    for _ in range(3):
        for contender in ours.values():
            contender.step()
        for step in steps.values():
            step()
    begin = peer.copy_params(contenders.start(network), peer.torch_network(network))
    pairs = {"torch_double_backward": "curveball", "torch_func": "curveball", "torch_sgd": "sgd"}
    for name, our_name in pairs.items():
        our = peer.copy_params(ours[our_name].params, peer.torch_network(network))
        their = theirs[name].net.parameters() if name == "torch_sgd" else theirs[name].params
        their = list(their.values()) if isinstance(their, dict) else list(their)
        gap = moved = 0.0
        for a, b, c in zip(our.parameters(), their, begin.parameters(), strict=True):
            gap += float(((a - b) ** 2).sum().detach())
            moved += float(((a - c) ** 2).sum().detach())
        assert moved > 0.0
        assert np.sqrt(gap / moved) < 1e-3, name


def test_pytorchs_resnet_is_ours(scripts):
    """As many parameters, of the same shapes."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    net = scripts("torch_resnet").resnet18(10)
    theirs = sorted(sorted(p.shape) for p in net.parameters())
    params = scripts("contenders").start("resnet18")
    assert theirs == sorted(sorted(x.shape) for x in tree_flatten(params)[0])


# ------------------------------------------------------------------------------------- is there a GPU?


def test_no_driver(scripts, monkeypatch):
    find_gpu = scripts("find_gpu")
    monkeypatch.setattr(find_gpu, "LIBRARIES", ("no-such-library.so",))
    with pytest.raises(RuntimeError, match="no NVIDIA driver is installed"):
        find_gpu.find()


class Driver:
    """The driver's library, as ctypes sees it."""

    def __init__(self, status, count):
        self.cuInit = lambda flags: status
        self.cuDeviceGetCount = lambda reference: setattr(reference._obj, "value", count)
        self.cuDeviceGetName = lambda text, length, k: setattr(text, "value", f"Pretended {k}".encode())


@pytest.mark.parametrize(("status", "count", "answer"), [
    (100, 0, "the NVIDIA driver does not start, with error 100"), (0, 0, "the NVIDIA driver finds no device"),
    (0, 2, ["Pretended 0", "Pretended 1"]),
])  # fmt: skip
def test_what_the_driver_says(status, count, answer, scripts, monkeypatch):
    find_gpu = scripts("find_gpu")
    monkeypatch.setattr(find_gpu.ctypes, "CDLL", lambda name: Driver(status, count))
    if isinstance(answer, list):
        assert find_gpu.find() == answer
    else:
        with pytest.raises(RuntimeError, match=answer):
            find_gpu.find()


def test_make_gpu_check_without_a_gpu():
    if script(BENCHMARKS / "find_gpu.py").returncode == 0:
        pytest.skip("there is a GPU")
    done = subprocess.run(
        ["make", "gpu-check", f"PYTHON={sys.executable}"], cwd=BENCHMARKS.parent, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    lines = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("make")]
    assert len(lines) == 1
    assert lines[0].startswith("no GPU: ")
