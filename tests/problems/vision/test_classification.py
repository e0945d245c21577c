"""Mini-batches, loss, errors and validation of a data set with a network."""

import numpy as np
import pytest

from problems import Classification, Dataset, load, network
from problems.vision.layers import Dense, Dropout
from problems.vision.networks import Network


def problem(batch_size=64, name="mlp", dtype=np.float32):
    return Classification(load("digits"), network(name), batch_size, dtype)


class Index(Classification):
    """Its batches are the indices of their images."""

    def take(self, index):
        return index


def indices(batch_size=64):
    return Index(load("digits"), network("mlp"), batch_size)


@pytest.mark.parametrize(("batch_size", "steps"), [(64, 22), (1437, 1), (1, 1437), (719, 1), (718, 2)])
def test_an_epoch_has_no_repeats(batch_size, steps):
    p = indices(batch_size)
    batches = list(p.batches(np.random.default_rng(0)))
    assert len(batches) == p.steps_per_epoch == steps
    assert all(len(batch) == batch_size for batch in batches)
    seen = np.concatenate(batches)
    assert len(np.unique(seen)) == len(seen) == steps * batch_size
    assert 0 <= seen.min() <= seen.max() < 1437


def test_order_depends_on_the_generator_alone():
    one, two, other = (np.concatenate(list(indices().batches(np.random.default_rng(seed)))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)
    rng = np.random.default_rng(1)
    first, second = (np.concatenate(list(indices().batches(rng))) for _ in range(2))
    np.testing.assert_array_equal(first, one)
    assert not np.array_equal(second, one)  # a new order every epoch


def test_one_batch_has_no_repeats():
    batch = indices(1000).batch(np.random.default_rng(0))
    assert len(set(batch.tolist())) == 1000


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_batch_holds_normalised_images_and_their_labels(dtype):
    p = problem(3, dtype=dtype)
    batch = p.take(np.array([5, 0, 1436]))
    assert batch.images.shape == (3, 8, 8, 1)
    assert batch.images.dtype == dtype
    mean, std = p.data.train_images.mean(), p.data.train_images.std()
    expected = (p.data.train_images[[5, 0, 1436]] - mean) / std
    np.testing.assert_allclose(batch.images, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(batch.labels, p.data.train_labels[[5, 0, 1436]])


@pytest.mark.parametrize("white", [16, 255])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_network_that_takes_values_in_0_to_1(white, dtype):
    """Bytes over the largest training value, in batches and in validation."""
    d = load("digits")
    train, validation = ((x * (white // 16)).astype(np.uint8) for x in (d.train_images, d.validation_images))
    train[0, 0, 0, 0] = white
    data = Dataset.of("mine", d.classes, (train, d.train_labels), (validation, d.validation_labels))
    p = Classification(data, network("mnist-mlp"), 100, dtype)
    batch = p.take(np.arange(100))
    assert batch.images.dtype == dtype
    assert (batch.images.min(), batch.images.max()) == (0.0, 1.0)
    np.testing.assert_allclose(batch.images, train[:100] / white, rtol=1e-6)
    params = p.init(np.random.default_rng(0))
    outputs, _ = p.network(params, (validation / white).astype(dtype), {})
    assert p.validate(params, {})[0] == pytest.approx(p.loss(outputs, batch._replace(labels=d.validation_labels)), 1e-5)


def test_loss_and_errors():
    p = problem(4)
    batch = p.take(np.arange(4))
    outputs = np.zeros((4, 10), np.float32)
    outputs[np.arange(4), batch.labels] = [5.0, 1.0, -1.0, 2.0]  # the third is wrong
    softmax = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    assert p.loss(outputs, batch) == pytest.approx(-np.mean(np.log(softmax[np.arange(4), batch.labels])), rel=1e-6)
    assert p.errors(outputs, batch) == 0.25
    assert p.loss(outputs, batch).dtype == p.errors(outputs, batch).dtype == np.float32


def test_params_depend_on_the_generator_alone():
    a, b, c = (problem().init(np.random.default_rng(seed))["dense1"]["w"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    assert problem(dtype=np.float64).init(np.random.default_rng(0))["dense1"]["w"].dtype == np.float64


@pytest.mark.parametrize("batch_size", [1, 77, 360, 1000])
def test_validation_is_the_mean_over_all_images(batch_size):
    p = problem(name="cnn", dtype=np.float64)
    rng = np.random.default_rng(0)
    params = p.init(rng)
    _, stats = p.model(params, p.batch(rng))
    loss, errors = p.validate(params, stats, batch_size)
    images = p.data.normalise(p.data.validation_images, np.float64)
    outputs, _ = p.network(params, images, stats)
    labels = p.data.validation_labels
    logs = np.log(np.exp(outputs).sum(axis=1)) - outputs[np.arange(360), labels]
    assert loss == pytest.approx(logs.mean(), rel=1e-10)
    assert errors == pytest.approx(np.mean(np.argmax(outputs, axis=1) != labels), rel=1e-10)
    assert isinstance(loss, float)
    assert isinstance(errors, float)


def test_untrained_outputs_are_chance():
    """Ten classes, small outputs: the loss is near log 10."""
    p = problem(name="mlp")
    params = p.init(np.random.default_rng(0))
    params["dense2"]["w"] = params["dense2"]["w"] * np.float32(1e-3)
    loss, errors = p.validate(params, {})
    assert loss == pytest.approx(np.log(10.0), abs=0.01)
    assert 0.6 < errors < 1.0


@pytest.mark.parametrize("batch_size", [0, -3, 1438])
def test_batch_size_out_of_range(batch_size):
    with pytest.raises(ValueError, match=f"batch_size must be from 1 to 1437, .* of digits; got {batch_size}"):
        problem(batch_size)


def test_data_of_ones_own():
    images = np.random.default_rng(0).integers(0, 256, (10, 5, 5, 3)).astype(np.uint8)
    labels = np.arange(10) % 2
    data = Dataset.of("mine", ("cat", "dog"), (images, labels), (images, labels))
    p = Classification(data, network("cnn", classes=2), batch_size=5)
    rng = np.random.default_rng(0)
    params, batch = p.init(rng), p.batch(rng)
    assert p.model(params, batch)[0].shape == (5, 2)


def test_parts_of_batches_are_rows_of_the_whole():
    """Images that move and masks are drawn for the whole batch: each process of several makes its own rows."""
    d = load("digits")
    few = d.train_images[:40], d.train_labels[:40]
    layers = (Dropout(0.5), Dense(10))
    problem = Classification(Dataset.of("few", d.classes, few, few), Network("dropout", layers), 16, augment=True)
    whole, first, last = (
        list(problem.batches(np.random.default_rng(3), part)) for part in (slice(None), slice(0, 4), slice(4, 16))
    )
    assert len(whole) == 2
    for batch, a, b in zip(whole, first, last, strict=True):
        np.testing.assert_array_equal(batch.images, np.concatenate([a.images, b.images]))
        np.testing.assert_array_equal(batch.labels, np.concatenate([a.labels, b.labels]))
        masks = [each.masks["dropout1"]["keep"] for each in (batch, a, b)]
        np.testing.assert_array_equal(masks[0], np.concatenate(masks[1:]))
