"""One rule for lists: an operation takes arrays and numbers, a list where an array belongs is a TypeError."""

import re

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from tests.support.cases import CASES

X = np.array([1.0, 2.0, 3.0])
# Sequences of arrays, trees, and questions of other kinds.
SEQUENCES = {"concat", "stack", "nn.running_average"}


def public(name):
    module, _, name = name.rpartition(".")
    return getattr(getattr(mg, module) if module else mg, name)


def test_a_list_is_no_condition():
    with pytest.raises(
        TypeError, match=re.escape("where: condition: expected an array, got list: [True, False, True]")
    ):
        mg.where([True, False, True], X, 0.0)
    with pytest.raises(TypeError, match="where: condition"):
        mg.grad(lambda x: mg.sum(mg.where([True, False, True], x, 0.0)))(X)
    for condition in (None, "yes", (True, False, True)):
        with pytest.raises(TypeError, match="where: condition"):
            mg.where(condition, X, 0.0)
    with pytest.raises(TypeError, match=re.escape("argument 0: expected an array or a Python number, got list")):
        mg.where(X > 1.0, [1.0, 2.0, 3.0], 0.0)


@pytest.mark.parametrize("name", sorted({c.function for c in CASES} - SEQUENCES))
def test_every_function_refuses_a_list_for_an_array(name):
    given = next(c for c in CASES if c.function == name)
    rest = given.args[1:]
    calls = {
        "where": ([[1.0]], 2.0, 3.0), "clip": ([1.0], 0.0), "reshape": ([1.0], (1,)), "permute_dims": ([1.0], (0,)),
        "moveaxis": ([1.0], 0, 0), "expand_dims": ([1.0], 0), "squeeze": ([1.0], 0), "broadcast_to": ([1.0], (2,)),
        "pad": ([1.0], ((0, 1),)), "roll": ([1.0], 1), "tile": ([1.0], (2,)), "astype": ([1.0], mg.float32),
        "take": ([1.0], np.array([0])), "take_along_axis": ([1.0], np.array([0])), "repeat": ([1.0], 2),
        "index_update": ([1.0], 0, 1.0), "index_add": ([1.0], 0, 1.0), "linalg.matrix_power": ([[1.0]], 2),
        "nn.max_pool2d": ([[[[1.0]]]], 1), "nn.avg_pool2d": ([[[[1.0]]]], 1), "nn.dropout": ([1.0], X > 0.0, 0.5),
        "nn.batch_norm": ([[1.0], [2.0]], X[:1], X[:1]), "copysign": ([1.0], 1.0), "pow": ([1.0], 2.0),
        "remainder": ([1.0], 1.0), "nn.cross_entropy": ([[1.0]], np.array([0])), "linalg.solve": ([[1.0]], X[:1]),
        "broadcast_arrays": ([1.0], X),
    }  # fmt: skip
    args = calls.get(name) or (given.args[0].tolist(), *rest)
    if not isinstance(args[0], list):
        args = ([1.0], *rest)
    with pytest.raises(TypeError, match="got list"):
        public(name)(*args)


@pytest.mark.parametrize(
    "call",
    [
        lambda: mg.add([1.0], [2.0]),
        lambda: mg.add(X, [1.0, 2.0, 3.0]),
        lambda: mg.multiply([1.0], 2),
        lambda: mg.floor_divide([1.0], 2.0),
        lambda: mg.copysign(X, [1.0, 2.0, 3.0]),
        lambda: mg.clip(X, [0.0, 0.0, 0.0]),
        lambda: mg.pow(2.0, [1.0]),
        lambda: mg.index_update(X, ..., [1.0, 2.0, 3.0]),
        lambda: mg.index_add(X, ..., [1.0, 2.0, 3.0]),
        lambda: mg.matmul(X, [1.0, 2.0, 3.0]),
        lambda: mg.vecdot(X, [1.0, 2.0, 3.0]),
        lambda: mg.outer(X, [1.0, 2.0, 3.0]),
        lambda: mg.tensordot(X, [1.0, 2.0, 3.0], 1),
        lambda: mg.linalg.solve(np.eye(3), [1.0, 2.0, 3.0]),
        lambda: mg.greater([1.0], 0.0),
        lambda: mg.isnan([1.0]),
        lambda: mg.argmax([1.0, 2.0]),
        lambda: mg.stack([X, [1.0, 2.0, 3.0]]),
        lambda: mg.concat([X, [1.0]]),
        lambda: mg.zeros_like([1.0]),
        lambda: mg.repeat(X, [1, 2, 3]),
        lambda: nn.dropout(X, [True, False, True], 0.5),
        lambda: nn.dense(X[None, :], [[1.0], [2.0], [3.0]]),
        lambda: nn.dense(X[None, :], X[:, None], [1.0]),
        lambda: nn.cross_entropy(X[None, :], [0]),
        lambda: nn.squared_error(X[None, :], [[1.0, 2.0, 3.0]]),
        lambda: nn.conv2d(np.ones((1, 2, 2, 1)), [[[[1.0]]]]),
        lambda: nn.conv2d(np.ones((1, 2, 2, 1)), np.ones((1, 1, 1, 1)), bias=[1.0]),
        lambda: nn.batch_norm(X[:, None], [1.0], X[:1]),
    ],
)
def test_lists_in_other_places(call):
    with pytest.raises(TypeError, match="list"):
        call()


def test_what_the_error_says_to_write():
    with pytest.raises(TypeError, match=re.escape("Write numpy.asarray(x) for a list of numbers, minigrad.stack(x)")):
        mg.exp([1.0])
    with pytest.raises(TypeError, match=re.escape("minigrad.stack(x) for one of arrays")):
        mg.grad(lambda x: mg.sum([x[0], x[1]]))(X)
    with pytest.raises(TypeError, match=re.escape("got float: 2.0. Write numpy.asarray(x)")):
        mg.mean(2.0)


def test_an_index_may_be_a_list():
    np.testing.assert_array_equal(mg.jacobian(lambda x: x[[2, 0, 2]])(X), np.eye(3)[[2, 0, 2]])
    np.testing.assert_array_equal(mg.index_add(X, [0, 0], 1.0), [3.0, 2.0, 3.0])
