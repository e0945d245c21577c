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
step("linalg.cross", "any", "any", theirs=lambda a, b: torch.linalg.cross(a, b), draw=stacked((2, 3), (2, 3)))
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


# ------------------------------------------------------------------------------------- vectors without their signs


def _squares_of_eigenvectors(w, V, concat):
    return concat([w[..., None, :], V * V], -2)


def _squares_of_singular_vectors(U, S, Vh, concat):
    return concat([U * U, S[..., None, :], (Vh * Vh).mT, (U @ Vh)[..., :, : S.shape[-1]]], -2)


def _squares_of_factors(Q, R, concat):
    return concat([Q * Q, (R * R)[..., :, : Q.shape[-1]]], -2)


_matrices = st.sampled_from([(2, 2), (3, 2), (2, 3), (3, 3), (2, 3, 2)]).map(lambda shape: (shape,))


def _any_matrix(draw, *options):
    return draw(_matrices), tuple(map(draw, options))


step(
    "linalg.eigh",
    "spread",
    ours=lambda a: _squares_of_eigenvectors(*linalg.eigh(a), mg.concat),
    theirs=lambda a: _squares_of_eigenvectors(*torch.linalg.eigh(0.5 * (a + a.mT)), torch.concat),
    draw=stacked((3, 3)),
)
step("linalg.eigvalsh", "spread", theirs=lambda a: torch.linalg.eigvalsh(0.5 * (a + a.mT)), draw=stacked((3, 3)))
step(
    "linalg.svd",
    "spread",
    ours=lambda a: _squares_of_singular_vectors(*linalg.svd(a, full_matrices=False), mg.concat),
    theirs=lambda a: _squares_of_singular_vectors(*torch.linalg.svd(a, full_matrices=False), torch.concat),
    draw=_any_matrix,
)
step("linalg.svdvals", "spread", theirs=lambda a: torch.linalg.svdvals(a), draw=_any_matrix)
step("linalg.pinv", "spread", theirs=lambda a: torch.linalg.pinv(a), draw=_any_matrix)
step(
    "linalg.qr",
    "spread",
    ours=lambda a: _squares_of_factors(*linalg.qr(a), mg.concat),
    theirs=lambda a: _squares_of_factors(*torch.linalg.qr(a), torch.concat),
    draw=_any_matrix,
)
step(
    "linalg.matrix_norm",
    "spread",
    ours=lambda a, ord: linalg.matrix_norm(a, ord=ord),
    theirs=lambda a, ord: torch.linalg.matrix_norm(a, ord),
    draw=lambda draw: _any_matrix(draw, st.sampled_from(["fro", "nuc", 2, -2])),
)
