"""Where a run of Table 2 was computed, as a text: the machine or the GPU, and how."""

from __future__ import annotations

from typing import Any


def place_of(provenance: dict[str, Any]) -> str:
    """The machine and how it computes: seconds are compared only where these are the same.

    >>> place_of({"processor": "AMD EPYC", "cores": 2, "threads": "1", "backend": "torch", "device": "cpu"})
    'AMD EPYC, 1 thread of 2 cores, torch'
    >>> place_of({"processor": "AMD EPYC", "cores": 2, "backend": "torch", "device": "cuda:0 (H200)", "compile": True})
    'cuda:0 (H200), torch, compiled'
    """
    device = str(provenance.get("device", "cpu"))
    if "cpu" in device.lower():
        device = f"{provenance.get('processor', 'unknown machine')}, {cores_of(provenance)}"
    compiled = ", compiled" if provenance.get("compile") else ""
    return f"{device}, {provenance.get('backend', 'numpy')}{compiled}"


def cores_of(provenance: dict[str, Any]) -> str:
    """The cores of a machine, and how many threads computed where that is known and they were fewer.

    >>> [cores_of({"cores": 2, "threads": threads}) for threads in ("1", "2", "default", None)]
    ['1 thread of 2 cores', '2 cores', '2 cores', '2 cores']
    >>> cores_of({"cores": 2, "threads": "1", "backend": "jax"})  # JAX has threads of its own
    '2 cores'
    """
    cores, threads = provenance.get("cores", "?"), str(provenance.get("threads"))
    known = threads.isdecimal() and len(threads) < 9 and not str(provenance.get("backend")).startswith("jax")
    if known and isinstance(cores, int) and 0 < int(threads) < cores:
        return f"{int(threads)} thread{'s' * (int(threads) > 1)} of {cores} cores"
    return f"{cores} cores"


def on_a_gpu(place: str) -> bool:
    """Whether a place is a GPU, not the cores of a machine."""
    return bool(place) and " cores, " not in place


def options_for(place: str) -> str:
    """The options of `curveball table2` that compute as a place does, each after a space. NumPy needs none.

    >>> options_for("AMD EPYC, 1 thread of 2 cores, torch"), options_for("cuda:0 (H200), torch, compiled")
    (' --backend torch', ' --backend torch --compile')
    """
    text = place.removesuffix(", compiled")
    backend = text.rpartition(", ")[2].partition(".")[0]
    return f" --backend {backend}" * (backend not in ("", "numpy")) + " --compile" * (text != place)
