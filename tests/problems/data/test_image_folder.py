"""A folder of one's own images: both forms, the split, and what is wrong with folders."""

import os
import tracemalloc

import numpy as np
import pytest
from PIL import Image, ImageFile

from problems import Dataset, load
from problems.data import picture
from problems.data.errors import CorruptData, DataError, MissingData, UnreadableData


def save(path, seed=0, size=(5, 4), channels=3):
    """Write an image of (height, width) and return its pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (*size, channels) if channels > 1 else size
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


@pytest.fixture
def pets(tmp_path):
    """Six cats and four dogs, a folder each."""
    for k in range(6):
        save(tmp_path / "pets" / "cat" / f"{k}.png", k)
    for k in range(4):
        save(tmp_path / "pets" / "dog" / f"{k}.PNG", 10 + k)
    return tmp_path / "pets"


def test_classes_in_one_folder_are_split(pets):
    (pets / "cat" / "notes.txt").write_text("no image")
    (pets / "cat" / ".hidden.png").write_text("no image")
    (pets / ".git").mkdir()
    d = load("folder", pets)
    assert (d.name, d.source, d.classes) == ("pets", str(pets), ("cat", "dog"))
    assert d.train_images.shape == (8, 5, 4, 3)
    assert d.validation_images.shape == (2, 5, 4, 3)
    found = [(x.tobytes(), int(t)) for x, t in zip(d.train_images, d.train_labels, strict=True)]
    found += [(x.tobytes(), int(t)) for x, t in zip(d.validation_images, d.validation_labels, strict=True)]
    seeds = [(seed, 0) for seed in range(6)] + [(10 + seed, 1) for seed in range(4)]
    expected = [
        (np.random.default_rng(s).integers(0, 256, (5, 4, 3), dtype=np.uint8).tobytes(), label) for s, label in seeds
    ]
    assert sorted(found) == sorted(expected)
    assert found != expected  # shuffled
    again = load("folder", str(pets))
    np.testing.assert_array_equal(d.train_images, again.train_images)


@pytest.mark.parametrize("name", ["validation", "test"])
def test_train_and_validation(tmp_path, name):
    cats = [save(tmp_path / "train" / "cat" / f"{k}.bmp", k) for k in range(3)]
    dogs = [save(tmp_path / "train" / "dog" / "a.png", 5)]
    held_out = [save(tmp_path / name / "dog" / "b.png", 6)]
    d = load("folder", tmp_path)
    np.testing.assert_array_equal(d.train_images, cats + dogs)
    assert d.train_labels.tolist() == [0, 0, 0, 1]
    np.testing.assert_array_equal(d.validation_images, held_out)
    assert d.validation_labels.tolist() == [1]


def test_grey_stays_grey(tmp_path):
    pixels = [save(tmp_path / "train" / name / "1.png", k, channels=1) for k, name in enumerate("ab")]
    save(tmp_path / "validation" / "a" / "2.png", 2, channels=1)
    d = load("folder", tmp_path)
    np.testing.assert_array_equal(d.train_images[..., 0], pixels)
    assert d.train_images.shape == (2, 5, 4, 1)


def test_grey_among_colours_becomes_rgb(tmp_path):
    grey = save(tmp_path / "train" / "a" / "1.png", 0, channels=1)
    save(tmp_path / "train" / "b" / "1.png", 1)
    save(tmp_path / "validation" / "a" / "2.png", 2)
    d = load("folder", tmp_path)
    assert d.train_images.shape == (2, 5, 4, 3)
    np.testing.assert_array_equal(d.train_images[0], np.repeat(grey[:, :, None], 3, axis=2))


def test_palette_and_alpha_become_rgb(tmp_path):
    pixels = save(tmp_path / "train" / "a" / "1.png", 0)
    Image.fromarray(np.dstack([pixels, np.full((5, 4), 9, np.uint8)])).save(tmp_path / "train" / "a" / "1.png")
    flat = Image.new("RGB", (4, 5), (10, 200, 30)).quantize(4)
    (tmp_path / "train" / "b").mkdir()
    flat.save(tmp_path / "train" / "b" / "1.png")
    save(tmp_path / "validation" / "a" / "2.png")
    d = load("folder", tmp_path)
    np.testing.assert_array_equal(d.train_images[0], pixels)
    assert d.train_images[1].reshape(-1, 3).tolist() == [[10, 200, 30]] * 20


def test_two_images_are_enough(tmp_path):
    for name in "ab":
        save(tmp_path / name / "1.png")
    d = load("folder", tmp_path)
    assert (len(d.train_labels), len(d.validation_labels)) == (1, 1)


def test_sizes_must_agree(pets):
    save(pets / "dog" / "big.png", size=(6, 4))
    with pytest.raises(CorruptData, match=r"dog/big.png is 6 x 4 pixels .*cat/0.png is 5 x 4: make all images of one"):
        load("folder", pets)


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b"hello, this is text", lambda b: b[: len(b) // 2]])
def test_damaged_image(pets, damage):
    path = pets / "cat" / "3.png"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(
        CorruptData, match=r"cat/3.png is no image that can be read \(.*\): replace or remove it"
    ) as caught:
        load("folder", pets)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "content"), [
    ("3.ppm", b"P6\n4 1V\n255\n" + bytes(60)),
    ("3.pgm", b"P5\n4 5\n25x\n" + bytes(20)),
    ("3.ppm", b"P6\n4 5\n0\n" + bytes(60)),
    ("3.pgm", b"P2\n4 5\n255\n1 2 three"),
])  # fmt: skip
def test_damaged_portable_pixmap(pets, name, content):
    """Pillow has a plain ValueError for these, without the name of the file."""
    (pets / "cat" / name).write_bytes(content)
    with pytest.raises(CorruptData, match=rf"cat/{name} is no image that can be read \(.+\): replace or remove it"):
        load("folder", pets)


@pytest.mark.parametrize("owner", [Image, ImageFile.ImageFile], ids=["open", "load"])
@pytest.mark.parametrize("error", [
    SyntaxError("broken PNG file"), EOFError(), ValueError("invalid literal"), OSError("image file is truncated"),
], ids=lambda error: type(error).__name__)  # fmt: skip
def test_whatever_pillow_raises(pets, monkeypatch, owner, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(owner, "open" if owner is Image else "load", fail)
    reason = str(error) or "EOFError"
    with pytest.raises(CorruptData, match=rf"cat/0.png is no image that can be read \({reason}\): replace or remove"):
        load("folder", pets)


def test_sixteen_bits(pets):
    Image.fromarray(np.zeros((5, 4), np.uint16)).save(pets / "cat" / "deep.png")
    with pytest.raises(CorruptData, match=r"deep.png has more than 8 bits a channel .*: convert it to 8") as caught:
        load("folder", pets)
    assert "no image that can be read" not in str(caught.value)


def test_an_image_of_very_many_pixels(pets, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9)  # more than twice as many are refused
    with pytest.raises(CorruptData, match=r"0.png is no image that can be read"):
        load("folder", pets)


def test_no_permission(pets, monkeypatch):
    def refuse(path, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(picture, "open", refuse, raising=False)
    with pytest.raises(UnreadableData, match=r"cat/0.png cannot be read \(Permission denied\)"):
        load("folder", pets)


def empty(folder):
    folder.mkdir()


def images_without_classes(folder):
    save(folder / "1.png")


def one_class(folder):
    save(folder / "cat" / "1.png")


def empty_class(folder):
    one_class(folder)
    (folder / "dog").mkdir()


def train_alone(folder):
    empty_class(folder / "train")


def empty_validation(folder):
    for name in "ab":
        save(folder / "train" / name / "1.png")
    (folder / "validation").mkdir()


@pytest.mark.parametrize(("make", "words"), [
    (empty, r"has no folder of a class: it should have train/CLASS/\*.png"),
    (images_without_classes, "has no folder of a class"),
    (one_class, "has only cat: .* with at least two classes"),
    (empty_class, r"dog has no images \(.*.jpg.*\): add some, or remove it"),
    (train_alone, "has train but neither validation nor test"),
    (empty_validation, "validation has no folder of a class"),
    (lambda folder: None, "is not a folder"),
])  # fmt: skip
def test_folders_that_do_not_do(tmp_path, make, words):
    folder = tmp_path / "mine"
    make(folder)
    with pytest.raises(MissingData, match=words) as caught:
        load("folder", folder)
    assert str(folder) in str(caught.value)


def test_a_class_that_training_does_not_have(tmp_path):
    for name in "ab":
        save(tmp_path / "train" / name / "1.png")
    save(tmp_path / "validation" / "c" / "1.png")
    with pytest.raises(CorruptData, match=r"validation/c is no class of training \(a, b\): rename it"):
        load("folder", tmp_path)


def test_a_file_for_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnreadableData, match="file is not a folder"):
        load("folder", tmp_path / "file")
    with pytest.raises(DataError, match="say which folder"):
        load("folder")


# ------------------------------------------------------------------------------------- many files


def test_many_files_and_grey_ones_first(tmp_path):
    """Several blocks, in the order of the names, whichever thread reads them; colour comes late."""
    expected = []
    for k in range(150):
        pixels = save(tmp_path / "train" / "ab"[k // 75] / f"{k:03}.png", k, channels=1 if k < 140 else 3)
        expected.append(pixels if k >= 140 else np.repeat(pixels[:, :, None], 3, axis=2))
    save(tmp_path / "test" / "a" / "1.png", 0, channels=1)
    d = load("folder", tmp_path)
    np.testing.assert_array_equal(d.train_images, expected)
    assert d.train_labels.tolist() == [0] * 75 + [1] * 75
    assert d.validation_images.shape == (1, 5, 4, 3)


def test_the_first_of_several_damaged_files_is_named(tmp_path):
    for k in range(400):
        save(tmp_path / "ab"[k % 2] / f"{k:03}.png", k)
    for k in (150, 206, 398):
        (tmp_path / "a" / f"{k:03}.png").write_bytes(b"text")
    for _ in range(5):
        with pytest.raises(CorruptData, match=r"a/150.png is no image"):
            load("folder", tmp_path)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("form", ["split", "given"])
def test_memory(tmp_path, channels, form):
    """Little more than the images themselves."""
    count, size = 300, (64, 64)
    for k in range(count):
        folder = tmp_path / "ab"[k % 2] if form == "split" else tmp_path / ("train", "test")[k % 3 == 0] / "ab"[k % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((*size, 3) if channels == 3 else size, k % 256, np.uint8)).save(folder / f"{k}.png")
    load("folder", tmp_path)  # what is made once
    tracemalloc.start()
    d = load("folder", tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    data = d.train_images.nbytes + d.validation_images.nbytes
    assert data == count * size[0] * size[1] * channels
    assert peak < 1.3 * data + 1_000_000  # small as they are, decoders and statistics count too


def test_statistics_of_large_images_take_little_memory():
    images = np.zeros((40, 600, 600, 3), np.uint8)
    tracemalloc.start()
    Dataset.of("large", ("a",), (images, np.zeros(40, np.int64)), (images[:1], np.zeros(1, np.int64)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * images.nbytes


def test_no_bar_where_no_terminal_is(pets, capfd, monkeypatch):
    load("folder", pets)
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr", None)  # as with `2>&-` in a shell
    load("folder", pets)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("nowhere", path)])
def test_what_has_the_name_of_an_image_but_is_no_file(pets, make):
    make(pets / "cat" / "9.png")
    with pytest.raises(CorruptData, match=r"cat/9.png is no file: remove or rename it"):
        load("folder", pets)


def test_names_that_no_line_can_hold(pets):
    (pets / "cat" / "new\nline.png").write_bytes(b"text")
    with pytest.raises(CorruptData, match=r"cat/new\\nline.png is no image") as caught:
        load("folder", pets)
    assert len(str(caught.value).splitlines()) == 1
