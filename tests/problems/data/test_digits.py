"""The handwritten digits: what is in them, and that nothing is in both halves."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from problems import DataError, load
from tests.support.packages import run


def test_digits():
    d = load("digits")
    assert d.train_images.shape == (1437, 8, 8, 1)
    assert d.validation_images.shape == (360, 8, 8, 1)
    assert d.train_labels.shape == (1437,)
    assert d.validation_labels.shape == (360,)
    assert d.classes == tuple("0123456789")
    for pictures, labels in ((d.train_images, d.train_labels), (d.validation_images, d.validation_labels)):
        assert pictures.dtype == np.uint8
        assert labels.dtype == np.int64
        assert (pictures.min(), pictures.max()) == (0, 16)
        assert set(labels.tolist()) == set(range(10))


def test_digits_are_split_without_overlap():
    """Each of the 1,797 pictures, with its label, is in one half, once."""
    d, bunch = load("digits"), load_digits()
    halves = [
        [(x.tobytes(), int(t)) for x, t in zip(pictures, labels, strict=True)]
        for pictures, labels in ((d.train_images, d.train_labels), (d.validation_images, d.validation_labels))
    ]
    source = [(x.astype(np.uint8).tobytes(), int(t)) for x, t in zip(bunch.images, bunch.target, strict=True)]
    assert sorted(halves[0] + halves[1]) == sorted(source)
    assert len(set(source)) == len(source)  # no picture is there twice: no overlap could hide
    assert halves[0][:50] != source[:50]  # shuffled


def test_digits_are_the_same_every_time():
    np.testing.assert_array_equal(load("digits").train_labels, load("digits").train_labels)


def test_scikit_learn_is_not_imported(tmp_path):
    """Which takes longer than an epoch on the digits."""
    code = "import sys, problems; problems.load('digits'); print('sklearn' in sys.modules)"
    assert run(tmp_path, code) == "False\n"


def test_scikit_learn_that_is_missing(monkeypatch):
    monkeypatch.setattr("problems.data.digits.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"which is missing: pip install 'curveball-course\[data\]'"):
        load("digits")
