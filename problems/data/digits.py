"""Handwritten digits, the smallest of the data sets: they come with scikit-learn."""

from __future__ import annotations

import numpy as np

from problems.data.dataset import Dataset
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
    from sklearn.datasets import load_digits  # here, so that importing problems stays quick

    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    images = bunch.images[order, :, :, None].astype(np.uint8)
    labels = bunch.target[order].astype(np.int64)
    n = 1437
    return Dataset.of("digits", tuple("0123456789"), (images[:n], labels[:n]), (images[n:], labels[n:]))
