"""Small folders in ImageNet's layout, made of JPEG files."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from problems import load
from problems.data import decode_images
from tests.support.packages import ROOT

SHADES = 9  # between the greys of two files: JPEG changes a grey by one at most


def photo(path, shade, size=(20, 16), form="JPEG", mode="RGB"):
    """Write an image (width, height) of one grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade,) * 3).convert(mode).save(path, form)


def make(root, train=(3, 2), validation=(1, 1), names="{}.JPEG"):
    """Classes n01, n02, ... with so many images in training and validation; file k of all has the grey `SHADES * k`."""
    k = 0
    for split, counts in (("train", train), ("val", validation)):
        for number, count in enumerate(counts, 1):
            for _ in range(count):
                photo(root / split / f"n0{number}" / names.format(k), SHADES * k)
                k += 1
    return root


def shades(images):
    """The file that each image comes from, as `make` numbers them."""
    found = np.asarray(images, np.float64).mean(axis=(1, 2, 3))
    assert np.abs(found - SHADES * np.round(found / SHADES)).max() <= 1.5
    return np.round(found / SHADES).astype(int).tolist()


def read(folder, size=8):
    """The data set of a folder."""
    return load("imagenet", folder, size)


def contents(data):
    """The files that the images of training and of validation come from."""
    return shades(data.train_images[:]) + shades(data.validation_images[:])


def start(code, *arguments):
    """Start a process that runs this code."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def flip(path, position):
    """Change one bit of a byte."""
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 4]))


def count_decoded(monkeypatch):
    """The list that the path of each file is put on when it is decoded, in this process."""
    decoded, real = [], decode_images.read_square
    monkeypatch.setattr(decode_images, "read_square", lambda path, size: decoded.append(path) or real(path, size))
    return decoded


@pytest.fixture
def caches(tmp_path, monkeypatch):
    """An empty folder for caches."""
    folder = tmp_path / "caches"
    monkeypatch.setenv("MINIGRAD_DATA_DIR", str(folder))
    monkeypatch.setattr(os, "fsync", lambda file: None)  # it takes longer than all else
    return folder


@pytest.fixture
def photos(tmp_path, caches):
    """Seven images of two classes: three and two in training, one each in validation."""
    return make(tmp_path / "photos")
