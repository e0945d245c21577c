"""Table 1: measured values, every cell in every file, and what happens to bad input."""

import csv
import json
from pathlib import Path

import joblib
import numpy as np
import pytest
from typer.testing import CliRunner

import minigrad as mg
from curveball import SGD, Adam, CurveBall, Newton
from curveball.cli.app import app
from curveball.experiments import table1
from curveball.experiments.sweep import grid_search, iterations_to
from curveball.experiments.table1 import COLUMNS, GRIDS, ROWS, Cell, markdown, run_cell, write
from problems.closed_form.linear_network import LinearNetwork
from problems.closed_form.rosenbrock import Rosenbrock

ROSENBROCK = COLUMNS[0]
KEPT = ("row", "column", "settings", "counts", "seconds")


def command(*arguments):
    return CliRunner().invoke(app, ["table1", *map(str, arguments)])


@pytest.fixture
def short(monkeypatch):
    """Two fast rows: one of them all by itself."""
    rows = {name: ROWS[name] for name in ("CurveBall", "Newton, exact Hessian")}
    monkeypatch.setattr(table1, "ROWS", rows)
    return rows


# ------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(("column", "mean", "std"), [(0, 13.2, 0.5), (1, 12.7, 1.0), (2, 13.6, 1.0)])
def test_curveball_on_rosenbrock(column, mean, std):
    """The published protocol, 100 runs: measured before with another program."""
    cell = run_cell("CurveBall", COLUMNS[column], 100, seed=0)
    assert cell.share == 1.0
    assert abs(cell.mean - mean) <= std
    assert cell.std <= 1.5 * std


def test_curveball_on_the_linear_network():
    """34 to 40, with a deviation of 13, whichever matrix is drawn."""
    cells = [run_cell("CurveBall", COLUMNS[3], 100, seed) for seed in range(4)]
    assert all(cell.share == 1.0 and 34.0 - 13.0 <= cell.mean <= 40.0 + 13.0 for cell in cells)
    assert 34.0 <= np.mean([cell.mean for cell in cells]) <= 40.0


def test_sgd_on_rosenbrock():
    cell = run_cell("SGD with momentum", ROSENBROCK, 100, seed=0)
    assert cell.share == 1.0
    assert abs(cell.mean - 357.0) <= 47.0


@pytest.mark.parametrize("row", ["CurveBall, lr = 1", "Newton, exact Hessian", "Levenberg-Marquardt"])
def test_a_cell_is_its_runs(row):
    cell = run_cell(row, COLUMNS[1], runs=4, seed=5)
    solver = ROWS[row](COLUMNS[1])
    expected = iterations_to(Rosenbrock((0.0, 1.0)), solver, 4, 5000, 1e-4, 5)
    assert cell.counts == expected.tolist()
    assert (cell.row, cell.column) == (row, "Rosenbrock, U[0, 1]")
    assert cell.seconds > 0.0


def test_runs_may_take_as_long_as_the_column_says(monkeypatch):
    slow = SGD(lr=2e-4, momentum=0.9)
    monkeypatch.setitem(ROWS, "slow", lambda column: slow)
    counts = run_cell("slow", ROSENBROCK, runs=3, seed=0).counts
    assert 1000 < max(counts) < 5000
    assert counts == iterations_to(Rosenbrock(), slow, 3, 5000).tolist()


def test_grids_are_searched_on_one_run():
    column = COLUMNS[3]
    for row, family in (("SGD with momentum", SGD), ("Adam", Adam)):
        cell = run_cell(row, column, runs=2, seed=1)
        problem = LinearNetwork(seed=1)
        best, _ = grid_search(problem, family, GRIDS[row][1], 1000, 1)
        assert cell.settings == best | {key: value for key, value in cell.settings.items() if key not in best}
        assert cell.counts == iterations_to(problem, family(**best), 2, 1000, 1e-4, 1).tolist()


def test_settings_are_the_protocols():
    settings = {column.name: run_cell("CurveBall", column, 1, 0).settings for column in COLUMNS}
    for column, (lr, lam) in zip(COLUMNS, [(0.5, 0.1)] * 3 + [(1.0, 1.0)], strict=True):
        found = settings[column.name]
        assert (found["lr"], found["lam"], found["adapt_lam"]) == (lr, lam, False)
        assert "rho" not in found  # automatic
        assert "beta" not in found
    assert [column.max_iter for column in COLUMNS] == [5000, 5000, 5000, 1000]
    assert [column.problem(7) for column in COLUMNS] == [
        Rosenbrock(), Rosenbrock((0.0, 1.0)), Rosenbrock((0.0, 3.0)), LinearNetwork(seed=7),
    ]  # fmt: skip
    rates = (1e-1, 5e-2, 1e-2, 5e-3, 1e-3, 5e-4, 1e-4, 5e-5)
    assert GRIDS["SGD with momentum"] == (SGD, {"lr": rates, "momentum": (0.9, 0.95, 0.99)})
    assert GRIDS["Adam"] == (Adam, {"lr": rates, "beta1": (0.9, 0.99), "beta2": (0.99, 0.999)})


def test_cells():
    def cell(counts):
        return Cell("row", "column", {}, counts, 0.0)

    full, part, none = cell([10, 20, 30]), cell([10, 0, 20, 0]), cell([0, 0])
    assert (full.mean, full.share, str(full)) == (20.0, 1.0, "20.0 ± 8.2")
    assert (part.mean, part.std, part.share, str(part)) == (15.0, 5.0, 0.5, "15.0 ± 5.0 (50%)")
    assert (none.mean, none.std, none.share, str(none)) == (None, None, 0.0, "none converged")


# ------------------------------------------------------------------------------------- the whole table


def consistent(folder, runs, seed):
    """The three files say the same; return the JSON."""
    results = json.loads((folder / "table1.json").read_text(), parse_constant=pytest.fail)  # no NaN in it
    with (folder / "table1.csv").open() as file:
        lines = list(csv.DictReader(file))
    text = (folder / "table1.md").read_text(encoding="utf-8")
    table = [[part.strip() for part in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    names, body = table[0][1:], {row[0]: row[1:] for row in table[2:]}
    assert (results["runs"], results["seed"], results["threshold"]) == (runs, seed, 1e-4)
    assert {"command", "python", "versions", "processor", "cores", "seconds"} <= set(results)
    assert len(lines) == len(results["cells"]) == len(names) * len(body)
    for cell, line in zip(results["cells"], lines, strict=True):
        counts = np.array(cell["counts"])
        reached = counts[counts > 0]
        assert len(counts) == runs == int(line["runs"])
        assert cell["share"] == float(line["share"]) == len(reached) / runs
        assert (cell["row"], cell["column"]) == (line["solver"], line["problem"])
        assert json.loads(line["settings"]) == cell["settings"]
        printed = body[cell["row"]][names.index(cell["column"])]
        if not len(reached):
            assert cell["mean"] is cell["std"] is None
            assert line["mean"] == line["std"] == ""
            assert printed == "none converged"
            continue
        assert cell["mean"] == float(line["mean"]) == pytest.approx(reached.mean())
        assert cell["std"] == float(line["std"]) == pytest.approx(reached.std())
        share = "" if cell["share"] == 1.0 else f" ({100 * cell['share']:.0f}%)"
        assert printed == f"{cell['mean']:.1f} ± {cell['std']:.1f}{share}"
    assert f"table1 --runs {runs} --seed {seed}" in text
    return results, names, list(body)


def test_the_whole_table(tmp_path):
    result = command("--runs", 3, "--seed", 0, "--jobs", 2, "--out", tmp_path / "new" / "folder")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "new" / "folder"
    assert sorted(path.name for path in folder.iterdir()) == ["table1.csv", "table1.json", "table1.md"]
    results, names, rows = consistent(folder, 3, 0)
    assert names == [column.name for column in COLUMNS]
    assert rows == list(ROWS)
    assert {cell["share"] for cell in results["cells"]} > {1.0}  # a share that is not all is shown
    assert (folder / "table1.md").read_text(encoding="utf-8").startswith(result.stdout.rsplit("\n", 2)[0])
    assert result.stdout.splitlines()[-1].endswith(f"table1.md, table1.csv and table1.json in {folder}")
    assert len(result.stderr.splitlines()) == len(ROWS) * len(COLUMNS)  # no terminal: a line for each cell
    found = {(cell["row"], cell["column"]): str(Cell(**{key: cell[key] for key in KEPT})) for cell in results["cells"]}
    for line in result.stderr.splitlines():
        assert any(line.startswith(f"{row}, {column}: {cell}; ") for (row, column), cell in found.items())


def test_one_process_or_two_give_the_same(short, tmp_path):
    by = {}
    for jobs in (1, 2):
        # Processes would not see the two rows; they have one thread of BLAS each, whose rounding does not vary.
        with mg.one_blas_thread(), joblib.parallel_config("threading"):
            assert command("--runs", 2, "--seed", 4, "--jobs", jobs, "--out", tmp_path / str(jobs)).exit_code == 0
        results, _, rows = consistent(tmp_path / str(jobs), 2, 4)
        assert rows == list(short)
        by[jobs] = [(cell["row"], cell["column"], cell["counts"]) for cell in results["cells"]]
    assert by[1] == by[2]


def test_jobs_none_is_for_parallel_config(short, monkeypatch):
    seen = []

    class Backend(joblib.parallel.ThreadingBackend):
        def submit(self, func, callback=None):
            seen.append(func)
            return super().submit(func, callback)

        apply_async = submit

    joblib.register_parallel_backend("noted", Backend)
    with joblib.parallel_config("noted", n_jobs=2):
        cells = table1.table1(runs=2, seed=0)
    assert seen
    assert [cell.counts for cell in cells] == [cell.counts for cell in table1.table1(runs=2, seed=0)]


def test_write_keeps_what_is_not_there(tmp_path):
    """A run that never converged, and one that did by half: no NaN in the JSON, nothing in the CSV."""
    cells = [Cell("A", column.name, {"lr": 0.1}, [0, 0], 1.0) for column in COLUMNS]
    cells += [Cell("B", column.name, {"flag": True}, [4, 0], 1.0) for column in COLUMNS]
    write(cells, tmp_path, 2, 9, 1.0)
    consistent(tmp_path, 2, 9)
    assert markdown(cells).splitlines()[2] == "| A |" + " none converged |" * 4


def test_the_committed_table():
    """Settings and counts of what was published, of the rows that take little time."""
    committed = json.loads((Path(__file__).parents[3] / "studies/results/table1.json").read_text("utf-8"))
    columns = {column.name: column for column in COLUMNS}
    rows = ("CurveBall", "CurveBall, lr = 1", "Levenberg-Marquardt")
    cells = [cell for cell in committed["cells"] if cell["row"] in rows]
    assert len(cells) == 12
    for cell in cells:
        assert run_cell(cell["row"], columns[cell["column"]], committed["runs"], 0).counts == cell["counts"]


# ------------------------------------------------------------------------------------- faults


def test_a_cell_that_raises_leaves_nothing_half_written(short, tmp_path, monkeypatch):
    monkeypatch.setitem(short, "Newton, exact Hessian", lambda column: Newton(lam=-1.0))
    for name in ("table1.md", "table1.json"):
        (tmp_path / name).write_text("before")
    result = command("--runs", 2, "--jobs", 1, "--out", tmp_path)
    assert isinstance(result.exception, ValueError)
    assert {path.name: path.read_text() for path in tmp_path.glob("*.*")} == {
        "table1.md": "before",
        "table1.json": "before",
    }
    assert len(list((tmp_path / "cells").iterdir())) == 4  # what is done is kept


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--runs", 0], "curveball: --runs must be at least 1; got 0"),
        (["--runs", -5], "curveball: --runs must be at least 1; got -5"),
        (["--jobs", 0], "curveball: --jobs must be at least 1; got 0"),
        (["--seed", -1], "curveball: --seed must be at least 0; got -1"),
    ],
)
def test_bad_numbers(arguments, line, tmp_path):
    result = command(*arguments, "--out", tmp_path / "new")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [line]
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    result = command("--out", file / "deep" / "down")
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert line.startswith(f"curveball: the output folder {file}/deep/down cannot be written (")
    assert line.endswith("choose another with --out")
    assert file.read_text() == "mine"


@pytest.mark.parametrize("arguments", [["--rows", "3"], ["--runs", "many"]])
def test_unknown_options(arguments):
    result = command(*arguments)
    assert result.exit_code == 2
    assert arguments[0] in result.stderr


def test_no_runs():
    with pytest.raises(ValueError, match="runs must be at least 1; got 0"):
        table1.table1(runs=0)


def test_a_solver_that_never_arrives_is_said_so():
    never = CurveBall(lr=0.0)
    assert iterations_to(Rosenbrock(), never, 2, 5).tolist() == [0, 0]
