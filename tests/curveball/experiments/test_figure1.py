"""Figure 1: trajectories against the solvers' own steps, the files, and what happens to bad input."""

import json
from functools import partial

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from curveball import SGD, Adam, CurveBall, LevenbergMarquardt
from curveball.cli.app import app
from curveball.experiments import figure1, figure1_pictures, table1
from curveball.experiments.figure1 import SHOWN, trajectories
from problems.closed_form.rosenbrock import Rosenbrock


@pytest.fixture
def quick(monkeypatch):
    """Small grids and few iterations: the drawing is what takes time."""
    monkeypatch.setattr(figure1, "MAX_ITER", 25)
    monkeypatch.setattr(figure1, "linear_system", partial(figure1.linear_system, iterations=50))
    monkeypatch.setattr(table1, "GRIDS", {
        "SGD with momentum": (SGD, {"lr": (1e-3, 1e-4), "momentum": (0.9,)}),
        "Adam": (Adam, {"lr": (1e-2,), "beta1": (0.9,), "beta2": (0.999,)}),
    })  # fmt: skip


def command(*arguments):
    return CliRunner().invoke(app, ["figure1", *map(str, arguments)])


# ------------------------------------------------------------------------------------- trajectories


@pytest.mark.parametrize("noise", [None, (0.0, 2.0)])
def test_trajectories_are_the_solvers_steps(quick, noise):
    """The noise is the same for all, and the losses shown are without it."""
    found = {t.name: t for t in trajectories(noise, seed=3)}
    assert tuple(found) == SHOWN
    problem, plain = Rosenbrock(noise), Rosenbrock()
    for name, solver in (
        ("CurveBall", CurveBall(lr=0.5, lam=0.1, adapt_lam=False)),
        ("Levenberg-Marquardt", LevenbergMarquardt()),
    ):
        t = found[name]
        w, rng = problem.init(np.random.default_rng([3, 0])), np.random.default_rng([3, 1])
        state = solver.init(w)
        for place, loss in zip(t.path, t.losses, strict=True):
            np.testing.assert_allclose(place, w, rtol=1e-10)
            np.testing.assert_allclose(loss, plain.loss(plain.model(w)), rtol=1e-10)
            eps = problem.batch(rng)
            w, state, _ = solver.step(w, state, lambda w, e=eps: problem.model(w, e), problem.loss)


def test_all_begin_together_and_end_below_the_mark_or_at_the_limit(quick):
    found = trajectories(start=(-0.2, 0.3))
    for t in found:
        assert t.path.shape == (len(t.losses), 2)
        assert t.path[0].tolist() == [-0.2, 0.3]
        assert t.losses[-1] <= figure1.DONE or len(t.losses) == 26
        assert np.all(t.losses[:-1] > figure1.DONE)
    settings = {t.name: t.settings for t in found}
    assert settings["CurveBall"]["lr"] == 0.5
    assert settings["SGD with momentum"] == {"lr": 1e-3, "momentum": 0.9, "weight_decay": 0.0, "nesterov": False}


@pytest.mark.parametrize("start", [(1.0,), (1.0, 2.0, 3.0), 5.0, (np.nan, 0.0), ((0.0, 0.0),)])
def test_starts_of_another_shape(start):
    with pytest.raises(ValueError, match=r"the start must be two finite numbers, as in -0.25,-0.25; got"):
        trajectories(start=start)


# ------------------------------------------------------------------------------------- the files


@pytest.mark.parametrize("noise", [None, (0.0, 3.0)])
def test_files(quick, monkeypatch, tmp_path, noise):
    monkeypatch.setattr(figure1, "MAX_ITER", 9)  # which makes as many frames, and more of the last
    arguments = [] if noise is None else ["--noise", *noise]
    result = command(*arguments, "--seed", 1, "--out", tmp_path / "here")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "here"
    names = ["figure1.gif", "figure1.json", "figure1.png", "linear_system.png"]
    assert sorted(path.name for path in folder.iterdir()) == names
    for name in ("figure1.png", "linear_system.png"):
        with Image.open(folder / name) as image:
            image.load()
            assert image.format == "PNG"
            assert min(image.size) > 400
            assert len(set(image.convert("L").resize((64, 64)).tobytes())) > 10  # not blank
    with Image.open(folder / "figure1.gif") as image:
        assert image.format == "GIF"
        assert image.n_frames >= 10
        first = image.convert("RGB").tobytes()
        image.seek(image.n_frames - 1)
        assert image.convert("RGB").tobytes() != first

    facts = json.loads((folder / "figure1.json").read_text(), parse_constant=pytest.fail)
    assert facts["noise"] == (None if noise is None else list(noise))
    assert facts["seed"] == 1
    assert {"command", "python", "versions", "processor"} <= set(facts)
    assert [t["solver"] for t in facts["trajectories"]] == list(SHOWN)
    for t, wanted in zip(facts["trajectories"], trajectories(noise, 1), strict=True):
        np.testing.assert_array_equal(t["losses"], wanted.losses)
        np.testing.assert_array_equal(t["path"], wanted.path)
        assert t["settings"] == wanted.settings
        below = next((str(k + 1) for k, loss in enumerate(wanted.losses) if loss < 1e-4), "never")
        assert f"{wanted.name}: loss below 0.0001 at iteration {below}\n" in result.stdout
    assert result.stdout.splitlines()[-1].endswith(f"linear_system.png and figure1.json in {folder}")


@pytest.mark.parametrize("start", ["-0.2,0.3", "1e0, -2"])
def test_start_on_the_command_line(quick, monkeypatch, tmp_path, start):
    monkeypatch.setattr(figure1, "animate", lambda found, noise, path: path.write_bytes(b""))
    result = command("--start", start, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    facts = json.loads((tmp_path / "figure1.json").read_text())
    assert {tuple(t["path"][0]) for t in facts["trajectories"]} == {tuple(float(x) for x in start.split(","))}


def test_every_step_of_a_solver_is_a_dot_in_a_panel_of_its_own(quick, monkeypatch, tmp_path):
    figures = []
    monkeypatch.setattr(figure1_pictures, "save", lambda figure, path: figures.append(figure))
    found = trajectories(seed=1)
    figure1_pictures.draw(found, (0.0, 3.0), tmp_path / "figure1.png")
    panels = {ax.get_title().splitlines()[0]: ax for ax in figures[0].axes if ax.get_title()}
    losses = [ax for ax in figures[0].axes if ax.get_xlabel() == "iteration"]
    assert tuple(panels) == SHOWN
    for t, below in zip(found, losses, strict=True):
        (own,) = (line for line in panels[t.name].lines if line.get_marker() == "o")
        np.testing.assert_array_equal(own.get_xydata(), t.path)
        (loss,) = (line for line in below.lines if line.get_marker() == "o")
        np.testing.assert_array_equal(loss.get_ydata(), t.losses)
        assert loss.get_color() == own.get_color()
        for (low, high), start in zip((panels[t.name].get_xlim(), panels[t.name].get_ylim()), t.path[0], strict=True):
            assert low < start < high
            assert low < 1.0 < high  # the minimum
    assert figures[0].get_suptitle() == "Rosenbrock's function, noise U[0, 3]"


def test_figures_as_svg(quick, monkeypatch, tmp_path):
    monkeypatch.setattr(figure1, "animate", lambda found, noise, path: path.write_bytes(b""))
    result = command("--format", "svg", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    for name in ("figure1.svg", "linear_system.svg"):
        assert "<svg" in (tmp_path / name).read_text()
        assert name in result.stdout.splitlines()[-1]


# ------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--noise", 3, 0], "noise is a finite range U[a, b] with a below b; got [3, 0]: exchange them"),
        (["--noise", 1, 1], "noise is a finite range U[a, b] with a below b; got [1, 1]"),
        (["--noise", 0, "inf"], "noise is a finite range U[a, b] with a below b; got [0, inf]"),
        (["--start", "1"], "--start takes 2 numbers separated by commas, as in -0.25,-0.25; got '1'"),
        (["--start", "1,2,3"], "--start takes 2 numbers separated by commas, as in -0.25,-0.25; got '1,2,3'"),
        (["--start", "a,b"], "--start takes 2 numbers separated by commas, as in -0.25,-0.25; got 'a,b'"),
        (["--start", "nan,1"], "--start takes 2 numbers separated by commas, as in -0.25,-0.25; got 'nan,1'"),
        (["--seed", -1], "--seed must be at least 0; got -1"),
    ],
)
def test_bad_input(arguments, line, tmp_path):
    result = command(*arguments, "--out", tmp_path / "new")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [f"curveball: {line}"]
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("mine")
    result = command("--out", tmp_path / "file" / "deep")
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert line.startswith(f"curveball: the output folder {tmp_path}/file/deep cannot be written (")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_drawing_that_fails_leaves_nothing_half_written(quick, monkeypatch, tmp_path):
    def broken(found, noise, path):
        path.write_bytes(b"half")
        raise RuntimeError("no more ink")

    monkeypatch.setattr(figure1, "draw", broken)
    result = command("--out", tmp_path)
    assert isinstance(result.exception, RuntimeError)
    assert list(tmp_path.iterdir()) == []
