"""studies/physics_informed.py: its runs, on a problem of a moment."""

import sys

import numpy as np
import pytest

from curveball.solvers.registry import solver_from
from problems.physics_informed import get


@pytest.fixture
def study(load_study):
    return load_study("physics_informed")


def test_follow_measures_at_growing_times(study):
    problem = get("poisson-1d")
    points = study.follow(problem, solver_from("levenberg-marquardt:geodesic=true"), seconds=0.3)
    assert points[0].steps == 0
    assert points[0].error == problem.error(problem.init(np.random.default_rng([0, 0])))
    assert np.all(np.diff([point.seconds for point in points]) > 0.0)
    assert np.all(np.diff([point.loss for point in points]) <= 0.0)
    assert points[-1].seconds >= 0.3


def test_a_run_that_diverges_ends(study):
    with np.errstate(all="ignore"):
        points = study.follow(get("poisson-1d"), solver_from("sgd:lr=1000.0"), seconds=5.0)
    assert not np.isfinite(points[-1].loss)
    assert points[-1].seconds < 5.0


def test_the_command(study, monkeypatch, capsys):
    command = "physics_informed.py --problem poisson-1d --solver adam:lr=0.01 --seconds 0.05 --seed 3"
    monkeypatch.setattr(sys, "argv", command.split())
    study.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 3
    assert all("steps   loss" in line for line in lines)
