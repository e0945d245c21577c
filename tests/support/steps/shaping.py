"""Shaping and indexing. Each with PyTorch's, in a domain without kinks."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

import minigrad as mg
from tests.support.programs import broadcasting, fixed, one_axis, stacked, torch
from tests.support.steps.table import F, step

step(
    "reshape",
    "raw",
    ours=lambda x, shape: mg.reshape(x, shape),
    theirs=lambda x, shape: x.reshape(shape),
    draw=fixed((2, 3, 2), options=st.tuples(st.sampled_from([(-1,), (4, 3), (3, -1), (1, 12), (2, 2, 3)]))),
)
step(
    "permute_dims",
    "raw",
    theirs="permute",
    draw=fixed((2, 3, 2), options=st.tuples(st.permutations([0, 1, 2]).map(tuple))),
)
step("matrix_transpose", "raw", theirs=lambda x: x.mT, draw=stacked((2, 3)))
step("moveaxis", "raw", draw=fixed((2, 3, 2), options=st.tuples(st.integers(-3, 2), st.integers(-3, 2))))
step("expand_dims", "raw", theirs="unsqueeze", draw=one_axis)
step("squeeze", "raw", draw=fixed((1, 3, 1), options=st.tuples(st.sampled_from([0, -1, 2, (0, 2)]))))
step("broadcast_to", "raw", draw=fixed((3, 1), options=st.tuples(st.sampled_from([(3, 4), (2, 3, 1), (2, 3, 2)]))))
step(
    "broadcast_arrays",
    "raw",
    "raw",
    ours=lambda a, b: (lambda p: p[0] * p[1])(mg.broadcast_arrays(mg.sin(a), mg.sin(b))),
    theirs=lambda a, b: torch.sin(a) * torch.sin(b),
    draw=broadcasting,
)
step(
    "concat",
    "raw",
    "raw",
    ours=lambda a, b, axis: mg.concat([a, b, a], axis=axis),
    theirs=lambda a, b, axis: torch.cat([a, b, a], axis),
    draw=lambda draw: one_axis(draw, arrays=2),
)
step(
    "stack",
    "raw",
    "raw",
    ours=lambda a, b, axis: mg.stack([a, b], axis=axis),
    theirs=lambda a, b, axis: torch.stack([a, b], axis),
    draw=lambda draw: one_axis(draw, arrays=2),
)
step(
    "unstack",
    "any",
    ours=lambda x, axis: (lambda p: p[0] * p[1])(mg.unstack(x, axis=axis)),
    theirs=lambda x, axis: (lambda p: p[0] * p[1])(x.unbind(axis)),
    draw=one_axis,
)
step(
    "pad",
    "raw",
    ours=lambda x, a, b, c: mg.pad(x, ((a, b), (c, 0))),
    theirs=lambda x, a, b, c: F.pad(x, (c, 0, a, b)),
    draw=fixed((2, 3), options=st.tuples(*[st.integers(0, 2)] * 3)),
)
step("flip", "raw", ours=lambda x, axis: mg.flip(x, axis=axis), theirs=lambda x, axis: x.flip(axis), draw=one_axis)
step(
    "roll",
    "raw",
    ours=lambda x, axis, n: mg.roll(x, n, axis=axis),
    theirs=lambda x, axis, n: x.roll(n, axis),
    draw=lambda draw: one_axis(draw, st.integers(-3, 4)),
)
for name in ("tril", "triu"):
    step(
        name,
        "raw",
        ours=lambda x, k, f=name: getattr(mg, f)(x, k=k),
        draw=fixed((2, 3, 3), options=st.tuples(st.integers(-2, 2))),
    )
step("tile", "raw", draw=fixed((2, 3), options=st.tuples(st.sampled_from([(2,), (2, 1), (2, 1, 2)]))))
step("astype", "raw", ours=lambda x: mg.astype(x, mg.float64), theirs=lambda x: x.double())

INDICES = (
    0,
    (..., -1),
    (slice(None), slice(1, None)),
    (slice(None, None, 2), None),
    ([0, 2, 2, 1],),
    (slice(None), [1, 1, 3]),
    ([0, 2], [3, 3]),
)


def _arrays(index):
    return tuple(np.array(i) if isinstance(i, list) else i for i in index) if isinstance(index, tuple) else index


step(
    "take",
    "raw",
    ours=lambda x, i: x[_arrays(i)],
    theirs=lambda x, i: x[i],
    draw=fixed((3, 4), options=st.tuples(st.sampled_from(INDICES))),
)
step(
    "take",
    "raw",
    ours=lambda x, axis, i: mg.take(x, np.array(i), axis=axis),
    theirs=lambda x, axis, i: x.index_select(axis, torch.tensor(i)),
    draw=lambda draw: one_axis(draw, st.lists(st.integers(0, 1), min_size=1, max_size=3)),
)
step(
    "take_along_axis",
    "raw",
    ours=lambda x, i: mg.take_along_axis(x, np.array(i), axis=1),
    theirs=lambda x, i: torch.take_along_dim(x, torch.tensor(i), 1),
    draw=fixed((2, 3), options=st.tuples(st.sampled_from([[[0, 0, 2], [2, 1, 2]], [[1], [0]]]))),
)
step(
    "sort",
    "apart",
    ours=lambda x, axis, down: mg.sort(x, axis=axis, descending=down),
    theirs=lambda x, axis, down: x.sort(axis, down).values,
    draw=lambda draw: one_axis(draw, st.booleans()),
)
step(
    "repeat",
    "raw",
    ours=lambda x, n: mg.repeat(x, np.array(n)),
    theirs=lambda x, n: x.repeat_interleave(torch.tensor(n)),
    draw=fixed((3,), options=st.tuples(st.sampled_from([[2, 2, 2], [1, 0, 3]]))),
)
step(
    "index_update",
    "raw",
    "raw",
    ours=lambda x, v, i: mg.index_update(x, _arrays(i), v),
    theirs=lambda x, v, i: _changed(x, v, i),
    draw=fixed((3, 4), (4,), options=st.tuples(st.sampled_from([0, (slice(1, None),), ([2, 0],)]))),
)
step(
    "index_add",
    "raw",
    "raw",
    ours=lambda x, v, i: mg.index_add(x, np.array(i), v),
    theirs=lambda x, v, i: x.index_add(0, torch.tensor(i), v),
    draw=fixed((3, 2), (4, 2), options=st.tuples(st.lists(st.integers(0, 2), min_size=4, max_size=4))),
)


def _changed(x, v, index):
    y = x.clone()
    y[index] = v
    return y
