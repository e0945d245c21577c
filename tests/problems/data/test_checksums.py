"""SHA-256 of archives and of contents: as published, or not."""

import gzip
import os

import pytest

from problems import load
from problems.data import checksums
from problems.data.checksums import compare_checksums
from problems.data.errors import ChecksumError, UnreadableData
from problems.data.obtain import obtain

INSIDE = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_contents_with_another_checksum(clothes, tmp_path):
    where = obtain(clothes, tmp_path)
    path = where / "t10k-labels-idx1-ubyte.gz"
    size = clothes.files[3].size
    path.write_bytes(gzip.compress(bytes(size)))
    with pytest.raises(
        ChecksumError, match=r"t10k-labels-idx1-ubyte.gz holds another .* its contents have the SHA-256"
    ):
        compare_checksums(clothes, where)


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b[:50] + b"x" + b[51:]])
def test_an_archive_with_another_checksum(tiny, tmp_path, damage):
    (tmp_path / ARCHIVE).write_bytes(damage(tiny.archive))
    with pytest.raises(ChecksumError, match=rf"{ARCHIVE} has the SHA-256 .*, not the published .*: it is cut short or"):
        load("cifar10", tmp_path)
    assert names(tmp_path) == [ARCHIVE]


def test_files_that_are_not_those_of_the_archive(tiny, tmp_path):
    (tmp_path / ARCHIVE).write_bytes(tiny.archive)
    folder = tiny.write(tmp_path / INSIDE)
    content = bytearray(tiny.files["data_batch_2.bin"])
    content[9] ^= 1
    (folder / "data_batch_2.bin").write_bytes(content)
    with pytest.raises(
        ChecksumError, match=rf"data_batch_2.bin is not the one in .*tar.gz: remove the folder {folder} and"
    ):
        compare_checksums(tiny.source, folder)


def test_no_archive_to_compare_with(tiny, tmp_path):
    words = f"SHA-256 not compared: {ARCHIVE} is not in the folder of the files, nor in the one above"
    assert compare_checksums(tiny.source, tiny.write(tmp_path)) == words


def test_no_permission_to_read_the_archive(tiny, tmp_path, monkeypatch):
    (tmp_path / ARCHIVE).write_bytes(tiny.archive)

    def refuse(path, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(checksums.Path, "open", refuse)
    with pytest.raises(UnreadableData, match=rf"{ARCHIVE} cannot be read \(Permission denied\)"):
        load("cifar10", tmp_path)
    assert os.listdir(tmp_path) == [ARCHIVE]
