"""Problems 1 to 20 of J. J. Moré, B. S. Garbow, K. E. Hillstrom, "Testing Unconstrained Optimization Software",
ACM Transactions on Mathematical Software 7(1), 1981, pages 17-41.

Starts and minima are the paper's. Where it leaves m free, m is the one for which it states the minimum. Minimisers are
in closed form, or the paper's digits refined by solving one equation, or, for data that NIST has too, the certified
ones, with more digits of the minimum. The paper prints minima to six digits, truncated, not rounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.closed_form.least_squares import Residuals, problem


def _mgh(
    number: int,
    name: str,
    start: tuple[float, ...],
    minimum: float,
    solution: tuple[float, ...] | None = None,
    stationary_values: tuple[float, ...] = (),
    data: tuple[np.ndarray, ...] = (),
) -> Callable[[Residuals], Residuals]:
    source = f"Moré, Garbow and Hillstrom, ACM TOMS 7(1), 1981, pages 17-41, problem {number}"
    return problem(name, source, [start], minimum, solution, stationary_values, data)


def _count(m: int) -> np.ndarray:
    return np.arange(1.0, m + 1.0)  # i = 1 ... m


@_mgh(1, "rosenbrock", start=(-1.2, 1.0), minimum=0.0, solution=(1.0, 1.0))
def rosenbrock(x1: Array, x2: Array) -> tuple[Array, ...]:
    """`10 (x2 - x1^2)`, `1 - x1`: a curved valley."""
    return 10.0 * (x2 - x1**2), 1.0 - x1


# The standard start leads to the local minimum, 48.9842, at ((53 - 4 sqrt 22) / 3, (2 - sqrt 22) / 3).
@_mgh(2, "freudenstein-roth", (0.5, -2.0), minimum=0.0, solution=(5.0, 4.0), stationary_values=(48.9842,))
def freudenstein_roth(x1: Array, x2: Array) -> tuple[Array, ...]:
    """`-13 + x1 + ((5 - x2) x2 - 2) x2`, `-29 + x1 + ((x2 + 1) x2 - 14) x2`: two cubics."""
    return -13.0 + x1 + ((5.0 - x2) * x2 - 2.0) * x2, -29.0 + x1 + ((x2 + 1.0) * x2 - 14.0) * x2


# x1 solves exp(-x1) + exp(-1e-4 / x1) = 1.0001, and x2 = 1e-4 / x1; the paper prints 1.098e-5 and 9.106.
@_mgh(3, "powell-badly-scaled", start=(0.0, 1.0), minimum=0.0, solution=(1.0981593296998175e-5, 9.106146739866524))
def powell_badly_scaled(x1: Array, x2: Array) -> tuple[Array, ...]:
    """`10^4 x1 x2 - 1`, `exp(-x1) + exp(-x2) - 1.0001`."""
    return 1e4 * x1 * x2 - 1.0, mg.exp(-x1) + mg.exp(-x2) - 1.0001


@_mgh(4, "brown-badly-scaled", start=(1.0, 1.0), minimum=0.0, solution=(1e6, 2e-6))
def brown_badly_scaled(x1: Array, x2: Array) -> tuple[Array, ...]:
    """`x1 - 10^6`, `x2 - 2 10^-6`, `x1 x2 - 2`."""
    return x1 - 1e6, x2 - 2e-6, x1 * x2 - 2.0


@_mgh(5, "beale", start=(1.0, 1.0), minimum=0.0, solution=(3.0, 0.5))
def beale(x1: Array, x2: Array) -> tuple[Array, ...]:
    """`y_i - x1 (1 - x2^i)`, `y = (1.5, 2.25, 2.625)`."""
    return 1.5 - x1 * (1.0 - x2), 2.25 - x1 * (1.0 - x2**2), 2.625 - x1 * (1.0 - x2**3)


# x1 = x2 solves sum_i i exp(i x) (1 + i - exp(i x)) = 0; the paper prints 0.2578.
@_mgh(6, "jennrich-sampson", start=(0.3, 0.4), minimum=124.362, solution=(0.2578252136703641,) * 2, data=(_count(10),))
def jennrich_sampson(i: Array, x1: Array, x2: Array) -> Array:
    """`2 + 2 i - exp(i x1) - exp(i x2)`, `m = 10`: a large residual."""
    return 2.0 + 2.0 * i - mg.exp(i * x1) - mg.exp(i * x2)


@_mgh(7, "helical-valley", start=(-1.0, 0.0, 0.0), minimum=0.0, solution=(1.0, 0.0, 0.0))
def helical_valley(x1: Array, x2: Array, x3: Array) -> tuple[Array, ...]:
    """`10 (x3 - 10 theta)`, `10 (|(x1, x2)| - 1)`, `x_3`; `theta` is the angle of `(x_1, x_2)`, in turns."""
    theta = mg.atan(x2 / x1) / (2.0 * math.pi)
    theta = mg.where(x1 > 0.0, theta, theta + 0.5)
    return 10.0 * (x3 - 10.0 * theta), 10.0 * (mg.sqrt(x1**2 + x2**2) - 1.0), x3


BARD_U = _count(15)
BARD_V = 16.0 - BARD_U
BARD_W = np.minimum(BARD_U, BARD_V)
BARD_Y = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])


# 17.4286 at (0.8406, -inf, -inf).
@_mgh(8, "bard", (1.0, 1.0, 1.0), 8.21487e-3, stationary_values=(17.4286,), data=(BARD_U, BARD_V, BARD_W, BARD_Y))
def bard(u: Array, v: Array, w: Array, y: Array, x1: Array, x2: Array, x3: Array) -> Array:
    """`y_i - x1 - u_i / (v_i x2 + w_i x3)`, `u_i = i`, `v_i = 16 - i`, `w_i = min(u_i, v_i)`."""
    return y - x1 - u / (v * x2 + w * x3)


GAUSSIAN_T = (8.0 - _count(15)) / 2.0
GAUSSIAN_Y = np.array([0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989])
GAUSSIAN_Y = np.concat([GAUSSIAN_Y, GAUSSIAN_Y[-2::-1]])


@_mgh(9, "gaussian", (0.4, 1.0, 0.0), 1.12793e-8, data=(GAUSSIAN_T, GAUSSIAN_Y))
def gaussian(t: Array, y: Array, x1: Array, x2: Array, x3: Array) -> Array:
    """`x1 exp(-x2 (t_i - x3)^2 / 2) - y_i`, `t_i = (8 - i) / 2`."""
    return x1 * mg.exp(-x2 * (t - x3) ** 2 / 2.0) - y


MEYER_Y = np.array(
    [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872]
)


# NIST: MGH10.
@_mgh(10, "meyer", (0.02, 4000.0, 250.0), 87.945855171, (5.6096364710e-3, 6181.3463463, 345.22363462),
      data=(45.0 + 5.0 * _count(16), MEYER_Y))  # fmt: skip
def meyer(t: Array, y: Array, x1: Array, x2: Array, x3: Array) -> Array:
    """`x1 exp(x2 / (t_i + x3)) - y_i`, `t_i = 45 + 5 i`: thermistor resistance."""
    return x1 * mg.exp(x2 / (t + x3)) - y


GULF_T = _count(99) / 100.0
GULF_Y = 25.0 + (-50.0 * np.log(GULF_T)) ** (2.0 / 3.0)


# The paper's "y_i mi x2" is a misprint of y_i - x2: only then is (50, 25, 1.5) a zero, as the paper says.
@_mgh(11, "gulf", (5.0, 2.5, 0.15), minimum=0.0, solution=(50.0, 25.0, 1.5), data=(GULF_T, GULF_Y))
def gulf(t: Array, y: Array, x1: Array, x2: Array, x3: Array) -> Array:
    """`exp(-|y_i - x2|^x3 / x1) - t_i`, `t_i = i / 100`, `y_i = 25 + (-50 log t_i)^(2/3)`, `m = 99`."""
    return mg.exp(-mg.pow(mg.abs(y - x2), x3) / x1) - t


# Also zero at (10, 1, -1), and wherever x1 = x2 and x3 = 0.
@_mgh(12, "box-3d", (0.0, 10.0, 20.0), minimum=0.0, solution=(1.0, 10.0, 1.0), data=(_count(10) / 10.0,))
def box_3d(t: Array, x1: Array, x2: Array, x3: Array) -> Array:
    """`exp(-t_i x1) - exp(-t_i x2) - x3 (exp(-t_i) - exp(-10 t_i))`, `t_i = i / 10`, `m = 10`."""
    return mg.exp(-t * x1) - mg.exp(-t * x2) - x3 * (mg.exp(-t) - mg.exp(-10.0 * t))


@_mgh(13, "powell-singular", (3.0, -1.0, 0.0, 1.0), minimum=0.0, solution=(0.0, 0.0, 0.0, 0.0))
def powell_singular(x1: Array, x2: Array, x3: Array, x4: Array) -> tuple[Array, ...]:
    """`x1 + 10 x2`, `sqrt(5) (x3 - x4)`, `(x2 - 2 x3)^2`, `sqrt(10) (x1 - x4)^2`: `J` loses rank at the solution."""
    return x1 + 10.0 * x2, math.sqrt(5.0) * (x3 - x4), (x2 - 2.0 * x3) ** 2, math.sqrt(10.0) * (x1 - x4) ** 2


@_mgh(14, "wood", (-3.0, -1.0, -3.0, -1.0), minimum=0.0, solution=(1.0, 1.0, 1.0, 1.0))
def wood(x1: Array, x2: Array, x3: Array, x4: Array) -> tuple[Array, ...]:
    """`10 (x2 - x1^2), 1 - x1, sqrt(90) (x4 - x3^2), 1 - x3, sqrt(10) (x2 + x4 - 2), (x2 - x4) / sqrt(10)`."""
    valleys = 10.0 * (x2 - x1**2), 1.0 - x1, math.sqrt(90.0) * (x4 - x3**2), 1.0 - x3
    return *valleys, math.sqrt(10.0) * (x2 + x4 - 2.0), (x2 - x4) / math.sqrt(10.0)


KOWALIK_Y = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
KOWALIK_U = np.array([4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])


# NIST: MGH09. 1.02734e-3 at (inf, -14.07, -inf, -inf).
@_mgh(15, "kowalik-osborne", (0.25, 0.39, 0.415, 0.39), 3.0750560385e-4,
      (0.19280693458, 0.19128232873, 0.12305650693, 0.13606233068), (1.02734e-3,), (KOWALIK_U, KOWALIK_Y))  # fmt: skip
def kowalik_osborne(u: Array, y: Array, x1: Array, x2: Array, x3: Array, x4: Array) -> Array:
    """`y_i - x1 (u_i^2 + u_i x2) / (u_i^2 + u_i x3 + x4)`: enzyme kinetics."""
    return y - x1 * (u**2 + u * x2) / (u**2 + u * x3 + x4)


@_mgh(16, "brown-dennis", (25.0, 5.0, -5.0, -1.0), 85822.2, data=(_count(20) / 5.0,))
def brown_dennis(t: Array, x1: Array, x2: Array, x3: Array, x4: Array) -> Array:
    """`(x1 + t_i x2 - exp(t_i))^2 + (x3 + x4 sin(t_i) - cos(t_i))^2`, `t_i = i / 5`, `m = 20`: a large residual."""
    return (x1 + t * x2 - mg.exp(t)) ** 2 + (x3 + x4 * mg.sin(t) - mg.cos(t)) ** 2


OSBORNE1_Y = np.array([
    0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685, 0.658, 0.628,
    0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420,
    0.414, 0.411, 0.406,
])  # fmt: skip


# NIST: MGH17.
@_mgh(17, "osborne-1", (0.5, 1.5, -1.0, 0.01, 0.02), 5.4648946975e-5,
      (0.37541005211, 1.9358469127, -1.4646871366, 0.012867534640, 0.022122699662),
      data=(10.0 * _count(33) - 10.0, OSBORNE1_Y))  # fmt: skip
def osborne_1(t: Array, y: Array, x1: Array, x2: Array, x3: Array, x4: Array, x5: Array) -> Array:
    """`y_i - x1 - x2 exp(-t_i x4) - x3 exp(-t_i x5)`, `t_i = 10 (i - 1)`."""
    return y - x1 - x2 * mg.exp(-t * x4) - x3 * mg.exp(-t * x5)


BIGGS_T = _count(13) / 10.0
BIGGS_Y = np.exp(-BIGGS_T) - 5.0 * np.exp(-10.0 * BIGGS_T) + 3.0 * np.exp(-4.0 * BIGGS_T)


# The paper's other value is a saddle point: the least f on the plane x1 = x5, x3 = x6. The start lies on this plane,
# and steps without rounding never leave it.
@_mgh(18, "biggs-exp6", (1.0, 2.0, 1.0, 1.0, 1.0, 1.0), minimum=0.0, solution=(1.0, 10.0, 1.0, 5.0, 4.0, 3.0),
      stationary_values=(5.65565e-3,), data=(BIGGS_T, BIGGS_Y))  # fmt: skip
def biggs_exp6(t: Array, y: Array, x1: Array, x2: Array, x3: Array, x4: Array, x5: Array, x6: Array) -> Array:
    """`x3 exp(-t_i x1) - x4 exp(-t_i x2) + x6 exp(-t_i x5) - y_i`, `t_i = i / 10`, `m = 13`, y from the solution."""
    return x3 * mg.exp(-t * x1) - x4 * mg.exp(-t * x2) + x6 * mg.exp(-t * x5) - y


OSBORNE2_Y = np.array([
    1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608, 0.655, 0.616,
    0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661, 0.612, 0.558, 0.533, 0.495,
    0.500, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428, 0.429, 0.523, 0.562, 0.607, 0.653, 0.672,
    0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559, 0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581,
    0.428, 0.292, 0.162, 0.098, 0.054,
])  # fmt: skip


@_mgh(19, "osborne-2", (1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5), 4.01377e-2,
      data=((_count(65) - 1.0) / 10.0, OSBORNE2_Y))  # fmt: skip
def osborne_2(t: Array, y: Array, *x: Array) -> Array:
    """`y_i - x1 exp(-t_i x5) - sum_{k = 2, 3, 4} x_k exp(-(t_i - x_{k+7})^2 x_{k+4})`, `t_i = (i - 1) / 10`."""
    x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11 = x
    bells = [(x2, x6, x9), (x3, x7, x10), (x4, x8, x11)]
    return y - x1 * mg.exp(-t * x5) - sum(a * mg.exp(-((t - c) ** 2) * b) for a, b, c in bells)


@_mgh(20, "watson-12", (0.0,) * 12, 4.72238e-10, data=(_count(29) / 29.0,))
@_mgh(20, "watson-9", (0.0,) * 9, 1.39976e-6, data=(_count(29) / 29.0,))
@_mgh(20, "watson-6", (0.0,) * 6, 2.28767e-3, data=(_count(29) / 29.0,))
def watson(t: Array, *x: Array) -> tuple[Array, ...]:
    """`p'(t_i) - p(t_i)^2 - 1, x1, x2 - x1^2 - 1`, `p(t) = sum_j x_j t^(j-1)`, `t_i = i / 29`: `p' = p^2 + 1`."""
    p = sum(c * t**j for j, c in enumerate(x))
    slope = sum(j * c * t ** (j - 1) for j, c in enumerate(x) if j > 0)
    return slope - p**2 - 1.0, x[0], x[1] - x[0] ** 2 - 1.0
