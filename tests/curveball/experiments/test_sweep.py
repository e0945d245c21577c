"""Many runs at once against one at a time by hand."""

import tracemalloc

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import minigrad as mg
from curveball import BFGS, LBFGS, SGD, Adam, CurveBall, GaussNewton, LevenbergMarquardt, Newton
from curveball.experiments import sweep
from curveball.experiments.sweep import NOISE, START, grid_search, iterations_to
from problems.closed_form.linear_network import LinearNetwork
from problems.closed_form.quadratic import Quadratic
from problems.closed_form.rosenbrock import Rosenbrock

BALL = CurveBall(lr=0.5, lam=0.1, adapt_lam=False)


def by_hand(problem, solver, runs, max_iter, threshold, seed):
    """One run after the other; the noise drawn as the batch draws it, one row per iteration."""
    starts = problem.init(np.random.default_rng([seed, START]), (runs,))
    counts = []
    for k in range(runs):
        together = np.random.default_rng([seed, NOISE])
        w = {key: w[k] for key, w in starts.items()} if isinstance(starts, dict) else starts[k]
        state, count = solver.init(w), 0
        for iteration in range(1, max_iter + 1):
            batch = problem.batch(together, (runs,))
            batch = batch[k] if isinstance(batch, np.ndarray) else batch
            w, state, info = solver.step(w, state, lambda w, b=batch: problem.model(w, b), problem.loss)
            if info["loss"] < threshold:
                count = iteration
                break
        counts.append(count)
    return counts


@pytest.mark.parametrize(
    ("problem", "solver", "max_iter"),
    [
        (Rosenbrock(), BALL, 40),
        (Rosenbrock((0.0, 3.0)), BALL, 40),
        (Rosenbrock((0.0, 1.0)), LevenbergMarquardt(), 40),
        (Rosenbrock(), Newton(), 40),
        (Rosenbrock(), SGD(lr=1e-3, momentum=0.9), 400),
        (LinearNetwork(samples=50), CurveBall(lam=1.0), 60),
        (Quadratic((1.0, 5.0)), Adam(lr=0.1), 200),
    ],
    ids=str,
)
def test_counts_by_hand(problem, solver, max_iter):
    found = iterations_to(problem, solver, runs=5, max_iter=max_iter, seed=0)
    expected = by_hand(problem, solver, 5, max_iter, 1e-4, 0)
    assert found.tolist() == expected
    assert any(expected)


def test_some_runs_arrive_and_some_do_not():
    counts = iterations_to(Rosenbrock(), SGD(lr=1e-3, momentum=0.9), runs=8, max_iter=400)
    assert counts.min() == 0 < counts.max() <= 400


@pytest.mark.parametrize("solver", [BFGS(), LBFGS(iterations=2)], ids=["BFGS", "L-BFGS"])
def test_scipys_solvers_run_one_at_a_time(solver):
    """Each with its own noise: its runs do not draw from one stream."""
    problem = Rosenbrock((0.0, 1.0))
    found = iterations_to(problem, solver, runs=3, max_iter=60, seed=1)
    starts = problem.init(np.random.default_rng([1, START]), (3,))
    for k in range(3):
        w, state, noise = starts[k], solver.init(starts[k]), np.random.default_rng([1, NOISE, k])
        losses = [1.0]
        while losses[-1] >= 1e-4:
            eps = problem.batch(noise)
            w, state, info = solver.step(w, state, lambda w, e=eps: problem.model(w, e), problem.loss)
            losses.append(float(info["loss"]))
        assert found[k] == len(losses) - 1


def test_counting_begins_at_one_with_the_start():
    """A threshold above the start's loss is met at iteration 1; Newton's step on a quadratic is seen at 2."""
    problem = Quadratic((1.0, 5.0))
    assert iterations_to(problem, Newton(), 3, 10, threshold=1e9).tolist() == [1, 1, 1]
    assert iterations_to(problem, Newton(), 3, 2).tolist() == [2, 2, 2]
    assert iterations_to(problem, Newton(), 3, 1).tolist() == [0, 0, 0]


class Angle:
    """`atan(w)^2`: Gauss-Newton's whole steps arrive from 0.5, and run off to infinity from 1.5."""

    def __init__(self, *starts):
        self.starts = np.array(starts)[:, None]

    def init(self, rng, runs):
        return self.starts

    def batch(self, rng, runs):
        return None

    def model(self, w, batch):
        return mg.atan(w)

    def loss(self, y, batch=None):
        return mg.sum(y * y, axis=-1)


def test_runs_that_diverge_do_not_stop_the_others():
    solver = GaussNewton(lam=1e-300)
    arrives = int(iterations_to(Angle(0.5), solver, runs=1, max_iter=60)[0])
    assert arrives > 1
    assert iterations_to(Angle(0.0, 1.5, 0.5), solver, runs=3, max_iter=60).tolist() == [1, 0, arrives]


def test_seeds_give_other_runs_and_the_same_again():
    problem = Rosenbrock((0.0, 3.0))
    a, again, b = (iterations_to(problem, BALL, 20, 100, seed=seed).tolist() for seed in (0, 0, 1))
    assert a == again != b


@pytest.mark.parametrize(("runs", "max_iter"), [(0, 10), (3, 0)])
def test_bad_counts(runs, max_iter):
    with pytest.raises(ValueError, match=f"runs and max_iter must be at least 1; got {runs} and {max_iter}"):
        iterations_to(Rosenbrock(), BALL, runs, max_iter)


@pytest.mark.parametrize("at_once", [1, 3, 7, 8])
@pytest.mark.parametrize(
    ("problem", "solver"),
    [
        (Rosenbrock((0.0, 3.0)), BALL),
        (Rosenbrock((0.0, 1.0)), LevenbergMarquardt()),
        (Rosenbrock((0.0, 3.0)), SGD(lr=1e-3, momentum=0.9)),  # some runs diverge
        (LinearNetwork(samples=50), CurveBall(lam=1.0)),
        (Rosenbrock((0.0, 1.0)), BFGS()),
    ],
    ids=str,
)
def test_counts_do_not_depend_on_how_many_advance_together(problem, solver, at_once):
    found = iterations_to(problem, solver, runs=8, max_iter=60, seed=2, at_once=at_once)
    assert found.tolist() == iterations_to(problem, solver, runs=8, max_iter=60, seed=2).tolist()
    assert found.shape == (8,)


def test_memory_does_not_grow_with_the_runs(monkeypatch):
    """Levenberg-Marquardt builds a matrix of 160 x 160 for every run."""
    monkeypatch.setattr(sweep, "MEMORY", 2**24)
    problem, solver = LinearNetwork(samples=50), LevenbergMarquardt()
    peaks = []
    for runs in (20, 80):
        iterations_to(problem, solver, runs, max_iter=1)
        tracemalloc.start()
        iterations_to(problem, solver, runs, max_iter=2)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2**24
    assert peaks[1] < 1.3 * peaks[0]


def test_a_run_that_is_not_finite_has_ended():
    """Also where its loss would come back."""

    class Blinking(Quadratic):
        def batch(self, rng, runs=()):
            return rng.permutation([0.0, np.inf])[0] * np.ones(runs)

        def loss(self, outputs, batch):
            return super().loss(outputs) + batch

    for seed in range(4):
        counts = [iterations_to(Blinking((1.0, 5.0)), Newton(), 4, 30, seed=seed, at_once=n).tolist() for n in (1, 4)]
        assert counts[0] == counts[1]


def test_the_linear_algebra_has_one_thread(monkeypatch):
    seen = []

    class Watched(Quadratic):
        def batch(self, rng, runs=()):
            seen.extend(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")

    with threadpool_limits(2):
        before = [library["num_threads"] for library in threadpool_info()]
        iterations_to(Watched((1.0, 5.0)), Newton(), 3, 3)
        grid_search(Watched((1.0, 5.0)), SGD, {"lr": (0.1,), "momentum": (0.0,)}, 3)
        assert [library["num_threads"] for library in threadpool_info()] == before
    assert set(seen) == {1}


def test_how_many_at_once():
    with pytest.raises(ValueError, match="at_once must be at least 1, or None; got 0"):
        iterations_to(Rosenbrock(), BALL, 2, 5, at_once=0)


# ------------------------------------------------------------------------------------- grid search


@pytest.mark.parametrize("noise", [None, (0.0, 1.0)])
@pytest.mark.parametrize(
    ("family", "grid"),
    [
        (SGD, {"lr": (1e-2, 1e-3, 1e-4), "momentum": (0.9, 0.99)}),
        (Adam, {"lr": (1e-1, 1e-2), "beta1": (0.9, 0.99), "beta2": (0.99, 0.999)}),
        (CurveBall, {"lam": (0.1, 1.0), "lr": (0.5, 1.0)}),
    ],
)
def test_grid_points_are_separate_runs(family, grid, noise):
    problem = Rosenbrock(noise)
    best, means = grid_search(problem, family, grid, max_iter=80, seed=2)
    expected, points = [], []
    names = list(grid)
    for values in np.array(np.meshgrid(*grid.values(), indexing="ij")).reshape(len(names), -1).T:
        points.append(dict(zip(names, values.tolist(), strict=True)))
        solver = family(**points[-1])
        w, rng, losses = problem.init(np.random.default_rng([2, START])), np.random.default_rng([2, NOISE]), []
        state = solver.init(w)
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(80):
                batch = problem.batch(rng)
                w, state, info = solver.step(w, state, lambda w, b=batch: problem.model(w, b), problem.loss)
                losses.append(float(info["loss"]))
        expected.append(np.mean(losses[-10:]))
    expected = np.where(np.isfinite(expected), expected, np.inf)
    np.testing.assert_allclose(means, expected, rtol=1e-6)
    assert best == points[int(np.argmin(expected))]


def test_points_that_diverge_are_not_chosen():
    best, means = grid_search(Quadratic((1.0, 1.0)), SGD, {"lr": (1e3, 1e-2, 50.0), "momentum": (0.0,)}, max_iter=500)
    assert best == {"lr": 1e-2, "momentum": 0.0}
    assert np.isinf(means[[0, 2]]).all()
    assert np.isfinite(means[1])


def test_grid_search_of_no_iterations():
    with pytest.raises(ValueError, match="max_iter must be at least 1; got 0"):
        grid_search(Rosenbrock(), SGD, {"lr": (0.1,)}, 0)
