"""`curveball train` on many devices: the options, and how one of several processes ends."""

from __future__ import annotations

import contextlib
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from curveball.cli.numbers import integer_option
from curveball.cli.options import ProblemOptions
from curveball.training.processes import ending_together

KINDS = (None, "cpu", "gpu", "tpu")  # of devices


@dataclass(frozen=True)
class ManyOptions:
    """On how many devices, and in how many processes."""

    devices: Annotated[
        int | None, integer_option("backend jax: devices that share each batch, per process [default: one, or all]")
    ] = None
    processes: Annotated[
        str | None,
        typer.Option(help="how many processes train together; auto: as Slurm, Kubernetes, Open MPI started them"),
    ] = None
    process_id: Annotated[int | None, integer_option("which of them this is, from 0")] = None
    coordinator: Annotated[str | None, typer.Option(help="HOST:PORT where process 0 is reached by the others")] = None

    @property
    def are_asked(self) -> bool:
        """Whether there is any of these options."""
        return self != ManyOptions()

    def start(self, options: ProblemOptions) -> Any:
        """Start JAX on these devices; return their mesh. ValueError for options that do not fit."""
        if options.backend != "jax":
            raise ValueError(f"--devices and --processes need --backend jax; got {options.backend}")
        if options.device not in KINDS:
            raise ValueError(f"--device {options.device} with --devices: give a kind of device, cpu, gpu or tpu")
        if self.processes is None and (self.process_id is not None or self.coordinator is not None):
            raise ValueError("--process-id and --coordinator need --processes, the number of all, or auto")
        from curveball.training.many_devices import Processes, start

        several = None
        if self.processes is not None:
            several = Processes(_number(self.processes), self.process_id, self.coordinator)
        return start(self.devices, options.device, several)


def _number(text: str) -> int | None:
    if text == "auto":
        return None
    if not re.fullmatch("[0-9]{1,9}", text) or not int(text):
        raise ValueError(f"--processes must be a number of at least 1, or auto; got {text}")
    return int(text)


@contextlib.contextmanager
def one_of_several() -> Iterator[None]:
    """What leaves this ends the process, if it is one of several, without waiting for the others."""

    def exit_code(error: BaseException) -> int:
        if isinstance(error, typer.Exit):
            return int(error.exit_code)
        if isinstance(error, KeyboardInterrupt):
            return 130
        traceback.print_exception(error)
        return 1

    with ending_together(exit_code):
        yield
