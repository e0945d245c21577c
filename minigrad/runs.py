"""Independent runs: a loss with one number for each, asked for by name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

from minigrad.spec import name_of
from minigrad.trees import Tree, tree_flatten, tree_paths
from minigrad.variable import Array

P = ParamSpec("P")
MARK = "independent_runs"  # the attribute that says it


def independent_runs(loss: Callable[P, Array]) -> Callable[P, Array]:
    """Mark a loss that returns one number for each of several independent runs, which advance together.

    `loss: (*runs, ...) -> runs`, and every leaf of the params has the axes `runs` first; one run, of shape (), will do
    too. A function, a `functools.partial` or, as a decorator, a method; a partial of a marked function is marked.
    Without the mark, a loss of any shape but () is a TypeError wherever a step or a Gauss-Newton matrix is asked for.
    TypeError for what cannot be called.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> G = mg.GGNOperator(mg.tanh, independent_runs(lambda y: mg.sum(y * y, axis=-1)), np.zeros((5, 3)))
    >>> G.value.shape
    (5,)
    """
    if not callable(loss):
        raise TypeError(f"independent_runs marks a function, the loss; got {type(loss).__name__}")

    @functools.wraps(loss)
    def loss_of_runs(*args: P.args, **kwargs: P.kwargs) -> Array:
        return loss(*args, **kwargs)

    loss_of_runs.__name__ = name_of(loss)
    setattr(loss_of_runs, MARK, True)
    return loss_of_runs


def _marked(loss: Callable[..., Array]) -> bool:
    while isinstance(loss, functools.partial) and not hasattr(loss, MARK):
        loss = loss.func
    return bool(getattr(loss, MARK, False))


def check_loss(value: Array, loss: Callable[..., Array]) -> None:
    """TypeError for a loss that is no array, or, without the mark, more than one number."""
    if not hasattr(value, "shape"):
        raise TypeError(f"the loss {name_of(loss)} must return one number; it returned {type(value).__name__}")
    if value.shape and not _marked(loss):
        raise TypeError(
            f"the loss {name_of(loss)} has shape {tuple(value.shape)}: return one number (take the mean or the sum), "
            "or mark it with minigrad.independent_runs where it has one number for each of several independent runs"
        )


def check_runs(value: Array, params: Tree, loss: Callable[..., Array]) -> None:
    """Check that a loss is one number, or one for each of the runs that all params have as their first axes.

    Runs are asked for by `independent_runs`. TypeError for others, and for a leaf of the params without these axes.

    >>> import numpy as np
    >>> check_runs(np.float64(3.0), {"w": 1.0}, max)
    >>> check_runs(np.ones(5), {"w": np.ones(2)}, independent_runs(max))
    Traceback (most recent call last):
        ...
    TypeError: the loss max has shape (5,), and the params['w'] have shape (2,): return one number (take the mean or
    the sum), or give params with the axes (5,) first, for independent runs
    """
    check_loss(value, loss)
    shape = tuple(value.shape)
    if not shape:
        return
    leaves, structure = tree_flatten(params)
    for k, x in enumerate(leaves):
        if tuple(getattr(x, "shape", ()))[: len(shape)] != shape:
            raise TypeError(
                f"the loss {name_of(loss)} has shape {shape}, and the params{tree_paths(structure)[k]} have "
                f"shape {tuple(getattr(x, 'shape', ()))}: return one number (take the mean or the sum), or give params "
                f"with the axes {shape} first, for independent runs"
            )
