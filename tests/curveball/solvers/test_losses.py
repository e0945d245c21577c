"""One rule for all solvers: a loss is one number, or one for each run where `minigrad.independent_runs` asks for it."""

import re
from dataclasses import fields, replace
from functools import partial

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
    message = "the loss squares has shape (8,): return one number (take the mean or the sum), or mark it"
    with pytest.raises(TypeError, match=re.escape(message)):
        solver.step(params, solver.init(params), lambda p: X @ p["w"], squares)
    message = "the loss squares has shape (8,), and the params['w'] have shape (3,): return one number (take the mean"
    with pytest.raises(TypeError, match=re.escape(message)):
        solver.step(params, solver.init(params), lambda p: X @ p["w"], mg.independent_runs(squares))


@over_solvers
@pytest.mark.parametrize("count", [1, 8])
def test_the_shape_alone_makes_no_runs(solver, count):
    """As many params as samples, or one of each: the shapes would fit."""
    w = np.zeros((count, 2))
    with pytest.raises(TypeError, match=re.escape(f"the loss <lambda> has shape ({count},): return one number")):
        solver.step(w, solver.init(w), lambda w: mg.sum(w, axis=1), lambda y: (y - 1.0) ** 2)


def of_each(y, t):
    return mg.sum((y - t) ** 2, axis=-1)


class Problem:
    @mg.independent_runs
    def loss(self, y):
        return of_each(y, 1.0)


MARKED = {
    "function": mg.independent_runs(partial(of_each, t=1.0)),
    "partial": partial(mg.independent_runs(of_each), t=1.0),
    "partial of a partial": partial(partial(mg.independent_runs(of_each)), t=1.0),
    "method": Problem().loss,
}


@over_solvers
@pytest.mark.parametrize("loss", MARKED.values(), ids=MARKED)
def test_runs_by_name(solver, loss):
    w, model = np.array([[1.5, 0.5], [3.0, 2.0]]), partial(mg.multiply, np.array([1.0, 2.0]))
    if isinstance(solver, BFGS | LBFGS):
        with pytest.raises(ValueError, match="SciPy's solvers advance one run at a time"):
            solver.step(w, solver.init(w), model, loss)
        return
    together, _, info = solver.step(w, solver.init(w), model, loss)
    assert info["loss"].shape == (2,)
    for k in range(2):
        alone, _, one = solver.step(w[k], solver.init(w[k]), model, lambda y: of_each(y, 1.0))
        np.testing.assert_allclose(together[k], alone, rtol=1e-12)
        np.testing.assert_allclose(info["loss"][k], one["loss"], rtol=1e-12)


@over_solvers
def test_one_run_of_a_marked_loss(solver):
    w = np.array([3.0, 2.0])
    _, _, info = solver.step(w, solver.init(w), lambda w: w, Problem().loss)
    assert info["loss"] == 5.0


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


PER_RUN = [
    (solver, field.name) for solver in SOLVERS.values() for field in fields(solver)
    if field.name in ("lr", "lam", "rho", "beta", "momentum", "beta1", "beta2")
]  # fmt: skip


@pytest.mark.parametrize(("solver", "name"), PER_RUN, ids=[f"{type(s).__name__}-{name}" for s, name in PER_RUN])
def test_a_number_for_each_run_needs_runs(solver, name):
    """Else each row of the params would get its own."""
    w, several = np.ones((2, 3)), replace(solver, **{name: np.array([0.1, 0.2])})
    message = f"{name} has shape (2,), and the loss has shape (): give one number, or one for each run"
    with pytest.raises(ValueError, match=re.escape(message)):
        several.step(w, several.init(w), lambda w: w, lambda y: mg.sum(y * y))
    w = np.ones((3, 3))
    with pytest.raises(ValueError, match=re.escape(f"{name} has shape (2,), and the loss has shape (3,): give one")):
        several.step(w, several.init(w), lambda w: w, Problem().loss)


def test_minimize_takes_one_number():
    for solver in (SGD(), NewtonCG(), CurveBall()):
        for tol in (None, 1e-6):
            with pytest.raises(
                TypeError, match=re.escape("minimize needs a loss that is one number; its shape is (8,)")
            ):
                minimize(lambda w: X @ w, squares, np.zeros(3), solver, tol=tol)
            with pytest.raises(TypeError, match=re.escape("minimize needs a loss that is one number")):
                minimize(lambda w: X @ w, mg.independent_runs(squares), np.zeros(3), solver, tol=tol)


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
