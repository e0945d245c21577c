"""Folders of photographs without permission, and links and files where folders should be: each is named."""

import re
import shutil

import pytest

from problems import load
from problems.data.errors import CorruptData, DataError, UnreadableData
from tests.support.photos import caches, make, photo, photos, read
from tests.support.users import open_folder, without_rights

__all__ = ["caches", "open_folder", "photos"]  # fixtures


def refused(folder, error=DataError):
    """The one line that is said of a folder."""
    with pytest.raises(error) as caught:
        read(folder)
    (line,) = str(caught.value).splitlines()
    return line


# ------------------------------------------------------------------------------------- no permission


@pytest.mark.parametrize(("name", "mode"), [
    *((name, mode) for name in ("train", "train/n02", "val", "val/n01") for mode in (0, 0o444, 0o111)),
    ("", 0), ("", 0o444),
])  # fmt: skip
def test_a_folder_without_permission_is_named(open_folder, caches, name, mode):
    folder = make(open_folder / "photos")
    (folder / name).chmod(mode)
    with without_rights():
        line = refused(folder, UnreadableData)
    assert line.startswith(f"{folder / name} cannot be read (Permission denied): make it readable")


@pytest.mark.parametrize("mode", [0, 0o444])
@pytest.mark.parametrize("name", ["train", "train/n02", "validation", "validation/n01"])
def test_a_folder_without_permission_among_images_of_ones_own(open_folder, name, mode):
    """The data set `folder`."""
    folder = make(open_folder / "photos")
    (folder / "val").rename(folder / "validation")
    (folder / name).chmod(mode)
    with without_rights(), pytest.raises(UnreadableData) as caught:
        load("folder", folder)
    assert str(caught.value).startswith(f"{folder / name} cannot be read (Permission denied): make it readable")


@pytest.mark.parametrize("name", ["train", "validation"])
def test_a_link_to_nothing_among_images_of_ones_own(photos, name):
    (photos / "val").rename(photos / "validation")
    shutil.rmtree(photos / name)
    (photos / name).symlink_to("nowhere")
    with pytest.raises(CorruptData, match=f"photos/{name} is a link to nowhere, which is not there: mend or remove it"):
        load("folder", photos)


@pytest.mark.parametrize("mode", [0, 0o444])
@pytest.mark.parametrize("split", ["train/n02", "val"])
def test_a_folder_of_images_within_a_class_or_a_split(open_folder, caches, split, mode):
    """As Tiny ImageNet has them."""
    folder = make(open_folder / "photos")
    shutil.rmtree(folder / split)
    photo(folder / split / "images/1.JPEG", 0)
    (folder / split / "images").chmod(mode)
    with without_rights():
        line = refused(folder, UnreadableData)
    assert line.startswith(f"{folder / split / 'images'} cannot be read (Permission denied)")


def test_a_folder_whose_parents_cannot_be_read(open_folder, caches):
    """What lies around a folder without train is looked at as far as it can be."""
    make(open_folder / "above/photos/deeper")
    (open_folder / "above/photos/closed").mkdir(mode=0)
    (open_folder / "above").chmod(0o111)
    with without_rights():
        assert "has no train, but" in refused(open_folder / "above/photos")


# ------------------------------------------------------------------------------------- no folder


@pytest.mark.parametrize("name", ["train", "val"])
def test_a_link_to_nothing_in_place_of_a_split(photos, name):
    shutil.rmtree(photos / name)
    (photos / name).symlink_to("nowhere")
    line = refused(photos, CorruptData)
    assert line == f"{photos / name} is a link to nowhere, which is not there: mend or remove it"


@pytest.mark.parametrize("name", ["train", "val"])
def test_a_link_to_itself_in_place_of_a_split(photos, name):
    shutil.rmtree(photos / name)
    (photos / name).symlink_to(name)
    assert re.match(rf"{re.escape(str(photos / name))} cannot be read \(.*links.*\): remove that link", refused(photos))


@pytest.mark.parametrize("name", ["train", "val"])
def test_a_file_in_place_of_a_split(photos, name):
    shutil.rmtree(photos / name)
    (photos / name).write_text("")
    assert refused(photos, CorruptData).startswith(
        f"{photos / name} is no folder: put the folder there; it should have"
    )


@pytest.mark.parametrize("put", ["link", "file"])
def test_what_is_no_folder_is_not_passed_over_for_the_other_name(photos, put):
    (photos / "val").rename(photos / "validation")
    if put == "link":
        (photos / "val").symlink_to("nowhere")
    else:
        (photos / "val").write_text("")
    assert refused(photos, CorruptData).startswith(f"{photos / 'val'} is ")


# ------------------------------------------------------------------------------------- a cache of another user


@pytest.fixture
def other(open_folder, monkeypatch):
    """A folder of photographs and its cache, which another user made; one image is new."""
    monkeypatch.setenv("MINIGRAD_DATA_DIR", str(open_folder / "data"))
    folder = make(open_folder / "photos")
    cache = read(folder).train_images.cache.folder
    photo(folder / "train/n01/9.JPEG", 9)
    yield folder, cache
    cache.chmod(0o755)


def test_a_cache_that_cannot_be_written(other):
    folder, cache = other
    cache.chmod(0o555)
    with without_rights():
        line = refused(folder, UnreadableData)
        assert line == (
            f"1 image is not yet in the cache {cache}, which cannot be written (Permission denied): make it writable, "
            "or set MINIGRAD_DATA_DIR to a folder of your own"
        )
    photo(folder / "train/n01/10.JPEG", 9)
    with without_rights():
        assert refused(folder).startswith("2 images are not yet in the cache")
    assert len(read(folder).train_images) == 7


def test_a_cache_that_cannot_be_read(other):
    folder, cache = other
    cache.chmod(0)
    with without_rights():
        assert f"{cache} cannot be read (Permission denied)" in refused(folder, UnreadableData)


def test_a_cache_whose_files_cannot_be_written(other):
    folder, cache = other
    cache.chmod(0o777)
    with without_rights():
        assert f"{cache} cannot be written (Permission denied)" in refused(folder, UnreadableData)


def test_a_cache_whose_lock_is_a_folder(other):
    folder, cache = other
    (cache / ".lock").mkdir()
    line = refused(folder, UnreadableData)
    assert line.startswith(f"1 image is not yet in the cache {cache}, and {cache / '.lock'} is a folder: remove it")
    (cache / ".lock").rmdir()
    assert len(read(folder).train_images) == 6
