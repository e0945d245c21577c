"""The IDX format, plain and gzipped: what is read is what was written, and each kind of damage has its own message."""

import gzip

import numpy as np
import pytest

from problems.data.errors import CorruptData, MissingData, UnreadableData
from problems.data.gzipped import contents
from problems.data.idx import read_idx, read_mnist


def idx(array):
    lengths = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.astype(np.uint8).tobytes()


@pytest.fixture
def small_mnist(tmp_path):
    """Twelve images of 3 x 3 to train and five to validate; their folder and arrays."""
    rng = np.random.default_rng(1)
    arrays = {}
    for prefix, n in (("train", 12), ("t10k", 5)):
        arrays[f"{prefix}-images-idx3-ubyte"] = rng.integers(0, 256, (n, 3, 3))
        arrays[f"{prefix}-labels-idx1-ubyte"] = np.arange(n) % 10
    for name, array in arrays.items():
        (tmp_path / name).write_bytes(idx(array))
    return tmp_path, arrays


def read(folder):
    return read_mnist(folder, train=12, validation=5, side=3)


@pytest.mark.parametrize("packed", [(), ("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"), None])
def test_idx_plain_gzipped_and_mixed(small_mnist, packed):
    folder, arrays = small_mnist
    for name in arrays if packed is None else packed:
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()
    for (images, labels), prefix in zip(read(folder), ("train", "t10k"), strict=True):
        np.testing.assert_array_equal(images[..., 0], arrays[f"{prefix}-images-idx3-ubyte"])
        np.testing.assert_array_equal(labels, arrays[f"{prefix}-labels-idx1-ubyte"])
        assert images.shape[1:] == (3, 3, 1)
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)


def test_idx_cut_short(small_mnist):
    folder, _ = small_mnist
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptData, match=r"train-images-idx3-ubyte holds 123 bytes, not 124: it is cut short"):
        read(folder)


def test_idx_too_long(small_mnist):
    folder, _ = small_mnist
    path = folder / "t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(CorruptData, match=r"t10k-labels-idx1-ubyte holds more than 13 bytes"):
        read(folder)


def test_a_small_gzip_file_that_holds_very_much(small_mnist):
    folder, _ = small_mnist
    (folder / "train-labels-idx1-ubyte").unlink()
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(10_000_000)))
    with pytest.raises(CorruptData, match=r"train-labels-idx1-ubyte.gz holds more than 20 bytes"):
        read(folder)


@pytest.mark.parametrize("damage", [
    lambda b: b[:-9],  # the last bytes of the data and the checksum
    lambda b: b[:5],
    lambda b: b"not gzip at all",
    lambda b: b[:-8] + bytes([b[-8] ^ 1]) + b[-7:],  # the checksum
    lambda b: b[:14] + bytes([255, 255, 255]) + b[17:],
])  # fmt: skip
def test_damaged_gzip(small_mnist, damage):
    folder, _ = small_mnist
    path = folder / "train-images-idx3-ubyte"
    packed = gzip.compress(path.read_bytes())
    path.unlink()
    path.with_name(path.name + ".gz").write_bytes(damage(packed))
    with pytest.raises(CorruptData, match=r"train-images-idx3-ubyte.gz .*remove it and fetch the data again"):
        read(folder)


@pytest.mark.parametrize("header", [[0, 0, 9, 1], [0, 0, 8, 2], [0, 1, 8, 1]])
def test_another_idx_type(small_mnist, header):
    folder, _ = small_mnist
    path = folder / "train-labels-idx1-ubyte"
    path.write_bytes(bytes(header) + path.read_bytes()[4:])
    with pytest.raises(CorruptData, match=r"train-labels-idx1-ubyte begins with .*, the IDX header of unsigned bytes"):
        read(folder)


def test_idx_of_another_shape(small_mnist):
    folder, _ = small_mnist
    path = folder / "t10k-images-idx3-ubyte"
    path.write_bytes(idx(np.zeros((5, 9, 1))))
    with pytest.raises(CorruptData, match=r"t10k-images-idx3-ubyte begins with .* of shape \(5, 3, 3\)"):
        read(folder)


def test_idx_label_out_of_range(small_mnist):
    folder, _ = small_mnist
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(np.array([0, 1, 2, 10, 9])))  # 10, the least that is too much
    with pytest.raises(CorruptData, match=r"t10k-labels-idx1-ubyte: image 3 has the label 10, beyond 0 to 9"):
        read(folder)


def test_idx_file_that_is_not_there(tmp_path):
    with pytest.raises(MissingData, match=r"letters is not there, nor with .gz"):
        read_idx(tmp_path, "letters", (3,))


def test_idx_that_is_a_folder(small_mnist):
    folder, _ = small_mnist
    with pytest.raises(UnreadableData, match=r"cannot be read \(Is a directory\)"):
        contents(folder, 10)
