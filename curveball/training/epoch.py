"""One epoch: a step for each mini-batch, the numbers copied to the host now and then, and validation at the end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import numpy as np

from curveball.solvers.base import Number
from curveball.training.devices import images_of, pool_use, to_host
from curveball.training.log import Reporter
from curveball.training.options import TrainOptions
from curveball.training.protocol import Batch, TrainingProblem, skip
from curveball.training.resume import Saver, is_finite
from curveball.training.run import PartOfEpoch, Record, Run
from curveball.training.step import Step
from minigrad import Array


def train_epoch(
    problem: TrainingProblem[Batch],
    step: Step[Batch],
    run: Run,
    rng: np.random.Generator,
    options: TrainOptions,
    report: Reporter,
    saver: Saver,
    rates: Callable[[int], Number] | None = None,
) -> Record | None:
    """Train one epoch, or what is left of it, and validate; update `run` and return the epoch's record.

    `rates` is the learning rate of each step of the run, None where it is the solver's own.

    Where a loss diverges, `run.stopped` says so, and there is no record.
    """
    count = problem.steps_per_epoch
    before = len(run.epochs) * count  # steps
    batches, part = _batches(problem, run, rng)
    unread: list[Array] = []  # loss and error of each step since the last logged one, on the device
    started = time.perf_counter() - run.seconds
    for k, batch in enumerate(batches, part.batches):
        lr = None if rates is None else rates(before + k)
        numbers = step(run, batch, lr)
        unread += [numbers.pop("loss"), numbers.pop("error")]
        is_last = k == count - 1
        is_logged = k % options.log_every == 0 or is_last
        is_saved = not is_last and saver.is_due(before + k + 1)
        if is_logged or is_saved:
            known = list(numbers) if is_logged else []
            read = to_host([*unread, *(numbers[key] for key in known)])
            run.seconds = time.perf_counter() - started
            losses, errors = read[: len(unread) : 2], read[1 : len(unread) : 2]
            _add(run, part, before, losses, errors, options.diverged_above)
            if run.stopped:
                return None
            paused = time.perf_counter()
            if is_logged:
                record = {
                    "step": before + k + 1,
                    "epoch": len(run.epochs) + 1,
                    "loss": losses[-1],
                    "error": errors[-1],
                    **{key: x for key, x in zip(known, read[len(unread) :], strict=True) if math.isfinite(x)},
                    **({} if lr is None else {"lr": lr}),
                    "seconds": run.seconds,
                }
                run.steps.append(record)
                report.step(record)
            if is_saved:
                saver.save(run)
            unread = []
            started += time.perf_counter() - paused
        report.advance()
    run.seconds = time.perf_counter() - started
    return _validated(problem, run, part.loss / count, part.error / count, options.diverged_above, saver)


def _batches(
    problem: TrainingProblem[Batch], run: Run, rng: np.random.Generator
) -> tuple[Iterator[Batch], PartOfEpoch]:
    """The batches of the epoch that are not done yet. ValueError where those that are done cannot be drawn again."""
    if run.part is None:
        run.part = PartOfEpoch(rng.bit_generator.state)
        return iter(problem.batches(rng)), run.part
    then = rng.bit_generator.state
    rng.bit_generator.state = run.part.generator
    batches = iter(problem.batches(rng))
    skip(batches, run.part.batches)
    if rng.bit_generator.state != then:
        raise ValueError("the problem draws other batches than when the checkpoint was written: start the run anew")
    return batches, run.part


def _add(
    run: Run, part: PartOfEpoch, before: int, losses: list[float], errors: list[float], diverged_above: float
) -> None:
    """Add the numbers of the steps up to now, or stop at the first loss that diverges; `before` this epoch's steps."""
    for loss, error in zip(losses, errors, strict=True):
        last = "none"
        if part.last_loss is not None:
            last = f"{part.last_loss:.6g} at step {before + part.batches}"
        elif run.steps:
            last = f"{run.steps[-1]['loss']:.6g} at step {run.steps[-1]['step']}"
        if diverged := _diverged(loss, run, diverged_above):
            run.stopped = f"the loss is {diverged.format(f'at step {before + part.batches + 1}')}: {last}"
            return
        if run.first_loss is None:
            run.first_loss = loss
        part.batches, part.loss, part.error, part.last_loss = (
            part.batches + 1, part.loss + loss, part.error + error, loss,
        )  # fmt: skip


def _diverged(loss: float, run: Run, diverged_above: float) -> str:
    """What to say of a loss that diverged, with {} for where; empty where it did not."""
    if not math.isfinite(loss):
        return f"{loss} {{}}; last finite loss"
    limit = diverged_above * max(1.0, abs(run.first_loss or 0.0))
    if run.first_loss is not None and loss > limit:
        return f"{loss:.6g} {{}}, above {limit:.6g} where runs end (--diverged-above); last loss below"
    return ""


def _validated(
    problem: TrainingProblem[Batch],
    run: Run,
    train_loss: float,
    train_error: float,
    diverged_above: float,
    saver: Saver,
) -> Record | None:
    """The record of an epoch, or None where the validation loss diverges."""
    epoch, step = len(run.epochs) + 1, run.steps[-1]["step"]
    validation_loss, validation_error = problem.validate(run.params, run.stats or {})
    where, last = f"after epoch {epoch}, step {step}", f"{run.steps[-1]['loss']:.6g}"
    if diverged := _diverged(validation_loss, run, diverged_above):  # the checkpoint before stays
        run.stopped = f"the validation loss is {diverged.format(where)}: {last}"
        return None
    if saver.saves and not is_finite((run.params, run.stats)):
        run.stopped = f"the params are not finite {where}; last finite loss: {last}"
        return None
    return {
        "epoch": epoch,
        "step": step,
        "train_loss": train_loss,
        "train_error": train_error,
        "validation_loss": validation_loss,
        "validation_error": validation_error,
        "seconds": run.seconds,
        **pool_use(images_of(problem.data)),
    }
