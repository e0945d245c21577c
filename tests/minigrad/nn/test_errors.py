"""Errors of layers and losses say which shape they got and which would do."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from tests.support.errors import fails

X = np.array([1.0, 2.0])
IMAGES = np.ones((1, 4, 4, 2))


def test_convolutions():
    kernel = np.ones((3, 3, 2, 1))
    message = "images of shape (1, 4, 4, 2) have 2 channels, the kernel of shape (3, 3, 3, 1) takes 3"
    fails(ValueError, f"conv2d: {message}", nn.conv2d, IMAGES, np.ones((3, 3, 3, 1)))
    fails(
        ValueError, "got shape (4, 4, 2): add the missing axis with minigrad.expand_dims", nn.conv2d, IMAGES[0], kernel
    )
    fails(ValueError, "conv2d takes images of shape (batch, height", nn.conv2d, np.ones((3, 3)), kernel, padding="same")
    fails(
        ValueError,
        "the kernel must have shape (height, width, in, out); got shape (3, 3)",
        nn.conv2d,
        IMAGES,
        np.ones((3, 3)),
    )
    fails(
        ValueError, "conv2d: the bias must have shape (1,), one per output; got (2,)",
        nn.conv2d, IMAGES, kernel, bias=np.ones(2),
    )  # fmt: skip
    fails(ValueError, "a window of (5, 5) does not fit into images", nn.conv2d, IMAGES, np.ones((5, 5, 2, 1)))
    fails(ValueError, "conv2d: stride must be an integer of at least 1", nn.conv2d, IMAGES, kernel, stride=0)
    for padding in ("SAME", -1, ((1,), 1), 1.0, (1, 2, 3), (1.5, 1), ((1, 0.5), 1)):
        fails(ValueError, f"got {padding!r}", nn.conv2d, IMAGES, kernel, padding=padding)


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_pools(name):
    pool = getattr(nn, name)
    fails(
        ValueError,
        f"{name}: padding ((2, 2), (2, 2)) must be smaller than the window (2, 2)",
        pool,
        IMAGES,
        2,
        padding=2,
    )
    fails(ValueError, f"{name}: window must be an integer of at least 1", pool, IMAGES, 0)
    fails(ValueError, f"{name} takes images of shape", pool, X, 2)
    fails(ValueError, f"{name}: a window of (5, 5) does not fit", pool, IMAGES, 5)


def test_layers_and_losses():
    y = np.ones((2, 3))
    fails(
        ValueError,
        "dense: the bias has shape (3,); with w of shape (3, 2) it needs (2,)",
        nn.dense,
        y,
        np.ones((3, 2)),
        np.ones(3),
    )
    fails(ValueError, "dropout: rate must be in [0, 1); got 1.0", nn.dropout, y, y, 1.0)
    fails(ValueError, "dropout: the mask has shape (3,), x has (2, 3)", nn.dropout, y, y[0], 0.5)
    fails(ValueError, "batch_norm: training needs two values or more per channel", nn.batch_norm, y[:1], y[0], y[0])
    fails(ValueError, "batch_norm: evaluation needs the stats", nn.batch_norm, y, y[0], y[0], training=False)
    fails(
        ValueError, "cross_entropy: outputs must be (..., batch, classes); got shape (3,)", nn.cross_entropy, y[0], y[0]
    )
    fails(
        ValueError, "labels of shape (3,) do not fit outputs of shape (2, 3)", nn.cross_entropy, y, np.array([0, 1, 2])
    )
    fails(TypeError, "labels of dtype float64 must be integers", nn.cross_entropy, y, np.array([0.0, 1.0]))
    fails(TypeError, "cross_entropy: labels must be an array; got list", nn.cross_entropy, y, [0, 1])
    fails(ValueError, "squared_error: outputs (2, 3) and targets (3,)", nn.squared_error, y, y[0])


@pytest.mark.parametrize(("label", "dtype"), [(-1, np.int64), (3, np.int64), (255, np.uint8), (-1, np.int8)])
def test_labels_that_are_no_classes(label, dtype):
    y, labels = np.zeros((2, 3)), np.array([0, label], dtype)
    message = f"cross_entropy: label {label} is no class: outputs of shape (2, 3) have 3 classes, so labels must be in"
    fails(ValueError, message, nn.cross_entropy, y, labels)
    fails(ValueError, message, mg.grad(lambda y: nn.cross_entropy(y, labels)), y)
    fails(ValueError, message[:24], nn.cross_entropy, np.zeros((4, 2, 3)), np.tile(labels, (4, 1)))


@pytest.mark.parametrize("library", ["torch", "jax.numpy"])
@pytest.mark.parametrize("label", [-1, 3])
def test_labels_on_other_libraries_of_the_host(library, label):
    xp = pytest.importorskip(library)
    y, labels = xp.zeros((2, 3)), xp.asarray([0, label])
    message = f"cross_entropy: label {label} is no class: outputs of shape (2, 3) have 3 classes, so labels must be in"
    fails(ValueError, message, nn.cross_entropy, y, labels)
    fails(ValueError, message, mg.grad(lambda y: nn.cross_entropy(y, labels)), y)


def test_labels_that_have_no_memory_of_their_own():
    torch = pytest.importorskip("torch")
    y, labels = torch.zeros((2, 4, 3)), torch.tensor([[0, 1, 2, 0], [2, 1, 0, 0]])
    np.testing.assert_allclose(torch.vmap(nn.cross_entropy)(y, labels), np.log(3.0), rtol=1e-6)
    meta = nn.cross_entropy(y.to("meta"), labels.to("meta"))
    assert meta.shape == (2,)


def test_labels_on_devices_are_not_looked_at(gpu):
    y = gpu.asarray(np.zeros((2, 3)))
    assert float(nn.cross_entropy(y, gpu.asarray([0, 2]))) == pytest.approx(np.log(3.0))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": (5, 3)}, r"size must be an integer of at least 1; got \(5, 3\)"),
        ({"size": 0}, "size must be an integer of at least 1; got 0"),
        ({"alpha": "a"}, "alpha, beta and k must be numbers; got 'a'"),
        ({"k": None}, "alpha, beta and k must be numbers; got"),
    ],
)
def test_options_of_local_response_norm(options, words):
    with pytest.raises((TypeError, ValueError), match=rf"\Alocal_response_norm: {words}"):
        nn.local_response_norm(np.ones((2, 3)), **options)


def test_a_negative_eps_of_batch_norm():
    with pytest.raises(ValueError, match="batch_norm: eps must be zero or positive; got -1"):
        nn.batch_norm(np.ones((2, 3)), np.ones(3), np.ones(3), eps=-1.0)


@pytest.mark.parametrize("axis", [None, (0,), (0, 1)])
def test_vecdot_has_one_axis(axis):
    with pytest.raises((TypeError, ValueError), match="vecdot"):
        mg.vecdot(np.ones((2, 3)), np.ones((2, 3)), axis=axis)
    with pytest.raises((TypeError, ValueError), match="vecdot"):
        mg.vecdot(np.ones(3), np.ones(3), axis=axis)


@pytest.mark.parametrize("shape", [(1, 2, 5, 1), (1, 5, 2, 1)])
def test_a_window_that_one_axis_is_too_short_for(shape):
    with pytest.raises(ValueError, match="conv2d"):
        nn.conv2d(np.ones(shape), np.ones((3, 3, 1, 1)))
