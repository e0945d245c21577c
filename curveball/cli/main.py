"""The command `curveball`."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

# Typer's own name for it is private: the parent of the error that it does export.
UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")


class OneLine(TyperGroup):
    """Says what is wrong with the command line in one line, exit code 2."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)
        except UsageError as error:
            code = 2
            if type(error).__name__ == "NoArgsIsHelpError":
                error.show()  # no words at all: the help
            else:
                text = " ".join(error.format_message().split())
                typer.echo(f"curveball: {text} (see curveball --help)", err=True)
        except typer.Abort:
            code = 130
        sys.exit(code if isinstance(code, int) else 0)


app = typer.Typer(
    cls=OneLine,
    help="CurveBall and its peers: train networks, compare solvers, repeat the experiments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

BATCH = 64
DEFAULT_SOLVERS = ("curveball", "curveball:adapt_lam=false", "sgd:lr=0.01", "adam:lr=0.001")  # the paper's four

Data = Annotated[str, typer.Option(help="data set: digits, fashion-mnist, cifar10, cifar100, or folder for one's own")]
DataFolder = Annotated[
    Path | None,
    typer.Option(help="where the data are [default: MINIGRAD_DATA_DIR or the cache, the system; else downloaded]"),
]
Augment = Annotated[bool, typer.Option("--augment", help="flip and shift the training images at random")]
NETWORK_HELP = "network: cnn, mlp, mnist-mlp, basic, basic-bn, resnet18, resnet18-7x7; the last two with -dropout"
NetworkName = Annotated[str, typer.Option("--network", help=NETWORK_HELP)]
Initialisation = Annotated[str, typer.Option(help="initial weights: he or xavier")]
Epochs = Annotated[int, typer.Option(help="passes over the training set")]
BatchSize = Annotated[int, typer.Option(help="images per step")]
Seed = Annotated[int, typer.Option(help="seed of the start and of the order of the batches")]
Dtype = Annotated[str, typer.Option(help="float32 or float64")]
Backend = Annotated[str, typer.Option(help="numpy, or cupy for a GPU")]
Device = Annotated[str | None, typer.Option(help="index of the GPU, as in curveball info [default: 0]; NumPy: cpu")]
Tf32 = Annotated[bool, typer.Option("--tf32", help="on a GPU: products of float32 matrices rounded to TF32")]
Out = Annotated[Path | None, typer.Option(help="folder for logs, figures and checkpoints [default: under runs/]")]
LogEvery = Annotated[int, typer.Option(help="steps between log lines")]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress bar")]


@contextlib.contextmanager
def bad_input() -> Iterator[None]:
    """Turn an error about what the user gave into one line and exit code 2."""
    try:
        yield
    except ValueError as error:
        typer.echo(f"curveball: {error}", err=True)
        raise typer.Exit(2) from None


@contextlib.contextmanager
def interruptible(folder: Path) -> Iterator[None]:
    """At Ctrl-C say whether there is something to go on with."""
    try:
        yield
    except KeyboardInterrupt:
        found = [path.parent for path in folder.glob("**/checkpoint.safetensors")]
        what = "no epoch was done"
        if any(not place.name.startswith("previous") for place in found):
            what = f"{folder} has the epochs that are done, --resume goes on from there"
        elif found:
            what += f"; the run before is in {max(found, key=lambda place: place.stat().st_mtime)}"
        typer.echo(f"curveball: interrupted: {what}", err=True)
        raise


def _problem(
    data: str, folder: Path | None, augment: bool, network: str, initialisation: str, batch_size: int, dtype: str,
    backend: str, device: str | None, tf32: bool,
) -> Any:  # fmt: skip
    import numpy as np

    import problems
    from curveball.training.devices import choose, to_backend

    if dtype not in ("float32", "float64"):
        raise ValueError(f"dtype must be float32 or float64; got {dtype!r}")
    xp = choose(backend, device, tf32)
    dataset = to_backend(problems.load(data, folder), xp)
    net = problems.network(network, len(dataset.classes), initialisation)
    problem = problems.Classification(dataset, net, batch_size, np.dtype(dtype).type, augment)
    if dataset.source:
        typer.echo(f"{data} from {dataset.source}")
    return problem


def _folder(kind: str, data: str, problem: Any, solvers: str, seed: int, backend: str, tf32: bool) -> Path:
    """Where a run goes by default: all that makes it another run is in the name, unless it is the default."""
    name = f"folder-{problem.data.name}" if data == "folder" else data
    network, dtype = problem.network, problem.dtype.__name__
    parts = [kind, name, network.name, solvers.replace(":", "-").replace(",", "-")]
    parts += [text for text, default in ((network.initialisation, "he"), (dtype, "float32")) if text != default]
    parts += [f"batch{problem.batch_size}"] * (problem.batch_size != BATCH)
    parts += ["augment"] * problem.augment + [backend] * (backend != "numpy") + ["tf32"] * tf32
    full = "-".join(filter(None, parts))
    if len(full.encode()) > 150:  # file systems take 255 bytes, and what tells two names apart may stand at their end
        full = f"{full.encode()[:120].decode(errors='ignore')}-{hashlib.sha256(full.encode()).hexdigest()[:8]}"
    return Path("runs") / f"{full}-seed{seed}"


def _pool(runs: list[Any]) -> None:
    """Say what CuPy's memory pool holds."""
    last: dict[str, Any] = next((run.epochs[-1] for run in reversed(runs) if run.epochs), {})
    if "pool_held" in last:
        used, held = last["pool_used"] / 2**20, last["pool_held"] / 2**20
        typer.echo(f"memory pool: {held:.0f} MiB held, {used:.0f} MiB of it in use")


@app.command()
def train(
    data: Data = "digits",
    data_folder: DataFolder = None,
    augment: Augment = False,
    network: NetworkName = "cnn",
    solver: Annotated[
        str, typer.Option(help="curveball, sgd or adam, with options: sgd:lr=0.1,momentum=0.95")
    ] = "curveball",
    epochs: Epochs = 20,
    batch_size: BatchSize = BATCH,
    seed: Seed = 0,
    dtype: Dtype = "float32",
    backend: Backend = "numpy",
    device: Device = None,
    tf32: Tf32 = False,
    initialisation: Initialisation = "he",
    out: Out = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on from the checkpoint in --out")] = False,
    log_every: LogEvery = 1,
    quiet: Quiet = False,
) -> None:
    """Train one network with one solver; write log.jsonl and checkpoint.safetensors.

    Without --resume, those of an earlier run in the same folder are kept in its folder `previous`.
    """
    from curveball.experiments.compare import table
    from curveball.solvers.registry import solver_from
    from curveball.training.train import train as run_training

    with bad_input():
        chosen = solver_from(solver)
        problem = _problem(
            data, data_folder, augment, network, initialisation, batch_size, dtype, backend, device, tf32
        )
        folder = out or _folder("", data, problem, solver, seed, backend, tf32)
        with interruptible(folder):
            run = run_training(problem, chosen, epochs, seed, solver, folder, resume, log_every, quiet)
    typer.echo(table([run]))
    _pool([run])
    kept = "" if resume or not (folder / "previous").exists() else f"; earlier runs in {folder / 'previous'}*"
    typer.echo(f"log and checkpoint in {folder}{kept}")
    if run.stopped:
        typer.echo(f"curveball: {run.stopped}", err=True)
        raise typer.Exit(1)


@app.command()
def compare(
    data: Data = "digits",
    data_folder: DataFolder = None,
    augment: Augment = False,
    network: NetworkName = "cnn",
    solver: Annotated[
        list[str] | None,
        typer.Option(help=f"repeat for each [default: {', '.join(DEFAULT_SOLVERS)}]"),
    ] = None,
    epochs: Epochs = 20,
    batch_size: BatchSize = BATCH,
    seed: Seed = 0,
    seeds: Annotated[int, typer.Option(help="runs of each solver: at --seed, at the next number, and so on")] = 1,
    dtype: Dtype = "float32",
    backend: Backend = "numpy",
    device: Device = None,
    tf32: Tf32 = False,
    initialisation: Initialisation = "he",
    out: Out = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="keep the runs that are in --out, go on with the rest")
    ] = False,
    log_every: LogEvery = 1,
    quiet: Quiet = False,
) -> None:
    """Train with several solvers from one start; print how each ended and Table 2, draw figures 2 and 3.

    Figure 2 is training and validation error against epoch, figure 3 the same against seconds of training; losses.png
    the training loss against both.
    """
    from curveball.experiments.compare import compare as run_comparison
    from curveball.experiments.compare import table, table2
    from curveball.solvers.registry import solver_from

    with bad_input():
        chosen = {text: solver_from(text) for text in solver or DEFAULT_SOLVERS}
        problem = _problem(
            data, data_folder, augment, network, initialisation, batch_size, dtype, backend, device, tf32
        )
        solvers = "" if tuple(chosen) == DEFAULT_SOLVERS else "-vs-".join(chosen)
        folder = out or _folder("compare", data, problem, solvers, seed, backend, tf32)
        if out is None and seeds > 1:
            folder = folder.with_name(f"{folder.name}-{seed + seeds - 1}")
        with interruptible(folder):
            runs = run_comparison(problem, chosen, folder, epochs, seed, log_every, quiet, seeds, resume)
    typer.echo(table(runs))
    typer.echo("\n" + table2(runs, problem, epochs))
    _pool(runs)
    typer.echo(f"losses.png, figure2.png, figure3.png, table2.md, table2.csv and results.json in {folder}")
    if any(run.stopped for run in runs):
        raise typer.Exit(1)


@app.command()
def table1(
    runs: Annotated[int, typer.Option(help="repeats of every solver on every problem")] = 100,
    seed: Seed = 0,
    jobs: Annotated[int | None, typer.Option(help="processes [default: one per core]")] = None,
    out: Out = None,
) -> None:
    """Count iterations to a loss of 1e-4 on problems with known minima, every solver: Table 1 of the paper and more."""
    import time

    from curveball.experiments.table1 import markdown, write
    from curveball.experiments.table1 import table1 as run_table
    from curveball.training.files import output_folder

    with bad_input():
        _at_least(1, "--runs", runs)
        _at_least(1, "--jobs", 1 if jobs is None else jobs)
        _at_least(0, "--seed", seed)
        folder = output_folder(out or Path("runs") / "table1")
    started = time.perf_counter()
    cells = run_table(runs, seed, -1 if jobs is None else jobs)
    seconds = time.perf_counter() - started
    with bad_input():
        write(cells, folder, runs, seed, seconds)
    typer.echo(markdown(cells))
    typer.echo(f"{seconds:.0f} s; table1.md, table1.csv and table1.json in {folder}")


@app.command()
def figure1(
    noise: Annotated[tuple[float, float] | None, typer.Option(help="noise of Rosenbrock's function, U[a, b]")] = None,
    start: Annotated[
        str | None, typer.Option(help="where to start, as in -0.25,-0.25 [default: drawn by the seed]")
    ] = None,
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """Draw every solver's way over the contours of Rosenbrock's function, and loss against iteration; animate it."""
    from curveball.experiments.figure1 import figure1 as run_figure
    from curveball.experiments.table1 import THRESHOLD
    from curveball.training.files import output_folder
    from problems.closed_form.rosenbrock import Rosenbrock

    with bad_input():
        Rosenbrock(noise)  # a range upside down ends here, before anything is written
        _at_least(0, "--seed", seed)
        place = None if start is None else _numbers("--start", start, 2)
        folder = output_folder(out or Path("runs") / "figure1")
        found = run_figure(folder, noise, seed, place)
    for t in found:
        below = next((str(k + 1) for k, loss in enumerate(t.losses) if loss < THRESHOLD), "never")
        typer.echo(f"{t.name:>27}: loss below {THRESHOLD:g} at iteration {below}")
    typer.echo(f"figure1.png, figure1.gif, linear_system.png and figure1.json in {folder}")


def _at_least(least: int, option: str, number: int) -> None:
    if number < least:
        raise ValueError(f"{option} must be at least {least}; got {number}")


def _numbers(option: str, text: str, count: int) -> list[float]:
    """Comma-separated numbers."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(abs(x) < 1e6 for x in numbers):
        raise ValueError(f"{option} takes {count} numbers with a comma between, as in -0.25,-0.25; got {text!r}")
    return numbers


data_app = typer.Typer(help="List, fetch and check the data sets.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")

DataName = Annotated[str, typer.Argument(help="digits, fashion-mnist, cifar10, cifar100 or folder", show_default=False)]
Folder = Annotated[Path | None, typer.Option(help="where they are, or go [default: MINIGRAD_DATA_DIR or the cache]")]


@data_app.command("list")
def list_data() -> None:
    """List the data sets: what, whose, where."""
    from curveball.cli.data import listing

    typer.echo(listing())


@data_app.command()
def fetch(name: DataName, folder: Folder = None) -> None:
    """Download a data set, unless it is there.

    A download that broke off goes on where it was. MINIGRAD_DATA_MIRROR, the address of a folder with the files, is
    asked before the published servers.
    """
    from curveball.cli.data import fetch as run_fetch

    with bad_input():
        typer.echo(run_fetch(name, folder))


@data_app.command()
def check(name: DataName, folder: Folder = None) -> None:
    """Read a data set and count its images.

    Sizes, labels and, where they can be compared, checksums are verified.
    """
    from curveball.cli.data import check as run_check

    with bad_input():
        typer.echo(run_check(name, folder))


@app.command()
def info(as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False) -> None:
    """Print versions, processor, memory, BLAS and its threads, GPUs."""
    import json

    from curveball.cli.info import format_info
    from curveball.cli.info import info as facts

    typer.echo(json.dumps(facts(), indent=1) if as_json else format_info(facts()))


def main() -> None:
    """Run the command line."""
    app(prog_name="curveball")


if __name__ == "__main__":
    main()
