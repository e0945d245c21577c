"""CIFAR's binary layout: what is read is what was written, and each kind of damage has its own message."""

import numpy as np
import pytest

from problems import load
from problems.data import cifar
from problems.data.errors import CorruptData, MissingData, UnreadableData
from tests.support.data_files import sparse


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


def test_sources_and_layouts_agree():
    for source, layout in ((cifar.CIFAR10, cifar.CIFAR10_LAYOUT), (cifar.CIFAR100, cifar.CIFAR100_LAYOUT)):
        records = {**layout.train, **layout.validation}
        assert {file.name: file.size for file in source.files} == {
            name: count * (layout.label_bytes + 3072) for name, count in records.items()
        }
