"""What `minimize` returns, and what it tells its callback: each is a `scipy.optimize.OptimizeResult`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from minigrad import Tree


class Iterate(Protocol):
    """One iteration, before its step."""

    x: Tree  # the params
    fun: float  # the loss there
    nit: int  # iterations so far, with this one
    info: Mapping[str, Any]  # of the solver's step
    state: Tree  # the solver's, after the step


class Result(Protocol):
    """The end of a run."""

    x: Tree  # a tree like the params
    fun: float  # the loss there
    jac: Tree | None  # the gradient there; None with tol=None
    nit: int  # iterations
    success: bool  # whether the gradient is small
    status: int  # 0 converged, 1 iterations used up, 2 not finite, 3 stopped by the callback
    message: str  # the same in words
    losses: list[float]  # one per iteration, before its step
    state: Tree  # the solver's, there
    # With `starts` only:
    runs: list[Result]  # of all starts, in order
    start: int  # the number of the best of them, which this is
