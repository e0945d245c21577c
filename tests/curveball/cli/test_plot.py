"""`curveball plot`, `--live`, `--format`: what is drawn, where to, and what is refused."""

import io
import json
import re
import sys

import pytest
from matplotlib import pyplot
from typer.testing import CliRunner

from curveball import plot_runs
from curveball.cli.app import app
from curveball.figures import terminal_screen, windows
from curveball.figures.formats import FORMATS
from curveball.training.run import Run

BEGINS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


def command(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], prog_name="curveball")


@pytest.fixture
def logs(tmp_path):
    """A run of two epochs for each of two solvers, and of two seeds for one."""
    for name, seed in (("curveball", 0), ("curveball", 1), ("sgd:lr=0.1", 0)):
        folder = tmp_path / f"{name[:3]}{seed}"
        folder.mkdir()
        about = {"kind": "run", "name": name, "seed": seed, "data": "digits", "network": "mlp", "batch_size": 64}
        steps = [
            {"kind": "step", "step": k, "epoch": 1 + k // 6, "loss": 1.0 / k + seed, "seconds": 0.1 * k}
            for k in range(1, 11)
        ]
        if name == "curveball":
            steps = [{**step, "rho": 0.5} for step in steps]
        epochs = [
            {"kind": "epoch", "epoch": k, "step": 5 * k, "validation_error": 0.1, "seconds": 0.5 * k} for k in (1, 2)
        ]
        records = [about, *steps[:5], epochs[0], *steps[5:], epochs[1]]
        (folder / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return tmp_path


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_of_each_format(logs, kind):
    out = logs / f"runs.{kind}"
    result = command("plot", logs, "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out}: 3 runs\n"
    assert out.read_bytes().startswith(BEGINS[kind])
    before = out.read_bytes()
    assert command("plot", logs, "--out", out).exit_code == 0
    assert out.read_bytes() == before  # the same runs, the same bytes


def test_what_is_drawn(logs):
    figure = plot_runs([logs / "cur0", logs / "cur1", logs / "sgd0"], ["loss", "rho", "validation_error"], "epoch", 1)
    assert [ax.get_ylabel() for ax in figure.axes] == ["training loss", "momentum ρ", "validation error, %"]
    assert [[text.get_text() for text in ax.texts] for ax in figure.axes] == [
        ["CurveBall", "SGD, lr 0.1"], ["CurveBall"], ["CurveBall", "SGD, lr 0.1"],
    ]  # fmt: skip
    loss, rho, error = ([line for line in ax.lines if not line.get_label().startswith("_")] for ax in figure.axes)
    assert loss[0].get_xdata().tolist() == pytest.approx([0.2 * k for k in range(1, 11)])  # epochs of five steps
    assert loss[0].get_ydata().tolist() == pytest.approx([1.0 / k + 0.5 for k in range(1, 11)])  # the mean of two seeds
    assert len(figure.axes[0].lines) == 2 + 3  # and each run
    assert set(rho[0].get_ydata()) == {0.5}
    assert error[1].get_ydata().tolist() == [10.0, 10.0]
    assert figure.get_suptitle() == "mlp on digits, batches of 64"
    pyplot.close("all")


def test_runs_as_training_returned_them():
    runs = [Run("SGD", None, [{"step": k, "epoch": 1, "loss": 1.0, "seconds": 1.0} for k in (1, 2)])] * 2
    figure = plot_runs(runs, x="step")
    assert [text.get_text() for text in figure.axes[0].texts] == ["SGD"]
    pyplot.close("all")


@pytest.mark.parametrize(("more", "axes", "places"), [(["loss"] * 4, 4, 2), (["loss"] * 5, 5, 3)])
def test_many_panels_stand_in_rows(logs, more, axes, places):
    figure = plot_runs(logs, more)
    assert len(figure.axes) == axes
    assert len({round(ax.get_position().x0, 2) for ax in figure.axes}) == places
    pyplot.close("all")


def test_on_a_terminal(logs):
    result = command("plot", logs, "--terminal", "--y", "loss")
    assert result.exit_code == 0, result.output
    assert "training loss" in result.stdout
    assert result.stdout.splitlines()[-1] == "── CurveBall  ── SGD, lr 0.1"


def test_a_window(logs, monkeypatch):
    shown = []
    monkeypatch.setattr(windows, "show", lambda: shown.append(pyplot.get_fignums()))
    monkeypatch.setattr(pyplot, "get_backend", lambda: "TkAgg")
    assert command("plot", logs).exit_code == 0
    assert len(shown[0]) == 1
    pyplot.close("all")


@pytest.mark.parametrize(("arguments", "message"), [
    ([], "no window can be opened here: give a file, as in --out runs.png, or --terminal"),
    (["--out", "x.jpg"], "--out x.jpg must end in .png, .svg, .pdf: the format of the figure"),
    (["--out", "x"], "--out x must end in .png, .svg, .pdf: the format of the figure"),
    (["--out", "none/x.png"], "none/x.png cannot be written (No such file or directory): give another file with --out"),
    (["--out", "x.png", "--terminal"], "--terminal and --out are two ways to draw: give one"),
    (["--window", "0"], "--window must be at least 1; got 0"),
    (["--x", "loss"], "runs are drawn against step, epoch, seconds; got 'loss'"),
    (["--y", "foo"], "none of the runs has 'foo': they have loss, rho, validation_error"),
    (["nowhere"], "there is no file or folder nowhere: give the folder of a run, its log.jsonl, the folder of a "
     "comparison, or its results.json"),
])  # fmt: skip
def test_bad_input_is_one_line(logs, monkeypatch, arguments, message):
    monkeypatch.chdir(logs)
    result = command("plot", logs, *arguments)
    assert result.exit_code == 2
    assert result.stderr == f"curveball: {message}\n"
    assert result.stdout == ""
    assert not pyplot.get_fignums()


def test_plot_without_runs():
    result = command("plot")
    assert result.exit_code == 2
    assert result.stderr.startswith("curveball: Missing argument 'RUN...'.")


# ------------------------------------------------------------------------------------- while it trains

SHORT = ["--network", "mlp", "--epochs", "1", "--solver", "sgd"]


@pytest.fixture
def terminal(monkeypatch):
    """What is drawn on the terminal."""
    file, console = io.StringIO(), terminal_screen.Console
    monkeypatch.setattr(
        terminal_screen, "Console", lambda stderr: console(file=file, force_terminal=True, width=100, color_system=None)
    )
    screen = terminal_screen.TerminalScreen
    monkeypatch.setattr("curveball.figures.live.find_screen", lambda: screen([("loss", "step")]))
    return file


@pytest.mark.parametrize("name", ["train", "compare"])
def test_live(name, terminal, tmp_path):
    result = command(name, *SHORT, "--live", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "training loss" in terminal.getvalue()
    assert "SGD" in terminal.getvalue()
    assert result.stderr == ""  # no bar, and no line for each epoch
    assert result.stdout.splitlines()[0].startswith("|")


def test_live_without_a_terminal(tmp_path):
    result = command("train", *SHORT, "--live", "--out", tmp_path)
    assert result.exit_code == 0
    assert result.stderr == (
        "curveball: there is no notebook and no terminal to draw in while it trains: curveball plot draws the log\n"
    )


# ------------------------------------------------------------------------------------- formats, and tables


def test_figures_of_a_comparison_as_svg(tmp_path):
    result = command("compare", *SHORT, "--quiet", "--format", "svg", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    figures = {"losses.svg", "figure2.svg", "figure3.svg"}
    assert {path.name for path in tmp_path.glob("*.svg")} == figures
    assert not list(tmp_path.glob("*.png"))
    assert result.stdout.splitlines()[-1].startswith("losses.svg, figure2.svg, figure3.svg, table2.md, ")
    assert command("compare", *SHORT, "--quiet", "--out", tmp_path).exit_code == 0
    assert figures < {path.name for path in (tmp_path / "previous").iterdir()}


@pytest.mark.parametrize("name", ["compare", "figure1", "random", "pays"])
def test_a_format_that_is_not_known(name, tmp_path):
    result = command(name, "--format", "jpg", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr == "curveball: the format of figures must be png, svg, pdf; got 'jpg'\n"
    assert not list(tmp_path.iterdir())


def plain(text):
    """Without what makes it bold."""
    return re.sub("\x1b\\[[0-9;]*m", "", text)


TABLE = "before\n\n| solver | loss |\n|---|---|\n| sgd:lr=0.1 | 0.5 |\n| [b]x[/b] | - |\n\nafter"


@pytest.mark.parametrize("width", [100, 12])
def test_tables_on_a_terminal(width, monkeypatch, capsys):
    """All that is in the table is there, also where it is too wide."""
    from curveball.cli.tables import print_tables

    monkeypatch.setenv("COLUMNS", str(width))
    print_tables(TABLE)
    assert capsys.readouterr().out == TABLE + "\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    print_tables(TABLE)
    text = plain(capsys.readouterr().out)
    assert "|" not in text
    assert text.startswith("before")
    assert text.rstrip().endswith("after")
    for word in ("solver", "loss", "sgd:lr=0.1", "[b]x[/b]", "0.5"):
        assert word in text or width < 100
    letters = "".join(text.split())
    assert sorted(letters.replace("─", "")) == sorted("".join(TABLE.split()).replace("|", "").replace("------", ""))


def test_a_wide_table_lies_down(monkeypatch, capsys):
    from curveball.cli.tables import print_tables

    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    print_tables("| solver | one number | another | a third |\n|---|---|---|---|\n| sgd | 1 | 2 | 3 |\n")
    rows = [line.split() for line in plain(capsys.readouterr().out).splitlines() if line.strip(" ─")]
    assert rows == [["solver", "sgd"], ["one", "number", "1"], ["another", "2"], ["a", "third", "3"]]
