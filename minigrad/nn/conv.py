"""Convolution, which is trilinear: `<conv2d(x, w), c>` is linear in the image, in the kernel and in the cotangent.

So three operations, each holding two of them fixed, are one another's derivatives:

    y     = conv2d(x, w)                         from image and kernel to output
    x_bar = conv2d(c, w flipped and transposed)  with stride and dilation exchanged: again a convolution
    w_bar = conv2d_kernel(x, c)                  patches of x, transposed, times c
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.backends import Pads, Pair, backend_of, transposed_pads
from minigrad.linear_maps import Linear
from minigrad.nn.windows import Padding, pads_of, pair
from minigrad.ops.axes import check_arrays
from minigrad.ops.broadcasting import broadcast_to, sum
from minigrad.ops.shaping import flip, permute_dims
from minigrad.primitives import primitive
from minigrad.variable import Array


def conv2d(x: Array, w: Array, stride: int | Pair = 1, padding: Padding = 0, bias: Array | None = None) -> Array:
    """Cross-correlate images with kernels: `y[n,i,j,o] = sum_{a,b,c} x[n, i s + a - p, j s + b - p, c] w[a,b,c,o]`.

    `x` is (batch, height, width, in) and `w` (height, width, in, out); a `bias` (out,) is added if given. `padding` is
    a number, (height, width), ((top, bottom), (left, right)), "same" (output length `ceil(n / stride)`) or "valid".
    ValueError where shapes do not match.

    >>> import numpy as np
    >>> conv2d(np.ones((1, 4, 4, 1)), np.ones((3, 3, 1, 2)), padding="same").shape
    (1, 4, 4, 2)
    """
    check_arrays("conv2d", x, w, *(() if bias is None else (bias,)))
    if w.ndim != 4:
        raise ValueError(f"conv2d: the kernel must have shape (height, width, in, out); got shape {w.shape}")
    window = (w.shape[0], w.shape[1])
    strides = pair(stride, "conv2d: stride")
    pads = pads_of("conv2d", x, padding, window, strides)
    if x.shape[3] != w.shape[2]:
        raise ValueError(
            f"conv2d: images of shape {x.shape} have {x.shape[3]} channels, the kernel of shape {w.shape} takes "
            f"{w.shape[2]}: images are (batch, height, width, in), kernels (height, width, in, out)"
        )
    geometry: dict[str, Any] = {"stride": strides, "pads": pads, "dilation": (1, 1)}
    if bias is None:
        return _conv2d(x, w, **geometry)
    if bias.shape != (w.shape[3],):
        raise ValueError(f"conv2d: the bias must have shape {(w.shape[3],)}, one per output; got {bias.shape}")
    return _biased_conv2d(x, w, bias, **geometry)


def _image_pull(x: Array, window: Pair, stride: Pair, pads: Pads, dilation: Pair) -> Callable[[Array, Array], Array]:
    """The function `(c, w) -> x_bar`: convolution with stride and dilation exchanged and the kernel turned around."""
    back: Any = tuple(transposed_pads(x.shape[k + 1], window[k], stride[k], pads[k], dilation[k]) for k in (0, 1))
    return lambda c, w: _conv2d(
        c, permute_dims(flip(w, (0, 1)), (0, 1, 3, 2)), stride=dilation, pads=back, dilation=stride
    )


def _in_image(y: Array, x: Array, w: Array, *bias: Array, **geometry: Any) -> Linear:
    pull = _image_pull(x, w.shape[:2], **geometry)
    return Linear(lambda t: _conv2d(t, w, **geometry), lambda c: pull(c, w))


def _in_kernel(y: Array, x: Array, w: Array, *bias: Array, **geometry: Any) -> Linear:
    window = w.shape[:2]
    return Linear(lambda t: _conv2d(x, t, **geometry), lambda c: _conv2d_kernel(x, c, window=window, **geometry))


def _in_bias(y: Array, x: Array, w: Array, bias: Array, **geometry: Any) -> Linear:
    shape = y.shape
    return Linear(lambda t: broadcast_to(t, shape), lambda c: sum(c, axis=(0, 1, 2)))


def _in_several(which: tuple[int, ...], y: Array, x: Array, w: Array, *bias: Array, **geometry: Any) -> Linear | None:
    """The maps of the kernel and of the bias or the image at once: the push adds while its sums are in cache."""
    if which[-2:] not in ((0, 1), (1, 2)):
        return None
    backend, in_image = backend_of(x, w), which[0] == 0
    pull_image, pull_kernel = _image_pull(x, w.shape[:2], **geometry), _in_kernel(y, x, w, **geometry).pull

    def push(*t: Array) -> Array:
        bias_dot = t[-1] if which[-1] == 2 else None
        if in_image:
            return backend.conv2d_push(t[0], w, x, t[1], **geometry, bias_dot=bias_dot)
        return backend.conv2d(x, t[0], **geometry, bias=bias_dot)

    def pull(c: Array) -> tuple[Array, ...]:
        image = (pull_image(c, w),) if in_image else ()
        return (*image, pull_kernel(c), *((sum(c, axis=(0, 1, 2)),) if which[-1] == 2 else ()))

    return Linear(push, pull)


@primitive(_in_image, _in_kernel, together=_in_several)
def _conv2d(x: Array, w: Array, stride: Pair, pads: Pads, dilation: Pair) -> Array:
    return backend_of(x, w).conv2d(x, w, stride, pads, dilation)


@primitive(_in_image, _in_kernel, _in_bias, together=_in_several)
def _biased_conv2d(x: Array, w: Array, bias: Array, stride: Pair, pads: Pads, dilation: Pair) -> Array:
    return backend_of(x, w).conv2d(x, w, stride, pads, dilation, bias)


def _product_in_image(y: Array, x: Array, c: Array, window: Pair, **geometry: Any) -> Linear:
    pull = _image_pull(x, window, **geometry)
    return Linear(lambda t: _conv2d_kernel(t, c, window=window, **geometry), lambda w: pull(c, w))


def _product_in_cotangent(y: Array, x: Array, c: Array, window: Pair, **geometry: Any) -> Linear:
    return Linear(lambda t: _conv2d_kernel(x, t, window=window, **geometry), lambda w: _conv2d(x, w, **geometry))


@primitive(_product_in_image, _product_in_cotangent)
def _conv2d_kernel(x: Array, c: Array, window: Pair, stride: Pair, pads: Pads, dilation: Pair) -> Array:
    return backend_of(x, c).conv2d_kernel(x, c, window, stride, pads, dilation)
