"""What `train` and `compare` share: the problem from its options, the folder of a run, the memory it took."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import typer

import problems
from curveball.cli.options import BATCH_SIZE, ProblemOptions
from curveball.cli.own_code import make_network
from curveball.training.devices import choose, to_backend
from curveball.training.processes import leads
from curveball.training.run import Record, Run
from problems.data.own_data import NumberData, in_dtype, is_table

if TYPE_CHECKING:
    from curveball.training.log import Callback


def load_problem(options: ProblemOptions, on_host: bool = False) -> problems.Classification:
    """Load the data onto their backend, and make the network. ValueError for bad options.

    on_host:  the data stay there
    """
    if options.dtype not in ("float32", "float64"):
        raise ValueError(f"dtype must be float32 or float64; got {options.dtype!r}")
    xp = choose(options.backend, options.device, options.tf32, options.dtype)
    dataset = problems.load(options.data, options.data_folder, options.image_size, options.label, options.target)
    dtype = np.dtype(options.dtype).type
    if options.backend != "numpy":
        dataset = in_dtype(dataset, dtype)
    if not on_host:
        dataset = to_backend(dataset, xp)
    shape = tuple(dataset.train_images.shape[1:])
    net = make_network(network_name(options, dataset), len(dataset.classes), options.initialisation, shape)
    if options.augment and is_table(dataset):
        raise ValueError(f"{options.data} is a table, not images: leave out --augment")
    check_outputs(net, dataset)
    rest = (net, _batch_size(options, dataset), dtype, options.augment)
    problem: problems.Classification
    if isinstance(dataset, NumberData):
        problem = problems.Regression(dataset, *rest)
    else:
        problem = problems.Classification(dataset, *rest)
    if dataset.source and leads():
        what = f"{options.data} from {dataset.source}" if dataset.source != options.data else _about_file(dataset)
        typer.echo(what)
    if net.by_shape and leads():
        typer.echo(f"{net.name} for {shape[0]} x {shape[1]} pixels: {net.describe()}")
    return problem


def network_name(options: ProblemOptions, dataset: problems.Dataset) -> str:
    """The network that is asked for, or the one for data of this kind."""
    return options.network or ("mlp" if is_table(dataset) else "cnn")


def check_outputs(net: problems.vision.Network, dataset: problems.Dataset) -> None:
    """ValueError unless the network takes these inputs and has an output for each class or target."""
    shape = tuple(dataset.train_images.shape[1:])
    try:
        found = net.output_shape(shape)
    except ValueError as error:
        if is_table(dataset):
            raise ValueError(
                f"{dataset.source or dataset.name} is a table, and the network {net.name} takes images: give "
                "--network mlp, or one of your own"
            ) from None
        raise error
    if found != (len(dataset.classes),):
        raise ValueError(f"the network {net.name} has outputs {found}, and there are {len(dataset.classes)} to predict")


def _batch_size(options: ProblemOptions, dataset: problems.Dataset) -> int:
    """The default is no more than there are rows of a file."""
    if options.batch_size == BATCH_SIZE and problems.data.is_file(options.data):
        return min(BATCH_SIZE, len(dataset.train_labels))
    return options.batch_size


def _about_file(dataset: problems.Dataset) -> str:
    """What was read from a file of one's own."""
    count, held = len(dataset.train_labels), len(dataset.validation_labels)
    shape = tuple(dataset.train_images.shape[1:])
    inputs = f"{shape[2]} numbers" if is_table(dataset) else " x ".join(map(str, shape))
    answers = "" if isinstance(dataset, NumberData) else f"{len(dataset.classes)} classes: "
    names = ", ".join(dataset.classes[:10]) + (", ..." if len(dataset.classes) > 10 else "")
    return f"{dataset.source}: {count} to train, {held} to validate, of {inputs}; {answers}{names}"


def default_folder(kind: str, options: ProblemOptions, dataset: problems.Dataset, solvers: str, seed: int) -> Path:
    """Where the files of a run go by default: its name has every option that is not at its default."""
    if problems.data.is_file(options.data):
        data = "-".join(filter(None, (dataset.name, options.label, options.target))).replace("/", "-")
    else:
        own = problems.data.DATASETS.find(options.data).source.own
        data = f"{options.data}-{dataset.name}" if own else options.data
    network = network_name(options, dataset).replace(":", "-")
    parts = [kind, data, network, solvers.replace(":", "-").replace(",", "-")]
    given = (
        (options.initialisation, "he"),
        (options.dtype, "float32"),
        (f"batch{options.batch_size}", f"batch{BATCH_SIZE}"),
        (f"{options.image_size}px", "Nonepx"),
        ("augment" if options.augment else "", ""),
        (options.backend, "numpy"),
        ("tf32" if options.tf32 else "", ""),
        ("compile" if options.compile else "", ""),
    )
    parts += [text for text, default in given if text != default]
    full = "-".join(filter(None, parts))
    name = full.encode(errors="surrogateescape")  # a letter that the locale does not know came as single bytes
    if len(name) > 150:  # file systems take 255 bytes, and two names may differ only at their ends
        full = f"{name[:120].decode(errors='ignore')}-{hashlib.sha256(name).hexdigest()[:8]}"
    return Path("runs") / f"{full}-seed{seed}"


def on_devices(folder: Path, count: int, resume: bool) -> Path:
    """The default folder of a run on many devices. A run to resume may have been on another number of them."""
    own = folder.with_name(f"{folder.name}-devices{count}")
    others = list(folder.parent.glob(f"{escape(folder.name)}-devices*"))
    return others[0] if resume and not own.exists() and len(others) == 1 else own


def with_schedule(solver: str, schedule: str) -> str:
    """A solver's text for the name of a folder, with a schedule that is not the default.

    >>> with_schedule("sgd", "constant"), with_schedule("sgd", "step:epochs=3/4")
    ('sgd', 'sgd-step:epochs=3-4')
    """
    return solver if schedule == "constant" else f"{solver}-{schedule.replace('/', '-')}"


@contextlib.contextmanager
def drawn_live(asked: bool) -> Iterator[Callable[[str, int], Callback] | None]:
    """What gives the callback of a run, which draws it on the terminal; None where that is not asked for."""
    if not asked:
        yield None
        return
    from curveball.figures.live import LivePlot

    with LivePlot() as live:
        yield live.watch


def print_memory_pool(runs: Sequence[Run]) -> None:
    """Say what memory of the device was needed, where the library counts it."""
    last: Record = next((run.epochs[-1] for run in reversed(runs) if run.epochs), {})
    if "pool_held" in last:
        used, held = last["pool_used"] / 2**20, last["pool_held"] / 2**20
        typer.echo(f"memory pool: {held:.0f} MiB held, {used:.0f} MiB of it in use")
