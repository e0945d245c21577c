"""Image files of every kind: by their content, decoded or refused by name, and never more than one line said."""

import io
import itertools
import os
import re
import shutil
import struct
import sys
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from problems import load
from problems.data.errors import CorruptData, DataError
from problems.data.picture import FORMATS, read_picture
from problems.data.read_images import read_images

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
RGB = Image.fromarray(PIXELS)
GREY = RGB.convert("L")
TURNED = Image.Exif()
TURNED[0x112] = 6  # the camera lay on its side: turn by 90 degrees clockwise


def packed(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def read(folder, content, name="x.png"):
    (folder / name).write_bytes(content)
    return read_picture(str(folder / name))


GOOD = {  # one of every kind that is read; lossless ones are compared with their pixels
    "PNG": packed(RGB, "PNG"),
    "PNG grey": packed(GREY, "PNG"),
    "PNG grey and alpha": packed(GREY.convert("LA"), "PNG"),
    "PNG 1 bit": packed(GREY.convert("1"), "PNG"),
    "PNG grey palette": packed(GREY.quantize(8), "PNG"),
    "PNG palette": packed(RGB.quantize(8), "PNG"),
    "PNG palette with transparency": packed(RGB.quantize(8), "PNG", transparency=bytes([0, 128, 255])),
    "PNG alpha": packed(RGB.convert("RGBA"), "PNG"),
    "PNG EXIF": packed(RGB, "PNG", exif=TURNED),
    "JPEG": packed(RGB, "JPEG"),
    "JPEG progressive": packed(RGB, "JPEG", progressive=True),
    "JPEG grey": packed(GREY, "JPEG"),
    "JPEG CMYK": packed(RGB.convert("CMYK"), "JPEG"),
    "JPEG EXIF": packed(RGB, "JPEG", exif=TURNED),
    "JPEG with preview": packed(RGB, "MPO", save_all=True, append_images=[RGB]),
    "BMP": packed(RGB, "BMP"),
    "BMP palette": packed(RGB.quantize(8), "BMP"),
    "GIF": packed(RGB.quantize(8), "GIF"),
    "GIF grey": packed(GREY, "GIF"),
    "TIFF": packed(RGB, "TIFF"),
    "TIFF EXIF": packed(RGB, "TIFF", exif=TURNED),
    "TIFF LZW": packed(RGB, "TIFF", compression="tiff_lzw"),
    "TIFF deflate": packed(RGB, "TIFF", compression="tiff_adobe_deflate"),
    "TIFF JPEG": packed(RGB, "TIFF", compression="jpeg"),
    "TIFF packbits": packed(RGB, "TIFF", compression="packbits"),
    "TIFF fax": packed(GREY.convert("1"), "TIFF", compression="group4"),
    "TIFF grey": packed(GREY, "TIFF"),
    "WebP": packed(RGB, "WEBP"),
    "WebP lossless": packed(RGB, "WEBP", lossless=True),
    "WebP EXIF": packed(RGB, "WEBP", lossless=True, exif=TURNED),
    "PPM": packed(RGB, "PPM"),
    "PGM": packed(GREY, "PPM"),
    "PBM": packed(GREY.convert("1"), "PPM"),
    "PPM as text": b"P3\n5 6\n255\n" + b" ".join(b"%d" % x for x in PIXELS.ravel()),
}
EXACT = (
    "PNG",
    "PNG alpha",
    "BMP",
    "TIFF",
    "TIFF LZW",
    "TIFF deflate",
    "TIFF packbits",
    "WebP lossless",
    "PPM",
    "PPM as text",
)


@pytest.mark.parametrize("kind", GOOD)
def test_what_is_read(tmp_path, kind, recwarn):
    """By its content: every file here is named x.png."""
    found = read(tmp_path, GOOD[kind])
    channels = 1 if any(word in kind for word in ("grey", "1 bit", "fax", "PGM", "PBM")) else 3
    assert found.shape == ((5, 6, channels) if "EXIF" in kind else (6, 5, channels))
    assert found.dtype == np.uint8
    if kind in EXACT:
        np.testing.assert_array_equal(found, PIXELS)
    if "EXIF" in kind and "JPEG" not in kind:
        np.testing.assert_array_equal(found, np.rot90(PIXELS, -1))
    assert not recwarn.list


def test_alpha_is_dropped_and_hidden_colours_count(tmp_path):
    hidden = np.dstack([PIXELS, np.zeros((6, 5), np.uint8)])
    np.testing.assert_array_equal(read(tmp_path, packed(Image.fromarray(hidden), "PNG")), PIXELS)


def png_of_depth(bits, colour_type, channels):
    """A PNG of 2 x 2 with samples of so many bits: Pillow does not write them in colour."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 2, 2, bits, colour_type, 0, 0, 0)
    rows = 2 * (b"\0" + bytes(2 * channels * bits // 8))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def deep_tiff():
    """Pillow writes no colours of 16 bits, so the bits of an RGB file's header are changed."""
    content = bytearray(packed(RGB, "TIFF"))
    at = content.index(struct.pack("<HHH", 8, 8, 8))
    content[at : at + 6] = struct.pack("<HHH", 16, 16, 16)
    return bytes(content) + bytes(200)


DEEP = "has more than 8 bits a channel .*: convert it to 8"
REFUSED = {
    "PNG of 16 bits, grey": (png_of_depth(16, 0, 1), DEEP),
    "PNG of 16 bits, grey and alpha": (png_of_depth(16, 4, 2), DEEP),
    "PNG of 16 bits, colour": (png_of_depth(16, 2, 3), DEEP),
    "PNG of 16 bits, colour and alpha": (png_of_depth(16, 6, 4), DEEP),
    "TIFF of 16 bits, grey": (packed(Image.fromarray(np.zeros((4, 4), np.uint16)), "TIFF"), DEEP),
    "TIFF of 16 bits, colour": (deep_tiff(), DEEP),
    "TIFF of floats": (packed(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF"), DEEP),
    "PGM of 16 bits": (b"P5\n2 2\n65535\n" + bytes(8), DEEP),
    "PPM of 16 bits": (b"P6\n2 2\n65535\n" + bytes(24), DEEP),
    "PPM of 16 bits as text": (b"P3\n2 2\n65535\n" + b"0 " * 12, DEEP),
    "PFM": (b"Pf\n2 2\n-1.0\n" + bytes(16), DEEP),
    "LAB": (packed(Image.new("LAB", (4, 4)), "TIFF"), "has colours of the kind LAB: convert them to grey or RGB"),
    "animated GIF": (
        packed(RGB.quantize(8), "GIF", save_all=True, append_images=[GREY.quantize(8)]),
        "has 2 frames: keep one of them",
    ),
    "animated PNG": (packed(RGB, "PNG", save_all=True, append_images=[RGB.rotate(90)]), "has 2 frames"),
    "animated WebP": (packed(RGB, "WEBP", save_all=True, append_images=[RGB.rotate(180)]), "has 2 frames"),
    "TIFF of two pages": (packed(RGB, "TIFF", save_all=True, append_images=[GREY]), "has 2 frames"),
    "EPS": (packed(RGB, "EPS"), "by its content it is none of PNG, JPEG, BMP, GIF, TIFF, WEBP, PPM"),
    "PDF": (packed(RGB, "PDF"), "by its content it is none of"),
    "ICO": (packed(RGB, "ICO"), "by its content it is none of"),
    "JPEG 2000": (packed(RGB, "JPEG2000"), "by its content it is none of"),
    "a bomb": (b"P6\n100000 100000\n255\n", "10000000000 pixels"),
    "no pixels": (b"P6\n0 5\n255\n", "no image that can be read"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused(tmp_path, kind):
    content, words = REFUSED[kind]
    with pytest.raises(CorruptData, match=rf"x.png .*{words}"):
        read(tmp_path, content)


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.gif", "x.tif"])
def test_ghostscript_is_never_started(tmp_path, name, monkeypatch):
    """A Ghostscript that leaves a trace stands first in the path."""
    trace = tmp_path / "started"
    for program in ("gs", "gswin64c"):
        (tmp_path / program).write_text(f"#!/bin/sh\ntouch {trace}\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert shutil.which("gs") == str(tmp_path / "gs")
    for k in "ab":
        (tmp_path / "data" / k).mkdir(parents=True)
        (tmp_path / "data" / k / name).write_bytes(packed(RGB, "EPS"))
    with pytest.raises(CorruptData, match=rf"{name} is no image that can be read \(by its content it is none of"):
        load("folder", tmp_path / "data")
    assert not trace.exists()


@pytest.mark.parametrize("limit", [9, 29])
def test_more_pixels_than_the_limit(tmp_path, monkeypatch, limit):
    """Pillow only warns up to twice its limit."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    (tmp_path / "x.png").write_bytes(GOOD["PNG"])
    with pytest.raises(CorruptData, match=r"x.png is no image that can be read \(.* pixels"):
        read_images([str(tmp_path / "x.png")], np.arange(1))


def test_a_colour_profile_is_not_applied(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    np.testing.assert_array_equal(read(tmp_path, packed(RGB, "PNG", icc_profile=profile)), PIXELS)


def damaged(content, rng):
    """Endlessly: the file cut somewhere, or with some bytes changed."""
    while True:
        yield content[: rng.integers(len(content))]
        for reach in (len(content), min(64, len(content))):  # anywhere, or in the header
            changed = bytearray(content)
            for at in rng.integers(reach, size=rng.integers(1, 4)):
                changed[at] = rng.integers(256)
            yield bytes(changed)


@pytest.mark.parametrize("form", FORMATS)
def test_damaged_files_of_every_format(tmp_path, form, capfd, monkeypatch):
    """An image or one line that names the file. More files with the environment variable FUZZ, a factor."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)  # a damaged size would take long
    rng = np.random.default_rng(FORMATS.index(form))
    path = tmp_path / "x.png"
    kinds = [
        content for kind, content in GOOD.items() if kind.upper().startswith(form) or (form, kind[0]) == ("PPM", "P")
    ]
    said: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for content in kinds:
            for changed in itertools.islice(damaged(content, rng), int(10 * float(os.environ.get("FUZZ", "1")))):
                path.write_bytes(changed)
                try:
                    images = read_images([str(path)], np.arange(1))
                except DataError as error:
                    said.append(str(error))
                else:
                    assert (images.dtype, images.ndim) == (np.uint8, 4)
    assert all(re.fullmatch(rf"{path} .+", line) for line in said)
    assert len(said) > len(kinds)
    assert capfd.readouterr() == ("", "")


def test_standard_error_is_left_as_it_was(tmp_path, capfd):
    """libtiff writes to it; what others wrote meanwhile is not lost."""
    content = bytearray(GOOD["TIFF deflate"])
    content[12] ^= 255
    before = os.fstat(2)
    with pytest.raises(CorruptData, match=r"x.png is no image that can be read \(.+\)"):
        read(tmp_path, bytes(content))
    after = os.fstat(2)
    assert (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino)
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"


def test_a_closed_standard_error(tmp_path, monkeypatch):
    """As with `2>&-` in a shell: the next file that is opened gets its number."""
    monkeypatch.setattr(sys, "__stderr__", None)
    kept = os.dup(2)
    os.close(2)
    try:
        found = read(tmp_path, GOOD["TIFF LZW"])
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    np.testing.assert_array_equal(found, PIXELS)
