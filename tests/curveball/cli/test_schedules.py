"""`--schedule`: of one solver, of all, of each; and networks that depend on the images, which are said in one line."""

import json

import pytest
from typer.testing import CliRunner

from curveball.cli.app import app


def command(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="curveball")


def rates(folder):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line.get("lr") for line in lines if line["kind"] == "step"]


def test_one_solver(tmp_path):
    options = ["--network", "mlp", "--epochs", 2, "--quiet", "--solver", "sgd:lr=0.1"]
    result = command("train", *options, "--schedule", "step:epochs=1", "--out", tmp_path)
    assert result.exit_code == 0
    assert rates(tmp_path) == pytest.approx([0.1] * 22 + [0.01] * 22)


def test_the_folder_has_the_schedule_in_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--network", "mlp", "--epochs", 1, "--quiet", "--solver", "sgd", "--schedule", "step:epochs=1/2"]
    assert command("train", *options).exit_code == 0
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["digits-mlp-sgd-step-epochs=1-2-seed0"]


@pytest.mark.parametrize(("schedules", "scheduled"), [
    (["cosine"], [True, True]), (["cosine", "constant"], [True, False]), ([], [False, False]),
])  # fmt: skip
def test_several_solvers(schedules, scheduled, tmp_path):
    options = ["--network", "mlp", "--epochs", 1, "--quiet", "--solver", "sgd", "--solver", "adam", "--out", tmp_path]
    result = command("compare", *options, *(x for text in schedules for x in ("--schedule", text)))
    assert result.exit_code == 0, result.stderr
    for solver, expected in zip(("sgd", "adam"), scheduled, strict=True):
        assert (rates(tmp_path / f"{solver}-seed0")[0] is not None) is expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["train", "--schedule", "linear"],
            "unknown schedule 'linear': there are constant, step, pieces, cosine, warmup",
        ),
        (
            ["train", "--solver", "levenberg-marquardt", "--schedule", "cosine"],
            "LevenbergMarquardt has no learning rate lr",
        ),
        (["compare", "--schedule", "cosine", "--schedule", "cosine"], "--schedule is given 2 times for 4 solvers"),
        (["train", "--network", "random:x"], "random:SEED takes a number of at most 18 digits"),
        (["train", "--network", "vgg-f"], "images of 8 x 8 are too small for the network vgg-f: it takes 25 x 25"),
    ],
)
def test_bad_options(options, words, tmp_path):
    result = command(*options, "--epochs", 1, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr.startswith("curveball: ")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_random_network_is_said_and_logged(tmp_path):
    options = ["--network", "random:3", "--epochs", 1, "--quiet", "--out", tmp_path]
    result = command("train", *options)
    line = next(line for line in result.stdout.splitlines() if line.startswith("random:3 for 8 x 8 pixels: conv "))
    about = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])
    assert line.endswith(about["layers"])
    assert about["network"] == "random:3"
    again = command("train", *options[2:], "--network", "random:4", "--resume")
    assert again.exit_code == 2
    assert "was written with network=random:3, this run has network=random:4" in again.stderr
