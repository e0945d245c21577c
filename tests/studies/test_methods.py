"""studies/methods.py: what it counts, how it tunes, and that its page shows its results."""

import json
from pathlib import Path

import numpy as np
import pytest

from curveball import SGD, CurveBall, Newton, NewtonCG
from problems.closed_form.quadratic import Quadratic

ROOT = Path(__file__).parents[2]
BOWL = Quadratic((1.0, 4.0, 9.0))


@pytest.fixture
def study(load_study):
    return load_study("methods")


@pytest.mark.parametrize(("solver", "counts"), [
    (SGD(), (1, 0, 1)),
    (CurveBall(adapt_lam=False), (1, 2, 1)),
    (Newton(line_search=False), (1, 3, 4)),  # the gradient, and a product for each of three unknowns
    (NewtonCG(line_search=False, max_cg=2, eta_max=1e-9), (1, 2, 3)),
    (NewtonCG(line_search=False, max_cg=2, eta_max=1e-9, curvature="ggn"), (1, 2, 3)),
], ids=lambda x: type(x).__name__)  # fmt: skip
def test_sweeps_are_counted(study, solver, counts):
    """A product with the exact Hessian sweeps through the evaluation and its pull."""
    sweeps, w = study.Sweeps(), BOWL.init(np.random.default_rng(0))
    found = solver.step(w, solver.init(w), sweeps.counted(BOWL.model), BOWL.loss)[0]
    assert (sweeps.evaluations, sweeps.pushes, sweeps.pulls) == counts
    assert sweeps.work == counts[0] + 2 * (counts[1] + counts[2])
    np.testing.assert_allclose(found, solver.step(w, solver.init(w), BOWL.model, BOWL.loss)[0], rtol=1e-12)


def test_gradient_descent_is_tuned_to_the_best_rate(study):
    chosen = study.tuned(BOWL, lambda lr: SGD(lr=lr, momentum=0.0), {"lr": (0.02, 0.1, 0.2, 0.22, 0.3)})
    assert chosen == {"lr": 0.2}  # 2 / (1 + 9)


def test_where_none_arrives_the_lowest_loss_counts(study):
    chosen = study.tuned(BOWL, lambda lr: SGD(lr=lr, momentum=0.0), {"lr": (1e-4, 1e-3, 10.0)}, max_iter=20)
    assert chosen == {"lr": 1e-3}


def test_a_run_ends_at_the_tolerance_or_where_it_is_lost(study):
    run = study.follow(BOWL, Newton(), seed=0)
    assert run["arrived"]
    assert run["iterations"] == 1
    assert [point[0] for point in run["curve"]] == [0, 1]
    lost = study.follow(BOWL, SGD(lr=0.23, momentum=0.0), seed=0)
    assert (lost["arrived"], lost["iterations"]) == (False, study.LOST)


def test_the_pages_show_the_results(study):
    found = json.loads((study.RESULTS / "methods.json").read_text("utf-8"))
    assert {(row["problem"], row["method"]) for row in found["rows"]} == {
        (problem, method) for problem in study.PROBLEMS for method in study.METHODS
    }
    assert study.summary(found) in (ROOT / "docs/methods.md").read_text("utf-8")
    assert study.table(found) in (study.RESULTS / "methods.md").read_text("utf-8")
