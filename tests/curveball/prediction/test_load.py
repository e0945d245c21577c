"""Predictors: from a run, from its checkpoint, and what is said of a checkpoint that cannot be used."""

from functools import partial

import numpy as np
import pytest

from curveball import SGD, CurveBall, load_predictor
from curveball.training import checkpoint
from curveball.training.options import TrainOptions
from curveball.training.run import RunIsDone
from curveball.training.train import train
from problems import Classification, Dataset, Regression, load, network
from problems.data.own_data import Rows, own_data
from problems.vision.autoencoder import autoencoder
from problems.vision.layers import Dense
from problems.vision.networks import Network

DIGITS = load("digits")
ONE = TrainOptions(epochs=1, quiet=True)
FILE = "checkpoint.safetensors"


def few(count=200):
    part = slice(0, count)
    train, held = (
        (DIGITS.train_images[part], DIGITS.train_labels[part]),
        (DIGITS.validation_images, DIGITS.validation_labels),
    )
    return Dataset.of("few", DIGITS.classes, train, held, white=16)


@pytest.mark.parametrize("name", ["mlp", "cnn", "mnist-mlp"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_predictor_agrees_with_validation(name, dtype, tmp_path):
    """The same errors as validation finds; batch normalisation included; from the run and from its checkpoint."""
    problem = Classification(few(), network(name), 50, dtype)
    run = train(problem, CurveBall(), ONE, folder=tmp_path)
    found = run.predictor(DIGITS.validation_images)
    loss, error = problem.validate(run.params, run.stats)
    assert np.mean(found.indices != DIGITS.validation_labels) == pytest.approx(error)
    p = found.probabilities[np.arange(360), DIGITS.validation_labels]
    assert -np.mean(np.log(p)) == pytest.approx(loss, rel=1e-5)
    assert found.labels == [DIGITS.classes[k] for k in found.indices]
    again = load_predictor(tmp_path)(DIGITS.validation_images)
    np.testing.assert_array_equal(again.probabilities, found.probabilities)
    one = load_predictor(tmp_path / FILE)(DIGITS.validation_images[7:8, :, :, 0])  # an answer does not depend on others
    np.testing.assert_allclose(one.probabilities, found.probabilities[7:8], rtol=1e-4, atol=1e-7)


def test_numbers(tmp_path):
    x = np.linspace(-1.0, 1.0, 200)[:, None]
    problem = Regression(own_data("line", Rows("line", x, targets=100.0 * x)), network("mlp", 1), 40)
    run = train(problem, CurveBall(), TrainOptions(epochs=40, quiet=True), folder=tmp_path)
    found = load_predictor(tmp_path)(np.array([[0.5], [0.0]]))
    np.testing.assert_allclose(found.values[:, 0], [50.0, 0.0], atol=5.0)
    np.testing.assert_array_equal(found.values, run.predictor(np.array([[0.5], [0.0]])).values)


def test_a_run_that_is_done_has_a_predictor(tmp_path):
    problem = Classification(few(), network("mlp"))
    train(problem, SGD(lr=0.1), ONE, folder=tmp_path)
    with pytest.raises(RunIsDone) as done:
        train(problem, SGD(lr=0.1), TrainOptions(epochs=1, quiet=True, resume=True), folder=tmp_path)
    assert len(done.value.run.predictor(DIGITS.validation_images)) == 360


def test_an_autoencoder_has_no_answers(tmp_path):
    run = train(autoencoder("digits-small"), SGD(lr=1e-3), ONE, folder=tmp_path)
    assert run.predictor is None
    with pytest.raises(ValueError, match="does not say what its inputs and outputs mean"):
        load_predictor(tmp_path)


def test_a_network_of_ones_own(tmp_path):
    own = Network("mine:net", (Dense(12), Dense(10)))
    run = train(Classification(few(), own), SGD(lr=0.1), ONE, folder=tmp_path)
    with pytest.raises(ValueError, match="code of your own: give it too"):
        load_predictor(tmp_path)
    with pytest.raises(ValueError, match="it was trained as dense 12, dense 10"):
        load_predictor(tmp_path, network("mlp"))
    for net in (own, lambda classes, initialisation, shape: own):
        found = load_predictor(tmp_path, net)(DIGITS.validation_images)
        np.testing.assert_array_equal(found.probabilities, run.predictor(DIGITS.validation_images).probabilities)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (np.zeros((2, 9, 8, 1)), "takes inputs (n, *(8, 8, 1)), at least one; got (2, 9, 8, 1)"),
        (np.zeros((0, 8, 8, 1)), "at least one"),
        (np.full((2, 8, 8, 1), np.nan), "input 0 has a number that is not finite"),
        (np.full((2, 8, 8, 1), 1e300), "outputs are not finite"),
        (np.array([["a"]]), "inputs must be numbers"),
    ],
)
def test_bad_inputs(inputs, said):
    problem = Classification(few(), network("mlp"))
    predict = problem.predictor(problem.init(np.random.default_rng(0)), {})
    with pytest.raises(ValueError, match=r".") as error:
        predict(inputs)
    assert said in str(error.value)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    train(Classification(few(), network("cnn")), SGD(lr=0.1), ONE, folder=folder)
    return checkpoint.load(folder / FILE)


def changed(facts, *keys, to):
    *outer, last = keys
    return {**facts, outer[0]: {**facts[outer[0]], last: to}} if outer else {**facts, last: to}


DAMAGE = {
    "no-facts": (partial(changed, to=None), ("answers",), "does not say what"),
    "facts-of-another-kind": (partial(changed, to=[1]), ("answers",), "incomplete"),
    "classes-that-are-numbers": (partial(changed, to=[1, 2]), ("answers", "classes"), "must be text"),
    "fewer-classes": (partial(changed, to=["a", "b"]), ("answers", "classes"), "trained as"),
    "another-shape": (partial(changed, to=[16, 16, 1]), ("answers", "shape"), "shape"),
    "no-shape": (partial(changed, to=5), ("answers", "shape"), "of other types"),
    "a-deviation-of-zero": (partial(changed, to=[0.0]), ("answers", "std"), "deviations"),
    "a-mean-that-is-text": (partial(changed, to=["x"]), ("answers", "mean"), "finite numbers"),
    "an-unknown-network": (partial(changed, to="nothing"), ("about", "network"), "unknown network"),
    "another-network": (partial(changed, to="mlp"), ("about", "network"), "it was trained as"),
    "an-unknown-dtype": (partial(changed, to="int8"), ("about", "dtype"), "damaged"),
}


@pytest.mark.parametrize(("change", "keys", "said"), DAMAGE.values(), ids=DAMAGE)
def test_facts_that_do_not_fit(change, keys, said, trained, tmp_path):
    leaves, facts = trained
    with pytest.raises(ValueError, match=r".") as error:
        from_leaves(tmp_path / FILE, leaves, change(facts, *keys))
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def from_leaves(path, leaves, facts):
    """A checkpoint of these leaves, loaded as a predictor."""
    checkpoint.save(path, {name: checkpoint.restore_dict(name, leaves) for name in ("params", "stats")}, facts)
    return load_predictor(path)


def test_params_that_are_missing_or_not_finite(trained, tmp_path):
    leaves, facts = trained
    name = next(key for key in leaves if key.startswith("stats"))
    for part, said in (
        ({key: x for key, x in leaves.items() if key != name}, "has no stats"),
        ({**leaves, name: np.full_like(leaves[name], np.nan)}, "not finite"),
    ):
        with pytest.raises(ValueError, match=said):
            from_leaves(tmp_path / FILE, part, facts)


def test_files_that_are_no_checkpoints(tmp_path):
    with pytest.raises(ValueError, match="there is no checkpoint"):
        load_predictor(tmp_path)
    (tmp_path / FILE).write_bytes(b"nothing")
    with pytest.raises(ValueError, match="is not a checkpoint that can be read"):
        load_predictor(tmp_path)
