"""studies/damping.py: its runs can be repeated, and the page shows its table."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def study(load_study):
    return load_study("damping")


def called(study, monkeypatch, capsys, arguments):
    monkeypatch.setattr(sys, "argv", ["damping.py", *arguments.split()])
    study.main()
    return capsys.readouterr().out


def test_a_run_is_repeated_and_the_file_stays(study, monkeypatch, capsys):
    before = study.RESULTS.read_bytes()
    kept = study.read()[study.Run("digits-mlp", "curveball:adapt_lam=false,lam=1", 0, 512)]
    text = called(study, monkeypatch, capsys, "--again --task digits-mlp --rule fixed --start 1 --batch 512 --seed 0")
    *_, loss, again = text.splitlines()[-1].strip("| ").split(" | ")
    assert float(loss) == kept["loss"]
    assert float(again) == pytest.approx(kept["loss"], rel=0.02)  # another machine rounds in another order
    assert study.RESULTS.read_bytes() == before


def test_every_line_can_be_chosen_by_itself(study, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(study, "compute", lambda run, folder: asked.append(run) or {"loss": None})
    called(study, monkeypatch, capsys, "--again")
    assert asked == list(study.read())
    names = [(run.task, *study.rule_and_lambda(run), run.batch, run.seed) for run in asked]
    assert len(set(names)) == len(names)


def test_a_row_of_the_table_is_chosen_with_all_its_seeds(study, monkeypatch, capsys):
    monkeypatch.setattr(study, "compute", lambda run, folder: {"loss": 0.5})
    text = called(study, monkeypatch, capsys, "--again --task basic --rule share --start 1 --batch 128")
    kept = [study.read()[study.Run("basic", study.SHARE, seed, 128)]["loss"] for seed in range(3)]
    assert text.splitlines()[2:] == [
        f"| basic | share | 1 | 128 | {seed} | {kept[seed]:.6f} | 0.500000 |" for seed in range(3)
    ]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [("--again --seed 7", "none of the runs"), ("--seed 0", "choose among the runs of --again")],
)
def test_a_wrong_choice_is_refused(study, monkeypatch, capsys, arguments, problem):
    with pytest.raises(SystemExit):
        called(study, monkeypatch, capsys, arguments)
    assert problem in capsys.readouterr().err


def test_the_page_shows_the_table(study):
    assert study.table() in (ROOT / "docs/damping.md").read_text("utf-8")


def test_a_best_lambda_at_an_end_of_its_grid_is_marked(study, monkeypatch):
    task = study.Task("digits-mlp", "digits", "mlp", 64, 20, (10.0, 1.0, 0.1), batches=(), seeds=(0,))
    monkeypatch.setattr(study, "TASKS", {task.name: task})
    losses = {10.0: 3.0, 1.0: 2.0, 0.1: 1.0}
    runs = {study.Run(task.name, study.fixed(lam), 0, 64): {"loss": loss} for lam, loss in losses.items()}
    runs[study.Run(task.name, study.SHARE, 0, 64)] = {"loss": 1.5}
    monkeypatch.setattr(study, "read", lambda: runs)
    assert "| 1 (at 0.1, the end) | 1.50 |" in study.table()
    assert study.table().endswith("so the ratio is a lower bound on digits-mlp with batches of 64.")
    runs[study.Run(task.name, study.fixed(1.0), 0, 64)] = {"loss": 0.5}
    assert "| 0.5 (at 1) | 3.00 |" in study.table()
    assert "the end" not in study.table().lower()
