"""PyTorch and JAX: devices chosen and refused, the same training on each, a run that goes from one to another."""

import itertools
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

import minigrad as mg
from curveball import SGD, Adam, CurveBall
from curveball.cli.app import app
from curveball.training.devices import (
    BACKENDS,
    check_compiler,
    choose,
    device_info,
    pool_use,
    to_backend,
    to_device_of,
    to_host,
)
from curveball.training.devices.base import Library
from curveball.training.devices.cupy import LOWEST as CUPY
from curveball.training.devices.installed import import_library
from curveball.training.devices.jax import LOWEST as JAX
from curveball.training.devices.torch import LOWEST as TORCH
from minigrad import tree_flatten
from problems import load
from tests.support.packages import ROOT
from tests.support.tiny import tiny
from tests.support.training import run

KINDS = {"curveball": CurveBall(lam_every=5), "sgd": SGD(lr=0.1), "adam": Adam(lr=0.01, eps=1e-3)}
NAMES = ("torch", "jax")


def command(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], prog_name="curveball")


def library(name):
    """A namespace on the CPU, None for NumPy; or a skip."""
    if name == "numpy":
        return None
    pytest.importorskip(name, reason=f"{name} is not installed")
    return choose(name, "cpu")


# ------------------------------------------------------------------------------------- choosing


@pytest.mark.parametrize("name", NAMES)
def test_the_processor_is_a_device(name):
    xp = library(name)
    x = to_backend(load("digits"), xp).train_images
    assert device_info(x) == {"backend": name, "device": {"torch": "cpu", "jax": "cpu:0"}[name]}
    assert pool_use(x) == {}
    assert str(x.dtype).endswith("uint8")


@pytest.mark.parametrize(("name", "options", "message"), [
    ("torch", {"device": "cuda:99"}, r"PyTorch.* has no device 'cuda:99': choose one of cpu"),
    ("torch", {"device": 99}, r"PyTorch.* has no device 99: choose one of cpu"),
    ("torch", {"device": "gpu"}, r"PyTorch.* has no device 'gpu': choose one of cpu"),
    ("torch", {"device": ""}, r"PyTorch.* has no device '': choose one of cpu"),
    ("torch", {"device": "cpu", "tf32": True}, "tf32 needs a GPU of compute capability 8 or higher; the device is cpu"),
    ("jax", {"device": "cpu:99"}, "JAX has no device 'cpu:99': choose one of "),
    ("jax", {"device": "abacus"}, "JAX has no device 'abacus': choose one of "),
    ("jax", {"device": "cpu:x"}, "JAX has no device 'cpu:x': choose one of "),
    ("jax", {"device": "99"}, "there is no device '99': the devices here are 0 "),
    ("jax", {"device": "cpu", "tf32": True}, "tf32 is for products on a GPU; the device is cpu:0"),
    ("jax", {"dtype": "float64"}, "jax has no float64 unless it is asked for: set JAX_ENABLE_X64=1, or use dtype"),
], ids=str)  # fmt: skip
def test_devices_that_are_not_there(name, options, message):
    library(name)
    with pytest.raises(ValueError, match=f"^{message}") as raised:
        choose(name, **options)
    assert "\n" not in str(raised.value)


def pretended_torch(monkeypatch, gpus=2, capability=9, mps=False):
    """PyTorch with GPUs: what is made on them is made on the host."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    cuda = SimpleNamespace(
        is_available=lambda: gpus > 0, device_count=lambda: gpus, get_device_name=lambda k: f"Pretended {k}",
        get_device_capability=lambda name: (capability, 0), set_device=lambda name: chosen.append(name),
        memory_allocated=lambda device: 3, max_memory_allocated=lambda device: 5,
    )  # fmt: skip
    chosen = []
    ones = torch.ones
    monkeypatch.setattr(torch, "cuda", cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setattr(torch, "ones", lambda *args, device=None, **more: ones(*args, **more))
    monkeypatch.setattr(torch.backends.cuda, "matmul", SimpleNamespace(fp32_precision="none"))
    monkeypatch.setattr(torch.backends.cudnn, "conv", SimpleNamespace(fp32_precision="tf32"))
    return torch, chosen


@pytest.mark.parametrize(
    ("device", "found"), [(None, "cuda:0"), ("cuda", "cuda:0"), (1, "cuda:1"), ("1", "cuda:1"), ("cuda:1", "cuda:1")]
)
@pytest.mark.parametrize("tf32", [False, True])
def test_a_gpu_of_pytorch(device, found, tf32, monkeypatch):
    torch, chosen = pretended_torch(monkeypatch)
    monkeypatch.setattr(BACKENDS["torch"], "_in_use", None)  # and afterwards as it was
    choose("torch", device, tf32)
    assert chosen == [found]
    assert torch.backends.cudnn.conv.fp32_precision == torch.backends.cuda.matmul.fp32_precision
    assert (torch.backends.cudnn.conv.fp32_precision == "tf32") is tf32


def test_gpus_of_pytorch_that_are_not_enough(monkeypatch):
    pretended_torch(monkeypatch, capability=7, mps=True)
    with pytest.raises(ValueError, match=r"tf32 needs .* the device is cuda:0 \(Pretended 0\)"):
        choose("torch", tf32=True)
    with pytest.raises(ValueError, match="device 'mps' has no float64: use dtype float32, or device cpu"):
        choose("torch", "mps", dtype="float64")
    with pytest.raises(
        ValueError, match=r"has no device 2: choose one of cpu, cuda:0 \(Pretended 0\), cuda:1 .*, mps$"
    ):
        choose("torch", 2)


def test_a_gpu_that_cannot_compute(monkeypatch):
    torch, _ = pretended_torch(monkeypatch)

    def broken(*args, **kwargs):
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nmore lines")

    monkeypatch.setattr(torch, "ones", broken)
    with pytest.raises(ValueError, match=r"^PyTorch cannot compute on cuda:0 \(CUDA error: no kernel .*\): use device"):
        choose("torch")


# ------------------------------------------------------------------------------------- what is installed


@pytest.mark.parametrize(("name", "title"), [("torch", "PyTorch"), ("jax", "JAX")])
def test_a_library_that_is_missing(name, title, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, name, None)
    for subcommand in ("train", "compare"):
        result = command(subcommand, "--backend", name, "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert result.stderr == f"curveball: {title} is not installed: pip install 'curveball-course[{name}]'\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [
    ImportError("libcudart.so.13: cannot open\nmore lines"), OSError("libcudart.so.13: cannot open"),
    RuntimeError("libcudart.so.13: cannot open"), ModuleNotFoundError("libcudart.so.13: cannot open", name="jaxlib"),
], ids=lambda error: type(error).__name__)  # fmt: skip
@pytest.mark.parametrize("name", NAMES)
def test_a_library_that_is_broken(name, error, monkeypatch):
    def broken(asked, *rest):
        raise error

    monkeypatch.setattr("curveball.training.devices.installed.importlib.import_module", broken)
    with pytest.raises(ValueError, match=rf"cannot be imported \(libcudart.so.13: cannot open\): pip .*\[{name}\]'$"):
        choose(name)


@pytest.mark.parametrize(("version", "fits"), [("2.8.1", False), ("2.9.0+cpu", True), ("2.10rc1", True), ("3", True)])
def test_a_library_that_is_too_old(version, fits, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(__version__=version))
    if fits:
        import_library("torch", "PyTorch", "torch", (2, 9))
        return
    with pytest.raises(
        ValueError, match=r"^PyTorch 2.8.1 is too old: 2.9 or later comes with pip install 'curveball-course\[torch\]'$"
    ):
        import_library("torch", "PyTorch", "torch", (2, 9))


def test_the_lowest_versions_are_those_of_the_extras():
    text = Path(ROOT, "pyproject.toml").read_text("utf-8")
    for name, lowest in (("torch", TORCH), ("jax", JAX), ("cupy-cuda13x[ctk]", CUPY)):
        assert f'"{name}>={".".join(map(str, lowest))}"' in text


PROGRAM = """
import sys
import curveball, minigrad
from curveball.cli.app import app
from curveball.training.options import TrainOptions
from curveball.training.train import train
from problems import Classification, load, network
train(Classification(load("digits"), network("mlp"), 300), curveball.CurveBall(), TrainOptions(epochs=1, quiet=True))
print(sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "jax", "jaxlib", "cupy"}))
"""


def test_nothing_of_a_library_is_imported_before_it_is_used():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=120)
    assert (done.stdout, done.stderr) == ("[]\n", "")


# ------------------------------------------------------------------------------------- moving


@pytest.mark.parametrize("name", NAMES)
def test_numbers_come_back(name):
    xp = library(name)
    assert to_host([xp.asarray(0.5), 2.0, xp.asarray(-1.5)]) == [0.5, 2.0, -1.5]
    assert to_host([3.0]) == [3.0]


def test_a_dtype_that_jax_was_not_asked_for():
    xp = library("jax")
    with pytest.raises(
        ValueError, match=r"^the device has no float64: use dtype float32 \(no dtype float64 on JAX with 32 bits"
    ):
        to_device_of(xp.ones(1), {"w": np.ones(2)})
    with pytest.raises(ValueError, match="the device has no float64"):
        run(tiny(xp, dtype=np.float64), SGD())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_moved_is_a_copy(name):
    """A library may share the memory of a host array; then a step that takes over memory would write into it."""
    xp, x = library(name), np.arange(64.0, dtype=np.float32)
    moved = to_device_of(xp.ones(1), x)
    x[:] = -1.0
    np.testing.assert_array_equal(mg.to_numpy(moved), np.arange(64.0))


# ------------------------------------------------------------------------------------- training


# CurveBall on JAX is in test_step.py: as it is called, each of its many operations is a program of its own.
@pytest.mark.parametrize(("name", "kind"), [("torch", "curveball"), *itertools.product(NAMES, ("sgd", "adam"))])
def test_training_is_that_of_numpy(name, kind, tmp_path):
    problem = tiny(library(name))
    expected, found = run(tiny(), KINDS[kind]), run(problem, KINDS[kind], tmp_path)
    for a, b in zip(found.steps + found.epochs, expected.steps + expected.epochs, strict=True):
        assert set(a) == set(b)
        for key in set(b) - {"seconds"}:
            assert a[key] == pytest.approx(b[key], rel=5e-4, abs=1e-6), key
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])["backend"] == name


class Strict(Library):
    """The two functions that a library of one's own must have, to be given as --backend."""

    def choose(self, device, tf32, dtype):
        return pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")

    def facts(self):
        return {"version": "", "devices": ["cpu"]}


def test_a_library_with_the_standards_functions_alone_trains(monkeypatch, tmp_path):
    """The steps of CONTRIBUTING.md: without a file in minigrad/backends, with a class and a name here."""
    monkeypatch.setitem(BACKENDS, "array_api_strict", Strict())
    losses = {}
    for name in ("numpy", "array_api_strict"):
        options = ["--network", "mlp", "--batch-size", 256, "--epochs", 1, "--quiet", "--out", tmp_path / name]
        result = command("train", "--backend", name, *options)
        assert result.exit_code == 0, result.output
        lines = [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        assert lines[0]["backend"] == name
        losses[name] = [line["loss"] for line in lines if "loss" in line]
        losses[name] += [line["validation_loss"] for line in lines if "validation_loss" in line]
    assert len(losses["numpy"]) > 5
    assert losses["array_api_strict"] == pytest.approx(losses["numpy"], rel=1e-3)


PAIRS = [pair for pair in itertools.product(("numpy", *NAMES), repeat=2) if pair != ("numpy", "numpy")]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_run_goes_on_with_another_library(before, after, tmp_path):
    solver = KINDS["adam"]
    expected = run(tiny(), solver, epochs=2)
    run(tiny(library(before)), solver, tmp_path)
    found = run(tiny(library(after)), solver, tmp_path, epochs=2, resume=True)
    for a, b in zip(found.steps, expected.steps, strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=2e-3)
    assert found.state.steps == expected.state.steps
    assert type(found.state.steps) is int
    assert {type(x) for x in tree_flatten(found.params)[0]} == {type((library(after) or np).ones(1))}


def test_steps_of_pytorch_are_graphs(monkeypatch):
    """With graphs recorded and run on the host."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from minigrad.backends.cuda_graphs import Graphed
    from tests.support import graph_double

    xp = library("torch")
    expected = run(tiny(xp), KINDS["curveball"])
    double = graph_double.cuda()
    for name in ("CUDAGraph", "Stream", "current_stream", "graph", "is_available", "stream"):
        monkeypatch.setattr(torch.cuda, name, getattr(double, name))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(
        ValueError, match="CUDA graphs need a GPU, and the data are on cpu: leave out --compile, or use"
    ):
        run(tiny(xp), KINDS["curveball"], compile=True)
    monkeypatch.setattr(Graphed, "kind", "cpu")
    monkeypatch.setattr("curveball.training.step.check_compiler", lambda x: None)
    found = run(tiny(xp), KINDS["curveball"], compile=True)
    for a, b in zip(found.steps, expected.steps, strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-4)
    assert sum(graph.replays for graph in graph_double.GRAPHS) == len(found.steps)
    assert found.state.steps == len(found.steps)


def test_pytorch_without_a_gpu_compiles_nothing(tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    with pytest.raises(ValueError, match="CUDA graphs need a GPU, and"):
        check_compiler(torch.ones(1))
    result = command("train", "--backend", "torch", "--device", "cpu", "--compile", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr.startswith("curveball: CUDA graphs need a GPU, and ")
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------- the command line

SHORT = ["--network", "mlp", "--epochs", "1", "--quiet", "--batch-size", "300"]


@pytest.mark.parametrize("options", [
    ["--backend", "torch", "--device", "cpu"], ["--backend", "jax", "--device", "cpu", "--compile"],
], ids=" ".join)  # fmt: skip
def test_train_and_compare(options, tmp_path):
    library(options[1])
    expected = command("train", *SHORT, "--solver", "adam", "--out", tmp_path / "numpy")
    assert expected.exit_code == 0, expected.output
    result = command("compare", *SHORT, *options, "--solver", "adam", "--solver", "sgd", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    results = json.loads((tmp_path / "out/results.json").read_text())
    assert results["backend"] == options[1]
    losses = [
        [json.loads(line)["loss"] for line in (path / "log.jsonl").read_text().splitlines() if '"step"' in line[:20]]
        for path in (tmp_path / "numpy", tmp_path / "out/adam-seed0")
    ]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)


def test_compare_refuses_before_it_begins(tmp_path):
    library("jax")
    result = command("compare", "--backend", "jax", "--compile", "--solver", "sgd", "--solver", "newton-cg",
                     "--out", tmp_path / "out")  # fmt: skip
    assert result.exit_code == 2
    assert result.stderr.startswith("curveball: NewtonCG decides on the host what its steps do")
    assert not list(tmp_path.iterdir())
