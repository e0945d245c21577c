"""Random programs of minigrad's differentiable functions, each function with PyTorch's for the same: for the fuzzer.

A program is a list of steps. Each step takes earlier values, brings them to the shapes and into the domain of its
function, and appends the result, so that any function can follow any other and values are shared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import strategies as st

import minigrad as mg

try:
    import torch
except ModuleNotFoundError:
    torch = None  # type: ignore[assignment]  # the programs then run on minigrad alone

Shape = tuple[int, ...]
Draw = Callable[[st.SearchStrategy], Any]
MOST = 24  # entries of a value: larger ones are cut


@dataclass(frozen=True)
class Step:
    """One function: `draw` gives the shapes of its arrays (None: as they are) and the options that follow them."""

    function: str
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    domains: tuple[str, ...]
    draw: Callable[[Draw], tuple[tuple[Shape | None, ...], tuple[Any, ...]]]


@dataclass(frozen=True)
class Call:
    step: Step
    inputs: tuple[int, ...]  # which earlier values
    shapes: tuple[Shape | None, ...]
    options: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"{self.step.function}{self.inputs}, shapes {self.shapes}, options {self.options}"


# ------------------------------------------------------------------------------------- shapes and domains

OURS = SimpleNamespace(
    sin=lambda x: mg.sin(x), pick=lambda x, i: mg.take(x, i), reshape=lambda x, shape: mg.reshape(x, shape),
    constant=lambda x: x, square=lambda x: x @ mg.matrix_transpose(x), flat=lambda xs: mg.concat(xs, axis=None),
)  # fmt: skip
THEIRS = SimpleNamespace(
    sin=lambda x: torch.sin(x), pick=lambda x, i: x[torch.as_tensor(i)], reshape=lambda x, shape: x.reshape(shape),
    constant=lambda x: torch.as_tensor(x), square=lambda x: x @ x.mT,
    flat=lambda xs: torch.cat([x.reshape(-1) for x in xs]),
)  # fmt: skip


def fit(lib: Any, x: Any, shape: Shape | None) -> Any:
    """The entries of `x` in another shape, cut or repeated as it needs."""
    if shape is None:
        if prod(x.shape) <= MOST:
            return x
        shape = (4, MOST // 4)
    if tuple(x.shape) == shape:
        return x
    return lib.reshape(lib.pick(lib.reshape(x, (-1,)), np.arange(prod(shape)) % prod(x.shape)), shape)


def _steps_of_a_half(shape: Shape) -> np.ndarray:
    """-0.25, 0.75, -1.25, ...: in no order, far from each other, from 0 and from where rounding jumps."""
    n = prod(shape)
    return ((np.random.default_rng(n).permutation(n) - n // 2) * 0.5 + 0.25).reshape(shape)


def into(lib: Any, domain: str, x: Any) -> Any:
    """Smoothly into the domain of a function; what is linear takes `raw` values."""
    if domain == "raw":
        return x
    y = lib.sin(x)
    if domain == "any":
        return 1.3 * y
    if domain == "unit":
        return 0.7 * y + 0.05
    if domain == "positive":
        return 0.6 * y + 1.2
    if domain == "above-1":
        return 0.6 * y + 2.0
    if domain == "apart":  # no two entries meet, none meets 0 or a jump: 0.1 leaves each its own interval
        return 0.1 * y + lib.constant(_steps_of_a_half(tuple(x.shape)))
    if domain == "spread":  # singular values, and eigenvalues of the symmetric part, stay apart and above 0
        return 0.3 * y + lib.constant(np.eye(*x.shape[-2:]) * (6.0 - 2.5 * np.arange(x.shape[-1])))
    matrix = 0.3 * y + lib.constant(2.0 * np.eye(x.shape[-1]))
    return matrix if domain == "regular" else lib.square(matrix)  # "spd"


# ------------------------------------------------------------------------------------- what is drawn

SHAPES = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple)
LONG = st.sampled_from([(4,), (2, 3), (3, 2), (2, 2, 3)])
STACKS = st.sampled_from([(), (2,)])


def as_is(*shapes: Any) -> Callable[[Draw], Any]:
    return lambda draw: (shapes or (None,), ())


def fixed(*shapes: Shape, options: st.SearchStrategy | None = None) -> Callable[[Draw], Any]:
    return lambda draw: (shapes, tuple(draw(options)) if options is not None else ())


def broadcasting(draw: Draw) -> Any:
    shape = draw(SHAPES)
    other = tuple(1 if draw(st.booleans()) else n for n in shape)[draw(st.integers(0, len(shape))) :]
    return ((shape, other) if draw(st.booleans()) else (other, shape)), ()


def reduction(draw: Draw, shapes: st.SearchStrategy = LONG) -> Any:
    shape = draw(shapes)
    axis = draw(st.sampled_from([None, *range(-len(shape), len(shape))]))
    if len(shape) == 3 and draw(st.booleans()):
        axis = draw(st.sampled_from([(0, 2), (1, -1), (0, 1, 2)]))
    return (shape,), (axis, draw(st.booleans()))


def one_axis(draw: Draw, *more: st.SearchStrategy, arrays: int = 1) -> Any:
    shape = draw(LONG)
    return (shape,) * arrays, (draw(st.integers(-len(shape), len(shape) - 1)), *map(draw, more))


def stacked(*ends: Shape) -> Callable[[Draw], Any]:
    """Matrices of these shapes, each one alone or a stack."""
    return lambda draw: (tuple(draw(STACKS) + end for end in ends), ())


def along(x: Any, axis: Any, keepdims: bool, function: Callable[[Any], Any]) -> Any:
    """PyTorch's `function(x, -1)` of all entries along the axes."""
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = sorted(a % x.ndim for a in axes)
    rest = [a for a in range(x.ndim) if a not in axes]
    y = function(x.permute(*rest, *axes).reshape(*(x.shape[a] for a in rest), -1))
    return y.reshape([1 if a in axes else n for a, n in enumerate(x.shape)]) if keepdims else y


# ------------------------------------------------------------------------------------- the programs


@dataclass(frozen=True)
class Program:
    inputs: tuple[np.ndarray, ...]
    calls: tuple[Call, ...]

    def run(self, lib: Any, *inputs: Any) -> Any:
        """All that no later step takes, as one vector."""
        values = list(inputs)
        for call in self.calls:
            given = [
                into(lib, domain, fit(lib, values[i], shape))
                for i, shape, domain in zip(call.inputs, call.shapes, call.step.domains, strict=True)
            ]
            function = call.step.ours if lib is OURS else call.step.theirs
            values.append(function(*given, *call.options))
        used = {i for call in self.calls for i in call.inputs}
        return lib.flat([x for i, x in enumerate(values) if i not in used])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What Hypothesis shows of a program that fails."""
        lines = [f"x{i}: {x!r}" for i, x in enumerate(self.inputs)]
        lines += [f"x{i}: {call}" for i, call in enumerate(self.calls, len(self.inputs))]
        printer.text("\n".join(("Program", *lines)))


@st.composite
def programs(draw: Draw, among: tuple[Step, ...], all_of_them: bool = False) -> Program:
    """Three to eight steps among these, or each of these once, in random order; and two inputs."""
    few = st.integers(3, 8).flatmap(lambda n: st.lists(st.sampled_from(among), min_size=n, max_size=n))
    steps = draw(st.permutations(among) if all_of_them else few)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    inputs = tuple(rng.normal(size=draw(SHAPES)) for _ in range(2))
    calls = []
    for n, step in enumerate(steps, len(inputs)):
        shapes, options = step.draw(draw)
        # The newest value first, so that the simplest program is a chain.
        picked = tuple(n - 1 - draw(st.integers(0, n - 1)) for _ in step.domains)
        calls.append(Call(step, picked, tuple(shapes), tuple(options)))
    return Program(inputs, tuple(calls))
