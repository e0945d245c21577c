"""One rule for all solvers: a loss is one number, or one for each run of params that have the runs' axes."""

import re

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
