"""Data sets: what is in them, that nothing is in both halves, and that bad arrays are refused."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from problems import Dataset, load

CLASSES = ("a", "b", "c")


def images(n=4, dtype=np.uint8):
    return np.random.default_rng(n).integers(0, 256, (n, 5, 6, 2)).astype(dtype)


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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normalise(dtype):
    data = Dataset.of("noise", CLASSES, (images(300), np.arange(300) % 3), (images(3), np.arange(3)))
    x = data.normalise(data.train_images, dtype)
    assert x.dtype == dtype
    assert x.shape == data.train_images.shape
    np.testing.assert_allclose(x.mean(axis=(0, 1, 2)), 0.0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=(0, 1, 2)), 1.0, atol=1e-5)
    mean, std = np.array(data.mean), np.array(data.std)
    np.testing.assert_allclose(data.normalise(images(2), dtype) * std + mean, images(2), atol=1e-3)
    assert len(data.mean) == len(data.std) == 2


def test_normalise_stays_on_the_backend(backend):
    data = Dataset.of("noise", CLASSES, (images(30), np.arange(30) % 3), (images(3), np.arange(3)))
    x = data.normalise(backend.asarray(images(2)), np.float32)
    assert type(x) is type(backend.asarray(0.0))
    assert x.dtype == backend.float32


def test_a_channel_that_never_changes():
    pictures = images(5)
    pictures[..., 1] = 7
    data = Dataset.of("flat", CLASSES, (pictures, np.zeros(5, np.int64)), (pictures, np.zeros(5, np.int64)))
    assert data.std[1] == 1.0
    assert (data.normalise(pictures, np.float32)[..., 1] == 0.0).all()


@pytest.mark.parametrize(("train", "validation", "message"), [
    ((images(dtype=np.float32), np.zeros(4, int)), None, "training images must be uint8 of shape .*; got float32"),
    ((images()[0], np.zeros(5, int)), None, r"training images must be uint8 .* of shape \(5, 6, 2\)"),
    ((images(), np.zeros(3, int)), None, r"4 training images, but labels of shape \(3,\)"),
    ((images(), np.zeros((4, 1), int)), None, r"4 training images, but labels of shape \(4, 1\)"),
    ((images(), np.zeros(4)), None, "training labels must be integers; got float64"),
    ((images(), np.array([0, 1, 2, 3])), None, "training labels run from 0 to 3; there are 3 classes"),
    ((images(), np.array([0, -1, 2, 2])), None, "training labels run from -1 to 2; there are 3 classes"),
    ((images(0), np.zeros(0, int)), None, "there are no training images"),
    (None, (images(0), np.zeros(0, int)), "there are no validation images"),
    (None, (images(), np.full(4, 3)), "validation labels run from 3 to 3"),
])  # fmt: skip
def test_bad_arrays(train, validation, message):
    good = images(), np.zeros(4, int)
    with pytest.raises(ValueError, match=f"^mine: {message}"):
        Dataset.of("mine", CLASSES, train or good, validation or good)


def test_load_errors(tmp_path):
    with pytest.raises(ValueError, match=r"unknown data set 'nowhere': there are .*digits"):
        load("nowhere")
    with pytest.raises(ValueError, match="digits comes with scikit-learn and takes no folder"):
        load("digits", tmp_path)
