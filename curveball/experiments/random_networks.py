"""Many networks drawn at random, each trained by every solver: which of them need tuning?

Protocol. The networks are random:0, random:1, ... (problems/vision/random_network.py). CurveBall is trained as it is.
SGD with momentum and Adam have one learning rate each for all networks, tuned on the median network:

- the median network is the one in the middle by the number of multiplications (of two, the smaller one);
- each learning rate of `ROWS` trains it for one epoch, from the next seed;
- the one with the lowest training error wins; of equal ones the one with the lower training loss. One that diverges
  cannot win; if all do, it is the smallest.

The training error of an epoch is the mean over its batches, each before its step. A run that diverges counts as an
error of 100%. A solver is best on a network where no other has a lower training error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import problems
from curveball.experiments.parallel import as_completed
from curveball.experiments.usual_epoch import usual_epoch
from curveball.solvers.registry import solver_from
from curveball.training.devices import choose, device_info, images_of, to_backend
from curveball.training.options import TrainOptions
from curveball.training.provenance import provenance
from curveball.training.run import Record
from curveball.training.train import train

# What is compared, and the learning rates that are tried; none where nothing is tuned.
ROWS: dict[str, tuple[float, ...]] = {
    "curveball": (),
    "sgd": (0.3, 0.1, 0.03, 0.01, 0.003, 0.001),
    "adam": (0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001),
}
PASSES = {"curveball": 7}  # multiplications of a step for one in a forward pass; 3 for the others


@dataclass(frozen=True)
class Setting:
    """What all networks are trained on, and where."""

    data: str = "digits"
    data_folder: Path | None = None
    batch_size: int = 64
    augment: bool = False
    backend: str = "numpy"
    device: str | None = None
    image_size: int | None = None  # of photographs

    def problem(self, network: int) -> problems.Classification:
        """The classification by a network. ValueError for bad settings."""
        data = _loaded(self.data, self.data_folder, self.image_size, self.backend, self.device)
        shape = tuple(data.train_images.shape[1:])
        net = problems.network(f"random:{network}", len(data.classes), shape=shape)
        return problems.Classification(data, net, self.batch_size, augment=self.augment)


@lru_cache(1)
def _loaded(data: str, folder: Path | None, size: int | None, backend: str, device: str | None) -> problems.Dataset:
    return to_backend(problems.load(data, folder, size), choose(backend, device))


@dataclass(frozen=True)
class Task:
    """One training: the seed of the network, the solver as text, and how long from which seed."""

    network: int
    solver: str
    epochs: int
    seed: int

    @property
    def row(self) -> str:
        """The name in `ROWS`."""
        return self.solver.partition(":")[0]

    def __str__(self) -> str:
        length = f"{self.epochs} epoch{'s' * (self.epochs > 1)}"
        return f"random:{self.network}, {self.solver}, {length}, seed {self.seed}"


@dataclass(frozen=True)
class Cell:
    """What a training gave, and where it came from."""

    task: Task
    layers: str
    multiplications: int  # of one forward pass of one image
    parameters: int
    epochs: list[Record]
    stopped: str | None  # why it ended early: it diverged
    seconds: float  # of training
    provenance: dict[str, Any]

    @property
    def error(self) -> float:
        """The training error of the last epoch; 1 where the run diverged."""
        return 1.0 if self.stopped else float(self.epochs[-1]["train_error"])

    @property
    def validation_error(self) -> float:
        """That of the last epoch; 1 where the run diverged."""
        return 1.0 if self.stopped else float(self.epochs[-1]["validation_error"])

    @property
    def loss(self) -> float:
        """The training loss of the last epoch; inf where the run diverged."""
        return math.inf if self.stopped else float(self.epochs[-1]["train_loss"])

    @property
    def usual_seconds(self) -> float:
        """Of training, if each epoch had taken as long as it usually does."""
        return len(self.epochs) * usual_epoch(self.epochs) if self.epochs else self.seconds

    def __str__(self) -> str:
        end = "diverged" if self.stopped else f"training error {100.0 * self.error:.2f}%"
        return f"{self.task}: {end}, {self.seconds:.1f} s"


def run_cell(setting: Setting, task: Task) -> Cell:
    """Train a network.

    >>> cell = run_cell(Setting(), Task(network=1, solver="sgd:lr=0.03", epochs=1, seed=0))
    >>> cell.error < 0.9, cell.stopped
    (True, None)
    """
    problem = setting.problem(task.network)
    options = TrainOptions(task.epochs, task.seed, log_every=10, quiet=True)
    run = train(problem, solver_from(task.solver), options)
    net, where = problem.network, device_info(images_of(problem.data))
    return Cell(
        task,
        net.describe(),
        net.multiplications(tuple(problem.data.train_images.shape[1:])),
        net.count(run.params),
        run.epochs,
        run.stopped,
        run.seconds,
        {**where, **provenance()},
    )


@dataclass(frozen=True)
class Plan:
    """Which networks are trained, how long, and what that costs. ValueError for bad numbers."""

    setting: Setting
    count: int = 50
    epochs: int = 3
    seed: int = 0
    rows: tuple[str, ...] = tuple(ROWS)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count must be at least 1; got {self.count}")
        TrainOptions(self.epochs, self.seed)
        if unknown := set(self.rows) - set(ROWS):
            raise ValueError(f"unknown solver {min(unknown)!r}: there are {', '.join(ROWS)}")

    @property
    def networks(self) -> range:
        """The seeds of the networks."""
        return range(self.count)

    @property
    def median(self) -> int:
        """The network in the middle, by multiplications."""
        return median_network({network: self.multiplications(network) for network in self.networks})

    def multiplications(self, network: int) -> int:
        """Of one forward pass of one image."""
        problem = self.setting.problem(network)
        return problem.network.multiplications(tuple(problem.data.train_images.shape[1:]))

    @property
    def tuning(self) -> list[Task]:
        """One training for each learning rate that is tried."""
        median = self.median
        return [Task(median, f"{row}:lr={lr:g}", 1, self.seed + 1) for row in self.rows for lr in ROWS[row]]

    def tasks(self, solvers: Mapping[str, str]) -> list[Task]:
        """One training for each network and solver, given the solvers' texts by row."""
        return [Task(network, solvers[row], self.epochs, self.seed) for network in self.networks for row in self.rows]

    def work(self, task: Task) -> float:
        """What a training costs, in multiplications for each image of the training set."""
        return float(PASSES.get(task.row, 3) * task.epochs * self.multiplications(task.network))

    @property
    def all_work(self) -> float:
        """What all trainings cost."""
        return sum(map(self.work, [*self.tuning, *self.tasks({row: row for row in self.rows})]))


def median_network(costs: Mapping[int, int]) -> int:
    """The network with the median cost, the smaller of two.

    >>> median_network({0: 30, 1: 10, 2: 20, 3: 40})
    2
    """
    return sorted(costs, key=lambda network: (costs[network], network))[(len(costs) - 1) // 2]


def chosen(tuned: Iterable[Cell], rows: Iterable[str] = tuple(ROWS)) -> dict[str, str]:
    """The text of each row's solver: with the best learning rate of those tried, the smallest where all diverged."""
    cells = list(tuned)
    texts = {}
    for row in rows:
        own = [cell for cell in cells if cell.task.row == row]
        best = min(own, key=lambda cell: (cell.error, cell.loss, _rate(cell.task)), default=None)
        texts[row] = row if best is None else best.task.solver
    return texts


def _rate(task: Task) -> float:
    return float(task.solver.partition("lr=")[2])


def run_plan(
    plan: Plan,
    jobs: int | None = None,
    done: Mapping[Task, Cell] | None = None,
    report: Callable[[Cell], object] = lambda cell: None,
) -> tuple[list[Cell], list[Cell]]:
    """Tune, then train: the cells of the tuning, and those of the networks, row by row of each network.

    jobs:    as in `parallel.parallel_map`
    done:    cells from before: they are not computed again
    report:  called with each other cell as soon as it is there
    """
    cells, command = dict(done or {}), provenance()["command"]  # that of a worker process says nothing

    def compute(tasks: list[Task]) -> list[Cell]:
        todo = sorted({task for task in tasks if task not in cells}, key=lambda task: (-plan.work(task), str(task)))
        for _, cell in as_completed(run_cell, [(plan.setting, task) for task in todo], jobs):
            cell = replace(cell, provenance={**cell.provenance, "command": command})
            cells[cell.task] = cell
            report(cell)
        return [cells[task] for task in tasks]

    tuned = compute(plan.tuning)
    return tuned, compute(plan.tasks(chosen(tuned, plan.rows)))
