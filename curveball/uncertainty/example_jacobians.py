"""The Jacobian of the outputs of each example, one by one: `J_b = d y_b / d w`, (outputs, params)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import array_api_compat
import numpy as np

import minigrad as mg
from minigrad import Array, Tree

ENTRIES = 2**22  # of the Jacobians that are held at once

Network = Callable[[Tree, Array], Array]  # params and inputs (batch, ...) to outputs (batch, features) or (batch,)


class ExampleJacobians:
    """Outputs (batch, features) and Jacobians (batch, features, params) on the host, in float64, batch by batch.

    ValueError where the outputs are no rows of numbers, one for each example, where an example's outputs depend on the
    others of its batch, and where they are not finite.

    >>> network = ExampleJacobians(lambda w, x: x @ w, np.ones((2, 1)))
    >>> for outputs, J in network.batches(np.array([[1.0, 2.0]])):
    ...     print(outputs, J)
    [[3.]] [[[1. 2.]]]
    """

    def __init__(self, network: Network, params: Tree):
        self.network, self.params = network, params
        self.ravel = mg.Ravel(params)

    def batches(self, inputs: Array) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """In the order of the inputs, as many at a time as ENTRIES allows."""
        count = check_inputs(inputs)
        features = self.features(inputs)
        size = max(1, ENTRIES // max(1, features * self.ravel.size))
        for start in range(0, count, size):
            outputs, J = self._batch(inputs[start : min(start + size, count), ...], features)
            bad = ~(np.all(np.isfinite(outputs), axis=1) & np.all(np.isfinite(J), axis=(1, 2)))
            if np.any(bad):
                raise ValueError(
                    f"the outputs of example {start + int(np.argmax(bad))}, or their derivatives, are not finite: look "
                    "for NaN or infinity in this example and in the params"
                )
            yield outputs, J

    def _batch(self, inputs: Array, features: int) -> tuple[np.ndarray, np.ndarray]:
        """By pushes for all examples at once, or by pulls for one after the other: whichever is fewer."""
        count, n = inputs.shape[0], self.ravel.size
        if n > count * features:
            one_by_one = [self._pulled(inputs[k : k + 1, ...], features) for k in range(count)]
            outputs, J = (np.concatenate(parts) for parts in zip(*one_by_one, strict=True))
            return outputs, J
        y, push = mg.linearize(lambda w: self.network(w, inputs), self.params)
        columns = [_rows(push(unit)) for unit in self._units()]
        return _rows(y), np.stack(columns, axis=2) if columns else np.zeros((count, features, 0))

    def _pulled(self, one: Array, features: int) -> tuple[np.ndarray, np.ndarray]:
        y, J = mg.linearize(lambda w: mg.reshape(self.network(w, one), (-1,)), self.params)
        xp, device = mg.namespace(y), array_api_compat.device(y)
        units = xp.eye(features, dtype=y.dtype, device=device)
        rows = [mg.to_numpy(self.ravel.vector(J.T(units[k, :]))) for k in range(features)]
        return _rows(y).reshape(1, -1), np.stack(rows).astype(float)[None]

    def _units(self) -> Iterator[Tree]:
        leaf = mg.tree_flatten(self.params)[0][0]
        xp, device = self.ravel.namespace, array_api_compat.device(leaf)
        for k in range(self.ravel.size):
            unit = np.zeros(self.ravel.size, np.float32)
            unit[k] = 1.0
            yield self.ravel.tree(mg.from_numpy(unit, xp, device))

    def features(self, inputs: Array) -> int:
        """How many outputs an example has; two examples tell whether they depend on each other."""
        two = self.network(self.params, inputs[: min(2, inputs.shape[0]), ...])
        shape = getattr(two, "shape", None)
        if shape is None or len(shape) not in (1, 2) or shape[0] != min(2, inputs.shape[0]):
            raise ValueError(
                f"the model must return a row of outputs for each example, (batch, features) or (batch,); for "
                f"{min(2, inputs.shape[0])} examples it returned {type(two).__name__ if shape is None else shape}"
            )
        together, alone = _rows(two)[:1], _rows(self.network(self.params, inputs[:1, ...]))
        if np.all(np.isfinite(alone)) and not np.allclose(together, alone, rtol=1e-3, atol=1e-3 * np.abs(alone).max()):
            raise ValueError(
                "the outputs of an example depend on the others of its batch: give the network in evaluation, with "
                "running statistics in batch normalisation and without dropout"
            )
        return 1 if len(shape) == 1 else shape[1]


def check_inputs(inputs: Array) -> int:
    """The number of examples; TypeError or ValueError for what is no array with an axis of examples."""
    shape = getattr(inputs, "shape", None)
    if shape is None:
        raise TypeError(f"inputs must be an array with the examples along its first axis; got {type(inputs).__name__}")
    if not shape or not shape[0]:
        raise ValueError(f"inputs must have examples along their first axis; got shape {tuple(shape)}")
    return shape[0]


def _rows(outputs: Array) -> np.ndarray:
    y = mg.to_numpy(outputs).astype(float)
    return y[:, None] if y.ndim == 1 else y
