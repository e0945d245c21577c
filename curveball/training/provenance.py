"""Where a number came from: command, versions, machine, and the solver's settings."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from dataclasses import asdict, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("curveball-course", "numpy", "scipy", "array-api-compat", "cupy-cuda13x", "torch", "jax")


def provenance() -> dict[str, Any]:
    """Return what is needed to repeat a run elsewhere: command line, day, Python, package versions, processor, cores,
    and what multiplies matrices.

    >>> sorted(provenance())
    ['blas', 'command', 'cores', 'date', 'machine', 'processor', 'python', 'threads', 'versions']
    """
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "command": " ".join([_program(), *sys.argv[1:]]),
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "versions": versions,
        "machine": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
        "blas": [{name: library[name] for name in ("name", "version", "kernels")} for library in blas()],
    }


def settings_of(solver: object) -> dict[str, Any]:
    """The hyper-parameters of a solver that are set; None, which means automatic, is left out.

    >>> from curveball import SGD
    >>> settings_of(SGD(lr=0.1))
    {'lr': 0.1, 'momentum': 0.9, 'weight_decay': 0.0, 'nesterov': False}
    """
    if not is_dataclass(solver) or isinstance(solver, type):
        raise TypeError(f"a solver is an instance of a dataclass of hyper-parameters; got {solver!r}")
    return {key: value for key, value in asdict(solver).items() if value is not None}


def blas() -> list[dict[str, Any]]:
    """The libraries that multiply matrices in this process: name, version, kernels, threads.

    Kernels are for one kind of processor: OpenBLAS's Haswell use AVX2, its SkylakeX AVX-512. It chooses by the
    processor, unless OPENBLAS_CORETYPE is set.

    >>> all(library["threads"] >= 1 for library in blas())
    True
    """
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return []
    return [
        {
            "name": library["internal_api"],
            "version": library["version"],
            "kernels": library.get("architecture"),
            "threads": library["num_threads"],
        }
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _program() -> str:
    """As it was called: a command, a script, or `python -m` a package."""
    called = Path(sys.argv[0])
    return f"python -m {called.parent.name}" if called.name == "__main__.py" else called.name
