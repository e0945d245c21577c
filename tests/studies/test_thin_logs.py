"""studies/thin_logs.py: every epoch is kept, steps as means, and what is kept can be drawn."""

import json
import sys

from curveball.figures.plot_runs import plot_runs

RUN = {"kind": "run", "name": "CurveBall", "solver": "CurveBall", "data": "digits", "network": "mlp", "batch_size": 64}


def test_a_log_becomes_small_and_can_be_drawn(load_study, tmp_path, monkeypatch):
    study = load_study("thin_logs")
    records = [RUN]
    for epoch in range(1, 4):
        for k in range(25):
            step = 250 * (epoch - 1) + 10 * k + 1
            records.append(
                {"kind": "step", "step": step, "epoch": epoch, "loss": 1.0, "seconds": step / 50, "rho": k / 7}
            )
        records.append(
            {"kind": "epoch", "epoch": epoch, "step": 250 * epoch, "train_loss": 1.0 / epoch, "seconds": 2.0 * epoch}
        )
    for name in ("basic-sgd-seed0", "basic-tuning-sgd-seed1000"):
        (tmp_path / "cells" / name).mkdir(parents=True)
        (tmp_path / "cells" / name / "log.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    monkeypatch.setattr(sys, "argv", ["thin_logs.py", str(tmp_path / "cells"), str(tmp_path / "logs")])
    study.main()
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["basic-sgd-seed0.jsonl"]
    kept = [json.loads(line) for line in (tmp_path / "logs/basic-sgd-seed0.jsonl").read_text().splitlines()]
    assert kept[0] == RUN
    assert [r["epoch"] for r in kept if r["kind"] == "epoch"] == [1, 2, 3]
    steps = [r for r in kept if r["kind"] == "step"]
    assert [r["step"] for r in steps[:3]] == [91, 191, 241]
    assert [r["rho"] for r in steps[:3]] == [0.64286, 2.0714, 3.1429]  # means of 0 to 9, 10 to 19, 20 to 24, over 7
    figure = plot_runs([tmp_path / "logs/basic-sgd-seed0.jsonl"], y=["rho", "train_loss"])
    assert figure.axes[1].lines[0].get_ydata().tolist() == [1.0, 0.5, 0.33333]
