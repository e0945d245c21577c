"""The binary formats: what is read is what was written, and each way of being damaged has its own words."""

import gzip

import numpy as np
import pytest

from problems import load
from problems.data import DATASETS, cifar
from problems.data.errors import CorruptData, MissingData, UnreadableData
from problems.data.fashion_mnist import FASHION_MNIST
from problems.data.gzipped import contents
from problems.data.idx import read_idx, read_mnist


def sparse(path, size, pieces):
    """A file of zeros with a few bytes put in: it takes no space."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
        for place, content in pieces:
            file.seek(place)
            file.write(bytes(content))


def idx(array):
    lengths = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.astype(np.uint8).tobytes()


# ------------------------------------------------------------------------------------- CIFAR


def test_planes_become_channels(tiny, tmp_path):
    (images, labels), (held_out, held_out_labels) = cifar.read_cifar(tiny.write(tmp_path / "data"), tiny.layout)
    np.testing.assert_array_equal(images, tiny.images[:20])
    np.testing.assert_array_equal(labels, tiny.labels[:20])
    np.testing.assert_array_equal(held_out, tiny.images[20:])
    np.testing.assert_array_equal(held_out_labels, tiny.labels[20:])
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64


def test_cifar10_whole(tmp_path, cache):
    """The real sizes: 10,000 records of 3073 bytes a file."""
    for k in range(1, 6):
        last = 9_999 * 3073
        green = last + 1 + 1024 + 5 * 32 + 7  # of row 5, column 7
        sparse(tmp_path / f"data_batch_{k}.bin", 30_730_000, [(last, [k]), (green, [100 + k])])
    sparse(tmp_path / "test_batch.bin", 30_730_000, [(0, [9])])
    d = load("cifar10", tmp_path)
    assert d.train_images.shape == (50_000, 32, 32, 3)
    assert d.validation_images.shape == (10_000, 32, 32, 3)
    assert np.flatnonzero(d.train_labels).tolist() == [9_999, 19_999, 29_999, 39_999, 49_999]
    assert d.train_labels[9_999::10_000].tolist() == [1, 2, 3, 4, 5]
    assert d.train_images[9_999::10_000, 5, 7].tolist() == [[0, 100 + k, 0] for k in range(1, 6)]
    assert np.count_nonzero(d.train_images) == 5
    assert d.validation_labels[:2].tolist() == [9, 0]
    assert len(d.classes) == 10
    assert d.classes[3] == "cat"
    assert d.source == str(tmp_path)


def test_cifar100_whole(tmp_path, cache):
    """Two label bytes: the second, fine, counts."""
    folder = tmp_path / "cifar-100-binary"
    last = 49_999 * 3074
    sparse(folder / "train.bin", 153_700_000, [(0, [19, 99, 7]), (last, [4, 1]), (last + 3073, [200])])
    sparse(folder / "test.bin", 30_740_000, [(3074, [1, 2])])
    d = load("cifar100", tmp_path)
    assert d.train_labels[[0, 1, 49_999]].tolist() == [99, 0, 1]
    assert d.validation_labels[:3].tolist() == [0, 2, 0]
    assert d.train_images[0, 0, 0].tolist() == [7, 0, 0]
    assert d.train_images[49_999, 31, 31].tolist() == [0, 0, 200]
    assert len(set(d.classes)) == 100
    assert list(d.classes) == sorted(d.classes)
    assert d.classes[99] == "worm"
    assert d.source == str(folder)


@pytest.mark.parametrize("change", [-1, -3073, 1])
def test_cifar_file_of_another_size(tiny, tmp_path, change):
    folder = tiny.write(tmp_path / "data")
    whole = tiny.files["data_batch_3.bin"] + b"\0"
    (folder / "data_batch_3.bin").write_bytes(whole[: 4 * 3073 + change])
    words = rf"data_batch_3.bin has .* bytes, not 12,292\b.*; remove the folder {folder} and fetch the data again"
    with pytest.raises(CorruptData, match=words):
        load("cifar10", folder)
    with pytest.raises(CorruptData, match=words):
        cifar.read_cifar(folder, tiny.layout)


def test_cifar_label_out_of_range(tiny, tmp_path):
    folder = tiny.write(tmp_path / "data")
    content = bytearray(tiny.files["test_batch.bin"])
    content[2 * 3073] = 10
    (folder / "test_batch.bin").write_bytes(content)
    with pytest.raises(CorruptData, match=r"test_batch.bin: record 2 has the label 10, beyond 0 to 9") as caught:
        load("cifar10", folder)
    assert f"remove the folder {folder} and fetch" in str(caught.value)


def test_cifar_file_that_is_not_there(tiny, tmp_path):
    folder = tiny.write(tmp_path / "data")
    (folder / "data_batch_4.bin").unlink()
    with pytest.raises(MissingData, match=r"data_batch_4.bin is not there"):
        cifar.read_cifar(folder, tiny.layout)


def test_no_permission_to_read(tiny, tmp_path, monkeypatch):
    """Permissions mean nothing to root, so the refusal is put on."""
    folder = tiny.write(tmp_path / "data")

    def refuse(path, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(np, "fromfile", refuse)
    with pytest.raises(
        UnreadableData,
        match=r"data_batch_1.bin cannot be read \(Permission denied\): make it readable, or give another folder$",
    ):
        load("cifar10", folder)


# ------------------------------------------------------------------------------------- IDX


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


def test_fashion_mnist_whole(tmp_path, cache):
    """The real sizes, and the header's: most significant byte first."""
    folder = tmp_path / "fashion-mnist"
    for prefix, count, high in (("train", 60_000, [0, 0, 234, 96]), ("t10k", 10_000, [0, 0, 39, 16])):
        header = [0, 0, 8, 3, *high, 0, 0, 0, 28, 0, 0, 0, 28]
        size = 16 + count * 784
        sparse(folder / f"{prefix}-images-idx3-ubyte", size, [(0, header), (16 + 784 + 28 * 2 + 3, [77])])
        sparse(folder / f"{prefix}-labels-idx1-ubyte", 8 + count, [(0, [0, 0, 8, 1, *high]), (8 + 1, [9])])
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


def test_sources_and_layouts_agree():
    for source, layout in ((cifar.CIFAR10, cifar.CIFAR10_LAYOUT), (cifar.CIFAR100, cifar.CIFAR100_LAYOUT)):
        records = {**layout.train, **layout.validation}
        assert {file.name: file.size for file in source.files} == {
            name: count * (layout.label_bytes + 3072) for name, count in records.items()
        }
    sources = [known.source for known in DATASETS.values() if known.source.downloads]
    assert len(sources) >= 3
    for source in sources:
        for item in source.downloads:
            assert len(item.sha256) == 64
            assert all(url.endswith("/" + item.name) for url in item.urls)
            assert len(item.urls) >= 2
