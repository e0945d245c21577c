"""studies/damping_table1.py: its rows are those of its runs, and the page shows them."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def study(load_study):
    return load_study("damping_table1")


def test_a_row_is_repeated(study):
    cells = study.read()
    assert study.compute("Rosenbrock", "paper", 0.1, runs=5).counts == cells["Rosenbrock", "paper", 0.1].counts[:5]


def test_chosen_rows_are_run_again_and_the_file_stays(study, monkeypatch, capsys):
    before, compute = study.RESULTS.read_bytes(), study.compute
    monkeypatch.setattr(
        sys, "argv", ["damping_table1.py", "--again", "--problem", "Rosenbrock", "--start", "0.01", "--rule", "paper"]
    )
    study.main()
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| Rosenbrock | paper | 0.01 | 4.9 ± 0.3 | 4.9 ± 0.3 | 100 of 100 |"
    ]
    asked = []
    monkeypatch.setattr(study, "compute", lambda *row: asked.append(row) or compute("Rosenbrock", "paper", 0.01))
    list(study.again(None, None, None))
    assert asked == list(study.read())
    assert study.RESULTS.read_bytes() == before


@pytest.mark.parametrize("problem", ["Rosenbrock", "linear network"])
def test_where_all_batches_are_the_same_the_share_keeps_lambda(study, problem):
    cells = study.read()
    for lam in study.STARTS:
        assert cells[problem, "share", lam].counts == cells[problem, "fixed", lam].counts


def test_the_best_fixed_lambda_is_one_with_which_all_runs_arrive(study):
    best, cell = study.best_fixed(study.read(), "linear network")
    assert (best, cell.share) == (1.0, 1.0)
    assert study.read()["linear network", "fixed", 0.01].share < 1.0


def test_the_page_shows_the_table(study):
    assert study.table(study.read()) in (ROOT / "docs/damping.md").read_text("utf-8")
