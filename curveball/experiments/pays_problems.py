"""Where does curvature pay? The problems of `curveball pays`, what is measured on each, and the solvers that fit it.

An entry says how long its runs are (`seconds`, unless the command says otherwise), which rows of solvers are run, and
what its error is. The loss is `loss - minimum` where the minimum is known; of an autoencoder it is the loss on fixed
training images less the entropy of their pixels, which no network can go below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

import problems
from curveball.solvers.base import Solver
from curveball.solvers.gauss_newton import GaussNewton
from curveball.solvers.registry import solver_from
from curveball.training.data_hash import data_hashes
from minigrad import Array, Tree, tree_flatten
from problems import physics_informed
from problems.physics_informed.collocation import Collocation
from problems.vision.autoencoder import Autoencoder, autoencoder

NAMES = {  # of the solvers, for tables and figures
    "curveball": "CurveBall",
    "sgd": "SGD with momentum, tuned",
    "adam": "Adam, tuned",
    "gauss-newton": "Gauss-Newton",
    "gauss-newton-cg": "Gauss-Newton by CG",
    "levenberg-marquardt": "Levenberg-Marquardt",
    "levenberg-marquardt-geodesic": "Levenberg-Marquardt, geodesic",
    "levenberg-marquardt-cg": "Levenberg-Marquardt by CG",
}
FIRST_ORDER = ("sgd", "adam")  # tuned
BY_CG = ("gauss-newton-cg", "levenberg-marquardt-cg")  # with larger batches, where there are batches

# The settings that are tried: each learning rate is three times the next, or ten thirds of it.
GRID: dict[str, tuple[str, ...]] = {
    "sgd": tuple(
        f"sgd:lr={lr:g},momentum={momentum:g}"
        for momentum in (0.9, 0.99)
        for lr in (30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
    ),
    "adam": tuple(f"adam:lr={lr:g}" for lr in (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)),
}
UNTUNED = {  # as they are, on every problem but for the limits in `Entry.texts`
    "curveball": "curveball",
    "gauss-newton": "gauss-newton",
    "gauss-newton-cg": "newton-cg:curvature=ggn",
    "levenberg-marquardt": "levenberg-marquardt",
    "levenberg-marquardt-geodesic": "levenberg-marquardt:geodesic=true",
    "levenberg-marquardt-cg": "levenberg-marquardt:linear=cg,cg_tol=0.01,max_cg=20",
}
DENSE = ("curveball", "sgd", "adam", "gauss-newton", "gauss-newton-cg", "levenberg-marquardt",
         "levenberg-marquardt-geodesic")  # fmt: skip
SINGULAR = tuple(row for row in DENSE if row != "gauss-newton")  # at the solution, or everywhere
LARGE = ("curveball", "sgd", "adam", "gauss-newton-cg", "levenberg-marquardt-cg")  # too many params for a matrix


class Measured(Protocol):
    """A problem of `curveball pays`: see `problems.protocol.Problem`; `error` measures params on the host."""

    def init(self, rng: np.random.Generator) -> Tree:
        """Draw the params to start from."""
        ...

    def model(self, params: Any, batch: Any) -> Tree:
        """The outputs; of an autoencoder `(outputs, aux)`."""
        ...

    def loss(self, outputs: Any, batch: Any) -> Array:
        """The loss of the outputs."""
        ...

    def error(self, params: Any) -> float:
        """How far the params are from what is wanted."""
        ...


@dataclass(frozen=True)
class Entry:
    """A problem, how long its runs are, and the solvers that fit it."""

    name: str
    family: str
    make: Callable[[Path | None, bool], Measured]  # of the folder of the data, and whether batches are large
    seconds: float
    rows: tuple[str, ...]
    error: str  # what the error is
    texts: dict[str, str] = field(default_factory=dict)  # of solvers that differ from UNTUNED

    def text(self, row: str) -> str:
        """The solver of a row that is not tuned, as text."""
        return self.texts.get(row, UNTUNED[row])


def solver_of(text: str) -> Solver:
    """A solver from its text; Gauss-Newton with its matrix, too, which trains no networks and has no name elsewhere.

    >>> solver_of("gauss-newton")
    GaussNewton(lr=1.0, lam=0.0)
    """
    return GaussNewton() if text == "gauss-newton" else solver_from(text)


def batches(problem: Measured, rng: np.random.Generator) -> Iterator[Tree]:
    """What each step sees, for ever: the epochs of mini-batches one after the other, or what `batch` draws."""
    while True:
        if isinstance(problem, Autoencoder):
            yield from problem.batches(rng)
        else:
            draw = getattr(problem, "batch", None)
            yield None if draw is None else draw(rng)


def has_aux(problem: Measured) -> bool:
    """Whether the model returns `(outputs, aux)`."""
    return isinstance(problem, Autoencoder)


def model_on(problem: Measured, batch: Tree) -> Callable[[Tree], Tree]:
    """The model on a batch; that of a physics-informed problem states its Jacobian, which solvers with a matrix use."""
    if isinstance(problem, Collocation):
        return problem.at(batch)
    return lambda params: problem.model(params, batch)


def measure(problem: Measured, params: Tree, batch: Tree) -> tuple[float, float]:
    """The loss above its minimum, and the error. `batch` is what the steps see, where that is always the same."""
    if isinstance(problem, Autoencoder):
        return problem.training_loss(params) - problem.entropy, problem.error(params)
    loss = float(problem.loss(problem.model(params, batch), batch))
    return loss - float(getattr(problem, "minimum", 0.0)), float(problem.error(params))


def pca_errors(names: Iterable[str], folder: Path | None) -> dict[str, float]:
    """Of the autoencoders among these problems: the error of principal components with codes of the same size.

    >>> pca_errors(["regression-1e2", "autoencoder-digits-small"], None).keys()
    dict_keys(['autoencoder-digits-small'])
    """
    made = {name: ENTRIES[name].make(folder, False) for name in names if ENTRIES[name].family == "autoencoder"}
    return {name: problem.pca_error for name, problem in made.items() if isinstance(problem, Autoencoder)}


def description(problem: Measured, params: Tree) -> dict[str, Any]:
    """What distinguishes a problem, as values that JSON can hold."""
    about: dict[str, Any] = {"parameters": sum(int(np.prod(leaf.shape)) for leaf in tree_flatten(params)[0])}
    if isinstance(problem, Autoencoder):
        return {**about, "layers": problem.network.describe(), "batch_size": problem.batch_size,
                **data_hashes(problem.data)}  # fmt: skip
    condition = getattr(problem, "condition", None)
    return about if condition is None else {**about, "condition": float(condition)}


# ------------------------------------------------------------------------------------- the problems


def _closed_form(name: str) -> Callable[[Path | None, bool], Measured]:
    def make(folder: Path | None, large: bool) -> Measured:
        return problems.closed_form.get(name)  # type: ignore[return-value]  # these have an error

    return make


def _physics_informed(name: str) -> Callable[[Path | None, bool], Measured]:
    def make(folder: Path | None, large: bool) -> Measured:
        return physics_informed.get(name)

    return make


def _autoencoder(name: str, larger: int) -> Callable[[Path | None, bool], Measured]:
    """With large batches for the solvers that solve a whole system in a step: a small one they would fit alone."""

    def make(folder: Path | None, large: bool) -> Measured:
        return autoencoder(name, folder, larger if large else None)

    return make


def _entries() -> Iterator[Entry]:
    for condition in ("1e2", "1e4", "1e6", "1e8"):
        name = f"regression-{condition}"
        yield Entry(name, "ill-conditioned", _closed_form(name), 2.0, DENSE, "relative distance to the solution")
    for terms in (2, 3, 4):
        name = f"exponentials-{terms}"
        yield Entry(name, "ill-conditioned", _closed_form(name), 2.0, DENSE, "relative distance to the solution")
    for condition in ("1e2", "1e4", "1e6", "1e8"):
        name = f"factorisation-{condition}"
        yield Entry(name, "factorisation", _closed_form(name), 2.0, SINGULAR, "misfit in units of the singular values")
    for name in physics_informed.names():
        relative = "relative L2 error" + (", or the coefficient's if larger" if name.endswith("-inverse") else "")
        seconds = 60.0 if name == "burgers-sharp" else 20.0
        yield Entry(name, "physics-informed", _physics_informed(name), seconds, SINGULAR, relative)
    squared = "squared error of validation images, summed over pixels"
    cg = {"gauss-newton-cg": "newton-cg:curvature=ggn,lam=1,max_cg=20"}
    for name, seconds, larger in (("digits-small", 5.0, 1437), ("digits", 15.0, 600), ("fashion-mnist", 40.0, 1000)):
        yield Entry(
            f"autoencoder-{name}", "autoencoder", _autoencoder(name, larger), seconds, LARGE, squared,
            texts=cg,
        )  # fmt: skip


ENTRIES = {entry.name: entry for entry in _entries()}
