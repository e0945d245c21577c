"""A predictor from a checkpoint: the network by its name, its params, and what its inputs and outputs mean."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from curveball.training import checkpoint
from curveball.training.files import one_line
from curveball.training.resume import is_finite
from curveball.training.train import CHECKPOINT
from problems.vision.networks import Network, network
from problems.vision.predictor import Facts, Predictor, predictor_of

DTYPES: dict[str, type[np.floating]] = {"float32": np.float32, "float64": np.float64}
Make = Callable[[int, str, tuple[int, ...]], Network]


def load_predictor(path: str | os.PathLike[str], net: Network | Make | None = None) -> Predictor:
    """The network of a checkpoint, as a function of inputs: labels with probabilities, or numbers.

    path:  the checkpoint, or the folder of a run
    net:   the network, where it is none of `problems.network` but one of your own; or a function that makes it from the
           number of classes, the initialisation and the shape (height, width, channels) of the inputs

    It is called with inputs as the data set has them, and computes on the host. ValueError, of one line, for a file
    that is no checkpoint, is damaged, or is of another network.

    >>> from tempfile import TemporaryDirectory
    >>> from curveball import SGD
    >>> from curveball.training.train import TrainOptions, train
    >>> from problems import Classification, load, network
    >>> data = load("digits")
    >>> with TemporaryDirectory() as folder:
    ...     options = TrainOptions(epochs=2, quiet=True)
    ...     run = train(Classification(data, network("mlp")), SGD(lr=0.05), options, folder=Path(folder))
    ...     predict = load_predictor(folder)
    >>> found = predict(data.validation_images[:4])
    >>> found.labels, found.probabilities.shape
    (['0', '8', '8', '9'], (4, 10))
    """
    path = Path(path).expanduser()
    if path.is_dir():
        path = path / CHECKPOINT
    if not path.exists():
        raise ValueError(f"there is no checkpoint {path}: give the folder of a run, or its {CHECKPOINT}")
    leaves, facts = checkpoint.load(path)
    if facts.get("answers") is None:
        raise ValueError(
            f"the checkpoint {path} does not say what its inputs and outputs mean: a run of a Classification or a "
            "Regression does, from this version on (--resume writes a new one)"
        )
    try:
        return _predictor(leaves, facts["about"], Facts.from_json(facts["answers"]), net)
    except (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"the checkpoint {path} is damaged ({type(error).__name__}: {one_line(error)})") from None
    except ValueError as error:
        raise ValueError(f"{path}: {one_line(error)}") from None


def _predictor(leaves: dict[str, Any], about: dict[str, Any], facts: Facts, net: Network | Make | None) -> Predictor:
    name, layers = str(about["network"]), str(about["layers"])
    if net is None:
        if ":" in name and not name.startswith("random:"):
            raise ValueError(
                f"its network is {one_line(name)}, which is code of your own: give it too (--network {one_line(name)})"
            )
        net = partial(network, name)
    if not isinstance(net, Network):
        net = net(len(facts.classes), str(about["initialisation"]), facts.shape)
    if net.describe() != layers:
        raise ValueError(f"the network {net.name} is {one_line(net.describe())}; it was trained as {one_line(layers)}")
    if (found := net.output_shape(facts.shape)) != (len(facts.classes),):
        raise ValueError(f"the network has outputs {found} for {len(facts.classes)} classes")
    dtype = DTYPES[about["dtype"]]
    params = checkpoint.restore("params", net.init(np.random.default_rng(0), facts.shape, dtype), leaves)
    one = np.zeros((1, *facts.shape), dtype)
    stats = checkpoint.restore("stats", net(params, one)[1], leaves)  # of the names and shapes that the network returns
    if not is_finite((params, stats)):
        raise ValueError("the checkpoint has numbers that are not finite")
    return predictor_of(net, params, stats, facts)
