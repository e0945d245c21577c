"""Unpacking: all that is expected or nothing, and nothing outside its folder."""

import shutil
import tarfile

import numpy as np
import pytest

from problems.data import archive
from problems.data.archive import unpack
from problems.data.errors import CorruptData, UnreadableData, UnsafeArchive
from tests.support.data_files import tar_gz


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def put(folder, members):
    folder.mkdir(exist_ok=True)
    (folder / "a.tar.gz").write_bytes(tar_gz(members))
    return folder / "a.tar.gz"


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return name, info


GOOD = [("in/one", b"1"), ("in/two", b"22")]
SIZES = {"one": 1, "two": 2}


def test_unpack(tmp_path):
    path = put(tmp_path, [special("in", tarfile.DIRTYPE), ("./in/one", b"1"), ("in/two", b"22"), ("in/three", b"333")])
    assert unpack(path, "in", SIZES) == tmp_path / "in"
    assert {p.name: p.read_bytes() for p in (tmp_path / "in").iterdir()} == {"one": b"1", "two": b"22"}
    assert names(tmp_path) == ["a.tar.gz", "in"]


@pytest.mark.parametrize(("member", "words"), [
    (("../out", b"x"), "'../out' leads outside its folder"),
    (("in/../../out", b"x"), "leads outside its folder"),
    (("/tmp/out", b"x"), "leads outside its folder"),
    (special("in/link", tarfile.SYMTYPE, "/etc/passwd"), "'in/link' is a link or a device"),
    (special("in/two", tarfile.SYMTYPE, "../../out"), "is a link or a device"),
    (special("in/two", tarfile.LNKTYPE, "in/one"), "is a link or a device"),
    (special("in/pipe", tarfile.FIFOTYPE), "is a link or a device"),
    (special("in/null", tarfile.CHRTYPE), "is a link or a device"),
], ids=lambda v: v[0] if isinstance(v, tuple) else "")  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_members_that_climb_out(tmp_path, member, words, first):
    folder = tmp_path / "inner"
    path = put(folder, [member, *GOOD] if first else [*GOOD, member])
    with pytest.raises(UnsafeArchive, match=rf"a.tar.gz: the member .*{words}; nothing was unpacked"):
        unpack(path, "in", SIZES)
    assert names(folder) == ["a.tar.gz"]
    assert names(tmp_path) == ["inner"]


@pytest.mark.parametrize(("members", "words"), [
    (GOOD[:1], "has no in/two"),
    ([], "has no in/one, in/two"),
    ([GOOD[0], ("in/two", b"333")], "in/two has 3 bytes, not 2"),
    ([GOOD[0], special("in/two", tarfile.DIRTYPE)], "in/two has 0 bytes, not 2"),
    ([("elsewhere/one", b"1"), ("two", b"22")], "has no in/one, in/two"),
])  # fmt: skip
def test_members_that_are_missing_or_of_another_size(tmp_path, members, words):
    path = put(tmp_path, members)
    with pytest.raises(CorruptData, match=rf"a.tar.gz.* {words}"):
        unpack(path, "in", SIZES)
    assert names(tmp_path) == ["a.tar.gz"]


@pytest.mark.parametrize("damage", [
    lambda b: b[:-10], lambda b: b[:200], lambda b: b[:5], lambda b: b"", lambda b: b"text",
    lambda b: b[:300] + bytes(9) + b[309:], lambda b: b[:-8] + bytes(8),
])  # fmt: skip
def test_a_damaged_archive(tmp_path, damage):
    noise = np.random.default_rng(0).bytes(5_000)
    path = put(tmp_path, [("in/one", noise), ("in/two", noise)])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CorruptData, match=r"a.tar.gz .*remove it and fetch the data again"):
        unpack(path, "in", {"one": 5_000, "two": 5_000})
    assert names(tmp_path) == ["a.tar.gz"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interrupted_unpacking_leaves_nothing(tmp_path, monkeypatch, stop):
    path = put(tmp_path, GOOD)
    copy, copied = shutil.copyfileobj, []

    def interrupt(source, out, size):
        if copied:
            raise stop
        copied.append(copy(source, out, size))

    with monkeypatch.context() as patch:
        patch.setattr(archive.shutil, "copyfileobj", interrupt)
        with pytest.raises((KeyboardInterrupt, UnreadableData)):
            unpack(path, "in", SIZES)
    assert copied
    assert names(tmp_path) == ["a.tar.gz"]
    assert unpack(path, "in", SIZES) == tmp_path / "in"


def test_a_folder_in_the_way(tmp_path):
    path = put(tmp_path, GOOD)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "mine").write_text("keep me")
    with pytest.raises(UnreadableData, match=r"cannot be written \(Directory not empty\)"):
        unpack(path, "in", SIZES)
    assert names(tmp_path / "in") == ["mine"]
    assert names(tmp_path) == ["a.tar.gz", "in"]


def test_another_process_was_faster(tmp_path):
    path = put(tmp_path, GOOD)
    unpack(path, "in", SIZES)
    assert unpack(path, "in", SIZES) == tmp_path / "in"
    assert names(tmp_path) == ["a.tar.gz", "in"]


def test_no_permission_to_unpack(tmp_path, monkeypatch):
    path = put(tmp_path, GOOD)

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(archive.tempfile, "mkdtemp", refuse)
    with pytest.raises(
        UnreadableData, match=rf"{tmp_path} cannot be written \(Permission denied\): give another folder"
    ):
        unpack(path, "in", SIZES)
