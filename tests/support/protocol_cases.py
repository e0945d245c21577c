"""Each differentiable operation of the backends' protocol next to its definition in plain NumPy, and points to test at.

The definitions loop over windows and places, take real and complex numbers, and any axes in front. They share nothing
with minigrad. `Taylor` has their derivatives, by Cauchy's integrals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import factorial, prod
from typing import Any

import numpy as np
import scipy.special

import minigrad as mg
from minigrad import nn
from minigrad.backends import backend_of, transposed_pads, window_count
from minigrad.nn import conv, pool
from minigrad.ops import indexing, linalg
from minigrad.variable import strip

CIRCLE = 16  # points
_rng = np.random.default_rng(12)


@dataclass(frozen=True)
class Operation:
    """`f(*args)` of minigrad, and its `definition(*args)` in NumPy."""

    name: str
    covers: frozenset[str]  # the functions of the protocol that values and derivatives rest on
    f: Callable[..., Any]
    definition: Callable[..., np.ndarray]
    args: tuple[np.ndarray, ...]
    radius: float  # of circles in which the definition has no kink and no pole

    @cached_property
    def taylor(self) -> Taylor:
        return Taylor(self.definition, self.args, self.radius)


class Taylor:
    """Derivatives of `F = sin(definition)` along directions `v` and `w`, of every order.

    `F(x + t v + s w)` is analytic in t and s. Its coefficient at `t^i s^j` is the mean of `F t^-i s^-j` over circles of
    radius r (Lyness and Moler, SIAM J. Numer. Anal. 4, 1967): exact but for rounding and coefficients of order 16 times
    r^16. The sine makes second and third derivatives of functions that are linear.
    """

    def __init__(self, definition: Callable[..., np.ndarray], args: tuple[np.ndarray, ...], radius: float):
        rng = np.random.default_rng(7)
        self.v, self.w = ([rng.uniform(-1.0, 1.0, x.shape) for x in args] for _ in range(2))
        self.value = definition(*args)
        self.u = rng.normal(size=self.value.shape)
        circle = radius * np.exp(2j * np.pi * np.arange(CIRCLE) / CIRCLE)
        around = [
            x + circle.reshape(-1, 1, *[1] * x.ndim) * v + circle.reshape(-1, *[1] * x.ndim) * w
            for x, v, w in zip(args, self.v, self.w, strict=True)
        ]
        self._coefficients = np.fft.fft2(np.sin(definition(*around)), axes=(0, 1)).real / CIRCLE**2
        self._radius = radius

    def along(self, directions: str) -> np.ndarray:
        """`along("vvw")` is the third derivative `F'''[v, v, w]`, `along("")` the value."""
        i, j = directions.count("v"), directions.count("w")
        return factorial(i) * factorial(j) / self._radius ** (i + j) * self._coefficients[i, j]

    def weighted(self, directions: str) -> np.ndarray:
        """The same of the number `<u, F>`."""
        return np.sum(self.u * self.along(directions))


OPERATIONS: list[Operation] = []


def operation(
    name: str, covers: str, f: Callable[..., Any], definition: Any, *args: np.ndarray, radius: float = 0.25
) -> None:
    OPERATIONS.append(Operation(name, frozenset(covers.split()), f, definition, args, radius))


def draw(*shape: int) -> np.ndarray:
    return np.asarray(_rng.uniform(-1.0, 1.0, shape))


def apart(*shape: int) -> np.ndarray:
    """Entries in random order, 0.2 from one another and 0.1 from 0 or more."""
    n = prod(shape)
    return (_rng.permutation(n) - n // 2 + 0.5).reshape(shape) * 0.2


def there(x: Any, values: np.ndarray) -> Any:
    """A constant in the library of `x`: numbers in its dtype, integers as they are."""
    plain = strip(x)
    found = backend_of(plain).from_host(values)
    return found if values.dtype.kind != "f" else mg.astype(found, plain.dtype)


def added(values: np.ndarray, places: np.ndarray, n: int) -> np.ndarray:
    x = np.zeros((*values.shape[:-1], n), values.dtype)
    for k, place in enumerate(places):
        x[..., place] += values[..., k]
    return x


# ------------------------------------------------------------------------------------- images

KERNEL, STRIDE, PADS = (3, 2), (2, 1), ((1, 1), (0, 1))
SIZE, CHANNELS = (5, 3), 3
COUNTS = tuple(window_count(*axis) for axis in zip(SIZE, KERNEL, STRIDE, PADS, strict=True))


def windows(x: np.ndarray, window=KERNEL, stride=STRIDE, pads=PADS, dilation=(1, 1), fill=0.0) -> np.ndarray:
    """(..., n, oh, ow, kh, kw, c) of images (..., n, h, w, c), stretched by the dilation and padded."""
    (n, h, w, c), (dh, dw), ((top, bottom), (left, right)) = x.shape[-4:], dilation, pads
    height, width = (h - 1) * dh + 1, (w - 1) * dw + 1
    padded = np.full((*x.shape[:-4], n, height + top + bottom, width + left + right, c), fill, x.dtype)
    padded[..., top : top + height, left : left + width, :] = 0.0
    padded[..., top : top + height : dh, left : left + width : dw, :] = x
    rows = range(0, padded.shape[-3] - window[0] + 1, stride[0])
    columns = range(0, padded.shape[-2] - window[1] + 1, stride[1])
    each = [[padded[..., i : i + window[0], j : j + window[1], :] for j in columns] for i in rows]
    return np.stack([np.stack(row, axis=-4) for row in each], axis=-5)


def convolved(x, k, bias=None, **geometry):
    y = np.einsum("...nijabc,...abco->...nijo", windows(x, k.shape[-4:-2], **geometry), k)
    return y if bias is None else y + bias[..., None, None, None, :]


def _convolutions(n: int, name: str) -> None:
    """Their derivatives are the two others: those by themselves for odd sizes."""
    x, k, c = draw(n, *SIZE, 3), draw(*KERNEL, 3, 2), draw(n, *COUNTS, 2)
    operation(
        f"conv2d-{name}", "conv2d conv2d_push conv2d_kernel",
        lambda x, k, b: nn.conv2d(x, k, STRIDE, PADS, bias=b), convolved, x, k, draw(2), radius=0.15,
    )  # fmt: skip
    if not n:
        return
    geometry = {"stride": STRIDE, "pads": PADS, "dilation": (1, 1)}
    pads = tuple(map(transposed_pads, SIZE, KERNEL, STRIDE, PADS, (1, 1)))
    stretched = {"stride": (1, 1), "pads": pads, "dilation": STRIDE}
    operation(
        "conv2d-stretched", "conv2d conv2d_push conv2d_kernel", lambda c, k: conv._conv2d(c, k, **stretched),
        lambda c, k: convolved(c, k, **stretched), c, draw(*KERNEL, 2, 3), radius=0.15,
    )  # fmt: skip
    operation(
        "conv2d_kernel", "conv2d conv2d_kernel", lambda x, c: conv._conv2d_kernel(x, c, window=KERNEL, **geometry),
        lambda x, c: np.einsum("...nijabc,...nijo->...abco", windows(x), c), x, c, radius=0.15,
    )  # fmt: skip


def maxima_like(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The entries of `values` at the first of the largest entries, by their real parts, of the windows of `x`."""
    entries, values = (
        (a := windows(array, fill=fill)).reshape(*a.shape[:-3], prod(KERNEL), a.shape[-1])
        for array, fill in ((x.real, -np.inf), (values, 0.0))
    )
    return np.take_along_axis(values, np.argmax(entries, axis=-2, keepdims=True), axis=-2)[..., 0, :]


def maxima(x: np.ndarray) -> np.ndarray:
    return maxima_like(x, x)


def _pools(n: int, name: str) -> None:
    images, sums = apart(n, *SIZE, 2), draw(n, *COUNTS, 2)
    geometry = {"window": KERNEL, "stride": STRIDE, "pads": PADS}
    operation(
        f"window_max-{name}", "window_max window_argmax window_max_at window_pick window_put",
        lambda x: nn.max_pool2d(x, KERNEL, STRIDE, PADS), maxima, images, radius=0.04,
    )  # fmt: skip
    operation(
        f"window_sum-{name}", "window_sum window_sum_transpose", lambda x: pool._window_sum(x, **geometry),
        lambda x: np.sum(windows(x), axis=(-3, -2)), draw(*images.shape),
    )  # fmt: skip
    if not n:
        return
    operation(
        "window_sum_transpose", "window_sum window_sum_transpose",
        lambda c: pool._window_sum_transpose(c, size=SIZE, **geometry), sum_transposed, sums,
    )  # fmt: skip
    number = np.arange(images.size, dtype=float).reshape(images.shape)
    place = maxima_like(number, images).astype(int)

    def places(like: Any) -> Any:
        x, library = there(like, images), backend_of(strip(like))
        return library.window_argmax(x, library.window_max(x, **geometry), **geometry)

    operation(
        "window_pick", "window_argmax window_pick window_put",
        lambda t: pool._window_pick(t, places=places(t), **geometry),
        lambda t: t.reshape(*t.shape[:-4], images.size)[..., place], draw(*images.shape),
    )  # fmt: skip
    operation(
        "window_put", "window_argmax window_pick window_put",
        lambda c: pool._window_put(c, places=places(c), shape=images.shape, **geometry),
        lambda c: added(c.reshape(*c.shape[:-4], place.size), place.reshape(-1), images.size).reshape(
            *c.shape[:-4], *images.shape
        ), sums,
    )  # fmt: skip


def sum_transposed(c: np.ndarray) -> np.ndarray:
    ((top, bottom), (left, right)), (h, w) = PADS, SIZE
    x = np.zeros((*c.shape[:-3], h + top + bottom, w + left + right, c.shape[-1]), c.dtype)
    for i in range(COUNTS[0]):
        for j in range(COUNTS[1]):
            y, z = i * STRIDE[0], j * STRIDE[1]
            x[..., y : y + KERNEL[0], z : z + KERNEL[1], :] += c[..., i : i + 1, j : j + 1, :]
    return x[..., top : top + h, left : left + w, :]


for images, name in ((2, "odd"), (0, "empty")):
    _convolutions(images, name)
    _pools(images, name)


def normalised(x: np.ndarray, gain: np.ndarray, bias: np.ndarray) -> np.ndarray:
    centred = x - np.mean(x, axis=-2, keepdims=True)
    variance = np.mean(centred * centred, axis=-2, keepdims=True)
    return gain[..., None, :] * centred / np.sqrt(variance + 1e-2) + bias[..., None, :]


operation(
    "batch_norm", "batch_norm batch_norm_push batch_norm_pull",
    lambda x, gain, bias: nn.batch_norm(x, gain, bias, eps=1e-2)[0], normalised, draw(5, 3), draw(3), draw(3),
    radius=0.05,
)  # fmt: skip

# ------------------------------------------------------------------------------------- indices


def updated(x: np.ndarray, values: np.ndarray, places: np.ndarray) -> np.ndarray:
    x = x.copy()
    for k, place in enumerate(places):
        x[..., place] = values[..., k]
    return x


for label, places in (("repeats", np.array([0, 3, 3, 4, 3])), ("empty", np.array([], int))):
    operation(
        f"gather-{label}", "gather scatter_add", lambda x, i=places: indexing.getitem(x, there(x, i)),
        lambda x, i=places: x[..., i], draw(5),
    )  # fmt: skip
    operation(
        f"scatter_add-{label}", "gather scatter_add",
        lambda c, i=places: indexing.scatter_add(c, index=there(c, i), shape=(5,)),
        lambda c, i=places: added(c, i, 5), draw(len(places)),
    )  # fmt: skip
    operation(
        f"index_update-{label}", "gather scatter_add scatter_last",
        lambda x, v, i=places: mg.index_update(x, there(x, i), v),
        lambda x, v, i=places: updated(x, v, i), draw(5), draw(len(places)),
    )  # fmt: skip
operation(
    "gather-slices", "gather scatter_add", lambda x: indexing.getitem(x, (slice(None, None, -2), slice(1, None))),
    lambda x: x[..., ::-2, 1:], draw(5, 3),
)  # fmt: skip
for label, shape in (("odd", (3, 1)), ("empty", (0, 2))):
    operation(
        f"pad-{label}", "scatter_add gather", lambda x: mg.pad(x, ((1, 0), (0, 2))),
        lambda x: np.pad(x, [(0, 0)] * (x.ndim - 2) + [(1, 0), (0, 2)]), draw(*shape),
    )  # fmt: skip

# ------------------------------------------------------------------------------------- elementwise, products

for label, n in (("odd", 3), ("empty", 0)):
    operation(f"erf-{label}", "erf", mg.erf, scipy.special.erf, draw(n))
    operation(
        f"sum-{label}", "sum", lambda x: mg.sum(x, axis=0), lambda x: np.sum(x, axis=-2), draw(n, 2)
    )  # fmt: skip
    operation(
        f"vecdot-{label}", "vecdot", mg.vecdot, lambda x, y: np.sum(x * y[..., None, :], axis=-1), draw(3, n), draw(n)
    )
    operation(
        f"bounds-{label}", "maximum minimum sign relu_slope",
        lambda x, y: mg.maximum(x, y) + mg.minimum(x, 0.05) + mg.sign(x) * mg.relu(x),
        lambda x, y: np.where(x.real > y.real, x, y) + np.where(x.real < 0.05, x, 0.05) + x * (x.real > 0.0),
        apart(n), 0.25 * apart(n), radius=0.02,
    )  # fmt: skip
operation(
    "solve", "solve", linalg.solve, lambda a, b: np.linalg.solve(a, b), 0.5 * draw(3, 3) + 2.0 * np.eye(3), draw(3, 1)
)
