"""A run in its checkpoint: saved after every epoch, and restored when it is resumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from curveball.training import checkpoint
from curveball.training.devices import to_device_of
from curveball.training.run import Record, Run
from minigrad import Array


def save_run(path: Path | None, run: Run, rng: np.random.Generator, about: Record) -> None:
    """Write the checkpoint of a run after a whole epoch; nothing where there is no path."""
    if path is None:
        return
    trees = {"params": run.params, "state": run.state, "stats": run.stats}
    facts = {
        "about": about,
        "epoch": len(run.epochs),
        "seconds": run.seconds,
        "steps": run.steps,
        "epochs": run.epochs,
        "generator": rng.bit_generator.state,
    }
    checkpoint.save(path, trees, facts)


def resume(path: Path, run: Run, rng: np.random.Generator, about: Record, images: Array) -> None:
    """Restore a run, its arrays moved to where the images are, and the state of its random generator.

    ValueError where the checkpoint is of another run. The backend may differ: a checkpoint holds host arrays, and
    rounding differs no more than between two machines.
    """
    leaves, facts = checkpoint.load(path)
    saved = facts["about"]
    for key in {**saved, **about}:
        if key != "name" and saved.get(key) != about.get(key):
            raise ValueError(
                f"the checkpoint {path} was written with {key}={saved.get(key)}, this run has {key}={about.get(key)}: "
                "give the same options, or another --out"
            )
    run.params = to_device_of(images, checkpoint.restore("params", run.params, leaves))
    run.state = to_device_of(images, checkpoint.restore("state", run.state, leaves))
    run.stats = to_device_of(images, checkpoint.restore_dict("stats", leaves))
    run.steps, run.epochs, run.seconds = facts["steps"], facts["epochs"], facts["seconds"]
    rng.bit_generator.state = facts["generator"]
