"""What is downloaded or unpacked to get the data, and what is not."""

import gzip
from dataclasses import replace

import numpy as np
import pytest

from problems import load
from problems.data import DATASETS
from problems.data.checksums import compare_checksums
from problems.data.errors import CorruptData, DownloadFailed, MissingData, UnreadableData
from problems.data.hashes import NAME
from problems.data.locate import find
from problems.data.obtain import obtain
from tests.support.data_files import use

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


@pytest.mark.parametrize("given", [True, False])
def test_download_and_unpack(tiny, server, tmp_path, cache, monkeypatch, given):
    served(monkeypatch, server, tiny, drops=[20_000])
    folder = tmp_path / "given" if given else None
    d = load("cifar10", folder)
    np.testing.assert_array_equal(d.train_images, tiny.images[:20])
    target = folder or cache
    assert [name for name in names(target) if name != NAME] == [INSIDE, ARCHIVE]
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


def test_an_archive_put_there_by_hand(tiny, tmp_path):
    (tmp_path / ARCHIVE).write_bytes(tiny.archive)
    assert find(tiny.source, tmp_path) == tmp_path / ARCHIVE
    d = load("cifar10", tmp_path)
    np.testing.assert_array_equal(d.validation_images, tiny.images[20:])
    assert [name for name in names(tmp_path) if name != "cache"] == [INSIDE, ARCHIVE]
    words = f"SHA-256 of {tmp_path / ARCHIVE} as published, its files the same as these"
    assert compare_checksums(tiny.source, tmp_path / INSIDE) == words


def test_what_a_killed_unpacking_left_is_not_taken_for_the_data(tiny, tmp_path):
    """It stays under its hidden name, and the archive is unpacked again."""
    (tmp_path / ARCHIVE).write_bytes(tiny.archive)
    tiny.write(tmp_path / f".{INSIDE}-abc", list(tiny.files)[:2])
    assert load("cifar10", tmp_path).source == str(tmp_path / INSIDE)
    assert names(tmp_path / INSIDE) == sorted(tiny.files)


def test_not_there_and_not_to_be_downloaded(tiny, tmp_path, cache):
    with pytest.raises(MissingData, match=f"cifar10 is not in {tmp_path}/given, {cache}: curveball data fetch cifar10"):
        obtain(tiny.source, tmp_path / "given", may_download=False)


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
