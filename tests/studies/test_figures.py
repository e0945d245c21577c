"""The figures of the studies of damping, other rules and the cheaper step are drawn from the runs that there are."""

from pathlib import Path

import pytest

STUDIES = Path(__file__).parents[2] / "studies"


def test_damping(load_study, tmp_path):
    study = load_study("damping_figure")
    study.draw(study.read(), tmp_path / "figure.svg")
    text = (tmp_path / "figure.svg").read_text()
    assert all(f"<!-- {name} -->" in text for name in ("digits-mlp", "basic, 5 epochs", "best fixed, 0.03"))


def test_cheaper_step(load_study, tmp_path):
    study = load_study("cheaper_figure")
    groups = study.grouped(study.read())
    assert study.progresses(groups, study.CHOSEN, own=False)["CIFAR-10 basic-bn"] == pytest.approx(0.79, abs=0.005)
    assert study.progresses(groups, study.PART, own=True)["digits cnn"] == pytest.approx(0.59, abs=0.005)
    assert set(study.progresses(groups, "full", own=True).values()) == {1.0}
    study.draw(groups, dict.fromkeys(study.RULES, 1.4), tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_the_cost_on_the_axis_is_that_of_the_published_table(load_study, monkeypatch):
    study = load_study("cheaper_figure")
    monkeypatch.setattr(study, "ROWS", 8)
    monkeypatch.setattr(study, "RULES", (study.CHOSEN, study.PART))
    table = (STUDIES / "results/cheaper-step.md").read_text("utf-8")
    for rule, cost in study.costs().items():
        assert f"| `{rule}` | {cost:.2f} |" in table


def test_other_rules_for_lambda(load_study, tmp_path):
    study = load_study("lambda_rules_figure")
    study.draw(study.read(), tmp_path / "figure.svg")
    text = (tmp_path / "figure.svg").read_text()
    assert all(f"<!-- {name} -->" in text for name in (*study.RULES, "CIFAR-10, basic (best fixed: 0.3)"))
