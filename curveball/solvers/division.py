"""Division where the divisor may be zero: nothing is divided by zero, so that nothing warns and nothing is nan."""

from __future__ import annotations

from minigrad import Array, Namespace, namespace


def divide(
    a: Array, b: Array, where: Array | None = None, otherwise: float | Array = 0.0, xp: Namespace | None = None
) -> Array:
    """`a / b` where `where` is true (None: where `b` is not 0), `otherwise` elsewhere; in fused functions give `xp`.

    >>> import numpy as np
    >>> divide(np.array([6.0, 1.0]), np.array([2.0, 0.0])).tolist()
    [3.0, 0.0]
    >>> divide(np.array([6.0, 1.0]), np.array([2.0, 0.0]), otherwise=1.0).tolist()
    [3.0, 1.0]
    """
    xp = namespace(b) if xp is None else xp
    if where is None:
        where = b != 0.0
    return xp.where(where, a / xp.where(where, b, 1.0), otherwise)


def one_for_zero(x: Array, xp: Namespace | None = None) -> Array:
    """`x`, and 1 where it is 0: a safe divisor, where the quotient is not used or the dividend is 0 too.

    In fused functions give `xp`.

    >>> import numpy as np
    >>> one_for_zero(np.array([2.0, 0.0])).tolist()
    [2.0, 1.0]
    """
    return (namespace(x) if xp is None else xp).where(x == 0.0, 1.0, x)
