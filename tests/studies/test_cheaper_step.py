"""studies/cheaper_step.py: its rules against CurveBall, their cost, and how progress is measured."""

import sys

import numpy as np
import pytest

import minigrad as mg
from curveball import CurveBall
from tests.support import small_network as net


@pytest.fixture
def study(load_study):
    return load_study("cheaper_step")


def plan():
    return sys.modules["cheaper_plan"]


RNG = np.random.default_rng(0)
A, TARGETS = RNG.standard_normal((40, 6)), RNG.standard_normal(40)


def work_of(study, rows=40):
    def least_squares(rows):
        return lambda w: (A[:rows] @ w, None), lambda y: mg.mean((y - TARGETS[:rows]) ** 2)

    return study.Work(*least_squares(40), *least_squares(rows))


def iterates(study, name, work, w, steps=6):
    rule, found = study.rule_of(name), []
    state = rule.init(w)
    for _ in range(steps):
        w, state, _ = rule.step(w, state, work)
        found.append(w)
    return np.array([net.vector(w) if isinstance(w, dict) else w for w in found])


def test_the_rule_of_the_paper_is_curveball(study):
    work = study.Work(lambda w: (net.model(w), None), net.loss, None, None)
    solver, w, expected = CurveBall(lam=1.0, adapt_lam=False), net.START, []
    state = solver.init(w)
    for _ in range(6):
        w, state, _ = solver.step(w, state, net.model, net.loss)
        expected.append(net.vector(w))
    np.testing.assert_allclose(iterates(study, "paper", work, net.START), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["ahead", "rows=0.999", "every=1,between=held"])
def test_on_a_quadratic_all_directions_and_slopes_are_those_of_curveball(study, name):
    w = RNG.standard_normal(6)
    np.testing.assert_allclose(
        iterates(study, name + ",paper", work_of(study), w), iterates(study, "paper", work_of(study), w), rtol=1e-8
    )


def test_a_part_of_the_rows_is_another_curvature(study):
    w = RNG.standard_normal(6)
    full, part = (iterates(study, name, work_of(study, 10), w) for name in ("full", "rows=0.25"))
    assert np.abs(full - part).max() > 1e-3


def test_rho_is_limited(study):
    rule = study.rule_of("full")
    plane = type(rule.init(np.zeros(1)).sums)(*map(np.float64, (1.0, 0.1, 1.0, 0.5, -3.0)))  # asks for rho = 3
    rho, beta = rule._minimum(plane)
    assert rho == 1.0
    assert plane.change(rho, beta) < min(plane.change(rho, beta - 1e-3), plane.change(rho, beta + 1e-3))


def batches(count=25):
    """Least squares on ten rows at a time, of data with noise."""
    for k in range(count):
        rows = np.random.default_rng([1, k]).integers(40, size=10)
        yield lambda w, rows=rows: (A[rows] @ w, None), lambda y, rows=rows: mg.mean((y - TARGETS[rows]) ** 2)


def test_with_adapt_lambda_follows_the_share_as_in_curveball(study):
    solver, rule = CurveBall(adapt_lam="share"), study.rule_of("full,adapt")
    w = v = np.ones(6)
    state, own = solver.init(w), rule.init(v)
    for model, loss in batches():
        w, state, info = solver.step(w, state, model, loss, has_aux=True)
        v, own, seen = rule.step(v, own, study.Work(model, loss, model, loss))
        np.testing.assert_allclose(v, w, rtol=1e-7)
        np.testing.assert_allclose(seen["lam"], info["lam"], rtol=1e-7)
    assert abs(np.log(own.lam)) > 0.1  # it moved


@pytest.mark.parametrize("name", ["CHOSEN", "PART"])
def test_with_adapt_lambda_waits_while_the_coefficients_are_held(study, name):
    rule = study.rule_of(getattr(plan(), name) + ",adapt")
    assert rule.judges % rule.every == 0
    w, lams = np.ones(6), []
    state = rule.init(w)
    for model, loss in batches():
        w, state, info = rule.step(w, state, study.Work(model, loss, model, loss))
        lams.append(float(info["lam"]))
    changed = np.flatnonzero(np.diff(lams))
    assert len(changed) > 5
    assert all(k < study.rule_of.__globals__["WARM"] or k % rule.every == 0 for k in changed)


def test_the_cost_is_that_of_the_derivation(study):
    F, F_1, batch = 12_354_176, 2_457_600, 2  # of the basic network, test_12_cost.py
    functions = study.steps_of("basic", batch, ("full", plan().CHOSEN))

    def counted(name):
        with study.multiplications() as total:
            functions[name]()
        return total[0] / batch

    assert counted("sgd") == 3 * F - F_1
    assert counted("full") == 7 * F - 3 * F_1
    assert counted(plan().CHOSEN) == 3 * (3 * F - F_1) + 2 * (2 * F - F_1)  # three steps
    assert counted(plan().CHOSEN) / 3 <= 1.5 * (3 * F - F_1)


def test_progress_is_the_share_of_steps_that_the_reference_takes(study):
    def run(speed, seed=0):
        steps = speed * (np.arange(study.WINDOWS) + 0.5)
        return {"seed": seed, "losses": list(3.0 * steps**-0.7)}

    references = [run(1.0), run(2.0, seed=1)]
    assert study.progress([run(0.8), run(1.6, seed=1)], references) == pytest.approx(0.8)
    assert study.progress([{"seed": 0, "losses": [1.0]}], references) == 0.0


def test_the_rules_have_names_that_are_read(study):
    for task, name, lam, seed in study.plan(cifar=True):
        assert task in study.TASKS
        assert study.rule_of(name).every >= 1
        assert lam > 0 <= seed
    assert study.rule_of("ahead,far=0,every=3").far is False


def called(study, monkeypatch, arguments):
    monkeypatch.setattr(sys, "argv", ["cheaper_step.py", *arguments.split()])
    study.main()


def test_chosen_runs_are_made_again_and_the_file_stays(study, monkeypatch, capsys):
    before = study.RESULTS.read_bytes()
    called(study, monkeypatch, "--again --only mlp --rule full --start 1 --seed 0")
    task, rule, lam, seed, kept, again, _ = capsys.readouterr().out.splitlines()[-1].strip("| ").split(" | ")
    assert (task, rule, lam, seed) == ("digits mlp", "`full`", "1", "0")
    assert float(again) == pytest.approx(float(kept), rel=0.02)  # another machine rounds in another order
    assert study.RESULTS.read_bytes() == before


def test_every_run_can_be_chosen_by_itself(study, monkeypatch, capsys):
    kept = {study.key(run): run for run in study.read()}
    monkeypatch.setattr(study, "compute", lambda run, folder: kept[run])
    called(study, monkeypatch, "--again")
    rows = capsys.readouterr().out.splitlines()[2:]
    assert len(rows) == len(kept) == len(study.read())
    assert all(row.endswith("| yes |") for row in rows)


def test_a_wrong_choice_is_refused(study, monkeypatch, capsys):
    for arguments, problem in (("--again --seed 7", "none of the runs"), ("--seed 0", "choose among")):
        with pytest.raises(SystemExit):
            called(study, monkeypatch, arguments)
        assert problem in capsys.readouterr().err
