"""A plain install, without extras: what it does, what importing costs, and that each extra is named where it lacks."""

import os
import statistics
import subprocess
import sys
import time
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest

packaging = pytest.importorskip("packaging.requirements", reason="packaging is not installed: pytest brings it")

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def name_of(requirement):
    return packaging.Requirement(requirement).name.lower().replace("_", "-").replace(".", "-")


def with_all_that_they_need(requirements):
    """The names of distributions: these, and what they require here without an extra."""
    found, todo = set(), [name_of(line) for line in requirements]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        for line in requires(name) or ():
            marker = packaging.Requirement(line).marker
            if marker is None or marker.evaluate({"extra": ""}):
                todo.append(name_of(line))
    return found


def test_a_plain_install_does_its_work_and_names_the_extras(tmp_path):
    names = with_all_that_they_need(PROJECT["dependencies"])
    assert not names & {"scikit-learn", "matplotlib", "requests", "pillow", "safetensors", "pandas", "torch"}
    scripts = [str(ROOT / "tests/support/hidden.py"), ",".join(sorted(names)), str(ROOT / ".ci/plain_install.py")]
    words = [sys.executable, *scripts, "--quick"]
    done = subprocess.run(words, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == "a plain install has what it needs\n"


def test_dev_has_the_extras():
    def all_of(extra):
        lines = PROJECT["optional-dependencies"][extra]
        own = [line for line in lines if line.startswith(PROJECT["name"])]
        within = (name for line in own for name in packaging.Requirement(line).extras)
        return {name_of(line) for line in set(lines) - set(own)}.union(*map(all_of, within))

    large = {"torch", "jax", "gpu", "lite"}  # or for other hardware: whoever wants them takes them
    for extra in set(PROJECT["optional-dependencies"]) - large:
        assert all_of(extra) <= all_of("dev"), extra
    assert "lmfit" in all_of("dev")  # a peer of benchmarks/least_squares.py
    assert not all_of("course") & {"sphinx", "pytest"}


def modules_of(code):
    code += "\nimport sys\nprint(*sorted({name.partition('.')[0] for name in sys.modules}))"
    return set(subprocess.check_output([sys.executable, "-c", code], env=ENVIRONMENT, text=True).split())


def test_importing_curveball_imports_nothing_else():
    assert not modules_of("import curveball") & {"numpy", "scipy", "minigrad", "problems", "typer"}
    names = "CurveBall, Newton, LevenbergMarquardt, SGD, minimize, fit, least_squares, conjugate_gradient"
    loaded = modules_of(f"from curveball import {names}")
    beyond = loaded - modules_of("import array_api_compat.numpy") - set(sys.stdlib_module_names)
    assert beyond == {"curveball", "minigrad"}


def test_importing_curveball_takes_less_than_a_fifth_more_than_importing_numpy():
    def seconds(code):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, check=True)
        return time.perf_counter() - started

    ratios = [seconds("import curveball") / seconds("import numpy") for _ in range(5)]
    assert statistics.median(ratios) < 1.2
