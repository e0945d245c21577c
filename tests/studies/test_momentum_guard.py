"""studies/momentum_guard.py: its runs can be repeated, what it counts is right, and the page shows its tables."""

import math
from pathlib import Path

import numpy as np
import pytest

from curveball.solvers.two_by_two import PlaneModel

ROOT = Path(__file__).parents[2]


@pytest.fixture
def study(load_study):
    return load_study("momentum_guard")


def test_the_page_shows_the_tables(study):
    page = (ROOT / "docs/damping.md").read_text("utf-8")
    guard, _, closed_form = study.tables().split("\n\n")
    assert guard in page
    assert closed_form in page


def test_all_that_was_wanted_has_run(study):
    assert set(study.read()) == set(study.wanted())


def test_a_run_is_repeated(study):
    kept = study.read()["mlp", "guarded", 0.03, 0]
    assert study.compute(("mlp", "guarded", 0.03, 0))["loss"] == pytest.approx(kept["loss"], rel=0.02)


def test_what_is_repeated_in_closed_form(study, monkeypatch):
    monkeypatch.setattr(study, "RUNS", 10)
    for rule in ("share", "share, free", "fixed, guarded"):
        kept = study.read()[study.NOISY, rule, 0.1, 0]["counts"]
        again = study.compute((study.NOISY, rule, 0.1, 0))["counts"]
        assert abs(np.mean(again) - np.mean(kept)) < 3 * np.std(kept) / math.sqrt(10)


@pytest.mark.parametrize("slope", [-3.0, 0.4, 5.0])
def test_the_guarded_minimum_is_the_best_one_in_its_range(study, slope):
    """By a search over a grid: the step size that is best where momentum is at the end of [0, 1]."""
    plane = PlaneModel(*map(np.float64, (2.0, 0.3, 1.0, 0.7, -slope)))
    rho, beta = study.Guarded()._minimum(plane)
    assert 0.0 <= rho <= 1.0
    found = plane.change(rho, beta)
    grid = [plane.change(np.float64(r), np.float64(b)) for r in (0.0, 1.0) for b in np.linspace(-5, 5, 2001)]
    assert found <= min(grid) + 1e-5


def test_the_beginning_of_a_divergence(study):
    assert study.beginning([1.0] * 200, [0.9] * 200) == (None, None)
    assert study.beginning([1.0] * 60 + [math.nan], [0.5] * 58 + [-7.0, 0.5, 0.5]) == (60, 7.0)
    assert study.diverged({"loss": None})
    assert study.diverged({"loss": math.nan})
    assert not study.diverged({"loss": 0.01})
