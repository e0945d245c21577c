"""`curveball table2`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from curveball.cli import names
from curveball.cli.errors import bad_input
from curveball.cli.numbers import integer_option, number_option
from curveball.cli.options import Device, Out, Seed
from curveball.cli.tables import print_tables
from curveball.training.durations import spoken
from curveball.training.say import say


def table2(
    context: typer.Context,
    folders: Annotated[
        list[Path] | None, typer.Argument(help="with --table: folders of runs, or files table2.json, to put together")
    ] = None,
    columns: Annotated[
        str, typer.Option(help="networks; also resnet18-7x7, vgg-f-published")
    ] = "basic,basic-bn,resnet18,vgg-f",
    solvers: Annotated[str, typer.Option(help="the rows")] = "curveball,curveball-lambda,sgd,adam",
    epochs: Annotated[int | None, integer_option("passes over the training set [default: as in the paper]")] = None,
    minutes: Annotated[
        float | None, number_option("pick the epochs, or a part of one, so that all runs end in so many minutes")
    ] = None,
    seeds: Annotated[int, integer_option("runs of each: at --seed, at the next number, and so on")] = 1,
    seed: Seed = 0,
    dropout: Annotated[bool, typer.Option(help="also the networks with dropout, in brackets")] = True,
    data: Annotated[str, typer.Option(help="for basic, basic-bn, resnet18: cifar10 or cifar100")] = "cifar10",
    data_folder: Annotated[Path | None, typer.Option(help="where that is [default: as for train]")] = None,
    imagenet_folder: Annotated[
        Path | None,
        typer.Option(help="for vgg-f: photographs in ImageNet's folders [default: imagenet in the user's data folder]"),
    ] = None,
    image_size: Annotated[int, integer_option("for vgg-f: pixels along a side")] = 64,
    backend: Annotated[str, typer.Option(help=f"array library: {names.BACKENDS}")] = "numpy",
    device: Device = None,
    compile: Annotated[
        bool, typer.Option("--compile", help="a step as one program: backend jax, or torch on a GPU")
    ] = False,
    out: Out = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="keep the runs that are in --out, go on with the rest")
    ] = False,
    table: Annotated[
        bool, typer.Option("--table", help="train nothing: the table of the runs in --out, or in FOLDERS")
    ] = False,
) -> None:
    """Repeat Table 2 and figures 2 and 3 of the paper: networks on images, CurveBall, SGD and Adam.

    It can be stopped at any moment and goes on with --resume. SGD and Adam are tuned on each network by a written rule,
    CurveBall is not. What was not run is in the table, with how long it would take.
    """
    # Imported here, so that other commands and the help start without Matplotlib.
    from curveball.experiments.results_folder import results_folder
    from curveball.experiments.table2_cells import CELLS, load, merged
    from curveball.experiments.table2_columns import Setting
    from curveball.experiments.table2_plan import PLAN, Plan, read_plan
    from curveball.experiments.table2_results import Results
    from curveball.experiments.table2_run import Experiment
    from curveball.experiments.table2_tables import FILES, markdown, write
    from curveball.training.devices import choose

    folder = out or Path("runs") / ("table2" if data == "cifar10" else f"table2-{data}")

    def finish(results: Results) -> None:
        try:
            with bad_input():
                write(results, folder)
        finally:
            print_tables(markdown(results))
        runs = " and the runs" if (folder / CELLS).exists() else ""
        typer.echo(f"{', '.join(FILES)}{runs} in {folder}")

    with contextlib.ExitStack() as stack:
        with bad_input():
            if folders and not table:
                raise ValueError(f"{folders[0]} is only read with --table: give the folder of the runs with --out")
            if table:
                _check_table(context, folders, out)
                cells = merged(folders or [folder])
                put_together = Results.put_together(cells, [read_plan(each) for each in folders or [folder]], data)
                stack.enter_context(results_folder(folder, FILES))
            else:
                plan = Plan(
                    Setting(data, data_folder, imagenet_folder, image_size, backend, device, compile),
                    _split(columns), _split(solvers), epochs, minutes, seeds, seed, dropout,
                )  # fmt: skip
                if data not in ("cifar10", "cifar100"):
                    raise ValueError(f"--data must be cifar10 or cifar100; got {data!r}")
                choose(backend, device)
                experiment = Experiment(plan, folder, say)
                if resume:
                    experiment.go_on()
                experiment.load()
                stack.enter_context(results_folder(folder, FILES, (CELLS, PLAN), resume))
        if table:
            finish(put_together)
            return

        def results() -> Results:
            known = experiment.lengths, experiment.rates, experiment.missing, data, experiment.place
            return Results(list(load(folder).values()), *known)

        try:
            with bad_input():
                experiment.prepare()
                experiment.run()
        except KeyboardInterrupt:
            done = sum(cell.whole for cell in experiment.cells.values())
            known = experiment.ready
            left = f"about {spoken(experiment.left())} are left" if known else "how long it takes was not measured yet"
            say(f"curveball: interrupted: {done} runs are done and kept in {folder}, --resume goes on; {left}")
            with contextlib.suppress(KeyboardInterrupt):
                finish(results())
            raise
        finish(results())


def _check_table(context: typer.Context, folders: list[Path] | None, out: Path | None) -> None:
    """ValueError for an option of the runs, as there will be none, and for a table that would be written anywhere."""
    taken = {"folders", "out", "table", "data"}
    if given := [name for name in context.params if name not in taken and _is_given(context, name)]:
        options = ("--" + "no-" * (context.params[name] is False) + name.replace("_", "-") for name in given)
        raise ValueError(f"--table trains nothing: leave out {', '.join(options)}")
    if folders and out is None:
        raise ValueError("give --out: the folder to write the table to")


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
