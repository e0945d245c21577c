"""Training a network: epochs of mini-batches, a log, checkpoints, and an end when the loss diverges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from curveball.solvers.base import Solver
from curveball.training.checkpoint import before, check_installed, exists, load
from curveball.training.data_hash import data_hashes
from curveball.training.devices import device_info, images_of, to_device_of
from curveball.training.epoch import train_epoch
from curveball.training.files import archive_previous, check_writable, output_folder, remove_leftovers
from curveball.training.lock import locked
from curveball.training.log import Callback, Log, Reporter
from curveball.training.options import RunSpec, TrainOptions
from curveball.training.processes import check_all_alike, leads
from curveball.training.progress import Progress
from curveball.training.protocol import Answers, Batch, TrainingProblem
from curveball.training.provenance import provenance, settings_of
from curveball.training.resume import Saver, resume_together
from curveball.training.run import Record, Run, RunIsDone
from curveball.training.schedule import is_constant, learning_rates
from curveball.training.step import Step, check_compiles, step_of
from minigrad import Array, keep_freed_memory, one_blas_thread

CHECKPOINT = Path("checkpoint.safetensors")
FILES = (CHECKPOINT.name, before(CHECKPOINT).name, "log.jsonl")
DEFAULTS = TrainOptions()


def train(
    problem: TrainingProblem[Batch],
    solver: Solver,
    options: TrainOptions = DEFAULTS,
    *,
    name: str | None = None,
    folder: Path | None = None,
    callback: Callback | None = None,
) -> Run:
    """Train on mini-batches of a problem; the same seed gives the same start and the same batches.

    problem:   a `TrainingProblem`; training computes where its data are
    solver:    any solver
    options:   epochs, seed, how often to log and to save, `resume`, ...
    name:      what the run is called, by default after its solver
    folder:    gets `log.jsonl` (a line about the run, then one per logged step and epoch) and, after every epoch and
               `options.save_every` within it, `checkpoint.safetensors`; the last but one is kept. Without `resume`,
               those of an earlier run are moved to its folder `previous`. One process at a time may train there
    callback:  called with the record of each logged step and of each epoch, as they are in the log: `kind` is "step" or
               "epoch". It may raise StopIteration to end training: the last checkpoint is kept

    With `options.resume` the run continues from its checkpoint as if it had never stopped, also on another backend
    (then up to rounding). A loss that is not finite, or above `options.diverged_above`, ends the run at the next logged
    step: `stopped` names the step and the last good loss. Between logged steps nothing waits for a GPU. ValueError for
    bad arguments, and for files that cannot be read or written.

    >>> from curveball import SGD
    >>> from problems import Classification, load, network
    >>> problem = Classification(load("digits"), network("mlp"))
    >>> run = train(problem, SGD(lr=0.05), TrainOptions(epochs=1, quiet=True))
    >>> run.epochs[-1]["validation_error"] < 0.5
    True
    >>> run.predictor(problem.data.validation_images[:2]).labels
    ['0', '8']
    """
    spec = RunSpec(name or type(solver).__name__, solver, options, folder)
    if options.compile:
        check_compiles(problem, solver)
    if spec.checkpoint is None or folder is None or not leads():
        return _train(problem, spec, callback)
    check_installed()
    if not options.resume:
        check_writable(output_folder(folder), FILES)
    elif not exists(spec.checkpoint):
        load(spec.checkpoint)  # says that there is none
    with locked(folder):
        remove_leftovers(folder)
        return _train(problem, spec, callback)


def _train(problem: TrainingProblem[Batch], spec: RunSpec, callback: Callback | None) -> Run:
    """Train in a folder that is ours, or in none."""
    options, folder, images = spec.options, spec.folder, images_of(problem.data)
    about = _about(problem, spec)
    data = data_hashes(problem.data) if folder is not None else {}
    check_all_alike(
        {**about, **asdict(replace(options, quiet=False)), **data, "devices": device_info(images).get("devices")}
    )
    whole = getattr(problem, "on_host", problem)
    answers = whole if isinstance(whole, Answers) else None
    rng = np.random.default_rng(options.seed)
    params = to_device_of(images, problem.init(rng))
    step = step_of(problem, spec.solver, options.compile)
    run = Run(spec.name, params, state=spec.solver.init(params))
    log = Log(folder if leads() else None)
    if spec.checkpoint is not None and options.resume:
        resume_together(spec.checkpoint, run, rng, about, data, log, images)
        if len(run.epochs) >= options.epochs:
            raise RunIsDone(
                f"the run in {folder} has its {len(run.epochs)} epochs: ask for more to continue",
                _with_predictor(run, answers),
            )
    elif folder is not None and leads() and any((folder / file).exists() for file in FILES):
        archive_previous(folder, FILES)
    facts = {"source": problem.data.source, "epochs": options.epochs, **provenance()}
    count = problem.steps_per_epoch
    done = len(run.epochs) * count + (run.part.batches if run.part else 0)
    progress = Progress(spec.name, options.epochs, options.epochs * count, done, options.quiet or not leads())
    meaning = None if answers is None else answers.facts
    saver = Saver(spec.checkpoint, rng, about, data, log, options.save_interval, leads(), meaning)
    keep_freed_memory()
    # A run that diverges overflows before the loss that ends it.
    with log, progress, one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
        lost = [] if log.kept else run.epochs
        log.open()
        for record in [
            {"kind": "run", **about, **device_info(images), **facts},
            *({"kind": "epoch", **r} for r in lost),
        ]:
            log.write(record)
        _run_epochs(problem, spec, step, run, rng, saver, Reporter(log, progress, callback))
    return _with_predictor(run, answers)


def _with_predictor(run: Run, answers: Answers | None) -> Run:
    """The run, with what it answers if its problem has answers and it has taken a step."""
    if answers is not None and run.stats is not None and answers.facts is not None:
        run.predictor = _when_asked(partial(answers.predictor, run.params, run.stats))
    return run


def _when_asked(make: Callable[[], Callable[[Array], Any] | None]) -> Callable[[Array], Any]:
    """A predictor that copies the params to the host when it is first called: a run that ends does not wait for it."""
    kept = cache(make)

    def predictor(inputs: Array) -> Any:
        made = kept()
        return None if made is None else made(inputs)

    return predictor


def _about(problem: TrainingProblem[Batch], spec: RunSpec) -> Record:
    """What must be the same when the run is resumed, except its name."""
    kind, schedule = type(spec.solver).__name__, spec.options.learning_rate_schedule
    return {
        "name": spec.name,
        "solver": kind,
        **settings_of(spec.solver),
        **problem.description,
        "seed": spec.options.seed,
        **({} if is_constant(schedule) else {"schedule": str(schedule)}),
    }


def _run_epochs(
    problem: TrainingProblem[Batch],
    spec: RunSpec,
    step: Step[Batch],
    run: Run,
    rng: np.random.Generator,
    saver: Saver,
    report: Reporter,
) -> None:
    """Train what is left of the epochs, or up to the reason in `run.stopped`."""
    rates = learning_rates(spec.solver, spec.options.learning_rate_schedule, problem.steps_per_epoch)
    try:
        while len(run.epochs) < spec.options.epochs:
            record = train_epoch(problem, step, run, rng, spec.options, report, saver, rates)
            if record is None:
                back = f"; go back to {saver.there}" if saver.there else ""
                run.stopped = f"{run.stopped}{back}"
                break
            run.epochs.append(record)
            run.part = None
            report.epoch(record, partial(saver.save, run))
    except StopIteration as stop:
        if len(run.epochs) < spec.options.epochs:
            why = f": {stop}" if str(stop) else ""
            further = f"; continue from {saver.there}" if saver.there else ""
            run.stopped = f"the callback ended training at step {run.steps[-1]['step']}{why}{further}"
    if run.stopped:
        report.stopped(run.stopped)
