"""What Table 2 says of runs that were not made: how many, how long on which machine, and a command for just these."""

from dataclasses import replace

import pytest

from curveball.experiments.table2_columns import ROWS, Length
from curveball.experiments.table2_not_run import not_run
from curveball.experiments.table2_results import Results
from curveball.experiments.table2_tables import markdown
from curveball.experiments.table2_time import whole_length
from curveball.training.durations import spoken
from tests.support.table2 import cell, few

__all__ = ["few"]  # a fixture
ALL = tuple(ROWS)


def runs(epochs, *, column="basic-bn", rows=ALL, step=0.001, **facts):
    """A run of 100 images for each row and each seed, by the epochs of the seeds."""
    made = []
    for seed, count in epochs.items():
        for row in rows:
            one = cell(
                column, row, ((0.3, 0.4),) * count, seed=seed, solver=row, length=Length(40, 100, 20, 10, 10, 100)
            )
            for epoch in one.epochs:
                epoch["seconds"] *= 10 * step / 3.0  # ten steps
            one.provenance.update(backend="torch", device="cpu", threads="1", **facts)
            made.append(one)
    return made


def line_of(cells, column="basic-bn"):
    (line,) = (line for line in not_run(Results(cells)) if line.startswith(f"- {column} was "))
    return line.partition(". ")[2]


@pytest.mark.parametrize(
    ("cells", "count", "options"),
    [
        (runs({0: 10}), 4, ["--epochs 40"]),
        (runs({0: 40, 1: 10, 2: 10}), 8, ["--seed 1 --seeds 2 --epochs 40"]),
        (runs({0: 10, 1: 40, 2: 40}), 4, ["--epochs 40"]),
        (runs({0: 10, 1: 40, 2: 10}), 8, ["--epochs 40", "--seed 2 --epochs 40"]),
        (runs({3: 10, 4: 10, 5: 10}), 12, ["--seed 3 --seeds 3 --epochs 40"]),
        (runs({3: 10, 7: 10}), 8, ["--seed 3 --epochs 40", "--seed 7 --epochs 40"]),
        (runs({0: 40}, rows=ALL[:2]) + runs({0: 10}, rows=ALL[2:]), 2, ["--solvers sgd,adam --epochs 40"]),
        (runs({0: 10}, rows=["sgd"]), 4, ["--epochs 40"]),  # nothing of the other rows
        (
            runs({0: 40, 1: 10}, rows=ALL[:3]) + runs({0: 39, 1: 10}, rows=["adam"]),
            5,
            ["--solvers adam --epochs 40", "--seed 1 --epochs 40"],
        ),
    ],
)
def test_the_command_makes_what_is_missing(cells, count, options):
    commands = " and ".join(f"`curveball table2 --columns basic-bn {each} --backend torch`" for each in options)
    start = f"{count} run{'s' * (count > 1)} of 40 epochs of 100 images: about "
    line = line_of(cells)
    assert line.startswith(start)
    assert line.endswith(f" on one, 1 thread of 2 cores, torch; {commands}")


@pytest.mark.parametrize(
    ("cells", "rows", "times"),
    [
        (runs({0: 10}), ALL, 1),
        (runs({0: 40, 1: 10, 2: 10}), ALL, 2),
        (runs({0: 10, 1: 40, 2: 10}), ALL, 2),
        (runs({0: 40}, rows=ALL[:3]) + runs({0: 39}, rows=["adam"]), ["adam"], 1),
        (runs({0: 2}, column="vgg-f"), ALL, 2),  # with dropout and without
    ],
)
def test_the_time_is_that_of_the_command(cells, rows, times):
    column = cells[0].task.column
    each = Results(cells).seconds(column, rows, whole_length(column, 100))
    assert f": about {spoken(times * each)} on one, 1 thread" in line_of(cells, column)


def test_runs_that_diverged_are_not_missing():
    cells = runs({0: 40}, rows=ALL[:3])
    diverged = replace(runs({0: 2}, rows=["adam"])[0], stopped="the loss is nan")
    assert "- basic-bn" not in "\n".join(not_run(Results([*cells, diverged])))


def test_networks_with_dropout():
    plain = runs({0: 40}, column="vgg-f")
    dropout = [replace(one, task=replace(one.task, dropout=True)) for one in runs({0: 10}, column="vgg-f")]
    command = "`curveball table2 --columns vgg-f --imagenet-folder DIR{} --epochs 40 --backend torch`"
    assert line_of(plain + dropout, "vgg-f").startswith("8 runs of")
    assert line_of(plain + dropout, "vgg-f").endswith(command.format(""))
    swapped = [replace(one, task=replace(one.task, dropout=not one.task.dropout)) for one in plain + dropout]
    assert line_of(swapped, "vgg-f").startswith("4 runs of")
    assert line_of(swapped, "vgg-f").endswith(command.format(" --no-dropout"))


def test_a_part_of_the_images_is_not_the_whole():
    cells = runs({0: 40})
    part = [replace(one, task=replace(one.task, length=replace(one.task.length, whole=200))) for one in cells]
    assert line_of(part).startswith("4 runs of 40 epochs of 200 images")


def test_what_takes_long_is_for_a_gpu():
    """The time is that of the machine, which is named with it; the command is for the GPU."""
    cells = runs({0: 10}, step=10.0)
    assert line_of(cells).endswith(
        " h on one, 1 thread of 2 cores, torch. On a GPU, in less time: "
        "`curveball table2 --columns basic-bn --epochs 40 --backend torch --compile`"
    )
    for one in cells:
        one.provenance.update(device="cuda:0 (H200)", compile=True)
    assert line_of(cells).endswith(
        " h on cuda:0 (H200), torch, compiled; "
        "`curveball table2 --columns basic-bn --epochs 40 --backend torch --compile`"
    )


@pytest.mark.parametrize(
    ("facts", "place", "options"),
    [
        ({"backend": "torch", "device": "cpu"}, "one, 2 cores, torch", " --backend torch"),
        ({"backend": "torch", "device": "cpu", "threads": "1"}, "one, 1 thread of 2 cores, torch", " --backend torch"),
        ({"backend": "torch", "threads": "2", "cores": 4}, "one, 2 threads of 4 cores, torch", " --backend torch"),
        ({"threads": "1"}, "one, 1 thread of 2 cores, numpy", ""),
        *(({"threads": none}, "one, 2 cores, numpy", "") for none in ("2", "8", "0", "default", "", None, "9" * 5000)),
        ({"threads": "1", "cores": None}, "one, None cores, numpy", ""),
        ({"backend": "jax.numpy", "device": "cpu:0", "threads": "1"}, "one, 2 cores, jax.numpy", " --backend jax"),
        ({"backend": "torch", "device": "cuda:0 (H200)"}, "cuda:0 (H200), torch", " --backend torch"),
    ],
)
def test_the_cores_are_those_that_computed(few, facts, place, options):
    one = cell()
    one.provenance.update(facts)
    assert one.place == place
    assert f" on {place}; `curveball table2 --columns plain --epochs 3{options}`" in markdown(Results([one]))
