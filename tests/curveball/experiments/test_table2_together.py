"""Table 2 from runs of several folders and machines."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from curveball.experiments import table2_cells, table2_columns, table2_figures, table2_plan, table2_run
from curveball.experiments.table2_columns import Length, Setting
from curveball.experiments.table2_plan import Planned, write_plan
from curveball.experiments.table2_results import Results
from curveball.experiments.table2_tables import markdown, table_csv, table_json
from curveball.experiments.table2_time import Rate, whole_length
from tests.support.table2 import FEW, RATE, RUNS, cell, command, fake_train, few

__all__ = ["few"]  # a fixture


def test_folders_are_merged(few, tmp_path, monkeypatch):
    monkeypatch.setattr(table2_run, "train", fake_train([]))
    assert command("--columns", "plain", "--epochs", 2, "--out", tmp_path / "a").exit_code == 0
    assert command("--columns", "other", "--epochs", 2, "--out", tmp_path / "b").exit_code == 0
    out = tmp_path / "both"
    result = command("--table", tmp_path / "a", tmp_path / "b", "--out", out)
    assert result.exit_code == 0, result.stderr
    merged = json.loads((out / "table2.json").read_text())["cells"]
    assert len(merged) == RUNS
    assert "not run" not in (out / "table2.md").read_text().split("\n\n")[1]
    assert command("--table", "--out", tmp_path / "a").exit_code == 0  # of one folder
    assert "not run: about" in (tmp_path / "a" / "table2.md").read_text()
    assert command("--columns", "plain", "--epochs", 3, "--seed", 1, "--out", tmp_path / "c").exit_code == 0
    assert command("--columns", "plain", "--epochs", 4, "--out", tmp_path / "d").exit_code == 0
    result = command("--table", tmp_path / "a", tmp_path / "d", "--out", out)
    assert result.exit_code == 0  # of one run the longer one
    assert "after 2" not in (out / "table2.md").read_text()


def test_a_table_is_merged_like_its_folder(few, tmp_path, monkeypatch):
    """A `table2.json` alone carries the runs to another machine: unfinished and diverged ones too."""
    a, b = tmp_path / "a", tmp_path / "b"
    for one in (cell(), cell(row="adam", solver="adam:lr=0.1", stopped="loss is nan"), cell("other", tuning=True)):
        table2_cells.save(a, one)
    table2_cells.save(b, cell(errors=((0.3, 0.4), (0.2, 0.4)), seed=1))
    assert command("--table", "--out", a).exit_code == 0
    table, written = a / "table2.json", {}
    for name, sources in {"folders": (a, b), "a table": (table, b), "both": (b, a, table)}.items():
        result = command("--table", *sources, "--out", tmp_path / name)
        assert result.exit_code == 0, result.stderr
        written[name] = [(tmp_path / name / file).read_text() for file in ("table2.md", "table2.csv", "table2.json")]
    assert written["folders"] == written["a table"]
    assert sorted(written["both"][1].splitlines()) == sorted(written["folders"][1].splitlines())
    assert command("--table", table, "--out", a).exit_code == 0  # onto itself
    assert len(table2_cells.load_table(table)) == 3


def test_a_folder_that_has_a_table_alone_stands_for_its_runs(few, tmp_path):
    table2_cells.save(tmp_path / "a", cell())
    table2_cells.save(tmp_path / "b", cell(seed=1))
    both, again = tmp_path / "both", tmp_path / "again"
    assert command("--table", tmp_path / "a", tmp_path / "b", "--out", both).exit_code == 0
    written = (both / "table2.json").read_text()
    for sources, out in (((both,), again), ((both, tmp_path / "a"), again), ((), both)):
        result = command("--table", *sources, "--out", out)
        assert result.exit_code == 0, result.stderr
        assert (out / "table2.json").read_text() == written
    (tmp_path / "a" / "table2.json").write_text("{")  # where there are runs they count
    assert command("--table", tmp_path / "a", "--out", again).exit_code == 0


def test_photographs_in_a_folder_of_another_name(few, tmp_path, monkeypatch):
    """Their hashes decide, when tables are merged and when a run goes on."""
    monkeypatch.setitem(FEW, "plain", replace(FEW["plain"], data="imagenet"))
    options = ("--columns", "plain", "--solvers", "curveball", "--epochs")
    for name, epochs in (("a", 2), ("b", 1)):
        monkeypatch.setattr(
            Setting, "dataset", lambda self, column, name=name: replace(few, name=f"photographs-{name}")
        )
        assert command(*options, epochs, "--seed", epochs, "--out", tmp_path / name).exit_code == 0
    result = command("--table", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "both")
    assert result.exit_code == 0, result.stderr
    result = command(*options, 3, "--seed", 2, "--out", tmp_path / "a", "--resume")
    assert result.exit_code == 0, result.stderr
    (one,) = table2_cells.load(tmp_path / "a").values()
    assert len(one.epochs) == 3
    for about, words in (
        ({"train_images": "other"}, "train_images=other"),
        ({"validation_labels": "x", "data": "d"}, "validation_labels=x"),
    ):
        other = replace(one, task=replace(one.task, seed=7), about={**one.about, **about})
        table2_cells.save(tmp_path / "other", other)
        result = command("--table", tmp_path / "a", tmp_path / "other", "--out", tmp_path / "none")
        assert (result.exit_code, f" is of {words}, and" in result.stderr) == (2, True)
        result = command(*options, 3, "--seed", 7, "--out", tmp_path / "other", "--resume")
        assert (result.exit_code, f" is of {words}, this run is of" in result.stderr) == (2, True)


def test_the_table_that_is_kept_is_that_of_its_runs():
    kept = Path(__file__).parents[3] / "studies" / "results"
    results = Results.put_together(table2_cells.merged([kept / "table2.json"]), [], "cifar10")
    assert (kept / "table2.md").read_text("utf-8") == f"# Table 2\n\n{markdown(results)}"
    assert (kept / "table2.csv").read_text("utf-8") == table_csv(results)


def test_what_cannot_be_merged(few, tmp_path):
    for name, change in {"a": {}, "batch": {"batch_size": 20}, "data": {"train_images": "other"}}.items():
        one = cell(seed=len(name))
        table2_cells.save(tmp_path / name, replace(one, about={**one.about, **change}))
    table2_cells.save(tmp_path / "rate", cell(seed=9, solver="sgd:lr=0.3"))
    for name, words in {
        "batch": "of batch_size=20, and",
        "data": "train_images=other",
        "rate": "sgd:lr=0.3, and",
    }.items():
        result = command("--table", tmp_path / "a", tmp_path / name, "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert words in result.stderr
        assert "they cannot be in one table" in result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--epochs", 3], "--table trains nothing: leave out --epochs"),
        (["--columns", "plain", "--resume"], "--table trains nothing: leave out --columns, --resume"),
        (["--no-dropout"], "--table trains nothing: leave out --no-dropout"),
        (["--data-folder", "d", "--minutes", 0], "--table trains nothing: leave out --data-folder, --minutes"),
    ],
)
def test_a_table_takes_no_options_of_runs(few, tmp_path, options, words):
    table2_cells.save(tmp_path / "a", cell())
    result = command("--table", tmp_path / "a", "--out", tmp_path / "out", *options)
    assert (result.exit_code, result.stderr) == (2, f"curveball: {words}\n")
    assert not (tmp_path / "out").exists()


def test_a_table_of_folders_needs_a_place(few, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table2_cells.save(tmp_path / "a", cell())
    result = command("--table", "a")
    assert (result.exit_code, result.stderr) == (2, "curveball: give --out: the folder to write the table to\n")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert command("--table", "a", "--out", "b").stdout.splitlines()[-1].endswith(" figure3.svg in b")
    assert command("--table", "--out", "a").stdout.splitlines()[-1].endswith(" figure3.svg and the runs in a")


# ------------------------------------------------------------------------------------- several machines, and lengths


def on(machine, one):
    """A run as it would be on another machine."""
    one.provenance.update({"cores": 2, "processor": "one", "backend": "torch", "device": "cpu"} | machine)
    return one


GPU = {"device": "cuda:0 (H200)"}


def test_seconds_of_several_machines_are_not_mixed(few, tmp_path, monkeypatch):
    slow, quick = on({}, cell()), on(GPU, cell(seed=1))
    quick.epochs[0]["seconds"] = 0.3
    text = markdown(Results([slow, quick]))
    assert "| SGD with momentum; one, 2 cores, torch | 200 |" in text
    assert "| SGD with momentum; cuda:0 (H200), torch | 20 |" in text
    assert "| Adam; " not in text
    drawn = []
    monkeypatch.setattr(table2_figures, "save", lambda figure, path: drawn.append(figure))
    for cells, seconds, title in (
        ([slow, quick, on({}, cell(seed=2))], 3.0, "plain\none, 2 cores, torch"),
        ([slow, quick, on(GPU, cell(seed=2))], 0.3, "plain\ncuda:0 (H200), torch"),
        ([slow], 3.0, "plain"),
    ):
        for against, end in (("seconds", seconds), ("epoch", 1.0)):
            table2_figures.draw(cells, tmp_path / "figure.png", against)
            assert min(line.get_xdata()[-1] for line in drawn[-1].axes[0].lines) == end
            assert drawn[-1].axes[0].get_title() == (title if against == "seconds" else "plain")


def test_what_is_left_takes_as_long_as_on_one_machine(few, tmp_path):
    """On that of the first folder, which is named."""
    places = {"cpu": ({}, 1.0), "gpu": (GPU, 0.01)}
    for seed, (name, (machine, step)) in enumerate(places.items()):
        one = on(machine, cell("other", seed=seed))
        one.epochs[0]["seconds"] *= step
        table2_cells.save(tmp_path / name, one)
        rates = {("plain", "sgd"): Rate(0.0, step, 0.0, 0.0)}
        write_plan(tmp_path / name, Planned({}, {"elsewhere": {}, one.place: rates}))
    write_plan(tmp_path / "cpu", Planned({}, table2_plan.read_plan(tmp_path / "cpu").measured))
    for order, place, seconds in (
        (("cpu", "gpu"), "one, 2 cores, torch", 45),
        (("gpu", "cpu"), "cuda:0 (H200), torch", 0.45),
    ):
        cells = table2_cells.merged([tmp_path / name for name in order])
        plans = [table2_plan.read_plan(tmp_path / name) for name in order]
        results = Results.put_together(cells, plans, "digits")
        assert results.seconds("plain", ["sgd"], cell().task.length) == pytest.approx(seconds)
        assert results.seconds("other", ["sgd"], cell().task.length) == pytest.approx(9.0 * seconds / 45.0, rel=0.5)
        assert f" on {place}; `curveball table2 --columns other --seeds 2 --epochs 4 --backend torch`" in markdown(
            results
        )
        assert json.loads(table_json(results))["place_of_these_seconds"] == place
        known = results.seconds("other", ["sgd"], cell("other").task.length)
        without = Results.put_together(cells, [], "digits")
        assert without.place == place
        assert without.seconds("other", ["sgd"], cell("other").task.length) == pytest.approx(known, rel=0.5)


def test_of_plans_of_one_machine_the_first_counts():
    quick, slow = (Planned({}, {"here": {("basic", "sgd"): Rate(0.0, step, 0.0, 0.0)}}) for step in (1.0, 2.0))
    for plans, step in (((quick, slow), 1.0), ((slow, quick), 2.0)):
        assert Results.put_together([], plans, "cifar10").rates["basic", "sgd"].step == step


def test_whole_runs_say_more_than_a_few_steps(few):
    """Those that were measured may have been slow for once."""
    rates = {("plain", "sgd"): Rate(0.0, 99.0, 0.0, 0.0)}
    results = Results([on({}, cell(length=Length(1, 150, 60, 32, 40, 150)))], rates=rates, place="one, 2 cores, torch")
    assert results.seconds("plain", ["adam"], whole_length("plain", 150, 60)) < 99.0


def test_a_run_that_goes_on_elsewhere(few, tmp_path, monkeypatch):
    """Its seconds are neither of the one machine nor of the other; what was measured on each is kept."""
    measured = []
    monkeypatch.setattr(table2_run, "train", fake_train([]))
    monkeypatch.setattr(table2_run, "measure", lambda *arguments: measured.append(arguments[1:3]) or RATE)
    monkeypatch.setattr(table2_run, "exists", lambda path: True)
    options = ("--columns", "plain", "--solvers", "curveball", "--out", tmp_path)
    for cores, epochs in ((2, 1), (16, 2), (2, 2), (16, 3)):
        monkeypatch.setattr(
            table2_columns, "provenance", lambda cores=cores: {"processor": "one", "cores": cores, "versions": {}}
        )
        assert command(*options, "--epochs", epochs, *(("--resume",) if measured else ())).exit_code == 0
    (one,) = table2_cells.load(tmp_path).values()
    assert one.place == "one, 2 cores, numpy, then one, 16 cores, numpy"
    assert len(measured) == 2  # once on each; not where nothing was to do
    assert list(table2_plan.read_plan(tmp_path).measured) == ["one, 2 cores, numpy", "one, 16 cores, numpy"]


def test_how_many_seeds_a_number_has(few):
    """The mean is over those that went furthest; the others are in a line below."""
    cells = [cell(errors=((0.3, 0.4),) * 3), *(cell(errors=((0.5, 0.6),), seed=k) for k in (1, 2))]
    dropout = [replace(one, task=replace(one.task, column="other", dropout=True)) for one in cells]
    text = markdown(Results([*cells, *dropout]))
    assert "other with dropout, within the first epoch of all seeds: SGD with momentum 43.33 ± 11.55 / " in text
    assert "| SGD with momentum | 30.00 / 40.00, 1 of 3 seeds |" in text
    assert "within the first epoch of all seeds: SGD with momentum 43.33 ± 11.55 / 53.33 ± 11.55 (3 seeds)" in text


def test_a_run_made_anew_counts_once(few, tmp_path):
    """As that of SGD on ResNet-18, whose schedule is as long as the run."""
    short, long = cell(errors=((0.5, 0.6),) * 2), cell(errors=((0.4, 0.5),) * 3)
    lengths = [replace(one.task.length, epochs=len(one.epochs)) for one in (short, long)]
    cells = [
        replace(one, task=replace(one.task, schedule=f"pieces:epochs={length.epochs}", length=length))
        for one, length in zip((short, long), lengths, strict=True)
    ]
    for one in cells:
        table2_cells.save(tmp_path, one)
    results = Results(list(table2_cells.load(tmp_path).values()))
    assert len(results.cells) == 2
    assert results.without_dropout == [cells[1]]
    assert "| SGD with momentum | 40.00 / 50.00 |" in markdown(results)
    assert "within the first" not in markdown(results)


def test_small_batches_say_nothing_of_large_ones(few):
    """A column that was made in a few minutes: how long it takes whole is what was measured."""
    part = cell(length=Length(1, 16, 16, 4, 16, 150))
    rates = {("plain", "sgd"): Rate(0.0, 0.0, 0.01, 0.0)}
    whole = Length(3, 150, 60, 10, 40, 150)
    assert Results([part], rates=rates).seconds("plain", ["sgd"], whole) == pytest.approx(3 * 150 * 0.01)
    assert Results([part], rates=rates).seconds("plain", ["sgd"], part.task.length) == pytest.approx(3.0)


def test_long_steps_have_plain_numbers(few):
    """A step of 1.84 seconds is 1,840 milliseconds, not 1.84e+03."""
    slow = cell(length=Length(1, 30, 60, 10, 40, 150))
    slow.epochs[0]["seconds"] = 5.52
    assert "| SGD with momentum | 1,840 |" in markdown(Results([slow]))
