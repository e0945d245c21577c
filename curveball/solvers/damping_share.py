r"""Damping that needs no start: a share of the curvature along the step, led by whether progress or noise prevails.

The damping `lam` takes a share of the curvature along the step `z`,

    s = lam z.z / z.G_lam z,        in [0, 1]                                                            (1)

On the model's own terms the trust ratio is `1 + s`: a ratio near 1 says that damping does nothing, one near 2 that it
does everything. A target `s*` is kept by

    lam <- lam ((1 - s) s* / (s (1 - s*)))^0.1                                                           (2)

with the running mean of `s`, so that `lam` finds the scale of the curvature from any start. What share is right depends
on the noise of the batches. With the running average `w_bar` of the params over the last `h = 1 + 0.45 k` of `k` steps,

    D = mean(f(w) - f(w_bar)) / mean(|f(w) - f(w_bar)|),        in [-1, 1]                               (3)

on the same batch: where steps make progress, `w_bar` lags behind, and `D < 0`; where `w` only moves about in the noise,
the average is better, and `D > 0`. So the target follows

    s* / (1 - s*) <- s* / (1 - s*) exp(1.5 n D / h)                                                       (4)

every `n` steps. A share that changes within the horizon `h` of what it is judged by would swing. The means of (3) reach
over the last `0.3 h` steps. `s*` starts at 1/2, or at the second step's share where that is smaller, and stays in
[0.01, 0.6]; `lam` changes by a factor of `exp(0.2)` a step at most.

Two guards belong to it. Where batches differ, `rho` is kept in [0, 1]: a single batch unlike the others asks for
steps several times as long. Where the loss leaves its running mean by more than ten mean deviations, or is not finite,
the params go back to `w_bar`, `z` to 0, and `lam` doubles. Batches differ unless the first step's objective, evaluated
again after the step, is the second one's.

Derived and tested in tests/derivations/test_20_damping_share.py; measured in studies/damping.py.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import minigrad as mg
from curveball.solvers.division import divide
from curveball.solvers.tree_math import mapper, number_like, per_run
from curveball.solvers.trust_ratio import in_range
from minigrad import Array, Namespace, Tree, fused

START = 0.5  # s* before anything is known
SHARES = (0.01, 0.6)  # the least and the largest s*
GROWTH = 0.45  # of the horizon h with the steps
GAIN = 1.5  # of (4)
SPEED = 0.1  # of (2)
LEAST = 1e-4  # a share is taken for at least this, and for at most 1 less it
LARGEST = 0.2  # of log lam in a step
MOST = 1.0  # change of log s* / (1 - s*) at once
SAME = 1e-5  # objectives that differ less, relative to their size, are one


def log_odds(s: float) -> float:
    return math.log(s / (1.0 - s))


class ShareState(NamedTuple):
    """What the rule remembers; numbers, or one of each per run."""

    average: Tree  # w_bar, like the params
    gain: Array = 0.0  # mean of f(w) - f(w_bar)
    spread: Array = 0.0  # mean of |f(w) - f(w_bar)|
    share: Array = 0.0  # mean of s
    target: Array = log_odds(START)  # log s* / (1 - s*)
    loss: Array = 0.0  # mean
    deviation: Array = 0.0  # mean distance of the loss from its mean
    after: Array = 0.0  # the first step's objective after it
    noisy: Array = 0.0  # 1 where batches differ


def seen(state: ShareState, objective: Array, steps: Array) -> tuple[ShareState, Array]:
    """Compare the objective of a step with those before: the state, and whether the loss left its running mean."""
    loss, deviation, noisy, exploded = _seen(
        objective,
        *_numbers(objective, state.loss, state.deviation, state.after, state.noisy),
        number_like(steps, objective),
    )
    return state._replace(loss=loss, deviation=deviation, noisy=noisy), exploded


@fused
def _seen(
    xp: Namespace, objective: Array, mean: Array, deviation: Array, after: Array, noisy: Array, k: Array
) -> tuple[Array, Array, Array, Array]:
    first = k < 0.5
    differs = abs(objective - after) > SAME * (abs(objective) + abs(after))
    noisy = xp.where((k > 0.5) & (k < 1.5) & differs, 1.0 + 0.0 * noisy, noisy)
    farthest = mean + 10.0 * deviation + 0.1 * abs(mean)
    exploded = ~xp.isfinite(objective) | ((noisy > 0.5) & (k > 5.5) & (objective > farthest))
    limited = xp.where(exploded, xp.where(k > 5.5, farthest, mean), objective)
    rate = 1.0 / xp.where(k > 49.0, 50.0 + 0.0 * k, k + 1.0)
    far = abs(limited - mean)
    mean = xp.where(first, limited, mean + rate * (limited - mean))
    deviation = xp.where(first, 0.0 * far, deviation + rate * (far - deviation))
    return mean, deviation, noisy, exploded


def point(state: ShareState, new_params: Tree, steps: Array, like: Array) -> Tree:
    """Where a step that judges evaluates its batch once more: at `w_bar`, the first one at its new params."""
    return tree_where(number_like(steps, like) < 0.5, new_params, state.average)


def judged(state: ShareState, params: Tree, objective: Array, other: Array, steps: Array, every: int) -> ShareState:
    """(3) and (4), with the objective at that point; then the params become part of `w_bar`."""
    k = number_like(steps, objective)
    gain, spread, target, after, part = _judged(
        objective, other, *_numbers(objective, state.gain, state.spread, state.target, state.after), k, float(every)
    )
    average = mapper(part)(lambda bar, w: bar + per_run(part, bar) * (w - bar), state.average, params)
    return state._replace(average=average, gain=gain, spread=spread, target=target, after=after)


@fused
def _judged(
    xp: Namespace, objective: Array, other: Array, gain: Array, spread: Array, target: Array, after: Array,
    k: Array, every: float,
) -> tuple[Array, Array, Array, Array, Array]:  # fmt: skip
    first, h = k < 0.5, 1.0 + GROWTH * k
    new = objective - other
    known = xp.isfinite(new) & ~first
    new = xp.where(known, new, 0.0)
    span = 0.3 * h / every
    part = 1.0 / xp.where(span > 5.0, span, 5.0)
    part = xp.where(known, part, 0.0)
    gain, spread = gain + part * (new - gain), spread + part * (abs(new) - spread)
    change = every / h * GAIN * divide(gain, spread, xp=xp)
    change = xp.where(change > MOST, MOST, xp.where(change < -MOST, -MOST, change))
    target = target + xp.where(known, change, 0.0)
    low, high = log_odds(SHARES[0]), log_odds(SHARES[1])
    target = xp.where(target < low, low, xp.where(target > high, high, target))
    in_average = every / (1.0 + h)
    in_average = xp.where(first | (in_average > 1.0), 1.0, in_average)
    return gain, spread, target, xp.where(first, other, after), in_average


def followed(
    state: ShareState, lam: Array, squares: Array, curvature: Array, steps: Array, exploded: Array
) -> tuple[ShareState, Array]:
    """(1) and (2), from `z.z` and `z.G_lam z`: the state and the next `lam`, twice as large after an explosion."""
    share, target, new = _followed(
        lam, squares, curvature, *_numbers(lam, state.share, state.target, state.noisy), exploded,
        number_like(steps, lam),
    )  # fmt: skip
    return state._replace(share=share, target=target), in_range(new)


@fused
def _followed(
    xp: Namespace, lam: Array, squares: Array, curvature: Array, share: Array, target: Array, noisy: Array,
    exploded: Array, k: Array,
) -> tuple[Array, Array, Array]:  # fmt: skip
    usable = (curvature > 0.0) & (squares > 0.0) & xp.isfinite(curvature) & xp.isfinite(squares) & ~exploded
    new = divide(lam * squares, curvature, where=usable, xp=xp)
    share = xp.where(usable, share + xp.where(k < 0.5, new - share, 0.1 * (new - share)), share)
    inside = xp.where(share < LEAST, LEAST, xp.where(share > 1.0 - LEAST, 1.0 - LEAST, share))
    odds = xp.log(inside / (1.0 - inside))
    target = xp.where((k > 0.5) & (k < 1.5) & (odds < target), odds, target)
    change = SPEED * (target - odds)
    change = xp.where(change > LARGEST, LARGEST, xp.where(change < -LARGEST, -LARGEST, change))
    change = xp.where(usable & (noisy > 0.5), change, 0.0)
    return share, target, xp.where(exploded, 2.0 * lam, lam * xp.exp(change))


def tree_where(condition: Array, a: Tree, b: Tree) -> Tree:
    """`a` where true, else `b`: one condition, or one for each run."""
    return mapper(condition)(lambda x, y: mg.where(per_run(condition, x), x, y), a, b)


def _numbers(like: Array, *numbers: Array) -> list[Array]:
    return [number_like(number, like) for number in numbers]
