"""Closed-form problems by name: each keeps the protocol, and starts, minima and solutions belong together."""

import numpy as np
import pytest

import minigrad as mg
import problems
from minigrad import tree_flatten
from problems.closed_form import PROBLEMS, get, names
from problems.closed_form.quadratic import Quadratic
from problems.closed_form.registry import register
from tests.support.packages import copy_with_files, run

over_all = pytest.mark.parametrize("name", names())


def test_names():
    assert names() == tuple(sorted(PROBLEMS)) == problems.closed_form.names()
    collected = {"beale", "rosenbrock", "watson-12", "BoxBOD", "MGH17"}
    others = {
        "quadratic", "noisy-rosenbrock", "linear-network", "linear-network-authors",
        "linear-regression", "logistic-regression", "softmax-regression",
    }  # fmt: skip
    assert collected | others <= set(names())
    assert len(names()) >= 47 + len(others)  # MGH and NIST are counted in test_least_squares.py
    assert problems.closed_form.get("beale") is get("beale")


def test_unknown_name_lists_the_names_there_are():
    with pytest.raises(ValueError, match=r"unknown closed-form problem 'rosenbrok': .*BoxBOD.* quadratic, .*rosenb"):
        get("rosenbrok")


def test_name_given_twice():
    with pytest.raises(ValueError, match="'quadratic' already: choose another name"):
        register("quadratic", Quadratic((2.0,)))
    assert get("quadratic").spectrum == (1.0, 10.0, 100.0)


@over_all
@pytest.mark.parametrize("runs", [(), (3,)])
def test_every_problem_keeps_the_protocol(name, runs):
    problem, rng = get(name), np.random.default_rng(0)
    params, batch = problem.init(rng, runs), problem.batch(rng, runs)
    losses = problem.loss(problem.model(params, batch), batch)
    assert losses.shape == runs
    assert np.all(losses >= problem.minimum)
    assert isinstance(problem.name, str)
    assert isinstance(problem.minimum, float)
    assert problem.loss(problem.model(problem.init(rng), problem.batch(rng)), problem.batch(rng)).shape == ()


@pytest.mark.parametrize("name", [name for name in names() if get(name).solution is not None])
def test_the_minimum_is_at_the_solution(name):
    """With the noise of a batch, too; the gradient there is zero to rounding, or to the digits that are published."""
    problem, rng = get(name), np.random.default_rng(0)
    batch = problem.batch(rng)
    value = float(problem.loss(problem.model(problem.solution, batch), batch))
    assert value == pytest.approx(problem.minimum, rel=2e-5, abs=1e-25)
    if hasattr(problem, "source"):  # to the digits published, in test_least_squares
        return
    gradient = mg.grad(lambda w: problem.loss(problem.model(w, batch), batch))(problem.solution)
    assert max(np.max(np.abs(g)) for g in tree_flatten(gradient)[0]) < 1e-12


MINE = '''"""A problem in one file."""
from problems.closed_form.least_squares import problem

@problem("mine", "an example", starts=[(0.0, 0.0)], minimum=0.0, solution=(1.0, 1.0))
def mine(x1, x2):
    """x1 - 1, x2^2 - x1."""
    return x1 - 1.0, x2**2 - x1
'''


def test_a_problem_is_added_with_one_file(tmp_path):
    root = copy_with_files(tmp_path, {"problems/closed_form/mine.py": MINE})
    code = (
        "import problems; p = problems.closed_form.get('mine'); print(p.loss(p.model(p.solution)), p.name);"
        "print(*problems.closed_form.names())"
    )
    first, known = run(root, code).splitlines()
    assert first == "0.0 mine"
    assert known.split() == sorted([*names(), "mine"])


def test_a_problem_with_a_name_that_is_taken_is_refused(tmp_path):
    root = copy_with_files(tmp_path, {"problems/closed_form/mine.py": MINE.replace('"mine"', '"beale"')})
    with pytest.raises(RuntimeError, match="there is a closed-form problem named 'beale' already"):
        run(root, "import problems")
