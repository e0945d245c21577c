"""Local response normalisation: each entry divided by a power of the energy of the channels next to it.

With `s = k + alpha W(x^2)`, where `W` sums over windows of channels, `y = x s^-beta`. The maps of `s` in `x`, and those
of `y` in `x` and in `s`, are simple,

    s_dot = 2 alpha W(x x_dot)            y_dot = s^-beta x_dot - beta (y / s) s_dot

and their transposes. `W` at stride 1 is its own transpose, up to an exchange of the two pads.
"""

from __future__ import annotations

from math import inf, prod
from operator import index

from minigrad.linear_maps import Linear, Scale
from minigrad.nn.pool import avg_pool2d
from minigrad.ops.axes import check_arrays
from minigrad.ops.elementwise import pow, square
from minigrad.ops.shaping import reshape
from minigrad.primitives import primitive
from minigrad.variable import Array


def local_response_norm(x: Array, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Array:
    """Divide by the energy of nearby channels: `y_c = x_c / (k + alpha sum_{c'} x_{c'}^2)^beta`.

    `x` is (..., channels); `c'` runs over the `size` channels from `c - size // 2` on, those that exist. As in the
    source, `alpha` multiplies the sum. Caffe, and PyTorch's `local_response_norm`, divide it by `size` first, so that
    their alpha is `size` times ours; PyTorch's `k` is 1 by default. ValueError for numbers out of range.

    A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
    NIPS 2012, section 3.3, whose constants are the defaults.

    >>> import numpy as np
    >>> local_response_norm(np.array([[3.0, 0.0, 4.0]]), size=3, alpha=1.0, beta=0.5, k=16.0).round(4).tolist()
    [[0.6, 0.0, 0.7071]]
    """
    check_arrays("local_response_norm", x)
    if not getattr(x, "ndim", 0):
        raise ValueError("local_response_norm takes arrays of shape (..., channels); got a number")
    try:
        width = index(size)
    except TypeError:
        width = 0
    if width < 1:
        raise ValueError(f"local_response_norm: size must be an integer of at least 1; got {size!r}")
    try:
        alpha, beta, k = float(alpha), float(beta), float(k)  # those of NumPy would make float64 of float32
    except (TypeError, ValueError):
        raise TypeError(
            f"local_response_norm: alpha, beta and k must be numbers; got {alpha!r}, {beta!r}, {k!r}"
        ) from None
    if not (0.0 <= alpha < inf and 0.0 < k < inf and -inf < beta < inf):
        raise ValueError(
            "local_response_norm: k must be positive, alpha zero or positive, beta a number; "
            f"got k={k}, alpha={alpha}, beta={beta}"
        )
    return _over_power(x, _energy(x, before=width // 2, after=(width - 1) // 2, alpha=alpha, k=k), beta=beta)


def _near(x: Array, before: int, after: int) -> Array:
    """The mean over the channels from `c - before` to `c + after`, zeros beyond the first and the last."""
    # The channels as the width of an image with one channel.
    image = reshape(x, (*((x.shape[0], prod(x.shape[1:-1])) if x.ndim > 1 else (1, 1)), x.shape[-1], 1))
    mean = avg_pool2d(image, (1, before + 1 + after), 1, ((0, 0), (before, after)))
    return reshape(mean, x.shape)


def _energy_map(s: Array, x: Array, before: int, after: int, alpha: float, k: float) -> Linear:
    twice = 2.0 * alpha * (before + 1 + after)
    return Linear(
        lambda t: twice * _near(x * t, before, after),
        lambda c: x * (twice * _near(c, after, before)),
    )


@primitive(_energy_map)
def _energy(x: Array, before: int, after: int, alpha: float, k: float) -> Array:
    return alpha * (before + 1 + after) * _near(square(x), before, after) + k


@primitive(lambda y, x, s, beta: Scale(pow(s, -beta)), lambda y, x, s, beta: Scale(-beta * y / s))
def _over_power(x: Array, s: Array, beta: float) -> Array:
    return x * s**-beta
