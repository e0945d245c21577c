"""Every equation on array-api-strict as it is installed, and on PyTorch: values, Jacobians and steps are NumPy's.

array-api-strict refuses a variable on the right of an operator, where other libraries let it answer.
"""

import importlib

import numpy as np
import pytest

import minigrad as mg
from curveball import CurveBall
from curveball.solvers.levenberg_marquardt import LevenbergMarquardt
from problems.physics_informed import get, names

SOLVERS = (CurveBall(lam_every=1), LevenbergMarquardt())


def results(problem, params):
    """The loss, its gradient, the Jacobian, and the params after a step of each solver."""
    loss, gradient = mg.value_and_grad(lambda w: problem.loss(problem.model(w)))(params)
    moved = [solver.step(params, solver.init(params), problem.at(), problem.loss)[0] for solver in SOLVERS]
    return [loss, gradient, problem.jacobian(params), moved]


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_results_are_numpys(name, library):
    xp = pytest.importorskip(library, reason=f"{library} is not installed")
    problem = get(name)
    params = problem.init(np.random.default_rng(0))
    there = mg.tree_map(lambda w: mg.from_numpy(w, importlib.import_module(xp.__name__)), params)

    def compare(a, b):
        assert type(a) is type(xp.ones(1))
        np.testing.assert_allclose(mg.to_numpy(a), b, rtol=1e-6, atol=1e-9 * (1.0 + np.max(np.abs(b))))

    mg.tree_map(compare, results(problem, there), results(problem, params))
