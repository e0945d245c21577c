"""Images on disk: their crops against a sum over weights, their devices, and little memory however many there are."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

import minigrad as mg
from problems import load
from problems.data.picture import read_square
from problems.data.stored_images import Crops
from problems.vision.augment import draw_crops
from tests.support.packages import ROOT, run
from tests.support.photos import caches

__all__ = ["caches"]  # a fixture

RNG = np.random.default_rng(0)


def weights(start, stop, length, size):
    """Linear interpolation at `size` centres between start and stop, widened where that shrinks: (size, length)."""
    scale = (stop - start) / size
    centres = start + (np.arange(size) + 0.5) * scale
    pixels = np.arange(length) + 0.5
    found = np.maximum(0.0, 1.0 - np.abs(pixels - centres[:, None]) / max(scale, 1.0))
    return found / found.sum(axis=1, keepdims=True)


def resized(image, box, size):
    """By the definition, in float64."""
    left, top, right, bottom = box
    height, width, _ = image.shape
    rows, columns = weights(top, bottom, height, size), weights(left, right, width, size)
    return np.einsum("ih,hwc,jw->ijc", rows, image.astype(float), columns)


@pytest.fixture
def noise(tmp_path, caches):
    """Six images of noise, 17 x 13, four of them for training."""
    for k, name in enumerate(("train/a/1", "train/a/2", "train/b/1", "train/b/2", "val/a/1", "val/b/1")):
        path = tmp_path / f"noise/{name}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(k).integers(0, 256, (17, 13, 3), np.uint8)).save(path, "PNG")
    return load("imagenet", tmp_path / "noise", 14)  # 16 in the cache


def cached(data):
    return np.fromfile(data.train_images.cache.pixels, np.uint8).reshape(-1, 16, 16, 3)


@pytest.mark.parametrize("shape", [(17, 13), (13, 17), (40, 90), (1, 7), (16, 16), (3, 3), (200, 33)])
def test_the_middle_square_of_an_image(tmp_path, shape):
    image = RNG.integers(0, 256, (*shape, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "1.png")
    side = min(shape)
    top, left = ((length - side) / 2 for length in shape)
    expected = resized(image, (left, top, left + side, top + side), 16)
    # Pillow rounds after each direction, and what lies outside of the box counts a little where it shrinks.
    np.testing.assert_allclose(read_square(str(tmp_path / "1.png"), 16), expected, atol=1.1)


def test_a_large_jpeg_that_is_decoded_at_a_part_of_its_size(tmp_path):
    rows, columns = np.mgrid[:300, :400] / 300.0
    image = np.stack([200 * rows, 190 * columns, 100 + 0 * rows], axis=2).astype(np.uint8)
    Image.fromarray(image).save(tmp_path / "1.jpg", quality=98)
    expected = resized(image, (50, 0, 350, 300), 16)
    np.testing.assert_allclose(read_square(str(tmp_path / "1.jpg"), 16), expected, atol=4.0)


def test_without_crops_the_middle(noise):
    index = np.array([3, 0, 0])
    np.testing.assert_array_equal(noise.train_images.read(index), cached(noise)[index, 1:15, 1:15])
    np.testing.assert_array_equal(noise.train_images[1:3], cached(noise)[1:3, 1:15, 1:15])


def test_crops(noise):
    crops = draw_crops(np.random.default_rng(1), 200)
    index = np.random.default_rng(2).integers(0, 4, 200)
    found = noise.train_images.read(index, crops)
    assert found.shape == (200, 14, 14, 3)
    for k in range(200):
        left, top, width, height, mirror = (x[k] for x in crops)
        box = 16 * np.array([left, top, left + width, top + height])
        expected = resized(cached(noise)[index[k]], box, 14)
        # Rounded twice; Pillow's grid for the ends of a box is a little coarser than float64's.
        np.testing.assert_allclose(found[k], expected[:, ::-1] if mirror else expected, atol=1.6)
    assert 60 < crops.mirror.sum() < 140


def test_the_whole_of_an_image_and_its_mirror(noise):
    ones = np.ones(1)
    for mirror in (False, True):
        crops = Crops(0 * ones, 0 * ones, ones, ones, np.array([mirror]))
        found = noise.train_images.read(np.array([2]), crops)[0]
        whole = np.asarray(Image.fromarray(cached(noise)[2]).resize((14, 14), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(found, whole[:, ::-1] if mirror else whole)


def test_threads_read_the_same(noise):
    jobs = [(RNG.integers(0, 4, 8), draw_crops(np.random.default_rng(k), 8)) for k in range(40)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda job: noise.train_images.read(*job), jobs))
    for job, images in zip(jobs, found, strict=True):
        np.testing.assert_array_equal(images, noise.train_images.read(*job))


def test_batches_go_to_the_backend(noise, backend):
    there = noise.train_images.on(backend)
    index, crops = np.array([1, 3]), draw_crops(np.random.default_rng(0), 2)
    for given in ((index,), (index, crops)):
        found = there.take(*given)
        assert type(found) is type(backend.asarray(0.0))
        assert found.dtype == backend.uint8
        np.testing.assert_array_equal(mg.to_numpy(found), noise.train_images.take(*given))
    assert (there.shape, there.digest) == (noise.train_images.shape, noise.train_images.digest)


def test_the_digest_is_that_of_the_images_and_of_their_crop(noise, tmp_path):
    again = load("imagenet", tmp_path / "noise", 14)
    assert again.train_images.digest == noise.train_images.digest != noise.validation_images.digest
    (tmp_path / "noise").rename(tmp_path / "moved")
    assert load("imagenet", tmp_path / "moved", 14).train_images.digest == noise.train_images.digest
    assert load("imagenet", tmp_path / "moved", 13).train_images.digest != noise.train_images.digest


MANY = """
import os, types, json
import numpy as np
import problems
from pathlib import Path
from problems.data import image_index, image_cache

COUNT, CLASSES = 1_300_000, 1000
class Entry:
    def __init__(self, name):
        self.name = name
    def is_file(self):
        return True
    def stat(self):
        return types.SimpleNamespace(st_size=110_000, st_mtime_ns=10**18, st_ctime_ns=10**18)

def scandir(path):
    return (Entry(f"{path.name}_{k}.JPEG") for k in range(COUNT // CLASSES))

image_index.os.scandir = scandir
memory = lambda: int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])  # at its peak
before = memory()
folders = [Path(f"/data/train/n{k:08}") for k in range(CLASSES)]
index = image_index.index_images(Path("/data"), folders, range(CLASSES))
records = np.zeros(COUNT, image_cache.RECORD)
records["key"], records["digest"] = index.keys[::-1], 1
records["check"] = image_cache.checks(records)
slots = image_cache.slots_of(index.keys, records)
found = records[slots]
image_cache.mean_and_std(found, 1)
assert (slots == np.arange(COUNT)[::-1]).all()
order = np.random.default_rng(0).permutation(COUNT)
assert index.path(COUNT - 1) == "/data/train/n00000999/n00000999_999.JPEG"  # the last in the order of strings
print(json.dumps([len(index), memory(), memory() - before]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the file that is read here")
def test_memory_for_very_many_files():
    """Names, labels, keys, records: 1.3 million files stay far below 1.5 GB, Python and its libraries with them."""
    files, peak, grown = json.loads(run(ROOT, MANY))
    assert files == 1_300_000
    assert grown < 400_000  # kilobytes
    assert peak < 600_000
