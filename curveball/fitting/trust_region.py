r"""The step of Levenberg and Marquardt: the best one of the linear model inside an ellipsoid.

    min |r + J z|   with   |D z| <= radius,   D diagonal

is solved by `z = -(J^T J + lam D^2)^-1 J^T r` with `lam = 0`, or with the `lam > 0` at which `|D z| = radius`. With the
singular values of `J D^-1 = U diag(s) V^T` and `b = U^T r`, each `lam` costs a few operations on vectors:

    D z = -V q,   q = s b / (s^2 + lam)

`J^T J`, whose condition number is the square of J's, is never formed. Moré, The Levenberg-Marquardt Algorithm, 1978,
section 5, has the iteration for `lam`.
"""

from __future__ import annotations

import numpy as np

FREE = 1e-15  # singular values below this share of the largest are rounding errors: no step along them


class LinearModel:
    """`r + J z` at a point, ready for steps of any length. All is computed in units of `size`, the length of `r`.

    With `g`, the gradient `J^T r` where that is known with more digits than r and J apart.

    >>> model = LinearModel(np.array([3.0, 4.0]), np.eye(2), np.ones(2), size=5.0)
    >>> z, length = model.step(1.0)
    >>> z.round(3).tolist(), round(length, 3), round(model.fall(), 3)  # |r| falls from 5 to 4
    ([-0.6, -0.8], 1.0, 0.36)
    """

    def __init__(self, r: np.ndarray, J: np.ndarray, D: np.ndarray, size: float, g: np.ndarray | None = None):
        n = D.size
        self._r, self._J, self._D, self._size = r, J, D, size
        R = np.asarray(np.linalg.qr(np.column_stack([J / (size * D), r / size]), mode="r"))  # the last column is Q^T r
        U, s, Vt = np.linalg.svd(R[:, :n], full_matrices=False)
        keep = s > FREE * s.max(initial=0.0)
        self._s, self._Vt = s[keep], Vt[keep]
        if g is None:
            self._b = (U.T @ R[:, n])[keep]
        else:
            self._b = self._Vt @ (g / size / (size * D)) / self._s
        self._q = self._b  # of the last step
        self.lam = 0.0  # of the last step
        self.tangent = float(np.linalg.norm(self._b))  # the part of r that J can reach

    def step(self, radius: float) -> tuple[np.ndarray, float]:
        """The step `z` (n,) for a radius, and its length `|D z|`, at most a tenth above the radius."""
        s, b = self._s, self._b
        s2 = s * s
        q = b / s
        length = float(np.linalg.norm(q))
        if length <= 1.1 * radius:
            self.lam = 0.0
        else:
            low, high = 0.0, float(np.linalg.norm(s * b)) / radius
            lam = self.lam if 0.0 < self.lam < high else 0.001 * high
            for _ in range(20):
                q = s * b / (s2 + lam)
                length = float(np.linalg.norm(q))
                if abs(length - radius) <= 0.1 * radius:
                    break
                low, high = (lam, high) if length > radius else (low, lam)
                lam += (length / radius) * (length - radius) * length / float(q @ (q / (s2 + lam)))
                if not low < lam < high:
                    lam = max(0.001 * high, float(np.sqrt(low * high)))
            self.lam = lam
        self._q = q
        return -(q @ self._Vt) / self._D, length

    def bend(self, second: np.ndarray) -> tuple[np.ndarray, float]:
        """`a = -1/2 (J^T J + lam D^2)^-1 J^T second`, with `lam` of the last step, and `2 |D a|`."""
        q = (self._Vt @ ((second / self._size @ self._J) / (self._size * self._D))) / (self._s * self._s + self.lam)
        return -0.5 * (q @ self._Vt) / self._D, float(np.linalg.norm(q))

    def fall(self) -> float:
        """`(|r|^2 - |r + J z|^2) / size^2` for the last step."""
        change = self._s * self._q
        return float(change @ (2.0 * self._b - change))

    def fall_along(self, z: np.ndarray) -> float:
        """The same for any step."""
        change = self._J @ z / self._size
        return -float(change @ (2.0 * self._r / self._size + change))
