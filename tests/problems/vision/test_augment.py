"""Random flips and shifts: against a loop over the pixels, on every backend, the same again after a resumed run."""

from dataclasses import replace

import numpy as np
import pytest

import minigrad as mg
from curveball import SGD
from curveball.training.options import TrainOptions
from curveball.training.train import train
from problems import Classification, Dataset, load, network
from problems.vision.augment import SHIFT, Moves, draw, move


def pixel_by_pixel(images, moves):
    """The definition: mirror, then shift, zeros coming in."""
    out = np.zeros_like(images)
    n, height, width, _ = images.shape
    for k in range(n):
        image = images[k, :, ::-1] if moves.mirror[k] else images[k]
        for y in range(height):
            for x in range(width):
                from_y, from_x = y - moves.down[k], x - moves.right[k]
                if 0 <= from_y < height and 0 <= from_x < width:
                    out[k, y, x] = image[from_y, from_x]
    return out


def every_move():
    grid = np.stack(np.meshgrid([0, 1], range(-SHIFT, SHIFT + 1), range(-SHIFT, SHIFT + 1)), axis=-1).reshape(-1, 3)
    return Moves(*grid.T)


@pytest.mark.parametrize("shape", [(6, 5, 3), (8, 8, 1), (2, 1, 2), (1, 9, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_move(shape, dtype):
    moves = every_move()
    images = np.random.default_rng(0).standard_normal((len(moves.mirror), *shape)).astype(dtype)
    found = move(images, moves)
    np.testing.assert_array_equal(found, pixel_by_pixel(images, moves))
    assert found.dtype == dtype


def test_on_other_backends(backend):
    moves = every_move()
    images = np.random.default_rng(0).standard_normal((len(moves.mirror), 4, 5, 2)).astype(np.float32)
    found = move(backend.asarray(images), moves)
    assert type(found) is type(backend.asarray(0.0))
    assert found.dtype == backend.float32
    np.testing.assert_array_equal(mg.to_numpy(found), move(images, moves))


def test_the_draws():
    """Every move is as likely as every other, mirror, rows and columns apart from each other."""
    n = 100_000
    moves = draw(np.random.default_rng(0), n)
    cells = (moves.mirror * 5 + moves.down + SHIFT) * 5 + moves.right + SHIFT
    counts = np.bincount(cells, minlength=50)
    assert len(counts) == 50
    chi_squared = np.sum((counts - n / 50) ** 2) / (n / 50)
    assert chi_squared < 86.0  # 49 degrees of freedom: exceeded once in a thousand
    again = draw(np.random.default_rng(0), n)
    np.testing.assert_array_equal(np.stack(moves), np.stack(again))


def few(augment, name="mlp", n=100):
    d = load("digits")
    data = Dataset.of(
        "few", d.classes, (d.train_images[:n], d.train_labels[:n]), (d.validation_images[:50], d.validation_labels[:50])
    )
    return Classification(data, network(name), batch_size=32, augment=augment)


def test_batches_are_moved_and_their_labels_stay():
    """The generator is drawn from for the order, then for each batch in turn."""
    plain, moved = few(False), few(True)
    rng = np.random.default_rng(7)
    order = rng.permutation(100)
    for k, batch in enumerate(moved.batches(np.random.default_rng(7))):
        whole = plain.take(order[32 * k : 32 * k + 32])
        np.testing.assert_array_equal(batch.images, move(whole.images, draw(rng, 32)))
        np.testing.assert_array_equal(batch.labels, whole.labels)
        assert not np.array_equal(batch.images, whole.images)
    one, other = moved.batch(np.random.default_rng(1)), plain.batch(np.random.default_rng(1))
    np.testing.assert_array_equal(one.labels, other.labels)
    assert not np.array_equal(one.images, other.images)


def test_what_moves_in_is_the_mean():
    """0 among normalised images stands for the training set's mean."""
    data = few(True).data
    np.testing.assert_allclose(np.array(data.mean) + 0.0 * np.array(data.std), data.train_images.mean(), rtol=1e-12)
    black = data.normalise(np.zeros((1, 8, 8, 1), np.uint8), np.float32)
    moved = move(black, Moves(*np.array([[0], [2], [0]])))
    assert (moved[0, :2] == 0.0).all()
    assert (moved[0, 2:] == black[0, 2:]).all()
    assert (black < 0.0).all()


def test_never_at_validation():
    plain, moved = few(False, "cnn"), few(True, "cnn")
    params = plain.init(np.random.default_rng(0))
    _, stats = plain.model(params, plain.batch(np.random.default_rng(0)))
    assert plain.validate(params, stats) == moved.validate(params, stats)


def test_the_data_stay_bytes_and_where_they_are(backend):
    """The whole set on another backend as uint8; batches are taken, normalised and moved there."""
    problem = few(True)
    data = problem.data
    there = replace(
        data,
        train_images=backend.asarray(data.train_images),
        train_labels=backend.asarray(data.train_labels),
    )
    elsewhere = replace(problem, data=there)
    batch, expected = (p.batch(np.random.default_rng(3)) for p in (elsewhere, problem))
    assert there.train_images.dtype == backend.uint8
    assert type(batch.images) is type(batch.labels) is type(backend.asarray(0.0))
    assert batch.images.dtype == backend.float32
    np.testing.assert_allclose(mg.to_numpy(batch.images), expected.images, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(mg.to_numpy(batch.labels), expected.labels)


@pytest.mark.parametrize("stop", [1, 2])
def test_a_resumed_run_is_the_same_bit_by_bit(tmp_path, stop):
    problem, solver = few(True, "cnn"), SGD(lr=0.05)
    whole = train(problem, solver, TrainOptions(epochs=3, seed=5, quiet=True))
    train(problem, solver, TrainOptions(epochs=stop, seed=5, quiet=True), folder=tmp_path)
    resumed = train(problem, solver, TrainOptions(epochs=3, seed=5, quiet=True, resume=True), folder=tmp_path)
    for layer, values in whole.params.items():
        for key, value in values.items():
            np.testing.assert_array_equal(resumed.params[layer][key], value)
    assert [s["loss"] for s in resumed.steps] == [s["loss"] for s in whole.steps]
    without = train(few(False, "cnn"), solver, TrainOptions(epochs=1, seed=5, quiet=True))
    assert without.steps[0]["loss"] != whole.steps[0]["loss"]


def test_a_run_cannot_go_on_with_other_images(tmp_path):
    train(few(False), SGD(lr=0.05), TrainOptions(epochs=1, quiet=True), folder=tmp_path)
    with pytest.raises(ValueError, match="augment=False, this run has augment=True"):
        train(few(True), SGD(lr=0.05), TrainOptions(epochs=2, quiet=True, resume=True), folder=tmp_path)


def test_exact_statistics():
    """More images than are summed at once; the sums are of whole numbers, so only the last division rounds."""
    images = np.random.default_rng(0).integers(0, 256, (600, 3, 4, 3)).astype(np.uint8)
    images[..., 1] = 255
    data = Dataset.of("noise", ("a",), (images, np.zeros(600, int)), (images[:1], np.zeros(1, int)))
    np.testing.assert_allclose(data.mean, images.mean(axis=(0, 1, 2), dtype=np.float64), rtol=1e-15)
    expected = images.std(axis=(0, 1, 2), dtype=np.float64)
    np.testing.assert_allclose(data.std, [expected[0], 1.0, expected[2]], rtol=1e-14)
