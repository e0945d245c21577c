"""The options that commands share, in bundles: a command takes a bundle, and has the options of its fields."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from curveball.cli import names
from curveball.cli.numbers import integer_option, number_option
from curveball.training.options import TrainOptions

BATCH_SIZE = 64

Seed = Annotated[int, integer_option("seed of the start and of the order of the batches")]
Format = Annotated[str, typer.Option("--format", help="of the figures: png, svg or pdf")]
Out = Annotated[Path | None, typer.Option(help="folder for logs, figures and checkpoints [default: under runs/]")]

ImageSize = Annotated[int | None, integer_option("imagenet: pixels along a side that the network takes [default: 64]")]
Device = Annotated[
    str | None,
    typer.Option(help="index of a GPU, or a name as in curveball info: cpu, cuda:1, gpu [default: the first]"),
]


@dataclass(frozen=True)
class ProblemOptions:
    """What is trained, and where it computes."""

    data: Annotated[
        str,
        typer.Option(
            help=f"data set: {names.DATA_SETS}; folder, imagenet: images of your own, in --data-folder; or a file of "
            "your own: FILE.npz, FILE.csv",
            autocompletion=names.completed(names.DATA_SETS),
        ),
    ] = "digits"
    label: Annotated[
        str | None, typer.Option(help="FILE.csv: the column to predict, a class [default: label, if there is one]")
    ] = None
    target: Annotated[
        str | None, typer.Option(help="FILE.csv: the column to predict, a number [default: target, if there is one]")
    ] = None
    data_folder: Annotated[
        Path | None,
        typer.Option(help="where the data are [default: MINIGRAD_DATA_DIR or the cache, the system; else downloaded]"),
    ] = None
    image_size: ImageSize = None
    augment: Annotated[
        bool, typer.Option("--augment", help="flip and shift the training images at random; imagenet: flip and crop")
    ] = False
    network: Annotated[
        str | None,
        typer.Option(
            help=f"network: {names.NETWORKS}; or module:function [default: cnn; mlp for a table]",
            autocompletion=names.completed(names.NETWORKS),
        ),
    ] = None
    batch_size: Annotated[int, integer_option("images per step")] = BATCH_SIZE
    dtype: Annotated[str, typer.Option(help="float32 or float64")] = "float32"
    backend: Annotated[
        str, typer.Option(help=f"array library: {names.BACKENDS}", autocompletion=names.completed(names.BACKENDS))
    ] = "numpy"
    device: Device = None
    compile: Annotated[
        bool, typer.Option("--compile", help="a step as one program: backend jax, or torch on a GPU")
    ] = TrainOptions.compile
    tf32: Annotated[bool, typer.Option("--tf32", help="on a GPU: products of float32 matrices rounded to TF32")] = False
    initialisation: Annotated[str, typer.Option(help=f"initial weights: {names.INITIALISATIONS}")] = "he"


@dataclass(frozen=True)
class RunOptions:
    """How long, from which seed, where the files go, and what is printed."""

    epochs: Annotated[int, integer_option("passes over the training set")] = TrainOptions.epochs
    seed: Seed = TrainOptions.seed
    out: Out = None
    log_every: Annotated[int, integer_option("steps between log lines")] = TrainOptions.log_every
    save_every: Annotated[
        str, typer.Option(help="checkpoints within an epoch: after so many steps, as in 500, or as in 30s, 10min, 2h")
    ] = str(TrainOptions.save_every)
    diverged_above: Annotated[
        float, number_option("a loss so many times the first one ends the run, as one that is not finite does")
    ] = TrainOptions.diverged_above
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress bar")] = TrainOptions.quiet
    live: Annotated[bool, typer.Option("--live", help="draw the loss and the validation error while it trains")] = False

    def train_options(self, resume: bool, compiled: bool, schedule: str = TrainOptions.schedule) -> TrainOptions:
        """The same for `train`. ValueError for bad values."""
        return TrainOptions(
            self.epochs, self.seed, self.log_every, self.quiet or self.live, resume, self.save_every,
            self.diverged_above, compiled, schedule,
        )  # fmt: skip


def bundled(command: Callable[..., None]) -> Callable[..., None]:
    """The command for Typer: each parameter that is a bundle is replaced by the fields of the bundle.

    >>> def greet(run: RunOptions, loud: bool = False) -> None: ...
    >>> list(inspect.signature(bundled(greet)).parameters)
    ['epochs', 'seed', 'out', 'log_every', 'save_every', 'diverged_above', 'quiet', 'live', 'loud']
    """
    parameters = inspect.signature(command, eval_str=True).parameters.values()
    bundles: dict[str, Any] = {p.name: p.annotation for p in parameters if is_dataclass(p.annotation)}
    options: list[inspect.Parameter] = []
    for p in parameters:
        options += _options_of(bundles[p.name]) if p.name in bundles else [p.replace(kind=p.KEYWORD_ONLY)]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        made = {
            name: bundle(**{field.name: given.pop(field.name) for field in fields(bundle)})
            for name, bundle in bundles.items()
        }
        command(**made, **given)

    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # functions may have one
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


def _options_of(bundle: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(bundle, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(bundle)
    ]
