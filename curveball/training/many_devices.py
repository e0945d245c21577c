"""One run on many devices with JAX: each has a shard of the batch, all have the params, the state and the statistics.

The compiled step is the one for a single device. XLA sees that the batch is in shards, and makes sums over the batch
all-reduces, so that the iterates are those of one device up to rounding, batch normalisation included. What is sent,
and why so little, is derived in tests/derivations/test_17_sum_over_shards.py.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol

import numpy as np

import minigrad as mg
from curveball.training.devices.installed import import_library, one_line
from curveball.training.devices.jax import LOWEST
from curveball.training.processes import join
from curveball.training.protocol import Batch, Stored, TrainingData, TrainingProblem, skip
from minigrad import Array, Tree

AXIS = "shards"  # of the mesh, and of the batch


@dataclass(frozen=True)
class Processes:
    """Those that train together: how many, which of them this is, and HOST:PORT of the first.

    What is None is read from the environment that Slurm, Kubernetes or Open MPI made.
    """

    count: int | None = None
    index: int | None = None
    coordinator: str | None = None


def start(devices: int | None = None, kind: str | None = None, several: Processes | None = None) -> Any:
    """Start JAX with so many devices of this process, and join the other processes; return the mesh of all devices.

    devices:  of each process; None: all that it has. On the CPU it has as many as it is asked for
    kind:     "cpu", "gpu" or "tpu"; None: JAX's choice
    several:  the other processes, if there are any

    Call it before JAX computes anything. ValueError says what is missing.
    """
    if devices is not None and devices < 1:
        raise ValueError(f"--devices must be at least 1; got {devices}")
    if several is not None:  # JAX's C++ writes a page about a process that died
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "4")
    jax = import_library("jax", "JAX", "jax", LOWEST)
    if devices is not None:
        with contextlib.suppress(RuntimeError):  # it has started: perhaps with enough
            jax.config.update("jax_num_cpu_devices", devices)
    if several is not None:
        join(jax, several.count, several.index, several.coordinator)
    return _mesh(jax, devices, kind)


def _mesh(jax: Any, devices: int | None, kind: str | None) -> Any:
    """A line of devices: the same number from each process."""
    try:
        here, every = jax.local_devices(backend=kind), jax.devices(kind)
    except (RuntimeError, AssertionError) as error:
        what = f"device {kind}" if kind else "device"
        raise ValueError(f"JAX finds no {what} ({one_line(error)}): see curveball info") from None
    if devices is None:
        devices = len(here)
    if devices > len(here):
        names = ", ".join(f"{device.platform}:{device.id}" for device in here)
        cure = "give --devices before JAX starts" if here[0].platform == "cpu" else "ask for fewer, or use --device cpu"
        raise ValueError(f"--devices {devices}: JAX has {len(here)} in this process ({names}): {cure}")
    by_process: dict[int, list[Any]] = {}
    for device in every:
        by_process.setdefault(device.process_index, []).append(device)
    chosen = [device for process in sorted(by_process) for device in by_process[process][:devices]]
    return jax.sharding.Mesh(np.array(chosen), (AXIS,))


class InParts(TrainingProblem[Batch], Protocol[Batch]):
    """A problem that can give each mini-batch in part."""

    def batches(self, rng: np.random.Generator, part: slice = ...) -> Iterator[Batch]:
        """The mini-batches of one epoch, of each these rows; all randomness is that of the whole."""
        ...


class ManyDevices:
    """A problem with its batches in shards over a mesh of devices; the rest of it is that of the problem on the host.

    problem:  as `problems.Classification` is: a dataclass with NumPy arrays, whose `batches` give part of each batch
    mesh:     of `start`

    All processes draw the same numbers, and each makes its own rows of the batch. ValueError where the devices do not
    divide the batch.
    """

    def __init__(self, problem: InParts, mesh: Any):
        self._problem, self._jax = problem, import_library("jax", "JAX", "jax", LOWEST)
        self._sharding = self._jax.sharding
        self._shards = self._sharding.NamedSharding(mesh, self._sharding.PartitionSpec(AXIS))
        everywhere = self._sharding.NamedSharding(mesh, self._sharding.PartitionSpec())
        self._rows = int(problem.description["batch_size"])
        self.check_divides(self._rows, mesh)
        parts = [part for (part,) in self._shards.addressable_devices_indices_map((self._rows,)).values()]
        self._own = slice(min(part.start or 0 for part in parts), max(part.stop or self._rows for part in parts))
        one_image = self._host_array(problem.data.train_images[:1])
        like = self._jax.make_array_from_callback(one_image.shape, everywhere, lambda part: one_image[part])
        self.data = DataOnMany(problem.data, like)
        here = mesh.local_devices[0]
        validation = {
            name: self._on_one(getattr(problem.data, name), here) for name in ("validation_images", "validation_labels")
        }
        self._validating = replace(problem, data=replace(problem.data, **validation))  # type: ignore[type-var]  # a dataclass

    @staticmethod
    def check_divides(batch_size: int, mesh: Any) -> None:
        """ValueError with the nearest sizes where the devices do not divide the batch."""
        if rest := batch_size % mesh.size:
            sizes = [str(size) for size in (batch_size - rest, batch_size - rest + mesh.size) if size]
            raise ValueError(
                f"{mesh.size} devices do not divide a batch of {batch_size}: use --batch-size {' or '.join(sizes)}"
            )

    @property
    def on_host(self) -> InParts:
        """The problem itself."""
        return self._problem

    @property
    def description(self) -> dict[str, Any]:
        """That of the problem: a run may go on with another number of devices."""
        return self._problem.description

    @property
    def steps_per_epoch(self) -> int:
        """That of the problem."""
        return self._problem.steps_per_epoch

    def init(self, rng: np.random.Generator) -> Tree:
        """That of the problem, on the host."""
        return self._problem.init(rng)

    def batches(self, rng: np.random.Generator) -> Iterator[Tree]:
        """Those of the problem, their first axis in shards: this process has the rows of its own devices."""
        return Sharded(self._problem.batches(rng, self._own), self._in_shards)

    def model(self, params: Tree, batch: Tree) -> tuple[Tree, Tree]:
        """That of the problem."""
        return self._problem.model(params, batch)

    def loss(self, outputs: Tree, batch: Tree) -> Array:
        """That of the problem: a mean over the whole batch."""
        return self._problem.loss(outputs, batch)

    def errors(self, outputs: Tree, batch: Tree) -> Array:
        """Those of the problem."""
        return self._problem.errors(outputs, batch)

    def validate(self, params: Tree, stats: Tree) -> tuple[float, float]:
        """That of the problem, on the first device of each process: all find the same."""
        params, stats = (mg.tree_map(lambda x: x.addressable_data(0), tree) for tree in (params, stats))
        return self._validating.validate(params, stats)

    def _on_one(self, x: Any, device: Any) -> Any:
        """An array, or images on disk, for one device."""
        return x.on(self._jax.numpy, device) if isinstance(x, Stored) else self._jax.device_put(np.asarray(x), device)

    def _in_shards(self, x: np.ndarray) -> Array:
        """The batch of which these are the rows of this process."""
        own, x = self._own, self._host_array(x)

        def rows_of(place: tuple[slice, ...]) -> np.ndarray:
            return x[(place[0].start or 0) - own.start : (place[0].stop or self._rows) - own.start]

        return self._jax.make_array_from_callback((self._rows, *x.shape[1:]), self._shards, rows_of)

    def _host_array(self, x: np.ndarray) -> np.ndarray:
        """In the dtype that JAX has for it: without 64 bits, indices have 32."""
        return np.asarray(x, self._jax.dtypes.canonicalize_dtype(x.dtype))


class Sharded(Generic[Batch]):
    """Batches in shards, one at a time; of those that are left out nothing is moved to a device."""

    def __init__(self, batches: Iterator[Batch], in_shards: Callable[[np.ndarray], Array]):
        self._batches, self._in_shards = batches, in_shards

    def __iter__(self) -> Sharded[Batch]:
        return self

    def __next__(self) -> Tree:
        return mg.tree_map(self._in_shards, next(self._batches))

    def skip(self, count: int) -> None:
        """Leave out the next batches, as the problem itself does."""
        skip(self._batches, count)


class DataOnMany:
    """Data on the host, and an array that is where params and state belong: whole on each device."""

    def __init__(self, on_host: TrainingData, like: Array):
        self.on_host, self.train_images = on_host, like

    @property
    def name(self) -> str:
        """What the data set is called."""
        return self.on_host.name

    @property
    def source(self) -> str:
        """The file or folder they were read from."""
        return self.on_host.source
