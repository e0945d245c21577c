"""studies/averaging.py: its tables, and its variant of the solver."""

import numpy as np
import pytest

import minigrad as mg
from curveball import CurveBall
from curveball.solvers.registry import solver_from


@pytest.fixture
def averaging(load_study):
    return load_study("averaging")


def lambdas(solver, steps=60):
    """What lambda a solver comes to on batches of a least-squares problem that lambda 10 damps too much."""
    rng = np.random.default_rng(0)
    rows, targets, w = rng.standard_normal((400, 5)), rng.standard_normal(400), np.zeros(5)
    state, order, found = solver.init(w), np.random.default_rng(1), []
    for _ in range(steps):
        k = order.choice(400, 40, replace=False)
        w, state, info = solver.step(
            w, state, lambda w, k=k: mg.tanh(rows[k] @ w), lambda y, k=k: mg.mean((y - targets[k]) ** 2)
        )
        found.append(float(info["lam"]))
    return found


def test_without_memory_the_averaged_trust_ratio_is_the_latest(averaging):
    inner = CurveBall(lam=10.0, lam_every=2, lam_factor=0.8, trust_low=0.9, trust_high=1.0)
    expected = lambdas(inner)
    assert len(set(expected)) > 3
    assert lambdas(averaging.AveragedTrust(inner, decay=0.0)) == expected
    assert lambdas(averaging.AveragedTrust(inner, decay=0.9)) != expected


def test_names_of_studies_are_solvers(averaging):
    tasks = {task[:2] for task in averaging.TASKS}
    for study in averaging.STUDIES:
        assert study.task in tasks
        for name in study.solvers:
            assert hasattr(averaging.solver_of(name), "step")
    assert averaging.solver_of("sgd:lr=0.3") == solver_from("sgd:lr=0.3")


def run(solver, seed, *losses, planned=None, **more):
    epochs = [{"epoch": k + 1, "train_loss": x, "validation_error": x / 10} for k, x in enumerate(losses)]
    facts = {"data": "digits", "network": "mlp", "batch": 64, "solver": solver, "seed": seed, "stopped": None}
    return {**facts, "planned": planned or len(losses), "epochs": epochs, **more}


def test_tables(averaging):
    last = [0.0] * 19
    runs = [
        run("curveball", 0, *last, 1.0),
        run("curveball", 1, *last, 2.0),
        run("sgd:lr=0.3", 0, *last, 4.0),
        run("sgd:lr=0.1", 0, *last, 3.0),
        run("sgd:lr=0.03", 0, 0.5),  # another number of epochs: no part of the comparison
        run("curveball:average=0.9", 0, 1.0, planned=20, stopped="the loss is nan"),
    ]
    assert averaging.best(runs, "digits", "mlp", "sgd") == "sgd:lr=0.1"
    assert averaging.table(runs).splitlines()[2:] == [
        "| digits, mlp, 20 | `curveball` | 1.5000 ± 0.7071 | 15.0% ± 7.1 | 2 |",
        "| digits, mlp, 20 | `curveball:average=0.9` | not finite in 1 |  | 1 |",
        "| digits, mlp, 20 | `sgd:lr=0.1` | 3.0000 | 30.0% | 1 |",
    ]


def test_studies(averaging, monkeypatch):
    task = ("digits", "mlp")
    monkeypatch.setattr(
        averaging,
        "STUDIES",
        (averaging.Study("Longer", task, ("curveball", "sgd"), (0,), 2), averaging.Study("Seeds", task, ("sgd",))),
    )
    last = [0.0] * 19
    runs = [run("curveball", 0, 2.0, 1.0), *(run("sgd", seed, *last, 1.0 + seed) for seed in (0, 1, 2))]
    longer, seeds = averaging.studies(runs).split("\n\nSeeds:")
    assert longer.splitlines()[0] == "Longer:"
    assert longer.splitlines()[4:] == ["| digits, mlp, 1 to 2 | `curveball` | 2.000, 1.000 | 20.0, 10.0 (%) | 1 |"]
    assert seeds.splitlines()[4:] == ["| digits, mlp, 20 | `sgd` | 2.0000 ± 1.0000 | 20.0% ± 10.0 | 3 |"]
