"""Training: the same seed gives the same run, and a run that was interrupted goes on as if it had not been."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError

import minigrad as mg
from curveball import SGD, Adam, CurveBall
from curveball.training import checkpoint
from curveball.training.files import output_folder
from curveball.training.log import Log
from minigrad import tree_flatten
from problems import Classification, Dataset
from tests.support.training import assert_same, run, small

SOLVERS = {
    "curveball": CurveBall(lam_factor=0.7, lam_every=2),
    "sgd": SGD(lr=0.05),
    "adam": Adam(lr=0.01),
}
over_solvers = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)


def untimed(records):
    return [{key: value for key, value in record.items() if key != "seconds"} for record in records]


def log_of(folder):
    def refuse(word):
        raise ValueError(f"{word} is not JSON")

    lines = (folder / "log.jsonl").read_text().splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


@over_solvers
def test_same_seed_same_run(solver):
    a, b, other = (run(small(), solver, seed=seed) for seed in (3, 3, 4))
    assert_same((a.params, a.state, a.stats), (b.params, b.state, b.stats))
    assert untimed(a.steps) == untimed(b.steps)
    assert a.steps[0]["loss"] != other.steps[0]["loss"]


def test_solvers_see_the_same_start_and_batches():
    class Spying(Classification):
        def take(self, index):
            seen.append(index.tolist())
            return super().take(index)

    problem = small()
    orders, starts = [], []
    for solver in SOLVERS.values():
        seen = []
        result = run(Spying(problem.data, problem.network, 32), solver, epochs=2)
        orders.append(seen)
        starts.append(result.steps[0]["loss"])
    assert orders[0] == orders[1] == orders[2]
    assert starts[0] == starts[1] == starts[2]
    assert orders[0][:4] != orders[0][4:]  # a new order every epoch


@over_solvers
def test_resumed_run_is_the_uninterrupted_one(solver, tmp_path):
    whole, parts = output_folder(tmp_path / "whole"), output_folder(tmp_path / "parts")
    expected = run(small(), solver, whole, epochs=3)
    run(small(), solver, parts, epochs=1)
    found = run(small(), solver, parts, epochs=3, resume=True)
    assert_same((found.params, found.state, found.stats), (expected.params, expected.state, expected.stats))
    assert untimed(found.steps) == untimed(expected.steps)
    assert untimed(found.epochs) == untimed(expected.epochs)
    seconds = [record["seconds"] for record in found.steps]
    assert seconds == sorted(seconds)
    one, two = ([r for r in untimed(log_of(folder)) if r["kind"] in ("step", "epoch")] for folder in (whole, parts))
    assert one == two
    assert [r["kind"] for r in log_of(parts)].count("run") == 2  # where it began, where it went on


def test_resuming_drops_the_log_of_the_epoch_that_was_lost(tmp_path):
    run(small(), SGD(), tmp_path, epochs=1)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"kind": "step", "step": 5, "loss": 1.0}\n{"kind": "st')  # killed in mid-line
    run(small(), SGD(), tmp_path, epochs=2, resume=True)
    steps = [record["step"] for record in log_of(tmp_path) if record["kind"] == "step"]
    assert steps == list(range(1, 9))


@pytest.mark.parametrize("other", [None, "", "short", "x" * 100_000])
def test_a_log_that_is_gone_or_foreign_is_begun_anew(other, tmp_path, capsys):
    whole = run(small(), SGD(), epochs=2)
    run(small(), SGD(), tmp_path, epochs=1)
    (tmp_path / "log.jsonl").unlink()
    if other is not None:
        (tmp_path / "log.jsonl").write_text(other)
    found = run(small(), SGD(), tmp_path, epochs=2, resume=True)
    assert [record["step"] for record in found.steps] == [4, 5, 6, 7, 8]  # the checkpoint knows the last
    assert untimed(found.epochs) == untimed(whole.epochs)
    assert_same(found.params, whole.params)
    kinds = [(record["kind"], record.get("step")) for record in log_of(tmp_path)]
    assert kinds == [("run", None), ("epoch", 4), *(("step", k) for k in (5, 6, 7, 8)), ("epoch", 8)]
    said = capsys.readouterr().err
    assert f"the log of {tmp_path} is gone or of another run: it is begun anew" in said
    assert len(said.splitlines()) == 1
    if other is not None:
        assert (tmp_path / "previous" / "log.jsonl").read_text() == other  # nobody's log is lost


def test_steps_come_from_the_log_and_the_checkpoint_does_not_grow(tmp_path):
    sizes = {}
    for log_every in (1, 10):
        folder = tmp_path / str(log_every)
        run(small("mlp", batch_size=1), SGD(), folder, log_every=log_every)  # 150 steps an epoch
        sizes[log_every] = (folder / "checkpoint.safetensors").stat().st_size
    assert abs(sizes[1] - sizes[10]) < 100
    whole = run(small("mlp", batch_size=1), SGD(), epochs=2)
    found = run(small("mlp", batch_size=1), SGD(), tmp_path / "1", epochs=2, resume=True)
    assert untimed(found.steps) == untimed(whole.steps)


def test_an_earlier_run_is_put_aside(tmp_path):
    run(small(), SGD(), tmp_path, epochs=2, seed=1)
    names = ("checkpoint.safetensors", "log.jsonl")
    earlier = [(tmp_path / name).read_bytes() for name in names]
    run(small(), SGD(), tmp_path, epochs=1, seed=2)
    assert [(tmp_path / "previous" / name).read_bytes() for name in names] == earlier
    assert [record["seed"] for record in log_of(tmp_path) if record["kind"] == "run"] == [2]
    found = run(small(), SGD(), tmp_path / "previous", epochs=3, seed=1, resume=True)  # and can be gone on with
    assert_same((found.params,), (run(small(), SGD(), epochs=3, seed=1).params,))


def test_no_earlier_run_is_ever_lost(tmp_path):
    for seed in (1, 2, 3):
        run(small(), SGD(), tmp_path, seed=seed)
    found = {path.parent.name: log_of(path.parent)[0]["seed"] for path in tmp_path.glob("**/log.jsonl")}
    assert found == {"previous": 1, "previous-2": 2, tmp_path.name: 3}


def test_resuming_where_only_an_earlier_run_is_names_it(tmp_path):
    run(small(), SGD(), tmp_path / "previous")
    with pytest.raises(ValueError, match=r"there is no checkpoint .* \(an earlier run is in .*previous\)"):
        run(small(), SGD(), tmp_path, resume=True)


def test_data_of_the_same_name_are_told_apart(tmp_path):
    problem = small()
    data, images = problem.data, problem.data.train_images.copy()
    images[0, 0, 0] += 1
    other = Dataset.of(
        data.name, data.classes, (images, data.train_labels), (data.validation_images, data.validation_labels)
    )
    run(problem, SGD(), tmp_path)
    with pytest.raises(ValueError, match="was written with channel_means="):
        run(Classification(other, problem.network, problem.batch_size), SGD(), tmp_path, epochs=2, resume=True)


def test_a_checkpoint_from_before_an_option_was_there(tmp_path, monkeypatch):
    """An option that has been added since is off in it."""
    with monkeypatch.context() as then:
        then.setattr("curveball.training.train.settings_of", lambda solver: {"lr": solver.lr})
        run(small(), SGD(momentum=0.0), tmp_path)
    with pytest.raises(ValueError, match="was written with nesterov="):
        run(small(), SGD(momentum=0.0, nesterov=True), tmp_path, epochs=2, resume=True)
    found = run(small(), SGD(momentum=0.0), tmp_path, epochs=2, resume=True)
    assert_same((found.params,), (run(small(), SGD(momentum=0.0), epochs=2).params,))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("No space left on device")])
def test_a_full_disk_keeps_the_checkpoint_before(error, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise error

    run(small(), SGD(), tmp_path)
    kept = (tmp_path / "checkpoint.safetensors").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("safetensors.numpy.save_file", full)
        message = (
            r"the checkpoint .* cannot be written \(.*No space left on device\): the one before is intact; fix this"
        )
        with pytest.raises(ValueError, match=message):
            run(small(), SGD(), tmp_path, epochs=2, resume=True)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == kept
    found = run(small(), SGD(), tmp_path, epochs=2, resume=True)
    assert_same((found.params,), (run(small(), SGD(), epochs=2).params,))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to write to on this system")
def test_a_log_that_cannot_be_written(tmp_path):
    log = Log(tmp_path)
    log.open()
    log._file.close()
    log._file = Path("/dev/full").open("wb")  # noqa: SIM115  (the log closes it)
    with log, pytest.raises(ValueError, match=r"the log /dev/full cannot be written \(No space left on device\)"):
        log.write({})


def test_a_folder_where_a_file_belongs(tmp_path):
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(ValueError, match=r"log\.jsonl is a folder: choose another folder"):
        run(small(), SGD(), tmp_path)


def test_bad_arguments_leave_an_earlier_run_where_it_is(tmp_path):
    run(small(), SGD(), tmp_path, epochs=1)
    with pytest.raises(ValueError, match="epochs"):
        run(small(), SGD(), tmp_path, epochs=0)
    assert not (tmp_path / "previous").exists()
    assert (tmp_path / "checkpoint.safetensors").exists()


def test_log_and_records(tmp_path):
    result = run(small(), CurveBall(lam_every=2), tmp_path, epochs=2, seed=5, name="mine")
    records = log_of(tmp_path)
    assert [r["kind"] for r in records] == ["run", *["step"] * 4, "epoch", *["step"] * 4, "epoch"]
    about = records[0]
    assert about["name"] == "mine"
    assert about["seed"] == 5
    assert {"solver": "CurveBall", "lam_every": 2, "data": "few digits", "network": "cnn", "epochs": 2}.items() <= (
        about.items()
    )
    assert {"batch_size", "dtype", "initialisation", "python", "versions", "processor", "command"} <= set(about)
    step = {"kind", "step", "epoch", "loss", "error", "rho", "beta", "lam", "trust_ratio", "predicted", "seconds"}
    assert set(records[2]) == step
    assert set(records[1]) == step - {"trust_ratio"}  # JSON has no nan
    epoch = {"epoch", "step", "train_loss", "train_error", "validation_loss", "validation_error", "seconds"}
    assert set(records[5]) == {"kind"} | epoch
    steps = [{"kind": "step", **record} for record in result.steps]
    assert steps == [r for r in records if r["kind"] == "step"]
    assert records[5]["train_loss"] == pytest.approx(np.mean([r["loss"] for r in result.steps[:4]]), rel=1e-6)
    assert records[5]["train_error"] == pytest.approx(np.mean([r["error"] for r in result.steps[:4]]), rel=1e-6)


def test_sparse_log_keeps_the_last_step_of_every_epoch():
    result = run(small(), SGD(), epochs=2, log_every=3)
    assert [r["step"] for r in result.steps] == [1, 4, 5, 8]
    assert untimed(result.epochs) == untimed(run(small(), SGD(), epochs=2).epochs)


def test_running_statistics_are_averages_and_validation_uses_them():
    problem = small()
    seen = []

    class Spying(SGD):
        def step(self, *args, **kwargs):
            result = super().step(*args, **kwargs)
            seen.append(result[2]["aux"])
            return result

    result = run(problem, Spying(lr=0.05))
    expected = seen[0]
    for stats in seen[1:]:
        expected = mg.tree_map(lambda old, new: 0.9 * old + 0.1 * new, expected, stats)
    assert set(result.stats) == {"norm1", "norm2"}
    for a, b in zip(tree_flatten(result.stats)[0], tree_flatten(expected)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    images = problem.data.normalise(problem.data.validation_images, np.float32)
    outputs, _ = problem.network(result.params, images, expected)
    errors = np.mean(np.argmax(outputs, axis=1) != problem.data.validation_labels)
    assert result.epochs[-1]["validation_error"] == pytest.approx(errors, abs=1e-6)
    of_the_batch, _ = problem.network(result.params, images, None)
    assert not np.allclose(outputs, of_the_batch, rtol=1e-2)  # a mistake would show


def test_training_learns():
    result = run(small("mlp"), CurveBall(), epochs=8)
    assert result.epochs[-1]["train_error"] < 0.02
    assert result.epochs[-1]["validation_error"] < 0.25  # 150 images only
    assert result.stopped is None


# ------------------------------------------------------------------------------------- a loss that is not finite


def test_divergence_ends_the_run_with_the_step_and_the_last_finite_loss(tmp_path):
    result = run(small("mlp"), SGD(lr=3e38), tmp_path, epochs=3)
    finite = result.steps[-1]
    assert np.isfinite(finite["loss"])
    assert result.stopped.startswith("the loss is ")
    assert f"at step {finite['step'] + 1}; last finite loss: {finite['loss']:.6g} at step" in result.stopped
    assert log_of(tmp_path)[-1] == {"kind": "stopped", "reason": result.stopped}
    assert not (tmp_path / "checkpoint.safetensors").exists()
    assert "go back" not in result.stopped


def test_divergence_that_stays_finite_ends_the_run_too(tmp_path):
    result = run(small("mlp"), SGD(lr=1e10), tmp_path, epochs=3)
    first, last = result.steps[0]["loss"], result.steps[-1]["loss"]
    assert result.first_loss == first
    assert last <= 1e6 * first
    assert f" at step {len(result.steps) + 1}, above {1e6 * first:.6g} where runs end (--diverged-above)" in (
        result.stopped
    )
    assert result.stopped.endswith(f"last loss below: {last:.6g} at step {len(result.steps)}")
    assert not (tmp_path / "checkpoint.safetensors").exists()
    assert log_of(tmp_path)[-1]["kind"] == "stopped"
    strict = run(small("mlp"), SGD(lr=3.0), epochs=3, diverged_above=1.5)
    assert "where runs end" in strict.stopped
    assert "where runs end" not in (run(small("mlp"), SGD(lr=1e10), diverged_above=np.inf).stopped or "")


def test_the_first_loss_is_that_of_the_whole_run(tmp_path):
    first = run(small("mlp"), SGD(), tmp_path).steps[0]["loss"]
    assert run(small("mlp"), SGD(), tmp_path, epochs=2, resume=True).first_loss == first


def test_a_validation_loss_that_diverges(tmp_path):
    class Worse(Classification):
        def validate(self, params, stats):
            return 1e12, 1.0

    problem = small("mlp")
    result = run(Worse(problem.data, problem.network, 32), SGD(), tmp_path)
    assert result.stopped.startswith("the validation loss is 1e+12 after epoch 1, step 4, above ")
    assert not (tmp_path / "checkpoint.safetensors").exists()


class BreaksAt(Classification):
    """A problem whose loss is nan from some training batch on."""

    def batches(self, rng):
        for batch in super().batches(rng):
            self.__dict__["seen"] = self.__dict__.get("seen", 0) + 1
            if self.seen >= 7:
                batch = batch._replace(images=batch.images * np.float32(np.nan))
            yield batch


def test_the_checkpoint_before_stays_and_is_named(tmp_path):
    problem = small("mlp")
    result = run(BreaksAt(problem.data, problem.network, 32), Adam(), tmp_path, epochs=3)
    assert result.stopped.startswith("the loss is nan at step 7; last finite loss: ")
    assert result.stopped.endswith(f"at step 6; go back to {tmp_path / 'checkpoint.safetensors'}")
    whole = run(small("mlp"), Adam(), epochs=2)
    resumed = run(problem, Adam(), tmp_path, epochs=2, resume=True)
    assert_same(resumed.params, whole.params)


class LastStepBreaks(SGD):
    """Its last step of the second epoch ends in nan, which the training loss has not seen yet."""

    def step(self, params, state, *args, **kwargs):
        params, state, info = super().step(params, state, *args, **kwargs)
        if (count := self.__dict__.get("seen", 0) + 1) == 8:
            params = mg.tree_map(lambda w: w * np.float32(np.nan), params)
        self.__dict__["seen"] = count
        return params, state, info


def test_params_that_are_not_finite_are_never_saved(tmp_path):
    result = run(small("mlp"), LastStepBreaks(), tmp_path, epochs=3)
    assert result.stopped.startswith("the validation loss is nan after epoch 2, step 8; last finite loss: ")
    assert result.stopped.endswith(f"go back to {tmp_path / 'checkpoint.safetensors'}")
    leaves, facts = checkpoint.load(tmp_path / "checkpoint.safetensors")
    assert facts["epoch"] == 1
    assert all(np.isfinite(x).all() for x in leaves.values())


@pytest.mark.parametrize(("options", "message"), [
    ({"epochs": 0}, "epochs must be at least 1; got 0"),
    ({"log_every": 0}, "log_every must be at least 1; got 0"),
    ({"seed": -1}, "seed must be zero or positive; got -1"),
    ({"resume": True}, "resume needs the folder"),
], ids=str)  # fmt: skip
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        run(small("mlp"), SGD(), **options)


def test_nothing_is_written_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(replace(small("mlp"), batch_size=50), SGD())
    assert not list(tmp_path.iterdir())
