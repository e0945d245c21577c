"""benchmarks/gpu.py runs, on the host and on CuPy's double; its contenders take the same steps."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support import cupy_double

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
# torch.func takes the derivative of max pooling through torch.jit, which PyTorch itself deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
SMALL = ["--network", "basic", "--batch", "4", "--repeats", "2"]


@pytest.fixture
def scripts(monkeypatch):
    """The scripts as modules, by name."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield __import__
    for name in ("gpu", "peer", "contenders", "find_gpu"):
        sys.modules.pop(name, None)


def script(*arguments):
    return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_on_the_host(tmp_path):
    out = tmp_path / "gpu.json"
    done = script(BENCHMARKS / "gpu.py", "--backend", "numpy", *SMALL, "--out", out)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert {"benchmark": "gpu", "backend": "numpy", "device": "cpu", "repeats": 2}.items() <= found.items()
    (result,) = found["results"]
    assert (result["network"], result["batch"]) == ("basic", 4)
    ms, ratios = result["ms"], result["ratios"]
    assert min(ms.values()) > 0.0
    assert ratios["curveball_to_sgd"] == pytest.approx(ms["curveball"] / ms["sgd"], rel=2e-3)
    theirs = {"torch_func", "torch_double_backward", "torch_sgd"}
    assert (theirs <= set(ms)) is (found["without_torch"] is None)
    assert done.stdout.splitlines()[-1] == f"written to {out}"
    assert [path.name for path in tmp_path.iterdir()] == ["gpu.json"]


@pytest.mark.parametrize(("options", "message"), [
    (["--backend", "numpy", "--batch", "1"], "batch must be at least 2 and repeats 1; got [1] and 20"),
    (["--backend", "numpy", "--tf32"], "tf32 is for products on a GPU: use backend cupy"),
    (["--backend", "numpy", "--out", f"{__file__}/gpu.json"], f"the output folder {__file__} cannot be written"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else "")  # fmt: skip
def test_bad_input_is_one_line(options, message):
    done = script(BENCHMARKS / "gpu.py", *options)
    assert done.returncode == 2
    assert done.stderr.startswith(f"gpu.py: {message}")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("with_torch", [False, True])
def test_on_the_double(with_torch, scripts, tmp_path, monkeypatch, capsys):
    """What only runs on a GPU: events, the spinning kernel, the pool, fused against unfused, the file's name."""
    chosen = (None, None, "no PyTorch today")
    if with_torch:
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        chosen = (torch, "cpu", None)
        for name, answer in (("max_memory_allocated", 7), ("empty_cache", None), ("reset_peak_memory_stats", None)):
            monkeypatch.setattr(torch.cuda, name, lambda answer=answer: answer)
    gpu = scripts("gpu")
    monkeypatch.setattr(gpu, "RESULTS", tmp_path)
    monkeypatch.setattr(gpu, "BLOCK", 1)
    monkeypatch.setattr(gpu, "pytorch", lambda *args: chosen)
    monkeypatch.setattr(
        sys, "argv", ["gpu.py", "--device", "1", "--network", "basic", "--batch", "4", "--repeats", "1"]
    )
    cupy_double.RawKernel.launched.clear()
    with cupy_double.installed():
        gpu.main()
    (path,) = tmp_path.iterdir()
    found = json.loads(path.read_text())
    assert path.name == f"gpu-Pretended-1-{found['date']}.json"
    (result,) = found["results"]
    names = {"curveball", "sgd", "curveball_unfused", "sgd_unfused"}
    names |= {"torch_func", "torch_double_backward", "torch_sgd"} if with_torch else set()
    for quantity in ("ms", "launch_ms", "device_ms", "launch_share"):
        assert set(result[quantity]) == names
    assert all(0.0 <= share < 1.0 for share in result["launch_share"].values())
    assert ({"fused_to_unfused_curveball", "curveball_to_torch_func"} <= set(result["ratios"])) is with_torch
    pool = {"pool_used": 3 << 20, "pool_held": 5 << 20}
    assert result["memory"] == ({**pool, "torch_allocated": 7} if with_torch else pool)
    assert len(cupy_double.RawKernel.launched) == 3 * len(names)
    assert cupy_double.RawKernel.launched[0][2][0] > 2e6  # cycles
    assert "| basic | 4 | curveball_unfused |" in capsys.readouterr().out


def test_pytorch_is_told_the_precision(scripts, monkeypatch):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    gpu = scripts("gpu")
    assert gpu.pytorch("numpy", 0, False) == (torch, "cpu", None)
    if not torch.cuda.is_available():
        assert gpu.pytorch("cupy", 0, False)[2].startswith(f"PyTorch {torch.__version__} finds no GPU: ")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", lambda index: None)
    before = torch.backends.cudnn.allow_tf32
    for tf32, precision in ((True, "high"), (False, "highest")):
        assert gpu.pytorch("cupy", 1, tf32) == (torch, "cuda:1", None)
        assert torch.get_float32_matmul_precision() == precision
        assert torch.backends.cudnn.allow_tf32 is tf32
    torch.backends.cudnn.allow_tf32 = before
    monkeypatch.setitem(sys.modules, "torch", None)
    assert gpu.pytorch("cupy", 0, False) == (None, None, "PyTorch is not installed: pip install torch")


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
