"""What is solved? Image classification by networks, differential equations, and functions whose minima are known.

`load(name)` and `network(name)` make a `Classification`; `closed_form.get(name)` is a problem with a known minimum,
and `physics_informed.get(name)` a differential equation with a known solution.
`problems.protocol` says what a problem is: it has `init(rng) -> params`, `batch(rng) -> batch`,
`model(params, batch) -> outputs` and `loss(outputs, batch) -> scalar`.
"""

from problems import closed_form, data, physics_informed, vision
from problems.data import DataError, Dataset, load
from problems.protocol import ClosedForm, Problem
from problems.vision import NETWORKS, Classification, Regression, network

__all__ = [
    "NETWORKS", "Classification", "ClosedForm", "DataError", "Dataset", "Problem", "Regression", "closed_form", "data",
    "load", "network", "physics_informed", "vision",
]  # fmt: skip
