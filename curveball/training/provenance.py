"""Where a number came from: command, versions, machine."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def provenance() -> dict[str, Any]:
    """Return what is needed to repeat a run elsewhere: command line, day, Python, package versions, processor, cores,
    and what multiplies matrices.

    >>> sorted(provenance())
    ['blas', 'command', 'cores', 'date', 'machine', 'processor', 'python', 'threads', 'versions']
    """
    versions = {}
    for package in ("curveball", "numpy", "scipy", "array-api-compat", "cupy-cuda13x"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "versions": versions,
        "machine": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
        "blas": [{name: library[name] for name in ("name", "version", "kernels")} for library in blas()],
    }


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
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
