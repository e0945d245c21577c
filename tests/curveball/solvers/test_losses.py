"""One rule for all solvers: a loss is one number, or one for each run of params that have the runs' axes."""

import re
from dataclasses import fields, replace

import numpy as np
import pytest

import minigrad as mg
from curveball import (
    BFGS,
    LBFGS,
    SGD,
    Adam,
    CurveBall,
    GaussNewton,
    LevenbergMarquardt,
    Newton,
    NewtonCG,
    minimize,
)

SOLVERS = {
    "sgd": SGD(), "adam": Adam(), "curveball": CurveBall(), "newton": Newton(), "newton-cg": NewtonCG(),
    "newton-cg-ggn": NewtonCG(curvature="ggn"), "gauss-newton": GaussNewton(lam=1.0),
    "levenberg-marquardt": LevenbergMarquardt(), "levenberg-marquardt-cg": LevenbergMarquardt(linear="cg"),
    "bfgs": BFGS(), "l-bfgs": LBFGS(),
}  # fmt: skip
X, T = np.random.default_rng(0).normal(size=(8, 3)), np.ones(8)
over_solvers = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)


def squares(y):
    return (y - T) ** 2


@over_solvers
def test_a_loss_without_its_mean(solver):
    params = {"w": np.zeros(3)}
    message = "the loss squares has shape (8,), and the params['w'] have shape (3,): return one number (take the mean"
    with pytest.raises(TypeError, match=re.escape(message)):
        solver.step(params, solver.init(params), lambda p: X @ p["w"], squares)


@over_solvers
@pytest.mark.parametrize("wrong", [lambda y: [y], lambda y: None, lambda y: (y @ y, y)], ids=["list", "None", "tuple"])
def test_a_loss_that_is_no_array(solver, wrong):
    w = np.zeros(3)
    with pytest.raises(TypeError, match="the loss <lambda> must return one number; it returned"):
        solver.step(w, solver.init(w), lambda w: X @ w, wrong)


@over_solvers
def test_a_mean_is_fine(solver):
    w = np.zeros(3)
    w, _, info = solver.step(w, solver.init(w), lambda w: X @ w, lambda y: mg.mean(squares(y)))
    assert info["loss"].shape == ()
    assert np.isfinite(w).all()


def test_minimize_takes_one_number():
    for solver in (SGD(), NewtonCG(), CurveBall()):
        for tol in (None, 1e-6):
            with pytest.raises(
                TypeError, match=re.escape("minimize needs a loss that is one number; its shape is (8,)")
            ):
                minimize(lambda w: X @ w, squares, np.zeros(3), solver, tol=tol)


@over_solvers
def test_trees_of_python_numbers(solver):
    def model(p):
        return mg.stack([p["a"] - 1.0, 2.0 * (p["b"][0] + 0.5), p["a"] * p["b"][0]])

    params = {"a": 2.0, "b": [3.0]}
    arrays = mg.tree_map(np.array, params)
    state, other = solver.init(params), solver.init(arrays)
    for _ in range(3):
        params, state, info = solver.step(params, state, model, lambda y: y @ y)
        arrays, other, expected = solver.step(arrays, other, model, lambda y: y @ y)
        np.testing.assert_allclose(info["loss"], expected["loss"])
    mg.tree_map(np.testing.assert_allclose, params, arrays)


@over_solvers
def test_options_of_numpy_leave_the_dtype_alone(solver):
    """As a grid of learning rates gives them."""
    if isinstance(solver, CurveBall | Adam | SGD):
        solver = replace(solver, weight_decay=0.1)
    if isinstance(solver, CurveBall):
        solver = replace(solver, average=0.5)
    numbers = {field.name: getattr(solver, field.name) for field in fields(solver)}
    other = replace(solver, **{key: np.float64(x) for key, x in numbers.items() if isinstance(x, float)})
    seen = []
    for each in (solver, other):
        w = np.ones(3, np.float32)
        state = each.init(w)
        for _ in range(3):
            w, state, info = each.step(w, state, lambda w: w * w, lambda y: y @ y)
        seen.append(mg.tree_flatten([w, state, {**info, "aux": 0}])[0])
    assert [getattr(x, "dtype", None) for x in seen[1]] == [getattr(x, "dtype", None) for x in seen[0]]


@over_solvers
def test_one_python_number(solver):
    w, _, info = solver.step(2.0, solver.init(2.0), lambda w: w - 1.0, lambda y: y * y)
    assert info["loss"] == 1.0
    assert abs(float(w) - 1.0) < 1.0
