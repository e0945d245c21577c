"""Labelled images: their statistics, and that bad arrays are refused."""

import numpy as np
import pytest

from problems import Dataset

CLASSES = ("a", "b", "c")


def images(n=4, dtype=np.uint8):
    return np.random.default_rng(n).integers(0, 256, (n, 5, 6, 2)).astype(dtype)


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
