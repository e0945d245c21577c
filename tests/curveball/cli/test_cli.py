"""The command line: what it prints and writes, and that whatever is wrong is said in one line."""

import json
import subprocess
import sys
from typing import get_args, get_type_hints

import numpy as np
import pytest
from typer.testing import CliRunner

from curveball.cli.app import app
from curveball.cli.numbers import number, whole_number
from curveball.cli.options import ProblemOptions
from curveball.cli.runs import default_folder, on_devices
from curveball.experiments.compare import FILES
from curveball.experiments.tables import table
from curveball.solvers.registry import SOLVERS, solver_from
from curveball.training.provenance import provenance
from curveball.training.run import Run
from problems import load

SHORT = ["--network", "mlp", "--epochs", "1", "--quiet"]
COMMANDS = ["train", "compare", "table1", "figure1", "random", "info", "course"]


def command(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], prog_name="curveball")


def rows(text):
    return [line.split("|") for line in text.splitlines() if line.startswith("|")]


def test_train(tmp_path):
    result = command("train", *SHORT, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.safetensors", "log.jsonl"]
    heading, _, row = rows(result.stdout)
    assert [cell.strip() for cell in heading[1:4]] == ["solver", "train loss", "train error"]
    assert row[1].strip() == "curveball"
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert float(row[2]) == pytest.approx(records[-1]["train_loss"], abs=1e-4)
    assert result.stdout.splitlines()[-1] == f"log and checkpoint in {tmp_path}"
    assert result.stderr == ""


def test_train_resumes(tmp_path):
    for out, epochs, more in (("whole", 2, ()), ("parts", 1, ()), ("parts", 2, ("--resume",))):
        result = command("train", *SHORT[:2], "--quiet", "--epochs", epochs, "--out", tmp_path / out, *more)
        assert result.exit_code == 0, result.output
    last = [(tmp_path / out / "log.jsonl").read_text().splitlines()[-1] for out in ("whole", "parts")]
    one, two = ({k: v for k, v in json.loads(line).items() if k != "seconds"} for line in last)
    assert one == two


def test_train_writes_under_runs_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = command("train", *SHORT, "--solver", "sgd:lr=0.1,momentum=0.5", "--seed", "3")
    assert result.exit_code == 0
    assert (tmp_path / "runs/digits-mlp-sgd-lr=0.1-momentum=0.5-seed3/checkpoint.safetensors").exists()


def test_train_that_diverges_exits_1(tmp_path):
    result = command("train", *SHORT, "--solver", "sgd:lr=3e38", "--out", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("curveball: the loss is ")
    assert "last finite loss: " in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["train", "compare"])
def test_divergence_that_stays_finite(name, tmp_path):
    result = command(name, *SHORT, "--solver", "sgd:lr=1e10", "--out", tmp_path)
    assert result.exit_code == 1
    text = result.stderr if name == "train" else result.stdout
    assert "where runs end (--diverged-above); last loss below: " in text
    if name == "train":
        assert len(text.splitlines()) == 1
        assert result.stdout.splitlines()[-1] == f"log, but no checkpoint, in {tmp_path}"
    result = command(name, *SHORT, "--solver", "sgd:lr=1e10", "--diverged-above", "inf", "--out", tmp_path / "2")
    assert "--diverged-above" not in result.output


def test_save_every(tmp_path):
    assert command("train", *SHORT, "--save-every", "5", "--out", tmp_path).exit_code == 0
    assert (tmp_path / "checkpoint-before.safetensors").exists()  # one epoch only: it was written within


def test_compare_with_a_solver_twice(tmp_path):
    result = command("compare", *SHORT, "--solver", "sgd", "--solver", "adam", "--solver", "sgd", "--out", tmp_path)
    assert result.exit_code == 2
    assert result.stderr == "curveball: --solver sgd is given twice: give it once\n"


def test_compare_resumes_no_typo(tmp_path):
    result = command("compare", *SHORT, "--resume", "--out", tmp_path / "typo")
    assert result.exit_code == 2
    assert "there is no checkpoint of these runs in" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_compare(tmp_path):
    """By default the paper's four solvers; how each ended, Table 2, and the files."""
    result = command("compare", *SHORT, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    labels = ["curveball", "curveball-adapt_lam=false", "sgd-lr=0.01", "adam-lr=0.001"]
    folders = [f"{label}-seed0" for label in labels]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*folders, *FILES])
    ended, second = result.stdout.split("Table 2, mlp on digits, batches of 64, 1 epoch: ")
    names = ["curveball", "curveball:adapt_lam=false", "sgd:lr=0.01", "adam:lr=0.001"]
    for part, width in ((ended, 8), (second, 4)):
        assert [row[1].strip() for row in rows(part)[2:]] == names
        assert {len(row) for row in rows(part)} == {width + 3}
        assert len({len(line) for line in part.splitlines() if line.startswith("|")}) == 1  # aligned
    results = json.loads((tmp_path / "results.json").read_text())
    assert [run["solver"] for run in results["runs"]] == names
    assert {"data", "network", "batch_size", "epochs", "seed", "seeds", "versions", "processor"} <= set(results)
    losses = []
    for name in folders:
        steps = [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        losses.append([r["loss"] for r in steps if r["kind"] == "step"])
    assert len({loss[0] for loss in losses}) == 1  # the same start, the same first batch
    assert len({loss[1] for loss in losses}) == 3  # with lambda fixed CurveBall's second step is still the same
    assert losses[0][-1] != losses[1][-1]


def test_compare_with_a_run_that_diverges(tmp_path):
    result = command("compare", *SHORT, "--solver", "sgd:lr=3e38", "--solver", "adam", "--out", tmp_path)
    assert result.exit_code == 1
    _, _, bad, good, *_ = rows(result.stdout)
    assert bad[2].strip().startswith("stopped: the loss is ")
    assert float(good[2]) > 0.0
    assert (tmp_path / "losses.png").exists()
    assert [run["stopped"] is None for run in json.loads((tmp_path / "results.json").read_text())["runs"]] == [
        False,
        True,
    ]


def test_compare_over_seeds_and_resumed(tmp_path, monkeypatch):
    """One solver, two seeds; then a third, without repeating the two."""
    options = ["compare", *SHORT, "--solver", "sgd", "--seed", "5", "--out", tmp_path]
    assert command(*options, "--seeds", "2").exit_code == 0
    before = {k: (tmp_path / f"sgd-seed{k}" / "log.jsonl").read_bytes() for k in (5, 6)}
    result = command(*options, "--seeds", "3", "--resume")
    assert result.exit_code == 0, result.output
    assert {k: (tmp_path / f"sgd-seed{k}" / "log.jsonl").read_bytes() for k in (5, 6)} == before
    assert (tmp_path / "sgd-seed7" / "log.jsonl").exists()
    assert all("±" in row[2] for row in rows(result.stdout) if row[1].strip() == "sgd")
    monkeypatch.chdir(tmp_path)
    result = command(*options[:-2], "--seeds", "2")
    assert result.exit_code == 0
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["compare-digits-mlp-sgd-seed5-6"]


@pytest.mark.parametrize("seeds", ["0", "-2"])
def test_compare_without_seeds(seeds, tmp_path):
    result = command("compare", *SHORT, "--seeds", seeds, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr == f"curveball: seeds must be at least 1; got {seeds}\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["train", "compare"])
def test_an_output_folder_that_cannot_be(name, tmp_path):
    result = command(name, *SHORT, "--out", tmp_path / ("x" * 300))
    assert result.exit_code == 2
    assert result.stderr.endswith("cannot be written (File name too long): choose another with --out\n")
    assert len(result.stderr.splitlines()) == 1


def test_many_solvers_have_a_folder_with_a_name_that_fits():

    def name(count):
        solvers = "-vs-".join(f"curveball:lam={k},adapt_lam=false" for k in range(1, count))
        return default_folder("compare", ProblemOptions(network="mlp"), load("digits"), solvers, 3).name

    assert name(2) == "compare-digits-mlp-curveball-lam=1-adapt_lam=false-seed3"
    assert len({name(count) for count in (20, 21, 22)}) == 3  # alike at their beginning
    assert all(len(name(count)) < 160 and name(count).endswith("-seed3") for count in (5, 20))


def test_runs_on_other_numbers_of_devices_have_folders_of_their_own(tmp_path):
    run = tmp_path / "digits-mlp-sgd-lr=[0.1]-seed0"
    assert on_devices(run, 2, resume=False).name == "digits-mlp-sgd-lr=[0.1]-seed0-devices2"
    on_devices(run, 2, resume=False).mkdir()
    assert on_devices(run, 4, resume=False).name.endswith("-devices4")
    assert on_devices(run, 4, resume=True).name.endswith("-devices2")  # the run that there is goes on
    on_devices(run, 8, resume=False).mkdir()
    assert [on_devices(run, n, resume=True).name[-8:] for n in (2, 4, 8)] == ["devices2", "devices4", "devices8"]


@pytest.mark.parametrize(("steps", "message"), [
    (30, "has the finished epochs: continue with --resume"), (3, "no epoch was finished"),
])  # fmt: skip
@pytest.mark.parametrize("name", ["train", "compare"])
def test_interrupted(name, steps, message, tmp_path, monkeypatch):
    solver, count = SOLVERS["curveball"], []
    step = solver.step

    def interrupted(self, *args, **kwargs):
        count.append(None)
        if len(count) == steps:
            raise KeyboardInterrupt
        return step(self, *args, **kwargs)

    options = ["--network", "mlp", "--epochs", "2", "--quiet", "--solver", "curveball", "--out", tmp_path]
    with monkeypatch.context() as patch:
        patch.setattr(solver, "step", interrupted)
        result = command(name, *options)
    assert result.exit_code == 130
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    if steps > 22:  # the first epoch is done
        assert command(name, *options, "--resume").exit_code == 0


def test_help_names_every_network_and_solver():
    from problems import NETWORKS

    text = "".join(command("compare", "--help").stdout.split())  # lines break at hyphens too
    assert all(name in text for name in (*NETWORKS, *SOLVERS))
    assert "curveball,curveball:adapt_lam=false,sgd:lr=0.01,adam:lr=0.001" in text


@pytest.mark.parametrize("name", ["train", "compare"])
@pytest.mark.parametrize(("options", "message"), [
    (["--data", "nowhere"], "unknown data set 'nowhere': there are "),
    (["--network", "resnet"], "unknown network 'resnet': there are basic, "),
    (["--solver", "lion"], "unknown solver 'lion': there are adam, "),
    (["--solver", ""], "unknown solver ''"),
    (["--solver", "sgd:rate=1"], "'rate=1' is not an option of sgd: write sgd:KEY=VALUE,... with the keys lr, "),
    (["--solver", "sgd:lr"], "'lr' is not an option of sgd"),
    (["--solver", "sgd:lr=fast"], "lr must be a number, true, false or none; got 'fast'"),
    (["--solver", "sgd:lr=none"], "lr must be a positive number; got None"),
    (["--solver", "sgd:lr=nan"], "lr must be a positive number; got nan"),
    (["--solver", "sgd:momentum=1"], "momentum must be a number in [0, 1); got 1"),
    (["--solver", "curveball:lam_every=2.5"], "lam_every must be a whole number of at least 1; got 2.5"),
    (["--dtype", "float16"], "dtype must be float32 or float64; got 'float16'"),
    (["--initialisation", "zero"], "unknown initialisation 'zero': there are he, xavier"),
    (["--epochs", "0"], "epochs must be at least 1; got 0"),
    (["--log-every", "-1"], "log_every must be at least 1; got -1"),
    (["--batch-size", "0"], "batch_size must be from 1 to 1437, the training images of digits; got 0"),
    (["--batch-size", "1438"], "batch_size must be from 1 to 1437, the training images of digits; got 1438"),
    (["--save-every", "often"], "save_every must be steps as in 500, or time as in 30s, 10min, 2h; got 'often'"),
    (["--diverged-above", "1"], "diverged_above must be more than 1; got 1"),
    (["--diverged-above", "nan"], "diverged_above must be more than 1; got nan"),
    (["--solver", "sgd:lr=0.1,lr=0.2"], "lr is given twice: give it once"),
    (["--seed", "-1"], "seed must be zero or positive; got -1"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else "")  # fmt: skip
def test_bad_input_is_one_line(name, options, message, tmp_path):
    result = command(name, *SHORT, *options, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.startswith("curveball: ")
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["train", "compare", "table1", "figure1"])
def test_a_folder_that_cannot_be_written(name, tmp_path):
    (tmp_path / "file").write_text("mine")
    result = command(name, *(SHORT if name in ("train", "compare") else []), "--out", tmp_path / "file" / "below")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    assert "choose another with --out" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"


def test_resume_without_a_checkpoint(tmp_path):
    result = command("train", *SHORT, "--out", tmp_path / "out", "--resume")
    assert result.exit_code == 2
    assert "there is no checkpoint" in result.stderr
    assert "start the run without --resume first" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name):
    result = command(name, "--help")
    assert result.exit_code == 0
    assert f"curveball {name}" in result.stdout
    if name not in ("info", "course"):
        assert "--seed" in result.stdout
        assert "--out" in result.stdout


def test_help_lists_the_commands():
    result = command("--help")
    assert result.exit_code == 0
    assert all(f"  {name} " in result.stdout for name in COMMANDS)


def test_info():
    result = command("info", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert set(provenance()) < set(found)
    assert found["versions"]["numpy"] == np.__version__
    assert found["python"] == sys.version.split()[0]
    assert found["cores"] >= 1


def test_as_a_program(tmp_path):
    """The installed entry point in a process of its own."""
    program = [sys.executable, "-c", "from curveball.cli.main import main; main()"]
    arguments = ["train", "--epochs", "0", "--out", str(tmp_path / "out")]
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "curveball: epochs must be at least 1; got 0\n"
    done = subprocess.run([*program, "info", "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout)["command"].endswith("info --json")


@pytest.mark.parametrize("text", ["curveball", "sgd", "adam", "curveball:"])
def test_a_name_alone_is_the_defaults(text):
    name = text.rstrip(":")
    assert solver_from(text) == SOLVERS[name]()


def test_values_have_the_types_they_look_like():
    solver = solver_from("curveball:lr=1,lam=1e-2,rho=none,adapt_lam=False,lam_every=3")
    assert (solver.lr, solver.lam, solver.rho, solver.adapt_lam, solver.lam_every) == (1, 0.01, None, False, 3)


def test_table_of_a_run_that_never_began():
    text = table([Run("sgd", {}, stopped="the loss is nan at step 1; last finite loss: none")])
    assert "stopped: the loss is nan at step 1" in text


@pytest.mark.parametrize(
    "words",
    [
        ["table1", "--foo"],
        ["table1", "--runs", "abc"],
        ["tabl"],
        ["figure1", "--noise", "1"],
        ["info", "extra"],
        ["train", "--runs", "3"],
    ],
    ids=" ".join,
)
def test_what_is_not_in_the_command_line_is_one_line(words):
    result = command(*words)
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith("curveball: ")


def options_of_numbers():
    """Each option whose value is a number, in every command: the command, the option, its type, how many numbers."""
    for entry in app.registered_commands:
        for name, kind in get_type_hints(entry.callback).items():
            parts = set(get_args(kind)) - {type(None)} or {kind}
            types = {each for part in parts for each in get_args(part) or (part,)}
            if types & {int, float}:
                yield entry.callback.__name__, "--" + name.replace("_", "-"), int in types, 1 + (name == "noise")


NUMBERS = list(options_of_numbers())
ARGUMENTS = {"grade": ("submissions",)}  # that a command needs


def test_there_are_options_of_numbers():
    assert len(NUMBERS) > 25
    assert {("train", "--epochs", True, 1), ("train", "--diverged-above", False, 1)} <= set(NUMBERS)
    assert ("figure1", "--noise", False, 2) in NUMBERS


@pytest.mark.parametrize(
    "text", ["1_0", " 1", "\u0663", "0x10", "1e999", "9" * 400, "x", ""],
    ids=["underscore", "space", "arabic", "hexadecimal", "1e999", "400 digits", "x", "empty"],
)  # fmt: skip
def test_what_is_no_number(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, option, whole, count in NUMBERS:
        result = command(name, *ARGUMENTS.get(name, ()), option, *[text] * count)
        assert result.exit_code == 2, (name, option, result.output)
        assert len(result.stderr.strip().splitlines()) == 1
        assert len(result.stderr) < 200
        kind = "a whole number" if whole else "a number"
        assert result.stderr.startswith(f"curveball: Invalid value for '{option}': must be {kind}"), result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["1.0", "1e3", "nan"])
def test_what_is_no_whole_number(text):
    result = command("train", "--epochs", text)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"curveball: Invalid value for '--epochs': must be a whole number; got '{text}'")


def test_numbers_as_they_are_written(tmp_path):
    result = command("train", *SHORT, "--diverged-above", "inf", "--seed", "+3", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert whole_number("-7") == -7
    assert (number("-.5"), number("1e-3"), number("2."), number("INF")) == (-0.5, 1e-3, 2.0, float("inf"))
    assert (whole_number(5), number(5)) == (5, 5.0)  # a default


@pytest.mark.parametrize("words", [["figure1", "--start", "1_0,2"], ["figure1", "--start", "1,\u0663"]])
def test_lists_of_numbers(words, tmp_path):
    result = command(*words, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "--start takes 2 numbers separated by commas" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_result_that_cannot_take_its_place_leaves_nothing(tmp_path):
    (tmp_path / "table1.csv").mkdir()
    result = command("table1", "--runs", "1", "--jobs", "1", "--out", tmp_path)
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["table1.csv"]


@pytest.mark.parametrize("words", [[], ["data"]])
def test_no_words_at_all_show_the_help(words):
    result = command(*words)
    assert "Commands:" in result.stderr
    assert len(result.stderr.splitlines()) > 5
