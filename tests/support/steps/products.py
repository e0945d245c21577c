"""Products of matrices and linear algebra. Each with PyTorch's, in a domain without kinks."""

from __future__ import annotations

from hypothesis import strategies as st

import minigrad as mg
from minigrad.ops import linalg
from tests.support.programs import fixed, stacked, torch
from tests.support.steps.table import step

step(
    "matmul",
    "any",
    "any",
    draw=lambda draw: (
        draw(
            st.sampled_from(
                [
                    ((2, 3), (3, 2)),
                    ((3,), (3,)),
                    ((3,), (3, 2)),
                    ((2, 3), (3,)),
                    ((2, 2, 3), (3, 2)),
                    ((2, 1, 2, 3), (2, 3, 1)),
                ]
            )
        ),
        (),
    ),
)
step(
    "tensordot",
    "any",
    "any",
    draw=fixed((2, 3, 2), (3, 2, 2), options=st.tuples(st.sampled_from([1, 2, ((0, 1), (1, 0)), ((-1,), (2,))]))),
    ours=lambda a, b, axes: (
        mg.tensordot(a, b, axes=axes) if axes != 1 else mg.tensordot(a, mg.moveaxis(b, 1, 0), axes=1)
    ),
    theirs=lambda a, b, axes: torch.tensordot(a, b if axes != 1 else b.moveaxis(1, 0), axes),
)
step("outer", "any", "any", draw=fixed((3,), (4,)))
step(
    "linalg.diagonal",
    "raw",
    ours=lambda x, k: linalg.diagonal(x, offset=k),
    theirs=lambda x, k: torch.diagonal(x, k, -2, -1),
    draw=fixed((2, 3, 3), options=st.tuples(st.integers(-2, 2))),
)
step("linalg.trace", "raw", theirs=lambda x: x.diagonal(0, -2, -1).sum(-1), draw=stacked((3, 3)))
step(
    "linalg.matrix_power",
    "unit",
    theirs=lambda a, n: torch.linalg.matrix_power(a, n),
    draw=fixed((2, 3, 3), options=st.tuples(st.integers(1, 5))),
)
step("linalg.solve", "regular", "any", theirs=lambda a, b: torch.linalg.solve(a, b), draw=stacked((3, 3), (3, 2)))
step("linalg.inv", "regular", theirs=lambda a: torch.linalg.inv(a), draw=stacked((3, 3)))
step("linalg.det", "regular", theirs=lambda a: torch.linalg.det(a), draw=stacked((3, 3)))
step(
    "linalg.slogdet",
    "regular",
    ours=lambda a: linalg.slogdet(a)[1],
    theirs=lambda a: torch.linalg.slogdet(a)[1],
    draw=stacked((3, 3)),
)
step("linalg.cholesky", "spd", theirs=lambda a: torch.linalg.cholesky(a), draw=stacked((3, 3)))
