"""Handwritten digits, the smallest of the data sets: they come with scikit-learn."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from minigrad.extras import install_command
from problems.data.dataset import Dataset
from problems.data.errors import DataError
from problems.data.registry import dataset
from problems.data.sources import Source

DIGITS = Source(
    name="digits",
    about="1,437 + 360 grey pictures of handwritten digits of 8 x 8, 10 classes",
    licence="CC BY 4.0, Alpaydin and Kaynak",
    homepage="https://archive.ics.uci.edu/dataset/80",
    bundled_with="scikit-learn",
)


@dataset(DIGITS)
def digits(folder: None) -> Dataset:
    """Handwritten digits, 1,797 images of 8 x 8 with values 0..16: 1,437 to train, 360 to validate, by a fixed shuffle.

    From scikit-learn, which bundles the test part of E. Alpaydin and C. Kaynak's "Optical Recognition of Handwritten
    Digits" (UCI Machine Learning Repository, 1998).
    """
    rows = np.loadtxt(_bundled_file(), dtype=np.int64, delimiter=",")  # 64 values of an image, and its label
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    images, labels = rows[:, :-1].reshape(-1, 8, 8, 1).astype(np.uint8), rows[:, -1].copy()
    n = 1437
    return Dataset.of("digits", tuple("0123456789"), (images[:n], labels[:n]), (images[n:], labels[n:]), white=16)


def _bundled_file() -> Path:
    """Where scikit-learn has the digits. It is found, not imported: an import takes longer than an epoch on them."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise DataError(f"the data set digits comes with scikit-learn, which is missing: {install_command('data')}")
    return Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
