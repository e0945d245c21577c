"""Problems to optimise: data sets and networks, and functions whose minima are known.

A problem has `init(rng) -> params`, `batch(rng) -> batch`, `model(params, batch) -> outputs`,
`loss(outputs, batch) -> scalar` and, where known, `solution`.
"""

from problems.data.datasets import Dataset, load
from problems.data.errors import DataError
from problems.vision.classification import Classification
from problems.vision.networks import NETWORKS, network

__all__ = ["NETWORKS", "Classification", "DataError", "Dataset", "load", "network"]
