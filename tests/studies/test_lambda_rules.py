"""studies/lambda_rules.py: each rule against its formula, its training against CurveBall, its runs and the page."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
import problems
from curveball import CurveBall
from curveball.experiments.sweep import iterations_to
from curveball.experiments.table1 import COLUMNS, THRESHOLD
from curveball.training.options import TrainOptions
from curveball.training.train import train
from tests.support.two_batches import LAM, A, W, Y, Z, batch, slope

ROOT = Path(__file__).parents[2]


@pytest.fixture
def study(load_study):
    return load_study("lambda_rules")


@pytest.fixture
def tried(study):
    return sys.modules["lambda_rules_tried"]


@pytest.fixture(scope="module")
def digits():
    data = problems.load("digits")
    return problems.Classification(data, problems.network("mlp", 10, shape=data.train_images.shape[1:]), 256)


def objective(k, w):
    return 0.5 * np.sum((A[k] @ w - Y[k]) ** 2)


def steps_of(tried, name, lam=LAM, count=12, larger=None):
    """A rule led through steps on both batches in turn: the rule, its steps, and its lambdas after each."""
    rule = tried.rule_from(name, lam, W, larger)
    w, z, steps, lams = W, Z, [], []
    for k in range(count):
        step = tried.take_step(k, *batch(k % 2), w, z, rule.damping(), tried.minimum_of(True))
        rule.follow(step)
        steps.append(step)
        lams.append(rule.lam)
        w, z = step.new_w, step.z
    return rule, steps, lams


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize(("name", "setting"), [("fixed", False), ("paper", "paper")])
def test_training_is_that_of_curveball(study, tried, digits, name, setting, average, monkeypatch):
    monkeypatch.setattr(tried.Rule, "guarded", False)
    solver = CurveBall(lam=0.3, adapt_lam=setting, average=average)
    run = train(digits, solver, TrainOptions(epochs=2, quiet=True, log_every=1))
    losses, lams = tried.train(digits, name, 0.3, 0, 2, average)
    np.testing.assert_allclose(losses, [epoch["train_loss"] for epoch in run.epochs], rtol=1e-3)
    np.testing.assert_allclose(lams, [step["lam"] for step in run.steps], rtol=1e-6)


def test_a_step_has_the_slopes_and_lengths_of_its_definition(tried):
    step = tried.take_step(0, *batch(0), W, Z, LAM, tried.minimum_of(False))
    z, G = step.z, A[0].T @ A[0]
    np.testing.assert_allclose(step.new_w, W + z)
    assert step.objective == pytest.approx(objective(0, W))
    assert step.before == pytest.approx(slope(0, W, z))
    assert step.fresh == pytest.approx(slope(0, W, Z))
    assert step.squares == pytest.approx(LAM * z @ z)
    assert step.curvature == pytest.approx(z @ G @ z + LAM * z @ z)
    assert step.predicted == pytest.approx(0.5 * (z @ G @ z + LAM * z @ z) + slope(0, W, z))
    assert abs(step.before + step.curvature) < 1e-9  # the minimum on a plane that holds z


def test_the_fresh_slope_is_held(tried):
    _, steps, lams = steps_of(tried, "fresh")
    means, lam = np.zeros(2), LAM
    for last, now, found in zip(steps, steps[1:], lams[1:], strict=False):
        k = now.k % 2
        means = 0.98 * means + 0.02 * np.array([slope(k, now.w, last.z), slope(1 - k, last.w, last.z)])
        lam *= math.exp(-0.05 * np.clip(3 * (means[0] / means[1] + 0.15), -1, 1))
        assert found == pytest.approx(lam)
    assert lams[0] == LAM != lams[-1]


def test_the_turn_needs_the_slope_of_the_next_batch_before_the_step(tried):
    rule, steps, lams = steps_of(tried, "turn:0.8")
    means, lam = np.zeros(3), LAM
    for last, now, found in zip(steps, steps[1:], lams[1:], strict=False):
        k, z = now.k % 2, last.z
        means = 0.98 * means + 0.02 * np.array([slope(k, now.w, z), slope(1 - k, last.w, z), slope(k, last.w, z)])
        lam *= math.exp(-0.05 * np.clip(3 * (means[0] + 0.8 * means[2]) / means[1], -1, 1))
        assert found == pytest.approx(lam)
    assert (rule.q, rule.real) == pytest.approx((means[0] / means[1], means[2] / means[1]))


@pytest.mark.parametrize("wanted", [0.15, 0.4])
def test_a_held_share_is_reached(tried, wanted):
    _, steps, _ = steps_of(tried, f"held:{wanted}", lam=100.0, count=400)
    shares = [step.squares / step.curvature for step in steps[-100:]]
    assert np.mean(shares) == pytest.approx(wanted, rel=0.1)


def test_noise_sets_the_share(tried):
    rule, steps, _ = steps_of(tried, "noise:0.25", count=400)
    shares = [step.squares / step.curvature for step in steps[-100:]]
    assert np.mean(shares) == pytest.approx(0.25 * (1 - rule.real), rel=0.15)


@pytest.mark.parametrize(("sign", "factor"), [(1.0, 0.95**5), (-1.0, 0.95**-5)], ids=["downhill", "uphill"])
def test_the_ratio_of_a_larger_batch_is_measured_there(tried, sign, factor):
    """A batch on which the step does what is predicted, and one that it climbs."""
    asked, lam = [], 1e-3

    def larger(n):
        asked.append(n)
        return lambda w: (sign * A[0] @ w, None), batch(0)[1]

    _, steps, lams = steps_of(tried, "ratio:8", lam=lam, count=5, larger=larger)
    assert asked == [8]
    assert lams[:4] == [lam] * 4
    w, z = steps[4].w, steps[4].z
    at, moved = sign * A[0] @ w - Y[0], sign * A[0] @ (w + z) - Y[0]
    change = 0.5 * (moved @ moved - at @ at)
    assert (change > 0.0) == (sign < 0.0)  # on a quadratic it is what is predicted, without damping: the ratio is 1
    assert lams[4] == pytest.approx(lam * factor)


def test_the_ratio_of_the_own_batch_goes_down_while_the_model_holds(tried):
    """On its own batch the ratio of a quadratic is 1."""
    _, _, lams = steps_of(tried, "ratio:1", count=10)
    assert lams[4] == pytest.approx(LAM * 0.95**5)
    assert lams[9] == pytest.approx(LAM * 0.95**10)


@pytest.mark.parametrize("name", ["comparison", "horizon:50"])
def test_a_better_average_raises_lambda(study, tried, name, monkeypatch):
    """What the comparison sees decides: an average that is always better, and one that is always worse."""
    ends = []
    for sign in (-1.0, 1.0):
        monkeypatch.setattr(tried, "loss_at", lambda *a, sign=sign: 1e3 if sign > 0 else 0.0)
        ends.append(steps_of(tried, name, count=200)[2][-1])
    assert ends[0] > 3 * ends[1]


def test_a_growing_horizon_is_the_rule_of_the_package(study, tried, digits, monkeypatch):
    """But that it moves lambda at the first step too. Digits do not explode: the guard that is left out has no work."""
    monkeypatch.setattr(tried.Horizon, "horizon", lambda self, k: k)
    run = train(digits, CurveBall(adapt_lam="share"), TrainOptions(epochs=8, quiet=True, log_every=1))
    losses, lams = tried.train(digits, "horizon:0", 1.0, 0, 8)
    expected = np.array([step["lam"] for step in run.steps[1:12]])
    np.testing.assert_allclose(np.array(lams[1:12]) / lams[1], expected / expected[0], rtol=0.03)
    np.testing.assert_allclose(losses[:3], [epoch["train_loss"] for epoch in run.epochs[:3]], rtol=0.05)


@pytest.mark.parametrize(("wanted", "k", "found"), [(50, 0, 0), (50, 7, 7), (50, 500, 50 / 0.45)])
def test_a_horizon_is_as_short_as_the_run_at_first(tried, wanted, k, found):
    assert tried.rule_from(f"horizon:{wanted}", LAM, W, None).horizon(k) == pytest.approx(found)


def test_each_layer_keeps_the_share_in_its_own_curvature(tried):
    """By the dense matrices of two layers with curvatures 1e4 apart."""
    scale = np.array([100.0, 100.0, 1.0, 1.0, 1.0])
    parts = {"a": slice(0, 2), "b": slice(2, 5)}
    shares, lams = dict.fromkeys(parts, 0.0), dict.fromkeys(parts, 1.0)
    rule = tried.rule_from("layers", 1.0, w := {"a": {"w": W[:2]}, "b": {"w": W[2:]}}, None)
    z = mg.tree_map(mg.zeros_like, w)
    for k in range(200):
        A_k, (_, loss) = A[k % 2] * scale, batch(k % 2)
        minimum = tried.minimum_of(True)
        step = tried.take_step(
            k,
            lambda w, A_k=A_k: (A_k @ mg.concat([w["a"]["w"], w["b"]["w"]]), None),
            loss,
            w,
            z,
            rule.damping(),
            minimum,
        )
        rule.follow(step)
        w, z = step.new_w, step.z
        flat = np.concatenate([z["a"]["w"], z["b"]["w"]])
        Gz = A_k.T @ A_k @ flat
        for n, part in parts.items():
            damped = lams[n] * flat[part] @ flat[part]
            share = damped / (damped + max(flat[part] @ Gz[part], 0.0))
            shares[n] += (share - shares[n]) * (1.0 if k == 0 else 0.1)
            odds = (
                math.log(shares[n] / (1 - shares[n]))
                if 1e-4 < shares[n] < 1 - 1e-4
                else math.log(9999) * np.sign(shares[n] - 0.5)
            )
            lams[n] *= math.exp(np.clip(0.1 * (rule.states[n].target - odds), -0.2, 0.2))
        assert rule.lams == pytest.approx(lams, rel=1e-6)
    assert rule.damping() == {name: {"w": rule.lams[name]} for name in parts}
    assert rule.lams["a"] > 30 * rule.lams["b"]


def test_rosenbrock_takes_as_many_iterations_as_curveball(study):
    (column,) = (column for column in COLUMNS if column.name == "Rosenbrock")
    solver = CurveBall(lam=1.0, adapt_lam="paper")
    expected = iterations_to(column.problem(0), solver, 100, column.max_iter, THRESHOLD, 0)[:4]
    assert study.closed_form(study.Run("Rosenbrock", "paper", 1.0, 0), 4) == expected.tolist()


def test_a_run_that_fails_says_so(study, digits, monkeypatch):
    monkeypatch.setattr(study.damping, "problem_of", lambda *_: digits)
    found = study.compute(study.Run("digits-mlp", "fresh", 0.0, 64))
    assert found["loss"] is None or math.isfinite(found["loss"])
    monkeypatch.setattr(study.lambda_rules_tried, "WORST", 0.0)
    failed = study.compute(study.Run("digits-mlp", "fixed", 1.0, 64))
    assert (failed["loss"], failed["losses"]) == (None, [])
    assert study.outcome(failed) == "failed"


def test_a_run_is_repeated_and_the_file_stays(study, monkeypatch, capsys):
    before = study.RESULTS.read_bytes()
    choice = "--again --task digits-mlp --rule held:0.3 --start 10 --seed 0"
    monkeypatch.setattr(sys, "argv", ["lambda_rules.py", *choice.split()])
    study.main()
    *_, kept, again = capsys.readouterr().out.splitlines()[-1].strip("| ").split(" | ")
    assert float(kept) == study.read()[study.Run("digits-mlp", "held:0.3", 10.0, 64)]["loss"]
    assert float(again) == pytest.approx(float(kept), rel=0.05)  # another machine rounds in another order
    assert study.RESULTS.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [("--again --seed 7", "none of the runs"), ("--seed 0", "choose among the runs of --again")],
)
def test_a_wrong_choice_is_refused(study, monkeypatch, capsys, arguments, problem):
    monkeypatch.setattr(sys, "argv", ["lambda_rules.py", *arguments.split()])
    with pytest.raises(SystemExit):
        study.main()
    assert problem in capsys.readouterr().err


def test_all_that_was_wanted_has_run(study):
    wanted = list(study.wanted())
    assert len(set(wanted)) == len(wanted)
    assert set(study.read()) == set(wanted)


def test_the_page_shows_the_tables(study):
    page = (ROOT / "docs/lambda_rules.md").read_text("utf-8")
    for table in study.tables().split("\n\n"):
        assert table in page
