"""Where data are looked for, in which order, what is downloaded or unpacked on the way, and checksums."""

import gzip
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from problems import load
from problems.data import DATASETS, checksums, locate
from problems.data.checksums import compare_checksums
from problems.data.errors import ChecksumError, CorruptData, DataError, DownloadFailed, MissingData, UnreadableData
from problems.data.fashion_mnist import FASHION_MNIST
from problems.data.locate import data_folder, find
from problems.data.obtain import obtain
from problems.data.sources import Download, File
from tests.support.data_files import sha256, use

INSIDE = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def served(monkeypatch, server, tiny, **faults):
    """The tiny data set, with one server that has its archive."""
    url = server.put(f"/{ARCHIVE}", tiny.archive, **faults)
    source = replace(tiny.source, downloads=(replace(tiny.source.downloads[0], urls=(url,)),))
    use(monkeypatch, source)
    return source


# ------------------------------------------------------------------------------------- where


def test_the_users_own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("MINIGRAD_DATA_DIR", "~/mine")
    assert data_folder() == Path.home() / "mine"
    monkeypatch.delenv("MINIGRAD_DATA_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data_folder() == tmp_path / "curveball"


def test_the_order_of_the_places(tiny, tmp_path, cache):
    system = tmp_path / "system"
    source = replace(tiny.source, system=(system,))
    assert find(source, tmp_path / "given") is None
    tiny.write(system)
    assert find(source, tmp_path / "given") == system
    tiny.write(cache / INSIDE)
    assert find(source, tmp_path / "given") == cache / INSIDE
    tiny.write(tmp_path / "given" / INSIDE)
    assert find(source, tmp_path / "given") == tmp_path / "given" / INSIDE
    tiny.write(tmp_path / "given")
    assert find(source, tmp_path / "given") == tmp_path / "given"
    assert find(source) == cache / INSIDE


def test_load_takes_the_folder_or_the_one_around_it(tiny, tmp_path):
    tiny.write(tmp_path / "data" / INSIDE)
    for folder in (tmp_path / "data", tmp_path / "data" / INSIDE, str(tmp_path / "data")):
        d = load("cifar10", folder)
        assert d.source == str(tmp_path / "data" / INSIDE)
        np.testing.assert_array_equal(d.train_images, tiny.images[:20])
        np.testing.assert_array_equal(d.validation_labels, tiny.labels[20:])


def test_a_folder_that_lacks_a_file_is_not_passed_over(tiny, tmp_path, cache):
    tiny.write(cache / INSIDE)
    for folder in (tmp_path / "one", tmp_path / "two"):
        tiny.write(folder if folder.name == "one" else folder / INSIDE, list(tiny.files)[:5])
        with pytest.raises(CorruptData, match=r"lacks test_batch.bin: put it there, or remove the folder"):
            load("cifar10", folder)


def test_a_file_for_a_folder(tiny, tmp_path):
    (tmp_path / ARCHIVE).write_bytes(tiny.archive)
    with pytest.raises(UnreadableData, match=f"{ARCHIVE} is a file: give the folder that it lies in"):
        load("cifar10", tmp_path / ARCHIVE)


def test_a_file_for_the_users_own_folder(tiny, tmp_path, cache):
    cache.write_text("mine")
    words = f"MINIGRAD_DATA_DIR is {cache}, which is a file: set it to a folder"
    for folder in (None, tmp_path / "given"):
        with pytest.raises(UnreadableData) as caught:
            load("cifar10", folder)
        assert str(caught.value) == words
    with pytest.raises(UnreadableData, match=rf"^{cache} is a file"):
        load("cifar10", cache)


@pytest.mark.parametrize("below", [True, False])
def test_the_pickled_form(tiny, tmp_path, below):
    folder = tmp_path / "given" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    words = rf"; {folder} is the pickled form, which is never read: the binary version is needed$"
    with pytest.raises(DownloadFailed, match=words):
        load("cifar10", folder.parent if below else folder)
    with pytest.raises(MissingData, match=words):
        obtain(tiny.source, folder.parent if below else folder, may_download=False)


def test_no_pickled_form(tiny, tmp_path):
    with pytest.raises(DownloadFailed) as caught:
        load("cifar10", tmp_path)
    assert "pickled form" not in str(caught.value)


def test_a_folder_below_a_file(tiny, server, tmp_path, monkeypatch):
    served(monkeypatch, server, tiny)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UnreadableData, match=r"file/below cannot be written \(Not a directory\)"):
        load("cifar10", tmp_path / "file" / "below")


def test_no_permission_to_look(tiny, tmp_path, monkeypatch):
    def refuse(path, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(UnreadableData, match=r"cannot be read \(Permission denied\)"):
        load("cifar10", tmp_path)


def test_not_there_and_not_to_be_downloaded(tiny, tmp_path, cache):
    with pytest.raises(MissingData, match=f"cifar10 is not in {tmp_path}/given, {cache}: curveball data fetch cifar10"):
        obtain(tiny.source, tmp_path / "given", may_download=False)


def test_unknown_names_are_data_errors():
    with pytest.raises(
        DataError, match="unknown data set 'mnist': there are cifar10, cifar100, digits, fashion-mnist, "
    ):
        load("mnist")


# ------------------------------------------------------------------------------------- downloads


@pytest.mark.parametrize("given", [True, False])
def test_download_and_unpack(tiny, server, tmp_path, cache, monkeypatch, given):
    served(monkeypatch, server, tiny, drops=[20_000])
    folder = tmp_path / "given" if given else None
    d = load("cifar10", folder)
    np.testing.assert_array_equal(d.train_images, tiny.images[:20])
    target = folder or cache
    assert names(target) == [INSIDE, ARCHIVE]
    assert names(target / INSIDE) == sorted(tiny.files)
    assert (target / INSIDE).stat().st_mode & 0o555 == 0o555
    assert len(server.asked) == 2
    load("cifar10", folder)
    assert len(server.asked) == 2  # it is there now


def test_offline(tiny, tmp_path):
    with pytest.raises(DownloadFailed) as caught:
        load("cifar10", tmp_path / "given")
    message = str(caught.value)
    assert message.startswith(f"cifar10: {ARCHIVE} cannot be downloaded")
    assert f"or the unpacked folder {INSIDE}, into {tmp_path}/given" in message
    assert "https://www.cs.toronto.edu/~kriz/cifar.html" in message
    assert not (tmp_path / "given").exists()


@pytest.fixture
def clothes(monkeypatch, server, cache):
    """`fashion-mnist` in all but its contents: files of a few bytes, on the server."""
    content = {file.name: f"{file.name} {k}".encode() for k, file in enumerate(FASHION_MNIST.files)}
    packed = {f"{name}.gz": gzip.compress(data) for name, data in content.items()}
    source = replace(
        FASHION_MNIST,
        files=tuple(File(name, len(data), sha256(data)) for name, data in content.items()),
        downloads=tuple(
            Download(name, len(data), sha256(data), (server.put(f"/{name}", data),)) for name, data in packed.items()
        ),
        system=(),
    )
    use(monkeypatch, source)
    return source


def test_files_that_come_one_by_one(clothes, server, tmp_path):
    where = obtain(clothes, tmp_path / "given")
    assert where == tmp_path / "given" / "fashion-mnist"
    assert names(where) == sorted(item.name for item in clothes.downloads)
    assert compare_checksums(clothes, where) == "SHA-256 of all contents as published"


def test_only_the_missing_files_are_downloaded(clothes, server, cache):
    folder = cache / "fashion-mnist"
    page = server.pages.pop("/t10k-images-idx3-ubyte.gz")
    with pytest.raises(DownloadFailed, match=r"^fashion-mnist: t10k-images-idx3-ubyte.gz cannot be downloaded"):
        obtain(clothes)
    assert names(folder) == ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"]
    server.pages["/t10k-images-idx3-ubyte.gz"] = page
    server.asked.clear()
    assert obtain(clothes) == folder
    assert [path for path, _ in server.asked] == ["/t10k-images-idx3-ubyte.gz", "/t10k-labels-idx1-ubyte.gz"]


def test_offline_all_that_is_missing_is_named(clothes, server, tmp_path):
    server.pages.clear()
    with pytest.raises(DownloadFailed) as caught:
        load("fashion-mnist", tmp_path)
    message = str(caught.value)
    assert all(message.count(item.name) >= 1 for item in clothes.downloads)
    assert (
        "; also missing: train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz; " in message
    )
    assert message.endswith("; Debian's package dataset-fashion-mnist has all of it")
    assert names(tmp_path) == []


@pytest.fixture
def system(clothes, server, tmp_path, monkeypatch):
    """All four files where the system has them."""
    folder = tmp_path / "system"
    folder.mkdir()
    for item in clothes.downloads:
        (folder / item.name).write_bytes(server.pages[f"/{item.name}"].content)
    use(monkeypatch, replace(clothes, system=(folder,)))
    return DATASETS["fashion-mnist"].source


def test_some_files_in_a_folder_given_are_not_passed_over(system, server, tmp_path):
    """Loading refuses; fetching, as the error says, adds what is missing."""
    given = tmp_path / "given"
    given.mkdir()
    (given / "train-labels-idx1-ubyte.gz").write_bytes(server.pages["/train-labels-idx1-ubyte.gz"].content)
    words = (
        f"{given} lacks train-images-idx3-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte: put it there, or "
        f"curveball data fetch fashion-mnist --folder {given} downloads it"
    )
    with pytest.raises(CorruptData) as caught:
        load("fashion-mnist", given)
    assert str(caught.value) == words
    with pytest.raises(CorruptData, match="lacks train-images"):
        obtain(system, given, may_download=False)
    assert names(given) == ["train-labels-idx1-ubyte.gz"]
    assert server.asked == []
    assert obtain(system, given) == given
    assert len(names(given)) == 4
    assert len(server.asked) == 3


def test_a_download_into_a_folder_given_that_broke_off(system, server, tmp_path):
    """It is gone on with, whatever the system has."""
    inside = tmp_path / "given" / "fashion-mnist"
    obtain(replace(system, system=()), inside.parent)
    (inside / "t10k-labels-idx1-ubyte.gz").unlink()
    server.asked.clear()
    assert obtain(system, inside.parent, may_add=False) == inside
    assert [path for path, _ in server.asked] == ["/t10k-labels-idx1-ubyte.gz"]


def test_all_files_below_a_folder_with_some(system, server, tmp_path):
    where = obtain(replace(system, system=()), tmp_path / "given")
    (where.parent / "train-labels-idx1-ubyte.gz").write_bytes(b"")
    assert obtain(system, where.parent, may_download=False) == where


def test_good_files_are_not_unpacked_to_see_their_size(clothes, tmp_path, monkeypatch):
    where = obtain(clothes, tmp_path)
    monkeypatch.setattr(locate, "contents", None)
    assert find(clothes, tmp_path) == where


def test_an_empty_folder_given_is_passed_over(system, tmp_path):
    assert obtain(system, tmp_path) == system.system[0]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("damage", [lambda b: b[:-3], lambda b: b"", lambda b: b + b"x"])
@pytest.mark.parametrize("alone", [True, False])
def test_one_of_the_files_has_another_size(clothes, tmp_path, packed, damage, alone):
    """Seen before anything is read; once it is removed, fetching replaces it."""
    where = obtain(clothes, tmp_path)
    path = where / "t10k-images-idx3-ubyte.gz"
    if not packed:
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
        path = path.with_suffix("")
    path.write_bytes(damage(path.read_bytes()))
    if alone:
        (where / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(CorruptData, match=rf"^{path} .*remove it and fetch the data again$"):
        obtain(clothes, tmp_path)
    path.unlink()
    assert obtain(clothes, tmp_path) == where


def test_a_gzip_file_of_several_parts(clothes, tmp_path):
    """Its last four bytes are the length of the last part alone."""
    where = obtain(clothes, tmp_path)
    path = where / "t10k-images-idx3-ubyte.gz"
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:5]) + gzip.compress(content[5:]))
    assert obtain(clothes, tmp_path) == where


def test_debians_files_come_before_a_download(clothes, server, tmp_path):
    system = tmp_path / "system"
    system.mkdir()
    for item in clothes.downloads:  # packed anew: other bytes, the same contents
        data = gzip.decompress(server.pages[f"/{item.name}"].content)
        (system / item.name).write_bytes(gzip.compress(data, compresslevel=1, mtime=0))
    source = replace(clothes, system=(system,))
    assert obtain(source) == system
    assert server.asked == []
    assert compare_checksums(source, system) == "SHA-256 of all contents as published"


# ------------------------------------------------------------------------------------- checksums


def test_contents_with_another_checksum(clothes, tmp_path):
    where = obtain(clothes, tmp_path)
    path = where / "t10k-labels-idx1-ubyte.gz"
    size = clothes.files[3].size
    path.write_bytes(gzip.compress(bytes(size)))
    with pytest.raises(
        ChecksumError, match=r"t10k-labels-idx1-ubyte.gz holds another .* its contents have the SHA-256"
    ):
        compare_checksums(clothes, where)


def test_an_archive_put_there_by_hand(tiny, tmp_path):
    (tmp_path / ARCHIVE).write_bytes(tiny.archive)
    assert find(tiny.source, tmp_path) == tmp_path / ARCHIVE
    d = load("cifar10", tmp_path)
    np.testing.assert_array_equal(d.validation_images, tiny.images[20:])
    assert names(tmp_path) == [INSIDE, ARCHIVE]
    words = f"SHA-256 of {tmp_path / ARCHIVE} as published, its files the same as these"
    assert compare_checksums(tiny.source, tmp_path / INSIDE) == words


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


def test_what_a_killed_unpacking_left_is_not_taken_for_the_data(tiny, tmp_path):
    """It stays under its hidden name, and the archive is unpacked again."""
    (tmp_path / ARCHIVE).write_bytes(tiny.archive)
    tiny.write(tmp_path / f".{INSIDE}-abc", list(tiny.files)[:2])
    assert load("cifar10", tmp_path).source == str(tmp_path / INSIDE)
    assert names(tmp_path / INSIDE) == sorted(tiny.files)


def test_no_permission_to_read_the_archive(tiny, tmp_path, monkeypatch):
    (tmp_path / ARCHIVE).write_bytes(tiny.archive)

    def refuse(path, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(checksums.Path, "open", refuse)
    with pytest.raises(UnreadableData, match=rf"{ARCHIVE} cannot be read \(Permission denied\)"):
        load("cifar10", tmp_path)
    assert os.listdir(tmp_path) == [ARCHIVE]
