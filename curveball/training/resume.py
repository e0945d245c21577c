"""A run in its checkpoint: saved after every epoch and now and then within it, and restored when it is resumed."""

from __future__ import annotations

import math
import os
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
from curveball.training import checkpoint
from curveball.training.devices import to_device_of
from curveball.training.files import one_line
from curveball.training.log import Log
from curveball.training.processes import are_several, from_leader, leads
from curveball.training.protocol import Facts
from curveball.training.run import PartOfEpoch, Record, Run
from curveball.training.say import say
from minigrad import Array, Tree, tree_flatten

TREES = ("params", "state", "stats")


class Saver:
    """Writes the checkpoints of a run: when it is asked, and says when it is time within an epoch.

    path:      of the checkpoint; None saves nothing
    about:     what must be the same when the run is resumed
    data:      hashes of the data set
    interval:  steps and seconds from one checkpoint to the next
    writes:    False where another process writes them: this one checks the same, and writes nothing
    facts:     what inputs and outputs mean, for predictions from the checkpoint; not compared when a run is resumed
    """

    def __init__(
        self,
        path: Path | None,
        rng: np.random.Generator,
        about: Record,
        data: dict[str, str],
        log: Log,
        interval: tuple[float, float],
        writes: bool = True,
        facts: Facts | None = None,
    ):
        self._path, self._rng, self._about, self._data, self._log = path, rng, about, data, log
        self._steps, self._seconds = interval
        self._writes = writes
        self._answers = None if facts is None else facts.to_json()
        self._saved = time.monotonic()

    @property
    def saves(self) -> bool:
        """Whether there is a checkpoint to write."""
        return self._path is not None

    def is_due(self, step: int) -> bool:
        """Whether it is time for a checkpoint after this step."""
        if self._path is None or not self._writes:
            return False
        return step % self._steps == 0 or time.monotonic() - self._saved >= self._seconds

    def save(self, run: Run) -> None:
        """Write the checkpoint. Params that are not finite are not saved."""
        self._saved = time.monotonic()
        if self._path is None or not self._writes or not is_finite((run.params, run.stats)):
            return
        self._log.to_disk()
        facts = {
            "about": self._about,
            "data": self._data,
            "answers": self._answers,
            "epoch": len(run.epochs),
            "seconds": run.seconds,
            "first_loss": run.first_loss,
            "last_step": run.steps[-1] if run.steps else None,
            "epochs": run.epochs,
            "part": None if run.part is None else asdict(run.part),
            "log": self._log.mark,
            "generator": self._rng.bit_generator.state,
        }
        checkpoint.save(self._path, dict(zip(TREES, (run.params, run.state, run.stats), strict=True)), facts)

    @property
    def there(self) -> Path | None:
        """The checkpoint, if one has been written."""
        return self._path if self._path is not None and self._path.exists() else None


def is_finite(tree: Tree) -> bool:
    """Whether all numbers in the arrays of a tree are finite.

    >>> is_finite({"w": np.array([1.0, np.inf])})
    False
    """
    return all(bool(np.isfinite(mg.to_numpy(x)).all()) for x in tree_flatten(tree)[0] if hasattr(x, "shape"))


def resume(
    path: Path, run: Run, rng: np.random.Generator, about: Record, data: dict[str, str], log: Log, images: Array
) -> Path:
    """Restore a run, its arrays moved to where the images are, and the state of its random generator; return the file.

    A checkpoint that is damaged or gone is replaced by the one before; a log that is gone or of another run is begun
    anew, with the records of the epochs. ValueError where the checkpoint is of another run, or of other data. The
    backend may differ: a checkpoint holds host arrays, and rounding differs no more than between two machines.
    """
    source, leaves, facts = _load(path)
    try:
        _check_same(source, facts, about, data)
        _put_back(run, rng, leaves, facts, images)
        records = log.read({"bytes": int(facts["log"]["bytes"]), "sha256": str(facts["log"]["sha256"])})
    except (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"the checkpoint {source} is damaged ({type(error).__name__}: {one_line(error)})") from None
    except ValueError as error:
        named = str(source) in str(error) or "the log" in str(error)
        raise ValueError(one_line(error) if named else f"{source}: {one_line(error)}") from None
    if source != path and path.exists():
        aside = path.with_stem(f"{path.stem}-damaged")
        os.replace(path, aside)
        say(f"curveball: the damaged one is kept as {aside}")
    if records is None:
        say(
            f"curveball: the log of {path.parent} is gone or of another run: it is begun anew, with the records of the "
            "epochs but without those of the steps"
        )
        run.steps = [facts["last_step"]] if facts["last_step"] else []
    else:
        run.steps = [
            {key: value for key, value in record.items() if key != "kind"}
            for record in records
            if record["kind"] == "step"
        ]
    return source


def resume_together(
    path: Path, run: Run, rng: np.random.Generator, about: Record, data: dict[str, str], log: Log, images: Array
) -> None:
    """Restore a run in each of the processes that train it; the one that leads reads the file and sends it."""
    source = resume(path, run, rng, about, data, log, images) if leads() else None
    if are_several():
        content = from_leader(None if source is None else source.read_bytes())
        if source is None:
            _follow(content, run, rng, about, data, images)


def _follow(
    content: bytes, run: Run, rng: np.random.Generator, about: Record, data: dict[str, str], images: Array
) -> None:
    """Restore a run from the bytes of a checkpoint, which another process has read without an error."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkpoint.safetensors"
        copy.write_bytes(content)
        leaves, facts = checkpoint.load(copy)
    _check_same(copy, facts, about, data)
    _put_back(run, rng, leaves, facts, images)
    run.steps = [facts["last_step"]] if facts["last_step"] else []


def _load(path: Path) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """The checkpoint, or the one before: which it is, its leaves, its facts."""
    try:
        return path, *checkpoint.load(path)
    except ValueError as error:
        earlier = checkpoint.before(path)
        if not earlier.exists():
            raise
        try:
            found = checkpoint.load(earlier)
        except ValueError as also:
            raise ValueError(f"{error}; {also}") from None
        what = error if path.exists() else f"the checkpoint {path} is gone"
        say(f"curveball: {what}; the run continues from the one before, {earlier}")
        return earlier, *found


def _check_same(path: Path, facts: dict[str, Any], about: Record, data: dict[str, str]) -> None:
    """ValueError unless the checkpoint is of this run, on these data."""
    saved = facts["about"]
    any_name = {"name", "data"} if data and facts["data"] == data else {"name"}  # the same data in another folder
    for key in {**saved, **about}:
        # An option that is off is as one that there was not yet when the checkpoint was written.
        if key not in any_name and saved.get(key, False) != about.get(key, False):
            raise ValueError(
                f"the checkpoint {path} was written with {key}={saved.get(key)}, this run has {key}={about.get(key)}: "
                "give the same options, or another --out"
            )
    for key in {**facts["data"], **data}:
        if facts["data"].get(key) != data.get(key):
            raise ValueError(
                f"the data have changed since the checkpoint {path} was written: other {key.replace('_', ' ')}; give "
                "the data of that time, or another --out"
            )


def _put_back(run: Run, rng: np.random.Generator, leaves: dict[str, Any], facts: dict[str, Any], images: Array) -> None:
    """Everything but the steps. ValueError where something is missing, unknown or out of range."""
    params = checkpoint.restore("params", run.params, leaves)
    state = checkpoint.restore("state", run.state, leaves)
    stats = checkpoint.restore_dict("stats", leaves)
    checkpoint.check_known(TREES, (params, state, stats), leaves)
    if not is_finite((params, stats)):
        raise ValueError("the checkpoint has numbers that are not finite")
    epochs, part = facts["epochs"], None if facts["part"] is None else PartOfEpoch(**facts["part"])
    run.seconds, run.first_loss = float(facts["seconds"]), facts["first_loss"]
    if (
        facts["epoch"] != len(epochs)
        or (not epochs and part is None)
        or not (0.0 <= run.seconds < math.inf)
        or facts["log"]["bytes"] < 0
        or not (run.first_loss is None or math.isfinite(run.first_loss))
        or (part is not None and not (part.batches >= 1 and math.isfinite(part.loss + part.error)))
    ):  # fmt: skip
        raise ValueError("the checkpoint's facts are out of range")
    run.params, run.state, run.stats = (to_device_of(images, tree) for tree in (params, state, stats))
    run.epochs, run.part = epochs, part
    rng.bit_generator.state = facts["generator"]
