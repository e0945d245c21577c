"""Files are hashed when they are first used and whenever they have changed, and a changed one is refused."""

import gzip
import json
import os

import numpy as np
import pytest

from problems import load
from problems.data import hashes
from problems.data.errors import ChecksumError
from problems.data.hashes import NAME
from problems.data.obtain import obtain

INSIDE = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"


def flip(path, at=2 * 3073 + 7):
    """Change a pixel, and neither the size nor the time of the last change."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def hashed(monkeypatch):
    """The names of the files that are hashed."""
    found = []
    contents = hashes.contents

    def noted(path, size):
        found.append(path.name)
        return contents(path, size)

    monkeypatch.setattr(hashes, "contents", noted)
    return found


def test_each_file_is_hashed_once(tiny, tmp_path, hashed):
    tiny.write(tmp_path / INSIDE)
    load("cifar10", tmp_path)
    assert hashed == list(tiny.files)
    load("cifar10", tmp_path)
    obtain(tiny.source, tmp_path)
    assert len(hashed) == 6
    os.utime(tmp_path / INSIDE / "test_batch.bin")  # as good as changed
    load("cifar10", tmp_path)
    assert hashed[6:] == ["test_batch.bin"]
    load("cifar10", tmp_path)
    assert len(hashed) == 7


@pytest.mark.parametrize("with_archive", [True, False])
def test_a_pixel_that_changed_since_it_was_read(tiny, tmp_path, cache, with_archive):
    folder = tmp_path / INSIDE
    if with_archive:
        (tmp_path / ARCHIVE).write_bytes(tiny.archive)  # and it is unpacked
    else:
        tiny.write(folder)
    load("cifar10", tmp_path)
    flip(folder / "data_batch_3.bin")
    for _ in range(2):
        with pytest.raises(
            ChecksumError, match=rf"^{folder}/data_batch_3.bin has changed since it was first read: "
        ) as e:
            load("cifar10", tmp_path)
        assert f"remove the folder {folder} and fetch the data again" in str(e.value)
        assert str(e.value).endswith(f"remove {cache / NAME}")
    flip(folder / "data_batch_3.bin")
    load("cifar10", tmp_path)


def test_a_pixel_that_changed_before_it_was_read(tiny, tmp_path):
    """The archive shows it."""
    (tmp_path / ARCHIVE).write_bytes(tiny.archive)
    folder = tiny.write(tmp_path / INSIDE)
    flip(folder / "data_batch_3.bin")
    with pytest.raises(ChecksumError, match=rf"^{folder}/data_batch_3.bin is not the one in "):
        load("cifar10", tmp_path)


def test_a_change_that_was_meant(tiny, tmp_path, cache):
    folder = tiny.write(tmp_path / INSIDE)
    load("cifar10", tmp_path)
    flip(folder / "test_batch.bin")
    (cache / NAME).unlink()
    load("cifar10", tmp_path)


def test_what_was_fetched_anew_is_right(tiny, tmp_path):
    """Also if the files before it were others."""
    folder = tiny.write(tmp_path / INSIDE)
    flip(folder / "test_batch.bin")
    load("cifar10", tmp_path)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    (tmp_path / ARCHIVE).write_bytes(tiny.archive)
    np.testing.assert_array_equal(load("cifar10", tmp_path).validation_images, tiny.images[20:])


@pytest.mark.parametrize("packed", [True, False])
def test_published_hashes_of_files(clothes, tmp_path, packed, hashed):
    """As of Fashion-MNIST, whose files have checksums of their own."""
    where = obtain(clothes, tmp_path)
    path = where / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[-1] ^= 1
    if packed:
        path.write_bytes(gzip.compress(content))
    else:
        path.unlink()
        path = path.with_suffix("")
        path.write_bytes(content)
    assert len(hashed) == 4
    with pytest.raises(
        ChecksumError, match=rf"^{path} holds another t10k-labels-idx1-ubyte: its contents have the SHA"
    ):
        obtain(clothes, tmp_path)
    content[-1] ^= 1
    path.write_bytes(gzip.compress(content) if packed else content)
    assert obtain(clothes, tmp_path) == where
    assert len(hashed) == 6


@pytest.mark.parametrize("content", [
    b"", b"\xff\xfe", b"[]", b"7", b'{"a": 1}', b'{"a": [1, 2, 3, 4]}', b'{"a": [1, 2, 3, null]}', b"{", b"[" * 100_000,
])  # fmt: skip
def test_a_damaged_record_is_written_anew(tiny, tmp_path, cache, content):
    tiny.write(tmp_path / INSIDE)
    cache.mkdir()
    (cache / NAME).write_bytes(content)
    load("cifar10", tmp_path)
    assert len(json.loads((cache / NAME).read_text())) == 6


def test_a_record_that_cannot_be_written(tiny, tmp_path, cache, hashed, monkeypatch):
    tiny.write(tmp_path / INSIDE)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hashes.os, "replace", full)
    for _ in range(2):
        load("cifar10", tmp_path)
    assert len(hashed) == 12
    assert list(cache.iterdir()) == []


def test_files_that_are_gone_are_forgotten(tiny, tmp_path, cache):
    for name in ("one", "two"):
        tiny.write(tmp_path / name)
        load("cifar10", tmp_path / name)
        assert len(json.loads((cache / NAME).read_text())) == 6
        for path in (tmp_path / name).iterdir():
            path.unlink()
