"""The defaults that docstrings state are those that run, and one of them by what it does."""

import ast
import dataclasses
import re

import numpy as np
import pytest

import curveball
import minigrad as mg
from curveball import LevenbergMarquardt

STATED = re.compile(r'^ *- `(\w+)` = ("\w+"|[-\w.]*\w)', re.M)
SOLVERS = [getattr(curveball, name) for name in curveball.__all__]
SOLVERS = [
    solver
    for solver in SOLVERS
    if dataclasses.is_dataclass(solver) and hasattr(solver, "step") and dataclasses.fields(solver)
]


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_defaults_are_those_of_the_docstring(solver):
    stated = {name: ast.literal_eval(value) for name, value in STATED.findall(solver.__doc__)}
    defaults = {field.name: field.default for field in dataclasses.fields(solver)}
    assert stated == defaults


def test_levenberg_marquardt_solves_to_a_millionth_of_the_gradient():
    a = np.geomspace(1.0, 30.0, 1000)  # so many that no step of conjugate gradients leaps over the interval
    w = v = np.zeros(1000)
    solver = LevenbergMarquardt(linear="cg", max_cg=400)
    v, _, info = solver.step(w, solver.init(w), lambda w: a * w - 1.0, lambda y: 0.5 * mg.sum(y * y))
    residual = (a * a + info["lam"]) * (v - w) - a
    assert 1e-7 < np.linalg.norm(residual) / np.linalg.norm(a) < 1e-6
