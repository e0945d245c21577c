"""What every solver promises: independent runs, any pytree, dtypes kept, nothing mutated."""

from dataclasses import fields, replace

import numpy as np
import pytest

import minigrad as mg
from curveball import SGD, Adam, CurveBall
from minigrad import tree_flatten

RUNS, SAMPLES, INPUTS = 5, 8, 3
SOLVERS = {
    "curveball": CurveBall(lam=0.1, lam_every=2, lam_factor=0.6),
    "curveball-decay": CurveBall(lam=0.1, lam_every=2, lam_factor=0.6, weight_decay=0.1),
    "curveball-rho": CurveBall(lam=0.1, rho=0.8),
    "curveball-bounded": CurveBall(lam=0.1, rho="bounded"),
    "curveball-beta": CurveBall(lam=0.1, beta=0.3),
    "sgd": SGD(lr=0.1, momentum=0.8, weight_decay=0.1),
    "nesterov": SGD(lr=0.1, momentum=0.8, nesterov=True),
    "adam": Adam(lr=0.1),
}
over_solvers = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)


def draw(seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    X, t = rng.standard_normal((RUNS, SAMPLES, INPUTS)), rng.standard_normal((RUNS, SAMPLES))
    w = rng.standard_normal((RUNS, INPUTS))
    w[3], t[3] = 0.0, 0.0  # one run starts in its minimum: its 2x2 system is zero
    params = {"scale": np.linspace(0.5, 1.5, RUNS), "w": w}
    return X.astype(dtype), t.astype(dtype), mg.tree_map(lambda x: x.astype(dtype), params)


def model_of(X):
    return lambda p: p["scale"][..., None] * mg.tanh(mg.sum(X * p["w"][..., None, :], axis=-1))


def loss_of(t):
    return mg.independent_runs(lambda y: mg.mean((y - t) ** 2, axis=-1))


@pytest.mark.parametrize("per_run", [False, True], ids=["shared", "per run"])
@over_solvers
def test_runs_are_independent(solver, per_run):
    X, t, params = draw()
    names = [name for name in ("lr", "lam", "momentum", "beta1", "beta2") if hasattr(solver, name)]
    given = {name: np.linspace(0.7, 1.0, RUNS) * getattr(solver, name) for name in names} if per_run else {}
    together = replace(solver, **given)
    state = together.init(params)
    separate = [replace(solver, **{name: float(value[k]) for name, value in given.items()}) for k in range(RUNS)]
    alone = [mg.tree_map(lambda x, k=k: x[k], params) for k in range(RUNS)]
    states = [s.init(w) for s, w in zip(separate, alone, strict=True)]
    for _ in range(9):
        params, state, info = together.step(params, state, model_of(X), loss_of(t))
        assert info["loss"].shape == (RUNS,)
        for k in range(RUNS):
            alone[k], states[k], one = separate[k].step(alone[k], states[k], model_of(X[k]), loss_of(t[k]))
            for a, b in zip(tree_flatten(params)[0], tree_flatten(alone[k])[0], strict=True):
                np.testing.assert_allclose(a[k], b, rtol=1e-9, atol=1e-12)
            for key in ("loss", "rho", "beta", "lam", "trust_ratio", "predicted"):
                if key in one:
                    found = np.broadcast_to(info[key], (RUNS,))[k]
                    np.testing.assert_allclose(found, one[key], rtol=1e-7, atol=1e-12, err_msg=key)


@over_solvers
def test_any_pytree(solver):
    """Nested lists, tuples and dicts take the steps of a dict."""
    X, t, params = draw()
    X, t, params = X[0], t[0], mg.tree_map(lambda x: x[0], params)
    nested = ([params["scale"]], ({"w": params["w"]},))
    state, other = solver.init(params), solver.init(nested)
    for _ in range(4):
        params, state, _ = solver.step(params, state, model_of(X), loss_of(t))
        nested, other, _ = solver.step(
            nested, other, lambda p: model_of(X)({"scale": p[0][0], "w": p[1][0]["w"]}), loss_of(t)
        )
    assert isinstance(nested, tuple)
    assert isinstance(nested[0], list)
    np.testing.assert_allclose(nested[0][0], params["scale"], rtol=1e-13)
    np.testing.assert_allclose(nested[1][0]["w"], params["w"], rtol=1e-13)


def float_dtypes(tree):
    return {str(x.dtype) for x in tree_flatten(tree)[0] if hasattr(x, "dtype")}


@pytest.mark.parametrize("numbers", ["python", "numpy", "arrays"])
@over_solvers
def test_float32_stays(solver, numbers):
    """Whatever the hyper-parameters are: np.linspace gives float64."""
    X, t, params = draw(dtype=np.float32)
    convert = {"python": float, "numpy": np.float64, "arrays": lambda v: np.full(RUNS, v, np.float64)}[numbers]
    names = {"lr", "lam", "momentum", "beta1", "beta2", "rho", "beta"} & {f.name for f in fields(solver)}
    given = {name: getattr(solver, name) for name in names}
    solver = replace(solver, **{name: convert(x) for name, x in given.items() if isinstance(x, float | int)})
    state = solver.init(params)
    for _ in range(3):
        params, state, info = solver.step(params, state, model_of(X), loss_of(t))
        assert float_dtypes(params) == float_dtypes(state) == float_dtypes(info) == {"float32"}
    single = mg.tree_map(lambda x: x[0], draw(dtype=np.float32)[2])
    if numbers != "arrays":
        state = solver.init(single)
        for _ in range(3):
            single, state, info = solver.step(single, state, model_of(X[0]), loss_of(t[0]))
            assert float_dtypes(single) == float_dtypes(state) == float_dtypes(info) == {"float32"}


def frozen(tree):
    """Copies that cannot be written to."""

    def freeze(x):
        if not isinstance(x, np.ndarray):
            return x
        x = x.copy()
        x.flags.writeable = False
        return x

    return mg.tree_map(freeze, tree)


@over_solvers
def test_nothing_is_mutated(solver):
    X, t, params = draw()
    X, t, params = frozen(X), frozen(t), frozen(params)
    state = frozen(solver.init(params))
    for _ in range(3):
        again = [solver.step(params, state, model_of(X), loss_of(t)) for _ in range(2)]  # a state can be used twice
        for a, b in zip(*(tree_flatten(result)[0] for result in again), strict=True):
            np.testing.assert_array_equal(a, b)
        params, state = frozen(again[0][0]), frozen(again[0][1])


@over_solvers
def test_hyper_parameters_are_frozen(solver):
    with pytest.raises(AttributeError, match="cannot assign"):
        solver.lr = 1.0
