"""One step of training: a pure function, run as it is, or as one program for each phase of the solver.

    params, state, stats, numbers = train_step(problem, solver, phase, params, state, stats, batch)

In a program all numbers are arrays of fixed types, from the first step on, so that nothing is compiled twice. In a
`Run` the counts of the solver's state are Python ints, so that what is saved does not depend on how it was computed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from functools import partial
from typing import Any, Generic

import numpy as np

import minigrad as mg
from curveball.solvers.base import Number, Solver
from curveball.solvers.tree_math import number_like
from curveball.training.devices import check_compiler, images_of, to_device_of
from curveball.training.protocol import Batch, TrainingProblem
from curveball.training.run import Run
from curveball.training.schedule import with_lr
from minigrad import Array, Tree, namespace, tree_flatten, tree_unflatten

STATS_MOMENTUM = 0.1  # of batch normalisation's running statistics
KNOWN = ("rho", "beta", "lam", "trust_ratio", "predicted")  # what a solver may report in addition to the loss

Numbers = dict[str, Array]  # loss, error, and those of KNOWN that the solver reports
Step = Callable[[Run, Batch, Number | None], Numbers]  # updates params, state and stats of the run


def train_step(
    problem: TrainingProblem[Batch],
    solver: Solver,
    phase: Hashable,
    params: Tree,
    state: Tree,
    stats: Tree,
    batch: Batch,
    lr: Number | None = None,
) -> tuple[Tree, Tree, Tree, Numbers]:
    """Return the next params, the solver's next state, the next running statistics, and numbers for the log.

    `phase` is the solver's, None where its state decides; `lr` the learning rate, None for the solver's own. Nothing
    that is given is changed, nothing is copied to the host.
    """
    if lr is not None:
        solver = with_lr(solver, lr)
    step: Callable[..., Any] = solver.step
    if phase is not None:
        step = partial(step, phase=phase)
    model, loss = partial(problem.model, batch=batch), partial(problem.loss, batch=batch)
    params, state, info = step(params, state, model, loss, has_aux=True)
    stats = mg.nn.running_average(stats, info["aux"], STATS_MOMENTUM)
    numbers = {"loss": info["loss"], "error": problem.errors(info["outputs"], batch)}
    return params, state, stats, numbers | {key: info[key] for key in KNOWN if key in info}


def step_of(problem: TrainingProblem[Batch], solver: Solver, compiled: bool) -> Step[Batch]:
    """The step of a run. ValueError where it is to be compiled and cannot be."""
    return CompiledStep(problem, solver) if compiled else partial(_eager_step, problem, solver)


def _eager_step(
    problem: TrainingProblem[Batch], solver: Solver, run: Run, batch: Batch, lr: Number | None = None
) -> Numbers:
    run.params, run.state, run.stats, numbers = train_step(
        problem, solver, None, run.params, run.state, run.stats, batch, lr
    )
    return numbers


def check_compiles(problem: TrainingProblem[Batch], solver: Solver) -> None:
    """ValueError where the array library of the data has no compiler, or the solver decides on the host."""
    if not getattr(solver, "compiles", False):
        raise ValueError(
            f"{type(solver).__name__} decides on the host what its steps do, so that they cannot be compiled: "
            "leave out --compile and --devices, or use curveball, sgd or adam"
        )
    try:
        check_compiler(images_of(problem.data))
    except ValueError as error:
        raise ValueError(f"{error}: leave out --compile, or use backend jax, or torch on a GPU") from None


Programs = dict[Hashable, Callable[..., Any]]  # by problem, solver and phase
_programs: ContextVar[Programs] = ContextVar("programs")


@contextlib.contextmanager
def shared_programs() -> Iterator[None]:
    """Runs with the same problem and solver, as from several seeds, share their programs: nothing is compiled twice."""
    token = _programs.set({})
    try:
        yield
    finally:
        _programs.reset(token)


class CompiledStep(Generic[Batch]):
    """A step as one program for each phase of the solver, and for each shape of a batch.

    The programs take over the memory of the params, the state and the statistics that they are given, so these are
    copied before the first step. ValueError where a step cannot be compiled.
    """

    def __init__(self, problem: TrainingProblem[Batch], solver: Solver):
        check_compiles(problem, solver)
        self._problem, self._solver = problem, solver
        self._programs = _programs.get({})
        self._arrays: Tree = None  # the state as the programs take it
        self._state: Tree = None  # the same with its counts as Python ints, as it was put into the run

    def __call__(self, run: Run, batch: Batch, lr: Number | None = None) -> Numbers:
        """Take a step: update the params, the state and the statistics of the run, and return the numbers.

        A learning rate is an argument of the program, an array of no axes, so that a new one compiles nothing.
        """
        if run.state is not self._state:
            self._take_over(run, batch)
        phase = self._solver.phase(run.state)
        key = (id(self._problem), id(self._solver), phase, lr is None)
        program, is_new = self._programs.get(key), key not in self._programs
        if program is None:
            step = partial(train_step, self._problem, self._solver, phase)
            program = mg.compiled(step, namespace(images_of(self._problem.data)), donate=(0, 1, 2))
            self._programs[key] = program
        rate = () if lr is None else (number_like(lr, tree_flatten(run.params)[0][0]),)
        run.params, self._arrays, run.stats, numbers = program(run.params, self._arrays, run.stats, batch, *rate)
        run.state = self._state = _counted(self._state, self._arrays, check=is_new)
        return numbers

    def _take_over(self, run: Run, batch: Batch) -> None:
        """Copy what the run has to arrays of our own; floats of the state become arrays in the params' dtype."""
        images = images_of(self._problem.data)
        if not all(hasattr(x, "shape") for x in tree_flatten(batch)[0]):
            raise ValueError("a batch must be a tree of arrays for its step to be compiled: leave out --compile")
        if run.stats is None:  # a running average begins with the first values: here with those of the first batch
            run.stats = self._problem.model(run.params, batch)[1]
        dtype = str(tree_flatten(run.params)[0][0].dtype).rpartition(".")[2]

        def own(x: Any) -> Array:
            if not hasattr(x, "shape"):
                x = np.asarray(x, np.int32 if isinstance(x, int) else dtype)
            return to_device_of(images, mg.to_numpy(x))  # so that it is where the results of the first step will be

        run.params, run.stats = mg.tree_map(own, run.params), mg.tree_map(own, run.stats)
        self._arrays, self._state = mg.tree_map(own, run.state), run.state


def _counted(before: Tree, arrays: Tree, check: bool) -> Tree:
    """The state after a step with its counts as Python ints, each one more than before the step."""
    leaves, structure = tree_flatten(arrays)
    for k, count in enumerate(tree_flatten(before)[0]):
        if isinstance(count, int):
            if check and int(mg.to_numpy(leaves[k])) != count + 1:
                raise ValueError("a whole number in a solver's state must be a count, which each step raises by 1")
            leaves[k] = count + 1
    return tree_unflatten(structure, leaves)
