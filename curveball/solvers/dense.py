"""Curvature as a matrix with all its entries: for problems with few parameters. Each run has its own matrix."""

from __future__ import annotations

from collections.abc import Callable

from array_api_compat import device as device_of

import minigrad as mg
from minigrad import Array, Ravel, Tree, namespace


def dense_matrix(product: Callable[[Tree], Tree], ravel: Ravel, like: Array) -> Array:
    """The matrices (*runs, n, n) of a linear map on trees, one product per column, for all runs at once.

    `like` is a vector (*runs, n). A Gauss-Newton matrix whose model states its Jacobian is `J^T (H_L J)` of that one.

    >>> import numpy as np
    >>> from minigrad import Ravel
    >>> w = np.zeros(2)
    >>> dense_matrix(lambda v: np.array([[1.0, 2.0], [3.0, 4.0]]) @ v, Ravel(w), w).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    if isinstance(product, mg.GGNOperator) and product.rows is not None:
        return _from_rows(product, product.rows)
    xp = ravel.namespace
    n = like.shape[-1]
    unit = xp.eye(n, dtype=like.dtype, device=device_of(like))
    columns = [ravel.vector(product(ravel.tree(xp.broadcast_to(unit[k, :], like.shape)))) for k in range(n)]
    return xp.stack(columns, axis=-1)


def _from_rows(G: mg.GGNOperator, J: Array) -> Array:
    """`J^T H_L J`, with one product by `H_L` per column of `J`."""
    xp = namespace(J)
    columns = [J[:, k] for k in range(J.shape[1])]
    if getattr(G.outputs, "shape", ()) == (J.shape[0],):
        rows = [G.slope_and_product(v_y)[1] for v_y in columns]
    else:
        outputs = Ravel(G.outputs)
        rows = [outputs.vector(G.slope_and_product(outputs.tree(v_y))[1]) for v_y in columns]
    return xp.matmul(xp.stack(rows, axis=0), J)  # (H_L J)^T J


def identity_like(matrix: Array) -> Array:
    """The identity of the size of the matrices given."""
    xp = namespace(matrix)
    return xp.eye(matrix.shape[-1], dtype=matrix.dtype, device=device_of(matrix))


def solve(matrix: Array, vector: Array) -> Array:
    """`matrix^-1 vector`, for each run."""
    return mg.linalg.solve(matrix, vector[..., None])[..., 0]
