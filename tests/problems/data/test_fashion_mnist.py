"""Fashion-MNIST: its four files in their real sizes, and Debian's package."""

import numpy as np
import pytest

from problems import load
from problems.data.errors import ChecksumError
from problems.data.fashion_mnist import FASHION_MNIST
from problems.data.gzipped import contents
from tests.support.data_files import as_written, sparse, use


def test_fashion_mnist_whole(tmp_path, cache, monkeypatch):
    """The real sizes, and the header's: most significant byte first."""
    folder = tmp_path / "fashion-mnist"
    for prefix, count, high in (("train", 60_000, [0, 0, 234, 96]), ("t10k", 10_000, [0, 0, 39, 16])):
        header = [0, 0, 8, 3, *high, 0, 0, 0, 28, 0, 0, 0, 28]
        size = 16 + count * 784
        sparse(folder / f"{prefix}-images-idx3-ubyte", size, [(0, header), (16 + 784 + 28 * 2 + 3, [77])])
        sparse(folder / f"{prefix}-labels-idx1-ubyte", 8 + count, [(0, [0, 0, 8, 1, *high]), (8 + 1, [9])])
    with pytest.raises(ChecksumError, match=r"train-images-idx3-ubyte holds another .* not c59f468a2f672dc8"):
        load("fashion-mnist", tmp_path)
    use(monkeypatch, as_written(FASHION_MNIST, folder))
    d = load("fashion-mnist", tmp_path)
    assert d.train_images.shape == (60_000, 28, 28, 1)
    assert d.validation_images.shape == (10_000, 28, 28, 1)
    for images, labels in ((d.train_images, d.train_labels), (d.validation_images, d.validation_labels)):
        assert np.flatnonzero(images).tolist() == [784 + 28 * 2 + 3]
        assert images[1, 2, 3, 0] == 77
        assert np.flatnonzero(labels).tolist() == [1]
    assert d.classes[9] == "Ankle boot"


def test_debians_fashion_mnist(cache):
    folder = FASHION_MNIST.system[0]
    if not folder.is_dir():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    d = load("fashion-mnist")
    assert d.source == str(folder)
    assert np.bincount(d.train_labels).tolist() == [6_000] * 10
    assert d.mean[0] == pytest.approx(72.94, abs=0.01)  # 0.2860 x 255, as widely quoted
    for file in FASHION_MNIST.files:
        assert len(contents(folder / f"{file.name}.gz", file.size)) == file.size
