"""Quadratics of a chosen spectrum: Hessian, gradient, minimum, shapes."""

import numpy as np
import pytest

import minigrad as mg
from problems.closed_form.quadratic import Quadratic

SPECTRA = [(1.0,), (1.0, 10.0), (0.0, 0.5, 2.0, 1e4)]
over_spectra = pytest.mark.parametrize("spectrum", SPECTRA, ids=str)


def objective(problem):
    return lambda w: problem.loss(problem.model(w))


@pytest.mark.parametrize("seed", [0, 5])
@over_spectra
def test_hessian_has_the_spectrum(spectrum, seed):
    problem = Quadratic(spectrum, seed)
    H = mg.hessian(objective(problem))(problem.init(np.random.default_rng(0)))
    np.testing.assert_allclose(H, problem.hessian, rtol=1e-9, atol=1e-12 * max(spectrum))
    np.testing.assert_allclose(np.linalg.eigvalsh(H), sorted(spectrum), rtol=1e-9, atol=1e-12 * max(spectrum))
    np.testing.assert_allclose(problem.basis.T @ problem.basis, np.eye(len(spectrum)), atol=1e-14)


@over_spectra
def test_value_and_gradient(spectrum):
    problem = Quadratic(spectrum)
    w = problem.init(np.random.default_rng(1))
    d = w - problem.solution
    value, gradient = mg.value_and_grad(objective(problem))(w)
    np.testing.assert_allclose(value, 0.5 * d @ problem.hessian @ d, rtol=1e-10)
    np.testing.assert_allclose(gradient, problem.hessian @ d, rtol=1e-8, atol=1e-12 * max(spectrum))


@over_spectra
def test_gauss_newton_matrix_is_the_hessian(spectrum):
    problem = Quadratic(spectrum)
    w, v = (problem.init(np.random.default_rng(k)) for k in (1, 2))
    Gv = mg.ggnvp(problem.model, problem.loss, w, v)
    np.testing.assert_allclose(Gv, problem.hessian @ v, rtol=1e-9, atol=1e-12 * max(spectrum))


@over_spectra
def test_minimum(spectrum):
    problem = Quadratic(spectrum)
    value, gradient = mg.value_and_grad(objective(problem))(problem.solution)
    assert value == problem.minimum == 0.0
    np.testing.assert_array_equal(gradient, 0.0)


def test_seeds_draw_directions_and_the_minimum():
    a, b, again = Quadratic((1.0, 2.0)), Quadratic((1.0, 2.0), 1), Quadratic((1.0, 2.0))
    assert not np.allclose(a.hessian, b.hessian)
    assert not np.allclose(a.solution, b.solution)
    np.testing.assert_array_equal(a.hessian, again.hessian)
    np.testing.assert_array_equal(a.solution, again.solution)
    assert a == again


@pytest.mark.parametrize("runs", [(), (3,), (2, 3)])
def test_shapes(runs):
    problem = Quadratic((1.0, 2.0, 3.0))
    w = problem.init(np.random.default_rng(0), runs)
    batch = problem.batch(np.random.default_rng(0), runs)
    assert w.shape == (*runs, 3)
    assert batch is None
    y = problem.model(w, batch)
    assert y.shape == (*runs, 3)
    losses = problem.loss(y, batch)
    assert losses.shape == runs
    flat = [objective(problem)(x) for x in w.reshape(-1, 3)]
    np.testing.assert_allclose(np.ravel(losses), flat)


def test_start_is_a_normal_draw_around_the_solution():
    problem = Quadratic((1.0, 2.0))
    d = problem.init(np.random.default_rng(0), (20000,)) - problem.solution
    np.testing.assert_allclose(d.mean(axis=0), 0.0, atol=0.03)
    np.testing.assert_allclose(np.cov(d.T), np.eye(2), atol=0.05)


def test_other_arrays(backend):
    problem = Quadratic((1.0, 7.0))
    w = problem.init(np.random.default_rng(0))
    found = mg.grad(objective(problem))(backend.asarray(w))
    np.testing.assert_allclose(mg.to_numpy(found), problem.hessian @ (w - problem.solution), rtol=1e-10)


def test_float32_stays():
    problem = Quadratic((1.0, 7.0))
    assert objective(problem)(np.zeros(2, np.float32)).dtype == np.float32


@pytest.mark.parametrize("spectrum", [(), (1.0, -1e-9), (1.0, float("nan")), (float("inf"),)])
def test_bad_spectra(spectrum):
    with pytest.raises(ValueError, match="spectrum must be one or more finite eigenvalues of at least 0; got"):
        Quadratic(spectrum)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 1)])
def test_params_of_another_shape(shape):
    with pytest.raises(ValueError, match="this quadratic has 2 variables; got params of shape"):
        Quadratic((1.0, 2.0)).model(np.zeros(shape))
