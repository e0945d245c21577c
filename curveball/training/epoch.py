"""One epoch: a step for each mini-batch, the numbers copied to the host now and then, and validation at the end."""

from __future__ import annotations

import math
import time
from functools import partial

import numpy as np

import minigrad as mg
from curveball.solvers.base import Solver
from curveball.training.devices import pool_use, to_host
from curveball.training.log import Reporter
from curveball.training.protocol import Batch, TrainingProblem
from curveball.training.run import Record, Run
from minigrad import Array

STATS_MOMENTUM = 0.1  # of batch normalisation's running statistics
KNOWN = ("rho", "beta", "lam", "trust_ratio", "predicted")  # what a solver may report in addition to the loss


def train_epoch(
    problem: TrainingProblem[Batch],
    solver: Solver,
    run: Run,
    rng: np.random.Generator,
    log_every: int,
    report: Reporter,
) -> Record | None:
    """Train one epoch and validate; update `run` and return the epoch's record.

    Where a loss is not finite, `run.stopped` says so, and there is no record.
    """
    count = problem.steps_per_epoch
    before = len(run.epochs) * count  # steps
    losses: list[float] = []
    errors: list[float] = []
    unread: list[Array] = []  # loss and error of each step since the last logged one, on the device
    started = time.perf_counter() - run.seconds
    for k, batch in enumerate(problem.batches(rng)):
        run.params, run.state, info = solver.step(
            run.params,
            run.state,
            partial(problem.model, batch=batch),
            partial(problem.loss, batch=batch),
            has_aux=True,
        )
        run.stats = mg.nn.running_average(run.stats, info["aux"], STATS_MOMENTUM)
        unread += [info["loss"], problem.errors(info["outputs"], batch)]
        if k % log_every == 0 or k == count - 1:
            known = [key for key in KNOWN if key in info]
            numbers = to_host([*unread, *(info[key] for key in known)])
            seconds = time.perf_counter() - started
            for loss, error in zip(numbers[: len(unread) : 2], numbers[1 : len(unread) : 2], strict=True):
                if not math.isfinite(loss):
                    run.stopped = _not_finite(loss, before, losses, run)
                    return None
                losses.append(loss)
                errors.append(error)
            record = {
                "step": before + k + 1,
                "epoch": len(run.epochs) + 1,
                "loss": losses[-1],
                "error": errors[-1],
                **{key: x for key, x in zip(known, numbers[len(unread) :], strict=True) if math.isfinite(x)},
                "seconds": seconds,
            }
            unread = []
            run.steps.append(record)
            paused = time.perf_counter()
            report.step(record)
            started += time.perf_counter() - paused
        report.advance()
    run.seconds = time.perf_counter() - started
    return _validated(problem, run, math.fsum(losses) / count, math.fsum(errors) / count)


def _validated(problem: TrainingProblem[Batch], run: Run, train_loss: float, train_error: float) -> Record | None:
    """The record of an epoch, or None where the validation loss is not finite."""
    epoch, step = len(run.epochs) + 1, run.steps[-1]["step"]
    validation_loss, validation_error = problem.validate(run.params, run.stats or {})
    if not math.isfinite(validation_loss):  # the params are not finite either: the checkpoint before stays
        run.stopped = (
            f"the validation loss is {validation_loss} after epoch {epoch}, step {step}; "
            f"last finite loss: {run.steps[-1]['loss']:.6g}"
        )
        return None
    return {
        "epoch": epoch,
        "step": step,
        "train_loss": train_loss,
        "train_error": train_error,
        "validation_loss": validation_loss,
        "validation_error": validation_error,
        "seconds": run.seconds,
        **pool_use(problem.data.train_images),
    }


def _not_finite(loss: float, before: int, losses: list[float], run: Run) -> str:
    """The message for a loss that is not finite, after this epoch's `losses` and `before` steps of earlier epochs."""
    last = "none"
    if losses:
        last = f"{losses[-1]:.6g} at step {before + len(losses)}"
    elif run.steps:
        last = f"{run.steps[-1]['loss']:.6g} at step {run.steps[-1]['step']}"
    return f"the loss is {loss} at step {before + len(losses) + 1}; last finite loss: {last}"
