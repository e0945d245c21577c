"""`curveball info`: what it says of the machine, and of the array libraries."""

import json
import sys
from importlib.metadata import version

import numpy as np
import pytest
from typer.testing import CliRunner

from curveball.cli.app import app
from curveball.cli.info import format_info, machine_facts
from curveball.training.many_devices import start
from tests.support import cupy_double

LIBRARIES = {"torch": "CUDA graphs, on a GPU", "jax": "XLA"}


def test_numpy_is_always_there():
    facts = machine_facts()
    assert list(facts["backends"]) == ["numpy", "cupy", "torch", "jax"]
    assert facts["backends"]["numpy"] == {"version": np.__version__, "devices": ["cpu"], "compiler": None}
    assert f"numpy      {np.__version__} on cpu; no --compile" in format_info(facts).splitlines()


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_with_its_version_its_devices_and_its_compiler(name):
    pytest.importorskip(name, reason=f"{name} is not installed")
    result = CliRunner().invoke(app, ["info", "--json"], prog_name="curveball")
    facts = json.loads(result.stdout)
    about = facts["backends"][name]
    assert about["version"] == version(name)
    assert about["compiler"] == LIBRARIES[name]
    assert any("cpu" in device or "cuda" in device for device in about["devices"])
    line = next(line for line in format_info(facts).splitlines() if line.startswith(name))
    assert line.endswith(f"; --compile: {LIBRARIES[name]}")


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_that_is_missing(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    title = {"torch": "PyTorch", "jax": "JAX"}[name]
    assert machine_facts()["backends"][name] == {
        "reason": f"{title} is not installed: pip install 'curveball-course[{name}]'"
    }


@pytest.mark.parametrize("error", [AssertionError(), RuntimeError("Unable to initialize backend 'cuda'")], ids=repr)
def test_a_platform_that_jax_does_not_have(error, monkeypatch):
    """As JAX_PLATFORMS=cuda asks for it, where JAX is the one for the CPU."""
    jax = pytest.importorskip("jax", reason="jax is not installed")

    def raises(*args, **kwargs):
        raise error

    monkeypatch.setattr(jax, "local_devices", raises)
    what = str(error) or "AssertionError"
    assert machine_facts()["backends"]["jax"] == {"reason": f"JAX finds no device ({what}): set JAX_PLATFORMS=cpu"}
    with pytest.raises(ValueError, match=r"^JAX finds no device \(.*\): see curveball info$"):
        start(1)


def test_info_without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    facts = machine_facts()
    assert facts["backends"]["cupy"] == {"reason": "CuPy is not installed: pip install 'curveball-course[gpu]'"}
    lines = format_info(facts).splitlines()
    assert "cupy       not usable: CuPy is not installed: pip install 'curveball-course[gpu]'" in lines
    assert [line.split()[0] for line in lines[:4]] == ["versions", "system", "processor", "memory"]
    assert f"numpy {np.__version__}" in lines[0]
    assert any(line.startswith("BLAS") and "thread" in line for line in lines)
    assert 0 < facts["memory"]["available"] <= facts["memory"]["total"]


@pytest.mark.parametrize(
    ("chosen", "text"), [(None, "SkylakeX kernels"), ("Haswell", "SkylakeX kernels (OPENBLAS_CORETYPE=Haswell)")]
)
def test_info_names_the_kernels_of_blas(monkeypatch, chosen, text):
    if chosen is None:
        monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    else:
        monkeypatch.setenv("OPENBLAS_CORETYPE", chosen)
    libraries = [
        {"name": "openblas", "version": "0.3.31", "kernels": "SkylakeX", "threads": 2},
        {"name": "mkl", "version": None, "kernels": None, "threads": 1},
    ]
    lines = [
        line for line in format_info({**machine_facts(), "blas": libraries}).splitlines() if line.startswith("BLAS")
    ]
    assert lines == [f"BLAS       openblas 0.3.31, {text}, 2 threads", "BLAS       mkl, 1 thread"]


def test_info_with_gpus(double):
    lines = format_info(machine_facts()).splitlines()
    assert [line.split(None, 1)[1] for line in lines if line.startswith("GPU")] == [
        f"{k}: Pretended {k}, 8.0 GiB, compute capability 9.0, CUDA 13.2 (driver: up to 13.0)" for k in (0, 1)
    ]
    cupy_double.Machine.devices = None
    assert "not usable: CuPy finds no GPU (cudaErrorInsufficientDriver" in format_info(machine_facts())


def test_info_where_the_system_does_not_tell_its_memory(monkeypatch):
    def no_file(*args, **kwargs):
        raise FileNotFoundError

    monkeypatch.setattr("pathlib.Path.read_text", no_file)
    monkeypatch.setattr("curveball.cli.info.backend_facts", dict)
    monkeypatch.setattr("curveball.cli.info.provenance", dict)
    assert set(machine_facts()["memory"]) == {"total"}
    monkeypatch.setattr("os.sysconf", no_file)
    assert machine_facts()["memory"] == {}
