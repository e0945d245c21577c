"""Which images is a network trained on, and how do they get here? `load(name)` finds or downloads and checks them.

Each data set is one file: its source, its reader and its name. A new file is found by itself.
"""

from problems.data.dataset import Dataset
from problems.data.errors import DataError
from problems.data.registry import DATASETS, is_file, load, names
from problems.registry import import_modules

import_modules(__name__, __path__)

__all__ = ["DATASETS", "DataError", "Dataset", "is_file", "load", "names"]
