"""studies/fresh_slope.py: q and its terms in closed form, a step in its two parts, runs, and the tables."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from curveball import CurveBall
from curveball.training.options import TrainOptions
from curveball.training.train import train
from tests.support.two_batches import LAM, A, W, Y, Z, batch, slope

ROOT = Path(__file__).parents[2]


@pytest.fixture
def study(load_study):
    return load_study("fresh_slope")


@pytest.fixture
def measures(study):
    return sys.modules["fresh_slope_measures"]


@pytest.mark.parametrize("z", [0.0 * Z, Z], ids=["first", "later"])
def test_a_step_is_that_of_curveball_and_the_sum_of_what_is_kept_and_asked(measures, z):
    now = measures.step(*batch(0), W, z, LAM)
    for lam, found in ((LAM, now.z), (2.0 * LAM, now.z_2)):  # from the same z
        solver = CurveBall(lam=lam, adapt_lam=False)
        w, _, info = solver.step(W, solver.init(W)._replace(z=z), *batch(0), has_aux=True)
        np.testing.assert_allclose(found, w - W, rtol=1e-9, atol=1e-12)
        if lam == LAM:
            d = A[0].T @ (A[0] @ (W + z) - Y[0]) + lam * z
            np.testing.assert_allclose(now.kept, info["rho"] * z, rtol=1e-9)
            np.testing.assert_allclose(now.asked, -info["beta"] * d, rtol=1e-9)
    np.testing.assert_allclose(now.kept + now.asked, now.z, rtol=1e-12)
    np.testing.assert_allclose(now.w, W + now.z, rtol=1e-12)


def test_on_a_quadratic_q_has_a_closed_form(measures):
    now = measures.step(*batch(0), W, Z, LAM)
    z, there = now.z, W + now.z
    before = slope(0, W, z)
    found = measures.terms(before, slope(0, there, z), slope(1, W, z), slope(1, there, z), now.share)
    G = [a.T @ a for a in A]
    assert now.share == pytest.approx(LAM * z @ z / (z @ G[0] @ z + LAM * z @ z))
    assert before == pytest.approx(-(z @ G[0] @ z + LAM * z @ z))  # rho and beta minimise m
    assert found["q"] == pytest.approx((slope(1, W, z) + z @ G[1] @ z) / before)
    assert found["bend"] == pytest.approx(0.0, abs=1e-12)
    assert found["own"] == pytest.approx((slope(1, W, z) - before) / before)
    assert found["curve"] == pytest.approx(z @ (G[1] - G[0]) @ z / before)
    change = 0.5 * np.sum((A[1] @ there - Y[1]) ** 2) - 0.5 * np.sum((A[1] @ W - Y[1]) ** 2)
    assert found["q"] == pytest.approx(2.0 * change / before - (1.0 + found["own"]))  # what the page says of progress
    same = measures.terms(before, slope(0, there, z), before, slope(0, there, z), now.share)
    assert same["q"] == pytest.approx(now.share)


def test_a_run_trains_as_the_package_does(study, measures):
    problem = study.problem_of("digits-mlp")
    run = measures.train(problem, "0.3", 8, images=200, checkpoints=1)
    solver = CurveBall(lam=0.3, adapt_lam=False)
    steps = train(problem, solver, TrainOptions(epochs=1, seed=0, quiet=True, log_every=1)).steps
    losses = [step["loss"] for step in steps[1:8]]
    np.testing.assert_allclose([row["loss"] for row in run["curve"]], losses, rtol=1e-3)
    (mark,) = run["checkpoints"]
    assert mark["step"] == 7
    assert np.add(mark["kept"], mark["asked"]) == pytest.approx(mark["mean"], rel=2e-2, abs=1e-4)
    assert 0.0 < mark["sharp_z"] < 1.0
    assert mark["z_curvature"][0] < mark["z_curvature"][1]


def test_a_run_repeats_the_committed_one(study, measures):
    committed = study.read()["digits-mlp", "0.03"]["curve"]  # a row of every ten steps
    curve = measures.train(study.problem_of("digits-mlp"), "0.03", 41, images=100, checkpoints=1)["curve"]
    for row, again in zip(committed[:3], curve[:21:10], strict=True):
        assert again["loss"] == pytest.approx(row["loss"], rel=2e-2)
        assert again["q"] == pytest.approx(row["q"], abs=5e-3)


def test_the_rule_follows_q(study, measures):
    run = measures.train(study.problem_of("digits-mlp"), "hold:1", 6, images=100, checkpoints=1)
    rows = run["curve"]
    for row, after in pairwise(rows):
        signal = np.clip(3.0 * (row["q"] + 0.15), -1.0, 1.0)
        assert after["lam"] == pytest.approx(row["lam"] * np.exp(-0.05 * signal), rel=1e-3)


def test_the_page_shows_the_tables(study):
    page = (ROOT / "docs/fresh_slope.md").read_text("utf-8")
    terms, slopes = study.table().split("\n\n")
    assert terms in page
    assert slopes in page


def test_runs_that_are_there_are_repeated(study, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(
        study, "compute", lambda name, rule, folder: asked.append((name, rule)) or study.read()[name, rule]
    )
    before = study.RESULTS.read_bytes()
    for arguments in ("--again", "--again --task digits-mlp --rule hold:1"):
        monkeypatch.setattr(sys, "argv", ["fresh_slope.py", *arguments.split()])
        study.main()
    assert asked == [*study.read(), ("digits-mlp", "hold:1")]
    *_, lam, again, _, _, q, q_again = capsys.readouterr().out.splitlines()[-1].strip("| ").split(" | ")
    assert lam == again == "0.02877"
    assert q == q_again
    assert study.RESULTS.read_bytes() == before
    monkeypatch.setattr(sys, "argv", ["fresh_slope.py", "--again", "--rule", "7"])
    with pytest.raises(SystemExit):
        study.main()
    assert "none of the runs" in capsys.readouterr().err
