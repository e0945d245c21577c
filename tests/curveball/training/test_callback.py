"""The callback of `train`: what it is told, and how it ends training."""

import json

import numpy as np
import pytest

from curveball import SGD
from curveball.training.options import TrainOptions
from curveball.training.train import train
from minigrad import tree_flatten
from problems import Classification, Dataset, load, network


def small():
    """150 digits to train (four batches of 32), 60 to validate."""
    d = load("digits")
    parts = (d.train_images[:150], d.train_labels[:150]), (d.validation_images[:60], d.validation_labels[:60])
    return Classification(Dataset.of("few", d.classes, *parts), network("mlp"), 32)


def run(callback, folder=None, epochs=2, **options):
    return train(small(), SGD(), TrainOptions(epochs, quiet=True, **options), folder=folder, callback=callback)


def log_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def ends_at(kind, number, *reason):
    def callback(record):
        if record["kind"] == kind and record[kind] == number:
            raise StopIteration(*reason)

    return callback


def assert_same_params(a, b):
    for x, y in zip(tree_flatten(a.params)[0], tree_flatten(b.params)[0], strict=True):
        np.testing.assert_array_equal(x, y)


def test_it_gets_every_record_as_it_is_in_the_log(tmp_path):
    told = []
    result = run(told.append, tmp_path)
    assert [record["kind"] for record in told] == [*["step"] * 4, "epoch"] * 2
    assert told == [record for record in log_of(tmp_path) if record["kind"] != "run"]
    assert [{"kind": "epoch", **record} for record in result.epochs] == [r for r in told if r["kind"] == "epoch"]
    assert result.stopped is None


def test_it_gets_logged_steps_only():
    told = []
    run(told.append, epochs=1, log_every=3)
    assert [record["step"] for record in told if record["kind"] == "step"] == [1, 4]


def test_the_checkpoint_of_an_epoch_is_there_when_it_is_told(tmp_path):
    there = []
    run(lambda record: there.append((tmp_path / "checkpoint.safetensors").exists()), tmp_path, epochs=1)
    assert there == [False] * 4 + [True]


def test_it_ends_training_after_an_epoch(tmp_path):
    result = run(ends_at("epoch", 1), tmp_path, epochs=3)
    path = tmp_path / "checkpoint.safetensors"
    assert result.stopped == f"the callback ended training at step 4; continue from {path}"
    assert len(result.epochs) == 1
    assert log_of(tmp_path)[-1] == {"kind": "stopped", "reason": result.stopped}
    assert_same_params(result, run(None, epochs=1))
    assert_same_params(run(None, tmp_path, epochs=3, resume=True), run(None, epochs=3))


def test_it_ends_training_in_mid_epoch(tmp_path):
    """The steps of the epoch that was cut short are lost to the checkpoint, as when the process is killed."""
    result = run(ends_at("step", 6, "enough"), tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    assert result.stopped == f"the callback ended training at step 6: enough; continue from {path}"
    assert [record["step"] for record in result.steps] == [1, 2, 3, 4, 5, 6]
    assert len(result.epochs) == 1
    resumed = run(None, tmp_path, resume=True)
    assert resumed.stopped is None
    assert_same_params(resumed, run(None))
    assert [record["step"] for record in log_of(tmp_path) if record["kind"] == "step"] == list(range(1, 9))


def test_it_ends_training_before_the_first_checkpoint(tmp_path):
    assert run(ends_at("step", 2), tmp_path).stopped == "the callback ended training at step 2"
    assert not (tmp_path / "checkpoint.safetensors").exists()
    assert run(ends_at("step", 2)).stopped == "the callback ended training at step 2"


def test_after_the_last_epoch_there_is_nothing_to_end(tmp_path):
    assert run(ends_at("epoch", 2), tmp_path).stopped is None


def test_other_errors_go_through(tmp_path):
    def broken(record):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(broken, tmp_path)


def test_its_time_is_not_training(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("curveball.training.epoch.time.perf_counter", lambda: clock[0])

    def slow(record):
        clock[0] += 1000.0

    result = run(slow)
    assert [record["seconds"] for record in result.steps + result.epochs] == [0.0] * 10
