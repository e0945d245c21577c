"""Nonlinear regression: the NIST Statistical Reference Datasets (StRD), National Institute of Standards and Technology.

26 of the 27 sets, `y = f(x, b) + e`, without Lanczos1, since its certified sum of squares, 1e-25, is rounding error.
Parameters and sums of squares are certified to 11 digits; their standard deviations are in nist_deviations.py. Each set
has two starts, a far and a near one. To begin at the near one:

>>> from dataclasses import replace
>>> from problems.closed_form import get
>>> near = replace(get("BoxBOD"), starts=get("BoxBOD").starts[1:])
>>> near.init(None)
array([100.  ,   0.75])
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Callable
from importlib import resources

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.closed_form.least_squares import problem

Formula = Callable[..., Array]  # (x, b1, ..., bn) -> y
Vector = tuple[float, ...]


def _read() -> dict[str, np.ndarray]:
    rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
    text = (resources.files("problems.closed_form") / "nist.csv").read_text("utf-8")
    for row in csv.DictReader(text.splitlines()):
        rows[row["set"]].append((float(row["x"]), float(row["y"])))
    return {name: np.array(pairs).T for name, pairs in rows.items()}


def _read_nelson() -> tuple[np.ndarray, ...]:
    """Its two predictors, and the logarithm of the response, which is what the formula gives."""
    text = (resources.files("problems.closed_form") / "nelson.csv").read_text("utf-8")
    y, x1, x2 = np.array(
        [[float(row[key]) for key in ("y", "x1", "x2")] for row in csv.DictReader(text.splitlines())]
    ).T
    return x1, x2, np.log(y)


DATA = _read()  # name -> (2, m): the predictor x and the response y


def _nist(
    name: str, study: str, far: Vector, near: Vector, certified: Vector, rss: float
) -> Callable[[Formula], Formula]:
    """Decorator: y = formula(x, b) becomes the problem with residuals formula(x, b) - y.

    Several sets may share one formula.
    """

    def register(formula: Formula) -> Formula:
        def residuals(x: Array, y: Array, *b: Array) -> Array:
            return formula(x, *b) - y

        source = f"NIST StRD, nonlinear regression, {name} ({study})"
        problem(name, source, [far, near], rss, certified, data=tuple(DATA[name]))(residuals)
        return formula

    return register


@_nist("BoxBOD", "Box, Hunter and Hunter 1978", (1.0, 1.0), (100.0, 0.75), (213.80940889, 0.54723748542), 1168.0088766)
@_nist("Misra1a", "Misra 1978", (500.0, 0.0001), (250.0, 0.0005), (238.94212918, 5.5015643181e-4), 0.12455138894)
def saturation(x: Array, b1: Array, b2: Array) -> Array:
    """`b1 (1 - exp(-b2 x))`."""
    return b1 * (1.0 - mg.exp(-b2 * x))


@_nist("Misra1b", "Misra 1978", (500.0, 0.0001), (300.0, 0.0002), (337.99746163, 3.9039091287e-4), 0.075464681533)
def misra1b(x: Array, b1: Array, b2: Array) -> Array:
    """`b1 (1 - (1 + b2 x / 2)^-2)`."""
    return b1 * (1.0 - 1.0 / (1.0 + b2 * x / 2.0) ** 2)


@_nist("Misra1c", "Misra 1978", (500.0, 0.0001), (600.0, 0.0002), (636.42725809, 2.0813627256e-4), 0.040966836971)
def misra1c(x: Array, b1: Array, b2: Array) -> Array:
    """`b1 (1 - (1 + 2 b2 x)^(-1/2))`."""
    return b1 * (1.0 - 1.0 / mg.sqrt(1.0 + 2.0 * b2 * x))


@_nist("Misra1d", "Misra 1978", (500.0, 0.0001), (450.0, 0.0003), (437.36970754, 3.0227324449e-4), 0.056419295283)
def misra1d(x: Array, b1: Array, b2: Array) -> Array:
    """`b1 b2 x / (1 + b2 x)`."""
    return b1 * b2 * x / (1.0 + b2 * x)


@_nist("Chwirut1", "Chwirut", (0.1, 0.01, 0.02), (0.15, 0.008, 0.01), (0.19027818370, 0.0061314004477, 0.010530908399),
       2384.4771393)  # fmt: skip
@_nist("Chwirut2", "Chwirut", (0.1, 0.01, 0.02), (0.15, 0.008, 0.01), (0.16657666537, 0.0051653291286, 0.012150007096),
       513.04802941)  # fmt: skip
def chwirut(x: Array, b1: Array, b2: Array, b3: Array) -> Array:
    """`exp(-b1 x) / (b2 + b3 x)`."""
    return mg.exp(-b1 * x) / (b2 + b3 * x)


@_nist("DanWood", "Daniel and Wood 1980", (1.0, 5.0), (0.7, 4.0), (0.76886226176, 3.8604055871), 0.0043173084083)
def danwood(x: Array, b1: Array, b2: Array) -> Array:
    """`b1 x^b2`."""
    return b1 * mg.pow(x, b2)


@_nist("Bennett5", "Bennett, Swartzendruber and Brown 1994", (-2000.0, 50.0, 0.8), (-1500.0, 45.0, 0.85),
       (-2523.5058043, 46.736564644, 0.93218483193), 5.2404744073e-4)  # fmt: skip
def bennett5(x: Array, b1: Array, b2: Array, b3: Array) -> Array:
    """`b1 (b2 + x)^(-1 / b3)`."""
    return b1 * mg.pow(b2 + x, -1.0 / b3)


@_nist("Eckerle4", "Eckerle", (1.0, 10.0, 500.0), (1.5, 5.0, 450.0), (1.5543827178, 4.0888321754, 451.54121844),
       0.0014635887487)  # fmt: skip
def eckerle4(x: Array, b1: Array, b2: Array, b3: Array) -> Array:
    """`(b1 / b2) exp(-((x - b3) / b2)^2 / 2)`."""
    return b1 / b2 * mg.exp(-(((x - b3) / b2) ** 2) / 2.0)


@_nist("Rat42", "Ratkowsky 1983", (100.0, 1.0, 0.1), (75.0, 2.5, 0.07), (72.462237576, 2.6180768402, 0.067359200066),
       8.0565229338)  # fmt: skip
def rat42(x: Array, b1: Array, b2: Array, b3: Array) -> Array:
    """`b1 / (1 + exp(b2 - b3 x))`."""
    return b1 / (1.0 + mg.exp(b2 - b3 * x))


@_nist("Rat43", "Ratkowsky 1983", (100.0, 10.0, 1.0, 1.0), (700.0, 5.0, 0.75, 1.3),
       (699.64151270, 5.2771253025, 0.75962938329, 1.2792483859), 8786.4049080)  # fmt: skip
def rat43(x: Array, b1: Array, b2: Array, b3: Array, b4: Array) -> Array:
    """`b1 / (1 + exp(b2 - b3 x))^(1 / b4)`."""
    return b1 / mg.pow(1.0 + mg.exp(b2 - b3 * x), 1.0 / b4)


@_nist("MGH10", "Meyer 1970", (2.0, 400000.0, 25000.0), (0.02, 4000.0, 250.0),
       (0.0056096364710, 6181.3463463, 345.22363462), 87.945855171)  # fmt: skip
def mgh10(x: Array, b1: Array, b2: Array, b3: Array) -> Array:
    """`b1 exp(b2 / (x + b3))`: Moré, Garbow and Hillstrom 10, from a farther start."""
    return b1 * mg.exp(b2 / (x + b3))


@_nist("MGH09", "Kowalik and Osborne 1978", (25.0, 39.0, 41.5, 39.0), (0.25, 0.39, 0.415, 0.39),
       (0.19280693458, 0.19128232873, 0.12305650693, 0.13606233068), 3.0750560385e-4)  # fmt: skip
def mgh09(x: Array, b1: Array, b2: Array, b3: Array, b4: Array) -> Array:
    """`b1 (x^2 + b2 x) / (x^2 + b3 x + b4)`: Moré, Garbow and Hillstrom 15, from a farther start."""
    return b1 * (x**2 + x * b2) / (x**2 + x * b3 + b4)


@_nist("MGH17", "Osborne 1972", (50.0, 150.0, -100.0, 1.0, 2.0), (0.5, 1.5, -1.0, 0.01, 0.02),
       (0.37541005211, 1.9358469127, -1.4646871366, 0.012867534640, 0.022122699662), 5.4648946975e-5)  # fmt: skip
def mgh17(x: Array, b1: Array, b2: Array, b3: Array, b4: Array, b5: Array) -> Array:
    """`b1 + b2 exp(-b4 x) + b3 exp(-b5 x)`: Moré, Garbow and Hillstrom 17, from a farther start."""
    return b1 + b2 * mg.exp(-b4 * x) + b3 * mg.exp(-b5 * x)


@_nist("Roszman1", "Roszman", (0.1, -1e-5, 1000.0, -100.0), (0.2, -5e-6, 1200.0, -150.0),
       (0.20196866396, -6.1953516256e-6, 1204.4556708, -181.34269537), 4.9484847331e-4)  # fmt: skip
def roszman1(x: Array, b1: Array, b2: Array, b3: Array, b4: Array) -> Array:
    """`b1 - b2 x - atan(b3 / (x - b4)) / pi`."""
    return b1 - b2 * x - mg.atan(b3 / (x - b4)) / math.pi


@_nist("Kirby2", "Kirby", (2.0, -0.1, 0.003, -0.001, 1e-5), (1.5, -0.15, 0.0025, -0.0015, 2e-5),
       (1.6745063063, -0.13927397867, 0.0025961181191, -0.0017241811870, 2.1664802578e-5), 3.9050739624)  # fmt: skip
def kirby2(x: Array, b1: Array, b2: Array, b3: Array, b4: Array, b5: Array) -> Array:
    """`(b1 + b2 x + b3 x^2) / (1 + b4 x + b5 x^2)`."""
    return (b1 + b2 * x + b3 * x**2) / (1.0 + b4 * x + b5 * x**2)


@_nist("Hahn1", "Hahn", (10.0, -1.0, 0.05, -1e-5, -0.05, 0.001, -1e-6),
       (1.0, -0.1, 0.005, -1e-6, -0.005, 0.0001, -1e-7),
       (1.0776351733, -0.12269296921, 0.0040863750610, -1.4262662514e-6, -0.0057609940901, 2.4053735503e-4,
        -1.2314450199e-7), 1.5324382854)  # fmt: skip
@_nist("Thurber", "Thurber", (1000.0, 1000.0, 400.0, 40.0, 0.7, 0.3, 0.03),
       (1300.0, 1500.0, 500.0, 75.0, 1.0, 0.4, 0.05),
       (1288.1396800, 1491.0792535, 583.23836877, 75.416644291, 0.96629502864, 0.39797285797, 0.049727297349),
       5642.7082397)  # fmt: skip
def cubic_ratio(x: Array, b1: Array, b2: Array, b3: Array, b4: Array, b5: Array, b6: Array, b7: Array) -> Array:
    """`(b1 + b2 x + b3 x^2 + b4 x^3) / (1 + b5 x + b6 x^2 + b7 x^3)`."""
    return (b1 + b2 * x + b3 * x**2 + b4 * x**3) / (1.0 + b5 * x + b6 * x**2 + b7 * x**3)


@_nist("Lanczos2", "Lanczos 1956", (1.2, 0.3, 5.6, 5.5, 6.5, 7.6), (0.5, 0.7, 3.6, 4.2, 4.0, 6.3),
       (0.096251029939, 1.0057332849, 0.86424689056, 3.0078283915, 1.5529016879, 5.0028798100),
       2.2299428125e-11)  # fmt: skip
@_nist("Lanczos3", "Lanczos 1956", (1.2, 0.3, 5.6, 5.5, 6.5, 7.6), (0.5, 0.7, 3.6, 4.2, 4.0, 6.3),
       (0.086816414977, 0.95498101505, 0.84400777463, 2.9515951832, 1.5825685901, 4.9863565084),
       1.6117193594e-8)  # fmt: skip
def three_exponentials(x: Array, b1: Array, b2: Array, b3: Array, b4: Array, b5: Array, b6: Array) -> Array:
    """`b1 exp(-b2 x) + b3 exp(-b4 x) + b5 exp(-b6 x)`."""
    return b1 * mg.exp(-b2 * x) + b3 * mg.exp(-b4 * x) + b5 * mg.exp(-b6 * x)


@_nist("Gauss1", "Rust 1996", (97.0, 0.009, 100.0, 65.0, 20.0, 70.0, 178.0, 16.5),
       (94.0, 0.0105, 99.0, 63.0, 25.0, 71.0, 180.0, 20.0),
       (98.778210871, 0.010497276517, 100.48990633, 67.481111276, 23.129773360, 71.994503004, 178.99805021,
        18.389389025), 1315.8222432)  # fmt: skip
@_nist("Gauss2", "Rust 1996", (96.0, 0.009, 103.0, 106.0, 18.0, 72.0, 151.0, 18.0),
       (98.0, 0.0105, 103.0, 105.0, 20.0, 73.0, 150.0, 20.0),
       (99.018328406, 0.010994945399, 101.88022528, 107.03095519, 23.578584029, 72.045589471, 153.27010194,
        19.525972636), 1247.5282092)  # fmt: skip
@_nist("Gauss3", "Rust 1996", (94.9, 0.009, 90.1, 113.0, 20.0, 73.8, 140.0, 20.0),
       (96.0, 0.0096, 80.0, 110.0, 25.0, 74.0, 139.0, 25.0),
       (98.940368970, 0.010945879335, 100.69553078, 111.63619459, 23.300500029, 73.705031418, 147.76164251,
        19.668221230), 1244.4846360)  # fmt: skip
def two_bells(
    x: Array, b1: Array, b2: Array, b3: Array, b4: Array, b5: Array, b6: Array, b7: Array, b8: Array
) -> Array:
    """`b1 exp(-b2 x) + b3 exp(-((x - b4) / b5)^2) + b6 exp(-((x - b7) / b8)^2)`."""
    bells = b3 * mg.exp(-(((x - b4) / b5) ** 2)) + b6 * mg.exp(-(((x - b7) / b8) ** 2))
    return b1 * mg.exp(-b2 * x) + bells


@_nist("ENSO", "Kahaner, Moler and Nash 1989", (11.0, 3.0, 0.5, 40.0, -0.7, -1.3, 25.0, -0.3, 1.4),
       (10.0, 3.0, 0.5, 44.0, -1.5, 0.5, 26.0, -0.1, 1.5),
       (10.510749193, 3.0762128085, 0.53280138227, 44.311088700, -1.6231428586, 0.52554493756, 26.887614440,
        0.21232288488, 1.4966870418), 788.53978668)  # fmt: skip
def enso(
    x: Array, b1: Array, b2: Array, b3: Array, b4: Array, b5: Array, b6: Array, b7: Array, b8: Array, b9: Array
) -> Array:
    """b1 + sum over (c, s, p) of c cos(2 pi x / p) + s sin(2 pi x / p): (b2, b3, 12), (b5, b6, b4), (b8, b9, b7)."""
    waves = [(b2, b3, 12.0), (b5, b6, b4), (b8, b9, b7)]
    return b1 + sum(c * mg.cos(2.0 * math.pi / p * x) + s * mg.sin(2.0 * math.pi / p * x) for c, s, p in waves)


@problem("Nelson", "NIST StRD, nonlinear regression, Nelson (Nelson 1981)", [(2.0, 1e-4, -0.01), (2.5, 5e-9, -0.05)],
         3.7976833176, (2.5906836021, 5.6177717026e-9, -5.7701013174e-2), data=_read_nelson())  # fmt: skip
def nelson(x1: Array, x2: Array, log_y: Array, b1: Array, b2: Array, b3: Array) -> Array:
    """`b1 - b2 x1 exp(-b3 x2) - log y`: breakdown voltage `y` after `x_1` weeks at `x_2` degrees Celsius."""
    return b1 - b2 * x1 * mg.exp(-b3 * x2) - log_y
