"""What every second-order solver promises, and that all reach the minima that are known."""

from dataclasses import fields, replace

import numpy as np
import pytest

import minigrad as mg
from curveball import BFGS, LBFGS, CurveBall, GaussNewton, LevenbergMarquardt, Newton, NewtonCG, minimize
from curveball.solvers.base import NoState
from minigrad import tree_flatten
from problems.closed_form import get
from problems.closed_form.linear_network import LinearNetwork
from problems.closed_form.quadratic import Quadratic
from problems.closed_form.regression import LinearRegression, LogisticRegression, SoftmaxRegression
from problems.closed_form.rosenbrock import Rosenbrock

RUNS, SAMPLES, INPUTS = 4, 8, 3
MATRIX = {
    "Newton": Newton(lam=0.1),
    "Newton, whole steps": Newton(lam=0.5, line_search=False),
    "Gauss-Newton": GaussNewton(lr=0.7, lam=0.1),
    "Levenberg-Marquardt": LevenbergMarquardt(),
    "Levenberg-Marquardt, Marquardt": LevenbergMarquardt(scaling="marquardt"),
}
MATRIX_FREE = {
    "Newton-CG": NewtonCG(lam=0.1),
    "Newton-CG, Gauss-Newton": NewtonCG(lam=0.1, curvature="ggn", warm_start=True, max_cg=3),
    "Levenberg-Marquardt, CG": LevenbergMarquardt(linear="cg", cg_tol=1e-10),
}
SCIPY = {"BFGS": BFGS(), "LBFGS": LBFGS(iterations=3)}


def over(solvers):
    return pytest.mark.parametrize("solver", solvers.values(), ids=solvers)


def draw(dtype=np.float64):
    rng = np.random.default_rng(3)
    X, t = rng.standard_normal((RUNS, SAMPLES, INPUTS)), rng.standard_normal((RUNS, SAMPLES))
    params = {"scale": np.linspace(0.5, 1.5, RUNS), "w": (2.0 * rng.standard_normal((RUNS, INPUTS)),)}
    return mg.tree_map(lambda x: x.astype(dtype), (X, t, params))


def model_of(X):
    return lambda p: (
        mg.expand_dims(p["scale"], axis=-1) * mg.tanh(mg.sum(X * mg.expand_dims(p["w"][0], axis=-2), axis=-1))
    )


def loss_of(t):
    return mg.independent_runs(lambda y: mg.mean((y - t) ** 2, axis=-1))


def run_of(tree, k):
    return mg.tree_map(lambda x: x[k], tree)


def leaves_close(a, b, **tolerance):
    for x, y in zip(tree_flatten(a)[0], tree_flatten(b)[0], strict=True):
        np.testing.assert_allclose(mg.to_numpy(x), mg.to_numpy(y), **tolerance)


# ------------------------------------------------------------------------------------- the interface


@pytest.mark.parametrize("per_run", [False, True], ids=["shared", "per run"])
@over(MATRIX | MATRIX_FREE)
def test_runs_are_independent(solver, per_run):
    X, t, params = draw()
    names = [name for name in ("lr", "lam") if hasattr(solver, name)] if per_run else []
    given = {name: np.linspace(0.7, 1.0, RUNS) * getattr(solver, name) for name in names}
    together = replace(solver, **given)
    state = together.init(params)
    separate = [replace(solver, **{name: float(value[k]) for name, value in given.items()}) for k in range(RUNS)]
    alone = [run_of(params, k) for k in range(RUNS)]
    states = [s.init(w) for s, w in zip(separate, alone, strict=True)]
    for _ in range(6):
        params, state, info = together.step(params, state, model_of(X), loss_of(t))
        for k in range(RUNS):
            alone[k], states[k], one = separate[k].step(alone[k], states[k], model_of(X[k]), loss_of(t[k]))
            leaves_close(run_of(params, k), alone[k], rtol=1e-7, atol=1e-10)
            for key in set(one) - {"aux", "outputs"}:
                np.testing.assert_allclose(info[key][k], one[key], rtol=1e-5, atol=1e-9, err_msg=key)


@over(MATRIX | MATRIX_FREE | SCIPY)
def test_nothing_is_mutated_and_aux_comes_back(solver):
    X, t, params = run_of(draw(), 1)
    state = solver.init(params)
    for _ in range(2):
        before = mg.tree_map(np.copy, (params, state))
        kept = (params, state)
        params, state, info = solver.step(
            params, state, lambda p: (model_of(X)(p), {"largest": mg.max(p["w"][0])}), loss_of(t), has_aux=True
        )
        leaves_close(kept, before, rtol=0.0)
        np.testing.assert_allclose(info["aux"]["largest"], kept[0]["w"][0].max())
        np.testing.assert_allclose(info["outputs"], model_of(X)(kept[0]))
        np.testing.assert_allclose(info["loss"], loss_of(t)(info["outputs"]))
        assert tree_flatten(params)[1] == tree_flatten(kept[0])[1]


@over(MATRIX | MATRIX_FREE | SCIPY)
def test_float32_stays(solver):
    X, t, params = run_of(draw(np.float32), 0)
    names = [name for name in ("lr", "lam") if hasattr(solver, name)]
    solver = replace(solver, **{name: np.float64(getattr(solver, name)) for name in names})
    state = solver.init(params)
    for _ in range(2):
        params, state, info = solver.step(params, state, model_of(X), loss_of(t))
    assert {leaf.dtype for leaf in tree_flatten(params)[0]} == {np.dtype(np.float32)}
    for key in ("loss", "lam", "gain", "smallest", "residual"):
        assert np.asarray(info.get(key, np.float32(0))).dtype == np.float32


@over(MATRIX | MATRIX_FREE)
def test_float32_stays_with_a_number_per_run(solver):
    X, t, params = draw(np.float32)
    names = [name for name in ("lr", "lam") if hasattr(solver, name)]
    solver = replace(solver, **{name: np.linspace(0.5, 1.0, RUNS) for name in names})
    params, _, _ = solver.step(params, solver.init(params), model_of(X), loss_of(t))
    assert {leaf.dtype for leaf in tree_flatten(params)[0]} == {np.dtype(np.float32)}


@over(MATRIX | MATRIX_FREE)
def test_other_arrays_and_no_look_at_them(solver, backend, monkeypatch):
    """On another array library the same steps; no array is asked for its value on the way."""
    X, t, params = draw()
    expected = params
    state = solver.init(expected)
    for _ in range(3):
        expected, state, _ = solver.step(expected, state, model_of(X), loss_of(t))
    X, t, params = mg.tree_map(backend.asarray, (X, t, params))
    state = solver.init(params)
    with monkeypatch.context() as closed:
        if backend.__name__ == "array_api_strict":
            for question in ("__bool__", "__float__", "__int__", "__index__"):
                closed.setattr(type(X), question, asked)
        for _ in range(3):
            params, state, _ = solver.step(params, state, model_of(X), loss_of(t))
    leaves_close(params, expected, rtol=1e-6, atol=1e-9)


def asked(self):
    raise AssertionError("an array was read on the host")


def test_the_guard_notices(backend, monkeypatch):
    """Only `indefinite="error"` looks, and says so."""
    if backend.__name__ != "array_api_strict":
        pytest.skip("the guard is for arrays on the host")
    X, t, params = mg.tree_map(backend.asarray, draw())
    monkeypatch.setattr(type(X), "__float__", asked)
    with pytest.raises(AssertionError, match="read on the host"):
        Newton(indefinite="error").step(params, None, model_of(X), loss_of(t))


@pytest.mark.parametrize("kind", [Newton, GaussNewton, NewtonCG, LevenbergMarquardt, BFGS, LBFGS])
def test_solvers_are_frozen(kind):
    solver = kind()
    for field in fields(solver):
        with pytest.raises(AttributeError):
            setattr(solver, field.name, 1.0)
    assert solver == kind()


# ------------------------------------------------------------------------------------- known minima

CLOSED_FORM = {
    "quadratic": Quadratic((0.1, 1.0, 30.0), seed=2),
    "valley": Rosenbrock(),
    "long valley": Rosenbrock(n=5),
    "linear regression": LinearRegression(),
    "logistic regression": LogisticRegression(),
    "softmax regression": SoftmaxRegression(),
}
ALL = {
    "CurveBall": CurveBall(lam=1e-3),
    "Newton": Newton(),
    "Gauss-Newton": GaussNewton(),
    "Newton-CG": NewtonCG(),
    "Newton-CG, Gauss-Newton": NewtonCG(curvature="ggn"),
    "Levenberg-Marquardt": LevenbergMarquardt(),
    "Levenberg-Marquardt, Marquardt": LevenbergMarquardt(scaling="marquardt"),
    "Levenberg-Marquardt, CG": LevenbergMarquardt(linear="cg"),
    "BFGS": BFGS(),
    "L-BFGS": LBFGS(),
}


@pytest.mark.parametrize("problem", CLOSED_FORM.values(), ids=CLOSED_FORM)
@over(ALL)
def test_closed_form_solutions(solver, problem):
    start = problem.init(np.random.default_rng(0))
    if isinstance(problem, SoftmaxRegression) and isinstance(solver, GaussNewton):
        start = 0.0 * start  # its steps are whole ones, and from the draw they lead away
    result = minimize(problem.model, problem.loss, start, solver, tol=1e-7)
    assert result.success, result.message
    np.testing.assert_allclose(result.x, problem.solution, rtol=1e-5, atol=1e-5)


DEGENERATE = ALL | {"CurveBall": CurveBall(lam=1.0)}  # with lam = 1e-3 it overshoots
del DEGENERATE["Gauss-Newton"]  # its matrix is singular


@pytest.mark.parametrize("form", ["rahimi-recht", "authors"])
@over(DEGENERATE)
def test_linear_network(solver, form):
    """A minimum is a whole surface, and only its loss, 0, is known; quasi-Newton methods take hundreds of steps."""
    problem = LinearNetwork(form)
    result = minimize(problem.model, problem.loss, problem.init(np.random.default_rng(0)), solver, tol=1e-4)
    assert result.success, result.message
    assert result.fun < 1e-4


PUBLISHED = (
    "beale", "helical-valley", "bard", "gaussian", "powell-singular", "wood", "kowalik-osborne", "osborne-1",
    "freudenstein-roth", "brown-dennis", "Misra1a", "Chwirut2", "DanWood", "Eckerle4", "Rat42",
)  # fmt: skip
KNOWN_NOT = {  # within 150 steps
    # One gradient step per iteration on a badly conditioned system: thousands are needed.
    "CurveBall": {"kowalik-osborne", "osborne-1", "brown-dennis", "powell-singular", "wood", "Chwirut2", "Rat42"},
    # Whole steps without damping lead away, or to where the matrix is singular; on brown-dennis the residual is large
    # and the matrix far from the Hessian.
    "Gauss-Newton": {"beale", "kowalik-osborne", "brown-dennis"},
    # Steps along the gradient, at directions of negative curvature, until the saddle is behind: 250 in all.
    "Newton-CG": {"wood"},
    # A large residual makes the convergence linear, and damping in these units slow.
    "Levenberg-Marquardt, Marquardt": {"brown-dennis"},
    # The matrix has condition 2e9: without a preconditioner its systems are solved to few digits.
    "Levenberg-Marquardt, CG": {"osborne-1"},
    # The same matrix, and a memory that starts empty every 20 iterations.
    "L-BFGS": {"osborne-1"},
}


@pytest.mark.parametrize(
    ("solver", "name"), [(s, name) for s in ALL for name in PUBLISHED if name not in KNOWN_NOT.get(s, ())]
)
def test_published_minima(solver, name):
    """Losses come down to a published value: the minimum, or a stationary one where there is."""
    solver, problem = ALL[solver], get(name)
    w = problem.starts[-1]  # of NIST's two the nearer one
    digits = 1e-9 if problem.source.startswith("NIST") else 2e-6
    state, misses = solver.init(w), []
    with np.errstate(all="ignore"):  # a trial step may leave the domain
        for _ in range(150):
            w, state, info = solver.step(w, state, problem.model, problem.loss)
            known = np.array([problem.minimum, *problem.stationary_values])
            misses.append(np.min(np.abs(info["loss"] - known) - digits * known))
            if misses[-1] <= 1e-14:
                return
    pytest.fail(f"closest loss: {min(misses):.3g} away")


def test_what_remembers_nothing_has_a_state_all_the_same():
    assert {solver().init(np.ones(2)) for solver in (GaussNewton, Newton, LBFGS)} == {NoState()}
