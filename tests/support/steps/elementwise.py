"""Elementwise functions. Each with PyTorch's, in a domain without kinks."""

from __future__ import annotations

import minigrad as mg
from tests.support.programs import SHAPES, broadcasting, torch
from tests.support.steps.table import F, step

for name in ("sin", "cos", "sinh", "cosh", "tanh", "atan", "asinh", "exp", "expm1", "square", "sigmoid", "erf"):
    step(name, "any")
step("softplus", "any", theirs=lambda x: F.softplus(x))
for name in ("log", "log2", "log10", "sqrt", "reciprocal", "log1p"):
    step(name, "positive")
for name in ("asin", "acos", "atanh", "tan"):
    step(name, "unit")
step("acosh", "above-1")
for name in ("negative", "positive"):
    step(name, "raw")
for name in ("abs", "relu"):
    step(name, "apart")
for name in ("sign", "floor", "ceil", "round"):  # constant: the other factor has the derivative
    step(
        name,
        "apart",
        "any",
        ours=lambda a, b, f=name: getattr(mg, f)(a) * b,
        theirs=lambda a, b, f=name: getattr(torch, f)(a) * b,
        draw=broadcasting,
    )
for name in ("add", "subtract"):
    step(name, "raw", "raw", draw=broadcasting)
for name in ("multiply", "atan2", "logaddexp", "hypot", "divide"):
    step(name, "positive" if name != "multiply" else "any", "positive", draw=broadcasting)
for name in ("maximum", "minimum"):  # 0.5 and b + 0.25 lie between the entries of a
    step(
        name,
        "apart",
        "apart",
        ours=lambda a, b, f=name: getattr(mg, f)(a, 0.5) * getattr(mg, f)(a, b + 0.25),
        theirs=lambda a, b, f=name: getattr(torch, f)(a, 0.0 * a + 0.5) * getattr(torch, f)(a, b + 0.25),
        draw=broadcasting,
    )
step("pow", "positive", "any", draw=broadcasting)
step(
    "remainder",
    "apart",
    "raw",
    ours=lambda a, b: mg.remainder(a, 1.0) * b,
    theirs=lambda a, b: torch.remainder(a, 1.0) * b,
    draw=broadcasting,
)
step(
    "floor_divide",
    "apart",
    "any",
    ours=lambda a, b: mg.floor_divide(a, 0.5) * b,
    theirs=lambda a, b: torch.floor(a / 0.5) * b,
    draw=broadcasting,
)
step("copysign", "apart", "apart", draw=broadcasting)
step(
    "clip",
    "apart",
    ours=lambda x: mg.clip(x, -1.0, 1.0) + mg.clip(x, min=0.0),
    theirs=lambda x: torch.clip(x, -1.0, 1.0) + torch.clip(x, min=0.0),
)
step(
    "where",
    "apart",
    "any",
    "any",
    ours=lambda c, a, b: mg.where(c > 0.0, a * b, b),
    theirs=lambda c, a, b: torch.where(c > 0.0, a * b, b),
    draw=lambda draw: ((draw(SHAPES),) * 3, ()),
)
