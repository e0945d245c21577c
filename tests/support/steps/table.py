"""The table of steps, and how a function is added to it."""

from __future__ import annotations

from typing import Any

import minigrad as mg
from tests.support.programs import Step, as_is, torch

F = torch.nn.functional if torch else None
STEPS: list[Step] = []


def step(function: str, *domains: str, theirs: Any = None, ours: Any = None, draw: Any = None) -> None:
    """Add a function. Without `ours` and `theirs`, each side is looked up by name when it is called."""

    def public(*args: Any) -> Any:
        module, _, name = function.rpartition(".")
        return getattr(getattr(mg, module) if module else mg, name)(*args)

    other = theirs or function
    peer = other if callable(other) else lambda *args: getattr(torch, other)(*args)
    STEPS.append(Step(function, ours or public, peer, domains, draw or as_is(*(None for _ in domains))))
