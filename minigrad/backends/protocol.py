"""What an array library supplies beyond the array API standard: the functions that each file of this folder has.

The array API standard (https://data-apis.org/array-api) has elementwise functions, reductions, matrix products, shapes.
It lacks convolution, pools and addition at repeated indices; and some of what it has is slow or missing in a library.
`Standard` (standard.py) has all of this from the standard's own operations; a library overrides what it does better.

Shapes, with images `x` (batch, height, width, channels) and windows as windows.py defines them::

    x (n, h, w, ci)     kernel k (kh, kw, ci, co)     y = conv2d(x, k) (n, oh, ow, co)     window = (kh, kw)

Linear functions come in pairs, each the other's transpose. For all arrays of the right shapes::

    <conv2d(x, k), c>      = <k, conv2d_kernel(x, c)>            = <x, conv2d(c, k turned around, stride and dilation
                                                                           exchanged, transposed_pads)>
    <window_sum(x), c>     = <x, window_sum_transpose(c)>
    <window_pick(x), c>    = <x, window_put(c)>
    <gather(x, index), c>  = <x, scatter_add(c, index, x.shape)>
    <batch_norm_push(x', g', b'), c>  = <(x', g', b'), batch_norm_pull(c)>

No function changes its arguments, and none but `to_host` and `at_hand` reads an array on the host.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy

from minigrad.backends.namespaces import Namespace
from minigrad.backends.windows import Pads, Pair

Array = Any  # an array of the library
Tree = Any  # arrays in nested dicts, lists and tuples, as in minigrad/trees.py
Index = Any  # what the library takes in `x[index]`: slices, integers, integer arrays, masks, None, Ellipsis, or a tuple


class Backend(Protocol):
    """The functions that differ between array libraries. They take and return plain arrays of one library."""

    xp: Namespace  # the library, as a module that follows the standard

    # ------------------------------------------------------------------------------------- images

    def conv2d(self, x: Array, w: Array, stride: Pair, pads: Pads, dilation: Pair, bias: Array | None = None) -> Array:
        """Cross-correlate images (n, h, w, in) with kernels (height, width, in, out), and add the bias (out,)."""

    def conv2d_push(
        self, x_dot: Array, w: Array, x: Array, w_dot: Array, stride: Pair, pads: Pads, dilation: Pair,
        bias_dot: Array | None = None,
    ) -> Array:  # fmt: skip
        """The derivative of `conv2d` along these tangents: `conv2d(x_dot, w) + conv2d(x, w_dot) + bias_dot`."""

    def conv2d_kernel(self, x: Array, c: Array, window: Pair, stride: Pair, pads: Pads, dilation: Pair) -> Array:
        """The transpose of `conv2d` in its kernel: from a cotangent (n, oh, ow, out) to (*window, in, out)."""

    def window_max(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        """The largest entry of each window (n, oh, ow, channels); padding never wins, nan always does."""

    def window_argmax(self, x: Array, y: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        """For each entry of the maxima `y = window_max(x)` its place, the first of equal ones.

        How a place is written is for the library to choose: `window_pick` and `window_put` read it, nothing else does.
        For a window whose maximum is nan, or is found in padding alone, any place.
        """

    def window_max_at(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> tuple[Array, Array]:
        """`y = window_max(x)` and `window_argmax(x, y)`, where one pass finds both."""

    def window_pick(self, x: Array, places: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        """The entries of `x` at places that `window_argmax` gave; anything for a window that has no maximum."""

    def window_put(
        self, c: Array, places: Array, shape: tuple[int, ...], window: Pair, stride: Pair, pads: Pads
    ) -> Array:
        """The transpose of `window_pick`: each entry of `c` added at its place, in images of `shape`."""

    def window_sum(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        """The sum over each window (n, oh, ow, channels), padding counted as zero."""

    def window_sum_transpose(self, c: Array, window: Pair, stride: Pair, pads: Pads, size: Pair) -> Array:
        """The transpose of `window_sum`: each entry of `c` added to all places of its window, in images of `size`."""

    # ------------------------------------------------------------------------------------- batch normalisation

    def batch_norm(self, x: Array, gain: Array, bias: Array, eps: float) -> tuple[Array, Array, Array]:
        """`gain x_hat + bias`, and the mean and the variance (divided by n) of the n entries of each channel.

        `x_hat = s (x - mean)` and `s = (variance + eps)^(-1/2)`; `x` is (..., channels), all others are (channels,).
        Also where the mean is many deviations from 0, `y` and the variance have the accuracy of the dtype.
        """

    def batch_norm_push(
        self, x_dot: Array, gain_dot: Array, bias_dot: Array, x: Array, gain: Array, mean: Array, scale: Array
    ) -> Array:
        """The derivative along these tangents: `gain P x_dot + gain_dot x_hat + bias_dot`.

        `P t = s (t - mean(t) - x_hat mean(x_hat t))`, with the means over a channel, and `scale = s`.
        """

    def batch_norm_pull(self, c: Array, x: Array, gain: Array, mean: Array, scale: Array) -> tuple[Array, Array, Array]:
        """The transpose of `batch_norm_push`, `gain P c`, `sum(c x_hat)` and `sum(c)`: P is symmetric."""

    # ------------------------------------------------------------------------------------- indices

    def gather(self, x: Array, index: Index) -> Array:
        """`x[index]`."""

    def scatter_add(self, values: Array, index: Index, shape: tuple[int, ...]) -> Array:
        """Zeros of `shape` with `values` added at `index`, summed where indices repeat: the transpose of `gather`."""

    def scatter_last(self, order: Array, index: Index, shape: tuple[int, ...]) -> Array:
        """-1 everywhere in `shape`, and `order`, rising integers of at least 0, written at `index`.

        Where indices repeat, the last entry stays, which is the largest.
        """

    # ------------------------------------------------------------------------------------- elementwise, products

    def sum(self, x: Array, axis: int | tuple[int, ...] | None, keepdims: bool) -> Array:
        """The sum over axes (None: all), in the dtype of `x` where that is floating-point."""

    def erf(self, x: Array) -> Array:
        """The error function `2/sqrt(pi)` times the integral of `exp(-t^2)` from 0 to `x`."""

    def sign(self, x: Array) -> Array:
        """-1, 0, 1 or nan, elementwise."""

    def relu_slope(self, y: Array) -> Array:
        """The slope of `max(x, 0)` where that is `y`: 1 if `y > 0` and 0 if not, in the dtype of `y`."""

    def maximum(self, a: Array, b: Array) -> Array:
        """The larger of two, elementwise; nan where one is. One may be a Python number."""

    def minimum(self, a: Array, b: Array) -> Array:
        """The smaller of two, elementwise; nan where one is. One may be a Python number."""

    def vecdot(self, x: Array, y: Array) -> Array:
        """Sum of products over the last axis, earlier axes broadcast."""

    def solve(self, a: Array, b: Array) -> Array:
        """The solution of `a x = b` for square matrices `a` (..., m, m) and `b` (..., m, k), earlier axes broadcast."""

    # ------------------------------------------------------------------------------------- kernels and copies

    packs: bool  # whether `packed` ever returns a vector

    def packed(self, arrays: list[Array], copy: bool = False) -> Array | None:
        """The entries of several arrays, one after the other, as a vector; None where the library gains nothing by it.

        Where the arrays are the parts of a vector already, in this order, it is that vector, or a copy if asked for.
        """

    def fused(self, function: Callable[..., Array]) -> Callable[..., Array]:
        """An elementwise function of arrays and numbers as one kernel; the function itself if there is none."""

    def compiled(self, function: Callable[..., Tree], donate: tuple[int, ...] = ()) -> Callable[..., Tree]:
        """A function of trees of arrays as one program for each set of shapes and dtypes: compiled once, then run.

        The function takes its trees by position and returns a tree of arrays. Whatever the numbers in them are, it does
        the same operations in the same order: it never looks at one. `donate` are the positions of arguments that the
        caller will not read again, and that share no memory with another one: the results may take their memory. The
        results belong to the caller: no later call overwrites them. ValueError, a reason in one line, where the library
        has no compiler.
        """

    def check(self, arrays: list[Array]) -> None:
        """TypeError or ValueError, with the cure, where the arguments of a function cannot be computed with."""

    def dtype(self, name: str) -> Any:
        """The library's dtype of this name, such as "float32"; None if there is none. "int64" is for indices.

        TypeError for a dtype that the library has, but not as it is set.
        """

    def copied(self, x: Array) -> Array:
        """A copy of an array; the array itself where nothing can write to it."""

    def is_view(self, x: Array) -> bool:
        """May an array share memory with another, or can it not be written to? False where that is ruled out.

        Results for which this is True are copied before they are handed out, and never added to in place.
        """

    def to_host(self, x: Array) -> numpy.ndarray:
        """A copy on the host, or the memory of `x` itself if that is there. `minigrad.to_numpy` is the public name."""

    def at_hand(self, x: Array) -> numpy.ndarray | None:
        """The entries of `x`, where a look at them waits for no device and copies nothing; None elsewhere.

        What can be checked there, such as indices and labels, is checked at every call.
        """

    def from_host(self, x: numpy.ndarray, device: Any = None) -> Array:
        """A host array as an array of this library, on one of its devices."""
