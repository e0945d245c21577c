"""Problems to optimise: data sets and networks, and functions whose minima are known.

What is solved? A problem has `init(rng) -> params`, `batch(rng) -> batch`, `model(params, batch) -> outputs` and
`loss(outputs, batch) -> scalar`: see `problems.protocol`. `load(name)` and `network(name)` make a `Classification`;
`closed_form.get(name)` is a problem with a known minimum.
"""

from problems import closed_form
from problems.data.dataset import Dataset
from problems.data.errors import DataError
from problems.data.registry import load
from problems.protocol import ClosedForm, Problem
from problems.vision.classification import Classification
from problems.vision.networks import NETWORKS, network

__all__ = [
    "NETWORKS", "Classification", "ClosedForm", "DataError", "Dataset", "Problem", "closed_form", "load", "network",
]  # fmt: skip
