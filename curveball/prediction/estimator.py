"""What the two estimators of scikit-learn's share: their parameters, the network, and its training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import minigrad as mg
from curveball.solvers.base import Solver
from curveball.solvers.registry import solver_from
from curveball.training.options import TrainOptions
from curveball.training.train import train
from minigrad.extras import from_extra
from problems.data.dataset import Dataset
from problems.data.own_data import column_statistics
from problems.vision.classification import Classification
from problems.vision.layers import INITIALISATIONS, Dense, Elementwise, Layer
from problems.vision.networks import Network

with from_extra("data"):
    from sklearn.base import BaseEstimator
    from sklearn.utils import check_random_state

BATCH = 128  # rows of a batch, where they are not given
STEPS = 100  # at least, where the epochs are not given
EPOCHS = 20


class NetworkEstimator(BaseEstimator):
    """A network of dense layers with tanh between them, trained on standardised features."""

    def __init__(
        self,
        hidden: Sequence[int] = (64,),
        solver: str | Solver = "curveball",
        epochs: int | None = None,
        batch_size: int | None = None,
        initialisation: str = "he",
        random_state: int | np.random.RandomState | None = None,
    ):
        self.hidden = hidden
        self.solver = solver
        self.epochs = epochs
        self.batch_size = batch_size
        self.initialisation = initialisation
        self.random_state = random_state

    def _train(self, problem: type[Classification], data: Dataset, outputs: int) -> None:
        """Train, and keep the predictor. ValueError where the loss diverges."""
        solver = solver_from(self.solver) if isinstance(self.solver, str) else self.solver
        count = len(data.train_labels)
        size = self._batch_size(count)
        trained = problem(data, self._network(outputs), size, np.float64 if self._is_double(data) else np.float32)
        epochs = max(EPOCHS, math.ceil(STEPS * size / count)) if self.epochs is None else self.epochs
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        run = train(
            trained, solver, TrainOptions(epochs=epochs, seed=seed, quiet=True, log_every=trained.steps_per_epoch)
        )
        if run.stopped:
            raise ValueError(f"training ended early: {run.stopped}: use a smaller learning rate, or fewer epochs")
        self.loss_curve_ = [epoch["train_loss"] for epoch in run.epochs]
        self.n_epochs_ = len(run.epochs)
        self.predictor_: Any = trained.predictor(run.params, run.stats)  # a copy on the host, which pickles

    def _batch_size(self, count: int) -> int:
        """The rows of a batch: by default the largest up to `BATCH` that leaves next to none out."""
        if self.batch_size is None:
            return count // math.ceil(count / BATCH)
        return min(self.batch_size, count)

    def _network(self, outputs: int) -> Network:
        if self.initialisation not in INITIALISATIONS:
            known = ", ".join(INITIALISATIONS)
            raise ValueError(f"unknown initialisation {self.initialisation!r}: there are {known}")
        units_of = self.hidden if isinstance(self.hidden, tuple | list | np.ndarray) else (0,)
        if not all(isinstance(n, int | np.integer) and n >= 1 for n in units_of):
            raise ValueError(
                f"hidden must be the units of the hidden layers, each at least 1, as (64,); got {self.hidden!r}"
            )
        layers: list[Layer] = []
        for units in self.hidden:
            layers += [Dense(int(units)), Elementwise(mg.tanh)]
        return Network("estimator", (*layers, Dense(outputs)), self.initialisation)

    @staticmethod
    def _is_double(data: Dataset) -> bool:
        return bool(data.train_images.dtype == np.float64)


def as_data(
    x: np.ndarray, answers: np.ndarray, classes: tuple[str, ...], kind: type[Dataset] = Dataset, **more: Any
) -> Dataset:
    """The rows as a data set: all to train, and the first to validate, which is not looked at."""
    images = x[:, None, None, :]
    mean, std = column_statistics("X", "column", x)
    return kind("arrays", classes, images, answers, images[:1], answers[:1], mean, std, **more)
