"""Checkpoints within an epoch: a run that goes on from any step is the uninterrupted one, bit by bit."""

import numpy as np
import pytest

from curveball import SGD, Adam, CurveBall
from curveball.training import checkpoint
from curveball.training.options import TrainOptions
from curveball.training.train import train
from minigrad import tree_flatten
from problems import Classification, Dataset, load, network
from problems.vision.networks import Network
from problems.vision.resnet import resnet18
from tests.support.line import Line

SOLVERS = {
    "curveball": CurveBall(lam_factor=0.7, lam_every=2),
    "curveball with averages": CurveBall(lam_every=3, average=0.9, average_share=0.1),
    "sgd": SGD(lr=0.05),
    "adam": Adam(lr=0.01),
}


class Killed(Exception):
    """The machine was switched off."""


def digits(net, batch_size, augment=False, count=150):
    d = load("digits")
    parts = (d.train_images[:count], d.train_labels[:count]), (d.validation_images[:20], d.validation_labels[:20])
    return Classification(Dataset.of("few", d.classes, *parts), net, batch_size, augment=augment)


PROBLEMS = {
    "cnn": lambda: digits(network("cnn"), 20),  # with batch normalisation, seven batches
    "augmented": lambda: digits(network("mlp"), 20, augment=True),
    "dropout": lambda: digits(Network("narrow", resnet18(10, 0.3, width=2)), 12, count=72),
}


def dying(solver, steps):
    """The solver, dying in the step after so many."""
    kind = type(solver)

    class Dies(kind):
        def step(self, *args, **kwargs):
            done.append(None)
            if len(done) > steps:
                raise Killed
            return super().step(*args, **kwargs)

    done = []
    Dies.__name__ = kind.__name__  # as the log knows it
    return Dies(**vars(solver))


def untimed(records):
    return [{key: value for key, value in record.items() if key != "seconds"} for record in records]


def assert_same(found, whole):
    leaves = [tree_flatten((run.params, run.state, run.stats))[0] for run in (found, whole)]
    for a, b in zip(*leaves, strict=True):
        np.testing.assert_array_equal(a, b)
        assert getattr(a, "dtype", None) == getattr(b, "dtype", None)
    assert untimed(found.steps) == untimed(whole.steps)
    assert untimed(found.epochs) == untimed(whole.epochs)


def run(problem, solver, folder=None, epochs=2, **options):
    return train(problem, solver, TrainOptions(epochs, seed=3, quiet=True, **options), folder=folder)


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_it_goes_on_from_any_step(name, solver, tmp_path):
    problem = PROBLEMS[name]()
    count = problem.steps_per_epoch
    whole = run(problem, solver)
    for k, (killed_in, saved) in enumerate([(1, 1), (count - 1, 1), (count + 3, 3)]):
        folder = tmp_path / str(k)
        with pytest.raises(Killed):
            run(problem, dying(solver, killed_in), folder, save_every=saved)
        facts = checkpoint.load(folder / "checkpoint.safetensors")[1]
        assert facts["epoch"] * count + (facts["part"] or {"batches": 0})["batches"] == killed_in // saved * saved
        assert_same(run(problem, solver, folder, resume=True), whole)


def test_killed_at_every_step(tmp_path):
    """Eleven kills in a run of twelve steps: each goes on where the one before died."""
    whole = run(Line(), CurveBall(), epochs=3)
    for k in range(11):
        with pytest.raises(Killed):
            run(Line(), dying(CurveBall(), 1), tmp_path, 3, save_every=1, resume=k > 0)
    assert_same(run(Line(), CurveBall(), tmp_path, 3, resume=True), whole)


@pytest.mark.parametrize("log_every", [1, 2, 3, 100])
def test_saving_changes_no_record(log_every, tmp_path):
    whole = run(Line(7), Adam(), log_every=log_every)
    assert_same(run(Line(7), Adam(), tmp_path / "saved", log_every=log_every, save_every=2), whole)
    with pytest.raises(Killed):
        run(Line(7), dying(Adam(), 5), tmp_path / "killed", log_every=log_every, save_every=2)
    assert_same(run(Line(7), Adam(), tmp_path / "killed", log_every=log_every, resume=True), whole)


def test_saving_by_the_clock(tmp_path, monkeypatch):
    clock, saved = [0.0], []
    monkeypatch.setattr("curveball.training.resume.time.monotonic", lambda: clock[0])
    save = checkpoint.save
    monkeypatch.setattr(checkpoint, "save", lambda *args: (saved.append(clock[0]), save(*args)))

    def tick(batch):
        clock[0] += 60.0

    run(Line(50, seen=tick), SGD(), tmp_path, epochs=1, save_every="10min")
    assert saved == [600.0, 1200.0, 1800.0, 2400.0, 3000.0]  # the last is the epoch's


def test_batches_that_are_drawn_otherwise_are_refused(tmp_path):
    class Other(Line):
        def batches(self, rng):
            rng.random(100)
            return super().batches(rng)

    with pytest.raises(Killed):
        run(Line(), dying(SGD(), 2), tmp_path, save_every=1)
    with pytest.raises(ValueError, match="draws other batches than when the checkpoint was written"):
        run(Other(), SGD(), tmp_path, resume=True)


def test_a_checkpoint_within_an_epoch_does_not_grow(tmp_path):
    sizes = []
    for steps in (10, 900):
        with pytest.raises(Killed):
            run(Line(1000), dying(SGD(), steps), tmp_path / str(steps), save_every=steps)
        sizes.append((tmp_path / str(steps) / "checkpoint.safetensors").stat().st_size)
    assert abs(sizes[1] - sizes[0]) < 100


def test_params_that_are_not_finite_are_not_saved_within_an_epoch(tmp_path):
    class Breaks(SGD):
        def step(self, params, state, *args, **kwargs):
            params, state, info = super().step(params, state, *args, **kwargs)
            done.append(None)
            return {**params, "b": params["b"] * (np.nan if len(done) == 3 else 1.0)}, state, info

    done = []
    result = run(Line(), Breaks(), tmp_path, save_every=1)
    path = tmp_path / "checkpoint.safetensors"
    assert result.stopped.startswith("the loss is nan at step 4; last finite loss: ")
    assert result.stopped.endswith(f"at step 3; go back to {path}")
    assert checkpoint.load(path)[1]["part"]["batches"] == 2


@pytest.mark.parametrize("text", ["0", "0s", "-1", "1.5", "10 min", "10m", "min", "", "nan", "1e3", "1_0", "9" * 400])
def test_intervals_that_are_none(text):
    with pytest.raises(ValueError, match="save_every must be steps as in 500, or time as in 30s, 10min, 2h; got") as e:
        TrainOptions(save_every=text)
    assert len(str(e.value).splitlines()) == 1


def test_intervals():
    inf = float("inf")
    for text, expected in {
        500: (500, inf), "500": (500, inf), "30s": (inf, 30), "1.5h": (inf, 5400), None: (inf, inf),
    }.items():  # fmt: skip
        assert TrainOptions(save_every=text).save_interval == expected
