"""Damping by a share of the curvature: from any start, on any library, in one run or several, and after explosions."""

import numpy as np
import pytest

import minigrad as mg
import problems
from curveball import CurveBall
from curveball.experiments.sweep import iterations_to
from curveball.experiments.table1 import COLUMNS, THRESHOLD
from tests.conftest import in_one_program

SOLVER = CurveBall(adapt_lam="share")


def noisy_batches(steps, seed=0, dtype="float64"):
    rng = np.random.default_rng(seed)
    return [(rng.standard_normal((8, 3)).astype(dtype), rng.standard_normal(8).astype(dtype)) for _ in range(steps)]


def advance(solver, w, batches):
    state, told = solver.init(w), []
    for X, t in batches:
        w, state, info = solver.step(w, state, lambda w, X=X: mg.tanh(X @ w), lambda y, t=t: mg.mean((y - t) * (y - t)))
        told.append(info)
    return w, state, told


def train(network, lam, epochs, seed=0, batch=64):
    problem = problems.Classification(problems.load("digits"), problems.network(network), batch)
    rng = np.random.default_rng(seed)
    w, solver = problem.init(rng), CurveBall(lam=lam, adapt_lam="share")
    state = solver.init(w)
    for _ in range(epochs):
        losses = []
        for each in problem.batches(rng):
            w, state, info = solver.step(
                w, state, lambda w, b=each: problem.model(w, b)[0], lambda y, b=each: problem.loss(y, b)
            )
            losses.append(float(info["loss"]))
    return np.mean(losses), float(state.lam)


@pytest.mark.parametrize("start", [10.0, 1.0, 0.01])
def test_digits_are_learnt_from_any_start(start):
    """Eight epochs: the paper's rule has .07 from lambda 10 and .03 from 1; a fixed 0.01 diverges at some seeds."""
    loss, lam = train("mlp", start, epochs=8)
    assert loss < 0.025
    assert lam < 0.1


@pytest.mark.parametrize("column", [column for column in COLUMNS if not column.linear], ids=lambda c: c.name)
def test_table_1_is_no_worse_than_by_the_papers_rule(column):
    counts = [iterations_to(column.problem(0), s, 100, column.max_iter, THRESHOLD, 0) for s in (SOLVER, CurveBall())]
    assert all((each > 0).all() for each in counts)
    assert counts[0].mean() <= counts[1].mean()


def test_where_batches_are_the_same_lambda_stays():
    batches = noisy_batches(1) * 30
    w, state, told = advance(SOLVER, np.array([1.0, -2.0, 0.5]), batches)
    v, _, _ = advance(CurveBall(adapt_lam=False), np.array([1.0, -2.0, 0.5]), batches)
    assert {float(info["lam"]) for info in told} == {1.0}
    assert float(state.share.noisy) == 0.0
    np.testing.assert_array_equal(w, v)


def test_rho_is_between_0_and_1_where_batches_differ():
    batches = noisy_batches(60)
    free = [float(info["rho"]) for info in advance(CurveBall(), np.ones(3), batches)[2]]
    kept = [float(info["rho"]) for info in advance(SOLVER, np.ones(3), batches)[2]]
    assert max(free) > 1.0 or min(free) < 0.0
    assert all(0.0 <= rho <= 1.0 for rho in kept)


@pytest.mark.parametrize("options", [{}, {"average": 0.9}, {"adapt_lam": "share"}, {"beta": 0.1}], ids=str)
def test_rho_is_bounded_with_all_other_options(options):
    batches, rule = noisy_batches(60), {"adapt_lam": False} | options
    free = [float(info["rho"]) for info in advance(CurveBall(**rule), np.ones(3), batches)[2]]
    kept = [float(info["rho"]) for info in advance(CurveBall(rho="bounded", **rule), np.ones(3), batches)[2]]
    assert all(0.0 <= rho <= 1.0 for rho in kept)
    assert "adapt_lam" in options or not all(0.0 <= rho <= 1.0 for rho in free)  # of which the share is a bound already


def test_a_limited_rho_has_its_own_best_beta():
    """At every step `m` is the least that it can be with this rho."""
    batches, w = noisy_batches(30), np.ones(3)
    state = SOLVER.init(w)
    limited = 0
    for X, t in batches:
        z = state.z
        G = mg.GGNOperator(lambda w, X=X: mg.tanh(X @ w), lambda y, t=t: mg.mean((y - t) * (y - t)), w)
        lam = float(state.lam)
        w, state, info = SOLVER.step(w, state, lambda w, X=X: mg.tanh(X @ w), lambda y, t=t: mg.mean((y - t) * (y - t)))
        d = G(z) + lam * z + G.gradient
        new = float(info["rho"]) * z - float(info["beta"]) * d
        np.testing.assert_allclose(d @ (G(new) + lam * new + G.gradient), 0.0, atol=1e-10)  # dm/dbeta
        limited += float(info["rho"]) in (0.0, 1.0)
    assert limited > 3


@pytest.mark.parametrize("bad", [1e9, np.nan, np.inf])
def test_an_explosion_goes_back_to_the_average(bad):
    batches = noisy_batches(40)
    w, state, _ = advance(SOLVER, np.ones(3), batches)
    X, t = batches[0]
    with np.errstate(all="ignore"):
        v, after, info = SOLVER.step(w, state, lambda w: mg.tanh(X @ w), lambda y: bad * mg.mean((y - t) * (y - t)))
    np.testing.assert_array_equal(v, after.share.average)
    np.testing.assert_array_equal(after.z, np.zeros(3))
    assert float(after.lam) == 2.0 * float(info["lam"])
    for X, t in batches:
        v, after, info = SOLVER.step(v, after, lambda w, X=X: mg.tanh(X @ w), lambda y, t=t: mg.mean((y - t) * (y - t)))
    assert np.isfinite(v).all()
    assert float(info["loss"]) < 10.0


def test_runs_advance_as_each_would_alone():
    starts = np.array([[1.0, -2.0, 0.5], [0.1, 0.2, -3.0]])
    batches = noisy_batches(25)
    state, w = SOLVER.init(starts), starts
    for X, t in batches:

        def loss(y, t=t):
            return mg.mean((y - t) * (y - t), axis=-1)

        w, state, _ = SOLVER.step(w, state, lambda w, X=X: mg.tanh(w @ X.T), mg.independent_runs(loss))
    for start, row, lam in zip(starts, w, state.lam, strict=True):
        alone, single, _ = advance(SOLVER, start, batches)
        np.testing.assert_allclose(row, alone, rtol=1e-9)
        np.testing.assert_allclose(lam, single.lam, rtol=1e-9)


def test_the_steps_are_the_same_on_every_library(backend):
    batches, start = noisy_batches(13, dtype="float32"), np.array([1.0, -2.0, 0.5], dtype="float32")
    expected, state_here, _ = advance(SOLVER, start, batches)
    w = backend.asarray(start)
    state = SOLVER.init(w)

    def step(w, state, X, t, phase):
        model = lambda w: mg.tanh(X @ w)  # noqa: E731
        return SOLVER.step(w, state, model, lambda y: mg.mean((y - t) * (y - t)), phase=phase)[:2]

    programs = {phase: in_one_program(lambda *args, p=phase: step(*args, p), backend) for phase in (True, False)}
    for k, (X, t) in enumerate(batches):
        w, state = programs[k % 5 == 0](w, state, backend.asarray(X), backend.asarray(t))
    np.testing.assert_allclose(mg.to_numpy(w), expected, rtol=2e-3)
    np.testing.assert_allclose(float(state.lam), float(state_here.lam), rtol=2e-3)


def test_weight_decay_is_part_of_what_is_judged():
    """The same steps as with the decay written into the loss, for the params themselves as the model."""
    rng, c = np.random.default_rng(0), 0.3
    targets = [rng.standard_normal(3) for _ in range(20)]
    w = v = np.array([4.0, -2.0, 1.0])
    inside, outside = CurveBall(adapt_lam="share"), CurveBall(adapt_lam="share", weight_decay=c)
    here, there = inside.init(w), outside.init(v)
    for t in targets:

        def loss(y, t=t):
            return 0.5 * mg.sum((y - t) * (y - t))

        w, here, _ = inside.step(w, here, lambda w: w, lambda y, loss=loss: loss(y) + 0.5 * c * mg.sum(y * y))
        v, there, _ = outside.step(v, there, lambda w: w, loss)
        np.testing.assert_allclose(w, v, rtol=1e-8)


@pytest.mark.parametrize("value", ["levenberg", 2, None])
def test_unknown_rules_are_refused(value):
    with pytest.raises(ValueError, match=r"^adapt_lam must be paper, share, true or false; got "):
        CurveBall(adapt_lam=value)
