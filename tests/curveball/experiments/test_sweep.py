"""Many runs at once against one at a time by hand, and cells spread over processes and a cluster."""

import json
import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest

import minigrad as mg
from curveball import BFGS, LBFGS, SGD, Adam, CurveBall, GaussNewton, LevenbergMarquardt, Newton
from curveball.experiments.sweep import NOISE, START, grid_search, iterations_to, parallel_map
from problems.closed_form.linear_network import LinearNetwork
from problems.closed_form.quadratic import Quadratic
from problems.closed_form.rosenbrock import Rosenbrock
from tests.support import dask_cluster

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


# ------------------------------------------------------------------------------------- many processes

CELLS = [(Rosenbrock((0.0, 1.0)), BALL, 5, 60, 1e-4, seed) for seed in range(4)]


@pytest.mark.parametrize("jobs", [None, 1, 2, -1])
def test_results_do_not_depend_on_the_jobs(jobs):
    found = parallel_map(iterations_to, CELLS, jobs)
    assert [counts.tolist() for counts in found] == [iterations_to(*cell).tolist() for cell in CELLS]


def test_parallel_config_says_where():
    """Without `jobs` the configuration around decides; with it only its backend does."""
    here = os.getpid()
    assert set(parallel_map(os.getpid, [()] * 3)) == {here}
    with joblib.parallel_config("loky", n_jobs=2):
        assert here not in parallel_map(os.getpid, [()] * 3)
        assert set(parallel_map(os.getpid, [()] * 3, jobs=1)) == {here}
    with joblib.parallel_config("threading", n_jobs=2):
        assert set(parallel_map(os.getpid, [()] * 3)) == {here}


def test_errors_of_a_cell_come_back():
    with pytest.raises(ValueError, match="runs and max_iter must be at least 1; got 0 and 60"):
        parallel_map(iterations_to, [*CELLS[:2], (Rosenbrock(), BALL, 0, 60)], 2)


def test_a_worker_of_a_cluster_dies_and_nothing_is_lost():
    pytest.importorskip("distributed", reason="distributed is not installed")
    program = subprocess.run(
        [sys.executable, Path(dask_cluster.__file__)], capture_output=True, text=True, timeout=120, check=False
    )
    assert program.returncode == 0, program.stderr
    found = json.loads(program.stdout)
    [(pid, seed)] = found["killed"]
    assert {other for other, of in found["began"] if of == seed} > {pid}  # another process began its cell again
    assert found["results"] == [dask_cluster.count(seed) for seed in range(dask_cluster.CELLS)]
