"""The cache of decoded images: whatever is killed, damaged, changed or done twice, what is read is right."""

import os
import shutil
import signal
import time
from collections import namedtuple

import numpy as np
import pytest

from problems import DataError, load
from problems.data import decode_images, image_cache, progress
from problems.data.errors import CorruptData, MissingData, UnreadableData
from problems.data.image_cache import RECORD, checks, mean_and_std, record_of
from tests.support.photos import caches, contents, count_decoded, flip, make, photo, photos, read, shades, start

__all__ = ["caches", "photos"]  # fixtures

ALL = [0, 1, 2, 3, 4, 5, 6]


@pytest.fixture
def decoded(monkeypatch):
    return count_decoded(monkeypatch)


# ------------------------------------------------------------------------------------- built once


def test_the_second_time_nothing_is_decoded_and_nothing_said(photos, decoded, capfd):
    first = read(photos)
    said = capfd.readouterr().err
    assert f"decoding the images of {photos} once into {first.train_images.cache.folder}: 2.6 kB for 7 images" in said
    assert " of 10 x 10 pixels (" in said
    assert len(decoded) == 7
    again = read(photos)
    assert (len(decoded), capfd.readouterr().err) == (7, "")
    assert again.train_images.digest == first.train_images.digest
    assert (again.mean, again.std) == (first.mean, first.std)


def test_another_size_has_a_cache_of_its_own(photos, decoded):
    small, large = read(photos), read(photos, 16)
    assert len(decoded) == 14
    assert large.train_images[:].shape == (5, 16, 16, 3)
    assert contents(large) == contents(small) == ALL
    assert contents(read(photos)) == ALL
    assert len(decoded) == 14
    assert small.train_images.digest != large.train_images.digest


def test_folders_of_one_name_have_caches_of_their_own(tmp_path, caches):
    one, other = make(tmp_path / "a/photos"), make(tmp_path / "b/photos", train=(1, 1))
    assert contents(read(one)) == ALL
    assert contents(read(other)) == [0, 1, 2, 3]
    assert contents(read(one)) == ALL


def test_a_cache_that_cannot_be_written_is_read(photos, decoded, monkeypatch):
    read(photos)

    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(decode_images, "alone", refuse)
    assert contents(read(photos)) == ALL


# ------------------------------------------------------------------------------------- the folder changes


def test_what_is_changed_added_or_removed(photos, decoded):
    before = read(photos)
    images = before.train_images[:]
    photo(photos / "train/n01/1.JPEG", 9 * 20)
    photo(photos / "train/n01/0a.JPEG", 9 * 21)
    (photos / "train/n02/3.JPEG").unlink()
    after = read(photos)
    assert [path[-7:] for path in decoded[7:]] == ["0a.JPEG", "/1.JPEG"]
    assert contents(after) == [0, 21, 20, 2, 4, 5, 6]
    assert after.train_labels.tolist() == [0, 0, 0, 0, 1]
    np.testing.assert_array_equal(before.train_images[:], images)  # a run that has begun goes on with what it had
    assert before.train_images.digest != after.train_images.digest
    assert before.validation_images.digest == after.validation_images.digest


def test_a_change_that_leaves_name_and_length(photos, decoded):
    read(photos)
    path = photos / "train/n01/1.JPEG"
    time = path.stat().st_mtime_ns
    (photos / "train/n01/2.JPEG").replace(path)
    os.utime(path, ns=(time + 1, time + 1))
    assert contents(read(photos)) == [0, 2, 3, 4, 5, 6]
    assert len(decoded) == 8


def test_exchanged_folders_of_files_with_one_length_and_one_time(tmp_path, caches):
    """As archives give all files one time: what tells the files apart is when they were made here."""
    root = make(tmp_path / "photos", train=(1, 1), names="same.JPEG")
    for path in root.rglob("*.JPEG"):
        os.utime(path, ns=(10**18, 10**18))
        time.sleep(0.02)  # clocks of file systems are coarse
    assert len({path.stat().st_size for path in (root / "train").rglob("*.JPEG")}) == 1
    before = read(root)
    assert contents(before)[:2] == [0, 1]
    one, two, aside = root / "train/n01", root / "train/n02", root / "aside"
    one.rename(aside)
    two.rename(one)
    aside.rename(two)
    after = read(root)
    assert contents(after)[:2] == [1, 0]
    assert before.train_images.digest != after.train_images.digest


def test_a_class_renamed(photos, decoded):
    read(photos)
    for split in ("train", "val"):
        (photos / split / "n01").rename(photos / split / "n03")
    d = read(photos)
    assert contents(d) == [3, 4, 0, 1, 2, 6, 5]
    assert d.classes == ("n02", "n03")
    assert len(decoded) == 11


def test_a_file_that_takes_the_place_of_another_with_its_length_and_time(photos, decoded):
    """Often with its inode, too: file systems give that of a removed file to the next one."""
    for k in range(7):
        path = next(photos.rglob(f"{k}.JPEG")).with_suffix(".bmp")
        photo(path, 9 * k, form="BMP")
        path.with_suffix(".JPEG").unlink()
        os.utime(path, ns=(10**18, 10**18))
    assert contents(read(photos)) == ALL
    time.sleep(0.02)  # clocks of file systems are coarse
    path = photos / "train/n01/1.bmp"
    path.unlink()
    photo(path, 9 * 20, form="BMP")
    os.utime(path, ns=(10**18, 10**18))
    assert contents(read(photos)) == [0, 20, 2, 3, 4, 5, 6]
    assert len(decoded) == 8


# ------------------------------------------------------------------------------------- killed

KILLED = """
import os, signal, sys
from problems import load
from problems.data import decode_images
decode_images.BLOCK, decode_images.WRITE_EVERY = 1, 0.0
real, count = decode_images.read_square, 0
def dying(path, size):
    global count
    count += 1
    if count > {steps}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(path, size)
decode_images.read_square = dying
load("imagenet", sys.argv[1], 8)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system kills no processes")
@pytest.mark.parametrize("steps", [0, 3, 6])
def test_a_process_that_was_killed_is_gone_on_with(photos, decoded, steps):
    process = start(KILLED.format(steps=steps), photos)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert contents(read(photos)) == ALL
    assert len(decoded) == 7 - steps


def test_interrupted(photos, decoded, monkeypatch):
    monkeypatch.setattr(decode_images, "BLOCK", 2)
    real = decode_images.decode_block

    def interrupt(job):
        if len(decoded) >= 4:
            raise KeyboardInterrupt
        return real(job)

    monkeypatch.setattr(decode_images, "decode_block", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read(photos)
    monkeypatch.setattr(decode_images, "decode_block", real)
    assert contents(read(photos)) == ALL
    assert len(decoded) == 7


SLOW = """
import sys, time
from problems import load
from problems.data import decode_images
real = decode_images.read_square
def slow(path, size):
    time.sleep(0.05)
    print("one", file=sys.stderr)
    return real(path, size)
decode_images.read_square = slow
d = load("imagenet", sys.argv[1], 8)
print(d.train_images.digest, file=sys.stderr)
"""


def test_two_processes_at_once(photos, decoded):
    said = [process.communicate(timeout=60)[1].decode() for process in [start(SLOW, photos), start(SLOW, photos)]]
    assert sum(text.count("one\n") for text in said) == 7
    digest = read(photos).train_images.digest
    assert all(text.endswith(digest + "\n") for text in said)
    assert not decoded


# ------------------------------------------------------------------------------------- damaged


def test_a_damaged_image_is_noticed_when_it_is_read_and_then_decoded_again(photos, decoded):
    d = read(photos)
    flip(d.train_images.cache.pixels, 2 * 300 + 5)
    assert shades(d.train_images[:2]) == [0, 1]
    with pytest.raises(CorruptData, match=r"train.pixels is damaged at image 2: start again, and the image is decoded"):
        d.train_images.take(np.array([4, 2]))
    assert contents(read(photos)) == ALL
    assert len(decoded) == 8


def test_all_damaged_images_are_found_at_once(photos, decoded):
    """Those that are good are not decoded again, and one that a batch has twice counts once."""
    d = read(photos)
    pixels = d.train_images.cache.pixels
    for k in (1, 2, 4):
        flip(pixels, k * 300 + 5)
    with pytest.raises(CorruptData) as caught:
        d.train_images.verify()
    assert str(caught.value) == (
        f"{pixels} is damaged at image 1 and 2 more: start again, and they are decoded anew; if it happens often, "
        f"remove {pixels.parent}"
    )
    with pytest.raises(CorruptData, match=r"is damaged at image 4 and 1 more: start again"):
        d.train_images.take(np.array([4, 1, 4]))
    assert contents(read(photos)) == ALL
    assert sorted(path[-6:] for path in decoded[7:]) == ["1.JPEG", "2.JPEG", "4.JPEG"]


def test_a_damaged_image_of_a_cache_that_cannot_be_written(photos, monkeypatch):
    d = read(photos)
    flip(d.train_images.cache.pixels, 5)

    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(image_cache, "open", refuse, raising=False)
    with pytest.raises(
        CorruptData, match=r"is damaged at image 0, and cannot be written \(Permission denied\): remove"
    ):
        d.train_images.verify()


@pytest.mark.parametrize("word", range(RECORD.itemsize // 8))
def test_a_damaged_record_is_made_again(photos, decoded, word):
    """Also where it holds the sums that the mean is made of."""
    d = read(photos)
    flip(d.train_images.cache.records, 3 * RECORD.itemsize + 8 * word + 1)
    again = read(photos)
    assert contents(again) == ALL
    assert len(decoded) == 8
    assert (again.mean, again.std, again.train_images.digest) == (d.mean, d.std, d.train_images.digest)


@pytest.mark.parametrize(("suffix", "length", "count"), [
    ("pixels", 900, 2), ("pixels", 901, 2), ("pixels", 0, 5), ("records", RECORD.itemsize * 4, 1),
    ("records", RECORD.itemsize * 4 + 9, 1), ("records", 0, 5),
])  # fmt: skip
def test_a_file_cut_short_is_filled_again(photos, decoded, suffix, length, count):
    os.truncate(read(photos).train_images.cache.folder / f"train.{suffix}", length)
    assert contents(read(photos)) == ALL
    assert len(decoded) == 7 + count


@pytest.mark.parametrize("name", ["train.pixels", "train.records"])
def test_a_file_gone(photos, decoded, name):
    (read(photos).train_images.cache.folder / name).unlink()
    assert contents(read(photos)) == ALL
    assert len(decoded) == 12


def test_a_cache_removed_while_it_is_opened(photos):
    d = read(photos)
    shutil.rmtree(d.train_images.cache.folder)
    with pytest.raises(MissingData, match=r"train.pixels cannot be read .*: start again, it is then made"):
        d.train_images.on(np)


@pytest.mark.parametrize("place", ["caches", "caches/decoded"])
def test_a_file_where_the_folder_should_be(tmp_path, photos, place):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("")
    with pytest.raises(
        UnreadableData, match=r"cannot be written \(.*\): give another folder, or set MINIGRAD_DATA_DIR"
    ):
        read(photos)


# ------------------------------------------------------------------------------------- no room

Usage = namedtuple("Usage", "total used free")


def test_a_disk_that_is_too_small_is_refused_before(photos, caches, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 9 * 10**8, 10**8))
    words = (
        r"has 100.0 MB free, and the images of .*photos need 2.6 kB for 7 images of 10 x 10 pixels, with 268.4 MB to "
        "spare: make room"
    )
    with pytest.raises(UnreadableData, match=words):
        read(photos)
    assert not list(caches.glob("**/*.pixels"))


def test_a_disk_that_becomes_full(photos, decoded, monkeypatch):
    real = decode_images.decode_block

    def full(job):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(decode_images, "decode_block", full)
    with pytest.raises(UnreadableData, match=r"cannot be written \(No space left on device\)"):
        read(photos)
    monkeypatch.setattr(decode_images, "decode_block", real)
    assert contents(read(photos)) == ALL


def test_the_size_is_that_of_the_images(tmp_path, caches, capfd):
    """8 x 8 becomes 10 x 10 in the cache, of three bytes, and a record."""
    d = read(make(tmp_path / "photos", train=(20, 20), validation=(1, 1)))
    cache = d.train_images.cache
    assert cache.pixels.stat().st_size == 40 * 300
    assert cache.records.stat().st_size == 40 * 72
    assert [load("imagenet", tmp_path / "photos", n).train_images.cache.size for n in (56, 64, 224)] == [64, 74, 256]


# ------------------------------------------------------------------------------------- processes


def test_in_processes_as_in_one(tmp_path, caches, monkeypatch):
    """Images and a damaged one; the second cache is made by two processes."""
    folder = make(tmp_path / "photos", train=(13, 13), validation=(1, 1), names="{:02}.JPEG")
    one = read(folder)
    shutil.rmtree(caches)
    monkeypatch.setattr(decode_images, "FEW", 0)
    monkeypatch.setattr(decode_images, "BLOCK", 4)
    monkeypatch.setattr(decode_images, "cores", lambda: 2)
    (folder / "val/n01/x.JPEG").write_text("text")
    with pytest.raises(CorruptData, match=r"val/n01/x.JPEG is no image that can be read"):
        read(folder)
    (folder / "val/n01/x.JPEG").unlink()
    assert contents(read(folder)) == list(range(28))
    assert read(folder).train_images.digest == one.train_images.digest
    assert (read(folder).mean, read(folder).std) == (one.mean, one.std)


def test_a_process_that_is_killed(photos, monkeypatch):
    from concurrent.futures.process import BrokenProcessPool

    import joblib.externals.loky

    class Killed:
        def __init__(self, *args, **kwargs):
            pass

        def submit(self, *args):
            raise BrokenProcessPool

        def shutdown(self, **kwargs):
            pass

    monkeypatch.setattr(decode_images, "FEW", 0)
    monkeypatch.setattr(joblib.externals.loky, "ProcessPoolExecutor", Killed)
    with pytest.raises(DataError, match="a process that decodes images was killed: is there enough memory"):
        read(photos)


def test_no_stream_to_say_it_on(photos, monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    assert contents(read(photos)) == ALL
    progress.announce("nothing")


# ------------------------------------------------------------------------------------- records


def test_every_bit_of_a_record_counts():
    record = record_of(2**63 + 5, np.random.default_rng(0).integers(0, 256, (4, 4, 3), np.uint8))
    bits = np.unpackbits(record.view(np.uint8))
    for k in range(len(bits)):
        other = bits.copy()
        other[k] ^= 1
        changed = np.packbits(other).view(RECORD)
        assert changed["check"] != checks(changed)
    assert checks(np.zeros(1, RECORD)) != 0


def test_statistics_of_many_large_images_do_not_overflow():
    """As many as ImageNet has, of 256 x 256 white pixels."""
    records = np.zeros(10, RECORD)
    records["sums"], records["squares"] = 130_000 * 256**2 * 255, 130_000 * 256**2 * 255**2
    mean, std = mean_and_std(records, 130_000 * 256**2)
    assert mean == (255.0,) * 3
    assert std == (1.0,) * 3
