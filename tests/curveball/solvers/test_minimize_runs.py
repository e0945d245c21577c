"""Runs of `minimize` that go on, that stop early, that start at several points, and what they show."""

import numpy as np
import pytest

import minigrad as mg
from curveball import BFGS, SGD, Adam, CurveBall, LevenbergMarquardt, Newton, NewtonCG, minimize

START = np.array([-1.2, 1.0])
SOLVERS = [CurveBall(lam=1e-3), SGD(lr=1e-3, momentum=0.9), Adam(lr=0.1), NewtonCG(warm_start=True), Newton(),
           LevenbergMarquardt(), BFGS()]  # fmt: skip


def rosenbrock(w):
    return mg.stack([10.0 * (w[1] - w[0] ** 2), 1.0 - w[0]])


def square(y):
    return y @ y


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda s: type(s).__name__)
def test_to_go_on_makes_the_steps_of_one_run(solver):
    whole = minimize(rosenbrock, square, START, solver, max_iter=9, tol=None)
    first = minimize(rosenbrock, square, START, solver, max_iter=4, tol=None)
    second = minimize(rosenbrock, square, first.x, solver, max_iter=5, tol=None, state=first.state)
    np.testing.assert_array_equal(second.x, whole.x)
    assert first.losses + second.losses == whole.losses


def test_a_run_that_was_stopped_goes_on_from_the_point_it_holds():
    solver = CurveBall(lam=1e-3)
    whole = minimize(rosenbrock, square, START, solver, max_iter=8, tol=None)
    stopped = minimize(rosenbrock, square, START, solver, tol=None, callback=lambda r: r.nit == 4)
    rest = minimize(rosenbrock, square, stopped.x, solver, max_iter=5, tol=None, state=stopped.state)
    np.testing.assert_array_equal(rest.x, whole.x)
    assert stopped.losses[:3] + rest.losses == whole.losses


@pytest.mark.parametrize(("answer", "nit"), [
    (True, 2), (np.True_, 2), (None, 6), (False, 6), (1.0, 6), ("yes", 6), (np.ones(2), 6),
], ids=str)  # fmt: skip
def test_true_stops_and_nothing_else_that_a_callback_returns(answer, nit):
    result = minimize(rosenbrock, square, START, max_iter=6, tol=None, callback=lambda r: answer if r.nit == 2 else 0)
    assert result.nit == nit
    assert result.status == (3 if nit == 2 else 1)


def test_args_are_given_to_the_model():
    scaled = lambda w, a, b: a * w - b  # noqa: E731
    result = minimize(scaled, square, np.zeros(2), args=(2.0, np.array([1.0, 3.0])))
    np.testing.assert_allclose(result.x, [0.5, 1.5], atol=1e-6)
    one = minimize(lambda w, b: w - b, square, np.zeros(2), args=np.array([1.0, 3.0]))
    np.testing.assert_allclose(one.x, [1.0, 3.0], atol=1e-6)


def test_several_starts_find_the_lowest_of_several_minima():
    """(w^2 - 1)^2 + 0.09 (w + 1)^2: its minima are roots of 4 w^3 - 3.82 w + 0.18, of which the left one is lower."""
    roots = np.sort(np.roots([4.0, 0.0, -3.82, 0.18]).real)
    seen = []
    result = minimize(
        lambda w: mg.stack([w**2 - 1.0, 0.3 * (w + 1.0)]), square, tol=1e-9, callback=lambda r: seen.append(r.nit),
        starts=[np.array(1.5), np.array(-1.5), np.array(0.9)],
    )  # fmt: skip
    assert (result.success, result.start, len(result.runs)) == (True, 1, 3)
    np.testing.assert_allclose([run.x for run in result.runs], [roots[2], roots[0], roots[2]], atol=1e-8)
    np.testing.assert_allclose(result.x, roots[0], atol=1e-8)
    assert result.fun == min(run.fun for run in result.runs)
    assert len(seen) == sum(run.nit for run in result.runs)


def test_starts_are_trees_and_one_that_is_not_finite_is_not_the_best():
    starts = [{"a": np.array(np.nan)}, {"a": np.array(1.0)}]
    result = minimize(lambda p: p["a"] - 2.0, mg.square, starts=starts)
    assert result.start == 1
    assert [run.status for run in result.runs] == [2, 0]
    assert result.x["a"] == pytest.approx(2.0)


def test_a_callback_that_stops_ends_all_starts():
    result = minimize(rosenbrock, square, starts=[START, np.ones(2)], callback=lambda r: True)
    assert (len(result.runs), result.status) == (1, 3)


@pytest.mark.parametrize(("error", "message", "given"), [
    (TypeError, "starts take the place of params", {"params": START, "starts": [START]}),
    (TypeError, "starts take the place of state", {"starts": [START], "state": ()}),
    (ValueError, "starts is empty", {"starts": []}),
    (TypeError, "minimize needs params", {"args": (1.0,)}),
    (TypeError, "state is tuple, and CurveBall has CurveBallState: give result.state", {"params": START, "state": ()}),
    (ValueError, r"an array of shape \(2,\) where these params need \(3,\)",
     {"params": np.ones(3), "state": CurveBall().init(START)}),
], ids=["params", "state", "empty", "no-params", "solver", "shape"])  # fmt: skip
def test_errors(error, message, given):
    with pytest.raises(error, match=message):
        minimize(rosenbrock, square, **given)


def test_what_it_prints(capsys):
    minimize(rosenbrock, square, START, max_iter=2)
    assert capsys.readouterr().out == ""
    minimize(rosenbrock, square, START, max_iter=2, verbose=1)
    assert capsys.readouterr().out.endswith(" after 2 iterations: the 2 iterations allowed are used up\n")
    minimize(rosenbrock, square, starts=[START, START], max_iter=2, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[0] == "start 0: iteration 1: loss 24.2, gradient 216"
    assert lines[3].startswith("start 1: iteration 1: ")
    minimize(rosenbrock, square, START, max_iter=2, tol=None, verbose=2)
    assert capsys.readouterr().out.splitlines()[0] == "iteration 1: loss 24.2"


def test_a_bar_on_a_terminal_alone(capsys, monkeypatch):
    minimize(rosenbrock, square, START, max_iter=3, progress=True)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    minimize(rosenbrock, square, START, max_iter=3, progress=True, verbose=1)
    out, err = capsys.readouterr()
    assert "3 iterations allowed" in out
    assert "| 3/3 [" in err or "| 0/3 [" in err
