"""studies/momentum_guard.py: its runs can be repeated, what it counts is right, and the page shows its tables."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def study(load_study):
    return load_study("momentum_guard")


def test_the_page_shows_the_tables(study):
    page = (ROOT / "docs/damping.md").read_text("utf-8")
    digits, best, closed_form, _ = study.tables().split("\n\n")
    assert digits in page
    assert best in page
    assert closed_form in page


def test_all_that_was_wanted_has_run(study):
    assert set(study.read()) == set(study.wanted())


def test_a_run_is_repeated_and_the_file_stays(study, monkeypatch, capsys):
    before = study.RESULTS.read_bytes()
    choice = "--again --name digits-mlp --rule guarded --start 0.03 --seed 0"
    monkeypatch.setattr(sys, "argv", ["momentum_guard.py", *choice.split()])
    study.main()
    *_, kept, again = capsys.readouterr().out.splitlines()[-1].strip("| ").split(" | ")
    assert float(kept) == study.read()["digits-mlp", "guarded", 0.03, 0]["loss"]
    assert float(again) == pytest.approx(float(kept), rel=0.02)  # another machine rounds in another order
    assert study.RESULTS.read_bytes() == before
    monkeypatch.setattr(sys, "argv", ["momentum_guard.py", "--again", "--seed", "7"])
    with pytest.raises(SystemExit):
        study.main()
    assert "none of the runs" in capsys.readouterr().err


def test_what_is_repeated_in_closed_form(study, monkeypatch):
    monkeypatch.setattr(study, "RUNS", 10)
    for rule in ("share", "share, free", "fixed, guarded"):
        kept = study.read()[study.NOISY, rule, 0.1, 0]["counts"]
        again = study.compute((study.NOISY, rule, 0.1, 0))["counts"]
        assert abs(np.mean(again) - np.mean(kept)) < 3 * np.std(kept) / math.sqrt(10)


def test_the_beginning_of_a_divergence(study):
    assert study.beginning([1.0] * 200, [0.9] * 200) == (None, None)
    assert study.beginning([1.0] * 60 + [math.nan], [0.5] * 58 + [-7.0, 0.5, 0.5]) == (60, 7.0)
    assert study.diverged({"loss": None})
    assert study.diverged({"loss": math.nan})
    assert not study.diverged({"loss": 0.01})


def test_the_best_guarded_lambda_never_failed(study, monkeypatch):
    """A lambda with one run that failed does not count, whatever the others ended at."""
    name, (worst, middle, best) = "autoencoder", study.OTHERS["autoencoder"][:3]
    runs = study.read()
    for lam in study.OTHERS[name]:
        for seed in (0, 1, 2):
            losses = {worst: 9.0, middle: 3.0, best: None if seed == 2 else 0.1}
            runs[name, "guarded", lam, seed] = {"loss": losses.get(lam, 8.0)}
    monkeypatch.setattr(study, "read", lambda: runs)
    (row,) = (line for line in study.tables().splitlines() if line.startswith(f"| {name} |"))
    assert f"| 3 (at {middle:g}) |" in row
