"""Errors of operations say which argument, which shape or axis, and what would do."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.ops import linalg
from tests.support.errors import differentiate, fails


@pytest.mark.parametrize(
    ("message", "f"),
    [
        ("matmul: shapes (2,) and (3,) do not match", lambda x: x @ np.ones(3)),
        ("matmul: shapes (3, 3) and (2,) do not match", lambda x: np.ones((3, 3)) @ x),
        ("transpose one with x.mT or reshape it", lambda x: x @ np.ones((3, 2))),
        ("matmul needs arrays of one axis or more: use * for numbers; got shape (2,) and float", lambda x: x @ 2.0),
        ("could not be broadcast", lambda x: x + np.ones(3)),
        ("concat: axis 1 does not name axes of an array of shape (2,)", lambda x: mg.concat([x, x], axis=1)),
        ("concat: the shapes may differ along axis 0 only", lambda x: mg.concat([x, np.ones((1, 1))])),
        ("concat needs at least one array", lambda x: mg.concat([])),
        ("stack needs one or more arrays of one shape; got [(2,), (3,)]", lambda x: mg.stack([x, np.ones(3)])),
        ("stack needs one or more arrays of one shape; got []", lambda x: mg.stack([])),
        ("expand_dims: axis 5 must name places in a result of 2 axes", lambda x: mg.stack([x, x], axis=5)),
        ("squeeze: axis 0 of shape (2,) does not have length 1", lambda x: mg.squeeze(x, 0)),
        ("squeeze: axis 3 does not name axes of an array of shape (2,)", lambda x: mg.squeeze(x, 3)),
        ("expand_dims: axis (0, 0) must name places", lambda x: mg.expand_dims(x, (0, 0))),
        ("permute_dims: axes (0, 0) does not name axes", lambda x: mg.permute_dims(x, (0, 0))),
        ("permute_dims: axes () must name each axis", lambda x: mg.permute_dims(x, ())),
        ("moveaxis: source 4 does not name axes", lambda x: mg.moveaxis(x, 4, 0)),
        ("must name as many axes", lambda x: mg.moveaxis(mg.outer(x, x), 0, (0, 1))),
        ("matrix_transpose needs two axes or more; got shape (2,)", lambda x: x.mT),
        ("flip: axis 2 does not name axes", lambda x: mg.flip(x, 2)),
        ("pad: widths ((0, 1), (0, 1)) need one pair", lambda x: mg.pad(x, ((0, 1), (0, 1)))),
        ("axis 3", lambda x: mg.sum(x, axis=3)),
        ("axis 3 does not name axes of an array of shape (2,)", lambda x: mg.max(x, axis=3)),
        ("axis (0, 0) does not name axes", lambda x: mg.mean(x, axis=(0, 0))),
        ("cumulative_sum needs axis= for an array of 2 axes", lambda x: mg.cumulative_sum(mg.outer(x, x))),
        ("cannot reshape array of size 2 into shape (3,)", lambda x: mg.reshape(x, (3,))),
        ("vecdot: shapes (2,) and (3,) must have the same length along axis -1", lambda x: mg.vecdot(x, np.ones(3))),
        ("tensordot: axes (0,) of shape (2,) and axes (0,) of shape (3,)", lambda x: mg.tensordot(x, np.ones(3), 1)),
        ("tensordot: axes (-2, -1) does not name axes", lambda x: mg.tensordot(x, x, 2)),
        ("shapes (2,), (3,) do not broadcast to one another", lambda x: mg.broadcast_arrays(x, np.ones(3))[0]),
        ("a value of shape (3,) does not fit x[index], of shape (2,)", lambda x: mg.index_update(x, ..., np.ones(3))),
        ("a value of shape (3,) does not fit x[index], of shape (1,)", lambda x: mg.index_add(x, slice(1), np.ones(3))),
        ("solve: a has shape (2, 2), so b needs 2 rows; its shape is (1,)", lambda x: linalg.solve(np.eye(2), x[:1])),
        ("inv needs square matrices; got shape (2,)", lambda x: linalg.inv(x)),
        ("cholesky needs square matrices; got shape (1, 2)", lambda x: linalg.cholesky(x[None, :])),
        ("det needs square matrices; got shape (2,)", lambda x: linalg.det(x)),
        ("matrix_power: n must be at least 1; got 0", lambda x: linalg.matrix_power(mg.outer(x, x), 0)),
        ("take needs axis= for an array of 2 axes", lambda x: mg.take(mg.outer(x, x), np.array([0]))),
        ("take: indices of shape (1, 1) must have one axis", lambda x: mg.take(x[None, :], np.array([[0]]), axis=1)),
        ("x (1, 2) and indices (2, 1) must agree", lambda x: mg.take_along_axis(x[None, :], np.array([[0], [1]]))),
    ],
)  # fmt: skip
def test_shapes_and_axes(message, f):
    fails(ValueError, message, differentiate, f)


def test_indices():
    fails(TypeError, "an index must be made of integers, slices or masks", differentiate, lambda x: x[1.0])
    fails(TypeError, "an index must be made of integers, slices or masks", differentiate, lambda x: x[x])
    fails(IndexError, "out of bounds", differentiate, lambda x: x[5])
