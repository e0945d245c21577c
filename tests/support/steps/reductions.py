"""Reductions and running sums. Each with PyTorch's, in a domain without kinks."""

from __future__ import annotations

from hypothesis import strategies as st

import minigrad as mg
from minigrad.ops import linalg
from tests.support.programs import along, fixed, one_axis, reduction, torch
from tests.support.steps.table import step

for name, domain, peer in (
    ("sum", "raw", lambda x: x.sum(-1)),
    ("mean", "raw", lambda x: x.mean(-1)),
    ("prod", "positive", lambda x: x.prod(-1)),
    ("max", "apart", lambda x: x.amax(-1)),
    ("min", "apart", lambda x: x.amin(-1)),
    ("logsumexp", "any", lambda x: x.logsumexp(-1)),
    ("var", "any", lambda x: x.var(-1, correction=0)),
    ("std", "apart", lambda x: x.std(-1, correction=0)),
):
    step(
        name,
        domain,
        ours=lambda x, axis, keep, f=name: getattr(mg, f)(x, axis=axis, keepdims=keep),
        theirs=lambda x, axis, keep, peer=peer: along(x, axis, keep, peer),
        draw=reduction,
    )
step(
    "linalg.vector_norm",
    "apart",
    ours=lambda x, axis, keep, p: linalg.vector_norm(x, axis, keep, ord=p),
    theirs=lambda x, axis, keep, p: along(x, axis, keep, lambda x: torch.linalg.vector_norm(x, p, -1)),
    draw=lambda draw: (lambda s, o: (s, (*o, draw(st.sampled_from([2, 1, 3, 2.5, float("inf")])))))(*reduction(draw)),
)
step(
    "vecdot",
    "any",
    "any",
    ours=lambda a, b, axis: mg.vecdot(a, b, axis=axis),
    theirs=lambda a, b, axis: (a * b).sum(axis),
    draw=lambda draw: one_axis(draw, arrays=2),
)
step("cumulative_sum", "raw", ours=lambda x, axis: mg.cumulative_sum(x, axis=axis), theirs="cumsum", draw=one_axis)
step(
    "cumulative_prod",
    "positive",
    ours=lambda x, axis: mg.cumulative_prod(x, axis=axis),
    theirs="cumprod",
    draw=one_axis,
)
step(
    "diff",
    "raw",
    ours=lambda x, axis, n: mg.diff(x, axis=axis, n=n),
    theirs=lambda x, axis, n: torch.diff(x, n=n, dim=axis),
    draw=lambda draw: fixed(
        draw(st.sampled_from([(3,), (3, 3)])), options=st.tuples(st.just(-1) | st.just(0), st.sampled_from([1, 2]))
    )(draw),
)
