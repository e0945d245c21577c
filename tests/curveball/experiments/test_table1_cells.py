"""Table 1 keeps what is done: interrupted, killed, on a full disk, and resumed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict

import pytest
from typer.testing import CliRunner

from curveball.cli.app import app
from curveball.experiments import table1, table1_cells
from curveball.experiments.parallel import WorkerKilled
from curveball.experiments.sealed import sealed
from curveball.experiments.table1 import COLUMNS, FILES, ROWS, Cell
from curveball.experiments.table1_cells import CellFiles
from curveball.training.lock import locked

NAMES = ("CurveBall", "Newton, exact Hessian")


def command(*arguments, runs=2, seed=4):
    given = ["table1", "--runs", runs, "--seed", seed, "--jobs", 1, *arguments]
    return CliRunner().invoke(app, list(map(str, given)))


@pytest.fixture
def short(monkeypatch):
    """Two fast rows, that is eight cells; the ones that are computed."""
    monkeypatch.setattr(table1, "ROWS", {name: ROWS[name] for name in NAMES})
    monkeypatch.setattr(table1_cells, "ROWS", table1.ROWS)
    computed = []
    run_cell = table1.run_cell

    def noted(row, column, runs, seed):
        computed.append((row, column.name))
        return run_cell(row, column, runs, seed)

    monkeypatch.setattr(table1, "run_cell", noted)
    return computed


def interrupt(monkeypatch, after, error=KeyboardInterrupt):
    """Stop the work in the cell that comes after so many."""
    run_cell, count = table1.run_cell, iter(range(99))

    def stopping(*arguments):
        if next(count) == after:
            raise error
        return run_cell(*arguments)

    monkeypatch.setattr(table1, "run_cell", stopping)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def counts(folder):
    return [cell["counts"] for cell in json.loads((folder / "table1.json").read_text("utf-8"))["cells"]]


@pytest.fixture
def half(short, tmp_path, monkeypatch):
    """The folder of a table that was interrupted after five cells of eight."""
    with monkeypatch.context() as patch:
        interrupt(patch, 5)
        result = command("--out", tmp_path)
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == (
        f"curveball: interrupted: 5 of 8 cells are kept in {tmp_path}, --resume goes on from there"
    )
    assert names(tmp_path) == ["cells"]
    assert len(names(tmp_path / "cells")) == 5
    short.clear()
    return tmp_path


def test_resume_computes_the_others_only(half, short, tmp_path):
    result = command("--out", half, "--resume")
    assert result.exit_code == 0, result.output
    assert len(short) == len(result.stderr.splitlines()) == 3
    assert names(half) == sorted(FILES)
    whole = tmp_path / "whole"
    assert command("--out", whole).exit_code == 0
    assert counts(half) == counts(whole)
    assert (half / "table1.md").read_text("utf-8").splitlines()[:4] == (whole / "table1.md").read_text(
        "utf-8"
    ).splitlines()[:4]


def test_a_table_that_is_whole_is_shown_again(short, tmp_path):
    first = command("--out", tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    short.clear()
    again = command("--out", tmp_path, "--resume")
    assert again.exit_code == 0
    assert short == []
    assert again.stdout.splitlines() == [*first.stdout.splitlines()[:-1], f"all of it was in {tmp_path}"]
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == before


def test_rows_that_are_new_are_added(short, tmp_path, monkeypatch):
    command("--out", tmp_path)
    short.clear()
    monkeypatch.setitem(table1.ROWS, "CurveBall, lr = 1", ROWS["CurveBall, lr = 1"])
    assert command("--out", tmp_path, "--resume").exit_code == 0
    assert {row for row, _ in short} == {"CurveBall, lr = 1"}
    assert len(counts(tmp_path)) == 12


def test_seconds_are_added_up(half):
    path = half / "cells" / "000.json"
    changed(path, lambda c: c.update(seconds=1000.0))
    assert command("--out", half, "--resume").exit_code == 0
    assert 1000.0 < json.loads((half / "table1.json").read_text("utf-8"))["seconds"] < 1100.0


def test_without_resume_the_cells_are_put_aside(half, short):
    assert command("--out", half).exit_code == 0
    assert len(short) == 8
    assert len(names(half / "previous" / "cells")) == 5


@pytest.mark.parametrize("below", ["", "new"])
def test_nothing_to_go_on_from(short, tmp_path, below):
    result = command("--out", tmp_path / below, "--resume")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"curveball: there is no cell of a table in {tmp_path / below}: give its folder with --out, or start without "
        "--resume"
    ]
    assert names(tmp_path) == []


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("runs", "seed"), [(3, 4), (2, 5)])
def test_cells_of_another_table(half, whole, runs, seed):
    if whole:
        command("--out", half, "--resume")
    before = {path: path.read_bytes() for path in half.rglob("*.*")}
    result = command("--out", half, "--resume", runs=runs, seed=seed)
    assert result.exit_code == 2
    path = half / ("table1.json" if whole else "cells/000.json")
    [line] = result.stderr.splitlines()
    assert line.startswith(
        f"curveball: {path} is of --runs 2 --seed 4 and a threshold of 0.0001, not of --runs {runs} "
    )
    assert {path: path.read_bytes() for path in half.rglob("*.*")} == before


def changed(path, change):
    """Forge a file: its hash is right."""
    content = json.loads(path.read_text())
    del content["sha256"]
    change(content)
    path.write_text(json.dumps(sealed(content)))


def another_digit(path):
    """As one flipped bit may make it: a number that could be right."""
    content = json.loads(path.read_text())
    content["cell"]["counts"][0] ^= 1
    path.write_text(json.dumps(content))


DAMAGES = {
    "another digit": another_digit,
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "bytes": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "a list": lambda path: path.write_text("[]"),
    "a number": lambda path: path.write_text("7"),
    "nested": lambda path: path.write_text("[" * 100_000),
    "no cell": lambda path: path.write_text('{"runs": 2, "seed": 4, "threshold": 1e-4, "seconds": 1}'),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "too few counts": lambda path: changed(path, lambda c: c["cell"]["counts"].pop()),
    "a count below 0": lambda path: changed(path, lambda c: c["cell"].update(counts=[-1, 2])),
    "a count above all": lambda path: changed(path, lambda c: c["cell"].update(counts=[1, 5001])),
    "a count that is true": lambda path: changed(path, lambda c: c["cell"].update(counts=[1, True])),
    "a count that is broken": lambda path: changed(path, lambda c: c["cell"].update(counts=[1, 2.5])),
    "counts in words": lambda path: changed(path, lambda c: c["cell"].update(counts="12")),
    "no settings": lambda path: changed(path, lambda c: c["cell"].update(settings=None)),
    "a row that is a list": lambda path: changed(path, lambda c: c["cell"].update(row=[])),
    "seconds in words": lambda path: changed(path, lambda c: c["cell"].update(seconds="long")),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_cells(half, kind, short):
    """One line, and what it says is enough."""
    path = half / "cells" / "002.json"
    DAMAGES[kind](path)
    others = {other: other.read_bytes() for other in (half / "cells").iterdir() if other != path}
    result = command("--out", half, "--resume")
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert re.fullmatch(rf"curveball: {path} cannot be read \(.+\): remove it, and what it had is computed again", line)
    assert {other: other.read_bytes() for other in (half / "cells").iterdir() if other != path} == others
    path.rmdir() if path.is_dir() else path.unlink()
    assert command("--out", half, "--resume").exit_code == 0
    assert len(short) == 4


def test_a_damaged_table(short, tmp_path):
    command("--out", tmp_path)
    table = tmp_path / "table1.json"
    content = json.loads(table.read_text())
    content["cells"][0]["counts"][0] ^= 1
    for text in ("{", json.dumps(content)):
        table.write_text(text)
        check_damaged_table(tmp_path)


def check_damaged_table(tmp_path):
    result = command("--out", tmp_path, "--resume")
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert line.startswith(f"curveball: {tmp_path}/table1.json cannot be read (")


# ------------------------------------------------------------------------------------- full disks


def full(*args, **kwargs):
    raise OSError(28, "No space left on device")


def test_a_disk_that_is_full_for_a_while(short, tmp_path, monkeypatch):
    """What cannot be kept is said, and the work goes on."""
    monkeypatch.setattr(table1_cells, "write_whole", full)
    result = command("--out", tmp_path)
    assert result.exit_code == 0, result.output
    said = [line for line in result.stderr.splitlines() if line.startswith("curveball: ")]
    assert len(said) == 8
    words = (
        f"curveball: CurveBall, Rosenbrock is not kept: {tmp_path}/cells cannot be written (No space left on device)"
    )
    assert said[0] == words
    assert names(tmp_path) == sorted(FILES)


def test_a_disk_that_is_full_in_the_end(short, tmp_path, monkeypatch):
    """The table is printed, and its cells stay."""
    with monkeypatch.context() as patch:
        patch.setattr("curveball.training.files.write_whole", full)
        result = command("--out", tmp_path)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(f"curveball: the results cannot be written to {tmp_path} (")
    assert result.stdout.startswith("| iterations to 1e-4 | Rosenbrock |")
    assert len(result.stdout.splitlines()) == 4
    assert names(tmp_path) == ["cells"]
    short.clear()
    assert command("--out", tmp_path, "--resume").exit_code == 0
    assert short == []
    assert names(tmp_path) == sorted(FILES)


# ------------------------------------------------------------------------------------- processes


def test_a_cell_whose_process_is_always_killed(short, tmp_path, monkeypatch):
    interrupt(monkeypatch, 3, WorkerKilled("the process of a cell was killed 2 times"))
    result = command("--out", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        f"curveball: the process of a cell was killed 2 times; 3 of 8 cells are kept in {tmp_path}, --resume goes on "
        "from there"
    )


def test_two_tables_in_one_folder(short, tmp_path):
    with locked(tmp_path):
        result = command("--out", tmp_path)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(f"curveball: the process {os.getpid()} is writing to {tmp_path}")
    assert short == []


PROGRAM = """
import sys
from curveball.experiments import table1, table1_cells
from curveball.cli.main import main
rows = {name: table1.ROWS[name] for name in ("CurveBall", "Newton, exact Hessian")}
table1.ROWS = table1_cells.ROWS = rows
main()
"""


def test_killed(tmp_path, short):
    """At some moment, with workers; the rest is computed by another process."""
    arguments = ["table1", "--runs", "60", "--seed", "4", "--jobs", "2", "--out", tmp_path]
    killed = subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], stderr=subprocess.DEVNULL)
    cells = tmp_path / "cells"
    deadline = time.monotonic() + 60
    while not (cells.exists() and list(cells.glob("*.json"))):
        assert time.monotonic() < deadline
        assert killed.poll() is None
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    kept = len(list(cells.glob("*.json")))
    assert 1 <= kept < 8
    assert command("--out", tmp_path, "--resume", runs=60).exit_code == 0
    assert len(short) == 8 - kept
    assert names(tmp_path) == sorted(FILES)


def test_files_and_cells(tmp_path):
    """What is written is what is read, letters and all; leftovers of a killed process are removed."""
    files = CellFiles(tmp_path, 2, 0)
    cells = [Cell(row, column.name, {"lr": 0.5, "name": "é"}, [0, 7], 1.5) for row in ROWS for column in COLUMNS]
    for k, cell in enumerate(cells):
        files.save(cell, float(k))
    (files.cells / ".writing-abcdefgh").mkdir()
    found, seconds = files.load()
    assert [asdict(cell) for cell in found] == [asdict(cell) for cell in cells]
    assert seconds == len(cells) - 1
    assert len(names(files.cells)) == len(cells)
