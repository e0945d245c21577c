"""Training on images on disk: the same crops whatever reads them, and again after a resumed run."""

import sys

import numpy as np
import pytest
from PIL import Image

import minigrad as mg
from curveball import SGD, CurveBall
from curveball.training.data_hash import data_hashes
from curveball.training.devices import images_of, to_backend
from curveball.training.options import TrainOptions
from curveball.training.train import train
from minigrad import tree_flatten
from problems import Classification, load, network
from problems.data.stored_images import StoredImages
from problems.vision import classification
from problems.vision.augment import AREA, ASPECT, draw_crops
from problems.vision.networks import Network
from problems.vision.resnet import resnet18
from tests.support.photos import caches, make, photo

__all__ = ["caches"]  # a fixture


@pytest.fixture
def folder(tmp_path, caches):
    return make(tmp_path / "photos", train=(12, 12), validation=(2, 2), names="{:02}.JPEG")


def problem(folder, augment=True, net=None, batch_size=5):
    return Classification(load("imagenet", folder, 8), net or network("mlp", 2), batch_size, augment=augment)


def all_of(batches):
    return [(mg.to_numpy(b.images), mg.to_numpy(b.labels)) for b in batches]


def assert_equal(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


# ------------------------------------------------------------------------------------- draws


def test_the_draws():
    crops = draw_crops(np.random.default_rng(0), 100_000)
    for start, length in ((crops.left, crops.width), (crops.top, crops.height)):
        assert start.min() >= 0.0
        assert (start + length).max() <= 1.0 + 1e-12
        free = length < 0.9
        assert np.corrcoef(start[free] / (1.0 - length[free]), length[free])[0, 1] == pytest.approx(0.0, abs=0.02)
    uncut = np.maximum(crops.width, crops.height) < 1.0
    area, aspect = crops.width * crops.height, crops.width / crops.height
    assert AREA[0] - 1e-12 < area.min() < 0.251
    assert area.max() > 0.99
    assert ASPECT[0] - 1e-12 < aspect[uncut].min() < 0.751
    assert 1.33 < aspect[uncut].max() < ASPECT[1] + 1e-12
    assert np.log(aspect).mean() == pytest.approx(0.0, abs=0.005)
    assert crops.mirror.mean() == pytest.approx(0.5, abs=0.01)
    small = area < 0.5  # no side of these is cut: uniform
    np.testing.assert_allclose(np.histogram(area[small], 5, AREA[:1] + (0.5,))[0] / small.sum(), 0.2, atol=0.01)


# ------------------------------------------------------------------------------------- batches


@pytest.mark.parametrize("augment", [False, True])
def test_an_epoch(folder, augment):
    """Every image once, with its label, normalised; what is read ahead changes nothing."""
    p = problem(folder, augment)
    order = np.random.default_rng(3).permutation(24)
    batches = all_of(p.batches(np.random.default_rng(3)))
    assert len(batches) == p.steps_per_epoch == 4
    mean, std = np.array(p.data.mean), np.array(p.data.std)
    for k, (images, labels) in enumerate(batches):
        index = order[5 * k : 5 * k + 5]
        np.testing.assert_array_equal(labels, index // 12)
        assert images.dtype == np.float32
        greys = (images * std + mean).mean(axis=(1, 2, 3))
        np.testing.assert_allclose(greys, 9 * index, atol=1.1)
    middle = p.take(order[:5])
    assert np.array_equal(batches[0][0], middle.images) is not augment or np.ptp(middle.images[0]) == 0.0


@pytest.mark.parametrize("readers", [1, 2, 7])
def test_the_number_of_readers_changes_nothing(folder, monkeypatch, readers):
    for k in range(24):  # no grey: crops differ
        path = next((folder / "train").glob(f"*/{k:02}.JPEG"))
        pixels = np.random.default_rng(k).integers(0, 256, (20, 30, 3), np.uint8)
        Image.fromarray(pixels).save(path, "PNG")
    rng, other = np.random.default_rng(1), np.random.default_rng(1)
    expected = all_of(problem(folder).batches(rng))
    monkeypatch.setattr(classification, "READERS", readers)
    p = problem(folder)
    batches = p.batches(other)
    state = other.bit_generator.state
    found = all_of(batches)
    assert_equal(found, expected)
    assert other.bit_generator.state == state == rng.bit_generator.state
    later = all_of(p.batches(other))
    assert not np.array_equal(later[0][0], found[0][0])
    skipped = p.batches(np.random.default_rng(1))
    skipped.skip(2)
    assert_equal(all_of(skipped), expected[2:])


def test_one_batch(folder):
    p = problem(folder)
    one, again = (p.batch(np.random.default_rng(0)) for _ in range(2))
    assert_equal(all_of([one]), all_of([again]))
    assert one.images.shape == (5, 8, 8, 3)
    assert problem(folder, net=Network("narrow", resnet18(2, 0.3, width=2))).batch(np.random.default_rng(0)).masks


@pytest.mark.parametrize("part", [slice(0, 2), slice(2, 5)])
def test_some_rows_of_each_batch(folder, part):
    """As each of several processes takes them: what is random is that of the whole batch."""
    p = problem(folder, net=Network("narrow", resnet18(2, 0.3, width=2)))
    whole, rows = (list(p.batches(np.random.default_rng(0), *given)) for given in ((), (part,)))
    assert len(whole) == len(rows) == 4
    for one, other in zip(whole, rows, strict=True):
        for a, b in zip(tree_flatten(one)[0], tree_flatten(other)[0], strict=True):
            np.testing.assert_array_equal(a[part], b)


def test_on_other_backends(folder, backend):
    p = problem(folder, net=Network("narrow", resnet18(2, 0.3, width=2)))
    there = Classification(to_backend(p.data, backend), p.network, 5, augment=True)
    assert type(images_of(there.data)) is type(backend.asarray(0.0))
    found, expected = ([*q.batches(np.random.default_rng(0))] for q in (there, p))
    assert all(type(leaf) is type(backend.asarray(0.0)) for leaf in tree_flatten(found)[0])
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mg.to_numpy(one.images), other.images, atol=1e-6)
        np.testing.assert_array_equal(mg.to_numpy(one.labels), other.labels)
        for a, b in zip(tree_flatten(one.masks)[0], tree_flatten(other.masks)[0], strict=True):
            np.testing.assert_array_equal(mg.to_numpy(a), b)


def test_a_network_that_takes_values_in_0_to_1(folder):
    batch = problem(folder, False, network("mnist-mlp", 2)).take(np.array([3, 20]))
    np.testing.assert_allclose(batch.images.mean(axis=(1, 2, 3)), np.array([27, 180]) / 255.0, atol=0.005)


@pytest.mark.parametrize("batch_size", [1, 3, 500])
def test_validation_is_the_mean_over_all_images(folder, batch_size):
    p = problem(folder)
    params = p.init(np.random.default_rng(0))
    loss, errors = p.validate(params, {}, batch_size)
    d = p.data
    whole = classification.Batch(d.normalise(d.validation_images[:], np.float32), d.validation_labels)
    outputs, _ = p.model(params, whole, {})
    assert loss == pytest.approx(float(p.loss(outputs, whole)), rel=1e-5)
    assert errors == pytest.approx(float(p.errors(outputs, whole)), rel=1e-6)


# ------------------------------------------------------------------------------------- training


class Stopped(Exception):
    """The machine was switched off."""


def run(p, place=None, stop=None, epochs=2, solver=None, **options):
    def callback(record):
        if stop is not None and record["kind"] == "step" and record["step"] == stop:
            raise Stopped

    given = TrainOptions(epochs, seed=4, quiet=True, log_every=1, **options)
    return train(p, solver or SGD(lr=0.05), given, folder=place, callback=callback)


@pytest.mark.parametrize("stop", [2, 3, 4, 7])
@pytest.mark.parametrize("net", ["mlp", "dropout"])
def test_a_resumed_run_is_the_same_bit_by_bit(folder, tmp_path, stop, net):
    p = problem(folder, net=Network("narrow", resnet18(2, 0.3, width=2)) if net == "dropout" else None)
    solver = CurveBall(lam_every=2)
    whole = run(p, solver=solver)
    with pytest.raises(Stopped):
        run(p, tmp_path / "run", stop, save_every=1, solver=solver)
    resumed = run(problem(folder, net=p.network), tmp_path / "run", resume=True, solver=solver)
    for a, b in zip(tree_flatten(resumed.params)[0], tree_flatten(whole.params)[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert [s["loss"] for s in resumed.steps] == [s["loss"] for s in whole.steps]
    assert resumed.epochs[-1]["validation_loss"] == whole.epochs[-1]["validation_loss"]


def test_a_run_is_not_continued_on_other_images(folder, tmp_path):
    run(problem(folder), tmp_path / "run", epochs=1)
    photo(folder / "val/n01/24.JPEG", 0)
    with pytest.raises(
        ValueError, match=r"the data have changed since the checkpoint .* was written: other validation im"
    ):
        run(problem(folder), tmp_path / "run", resume=True)


def test_hashes_read_no_image(folder, monkeypatch):
    data = load("imagenet", folder, 8)
    monkeypatch.setattr(StoredImages, "read", None)
    hashes = data_hashes(data)
    assert hashes["train_images"] == data.train_images.digest
    assert list(hashes) == ["classes", "train_images", "train_labels", "validation_images", "validation_labels"]


def test_a_damaged_cache_ends_a_run_in_one_line(folder, tmp_path):
    p = problem(folder)
    with p.data.train_images.cache.pixels.open("r+b") as file:
        file.seek(24 * 300 - 1)
        file.write(b"\xfe")
    with pytest.raises(ValueError, match=r"train.pixels is damaged at image 23: start again, and the image is decoded"):
        run(p, tmp_path / "run")
    run(problem(folder), tmp_path / "again", epochs=1)


def test_the_commands(folder, tmp_path, monkeypatch, capsys):
    from curveball.cli.data import check
    from curveball.cli.main import main

    monkeypatch.chdir(tmp_path)
    arguments = ["--data", "imagenet", "--data-folder", str(folder), "--image-size", "8", "--augment", "--quiet"]
    monkeypatch.setattr(
        sys, "argv", ["curveball", "train", *arguments, "--network", "mlp", "--solver", "sgd", "--epochs", "1",
                      "--batch-size", "6"],
    )  # fmt: skip
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert "runs/imagenet-photos-mlp-sgd-batch6-8px-augment-seed0" in capsys.readouterr().out
    first, verdict, *_ = check("imagenet", folder).splitlines()
    assert first == f"photos from {folder}: 24 + 4 images of 64 x 64 x 3, 2 classes"
    pixels = load("imagenet", folder).validation_images.cache.pixels
    assert verdict == f"all images in the cache {pixels.parent} as they were decoded"
    pixels.write_bytes(pixels.read_bytes()[:-1] + b"\xfe")
    with pytest.raises(ValueError, match=r"validation.pixels is damaged at image 3"):
        check("imagenet", folder)
    assert check("imagenet", folder).splitlines()[0] == first
