"""Problems to optimise: data sets and networks, and functions whose minima are known.

A problem has `init(rng) -> params`, `batch(rng) -> batch`, `model(params, batch) -> outputs`,
`loss(outputs, batch) -> scalar` and, where known, `solution`.
"""

from problems.classification import Classification
from problems.datasets import Dataset, load
from problems.errors import DataError
from problems.networks import NETWORKS, network

__all__ = ["NETWORKS", "Classification", "DataError", "Dataset", "load", "network"]
