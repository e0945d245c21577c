"""Autoencoders: values and derivatives against PyTorch, the published layers, and training as of any problem."""

from itertools import pairwise

import numpy as np
import pytest

import minigrad as mg
from curveball import SGD, Adam
from curveball.training.options import TrainOptions
from curveball.training.train import train
from problems import Dataset, load
from problems.vision.autoencoder import (
    AUTOENCODERS,
    PUBLISHED,
    Autoencoder,
    SparseDense,
    autoencoder,
    autoencoder_network,
)


@pytest.fixture(scope="module")
def problem():
    """The small one, in float64, on 200 digits."""
    d = load("digits")
    parts = ((d.train_images[:200], d.train_labels[:200]), (d.validation_images[:50], d.validation_labels[:50]))
    return Autoencoder.of(Dataset.of("digits", d.classes, *parts), (32, 16, 6), batch_size=20, dtype=np.float64)


def test_the_published_layers():
    network = autoencoder_network(PUBLISHED, 784)
    encoder, decoder = "dense 1000, sigmoid, dense 500, sigmoid, dense 250, sigmoid, dense 30", "dense 250, sigmoid"
    assert network.describe() == f"{encoder}, {decoder}, dense 500, sigmoid, dense 1000, sigmoid, dense 784"
    widths = [784, 1000, 500, 250, 30, 250, 500, 1000, 784]
    pairs = list(pairwise(widths))
    assert network.multiplications((28, 28, 1)) == sum(a * b for a, b in pairs)
    assert set(AUTOENCODERS.names()) == {"digits-small", "digits", "fashion-mnist"}


def test_against_torch(problem):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    rng = np.random.default_rng(0)
    params, batch = problem.init(rng), problem.batch(rng)
    leaves = {
        (layer, name): torch.tensor(value, requires_grad=True)
        for layer, own in params.items()
        for name, value in own.items()
    }
    x = torch.tensor(batch.images).reshape(20, 64)
    h = x
    for k in range(1, 7):
        h = h @ leaves[f"dense{k}", "w"] + leaves[f"dense{k}", "b"]
        if k not in (3, 6):  # the code and the outputs are linear
            h = torch.sigmoid(h)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(h, x, reduction="sum") / 20
    loss.backward()

    def objective(w):
        return problem.loss(problem.model(w, batch)[0], batch)

    value, gradient = mg.value_and_grad(objective)(params)
    assert float(value) == pytest.approx(loss.item(), rel=1e-12)
    for (layer, name), leaf in leaves.items():
        np.testing.assert_allclose(gradient[layer][name], leaf.grad.numpy(), atol=1e-11)
    squared = ((torch.sigmoid(h) - x) ** 2).sum() / 20
    assert float(problem.errors(problem.model(params, batch)[0], batch)) == pytest.approx(squared.item(), rel=1e-12)


def test_the_curvature_of_the_loss_is_diagonal_and_positive(problem):
    batch = problem.batch(np.random.default_rng(0))
    s = np.random.default_rng(1).standard_normal((20, 64))
    v = np.random.default_rng(2).standard_normal((20, 64))
    p = 1.0 / (1.0 + np.exp(-s))
    np.testing.assert_allclose(mg.hvp(lambda s: problem.loss(s, batch), s, v), p * (1.0 - p) * v / 20, atol=1e-13)


def test_no_outputs_have_a_loss_below_the_entropy(problem):
    """It is taken where each pixel's probability is its value: white and black at infinity."""
    batch = problem.take(np.arange(200))
    x = batch.images.reshape(200, 64)
    exact = np.clip(np.log(np.clip(x, 1e-30, None)) - np.log(np.clip(1.0 - x, 1e-30, None)), -40.0, 40.0)
    assert float(problem.loss(exact, batch)) == pytest.approx(problem.entropy, rel=1e-10)
    assert problem.training_loss(problem.init(np.random.default_rng(0))) > problem.entropy


def test_sparse_initialisation():
    params = SparseDense(50).init(np.random.default_rng(0), (200,), "he")
    assert np.all(np.count_nonzero(params["w"], axis=0) == 15)
    assert np.all(params["b"] == 0.0)
    assert np.std(params["w"][params["w"] != 0.0]) == pytest.approx(1.0, abs=0.1)
    few = SparseDense(5).init(np.random.default_rng(0), (6,), "he")
    assert np.count_nonzero(few["w"]) == 30  # there are no more


def test_it_learns_more_than_the_mean_image(problem):
    rng = np.random.default_rng(0)
    params = problem.init(rng)
    solver = Adam(lr=0.01)
    state = solver.init(params)
    images = problem.take(np.arange(200)).images.reshape(200, -1)
    for _ in range(60):
        for batch in problem.batches(rng):
            params, state, _ = solver.step(
                params, state, lambda w, b=batch: problem.model(w, b), lambda y, b=batch: problem.loss(y, b),
                has_aux=True,
            )  # fmt: skip
    assert problem.training_error(params) < 0.9 * np.sum(np.var(images, axis=0))


def test_it_trains_as_any_problem(problem, tmp_path):
    run = train(problem, SGD(lr=0.01), TrainOptions(epochs=2, quiet=True), folder=tmp_path)
    assert len(run.steps) == 20
    assert run.epochs[1]["train_loss"] < run.epochs[0]["train_loss"]
    assert run.epochs[1]["validation_error"] == pytest.approx(problem.error(run.params), rel=1e-9)
    assert (tmp_path / "checkpoint.safetensors").exists()


def test_bad_values():
    with pytest.raises(ValueError, match="unknown autoencoder 'mnist': there are digits, digits-small, fashion-mnist"):
        autoencoder("mnist")
    with pytest.raises(ValueError, match=r"one or more layers of at least 1 unit; got \(\) for 64 pixels"):
        autoencoder_network((), 64)
    with pytest.raises(ValueError, match="batch_size must be from 1 to 1437"):
        autoencoder("digits-small", batch_size=5000)
