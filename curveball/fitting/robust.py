r"""Losses that trust outliers less than squares do, with SciPy's names.

The cost is `1/2 C^2 sum_i rho(z_i)`, `z_i = (r_i / C)^2`, with the soft margin `C` between inliers and outliers. Near a
point it is a sum of squares again, of residuals and rows of the Jacobian that carry weights:

    gradient  J^T (rho' r),        Hessian  J^T diag(rho' + 2 rho'' z) J   without second derivatives of r

The second weight is kept positive (Triggs, McLauchlan, Hartley and Fitzgibbon, Bundle Adjustment, 1999, section 4.3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Rho = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]  # z -> rho, rho', rho''


def _soft_l1(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    root = np.sqrt(1.0 + z)
    return 2.0 * (root - 1.0), 1.0 / root, -0.5 / root**3


def _huber(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    inside, far = z <= 1.0, np.maximum(z, 1.0)
    return (
        np.where(inside, z, 2.0 * np.sqrt(far) - 1.0),
        np.where(inside, 1.0, far**-0.5),
        np.where(inside, 0.0, -0.5 * far**-1.5),
    )


def _cauchy(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.log1p(z), 1.0 / (1.0 + z), -1.0 / (1.0 + z) ** 2


def _arctan(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.arctan(z), 1.0 / (1.0 + z * z), -2.0 * z / (1.0 + z * z) ** 2


LOSSES: dict[str, Rho] = {"soft_l1": _soft_l1, "huber": _huber, "cauchy": _cauchy, "arctan": _arctan}


@dataclass(frozen=True)
class Weighing:
    """A loss with its soft margin; `rho` None is the plain sum of squares.

    ValueError for an unknown name or a margin that is not positive.

    >>> round(Weighing.of("huber", 2.0).size(np.array([1.0, 4.0])) ** 2 / 2.0, 9)  # 1/2 + 2 (4 - 1)
    6.5
    """

    rho: Rho | None
    margin: float
    name: str

    @classmethod
    def of(cls, loss: str | Rho, margin: float) -> Weighing:
        """Look up a loss by name, or take a function `z -> (rho, rho', rho'')`."""
        if not (np.ndim(margin) == 0 and np.isfinite(margin) and margin > 0.0):
            raise ValueError(f"f_scale must be a positive number; got {margin!r}")
        if callable(loss):
            return cls(loss, float(margin), getattr(loss, "__name__", "custom"))
        if loss == "linear":
            return cls(None, 1.0, loss)
        if loss not in LOSSES:
            raise ValueError(f"loss must be linear, {', '.join(LOSSES)}, or a function; got {loss!r}")
        return cls(LOSSES[loss], float(margin), loss)

    def size(self, r: np.ndarray) -> float:
        """`sqrt(2 cost)`, which for the sum of squares is `|r|`; nothing overflows that need not."""
        if self.rho is None:
            largest = np.abs(r).max(initial=0.0)
            if 1e-140 < largest < 1e140:
                return float(np.sqrt(r @ r))
            return float(largest * np.linalg.norm(r / largest)) if 0.0 < largest < np.inf else float(largest)
        return self.margin * float(np.sqrt(np.sum(self.rho((r / self.margin) ** 2)[0])))

    def weights(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`rho'` and `rho' + 2 rho'' z`, which may be negative."""
        if self.rho is None:
            return np.ones_like(r), np.ones_like(r)
        z = (r / self.margin) ** 2
        _, first, second = self.rho(z)
        return first, first + 2.0 * second * z

    def factors(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For residuals and for rows of J: with them, the cost near `r` is a sum of squares."""
        first, curvature = self.weights(r)
        root = np.sqrt(np.maximum(curvature, np.finfo(float).eps))
        return first / root, root
