"""`curveball predict`, files of one's own, solvers and networks by module:name: what is printed, and every error."""

import json
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from curveball.cli.app import app
from problems import load

RNG = np.random.default_rng(0)
DIGITS = load("digits")
FLOWERS = "length,width,kind\n" + "".join(
    f"{k % 3 + RNG.normal(0, 0.1):.3f},{RNG.normal():.3f},{'abc'[k % 3]}\n" for k in range(90)
)
OWN = """
from dataclasses import dataclass
from curveball.solvers.sgd import SGD
from problems.vision.layers import Dense
from problems.vision.networks import Network

@dataclass(frozen=True)
class Slow(SGD):
    lr: float = 0.01

@dataclass(frozen=True)
class Needs:
    lr: float
    def init(self, params): ...
    def step(self, params, state, model, loss, has_aux=False): ...

class Plain:
    init = step = print

def small(classes): return Dense(12), Dense(classes)
def shaped(classes, shape): return [Dense(shape[0]), Dense(classes)]
def ready(classes): return Network("mine", (Dense(classes),))
def raises(classes): raise KeyError("no such thing")
def nothing(classes): return 5
def narrow(classes): return (Dense(3),)
"""


def command(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], prog_name="curveball")


def said(result):
    """The one line of an error."""
    assert result.exit_code == 2, result.output
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("curveball: ")
    return result.stderr


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    result = command("train", "--network", "mlp", "--epochs", 5, "--quiet", "--out", folder / "run")
    assert result.exit_code == 0, result.output
    for k in range(3):
        Image.fromarray((DIGITS.validation_images[k, :, :, 0] * 255.0 / 16.0).round().astype(np.uint8)).save(
            folder / f"{k}.png"
        )
    Image.new("RGB", (40, 60), "white").save(folder / "large.jpg")
    return folder


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_parts.py").write_text(OWN)
    (tmp_path / "broken.py").write_text("import nothing_of_this_name")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("own_parts", None)


def test_images(trained):
    images = [trained / f"{k}.png" for k in range(3)]
    result = command("predict", trained / "run", *images, "--top", 2)
    assert result.exit_code == 0, result.output
    heading, *rows = [line.split() for line in result.stdout.splitlines()]
    assert heading == ["input", *["label", "probability"] * 2]
    assert [row[0] for row in rows] == list(map(str, images))
    assert [int(row[1]) for row in rows] == DIGITS.validation_labels[:3].tolist()
    found = json.loads(command("predict", trained / "run", *images, "--json").stdout)
    for row, each in zip(rows, found, strict=True):
        assert each["label"] == row[1]
        assert sum(each["probabilities"].values()) == pytest.approx(1.0)
        assert each["probabilities"][row[1]] == pytest.approx(float(row[2]), abs=6e-4)
    assert command("predict", trained / "run", trained / "large.jpg", "--resize").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["run", "large.jpg"], "is 60 x 40 pixels (height x width), colours; the network takes 8 x 8, grey"),
        (["run", "none.png"], "there is no image"),
        (["run", "run/log.jsonl"], "is no image that can be read"),
        (["run", "table.csv"], "was not trained on one: it takes 8 x 8 pixels of 1 channel"),
        (["none", "0.png"], "there is no checkpoint"),
        (["0.png", "0.png"], "is not a checkpoint that can be read"),
        (["run"], "Missing argument"),
        (["run", "0.png", "--top", "0"], "--top must be at least 1; got 0"),
        (["run", "0.png", "--network", "cnn"], "it was trained as dense 64, tanh, dense 10"),
    ],
)
def test_what_cannot_be_predicted(arguments, text, trained, monkeypatch):
    monkeypatch.chdir(trained)
    assert text in said(command("predict", *arguments))


def test_a_table(tmp_path):
    path = tmp_path / "flowers.csv"
    path.write_text(FLOWERS)
    result = command("train", "--data", path, "--label", "kind", "--epochs", 5, "--quiet", "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert f"{path}: 72 to train, 18 to validate, of 2 numbers; 3 classes: a, b, c" in result.stdout
    path.write_text("width,colour,length\n0.5,red,1.9\n0.1,red,0.1\n")  # columns are found by their names
    rows = [line.split() for line in command("predict", tmp_path / "run", path).stdout.splitlines()]
    assert [row[:2] for row in rows[1:]] == [[f"{path}:2", "c"], [f"{path}:3", "a"]]
    path.write_text("width,length\n0.5,1.0\n0.1,nan\n")
    message = said(command("predict", tmp_path / "run", path))
    assert "flowers.csv:3 has a number that is not finite: replace it, or leave it out" in message
    path.write_text("width\n0.5\n")
    assert "has no column length: its columns are width" in said(command("predict", tmp_path / "run", path))
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    assert "is no table: the network takes 2 numbers" in said(command("predict", tmp_path / "run", tmp_path / "a.png"))


def test_numbers_in_arrays_and_compare(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = RNG.normal(size=(50, 2))
    np.savez("mine.npz", inputs=x, targets=3.0 + x[:, 0])
    result = command("compare", "--data", "mine.npz", "--solver", "sgd:lr=0.01", "--epochs", 2, "--quiet")
    assert result.exit_code == 0, result.output
    run = "runs/compare-mine-mlp-sgd-lr=0.01-seed0/sgd-lr=0.01-seed0"
    rows = command("predict", run, "mine.npz").stdout.splitlines()
    assert rows[0].split() == ["input", "target"]
    assert len(rows) == 51
    found = json.loads(command("predict", run, "mine.npz", "--json").stdout)
    assert found[49]["input"] == "mine.npz[49]"
    assert found[0]["values"]["target"] == pytest.approx(float(rows[1].split()[1]), rel=1e-4)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--data", "none.npz"], "none.npz"),
        (["--data", "flowers.csv"], "which column is to be predicted?"),
        (
            ["--data", "flowers.csv", "--label", "kind", "--network", "cnn"],
            "is a table, and the network cnn takes images",
        ),
        (["--data", "flowers.csv", "--label", "kind", "--augment"], "leave out --augment"),
        (["--data", "flowers.csv", "--label", "kind", "--data-folder", "."], "takes neither a folder nor a size"),
        (["--data", "flowers.csv", "--label", "kind", "--batch-size", "100"], "batch_size must be from 1 to 72"),
        (["--label", "kind"], "digits has none: leave them out"),
    ],
)
def test_files_that_cannot_be_trained_on(options, text, own):
    (own / "flowers.csv").write_text(FLOWERS)
    assert text in said(command("train", *options, "--epochs", 1, "--quiet"))


def test_a_solver_and_a_network_of_ones_own(own, trained):
    image = trained / "0.png"
    for network, layers in (("small", 12), ("shaped", 8), ("ready", 0)):
        options = ["--network", f"own_parts:{network}", "--solver", "own_parts:Slow:momentum=0.5"]
        result = command("train", *options, "--epochs", 1, "--quiet", "--out", "run")
        assert result.exit_code == 0, result.output
        log = json.loads((own / "run/log.jsonl").read_text().splitlines()[0])
        assert (log["solver"], log["lr"], log["momentum"]) == ("Slow", 0.01, 0.5)
        assert log["network"] == f"own_parts:{network}"
        assert log["layers"].startswith(f"dense {layers or 10}")
        assert f"give it too (--network own_parts:{network})" in said(command("predict", "run", image))
        assert command("predict", "run", image, "--network", f"own_parts:{network}").exit_code == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--solver", "own_parts:Fast"], "own_parts has no Fast; it has "),
        (["--solver", "own_parts:small"], "must be a class with init(params) and step("),
        (["--solver", "own_parts:Plain"], "must be a dataclass of hyper-parameters"),
        (["--solver", "own_parts:Needs"], "--solver own_parts:Needs: "),
        (["--solver", "own_parts:Slow:speed=3"], "is not an option of own_parts:Slow"),
        (["--solver", "none_such:Slow"], "there is no module none_such in "),
        (["--solver", "broken:Slow"], "broken cannot be imported (No module named 'nothing_of_this_name')"),
        (["--solver", "none_such"], "unknown solver 'none_such'"),
        (["--network", "own_parts:large"], "own_parts has no large; it has "),
        (["--network", "own_parts:raises"], "--network own_parts:raises: KeyError: 'no such thing'"),
        (
            ["--network", "own_parts:nothing"],
            "must return layers, as problems.vision.layers has them, in a tuple; got 5",
        ),
        (["--network", "own_parts:narrow"], "has outputs (3,), and there are 10 to predict"),
        (["--network", "own_parts:small:x"], "write module:function, without options"),
        (["--network", "own_parts:OWN"], "has no OWN"),
        (["--network", "none_such:small"], "there is no module none_such in "),
        (["--network", "none_such"], "unknown network 'none_such'"),
    ],
)
def test_code_that_cannot_be_used(options, text, own):
    assert text in said(command("train", *options, "--epochs", 1, "--quiet"))
    assert not (own / "runs").exists()
