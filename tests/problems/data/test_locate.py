"""Where data are looked for, and in which order."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from problems import load
from problems.data import locate
from problems.data.errors import CorruptData, UnreadableData
from problems.data.locate import data_folder, find
from problems.data.obtain import obtain

INSIDE = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"


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


def test_no_permission_to_look(tiny, tmp_path, monkeypatch):
    def refuse(path, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(UnreadableData, match=r"cannot be read \(Permission denied\)"):
        load("cifar10", tmp_path)


def test_good_files_are_not_unpacked_to_see_their_size(clothes, tmp_path, monkeypatch):
    where = obtain(clothes, tmp_path)
    monkeypatch.setattr(locate, "contents", None)
    assert find(clothes, tmp_path) == where
