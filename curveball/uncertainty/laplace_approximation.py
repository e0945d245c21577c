"""The Laplace approximation: what the params may be, given the data, as a normal distribution around the params found.

The posterior is proportional to `exp(-e(w) - lam |w|^2 / 2)`, `e` minus the log-likelihood. At its maximum it is
replaced by the normal distribution with the same value and curvature there. The curvature is that of the linearised
model, the Gauss-Newton matrix:

    w ~ N(w*, (G + lam I)^-1),        G = sum_b J_b^T H_b J_b = sum_b (S_b^T J_b)^T (S_b^T J_b)

over the examples `b`, with Jacobians `J_b` of their outputs and `H_b = S_b S_b^T` the Hessians of `e` by these. The
outputs of a new example are then normal too, `y ~ N(y*, J (G + lam I)^-1 J^T)`.

MacKay, Neural Computation 4(3), 1992; Immer, Korzepa, Bauer, "Improving predictions of Bayesian neural nets via local
linearization", AISTATS 2021.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

import minigrad as mg
from curveball.uncertainty.evidence import Evidence
from curveball.uncertainty.example_jacobians import ExampleJacobians, Network, check_inputs
from curveball.uncertainty.likelihoods import Likelihood, likelihood_of
from curveball.uncertainty.params_part import Keys, part_of
from curveball.uncertainty.predictions import ClassPrediction, NumberPrediction
from minigrad import Array, Tree

LARGEST = 5000  # parameters: their covariance is then 200 MB


@dataclass(frozen=True)
class Laplace:
    """The posterior of the params. `predict(inputs)` is what it is for; `print(posterior)` is a report.

    - `mean`: the params it was made at; `part`: those that are uncertain, all of them or some layers;
    - `prior` (the precision `lam`) and `noise` (standard deviation; 1 for classes), given or chosen;
    - `evidence`: the log-probability of the data, by which priors, and networks, can be compared.
    """

    mean: Tree
    part: Tree
    prior: float
    noise: float
    evidence: float
    determined: float
    diagonal: bool
    _curvature: np.ndarray = field(repr=False)  # eigenvalues of G, or its diagonal, with the noise
    _basis: np.ndarray | None = field(repr=False)  # its eigenvectors, or None
    _network: ExampleJacobians = field(repr=False)
    _likelihood: Likelihood = field(repr=False)
    _whole: Callable[[Tree], Tree] = field(repr=False)

    def predict(
        self, inputs: Array, samples: int = 1000, rng: int | np.random.Generator = 0
    ) -> ClassPrediction | NumberPrediction:
        """Predict new examples, (batch, ...) like those of the data.

        Of numbers a `NumberPrediction`: `mean`, `std`, `total_std`, `interval(level)`. Of classes a `ClassPrediction`:
        `labels`, `probabilities`, `confidence`, `entropy`, `disagreement`; with more than two classes these are means
        over `samples` of the outputs, drawn with `rng`.
        """
        generator = np.random.default_rng(rng)
        means, covariances = [], []
        for outputs, J in self._network.batches(inputs):
            means.append(outputs)
            scaled = self._to_basis(J) / np.sqrt(self._curvature + self.prior)
            covariances.append(scaled @ np.swapaxes(scaled, 1, 2))
        return self._likelihood.predict(
            np.concatenate(means), np.concatenate(covariances), self.noise, samples, generator
        )

    @property
    def std(self) -> Tree:
        """Standard deviation of each uncertain parameter, a tree like `part`."""
        inverse = 1.0 / (self._curvature + self.prior)
        variances = inverse if self._basis is None else self._basis**2 @ inverse
        return self._tree(np.sqrt(variances))

    def covariance(self) -> np.ndarray:
        """The covariance of the uncertain parameters, (n, n), in the order of `tree_flatten`."""
        if self._basis is None:
            return np.diag(1.0 / (self._curvature + self.prior))
        return (self._basis / (self._curvature + self.prior)) @ self._basis.T

    def samples(self, count: int, rng: int | np.random.Generator = 0) -> Iterator[Tree]:
        """Draw `count` params, whole trees like `mean`."""
        generator = np.random.default_rng(rng)
        centre = mg.to_numpy(self._network.ravel.vector(self.part)).astype(float)
        for _ in range(count):
            z = generator.standard_normal(centre.size) / np.sqrt(self._curvature + self.prior)
            yield self._whole(self._tree(centre + (z if self._basis is None else self._basis @ z)))

    def _to_basis(self, J: np.ndarray) -> np.ndarray:
        return J if self._basis is None else J @ self._basis

    def _tree(self, vector: np.ndarray) -> Tree:
        import array_api_compat

        ravel = self._network.ravel
        device = array_api_compat.device(mg.tree_flatten(self.part)[0][0])
        return ravel.tree(mg.from_numpy(vector, ravel.namespace, device))

    def __str__(self) -> str:
        kind = "diagonal" if self.diagonal else "full"
        noise = f", noise {self.noise:.4g}" if self._likelihood.has_noise else ""
        return (
            f"Laplace approximation, {kind}: {self._curvature.size} parameters, of which the data determine "
            f"{self.determined:.1f}\n  prior {self.prior:.4g}{noise}, log evidence {self.evidence:.6g}"
        )


def laplace(
    model: Network,
    params: Tree,
    inputs: Array,
    targets: Array,
    *,
    likelihood: str | None = None,
    prior: float | None = None,
    noise: float | None = None,
    part: Keys = None,
    diagonal: bool = False,
    progress: bool = False,
) -> Laplace:
    """Return the Laplace approximation of the posterior at trained `params`.

    model:       `model(params, inputs) -> outputs` (batch, features) or (batch,), with independent examples: a network
                 with batch normalisation in evaluation
    inputs:      the training data, examples along the first axis
    targets:     labels, or numbers of the outputs' shape
    likelihood:  "classification" (softmax), "binary" (one output, the logit of class 1) or "regression" (normal
                 noise); None: by the targets, whole numbers being classes
    prior:       precision of the normal prior of each parameter. A mean loss over N examples with weight decay `c` has
                 `prior = N c` (a mean of squares with noise `sigma`: `N c / (2 sigma^2)`). None: the one with the
                 largest evidence
    noise:       standard deviation of a measurement, for regression; None: that with the largest evidence
    part:        keys of the params that are uncertain, as "dense2" or ["w2", "b2"] or -1; None: all. The last layer
                 alone is fast for any network
    diagonal:    leave out all covariances of two parameters, for networks of more than a few thousand
    progress:    a bar on a terminal

    The Jacobians of all examples are evaluated once, and again for those predicted. ValueError for data that do not
    fit, naming the example; where the params are too many for a full covariance; where the evidence has no maximum.

    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> posterior = laplace(lambda w, x: x @ w, np.array([1.0]), x, np.array([0.1, 1.0, 1.9]), prior=1.0, noise=0.5)
    >>> prediction = posterior.predict(np.array([[1.0], [10.0]]))
    >>> prediction.mean[:, 0].tolist(), prediction.std[:, 0].round(3).tolist()  # 1 / sqrt(5 / 0.25 + 1) = 0.218
    ([1.0, 10.0], [0.218, 2.182])
    """
    for name, value in (("prior", prior), ("noise", noise)):
        if value is not None and not (isinstance(value, int | float) and 0.0 < value < math.inf):
            raise ValueError(f"{name} must be a positive number; got {value!r}")
    count = check_inputs(inputs)
    host = mg.to_numpy(targets) if hasattr(targets, "shape") else np.asarray(targets)
    if not host.ndim or host.shape[0] != count:
        raise ValueError(f"there must be a target for each of {count} examples; targets have shape {host.shape}")
    params = mg.tree_map(lambda w: w if hasattr(w, "shape") else np.asarray(w, dtype=float), params)
    chosen, whole = part_of(params, part)
    network = ExampleJacobians(lambda w, x: model(whole(w), x), chosen)
    n = network.ravel.size
    if not n:
        raise ValueError("there are no params to be uncertain about")
    if n > LARGEST and not diagonal:
        raise ValueError(
            f"a full covariance of {n} parameters is too large (from {LARGEST} on): give part=, the keys of the last "
            "layer, or diagonal=True"
        )
    features = network.features(inputs)
    kind = likelihood_of(likelihood, host, features)
    if noise is not None and not kind.has_noise:
        raise ValueError("noise is for regression: labels have none")
    G, error = _curvature(network, inputs, kind, kind.check(features, host), diagonal, progress)
    h, basis = (G, None) if diagonal else np.linalg.eigh(G)
    h = np.maximum(h, 0.0)
    flat = mg.to_numpy(network.ravel.vector(chosen)).astype(float)
    evidence = Evidence(h, float(flat @ flat), error, host.size if kind.has_noise else 0)
    lam, sigma = evidence.best(prior, noise)
    return Laplace(
        params, chosen, lam, sigma, evidence.log(lam, sigma), evidence.determined(lam, sigma), diagonal,
        h / sigma**2, basis, network, kind, whole,
    )  # fmt: skip


def _curvature(
    network: ExampleJacobians, inputs: Array, kind: Likelihood, targets: np.ndarray, diagonal: bool, progress: bool
) -> tuple[np.ndarray, float]:
    """`G` for noise 1 (n, n), or its diagonal (n,), and minus the log-likelihood."""
    from tqdm import tqdm

    n = network.ravel.size
    G, error, start = np.zeros(n if diagonal else (n, n)), 0.0, 0
    with tqdm(total=len(targets), unit=" examples", disable=None if progress else True, leave=False) as bar:
        for outputs, J in network.batches(inputs):
            stop = start + len(outputs)
            error += kind.error(outputs, targets[start:stop])
            rows = (np.swapaxes(kind.factor(outputs), 1, 2) @ J).reshape(-1, n)
            G += np.sum(rows**2, axis=0) if diagonal else rows.T @ rows
            start = stop
            bar.update(len(outputs))
    return G, error
