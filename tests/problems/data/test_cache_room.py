"""The cache of decoded images: the room of files that were changed or removed is used again, if nobody reads them."""

import shutil
import sys
import time
from collections import namedtuple

import numpy as np
import pytest

from problems import DataError
from problems.data import decode_images, imagenet
from problems.data.errors import CorruptData, UnreadableData
from problems.data.image_cache import RECORD, record_of
from tests.support.photos import caches, contents, count_decoded, flip, make, photo, photos, read, shades, start

__all__ = ["caches", "photos"]  # fixtures

ALL = [0, 1, 2, 3, 4, 5, 6]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def decoded(monkeypatch):
    return count_decoded(monkeypatch)


KNOWN = pytest.mark.skipif(sys.platform == "win32", reason="readers are not known there, and room is not used again")


def touch(folder):
    """Change the times of all files as `chmod` does."""
    time.sleep(0.02)  # clocks of file systems are coarse
    for path in folder.rglob("*.JPEG"):
        path.chmod(0o644)


def room(data):
    """How many images the files of the cache have room for, training and validation."""
    return [x.cache.pixels.stat().st_size // 300 for x in (data.train_images, data.validation_images)]


@KNOWN
def test_files_that_change_again_and_again_take_no_more_room(photos, decoded):
    for count in (7, 14, 21):
        d = read(photos)
        assert (contents(d), room(d), len(decoded)) == (ALL, [5, 2], count)
        assert d.train_images.cache.records.stat().st_size == 5 * RECORD.itemsize
        del d
        touch(photos)


@KNOWN
def test_files_that_are_added_take_the_room_of_those_that_are_gone(photos, caches):
    read(photos)
    (photos / "train/n01/1.JPEG").unlink()
    (photos / "train/n02/3.JPEG").unlink()
    for k in (10, 11, 12):
        photo(photos / f"train/n01/{k}.JPEG", 9 * k)
    d = read(photos)
    assert sorted(contents(d)) == [0, 2, 4, 5, 6, 10, 11, 12]
    assert room(d) == [6, 2]


@KNOWN
def test_room_that_is_used_again_is_not_asked_of_the_disk(photos, monkeypatch):
    read(photos)
    touch(photos)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 0, decode_images.SPARE + 300))
    assert contents(read(photos)) == ALL
    photo(photos / "train/n01/9.JPEG", 9 * 9)
    with pytest.raises(UnreadableData, match=r"need 0.4 kB for 1 image of"):
        read(photos)


@KNOWN
def test_what_a_run_reads_is_left_to_it(photos):
    before = read(photos)
    images = before.train_images[:]
    touch(photos)
    after = read(photos)
    assert contents(after) == ALL
    assert room(after) == [10, 4]
    np.testing.assert_array_equal(before.train_images[:], images)
    moved = before.train_images.on(np)
    del before
    touch(photos)
    assert room(read(photos)) == [15, 6]
    np.testing.assert_array_equal(moved[:], images)
    del moved, after
    touch(photos)
    last = read(photos)
    assert room(last) == [15, 6]
    assert contents(last) == ALL


READING = """
import sys
from problems import load
d = load("imagenet", sys.argv[1], 8)
print("reading", file=sys.stderr, flush=True)
sys.stdin.readline()
d.train_images.verify()
d.validation_images.verify()
print("done", file=sys.stderr)
"""


def test_without_locks_no_room_is_used_again(photos, monkeypatch):
    """Readers are not known: there may be some."""
    monkeypatch.delitem(sys.modules, "fcntl", raising=False)
    read(photos)
    (photos / "train/n01/1.JPEG").unlink()
    photo(photos / "train/n01/9.JPEG", 9 * 9)
    d = read(photos)
    assert (contents(d), room(d)) == ([0, 2, 9, 3, 4, 5, 6], [6, 2])


@KNOWN
def test_what_another_process_reads_is_left_to_it(photos):
    read(photos)
    process = start(READING, photos)
    assert process.stderr.readline() == b"reading\n"
    touch(photos)
    assert room(read(photos)) == [10, 4]
    assert process.communicate(b"\n", timeout=60)[1] == b"done\n"
    touch(photos)
    d = read(photos)
    assert (contents(d), room(d)) == (ALL, [10, 4])


def test_interrupted_while_room_is_used_again(tmp_path, caches, monkeypatch):
    """The files that were gone come back: their records do not stand for the pixels written over theirs."""
    folder = make(tmp_path / "photos", train=(2, 2, 2), validation=(1, 1, 1))
    read(folder)
    for split in ("train", "val"):
        (folder / split / "n03").rename(tmp_path / split)
    for k in (10, 11):
        photo(folder / f"train/n01/{k}.JPEG", 9 * k)
    real = decode_images.record_of

    def interrupt(key, pixels):
        raise KeyboardInterrupt

    monkeypatch.setattr(decode_images, "record_of", interrupt)  # pixels are written, their record is not
    with pytest.raises(KeyboardInterrupt):
        read(folder)
    monkeypatch.setattr(decode_images, "record_of", real)
    for split in ("train", "val"):
        (tmp_path / split).rename(folder / split / "n03")
    for k in (10, 11):
        (folder / f"train/n01/{k}.JPEG").unlink()
    assert contents(read(folder)) == list(range(9))


@KNOWN
def test_room_that_is_used_again_while_a_reader_opens_the_cache(photos, monkeypatch):
    """Between finding its slots and holding them."""
    read(photos)
    real = imagenet.complete

    def overtaken(*args):
        found = real(*args)
        monkeypatch.setattr(imagenet, "complete", real)
        photo(photos / "train/n01/1.JPEG", 9 * 20)
        read(photos)
        return found

    monkeypatch.setattr(imagenet, "complete", overtaken)
    with pytest.raises(DataError, match="was changed while it was opened: start again"):
        read(photos)
    assert contents(read(photos)) == [0, 20, 2, 3, 4, 5, 6]


def test_an_image_is_freed_only_if_it_is_the_damaged_one(photos, decoded):
    """Not another that has its slot by now."""
    d = read(photos)
    cache, slot = d.train_images.cache, int(d.train_images.slots[2])
    other = record_of(5, np.ones((10, 10, 3), np.uint8))
    flip(cache.pixels, slot * 300)
    cache.write_records([slot], other)
    with pytest.raises(CorruptData, match="is damaged at image 2"):
        d.train_images[:]
    assert cache.read_records()[slot] == other[0]


@KNOWN
@pytest.mark.parametrize("seed", range(2))
def test_whatever_changes_each_reader_has_its_own_images(tmp_path, caches, seed):
    """Files are added, removed, touched and renamed with their folder, while some runs go on."""
    rng = np.random.default_rng(seed)
    folder = make(tmp_path / "photos", train=(2, 2), validation=(1, 1))
    unused, reading = iter(range(6, 28)), []
    for _ in range(12):
        files = sorted((folder / "train").rglob("*.JPEG"))
        match int(rng.integers(4)):
            case 0 if (k := next(unused, None)) is not None:
                photo(folder / f"train/n0{1 + k % 2}/{k}.JPEG", 9 * k)
            case 1 if len(list(files[0].parent.iterdir())) > 1:
                files[0].unlink()
            case 2:
                touch(folder)
            case _:
                for split in ("train", "val"):
                    for a, b in (("n01", "aside"), ("n02", "n01"), ("aside", "n02")):
                        (folder / split / a).rename(folder / split / b)
        files = sorted((folder / "train").rglob("*.JPEG"))
        reading.append((read(folder), [int(path.stem) for path in files]))
        assert [shades(data.train_images[:]) for data, _ in reading] == [expected for _, expected in reading]
        reading = [one for one in reading if rng.random() < 0.6]
    reading.clear()
    rooms = []
    for _ in range(2):
        touch(folder)
        rooms.append(room(read(folder)))
    assert rooms[0] == rooms[1]
