"""What a problem is: a start, mini-batches or noise, a model and a loss.

    params  = problem.init(rng)
    batch   = problem.batch(rng)                    what is new at every step: a mini-batch, noise, or None
    outputs = problem.model(params, batch)
    value   = problem.loss(outputs, batch)

The model and the loss are apart, so that a solver can use the curvature of both: it minimises
`f(w) = loss(model(w, batch), batch)` over `w = params`. Nothing has to inherit from these classes: any object with
these methods is a problem.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from minigrad import Array, Tree

Runs = tuple[int, ...]  # the shape of independent runs, which are solved together; () for one run


class Problem(Protocol):
    """What can be minimised. Random numbers come from `rng` alone, drawn on the host.

    >>> from problems.closed_form.rosenbrock import Rosenbrock
    >>> problem: Problem = Rosenbrock(noise=(0.0, 1.0))
    >>> rng = np.random.default_rng(0)
    >>> params, batch = problem.init(rng), problem.batch(rng)
    >>> problem.loss(problem.model(params, batch), batch).shape
    ()
    """

    def init(self, rng: np.random.Generator, /) -> Tree:
        """Draw the parameters to start from."""
        ...

    def batch(self, rng: np.random.Generator, /) -> Tree:
        """Draw what one step sees: a mini-batch, or noise; None where every step sees the same."""
        ...

    def model(self, params: Tree, batch: Tree, /) -> Tree:
        """The outputs; or `(outputs, aux)`, for solvers called with `has_aux=True`."""
        ...

    def loss(self, outputs: Tree, batch: Tree, /) -> Array:
        """The loss of the outputs, a scalar: a mean over the batch."""
        ...


class ClosedForm(Problem, Protocol):
    """A problem with a name and a known minimum, on which many runs are solved as one.

    With `runs=(k,)` every array has a leading axis of k independent runs, and the loss has the shape `runs`: solvers
    take `minigrad.independent_runs(problem.loss)`.

    >>> from problems.closed_form import get
    >>> problem: ClosedForm = get("quadratic")
    >>> problem.init(np.random.default_rng(0), (4,)).shape, problem.minimum
    ((4, 3), 0.0)
    """

    @property
    def name(self) -> str:
        """The name for tables and figures."""
        ...

    @property
    def minimum(self) -> float:
        """The least value of the loss, without noise."""
        ...

    @property
    def solution(self) -> Tree | None:
        """Parameters where the minimum is taken; None where they are not known."""
        ...

    def init(self, rng: np.random.Generator, /, runs: Runs = ()) -> Tree:
        """Draw the parameters of every run."""
        ...

    def batch(self, rng: np.random.Generator, /, runs: Runs = ()) -> Tree:
        """Draw the noise of every run; None where there is none."""
        ...
