"""Training a network: epochs of mini-batches, a log, a checkpoint, and an end when the loss is no longer a number."""

from __future__ import annotations

import contextlib
import json
import math
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

import minigrad as mg
from curveball.solvers.base import Solver, Tree
from curveball.training import checkpoint
from curveball.training.devices import device_info, pool_use, to_device_of, to_host
from curveball.training.files import archive_previous, check_writable, output_folder, write_whole
from curveball.training.provenance import provenance
from minigrad import one_blas_thread

STATS_MOMENTUM = 0.1  # of batch normalisation's running statistics
FILES = ("checkpoint.safetensors", "log.jsonl")
KNOWN = ("rho", "beta", "lam", "trust_ratio", "predicted")  # what a solver may tell besides the loss


@dataclass
class Run:
    """What training left: a record per logged step and per epoch, and the last params.

    Steps have `step`, `epoch`, `loss`, `error`, `seconds` (of training alone) and what the solver knows, where finite
    (JSON has no nan, and there is no trust ratio before the first); epochs have the means `train_loss` and
    `train_error`, `validation_loss`, `validation_error`, `seconds`, and on CuPy the bytes of its memory pool.
    """

    name: str
    params: Tree
    steps: list[dict[str, Any]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    stats: Tree = None
    state: Any = None
    stopped: str | None = None  # why the run ended early: the loss was not finite


class RunIsDone(ValueError):
    """There is nothing to go on with: `run` has all its epochs."""

    def __init__(self, message: str, run: Run):
        super().__init__(message)
        self.run = run


def train(
    problem: Any,
    solver: Solver,
    epochs: int = 20,
    seed: int = 0,
    name: str | None = None,
    folder: Path | None = None,
    resume: bool = False,
    log_every: int = 1,
    quiet: bool = False,
) -> Run:
    """Train on mini-batches of a classification problem; the same seed gives the same start and the same batches.

    It computes where the problem's data are. Every `log_every` steps, losses and what the solver knows are copied to
    the host together; between, on a GPU, nothing waits.
    With a `folder`, writes `log.jsonl` (a line about the run, then one per logged step and epoch) and, after every
    epoch, `checkpoint.safetensors`, from which `resume` goes on as if the run had never stopped, also on another
    backend (then up to rounding). Without `resume`, an earlier run's log and checkpoint in the folder are put aside, in
    its folder `previous`. A loss that stops being finite ends the run at the next logged step: `stopped` names the step
    and the last finite loss. ValueError for bad arguments.
    """
    if epochs < 1 or log_every < 1:
        raise ValueError(f"epochs and log_every must be at least 1; got {epochs} and {log_every}")
    if seed < 0:
        raise ValueError(f"seed must be zero or positive; got {seed}")
    name = name or type(solver).__name__
    rng = np.random.default_rng(seed)
    images = problem.data.train_images
    params = to_device_of(images, problem.init(rng))
    run = Run(name, params, state=solver.init(params))
    about = {
        "name": name,
        "solver": type(solver).__name__,
        **{key: value for key, value in asdict(solver).items() if value is not None},  # type: ignore[call-overload]  # solvers are dataclasses
        "data": problem.data.name,
        "classes": len(problem.data.classes),
        "training_images": list(images.shape),
        "channel_means": list(problem.data.mean),  # tell data sets of one name apart
        "augment": problem.augment,
        "network": problem.network.name,
        "initialisation": problem.network.initialisation,
        "batch_size": problem.batch_size,
        "dtype": np.dtype(problem.dtype).name,
        "seed": seed,
    }
    first, seconds = 0, 0.0
    if resume:
        if folder is None:
            raise ValueError("resume needs the folder of the run to go on with")
        first, seconds = _resume(folder / "checkpoint.safetensors", run, rng, about, images)
        if first >= epochs:
            raise RunIsDone(f"the run in {folder} has its {first} epochs: ask for more than that to go on", run)
    if folder is not None:
        check_writable(output_folder(folder), FILES)
        if not resume and (folder / FILES[0]).exists():
            archive_previous(folder, FILES)
    log = _Log(folder, first)
    log.write(
        {"kind": "run", **about, **device_info(images), "source": problem.data.source, "epochs": epochs, **provenance()}
    )

    bar = tqdm(
        total=epochs * problem.steps_per_epoch, initial=first * problem.steps_per_epoch, desc=name,
        disable=quiet, unit="step", mininterval=0.2, leave=True, ncols=120,
    )  # fmt: skip
    # A run that diverges overflows on its way to the end that we report.
    with log, bar, one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
        for epoch in range(first, epochs):
            seconds = _epoch(problem, solver, run, rng, epoch, seconds, log, log_every, bar)
            if run.stopped:
                where = f"; go back to {folder / 'checkpoint.safetensors'}" if folder is not None and epoch else ""
                run.stopped += where
                log.write({"kind": "stopped", "reason": run.stopped})
                break
            if folder is not None:
                trees = {"params": run.params, "state": run.state, "stats": run.stats}
                facts = {
                    "about": about,
                    "epoch": epoch + 1,
                    "seconds": seconds,
                    "steps": run.steps,
                    "epochs": run.epochs,
                    "generator": rng.bit_generator.state,
                }
                checkpoint.save(folder / "checkpoint.safetensors", trees, facts)
    return run


def _epoch(
    problem: Any, solver: Solver, run: Run, rng: Any, epoch: int, seconds: float, log: _Log, log_every: int, bar: Any
) -> float:
    """Train one epoch and validate; return the seconds of training so far."""
    losses: list[float] = []
    errors: list[float] = []
    unread: list[Any] = []  # loss and error of each step since the last logged one, on the device
    count = problem.steps_per_epoch
    started = time.perf_counter()
    for k, batch in enumerate(problem.batches(rng)):
        run.params, run.state, info = solver.step(
            run.params,
            run.state,
            partial(problem.model, batch=batch),
            partial(problem.loss, batch=batch),
            has_aux=True,
        )
        run.stats = _running(run.stats, info["aux"])
        unread += [info["loss"], problem.errors(info["outputs"], batch)]
        if k % log_every == 0 or k == count - 1:
            known = [key for key in KNOWN if key in info]
            numbers = to_host([*unread, *(info[key] for key in known)])
            now = seconds + time.perf_counter() - started
            for loss, error in zip(numbers[: len(unread) : 2], numbers[1 : len(unread) : 2], strict=True):
                if not math.isfinite(loss):
                    run.stopped = _not_finite(loss, epoch * count, losses, run)
                    return seconds
                losses.append(loss)
                errors.append(error)
            record = {
                "step": epoch * count + k + 1,
                "epoch": epoch + 1,
                "loss": losses[-1],
                "error": errors[-1],
                **{key: x for key, x in zip(known, numbers[len(unread) :], strict=True) if math.isfinite(x)},
                "seconds": now,
            }
            unread = []
            run.steps.append(record)
            log.write({"kind": "step", **record})
            shown = {key: f"{record[key]:.3g}" for key in ("loss", "error", "rho", "beta", "lam") if key in record}
            bar.set_postfix(shown, refresh=False)
        bar.update()
    seconds += time.perf_counter() - started
    validation_loss, validation_error = problem.validate(run.params, run.stats or {})
    if not math.isfinite(validation_loss):  # nor are the params, then: the checkpoint before stays
        run.stopped = (
            f"the validation loss is {validation_loss} after epoch {epoch + 1}, step {run.steps[-1]['step']}; "
            f"last finite loss: {run.steps[-1]['loss']:.6g}"
        )
        return seconds
    summary = {
        "epoch": epoch + 1,
        "step": (epoch + 1) * count,
        "train_loss": math.fsum(losses) / count,
        "train_error": math.fsum(errors) / count,
        "validation_loss": validation_loss,
        "validation_error": validation_error,
        "seconds": seconds,
        **pool_use(problem.data.train_images),
    }
    run.epochs.append(summary)
    log.write({"kind": "epoch", **summary})
    return seconds


def _not_finite(loss: float, before: int, losses: list[float], run: Run) -> str:
    """What to say of a loss that is no number; `losses` are this epoch's until then, `before` the steps before it."""
    last = "none"
    if losses:
        last = f"{losses[-1]:.6g} at step {before + len(losses)}"
    elif run.steps:
        last = f"{run.steps[-1]['loss']:.6g} at step {run.steps[-1]['step']}"
    return f"the loss is {loss} at step {before + len(losses) + 1}; last finite loss: {last}"


def _running(stats: Tree, seen: Tree) -> Tree:
    """Batch normalisation's running statistics, moved towards those of the latest batch."""
    if stats is None:
        return seen
    return mg.tree_map(lambda old, new: (1.0 - STATS_MOMENTUM) * old + STATS_MOMENTUM * new, stats, seen)


def _resume(path: Path, run: Run, rng: np.random.Generator, about: dict[str, Any], images: Any) -> tuple[int, float]:
    """Put a run back to where its checkpoint was taken, beside the images; return the epochs done and their seconds.

    The backend is not among what must agree: a checkpoint holds host arrays, and rounding differs no more than between
    two machines.
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
    run.steps, run.epochs = facts["steps"], facts["epochs"]
    rng.bit_generator.state = facts["generator"]
    return facts["epoch"], facts["seconds"]


class _Log:
    """A file of JSON lines, or nothing. Of a run that goes on it keeps the epochs done, and nothing after them."""

    def __init__(self, folder: Path | None, epochs: int):
        self._file = None
        if folder is not None:
            path = folder / "log.jsonl"
            write_whole(path, lambda temporary: temporary.write_text(_until_epoch(path, epochs) if epochs else ""))
            self._file = path.open("a")

    def write(self, record: dict[str, Any]) -> None:
        if self._file is not None:
            try:
                self._file.write(json.dumps(record) + "\n")
                self._file.flush()
            except OSError as error:
                raise ValueError(
                    f"the log {self._file.name} cannot be written ({error.strerror}): mend that, go on with --resume"
                ) from None

    def __enter__(self) -> _Log:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # every record was flushed, or has been complained about
                self._file.close()


def _until_epoch(path: Path, epoch: int) -> str:
    """The lines of a log up to the record of an epoch."""
    kept = []
    for line in path.read_text().splitlines(keepends=True) if path.exists() else []:
        kept.append(line)
        if '"kind": "epoch"' in line and json.loads(line)["epoch"] == epoch:
            return "".join(kept)
    return ""  # the log is of another run, or lost: the checkpoint knows all that counts
