r"""A linear network that fits a badly scaled matrix: easy to state, degenerate, hard for first-order methods.

`N = 1000` samples `x ~ N(0, I_6)` and targets `y = A x`; the network is `y^ = W_2 W_1 x`, its loss the batch mean of
`|y^ - y|^2`. The targets are linear in the inputs, so with the samples' second moment `C = X^T X / N = R R^T`

    1/N sum_n |(W_2 W_1 - A) x_n|^2 = trace (W_2 W_1 - A) C (W_2 W_1 - A)^T = |(W_2 W_1 - A) R|_F^2

60 outputs instead of 10,000 with the same loss, gradient and Gauss-Newton matrix. `reduced=False` keeps the samples.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.closed_form.asarray_like import asarray_like
from problems.closed_form.registry import register
from problems.protocol import Runs

FORMS = {  # shapes and standard deviations of W_1 and W_2
    "rahimi-recht": (((10, 6), 2.0 / 16.0), ((10, 10), 1.0 / 10.0)),
    "authors": (((10, 6), 1.0), ((6, 6), 1.0)),
}


@dataclass(frozen=True)
class LinearNetwork:
    """The linear network on samples and targets drawn by `seed`, the same for all runs; minimum 0.

    `form="rahimi-recht"`: `A = linspace(1, 1e-5, 10)[:, None] * U[0, 1]` (10 x 6), `y^ = W_2 W_1 x`, `W_1` 10 x 6 of
    standard deviation 2/16, `W_2` 10 x 10 of 1/10. `form="authors"`: `y^ = W_1 W_2 x` with `W_1` 10 x 6 and `W_2`
    6 x 6, both of standard deviation 1. Params are `{"w1": W_1, "w2": W_2}`, with the axes of the runs in front.
    ValueError for another form, or fewer samples than inputs. From A. Rahimi and B. Recht's talk at NeurIPS 2017, and
    Henriques et al., ICCV 2019.

    >>> problem = LinearNetwork()
    >>> problem.model(problem.init(np.random.default_rng(0), runs=(3,))).shape
    (3, 60)
    """

    form: str = "rahimi-recht"
    seed: int = 0
    samples: int = 1000
    reduced: bool = True
    minimum: float = field(default=0.0, init=False)
    name: str = field(default="linear-network", init=False)
    inputs: Array = field(init=False, repr=False, compare=False)
    matrix: Array = field(init=False, repr=False, compare=False)
    root: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(f"unknown form {self.form!r}: there are {', '.join(sorted(FORMS))}")
        if self.samples < 6:
            raise ValueError(f"samples must be at least 6, the number of inputs; got {self.samples}")
        rng = np.random.default_rng([self.seed, 6])
        inputs = rng.standard_normal((self.samples, 6))
        matrix = np.linspace(1.0, 1e-5, 10)[:, None] * rng.uniform(0.0, 1.0, (10, 6))
        for name, value in (
            ("inputs", inputs),
            ("matrix", matrix),
            ("root", np.linalg.cholesky(inputs.T @ inputs / self.samples)),
        ):
            object.__setattr__(self, name, value)

    @property
    def solution(self) -> dict[str, Array]:
        """One of many: an exact factorisation of `A`."""
        u, s, vt = np.linalg.svd(self.matrix, full_matrices=False)  # (10, 6), (6,), (6, 6)
        if self.form == "authors":
            return {"w1": u, "w2": s[:, None] * vt}
        w1, w2 = np.zeros((10, 6)), np.zeros((10, 10))
        w1[:6], w2[:, :6] = s[:, None] * vt, u
        return {"w1": w1, "w2": w2}

    def init(self, rng: np.random.Generator, runs: Runs = ()) -> dict[str, Array]:
        """Draw `W_1` and `W_2` of every run."""
        (shape1, std1), (shape2, std2) = FORMS[self.form]
        return {
            "w1": std1 * rng.standard_normal((*runs, *shape1)),
            "w2": std2 * rng.standard_normal((*runs, *shape2)),
        }

    def batch(self, rng: np.random.Generator | None = None, runs: Runs = ()) -> None:
        """None: every step sees all samples."""

    def model(self, params: dict[str, Array], batch: None = None) -> Array:
        """The misfit, flattened: `(W_2 W_1 - A) R`, or that of every sample over `sqrt(N)`."""
        w1, w2 = params["w1"], params["w2"]
        wanted = [shape for shape, _ in FORMS[self.form]]
        if [tuple(w1.shape[-2:]), tuple(w2.shape[-2:])] != wanted:
            raise ValueError(f"this linear network takes w1 and w2 of shapes {wanted}; got {w1.shape} and {w2.shape}")
        product = w1 @ w2 if self.form == "authors" else w2 @ w1
        seen = self.root if self.reduced else self.inputs.T * self.samples**-0.5
        misfit = (product - asarray_like(self.matrix, w1)) @ asarray_like(seen, w1)
        return mg.reshape(misfit, (*misfit.shape[:-2], -1))

    def loss(self, outputs: Array, batch: None = None) -> Array:
        """The sum of squares over the last axis, of shape runs."""
        return mg.sum(outputs * outputs, axis=-1)


register("linear-network", LinearNetwork())
register("linear-network-authors", LinearNetwork(form="authors"))
