"""Folders that are not quite in ImageNet's layout: what is said of each."""

import os
import shutil

import pytest

from problems import DataError, load
from problems.data import imagenet
from problems.data.errors import CorruptData, MissingData, UnreadableData
from tests.support.photos import caches, contents, make, photo, photos, read

__all__ = ["caches", "photos"]  # fixtures


def remove(*names):
    def change(folder):
        for name in names:
            shutil.rmtree(folder / name)
        return folder

    return change


def then(*steps):
    def change(folder):
        for step in steps:
            folder = step(folder) or folder
        return folder

    return change


def add(*names):
    return lambda folder: [photo(folder / name, 0) for name in names] and None


def within(name):
    return lambda folder: folder / name


def emptied(name):
    return then(remove(name), lambda folder: (folder / name).mkdir(parents=True))


def deeper(name):
    """The folder's contents moved down."""

    def change(folder):
        inner = folder.parent / "moved"
        folder.rename(inner)
        (folder / name).parent.mkdir(parents=True)
        inner.rename(folder / name)

    return change


def link(name, target="nowhere"):
    return lambda folder: (folder / name).symlink_to(target)


BAD = {
    "no such folder": (within("nothing"), MissingData, "nothing is not a folder"),
    "a file": (within("train/n01/0.JPEG"), UnreadableData, "0.JPEG is not a folder: give one of images"),
    "below a file": (within("train/n01/0.JPEG/photos"), MissingData, "photos is not a folder: give one of images"),
    "nothing in it": (then(remove("train", "val")), MissingData, "photos has no train: it should have train/WNID"),
    "no train": (remove("train"), MissingData, "photos has no train: it should have train/WNID"),
    "no val": (remove("val"), MissingData, "photos has train but no val: it should have"),
    "one class": (remove("train/n02"), MissingData, "train has only n01: .*at least two classes"),
    "no class": (remove("train/n01", "train/n02"), MissingData, "train has no folder of a class"),
    "no classes, but images": (
        then(remove("train"), add("train/1.JPEG")), MissingData, "train has no folder of a class",
    ),
    "an empty class": (emptied("train/n02"), MissingData, r"train/n02 has no images \(.*.jpeg.*\): add some"),
    "a class empty in val": (emptied("val/n02"), MissingData, "val/n02 has no images"),
    "a class missing in val": (remove("val/n01"), CorruptData, "val lacks the class n01, which training has"),
    "classes missing in val": (
        then(remove("val/n01"), add("train/n03/1.JPEG")), CorruptData, "val lacks the class n01 and 1 more",
    ),
    "an extra class in val": (add("val/n09/1.JPEG"), CorruptData, "val has the class n09, which training does not"),
    "empty val": (emptied("val"), MissingData, r"val has no images"),
    "images beside classes": (add("train/x.JPEG"), CorruptData, "train/x.JPEG is an image beside the folders of class"),
    "images beside classes in val": (add("val/x.JPEG"), CorruptData, "val/x.JPEG is an image beside the folders"),
    "too low": (within("train"), MissingData, "photos/train is inside of what .*: give .*photos, one level higher"),
    "too low, val": (within("val"), MissingData, "photos/val is inside of what .*: give .*photos, one level higher"),
    "a class": (within("train/n01"), MissingData, "n01 is inside of what .*: give .*photos, 2 levels higher"),
    "too high": (deeper("inner"), MissingData, "photos has no train, but .*inner has: give that, one level lower"),
    "far too high": (deeper("a/b/c"), MissingData, "photos has no train, but .*a/b/c has: give that, 3 levels lower"),
    "images in a class and below": (
        add("train/n01/images/9.JPEG"), CorruptData, "n01/images has images, .* there: move them into .*train/n01$",
    ),
    "images below a class": (
        add("val/n02/more/9.JPEG"), CorruptData, "val/n02/more has images, .* there: move them into .*val/n02$",
    ),
    "images in two folders below a class": (
        then(remove("train/n02"), add("train/n02/images/9.JPEG", "train/n02/more/8.JPEG")), CorruptData,
        "train/n02/more has images, which are not read there: move them into .*train/n02/images$",
    ),
    "images in another folder below a class": (
        then(remove("train/n02"), add("train/n02/more/8.JPEG")), CorruptData,
        "train/n02/more has images, which are not read there: move them into .*train/n02$",
    ),
    "a link to nothing": (link("train/n01/9.JPEG"), CorruptData, "9.JPEG is a link to nowhere, which is not there"),
    "a class that links to nothing": (link("train/n09"), CorruptData, "n09 is a link to nowhere, which is not there"),
    "a link to itself": (link("train/n01/9.JPEG", "9.JPEG"), DataError, "train/n01/9.JPEG .*[Ll]ink.*remove that link"),
    "a class that links to itself": (link("train/n09", "n09"), DataError, "train/n09 .*[Ll]ink"),
    "links in a circle": (
        then(link("train/n01/8.JPEG", "9.JPEG"), link("train/n01/9.JPEG", "8.JPEG")), DataError, "8.JPEG .*[Ll]ink",
    ),
    "a pipe": (lambda folder: os.mkfifo(folder / "train/n01/9.JPEG"), CorruptData, "9.JPEG is no file: remove"),
    "a folder with the name of an image": (
        lambda folder: (folder / "train/n01/9.JPEG").mkdir(), CorruptData, "9.JPEG is no file: remove or rename it",
    ),
    "no list": (
        then(remove("val"), add("val/1.JPEG")), MissingData, "has images, but neither a folder .* nor a list .*val.txt",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_folders(photos, caches, name):
    change, error, words = BAD[name]
    folder = change(photos) or photos
    with pytest.raises(error, match=words) as caught:
        read(folder)
    assert len(str(caught.value).splitlines()) == 1
    assert not caches.exists()  # nothing was begun


@pytest.mark.parametrize(("name", "other", "words"), [
    ("train", "Train", "photos has no train, but .*photos/Train: rename it train$"),
    ("val", "VAL", "photos has train but no val, but .*photos/VAL: rename it val$"),
    ("val", "Validation", "photos has train but no val, but .*photos/Validation: rename it validation$"),
])  # fmt: skip
def test_names_in_large_letters(photos, name, other, words):
    (photos / name).rename(photos / other)
    if (photos / name).exists():
        pytest.skip("one name, on this file system")
    with pytest.raises(MissingData, match=words):
        read(photos)
    (photos / other).rename(photos / other.lower())
    assert contents(read(photos)) == [0, 1, 2, 3, 4, 5, 6]


def test_the_usual_place(tmp_path, monkeypatch):
    """In the user's data folder, beside the decoded images, which may be removed."""
    monkeypatch.setenv("MINIGRAD_DATA_DIR", str(tmp_path))
    with pytest.raises(
        MissingData, match=f"put train and val in {tmp_path / 'imagenet'}, or say which folder has them"
    ):
        load("imagenet")
    make(tmp_path / "imagenet")
    assert load("imagenet", size=8).source == str(tmp_path / "imagenet")
    assert sorted(path.name for path in (tmp_path / "imagenet").iterdir()) == ["train", "val"]
    shutil.rmtree(tmp_path / "decoded")
    assert load("imagenet", size=8).train_images.shape == (5, 8, 8, 3)


def test_many_folders_are_not_searched(tmp_path, caches):
    for k in range(imagenet.MANY + 1):
        (tmp_path / "many" / str(k)).mkdir(parents=True)
    (tmp_path / "many/0/train").mkdir()
    with pytest.raises(MissingData, match="many has no train: it should have"):
        read(tmp_path / "many")
