"""Folders in ImageNet's layout: what is read, from files of any kind, and which files are refused."""

import os
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL import __version__ as pillow_version

from problems import DataError, load
from problems.data import picture
from problems.data.errors import CorruptData
from problems.data.image_folder import SUFFIXES
from tests.support.packages import ROOT
from tests.support.photos import caches, count_decoded, make, photo, photos, shades

__all__ = ["caches", "photos"]  # fixtures


def read(folder, size=8):
    return load("imagenet", folder, size)


def images(data):
    return data.train_images[:], data.validation_images[:]


# ------------------------------------------------------------------------------------- what is read


def test_classes_files_and_labels(photos):
    d = read(photos)
    assert (d.name, d.classes, d.source) == ("photos", ("n01", "n02"), str(photos))
    assert d.train_images.shape == (5, 8, 8, 3)
    assert d.validation_images.shape == (2, 8, 8, 3)
    assert (d.train_images.dtype, d.train_labels.dtype) == (np.uint8, np.int64)
    assert d.train_labels.tolist() == [0, 0, 0, 1, 1]
    assert d.validation_labels.tolist() == [0, 1]
    assert [shades(x) for x in images(d)] == [[0, 1, 2, 3, 4], [5, 6]]


def test_the_size_is_64_unless_another_is_asked_for(photos):
    assert load("imagenet", photos).train_images.shape == (5, 64, 64, 3)
    for size in (0, 7, 1025, -1):
        with pytest.raises(DataError, match=f"the size of images must be from 8 to 1024 pixels; got {size}"):
            read(photos, size)
    with pytest.raises(DataError, match="the images of digits have one size: leave out the size"):
        load("digits", size=8)


def test_statistics_are_those_of_the_training_images_in_the_cache(photos):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)).save(photos / "train/n02/x.JPEG")
    d = read(photos)
    cached = np.fromfile(d.train_images.cache.pixels, np.uint8).reshape(6, -1, 3)
    np.testing.assert_allclose(d.mean, cached.mean(axis=(0, 1)), rtol=1e-12)
    np.testing.assert_allclose(d.std, cached.std(axis=(0, 1)), rtol=1e-12)


def test_a_channel_that_never_changes(tmp_path, caches):
    for k, name in enumerate(("train/a/1.png", "train/b/1.png", "val/a/1.png", "val/b/1.png")):
        (tmp_path / name).parent.mkdir(parents=True)
        Image.new("RGB", (9, 9), (k, 255, 0)).save(tmp_path / name)
    assert read(tmp_path).std == (0.5, 1.0, 1.0)


def test_the_other_name_of_validation(photos):
    (photos / "val").rename(photos / "validation")
    assert shades(read(photos).validation_images[:]) == [5, 6]


def test_what_is_no_image_is_ignored(photos):
    (photos / "train/n01/n01_boxes.txt").write_text("n01_1.JPEG 0 0 9 9")
    (photos / "train/n01/.hidden.JPEG").write_text("no image")
    (photos / "train/.cache").mkdir()
    (photos / "train/readme.txt").write_text("")
    assert shades(read(photos).train_images[:]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("size", [(1, 50), (50, 1), (1, 1), (300, 2), (8, 8), (9, 200), (640, 480)])
def test_images_of_any_size(photos, size):
    photo(photos / "train/n01/0.JPEG", 0, size)
    d = read(photos)
    assert shades(d.train_images[:]) == [0, 1, 2, 3, 4]


def test_the_middle_of_a_wide_image_counts(photos):
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, :10], pixels[:, 10:20], pixels[:, 20:] = 255, 100, 255
    Image.fromarray(pixels).save(photos / "train/n01/0.JPEG", "PNG")
    assert (read(photos).train_images[:1] == 100).all()


@pytest.mark.parametrize(("form", "mode"), [
    ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "L"), ("PNG", "1"), ("PNG", "RGBA"), ("BMP", "RGB"),
])  # fmt: skip
def test_other_kinds_of_files_named_jpeg(photos, form, mode):
    """ImageNet has grey ones, CMYK ones and a PNG."""
    photo(photos / "train/n01/0.JPEG", 0, form=form, mode=mode)
    photo(photos / "train/n01/2.JPEG", 18 if mode != "1" else 0, form=form, mode=mode)
    d = read(photos)
    assert shades(d.train_images[:]) == [0, 1, 2 if mode != "1" else 0, 3, 4]


def test_an_image_that_lies_on_its_side(photos):
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:16] = 200  # the upper half; turned by 90 degrees clockwise it is the right one
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(pixels).save(photos / "train/n01/0.JPEG", quality=95, exif=exif)
    found = read(photos).train_images[:1][0].mean(axis=(0, 2))
    assert found[0] < 20
    assert found[-1] > 180


@pytest.mark.parametrize(
    "name", ["a name with spaces {}.JPEG", "line\n{}.jpg", "ü{}.JPEG", os.fsdecode(b"\xff{}.JPEG")]
)
def test_names_of_any_kind(tmp_path, caches, name):
    d = read(make(tmp_path / "my photos", names=name))
    assert shades(d.train_images[:]) == [0, 1, 2, 3, 4]


def test_the_page_lists_the_suffixes():
    text = (ROOT / "docs/imagenet.md").read_text(encoding="utf-8")
    assert ", ".join(f"`{suffix}`" for suffix in sorted(SUFFIXES)) in text.replace("\n", " ")


@pytest.mark.parametrize("suffix", [".jfif", ".JFIF", ".jpg", ".Png"])
def test_other_suffixes(photos, suffix):
    (photos / "train/n01/1.JPEG").rename(photos / f"train/n01/1{suffix}")
    assert shades(read(photos).train_images[:]) == [0, 1, 2, 3, 4]


def test_folders_without_images_in_a_class_are_ignored(photos):
    (photos / "train/n01/boxes").mkdir()
    (photos / "train/n01/boxes/1.txt").write_text("")
    (photos / "train/n01/images").mkdir()
    (photos / "train/n01/.thumbnails").mkdir()
    photo(photos / "train/n01/.thumbnails/1.JPEG", 0)
    assert shades(read(photos).train_images[:]) == [0, 1, 2, 3, 4]


def test_links_are_followed(tmp_path, photos):
    """A subset of the classes, or of the files, without copies."""
    subset = tmp_path / "subset"
    (subset / "train/n01").mkdir(parents=True)
    (subset / "val").symlink_to(photos / "val")
    (subset / "train/n02").symlink_to(photos / "train/n02")
    for k in (0, 2):
        (subset / f"train/n01/{k}.JPEG").symlink_to(photos / f"train/n01/{k}.JPEG")
    d = read(subset)
    assert shades(d.train_images[:]) == [0, 2, 3, 4]
    assert d.train_labels.tolist() == [0, 0, 1, 1]


def test_the_layout_of_tiny_imagenet(tmp_path, photos):
    for k in (1, 2):
        (photos / f"train/n0{k}").rename(photos / "images")
        (photos / f"train/n0{k}").mkdir()
        (photos / "images").rename(photos / f"train/n0{k}/images")
        (photos / f"train/n0{k}/n0{k}_boxes.txt").write_text("")
    flat = photos / "val/images"
    flat.mkdir()
    (photos / "val/n01/5.JPEG").rename(flat / "val_1.JPEG")
    (photos / "val/n02/6.JPEG").rename(flat / "val_0.JPEG")
    for k in (1, 2):
        (photos / f"val/n0{k}").rmdir()
    (photos / "val/val_annotations.txt").write_text("val_0.JPEG\tn02\t0\t0\t9\t9\nval_1.JPEG\tn01\t0\t0\t9\t9\n")
    d = read(photos)
    assert shades(d.train_images[:]) == [0, 1, 2, 3, 4]
    assert shades(d.validation_images[:]) == [6, 5]
    assert d.validation_labels.tolist() == [1, 0]


# ------------------------------------------------------------------------------------- damaged files


def damage(path, how):
    content = path.read_bytes()
    path.write_bytes({"truncated": content[: len(content) * 2 // 3], "text": b"hello", "empty": b""}[how])


@pytest.mark.parametrize("how", ["truncated", "text", "empty"])
def test_a_damaged_file_is_named(photos, how):
    damage(photos / "train/n01/1.JPEG", how)
    with pytest.raises(CorruptData, match=r"n01/1.JPEG is no image that can be read \(.+\): replace or remove it$"):
        read(photos)


def test_all_damaged_files_are_found_at_once_and_the_others_are_kept(photos, monkeypatch):
    for name in ("train/n01/1.JPEG", "train/n02/4.JPEG", "val/n02/6.JPEG"):
        damage(photos / name, "text")
    with pytest.raises(
        CorruptData, match=r"n01/1.JPEG is no image .*; 3 files are damaged, all are in (.*damaged.txt)"
    ) as e:
        read(photos)
    listed = Path(re.search(r"all are in (.*damaged.txt)", str(e.value))[1])
    assert [line.split(" is no")[0] for line in listed.read_text().splitlines()] == [
        str(photos / name) for name in ("train/n01/1.JPEG", "train/n02/4.JPEG", "val/n02/6.JPEG")
    ]
    for k, name in ((1, "train/n01/1.JPEG"), (4, "train/n02/4.JPEG"), (6, "val/n02/6.JPEG")):
        photo(photos / name, 9 * k)
    decoded = count_decoded(monkeypatch)
    d = read(photos)
    assert len(decoded) == 3
    assert [shades(x) for x in images(d)] == [[0, 1, 2, 3, 4], [5, 6]]


@pytest.mark.parametrize("mend", ["replaced", "removed"])
def test_the_list_of_damaged_files_goes_when_none_is(photos, caches, mend):
    names = ("train/n01/1.JPEG", "train/n02/4.JPEG")
    for name in names:
        damage(photos / name, "text")
    with pytest.raises(CorruptData, match="2 files are damaged"):
        read(photos)
    assert len(list(caches.rglob("damaged.txt"))) == 1
    for k, name in zip((1, 4), names, strict=True):
        if mend == "replaced":
            photo(photos / name, 9 * k)
        else:
            (photos / name).unlink()
    read(photos)
    assert not list(caches.rglob("damaged.txt"))


def test_the_list_of_damaged_files_goes_when_the_error_names_the_only_one(photos, caches):
    for name in ("train/n01/1.JPEG", "train/n02/4.JPEG"):
        damage(photos / name, "text")
    with pytest.raises(CorruptData, match="2 files are damaged"):
        read(photos)
    photo(photos / "train/n02/4.JPEG", 9 * 4)
    with pytest.raises(CorruptData, match=r"1.JPEG is no image that can be read .*: replace or remove it$"):
        read(photos)
    assert not list(caches.rglob("damaged.txt"))


KINDS = {
    "grey": ("JPEG", "L", {}),
    "CMYK": ("JPEG", "CMYK", {}),
    "CMYK, TIFF": ("TIFF", "CMYK", {}),
    "YCbCr, TIFF": ("TIFF", "YCbCr", {"compression": "tiff_lzw"}),
    "YCbCr, TIFF without compression": ("TIFF", "YCbCr", {}),
    "palette, GIF": ("GIF", "P", {}),
    "palette, PNG": ("PNG", "P", {}),
    "palette with a transparent colour": ("PNG", "P", {"transparency": 0}),
    "grey and alpha": ("PNG", "LA", {}),
    "transparent": ("PNG", "RGBA", {}),
    "transparent, WebP": ("WEBP", "RGBA", {"lossless": True, "exact": True}),
}


def not_readable(kind):
    reason = "Pillow before 13 cannot read such a TIFF"
    return pytest.mark.skipif(
        kind.endswith("without compression") and int(pillow_version.split(".")[0]) < 13, reason=reason
    )


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=not_readable(kind)) for kind in KINDS])
def test_colours_of_other_kinds(photos, kind):
    """Two colours side by side, named .JPEG: each is where it was; what is transparent counts as it is stored."""
    form, mode, options = KINDS[kind]
    pixels = np.full((10, 20, 4), (90, 90, 90, 255 if mode[-1] != "A" else 0), np.uint8)
    pixels[:, 10:, :3] = 180 if mode[0] == "L" else (200, 40, 120)
    image = Image.fromarray(pixels).convert(mode if mode != "P" else "RGB")
    if mode == "P":
        image = image.quantize(2)
    if form == "JPEG":
        options = {"quality": 100, "subsampling": 0, **options}
    image.resize((80, 40), Image.Resampling.NEAREST).save(photos / "train/n01/0.JPEG", form, **options)
    found = read(photos).train_images[:1][0].astype(int)
    assert np.abs(found[:, :3] - pixels[0, 0, :3]).max() <= 3
    assert np.abs(found[:, -3:] - pixels[0, -1, :3]).max() <= 3


def deep(path):
    Image.fromarray(np.full((9, 9), 1000, np.uint16)).save(path, "PNG")


def animated(form):
    frames = [Image.new("RGB", (9, 9), (k, 0, 0)) for k in (0, 99, 200)]
    return lambda path: frames[0].save(path, form, save_all=True, append_images=frames[1:])


def bomb(path):
    """A header alone: of an image of 60,000 x 60,000 pixels, ten gigabytes."""
    photo(path, 0, form="PNG")
    content = bytearray(path.read_bytes())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    path.write_bytes(content)


REFUSED = {
    "16 bits, PNG": (deep, r"has more than 8 bits a channel \(mode I;16\): convert it to 8"),
    "16 bits, PGM": (lambda path: path.write_bytes(b"P5\n2 2\n65535\n" + bytes(8)), "has more than 8 bits a channel"),
    "floats, TIFF": (lambda path: photo(path, 0, form="TIFF", mode="F"), "has more than 8 bits a channel"),
    "animated, GIF": (animated("GIF"), "has 3 frames: keep one of them"),
    "animated, PNG": (animated("PNG"), "has 3 frames: keep one of them"),
    "animated, WebP": (animated("WEBP"), "has 3 frames: keep one of them"),
    "several pages": (animated("TIFF"), "has 3 frames: keep one of them"),
    "enormous": (bomb, r"is no image that can be read \(.*pixels.*\): replace or remove it"),
    "of another format": (lambda path: photo(path, 0, form="ICO"), r"is no image .*it is none of PNG, JPEG.*: replace"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_images_of_kinds_that_are_refused(photos, kind):
    """One line that names the file; the other images are in the cache."""
    make_it, words = REFUSED[kind]
    path = photos / "train/n01/1.JPEG"
    make_it(path)
    with pytest.raises(CorruptData, match=f"^{re.escape(str(path))} {words}") as caught:
        read(photos)
    assert len(str(caught.value).splitlines()) == 1
    path.unlink()
    assert [shades(x) for x in images(read(photos))] == [[0, 2, 3, 4], [5, 6]]


def test_more_pixels_than_the_limit_are_refused(photos, monkeypatch):
    """Whether Pillow itself warns of them, up to twice the limit, or refuses them; as many as the limit are read."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20 * 16)
    assert [shades(x) for x in images(read(photos))] == [[0, 1, 2, 3, 4], [5, 6]]
    for size in ((107, 3), (200, 100)):
        photo(photos / "train/n01/1.JPEG", 9, size)
        with pytest.raises(CorruptData, match=r"n01/1.JPEG is no image that can be read \(.*pixels.*\): replace"):
            read(photos)


def test_an_unreadable_file_is_named(photos, monkeypatch):
    def refuse(path, *args, **kwargs):
        if str(path).endswith("1.JPEG"):
            raise PermissionError(13, "Permission denied", str(path))
        return open(path, *args, **kwargs)

    monkeypatch.setattr(picture, "open", refuse, raising=False)
    with pytest.raises(DataError, match=r"n01/1.JPEG cannot be read \(Permission denied\)"):
        read(photos)
