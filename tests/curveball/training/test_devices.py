"""Backends and devices: chosen, refused in one line, moved to, and resumed across. With CuPy's double, and CuPy."""

import builtins
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import minigrad as mg
from curveball import SGD, Adam, CurveBall
from curveball.cli.app import app
from curveball.training import checkpoint
from curveball.training.devices import choose, device_info, pool_use, to_backend, to_device_of
from curveball.training.options import TrainOptions
from curveball.training.train import train
from minigrad import tree_flatten
from problems import Classification, load, network
from tests.support import cupy_double

SOLVERS = {"curveball": CurveBall(lam_every=2, lam_factor=0.7), "sgd": SGD(lr=0.05), "adam": Adam(lr=0.01)}


def command(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], prog_name="curveball")


def few(xp=None, name="cnn", dtype=np.float32):
    """150 digits to train (four batches of 32), 60 to validate; on a backend."""
    d = load("digits")
    data = replace(
        d, train_images=d.train_images[:150], train_labels=d.train_labels[:150],
        validation_images=d.validation_images[:60], validation_labels=d.validation_labels[:60],
    )  # fmt: skip
    return Classification(data if xp is None else to_backend(data, xp), network(name), 32, dtype)


def run(problem, solver, folder=None, **options):
    return train(problem, solver, TrainOptions(**{"epochs": 1, "quiet": True, **options}), folder=folder)


# ------------------------------------------------------------------------------------- choosing


def test_numpy_is_the_default():
    assert choose() is choose("numpy", "cpu") is mg.namespace(np.ones(1))


@pytest.mark.parametrize(("options", "message"), [
    ({"backend": "tensorflow"}, "unknown backend 'tensorflow': there are cupy, jax, numpy, torch"),
    ({"device": 0}, "device 0: NumPy computes on 'cpu'; the index of a GPU goes with backend cupy, torch or jax"),
    ({"device": "cuda"}, "device 'cuda': NumPy computes on 'cpu'"),
    ({"tf32": True}, "tf32 is for products on a GPU: use backend cupy"),
], ids=str)  # fmt: skip
def test_bad_choices(options, message):
    with pytest.raises(ValueError, match=message):
        choose(**options)


def test_without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ValueError, match=r"^CuPy is not installed: pip install 'curveball-course\[gpu\]'$"):
        choose("cupy")


def test_a_cupy_that_does_not_load(monkeypatch):
    def broken(name, *rest):
        if name == "cupy":
            raise ImportError("libcudart.so.13: cannot open\nmore lines")
        return importing(name, *rest)

    importing = sys.modules["importlib"].import_module
    monkeypatch.setattr("curveball.training.devices.installed.importlib.import_module", broken)
    with pytest.raises(ValueError, match=r"^CuPy cannot be imported \(libcudart.so.13: cannot open\): pip install"):
        choose("cupy")


@pytest.mark.parametrize("devices", [None, 0])
def test_without_a_gpu(devices, double):
    cupy_double.Machine.devices = devices
    reason = r" \(cudaErrorInsufficientDriver: .*\)" if devices is None else ""
    with pytest.raises(ValueError, match=f"^CuPy finds no GPU{reason}: use backend numpy$"):
        choose("cupy")


@pytest.mark.parametrize("device", [2, "-1", "1.0", "cuda:0", "cpu", ""])
def test_a_gpu_that_is_not_there(device, double):
    there = r"the GPUs here are 0 \(Pretended 0\), 1 \(Pretended 1\)"
    with pytest.raises(ValueError, match=f"there is no GPU {device!r}: {there}"):
        choose("cupy", device)


@pytest.mark.parametrize("device", [1, "1"])
def test_the_chosen_gpu_is_the_one_in_use(device, double):
    assert choose("cupy", device) is double
    assert cupy_double.Machine.current == 1


def test_libraries_that_are_missing(double, monkeypatch):
    def missing(*args, **kwargs):
        raise RuntimeError('Failure finding "libnvrtc.so.13": No such file\nand so on')

    monkeypatch.setattr(cupy_double.cupy, "ones", missing)
    with pytest.raises(ValueError, match=r"CuPy cannot compute on GPU 0 \(Failure finding .*libnvrtc.* pip install"):
        choose("cupy")


def test_an_import_error_of_cupy_is_one_line(monkeypatch):
    page = "\n{0}\nFailed to import CuPy.\n\nOriginal error:\n  ImportError: libcuda.so.1: no such file\n{0}\n".format(
        "=" * 64
    )

    def fails(name):
        raise ImportError(page)

    monkeypatch.setattr("curveball.training.devices.installed.importlib.import_module", fails)
    with pytest.raises(ValueError, match=r"^CuPy cannot be imported \(ImportError: libcuda.so.1: no such file\): pip"):
        choose("cupy")


def test_tf32(double, monkeypatch):
    monkeypatch.setenv("CUPY_TF32", "0")  # and as it was afterwards
    x = double.ones(2)
    choose("cupy")
    assert device_info(x)["tf32"] is False
    choose("cupy", tf32=True)
    assert device_info(x) == {"backend": "cupy", "device": "0 (Pretended 0)", "tf32": True}
    cupy_double.Machine.capability = 7
    with pytest.raises(ValueError, match="tf32 needs a GPU of compute capability 8 or higher; GPU 0 has 7"):
        choose("cupy", tf32=True)


# ------------------------------------------------------------------------------------- moving


def test_data_move_once_and_stay_bytes(gpu):
    data = load("digits")
    moved = to_backend(data, gpu)
    assert to_backend(data, choose("numpy")) is data
    for name in ("train_images", "train_labels", "validation_images", "validation_labels"):
        x = getattr(moved, name)
        assert type(x) is type(gpu.asarray(0.0))
        assert x.dtype == getattr(data, name).dtype
        np.testing.assert_array_equal(mg.to_numpy(x), getattr(data, name))
    assert (moved.mean, moved.std, moved.classes) == (data.mean, data.std, data.classes)


def test_trees_follow_an_array(backend):
    tree = {"a": np.ones((2, 1), np.float32), "n": 3, "x": [2.5]}
    moved = to_device_of(backend.asarray([1]), tree)
    assert type(moved["a"]) is type(backend.asarray([1]))
    assert moved["a"].dtype == backend.float32
    assert (moved["n"], moved["x"]) == (3, [2.5])
    assert to_device_of(np.ones(1), tree) is tree


# ------------------------------------------------------------------------------------- training


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
def test_training_is_that_of_numpy(solver, gpu, tmp_path):
    expected = run(few(dtype=np.float64), solver, epochs=2)
    found = run(few(gpu, dtype=np.float64), solver, epochs=2, folder=tmp_path)
    for a, b in zip(found.steps + found.epochs, expected.steps + expected.epochs, strict=True):
        assert set(b) <= set(a)
        assert all(a[key] == pytest.approx(b[key], rel=1e-6) for key in b if key != "seconds")
    assert all(type(x) is type(gpu.asarray(0.0)) for x in tree_flatten(found.params)[0])
    assert {"pool_used", "pool_held"} == set(found.epochs[0]) - set(expected.epochs[0])
    about = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])
    assert about["backend"] == "cupy"
    assert about["device"].startswith("0 (")


def test_the_host_waits_once_for_each_logged_step(double):
    """The data's largest value, asked for once, and validation apart."""
    problem = few(double)
    count = {}
    for log_every in (1, 4):
        before = cupy_double.Waits.count
        run(problem, CurveBall(), log_every=log_every)
        count[log_every] = cupy_double.Waits.count - before
    assert count[1] - count[4] == 2  # of four steps all are logged, or the first and the last
    assert count[4] <= 2 + 2  # and one batch of validation: loss and errors


class BreaksAt(Classification):
    """The loss of one training batch is infinite, those after it are not."""

    def batches(self, rng):
        for k, batch in enumerate(super().batches(rng)):
            yield batch._replace(images=batch.images * np.inf) if k == 1 else batch


class Idle(SGD):
    """Never moves, so that what comes after a bad loss is finite."""

    def step(self, params, state, *args, **kwargs):
        return params, state, super().step(params, state, *args, **kwargs)[2]


@pytest.mark.parametrize("log_every", [1, 2, 3, 100])
def test_a_bad_loss_between_two_logged_steps_is_found(log_every):
    problem = few(name="mlp")
    result = run(BreaksAt(problem.data, problem.network, 32), Idle(), log_every=log_every)
    first = run(problem, Idle()).steps[0]["loss"]
    assert result.stopped == f"the loss is nan at step 2; last finite loss: {first:.6g} at step 1"


def on(where, gpu, **options):
    return few(gpu if where == "cupy" else None, **options)


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize(("before", "after"), [("cupy", "cupy"), ("cupy", "numpy"), ("numpy", "cupy")])
def test_a_run_goes_on_where_it_likes(before, after, solver, gpu, tmp_path):
    options = {"dtype": np.float64}
    expected = run(few(**options), solver, epochs=2)
    run(on(before, gpu, **options), solver, folder=tmp_path)
    found = run(on(after, gpu, **options), solver, folder=tmp_path, epochs=2, resume=True)
    for a, b in zip(tree_flatten(found.params)[0], tree_flatten(expected.params)[0], strict=True):
        np.testing.assert_allclose(mg.to_numpy(a), b, rtol=1e-6, atol=1e-9)
    kind = type((gpu if after == "cupy" else np).asarray(0.0))
    state = [x for x in tree_flatten([found.state, found.stats])[0] if hasattr(x, "shape")]
    assert all(type(x) is kind or (kind is np.ndarray and isinstance(x, np.generic)) for x in state)


def test_a_checkpoint_holds_host_arrays(gpu, tmp_path):
    tree = {"a": gpu.asarray([[1.0, 2.0]]), "b": (gpu.asarray(3.0), 4)}
    checkpoint.save(tmp_path / "file", {"x": tree}, {})
    leaves, _ = checkpoint.load(tmp_path / "file")
    found = checkpoint.restore("x", tree, leaves)
    np.testing.assert_array_equal(found["a"], [[1.0, 2.0]])
    assert found["b"][0].shape == ()
    assert float(found["b"][0]) == 3.0


def test_memory_pool(double):
    assert pool_use(np.ones(1)) == {}
    assert pool_use(double.ones(1)) == {"pool_used": 3 << 20, "pool_held": 5 << 20}


# ------------------------------------------------------------------------------------- the command line

SHORT = ["--network", "mlp", "--epochs", "1", "--quiet"]


def test_train_and_compare_on_a_gpu(gpu, tmp_path):
    result = command("train", *SHORT, "--backend", "cupy", "--device", "0", "--out", tmp_path / "train")
    assert result.exit_code == 0, result.output
    assert "memory pool: " in result.stdout
    result = command("compare", *SHORT, "--backend", "cupy", "--out", tmp_path / "compare")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "compare/results.json").read_text())["backend"] == "cupy"


@pytest.mark.parametrize("name", ["train", "compare"])
@pytest.mark.parametrize(("options", "message"), [
    (["--backend", "tensorflow"], "unknown backend 'tensorflow'"),
    (["--device", "1"], "device '1': NumPy computes on 'cpu'"),
    (["--tf32"], "tf32 is for products on a GPU: use backend cupy"),
    (["--compile"], "numpy has no compiler: leave out --compile, or use backend jax, or torch on a GPU"),
    (["--backend", "cupy", "--device", "7"], "there is no GPU '7': the GPUs here are 0 (Pretended"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else "")  # fmt: skip
def test_bad_input_is_one_line(name, options, message, double, tmp_path):
    result = command(name, *SHORT, *options, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"curveball: {message}")
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_no_cupy_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "cupy", None)
    result = command("train", *SHORT, "--backend", "cupy", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr == "curveball: CuPy is not installed: pip install 'curveball-course[gpu]'\n"


@pytest.mark.parametrize(("options", "folder"), [
    ([], "digits-mlp-curveball-seed0"),
    (["--batch-size", "32"], "digits-mlp-curveball-batch32-seed0"),
    (["--dtype", "float64", "--augment"], "digits-mlp-curveball-float64-augment-seed0"),
    (["--initialisation", "xavier", "--seed", "2"], "digits-mlp-curveball-xavier-seed2"),
    (["--solver", "sgd:lr=0.1,momentum=0.5"], "digits-mlp-sgd-lr=0.1-momentum=0.5-seed0"),
    (["--backend", "cupy"], "digits-mlp-curveball-cupy-seed0"),
    (["--backend", "cupy", "--tf32"], "digits-mlp-curveball-cupy-tf32-seed0"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else "")  # fmt: skip
def test_different_runs_have_different_folders(options, folder, double, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUPY_TF32", "0")
    assert command("train", *SHORT, *options).exit_code == 0
    assert [p.name for p in (tmp_path / "runs").iterdir()] == [folder]


def test_different_comparisons_have_different_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for more in ([], ["--solver", "sgd", "--solver", "adam"], ["--batch-size", "256"]):
        assert command("compare", *SHORT, *more).exit_code == 0
    names = ["compare-digits-mlp-seed0", "compare-digits-mlp-sgd-vs-adam-seed0", "compare-digits-mlp-batch256-seed0"]
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == sorted(names)


def test_the_double_gives_back_what_was_there(monkeypatch):
    real, compat = object(), object()
    monkeypatch.setitem(sys.modules, "cupy", real)
    monkeypatch.setitem(sys.modules, "array_api_compat.cupy", compat)
    with cupy_double.installed() as xp:
        assert builtins.__import__("cupy") is cupy_double.cupy
        assert xp is sys.modules["array_api_compat.cupy"] is not compat
    assert sys.modules["cupy"] is real
    assert sys.modules["array_api_compat.cupy"] is compat
