"""`curveball data list`, `fetch` and `check`, and training on data that come from files."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from curveball.cli.app import app
from problems import load
from problems.data import DATASETS
from problems.data.errors import CorruptData
from tests.support.data_files import use
from tests.support.photos import caches, make, photos

__all__ = ["caches", "photos"]  # fixtures

ARCHIVE = "cifar-10-binary.tar.gz"
INSIDE = "cifar-10-batches-bin"
SHORT = ["--network", "mlp", "--solver", "sgd", "--epochs", "1", "--batch-size", "4", "--quiet"]


def command(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], prog_name="curveball")


def refused(*arguments):
    """The one line of a command that ends with code 2."""
    result = command(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("curveball: ")
    return line


def test_list(tiny, cache):
    text = command("data", "list").stdout
    assert [line.split()[0] for line in text.splitlines() if not line.startswith(" ")] == list(DATASETS)
    assert "50,000 + 10,000 photographs of 32 x 32 x 3, 10 classes" in text
    sources = [known.source for known in DATASETS.values()]
    assert all(source.about in text and source.licence in text and source.homepage in text for source in sources)
    assert "not here: curveball data fetch cifar100 downloads 169 MB" in text
    assert "here: comes with scikit-learn" in text
    assert "your own files: --data folder --data-folder DIR" in text


def test_list_says_where(tiny, cache):
    tiny.write(cache / INSIDE)
    assert f"here: {cache / INSIDE}" in command("data", "list").stdout
    (cache / INSIDE / "test_batch.bin").unlink()
    result = command("data", "list")
    assert result.exit_code == 0
    assert f"damaged: {cache / INSIDE} lacks test_batch.bin" in result.stdout
    (cache / INSIDE / "test_batch.bin").write_bytes(b"")
    assert f"damaged: {cache / INSIDE / 'test_batch.bin'} has 0 bytes" in command("data", "list").stdout


def test_list_says_whether_photographs_are_in_the_usual_place(cache):
    place = cache / "imagenet"
    missing = f"not here: put your own files in {place}, or use --data imagenet --data-folder DIR"
    assert missing in command("data", "list").stdout
    place.mkdir(parents=True)
    assert missing in command("data", "list").stdout
    make(place)
    text = command("data", "list").stdout
    assert f"here: {place}; others: --data imagenet --data-folder DIR" in text
    assert missing not in text


def test_fetch(tiny, server, tmp_path, cache, monkeypatch):
    download = replace(tiny.source.downloads[0], urls=(server.put(f"/{ARCHIVE}", tiny.archive),))
    use(monkeypatch, replace(tiny.source, downloads=(download,)))
    for folder in (cache, tmp_path / "mine"):
        result = command("data", "fetch", "cifar10", *(["--folder", folder] if folder != cache else []))
        if folder == cache:
            assert result.stdout == f"cifar10 is in {cache / INSIDE}\n"
        assert result.exit_code == 0, result.output
    assert len(server.asked) == 1  # it was in the cache by then


@pytest.mark.parametrize("cut", [lambda b: b[:-100], lambda b: b""])
def test_fetch_sees_a_file_of_another_size(tiny, server, tmp_path, monkeypatch, cut):
    """The error is the one of loading, and doing what it says is enough."""
    folder = tiny.write(tmp_path / "data" / INSIDE)
    content = cut(tiny.files["data_batch_4.bin"])
    (folder / "data_batch_4.bin").write_bytes(content)
    line = refused("data", "fetch", "cifar10", "--folder", folder.parent)
    assert f"data_batch_4.bin has {len(content):,} bytes, not 12,292" in line
    assert line.endswith(f"remove the folder {folder} and fetch the data again")
    with pytest.raises(CorruptData) as caught:
        load("cifar10", folder.parent)
    assert line == f"curveball: {caught.value}"
    shutil.rmtree(folder)
    download = replace(tiny.source.downloads[0], urls=(server.put(f"/{ARCHIVE}", tiny.archive),))
    use(monkeypatch, replace(tiny.source, downloads=(download,)))
    assert command("data", "fetch", "cifar10", "--folder", folder.parent).stdout == f"cifar10 is in {folder}\n"


def test_fetch_from_a_mirror(tiny, server, tmp_path, monkeypatch):
    url = server.put(f"/mirror/{ARCHIVE}", tiny.archive)
    monkeypatch.setenv("MINIGRAD_DATA_MIRROR", url.removesuffix(f"/{ARCHIVE}"))
    result = command("data", "fetch", "cifar10", "--folder", tmp_path / "mine")
    assert result.stdout == f"cifar10 is in {tmp_path / 'mine' / INSIDE}\n"


def test_fetch_what_nobody_has_to(tmp_path):
    result = command("data", "fetch", "digits")
    assert result.exit_code == 0
    assert result.stdout == "digits comes with scikit-learn: there is nothing to fetch\n"
    assert "there is nothing to fetch" in refused("data", "fetch", "folder")
    assert "takes no folder" in refused("data", "fetch", "digits", "--folder", tmp_path)


def test_fetch_offline(tiny, tmp_path):
    line = refused("data", "fetch", "cifar10", "--folder", tmp_path / "mine")
    assert f"put it ({tiny.source.downloads[0].size:,} bytes, SHA-256 " in line
    assert f"or the unpacked folder {INSIDE}, into {tmp_path / 'mine'}" in line
    assert not (tmp_path / "mine").exists()


def test_check(tiny, tmp_path):
    (tmp_path / ARCHIVE).write_bytes(tiny.archive)
    result = command("data", "check", "cifar10", "--folder", tmp_path)
    assert result.exit_code == 0, result.output
    first, second, heading, *rows = result.stdout.splitlines()
    assert first == f"cifar10 from {tmp_path / INSIDE}: 20 + 4 images of 32 x 32 x 3, 10 classes"
    assert second == f"SHA-256 of {tmp_path / ARCHIVE} as published, its files the same as these"
    assert heading.split() == ["class", "training", "validation"]
    assert [row.split()[1:] for row in rows] == [["2", "1"]] * 4 + [["2", "0"]] * 6
    assert rows[0].startswith("airplane ")


def test_check_without_the_archive(tiny, tmp_path):
    tiny.write(tmp_path)
    result = command("data", "check", "cifar10", "--folder", tmp_path)
    assert result.exit_code == 0
    assert f"SHA-256 not compared: {ARCHIVE} is not in the folder of the files" in result.stdout


def test_check_does_not_download(tiny, server, tmp_path, monkeypatch):
    url = server.put(f"/{ARCHIVE}", tiny.archive)
    monkeypatch.setenv("MINIGRAD_DATA_MIRROR", url.removesuffix(f"/{ARCHIVE}"))
    assert "curveball data fetch cifar10 downloads it" in refused("data", "check", "cifar10", "--folder", tmp_path)
    assert server.asked == []


def test_check_finds_faults(tiny, tmp_path):
    folder = tiny.write(tmp_path / "data")
    content = bytearray(tiny.files["data_batch_1.bin"])
    content[0] = 77
    (folder / "data_batch_1.bin").write_bytes(content)
    assert "record 0 has the label 77" in refused("data", "check", "cifar10", "--folder", folder)
    (folder / "data_batch_1.bin").write_bytes(content[:-1])
    assert "data_batch_1.bin has 12,291 bytes" in refused("data", "check", "cifar10", "--folder", folder)


def test_check_finds_all_damage_of_a_cache_at_once(photos):
    """In training and in validation; the next start decodes it."""
    assert command("data", "check", "imagenet", "--folder", photos).exit_code == 0
    (cache,) = (photos.parent / "caches/decoded").iterdir()
    for name in ("train", "validation"):
        pixels = cache / f"{name}.pixels"
        pixels.write_bytes(bytes(255 - x for x in pixels.read_bytes()))
    line = refused("data", "check", "imagenet", "--folder", photos)
    assert f"{cache / 'train.pixels'} is damaged at image 0 and 4 more: start again" in line
    assert f"; {cache / 'validation.pixels'} is damaged at image 0 and 1 more: start again" in line
    assert "as they were decoded" in command("data", "check", "imagenet", "--folder", photos).stdout


def test_check_photographs_at_a_size(photos):
    """The cache that training at this size reads is made, and no other."""
    result = command("data", "check", "imagenet", "--folder", photos, "--image-size", 21)
    assert result.stdout.startswith(f"photos from {photos}: 5 + 2 images of 21 x 21 x 3, 2 classes\nall images in the")
    (made,) = (photos.parent / "caches/decoded").iterdir()
    assert made.name.startswith("photos-24-")
    assert "from 8 to 1024 pixels; got 4" in refused("data", "check", "imagenet", "--folder", photos, "--image-size", 4)
    assert "the images of digits have one size" in refused("data", "check", "digits", "--image-size", 8)


def test_check_digits():
    result = command("data", "check", "digits")
    assert result.stdout.splitlines()[0] == "digits: 1,437 + 360 images of 8 x 8 x 1, 10 classes"
    assert len(result.stdout.splitlines()) == 12


@pytest.mark.parametrize("name", ["fetch", "check"])
def test_unknown_names(name):
    assert f"unknown data set 'mnist': there are {', '.join(sorted(DATASETS))}" in refused("data", name, "mnist")


@pytest.mark.parametrize("name", ["train", "compare", "data fetch", "data check"])
def test_help_lists_all_names(name):
    text = " ".join(command(*name.split(), "--help").stdout.split())
    assert all(data in text for data in DATASETS)
    assert "--data-folder" in text or "--folder" in text


def test_train_on_cifar10(tiny, tmp_path):
    folder = tiny.write(tmp_path / "data" / INSIDE)
    out = tmp_path / "out"
    result = command(
        "train", "--data", "cifar10", "--data-folder", tmp_path / "data", "--augment", *SHORT, "--out", out
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == f"cifar10 from {folder}"
    about = json.loads((out / "log.jsonl").read_text().splitlines()[0])
    assert (about["data"], about["source"], about["augment"]) == ("cifar10", str(folder), True)


def test_train_resumes_with_augmentation(tiny, tmp_path):
    tiny.write(tmp_path / "data")
    options = ["--data", "cifar10", "--data-folder", tmp_path / "data", "--augment", *SHORT]
    for out, epochs, more in (("whole", 2, ()), ("parts", 1, ()), ("parts", 2, ("--resume",))):
        result = command("train", *options, "--epochs", epochs, "--out", tmp_path / out, *more)
        assert result.exit_code == 0, result.output
    one, two = ((tmp_path / out / "log.jsonl").read_text().splitlines()[-1] for out in ("whole", "parts"))
    assert {**json.loads(one), "seconds": 0} == {**json.loads(two), "seconds": 0}


def test_compare_on_a_folder_of_images(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for k in range(5):
            pixels = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{k}.png")
    options = ["--data", "folder", "--data-folder", tmp_path / "pets", "--augment", *SHORT]
    result = command("compare", *options, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert (results["data"], results["source"], results["augment"]) == ("pets", str(tmp_path / "pets"), True)


@pytest.mark.parametrize(("options", "words"), [
    (["--data", "folder"], "say which folder"),
    (["--data", "digits", "--data-folder", "."], "digits comes with scikit-learn and takes no folder"),
    (["--data", "folder", "--data-folder", "nowhere"], "nowhere is not a folder: give one of images"),
    (["--data", "cifar10"], f"{ARCHIVE} cannot be downloaded"),
])  # fmt: skip
def test_training_refuses_bad_data(tiny, tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    assert words in refused("train", *options, *SHORT, "--out", tmp_path / "out")
    assert not list(tmp_path.iterdir())
