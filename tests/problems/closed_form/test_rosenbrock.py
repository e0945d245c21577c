"""Rosenbrock's function against its formula and derivatives by hand; starts and noise as said."""

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der, rosen_hess

import minigrad as mg
from problems.closed_form import get
from problems.closed_form.rosenbrock import Rosenbrock


def objective(problem, batch=1.0):
    return lambda w: problem.loss(problem.model(w, batch), batch)


@pytest.mark.parametrize("n", [2, 3, 7])
@pytest.mark.parametrize("seed", range(3))
def test_value_gradient_and_hessian(n, seed):
    w = np.random.default_rng(seed).uniform(-2.0, 2.0, n)
    f = objective(Rosenbrock(n=n))
    value, gradient = mg.value_and_grad(f)(w)
    np.testing.assert_allclose(value, rosen(w), rtol=1e-13)
    np.testing.assert_allclose(gradient, rosen_der(w), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(mg.hessian(f)(w), rosen_hess(w), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("eps", [0.0, 0.4, 3.0])
def test_noise_enters_squared(eps):
    u, v = w = np.array([-0.7, 1.3])
    f = objective(Rosenbrock((0.0, 3.0)), np.array([eps]))
    assert f(w) == pytest.approx(100.0 * eps**2 * (v - u * u) ** 2 + (1.0 - u) ** 2, rel=1e-13)
    expected = [-400.0 * eps**2 * u * (v - u * u) - 2.0 * (1.0 - u), 200.0 * eps**2 * (v - u * u)]
    np.testing.assert_allclose(mg.grad(f)(w), expected, rtol=1e-12, atol=1e-12)


def test_it_is_the_least_squares_problem_of_that_name():
    w = np.random.default_rng(0).standard_normal((5, 2))
    np.testing.assert_allclose(Rosenbrock().model(w), get("rosenbrock").model(w), rtol=1e-13)


@pytest.mark.parametrize("n", [2, 6])
@pytest.mark.parametrize("eps", [1.0, 0.3])
def test_minimum_whatever_the_noise(n, eps):
    problem = Rosenbrock(n=n)
    f = objective(problem, eps)
    np.testing.assert_array_equal(problem.solution, np.ones(n))
    assert f(problem.solution) == problem.minimum == 0.0
    np.testing.assert_array_equal(mg.grad(f)(problem.solution), 0.0)
    assert np.linalg.eigvalsh(mg.hessian(f)(problem.solution))[0] > 0.0


def test_starts():
    """One draw from U[-0.25, 0.25], added to both entries of (-0.25, -0.25)."""
    w = Rosenbrock().init(np.random.default_rng(0), (20000,))
    np.testing.assert_array_equal(w[:, 0], w[:, 1])
    assert -0.5 <= w.min() < -0.499
    assert -0.001 < w.max() <= 0.0
    np.testing.assert_allclose(np.quantile(w[:, 0], [0.25, 0.5, 0.75]), [-0.375, -0.25, -0.125], atol=0.005)


@pytest.mark.parametrize("noise", [(0.0, 1.0), (0.0, 3.0), (0.5, 0.6), (-1.0, 2.0)])
def test_noise_keeps_to_its_range(noise):
    a, b = noise
    eps = Rosenbrock(noise).batch(np.random.default_rng(0), (20000,))
    assert eps.shape == (20000, 1)
    width = b - a
    assert a <= eps.min() < a + 1e-3 * width
    assert b - 1e-3 * width < eps.max() <= b
    np.testing.assert_allclose(eps.mean(), 0.5 * (a + b), atol=0.01 * width)
    np.testing.assert_allclose(eps.std(), width / np.sqrt(12.0), atol=0.01 * width)


def test_without_noise_nothing_is_drawn():
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    assert Rosenbrock().batch(rng, (4,)) == 1.0
    assert rng.bit_generator.state == before


@pytest.mark.parametrize("noise", [None, (0.0, 1.0)])
@pytest.mark.parametrize("runs", [(), (4,), (2, 3)])
def test_runs(runs, noise):
    problem = Rosenbrock(noise, n=3)
    w = problem.init(np.random.default_rng(0), runs)
    batch = problem.batch(np.random.default_rng(1), runs)
    y = problem.model(w, batch)
    losses = problem.loss(y, batch)
    assert w.shape == (*runs, 3)
    assert y.shape == (*runs, 4)
    assert losses.shape == runs
    eps = np.broadcast_to(batch, (*runs, 1)).reshape(-1, 1)
    alone = [problem.loss(problem.model(x, e)) for x, e in zip(w.reshape(-1, 3), eps, strict=True)]
    np.testing.assert_allclose(np.ravel(losses), alone, rtol=1e-13)


@pytest.mark.parametrize("noise", [None, (0.0, 1.0)])
def test_other_arrays_and_float32(backend, noise):
    problem = Rosenbrock(noise)
    batch = problem.batch(np.random.default_rng(1), (3,))
    w = problem.init(np.random.default_rng(0), (3,)).astype(np.float32)
    y = problem.model(backend.asarray(w), batch)
    assert y.dtype == backend.float32
    np.testing.assert_allclose(mg.to_numpy(y), problem.model(w.astype(float), batch), rtol=1e-5)


@pytest.mark.parametrize(
    ("noise", "advice"),
    [((3.0, 0.0), "exchange them"), ((1.0, 1.0), r"\]$"), ((0.0, float("inf")), r"\]$"), ((float("nan"), 1.0), r"\]$")],
)
def test_noise_that_is_no_range(noise, advice):
    with pytest.raises(ValueError, match=rf"noise is a finite range U\[a, b\] with a below b; got .*{advice}"):
        Rosenbrock(noise)


@pytest.mark.parametrize("n", [1, 0, -3])
def test_too_few_variables(n):
    with pytest.raises(ValueError, match=f"two variables or more; got n={n}"):
        Rosenbrock(n=n)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 5)])
def test_params_of_another_shape(shape):
    with pytest.raises(ValueError, match="this Rosenbrock function has 2 variables; got params of shape"):
        Rosenbrock().model(np.zeros(shape))
