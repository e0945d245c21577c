"""A network in one line, and what it costs: read off its layers."""

from __future__ import annotations

import math
from collections.abc import Iterable

from problems.vision.layers import BatchNorm, Conv, Dense, Dropout, Elementwise, Layer, Pool, Sequence, Shape
from problems.vision.residual import Residual


def describe(layers: Iterable[Layer]) -> str:
    """Layers in one line: convolutions as size and channels, pools as their window, each with /stride beyond 1.

    >>> describe((Conv(32, 5, stride=2), BatchNorm(), Dropout(0.5), Dense(10)))
    'conv 5x5x32/2, norm, dropout 0.5, dense 10'
    """
    return ", ".join(map(_words, layers))


def _words(layer: Layer) -> str:
    match layer:
        case Conv(channels, size, stride):
            return f"conv {size}x{size}x{channels}{_over(stride)}"
        case Pool(function, window, stride):
            return f"{function.__name__.removesuffix('_pool2d')} pool {window}{_over(stride)}"
        case Dense(units):
            return f"dense {units}"
        case Dropout(rate):
            return f"dropout {rate:g}"
        case BatchNorm():
            return "norm"
        case Elementwise(function):
            return getattr(function, "__name__", type(function).__name__)
        case Residual(branch, shortcut):
            return f"({describe(branch.layers)}) + {f'({describe(shortcut.layers)})' if shortcut.layers else 'input'}"
        case Sequence(layers):
            return f"({describe(layers)})"
    return type(layer).__name__


def _over(stride: int) -> str:
    return f"/{stride}" if stride > 1 else ""


def multiplications(layers: Iterable[Layer], shape: Shape) -> int:
    """Of one forward pass of one image of a shape: every weight is used once for each position of the output.

    Pools, normalisation and biases are not counted.

    >>> multiplications((Conv(4, 3), Dense(10)), (8, 8, 1))
    4864
    """
    total = 0
    for layer in layers:
        after = layer.shape(shape)
        match layer:
            case Conv(channels, size):
                total += size**2 * shape[2] * channels * after[0] * after[1]
            case Dense(units):
                total += math.prod(shape) * units
            case Residual(branch, shortcut):
                total += multiplications(branch.layers, shape) + multiplications(shortcut.layers, shape)
            case Sequence(inner):
                total += multiplications(inner, shape)
        shape = after
    return total
