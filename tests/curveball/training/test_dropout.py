"""Solvers on networks that drop out: the trust ratio sees the batch's masks, and normalisation counts a step once."""

import numpy as np
import pytest

import minigrad as mg
from curveball import SGD, Adam, CurveBall
from curveball.training.options import TrainOptions
from curveball.training.train import train
from minigrad import tree_flatten
from problems import Classification, Dataset, load
from problems.vision.networks import Network
from problems.vision.resnet import resnet18


def small(dtype=np.float32, batch_size=16, width=4):
    """80 digits to train (five batches), 20 to validate; ResNet-18 with dropout, 4 channels where it has 64."""
    d = load("digits")
    data = Dataset.of(
        "few",
        d.classes,
        (d.train_images[:80], d.train_labels[:80]),
        (d.validation_images[:20], d.validation_labels[:20]),
    )
    return Classification(data, Network("narrow", resnet18(10, 0.3, width=width)), batch_size, dtype)


def test_a_step_on_the_network_of_its_full_size():
    d = load("digits")
    problem = Classification(d, Network("resnet18-dropout", resnet18(10, 0.3)), 4)
    rng = np.random.default_rng(0)
    params, batch, solver = problem.init(rng), problem.batch(rng), CurveBall(lam_every=1)
    new, state, info = solver.step(
        params, solver.init(params), lambda w: problem.model(w, batch), lambda y: problem.loss(y, batch), has_aux=True
    )
    assert np.isfinite(info["loss"])
    assert np.isfinite(state.trust_ratio)
    assert all(np.isfinite(x).all() and x.dtype == np.float32 for x in tree_flatten((new, state.z))[0])


def test_the_trust_ratio_is_taken_with_the_same_masks():
    """By hand from two evaluations on the batch; with the masks of another batch it is another number."""
    problem, rng = small(np.float64), np.random.default_rng(0)
    params = problem.init(rng)
    batch, other = problem.batch(rng), problem.batch(rng)
    solver = CurveBall(lam_every=1)
    new, state, info = solver.step(
        params, solver.init(params), lambda w: problem.model(w, batch), lambda y: problem.loss(y, batch), has_aux=True
    )

    def ratio(masks):
        there = batch._replace(masks=masks)
        return (problem.loss(problem.model(new, there)[0], batch) - info["loss"]) / info["predicted"]

    assert state.trust_ratio == pytest.approx(ratio(batch.masks), rel=1e-9)
    assert abs(ratio(other.masks) - ratio(batch.masks)) > 0.01


def test_running_statistics_move_once_per_step():
    """Although the model is evaluated twice: they are the averages of the statistics before each step."""
    problem = small()
    evaluations, before = [], []

    class Counting(Classification):
        def model(self, params, batch, stats=None):
            result = super().model(params, batch, stats)
            if stats is None:
                evaluations.append(result[1])
            return result

    class Spying(CurveBall):
        def step(self, params, state, model, loss, has_aux=False):
            before.append(model(params)[1])  # at the params that the step starts from
            return super().step(params, state, model, loss, has_aux)

    counting = Counting(problem.data, problem.network, problem.batch_size)
    run = train(counting, Spying(lam_every=1), TrainOptions(epochs=1, quiet=True))
    steps = counting.steps_per_epoch
    assert len(before) == steps == 5
    assert len(evaluations) == 3 * steps  # the test's own, the step's, and that of its trust ratio
    expected = before[0]
    for seen in before[1:]:
        expected = mg.tree_map(lambda old, new: 0.9 * old + 0.1 * new, expected, seen)
    found, wanted = tree_flatten(run.stats)[0], tree_flatten(expected)[0]
    assert len(found) == 2 * (1 + 2 * 8 + 3)  # mean and variance of the stem, sixteen and three normalisations
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "solver", [CurveBall(lam_every=2), SGD(lr=0.05), Adam(lr=0.01)], ids=["curveball", "sgd", "adam"]
)
def test_a_run_that_was_interrupted_draws_the_masks_it_would_have(solver, tmp_path):
    problem = small(width=2)
    whole = train(problem, solver, TrainOptions(epochs=2, quiet=True))
    train(problem, solver, TrainOptions(epochs=1, quiet=True), folder=tmp_path)
    resumed = train(problem, solver, TrainOptions(epochs=2, quiet=True, resume=True), folder=tmp_path)
    for a, b in zip(
        tree_flatten((resumed.params, resumed.stats))[0], tree_flatten((whole.params, whole.stats))[0], strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_training_learns():
    """32 images by heart, in evaluation too, although three in ten numbers are dropped on the way."""
    d = load("digits")
    few = d.train_images[:32], d.train_labels[:32]
    problem = Classification(Dataset.of("few", d.classes, few, few), Network("n", resnet18(10, 0.3, width=8)), 32)
    run = train(problem, CurveBall(), TrainOptions(epochs=40, quiet=True))
    assert run.epochs[-1]["train_loss"] < 0.5 * run.epochs[0]["train_loss"]
    assert run.epochs[-1]["validation_error"] < 0.1
