"""Validation images in one folder, and the list of their classes."""

import numpy as np
import pytest
from scipy.io import savemat

from problems import load
from problems.data.errors import CorruptData, MissingData
from tests.support.photos import caches, photo, photos, shades

__all__ = ["caches", "photos"]  # fixtures

NUMBERS = "ILSVRC2012_validation_ground_truth.txt"


@pytest.fixture
def flat(photos):
    """Four images for validation in one folder, of the classes n02, n01, n01, n02."""
    for path in list((photos / "val").glob("*/*")):
        path.unlink()
        path.parent.rmdir()
    for k in range(4):
        photo(photos / f"val/ILSVRC2012 val {k}.JPEG", 9 * (5 + k))
    return photos


CLASSES = ("n02", "n01", "n01", "n02")
LINES = [f"ILSVRC2012 val {k}.JPEG {name}" for k, name in enumerate(CLASSES)]
KIT = "n02 1 fox, red fox\nn01 2 cat\n"


def write(path, lines, end="\n"):
    path.write_bytes((end.join(lines) + end).encode())


def labels(folder):
    d = load("imagenet", folder, 8)
    assert shades(d.validation_images[:]) == [5, 6, 7, 8]
    return d.validation_labels.tolist()


@pytest.mark.parametrize("lines", [
    LINES, LINES[::-1], [line.replace(" n", "\tn") for line in LINES], ["val/" + line for line in LINES],
    [line.replace(" n", "\tn") + "\t0\t0\t9\t9" for line in LINES],
], ids=["spaces", "another order", "tabs", "with a folder", "with boxes"])  # fmt: skip
@pytest.mark.parametrize("place", ["val.txt", "val/val.txt", "val/val_annotations.txt"])
def test_names_and_classes(flat, lines, place):
    write(flat / place, lines)
    assert labels(flat) == [1, 0, 0, 1]


def test_lines_of_windows_a_mark_at_the_start_and_empty_lines_at_the_end(flat):
    (flat / "val.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(LINES).encode() + b"\r\n\r\n")
    assert labels(flat) == [1, 0, 0, 1]


def test_numbers_with_the_text_of_the_kit(flat):
    write(flat / "val" / NUMBERS, ["1", "2", "2", "1"])
    (flat / "val/map_clsloc.txt").write_text(KIT)
    assert labels(flat) == [1, 0, 0, 1]


def test_numbers_with_the_matlab_file_of_the_kit(flat):
    write(flat / NUMBERS, ["1", "2", "2", "1"])
    kind = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("num_children", "O")]
    rows = np.array([(1, "n02", 0), (2, "n01", 0), (3, "n00", 2)], kind)  # the last is above the others in the tree
    savemat(flat / "meta.mat", {"synsets": rows[:, None]})
    assert labels(flat) == [1, 0, 0, 1]
    write(flat / NUMBERS, ["1", "2", "2", "3"])
    with pytest.raises(CorruptData, match="line 4 should be a number of a class, 1 to 2; got '3'"):
        labels(flat)


BAD = {
    "a line too few": (LINES[:3], "val.txt does not have ILSVRC2012 val 3.JPEG, in .*val: add a line"),
    "two lines too few": (LINES[:2], "val.txt does not have ILSVRC2012 val 2.JPEG and 1 more, in"),
    "an image twice": ([*LINES, LINES[1]], "val.txt: ILSVRC2012 val 1.JPEG is in line 2 and in line 5: keep one"),
    "an image twice, of two classes": (
        [*LINES[:3], "ILSVRC2012 val 2.JPEG n02"], "ILSVRC2012 val 2.JPEG is in line 3 and in line 4",
    ),
    "an image that is not there": (
        [*LINES, "other.JPEG n01"], r"val.txt: other.JPEG is not in .*val: put it there, or remove the line",
    ),
    "another class": (
        [*LINES[:3], "ILSVRC2012 val 3.JPEG n99"], "val 3.JPEG is of the class n99, which training does not have",
    ),
    "a class without images": (
        [line.replace("n02", "n01") for line in LINES], "val.txt lacks the class n02, which training has",
    ),
    "no class": ([*LINES[:3], "3.JPEG"], "line 4 should be the name of an image and its class; got '3.JPEG'"),
    "an empty class": ([*LINES[:3], "3.JPEG\t \t0"], "line 4 should be the name of an image and its class"),
    "an empty line": ([LINES[0], "", *LINES[1:]], "line 2 is empty"),
    "nothing": ([""], "val.txt does not have ILSVRC2012 val 0.JPEG and 3 more"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_lists(flat, name):
    lines, words = BAD[name]
    write(flat / "val.txt", lines)
    with pytest.raises(CorruptData, match=words) as caught:
        labels(flat)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(("lines", "words"), [
    (["1", "2", "2"], "has 3 lines for the 4 images of .*val: one of them is not complete"),
    (["1", "2", "2", "1", "1"], "has 5 lines for the 4 images"),
    (["1", "2", "x", "1"], "line 3 should be a number of a class, 1 to 2; got 'x'"),
    (["1", "2", "0", "1"], "line 3 should be a number of a class, 1 to 2; got '0'"),
    (["1", "2", "", "1"], "line 3 is empty"),
    (["1", "1", "1", "1"], "lacks the class n01, which training has"),
])  # fmt: skip
def test_bad_numbers(flat, lines, words):
    write(flat / "val" / NUMBERS, lines)
    (flat / "val/map_clsloc.txt").write_text(KIT)
    with pytest.raises(CorruptData, match=words):
        labels(flat)


def test_numbers_without_the_kit(flat):
    write(flat / NUMBERS, ["1", "2", "2", "1"])
    with pytest.raises(MissingData, match=r"put map_clsloc.txt or meta.mat of ImageNet's development kit beside it"):
        labels(flat)
    (flat / "map_clsloc.txt").write_text("n01 fox 1\n")
    with pytest.raises(CorruptData, match=r"map_clsloc.txt should have a line for each class: name, number, words"):
        labels(flat)
    (flat / "map_clsloc.txt").unlink()
    for content in (b"text", b""):
        (flat / "meta.mat").write_bytes(content)
        with pytest.raises(CorruptData, match=r"meta.mat is no meta.mat that can be read \(.*\)") as caught:
            labels(flat)
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(("content", "words"), [
    ("n02 1 fox\nn01 2 cat\nn03 1 dog\n", "has the number 1 twice, for n02 and for n03: keep one of them"),
    ("n02 1 fox\nn01 2 cat\nn02 3 dog\n", "has the class n02 twice, for 1 and for 3: keep one of them"),
    ("n02 1 fox\nn01 1 cat\n", "has the number 1 twice, for n02 and for n01"),
    ("", "has no classes: put that of ImageNet's development kit there"),
    ("\n \n", "has no classes"),
])  # fmt: skip
def test_a_text_of_the_kit_that_does_not_do(flat, content, words):
    """It is what is named, not the list of numbers beside it."""
    write(flat / NUMBERS, ["1", "2", "2", "1"])
    (flat / "map_clsloc.txt").write_text(content)
    with pytest.raises(CorruptData) as caught:
        labels(flat)
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(flat / "map_clsloc.txt"))
    assert len(str(caught.value).splitlines()) == 1


def test_a_matlab_file_of_the_kit_that_does_not_do(flat):
    write(flat / NUMBERS, ["1", "2", "2", "1"])
    kind = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("num_children", "O")]
    for rows, words in (
        ([(1, "n02", 0), (1, "n01", 0)], "has the number 1 twice, for n02 and for n01: keep one of them"),
        ([(1, "n02", 0), (2, "n02", 0)], "has the class n02 twice, for 1 and for 2: keep one of them"),
        ([(1, "n02", 1), (2, "n01", 1)], "has no classes"),
    ):
        savemat(flat / "meta.mat", {"synsets": np.array(rows, kind)[:, None]})
        with pytest.raises(CorruptData) as caught:
            labels(flat)
        assert words in str(caught.value)
        assert str(caught.value).startswith(str(flat / "meta.mat"))


@pytest.mark.parametrize("name", ["map_clsloc.txt", "meta.mat"])
@pytest.mark.parametrize("put", ["folder", "link", "link to itself"])
def test_what_is_no_file_in_place_of_the_kit(flat, name, put):
    write(flat / NUMBERS, ["1", "2", "2", "1"])
    if put == "folder":
        (flat / name).mkdir()
    else:
        (flat / name).symlink_to("nowhere" if put == "link" else name)
    with pytest.raises(CorruptData, match=f"photos/{name} is no file, but should say which class .*: put that of"):
        labels(flat)


@pytest.mark.parametrize("place", [
    "val.txt", "val/val.txt", "val_annotations.txt", "val/val_annotations.txt", NUMBERS, f"val/{NUMBERS}",
])  # fmt: skip
def test_a_folder_with_the_name_of_a_list(flat, place):
    (flat / place).mkdir()
    with pytest.raises(CorruptData, match=f"{place} is no file, but should be the list .*: put the list there") as e:
        labels(flat)
    assert len(str(e.value).splitlines()) == 1


@pytest.mark.parametrize("target", ["nowhere", "val.txt"])
def test_a_list_that_is_a_link_to_nothing(flat, target):
    (flat / "val.txt").symlink_to(target)
    with pytest.raises(CorruptData, match=r"photos/val.txt is no file, but should be the list of .*: put the list"):
        labels(flat)


def test_a_folder_with_the_name_of_a_list_where_none_is_needed(flat, photos):
    """Beside the folders of classes, or beside the list itself."""
    (flat / "val.txt").mkdir()
    write(flat / "val/val.txt", LINES)
    assert labels(flat) == [1, 0, 0, 1]
    for k, name in enumerate(CLASSES):
        photo(flat / f"val/{name}/{k}.JPEG", 9 * (5 + k))
        (flat / f"val/ILSVRC2012 val {k}.JPEG").unlink()
    (flat / "val/val.txt").unlink()
    assert load("imagenet", flat, 8).validation_labels.tolist() == [0, 0, 1, 1]


def test_two_lists(flat):
    write(flat / "val.txt", LINES)
    write(flat / "val" / NUMBERS, ["1", "2", "2", "1"])
    with pytest.raises(CorruptData, match="both list the classes of images: keep one of them"):
        labels(flat)


def test_no_text(flat):
    (flat / "val.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorruptData, match=r"val.txt is no text: it should be a list of classes"):
        labels(flat)
