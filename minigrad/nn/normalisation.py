r"""Batch normalisation, whose derivative is symmetric. Over all axes but the last, n entries per channel:

    m = mean(x),  v = mean((x - m)^2),  s = (v + eps)^(-1/2),        x_hat = s (x - m),        y = gain x_hat + bias

For each channel `x_hat / n` is the gradient of the deviation `(v + eps)^(1/2)`, so its derivative is a Hessian: a
symmetric map, the same in both sweeps. With `q(t) = mean(x_hat t)`::

    x_hat' t        =  s (t - mean(t) - x_hat q(t))  =:  P t
    s' d            = -s^2 q(d)
    (P t)' d        = -s (q(d) P t + q(t) P d + x_hat mean(d P t))        symmetric in d and t

These three rules are closed, so every order is exact (tests/derivations/test_18_batch_norm.py).
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from minigrad.backends import Namespace, backend_of, fused
from minigrad.linear_maps import Linear
from minigrad.ops.axes import check_arrays
from minigrad.ops.broadcasting import broadcast_to, sum
from minigrad.ops.elementwise import sqrt, square
from minigrad.ops.reductions import mean as average
from minigrad.primitives import primitive
from minigrad.trees import Tree, tree_map
from minigrad.variable import Array, strip

Stats = dict[str, Array]


def batch_norm(
    x: Array,
    gain: Array,
    bias: Array,
    stats: Stats | None = None,
    training: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-4,
) -> tuple[Array, Stats]:
    """Normalise over all axes but the last: `y = gain (x - m) / sqrt(v + eps) + bias`; returns `y, stats`.

    In training `m` and `v` are the batch's mean and (biased) variance, differentiated like all else, and the running
    `stats` come back updated by `momentum`, with the unbiased variance: pass them out as aux. In evaluation `m` and `v`
    are `stats["mean"]` and `stats["var"]`, which come back unchanged. Ioffe and Szegedy, ICML 2015, algorithm 1.

    >>> import numpy as np
    >>> y, stats = batch_norm(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1), eps=0.0)
    >>> y.ravel().tolist()
    [-1.0, 1.0]
    """
    check_arrays("batch_norm", x, gain, bias)
    eps = float(eps)  # a number of NumPy's would make float64 of float32
    if not eps >= 0.0:
        raise ValueError(f"batch_norm: eps must be zero or positive; got {eps}")
    if not training:
        if stats is None:
            raise ValueError("batch_norm: evaluation needs the stats that training returned")
        return gain * ((x - stats["mean"]) / sqrt(stats["var"] + eps)) + bias, stats
    n = prod(x.shape[:-1])
    if n < 2:
        raise ValueError(f"batch_norm: training needs two values or more per channel; got shape {x.shape}")
    gain, bias = (_per_channel(name, k, x) for name, k in (("gain", gain), ("bias", bias)))
    plain, k, b = strip(x), strip(gain), strip(bias)
    y, m, v = backend_of(plain, k, b).batch_norm(plain, k, b, eps)
    y = _batch_norm(x, gain, bias, known=y, mean=m, scale=_over_deviation(v, eps))
    seen = _seen(m, v, n / (n - 1))
    return y, running_average(stats, dict(zip(("mean", "var"), seen, strict=True)), momentum)


@fused
def _over_deviation(xp: Namespace, v: Array, eps: float) -> Array:
    return 1.0 / xp.sqrt(v + eps)


@fused
def _seen(m: Array, v: Array, factor: float) -> tuple[Array, Array]:
    """A copy of the mean, which the derivative reads again, and the unbiased variance."""
    return 1.0 * m, factor * v


def running_average(old: Tree | None, new: Tree, momentum: float) -> Tree:
    """Move an average towards the latest value: `(1 - momentum) old + momentum new`, leaf by leaf of two trees.

    With `old=None`, where there is no average yet, `new` itself. TypeError where the trees differ in structure.
    Batch normalisation's running statistics are such averages.

    >>> running_average({"mean": 1.0}, {"mean": 3.0}, momentum=0.5)
    {'mean': 2.0}
    >>> running_average(None, {"mean": 3.0}, momentum=0.5)
    {'mean': 3.0}
    """
    if old is None:
        return new
    momentum = float(momentum)  # as above
    return tree_map(lambda a, b: (1.0 - momentum) * a + momentum * b, old, new)


def _per_channel(name: str, k: Array, x: Array) -> Array:
    channels = x.shape[-1:]
    if k.shape not in (channels, (1,), ()):
        raise ValueError(f"batch_norm: the {name} has shape {k.shape}; with x of shape {x.shape} it needs {channels}")
    return broadcast_to(k, channels)


# ------------------------------------------------------------------------------------- the output's maps
# `mean` and `scale` are the m and s of `x`, as plain arrays: the rules know how s depends on x.


def _in_x(y: Array, x: Array, gain: Array, bias: Array, known: Array, mean: Array, scale: Array) -> Linear:
    return _symmetric(lambda t: gain * _slope(t, x, mean=mean, scale=scale))


def _in_gain(y: Array, x: Array, gain: Array, bias: Array, known: Array, mean: Array, scale: Array) -> Linear:
    return Linear(
        lambda t: t * _standardised(x, mean=mean, scale=scale),
        lambda c: sum(c * _standardised(x, mean=mean, scale=scale), _rows(x)),
    )


def _in_bias(y: Array, x: Array, gain: Array, bias: Array, known: Array, mean: Array, scale: Array) -> Linear:
    shape = y.shape
    return Linear(lambda t: broadcast_to(t, shape), lambda c: sum(c, _rows(x)))


def _in_all(
    which: tuple[int, ...], y: Array, x: Array, gain: Array, bias: Array, known: Array, mean: Array, scale: Array
) -> Linear | None:
    """The three maps at once, which read each array as often as the first alone."""
    if len(which) < 3:
        return None
    backend = backend_of(x)
    return Linear(
        lambda t, k, b: backend.batch_norm_push(t, k, b, x, gain, mean, scale),
        lambda c: backend.batch_norm_pull(c, x, gain, mean, scale),
    )


@primitive(_in_x, _in_gain, _in_bias, together=_in_all)
def _batch_norm(x: Array, gain: Array, bias: Array, known: Array, mean: Array, scale: Array) -> Array:
    return known  # the library makes it together with the statistics


# ------------------------------------------------------------------------------------- three functions and their slopes


def _projection(x: Array, mean: Array, scale: Array) -> Linear:
    """`t -> P t`."""
    return _symmetric(lambda t: _slope(t, x, mean=mean, scale=scale))


@primitive(lambda x_hat, x, mean, scale: _projection(x, mean, scale))
def _standardised(x: Array, mean: Array, scale: Array) -> Array:
    """`x_hat = s (x - m)`."""
    return (x - mean) * scale


def _scale_map(s: Array, x: Array, mean: Array, scale: Array) -> Linear:
    def x_hat() -> Array:
        return _standardised(x, mean=mean, scale=scale)

    return Linear(
        lambda t: -square(s) * average(x_hat() * t, _rows(x)),
        lambda c: (-1.0 / prod(x.shape[:-1])) * square(s) * c * x_hat(),
    )


@primitive(_scale_map)
def _scale(x: Array, mean: Array, scale: Array) -> Array:
    """`s`."""
    return scale


def _slope_in_x(p: Array, t: Array, x: Array, mean: Array, scale: Array) -> Linear:
    """`d -> -s (q(d) P t + q(t) P d + x_hat mean(d P t))`, with `p = P t`."""

    def both(d: Array) -> Array:
        x_hat, rows = _standardised(x, mean=mean, scale=scale), _rows(x)
        q_d, q_t = average(x_hat * d, rows), average(x_hat * t, rows)
        terms = q_d * p + q_t * _slope(d, x, mean=mean, scale=scale) + x_hat * average(d * p, rows)
        return -_scale(x, mean=mean, scale=scale) * terms

    return _symmetric(both)


@primitive(lambda p, t, x, mean, scale: _projection(x, mean, scale), _slope_in_x)
def _slope(t: Array, x: Array, mean: Array, scale: Array) -> Array:
    """`P t = s (t - mean(t) - x_hat q(t))`."""
    backend = backend_of(t, x)
    one = backend.xp.ones_like(scale)
    return backend.batch_norm_pull(t, x, one, mean, scale)[0]


def _symmetric(both: Callable[[Array], Array]) -> Linear:
    """A map that is its own transpose."""
    return Linear(both, both)


def _rows(x: Array) -> tuple[int, ...]:
    """All axes but the last."""
    return tuple(range(x.ndim - 1))
