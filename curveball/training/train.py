"""Training a network: epochs of mini-batches, a log, a checkpoint, and an end when the loss is not finite."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from curveball.solvers.base import Solver
from curveball.training.devices import device_info, to_device_of
from curveball.training.epoch import train_epoch
from curveball.training.files import archive_previous, check_writable, output_folder
from curveball.training.log import Callback, Log, Reporter
from curveball.training.options import RunSpec, TrainOptions
from curveball.training.protocol import Batch, TrainingProblem
from curveball.training.provenance import provenance, settings_of
from curveball.training.resume import resume, save_run
from curveball.training.run import Record, Run, RunIsDone
from minigrad import one_blas_thread

FILES = ("checkpoint.safetensors", "log.jsonl")
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
    options:   epochs, seed, `log_every`, `quiet`, `resume`
    name:      what the run is called, by default after its solver
    folder:    gets `log.jsonl` (a line about the run, then one per logged step and epoch) and, after every epoch,
               `checkpoint.safetensors`; without `resume`, those of an earlier run are moved to its folder `previous`
    callback:  called with the record of each logged step and of each epoch, as they are in the log: `kind` is "step" or
               "epoch". It may raise StopIteration to end training: the checkpoint of the last whole epoch is kept

    With `options.resume` the run continues from its checkpoint as if it had never stopped, also on another backend
    (then up to rounding). A loss that is not finite ends the run at the next logged step: `stopped` names the step and
    the last finite loss. Between logged steps nothing waits for a GPU. ValueError for bad arguments.

    >>> from curveball import SGD
    >>> from problems import Classification, load, network
    >>> problem = Classification(load("digits"), network("mlp"))
    >>> run = train(problem, SGD(lr=0.05), TrainOptions(epochs=1, quiet=True))
    >>> run.epochs[-1]["validation_error"] < 0.5
    True
    """
    spec = RunSpec(name or type(solver).__name__, solver, options, folder)
    rng = np.random.default_rng(options.seed)
    images = problem.data.train_images
    params = to_device_of(images, problem.init(rng))
    run = Run(spec.name, params, state=solver.init(params))
    about = _about(problem, spec)
    if spec.checkpoint is not None and options.resume:
        resume(spec.checkpoint, run, rng, about, images)
        if len(run.epochs) >= options.epochs:
            raise RunIsDone(f"the run in {folder} has its {len(run.epochs)} epochs: ask for more to continue", run)
    if folder is not None:
        check_writable(output_folder(folder), FILES)
        if not options.resume and (folder / FILES[0]).exists():
            archive_previous(folder, FILES)
    log = Log(folder, len(run.epochs))
    facts = {"source": problem.data.source, "epochs": options.epochs, **provenance()}
    log.write({"kind": "run", **about, **device_info(images), **facts})
    count = problem.steps_per_epoch
    bar = tqdm(
        total=options.epochs * count, initial=len(run.epochs) * count, desc=spec.name,
        disable=options.quiet, unit="step", mininterval=0.2, leave=True, ncols=120,
    )  # fmt: skip
    # A run that diverges overflows before the loss that ends it.
    with log, bar, one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
        _run_epochs(problem, spec, run, rng, about, Reporter(log, bar, callback))
    return run


def _about(problem: TrainingProblem[Batch], spec: RunSpec) -> Record:
    """What must be the same when the run is resumed, except its name."""
    kind = type(spec.solver).__name__
    return {
        "name": spec.name,
        "solver": kind,
        **settings_of(spec.solver),
        **problem.description,
        "seed": spec.options.seed,
    }


def _run_epochs(
    problem: TrainingProblem[Batch],
    spec: RunSpec,
    run: Run,
    rng: np.random.Generator,
    about: Record,
    report: Reporter,
) -> None:
    """Train what is left of the epochs, or up to the reason in `run.stopped`."""
    save = partial(save_run, spec.checkpoint, run, rng, about)
    try:
        while len(run.epochs) < spec.options.epochs:
            record = train_epoch(problem, spec.solver, run, rng, spec.options.log_every, report)
            if record is None:
                back = f"; go back to {spec.checkpoint}" if spec.checkpoint and run.epochs else ""
                run.stopped = f"{run.stopped}{back}"
                break
            run.epochs.append(record)
            report.epoch(record, save)
    except StopIteration as stop:
        if len(run.epochs) < spec.options.epochs:
            why = f": {stop}" if str(stop) else ""
            further = f"; continue from {spec.checkpoint}" if spec.checkpoint and run.epochs else ""
            run.stopped = f"the callback ended training at step {run.steps[-1]['step']}{why}{further}"
    if run.stopped:
        report.stopped(run.stopped)
