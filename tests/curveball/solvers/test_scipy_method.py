"""`curveball.solvers.minimize` as the `method` of `scipy.optimize.minimize`."""

import numpy as np
import pytest
from scipy import optimize

import minigrad as mg
from curveball import CurveBall, GaussNewton, LevenbergMarquardt, Newton, NewtonCG, minimize
from tests.support.oracles import DECAY, VALLEY

START = np.array([-1.2, 1.0])


def valley(w):
    return VALLEY.loss(VALLEY.model(w))


def run(f=valley, x0=START, **given):
    return optimize.minimize(f, x0, method=minimize, **given)


def test_a_scalar_function():
    result = run()
    assert isinstance(result, optimize.OptimizeResult)
    assert result.success
    assert result.status == 0
    np.testing.assert_allclose(result.x, 1.0, rtol=1e-8)
    np.testing.assert_allclose(result.jac, VALLEY.gradient(result.x), atol=1e-12)
    assert result.fun == valley(result.x)


def test_the_default_solver_is_newton_cg():
    direct = minimize(valley, lambda y: y, START, NewtonCG())
    result = run()
    np.testing.assert_array_equal(result.x, direct.x)
    assert result.nit == direct.nit


@pytest.mark.parametrize("solver", [Newton(), NewtonCG(warm_start=True)], ids=["Newton", "Newton-CG"])
def test_another_solver(solver):
    result = run(options={"solver": solver})
    direct = minimize(valley, lambda y: y, START, solver)
    np.testing.assert_array_equal(result.x, direct.x)
    assert result.success


@pytest.mark.parametrize(
    "solver",
    [CurveBall(lam=1e-3), LevenbergMarquardt(), GaussNewton(), NewtonCG(curvature="ggn")],
    ids=["CurveBall", "Levenberg-Marquardt", "Gauss-Newton", "Newton-CG"],
)
def test_gauss_newton_solvers_take_the_outputs_loss(solver):
    result = run(VALLEY.model, options={"solver": solver, "outputs_loss": VALLEY.loss})
    direct = minimize(VALLEY.model, VALLEY.loss, START, solver)
    np.testing.assert_array_equal(result.x, direct.x)
    np.testing.assert_allclose(result.x, 1.0, rtol=1e-5)
    with pytest.raises(ValueError, match=rf'{type(solver).__name__} uses the Gauss-Newton .*"outputs_loss": loss'):
        run(options={"solver": solver})


def test_args_go_to_the_function():
    target = np.array([3.0, -2.0])
    for args in ((target, 2.0), (target,)):
        result = run(lambda w, target, scale=1.0: scale * mg.sum((w - target) ** 2), args=args)
        np.testing.assert_allclose(result.x, target, rtol=1e-8)
    np.testing.assert_allclose(run(lambda w, t: mg.sum((w - t) ** 2), args=3.0).x, 3.0)


def test_args_go_to_the_model():
    result = run(
        lambda w, shift: DECAY.model(w + shift), DECAY.start, args=(np.array([0.5, 0.0]),),
        options={"solver": LevenbergMarquardt(), "outputs_loss": DECAY.loss},
    )  # fmt: skip
    np.testing.assert_allclose(result.x, [2.08310947, -1.31307006], rtol=1e-6)


def test_tolerance():
    """SciPy hands its own `tol` on; an option of that name comes first."""
    for tol in (1e-1, 1e-4, 1e-10):
        result = run(tol=tol)
        assert np.abs(VALLEY.gradient(result.x)).max() <= tol
        assert result.message == f"no entry of the gradient is larger than {tol:g}"
        assert run(options={"tol": tol}).nit == result.nit
        assert run(tol=1e-3, options={"tol": tol}).nit == result.nit
    assert run(tol=1e-1).nit < run(tol=1e-10).nit


@pytest.mark.parametrize("name", ["maxiter", "max_iter"])
def test_iteration_limit(name):
    result = run(options={name: 3})
    assert (result.nit, result.success, result.status) == (3, False, 1)
    assert result.message == "the 3 iterations allowed are used up"


def test_callbacks_old_and_new():
    seen, results = [], []

    def old(xk):
        seen.append(xk)
        xk[:] = np.nan  # a copy: this harms nobody

    def new(intermediate_result):
        results.append(intermediate_result)

    result = run(callback=old)
    assert all(isinstance(x, np.ndarray) and x.shape == (2,) for x in seen)
    assert run(callback=new).nit == result.nit == len(seen) == len(results)
    np.testing.assert_array_equal(results[0].x, START)
    losses = [r.fun for r in results]
    np.testing.assert_allclose(losses, [valley(r.x) for r in results])
    assert losses == result.losses
    np.testing.assert_allclose(result.x, 1.0, rtol=1e-8)


@pytest.mark.parametrize("style", ["xk", "intermediate_result"])
def test_callbacks_stop_it(style):
    seen = []

    def stop(x):
        seen.append(x)
        if len(seen) == 4:
            raise StopIteration

    callback = {"xk": lambda xk: stop(xk), "intermediate_result": lambda intermediate_result: stop(0)}[style]
    result = run(callback=callback)
    assert (result.nit, result.success, result.status, result.message) == (4, False, 3, "stopped by the callback")


def test_a_method_of_an_object_as_callback():
    class Log(list):
        def note(self, xk):
            self.append(xk)

    log = Log()
    assert run(callback=log.note).nit == len(log)
    assert run(callback=log.append).nit * 2 == len(log)


def test_derivatives_given_are_not_asked():
    def never(*args):
        raise AssertionError("minigrad differentiates")

    np.testing.assert_array_equal(run(jac=never, hess=never, hessp=never).x, run().x)


def test_a_function_that_returns_its_gradient_too():
    with pytest.raises(ValueError, match="jac=True: give the function alone"):
        run(lambda w: (valley(w), VALLEY.gradient(w)), jac=True)


@pytest.mark.parametrize("given", [{"bounds": [(0, 1), (0, 1)]}, {"constraints": {"type": "eq", "fun": valley}}])
def test_bounds_and_constraints(given):
    with pytest.raises(ValueError, match='no bounds or constraints: use a method that does, such as "SLSQP"'):
        run(**given)


def test_unknown_options():
    with pytest.raises(TypeError, match="minimize has no option 'gtol'"):
        run(options={"gtol": 1e-8})


def test_whole_numbers_to_start_from():
    np.testing.assert_allclose(run(x0=[0, 0], tol=1e-9).x, 1.0, rtol=1e-8)


def test_params_forgotten():
    with pytest.raises(TypeError, match=r"needs params to start from: minimize\(model, loss, params\)"):
        minimize(VALLEY.model, VALLEY.loss)
    with pytest.raises(TypeError, match="needs params to start from"):
        minimize(VALLEY.model, VALLEY.loss, solver=CurveBall())
