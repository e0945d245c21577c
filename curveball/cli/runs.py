"""What `train` and `compare` share: the problem from its options, the folder of a run, the memory it took."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import typer

import problems
from curveball.cli.options import BATCH_SIZE, ProblemOptions
from curveball.training.devices import choose, to_backend
from curveball.training.processes import leads
from curveball.training.run import Record, Run


def load_problem(options: ProblemOptions, on_host: bool = False) -> problems.Classification:
    """Load the data onto their backend, and make the network. ValueError for bad options.

    on_host:  the data stay there
    """
    if options.dtype not in ("float32", "float64"):
        raise ValueError(f"dtype must be float32 or float64; got {options.dtype!r}")
    xp = choose(options.backend, options.device, options.tf32, options.dtype)
    dataset = problems.load(options.data, options.data_folder)
    if not on_host:
        dataset = to_backend(dataset, xp)
    net = problems.network(options.network, len(dataset.classes), options.initialisation)
    dtype = np.dtype(options.dtype).type
    problem = problems.Classification(dataset, net, options.batch_size, dtype, options.augment)
    if dataset.source and leads():
        typer.echo(f"{options.data} from {dataset.source}")
    return problem


def default_folder(kind: str, options: ProblemOptions, data_name: str, solvers: str, seed: int) -> Path:
    """Where the files of a run go by default: its name has every option that is not at its default."""
    data = f"folder-{data_name}" if options.data == "folder" else options.data
    parts = [kind, data, options.network, solvers.replace(":", "-").replace(",", "-")]
    given = (
        (options.initialisation, "he"),
        (options.dtype, "float32"),
        (f"batch{options.batch_size}", f"batch{BATCH_SIZE}"),
        ("augment" if options.augment else "", ""),
        (options.backend, "numpy"),
        ("tf32" if options.tf32 else "", ""),
        ("compile" if options.compile else "", ""),
    )
    parts += [text for text, default in given if text != default]
    full = "-".join(filter(None, parts))
    if len(full.encode()) > 150:  # file systems take 255 bytes, and two names may differ only at their ends
        full = f"{full.encode()[:120].decode(errors='ignore')}-{hashlib.sha256(full.encode()).hexdigest()[:8]}"
    return Path("runs") / f"{full}-seed{seed}"


def print_memory_pool(runs: Sequence[Run]) -> None:
    """Say what memory of the device was needed, where the library counts it."""
    last: Record = next((run.epochs[-1] for run in reversed(runs) if run.epochs), {})
    if "pool_held" in last:
        used, held = last["pool_used"] / 2**20, last["pool_held"] / 2**20
        typer.echo(f"memory pool: {held:.0f} MiB held, {used:.0f} MiB of it in use")
