"""Skip connections: layers whose output is added to their input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.vision.layers import Layer, Outputs, Params, Sequence, Shape

IDENTITY = Sequence()


@dataclass(frozen=True)
class Residual(Layer):
    """`relu(branch(x) + shortcut(x))`; a shortcut without layers is x. ValueError if their shapes differ."""

    branch: Sequence
    shortcut: Sequence = IDENTITY
    kind: ClassVar[str] = "block"

    def shape(self, shape: Shape) -> Shape:
        added, kept = self.branch.shape(shape), self.shortcut.shape(shape)
        if added != kept:
            raise ValueError(f"a residual block cannot add {added}, which its branch makes, to its shortcut's {kept}")
        return added

    def init(self, rng: np.random.Generator, shape: Shape, scale: str) -> Params:
        return {name: part.init(rng, shape, scale) for name, part in self._parts()}

    def masks(self, rng: np.random.Generator, shape: Shape, batch: int) -> Params:
        return {name: drawn for name, part in self._parts() if (drawn := part.masks(rng, shape, batch))}

    def apply(self, params: Params, x: Array, stats: Params | None, masks: Params | None = None) -> Outputs:
        total: Array = 0.0 if self.shortcut.layers else x
        seen: Params = {}
        for name, part in self._parts():
            own = None if stats is None else stats.get(name, {})
            y, batch_stats = part.apply(params[name], x, own, (masks or {}).get(name))
            total = y + total
            if batch_stats:
                seen[name] = batch_stats
        return mg.relu(total), seen

    def _parts(self) -> list[tuple[str, Sequence]]:
        """The parts that have layers."""
        parts = (("branch", self.branch), ("shortcut", self.shortcut))
        return [(name, part) for name, part in parts if part.layers]
