"""Dropout's masks travel with the mini-batch: the same batch is the same function."""

import math

import numpy as np
import pytest

from minigrad import tree_flatten
from problems import Classification, Dataset, load
from problems.vision.layers import Dense, Dropout, Elementwise, Sequence
from problems.vision.networks import Network
from problems.vision.resnet import resnet18

array_api_strict = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")


def rng(seed=0):
    return np.random.default_rng(seed)


def problem(dropout=0.3, batch_size=8, dtype=np.float32):
    return Classification(load("digits"), Network("narrow", resnet18(10, dropout, width=2)), batch_size, dtype)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
def test_mean_and_scale(rate):
    """The share that stays, and the mean and variance of what was 1, within five standard errors."""
    layer, n = Dropout(rate), 200_000
    masks = layer.masks(rng(), (n // 10,), 10)
    assert masks["keep"].dtype == bool
    y, stats = layer.apply({}, np.ones((10, n // 10)), None, masks)
    error = math.sqrt(rate / (1 - rate) / n)
    assert masks["keep"].mean() == pytest.approx(1 - rate, abs=5 * error * (1 - rate))
    assert y.mean() == pytest.approx(1.0, abs=5 * error)
    assert set(np.unique(y)) == {0.0, 1.0 / (1.0 - rate)}
    assert y.var() == pytest.approx(rate / (1 - rate), rel=0.05)
    assert stats == {}


def test_entries_are_dropped_one_by_one():
    """Neighbours along no axis know of each other: images, rows, columns and channels are all dropped in part."""
    keep = Dropout(0.5).masks(rng(1), (16, 16, 16), 16)["keep"] - 0.5
    for axis in range(4):
        products = keep * np.roll(keep, 1, axis)
        assert abs(products.mean()) < 5 * 0.25 / math.sqrt(products.size)


def test_no_rate_drops_nothing():
    assert Dropout(0.0).masks(rng(), (50,), 100)["keep"].all()


def test_evaluation_drops_nothing():
    layer, x = Dropout(0.5), rng().standard_normal((4, 7))
    for masks in (None, layer.masks(rng(1), (7,), 4)):
        assert layer.apply({}, x, {}, masks)[0] is x
    p = problem()
    params, batch = p.init(rng()), p.batch(rng(1))
    _, stats = p.model(params, batch)
    expected, _ = p.model(params, batch._replace(masks=None), stats)
    np.testing.assert_array_equal(p.model(params, batch, stats)[0], expected)
    assert np.isfinite(p.validate(params, stats)[0])


def test_the_same_batch_is_the_same_function():
    p = problem()
    params, generator = p.init(rng()), rng(1)
    batch, other = p.batch(generator), p.batch(generator)
    first, second = (p.model(params, batch)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(p.model(params, batch._replace(masks=other.masks))[0], first)
    for a, b in zip(tree_flatten(batch.masks)[0], tree_flatten(other.masks)[0], strict=True):
        assert a.shape == b.shape
        assert not np.array_equal(a, b)


def test_batches_depend_on_the_generator_alone():
    p = problem(batch_size=300)
    one, two, other = ([batch.masks for batch in p.batches(rng(seed))] for seed in (3, 3, 4))
    assert len(one) == p.steps_per_epoch == 4
    for a, b in zip(tree_flatten(one)[0], tree_flatten(two)[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert not all(np.array_equal(a, b) for a, b in zip(tree_flatten(one)[0], tree_flatten(other)[0], strict=True))


def test_networks_without_dropout_draw_nothing_more():
    """Their batches, and so their runs, are what they would be if there were no dropout anywhere."""
    plain, generator = problem(dropout=0.0), rng(5)
    batches = list(plain.batches(generator))
    assert all(batch.masks is None for batch in batches)
    expected = rng(5)
    expected.permutation(1437)
    assert generator.bit_generator.state == expected.bit_generator.state


def test_masks_are_where_the_images_are():
    d = load("digits")
    numpy_data = (d.train_images[:40], d.train_labels[:40])
    data = Dataset.of("few", d.classes, numpy_data, numpy_data)
    net = Network("small", (Dense(6), Elementwise(lambda x: x), Dropout(0.4), Dense(10)))
    expected = Classification(data, net, 10).batch(rng(2))
    strict = [array_api_strict.asarray(x) for x in numpy_data]
    there = Dataset(data.name, data.classes, *strict, *strict, data.mean, data.std)
    batch = Classification(there, net, 10, array_api_strict.float32).batch(rng(2))
    keep = batch.masks["dropout1"]["keep"]
    assert type(keep) is type(batch.images)
    np.testing.assert_array_equal(np.asarray(keep), expected.masks["dropout1"]["keep"])


def test_training_without_masks():
    p = problem()
    batch = p.batch(rng())
    with pytest.raises(ValueError, match=r"dropout in training needs masks: draw them with the network's masks\(rng, "):
        p.model(p.init(rng()), batch._replace(masks=None))
    with pytest.raises(ValueError, match=r"the mask has shape \(8, .*, x has \(3, "):
        p.model(p.init(rng()), batch._replace(images=batch.images[:3]))


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, math.nan])
def test_rates_out_of_range(rate):
    with pytest.raises(ValueError, match=r"the rate of dropout must be in \[0, 1\); got "):
        Sequence((Dropout(rate),))
