"""Checkpoints: any tree comes back bit by bit, and what is not a checkpoint of the run is refused."""

from dataclasses import replace

import numpy as np
import pytest

from curveball import SGD, Adam, CurveBall
from curveball.training import checkpoint
from curveball.training.files import write_whole
from minigrad import tree_flatten
from tests.support.training import assert_same, run, small


def test_a_checkpoint_holds_any_tree(tmp_path):
    rng = np.random.default_rng(0)
    tree = {"a": [rng.standard_normal((2, 3)).T, np.float32(2.5)], "b": (np.arange(3), {"c": np.zeros((0, 2))}), "d": 7}
    checkpoint.save(tmp_path / "file", {"x": tree, "nothing": None}, {"fact": [1, "two"]})
    leaves, facts = checkpoint.load(tmp_path / "file")
    found = checkpoint.restore("x", tree, leaves)
    assert_same(found, tree)
    assert [np.shape(x) for x in tree_flatten(found)[0]] == [np.shape(x) for x in tree_flatten(tree)[0]]
    assert facts == {"fact": [1, "two"]}
    assert checkpoint.restore_dict("nothing", leaves) == {}


def test_nested_dicts_come_back_without_a_model_of_them(tmp_path):
    stats = {"norm1": {"mean": np.ones(3), "var": np.zeros(3)}, "norm2": {"mean": np.full(2, 0.5)}}
    checkpoint.save(tmp_path / "file", {"stats": stats, "state": {"norm1": np.ones(1)}}, {})
    found = checkpoint.restore_dict("stats", checkpoint.load(tmp_path / "file")[0])
    assert {key: set(value) for key, value in found.items()} == {"norm1": {"mean", "var"}, "norm2": {"mean"}}
    assert_same(found, stats)


def test_a_checkpoint_of_another_tree(tmp_path):
    checkpoint.save(tmp_path / "file", {"x": {"a": np.ones(2)}}, {})
    leaves, _ = checkpoint.load(tmp_path / "file")
    with pytest.raises(ValueError, match=r"the checkpoint has no x\['b'\]: it is of another network or solver"):
        checkpoint.restore("x", {"a": 0, "b": 0}, leaves)


def test_a_checkpoint_of_another_shape(tmp_path):
    checkpoint.save(tmp_path / "file", {"x": {"a": np.ones(2)}}, {})
    leaves, _ = checkpoint.load(tmp_path / "file")
    with pytest.raises(
        ValueError, match=r"the checkpoint's x\['a'\] has shape \(2,\), this run's \(3,\): it is of another"
    ):
        checkpoint.restore("x", {"a": np.ones(3)}, leaves)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint at all", b"\xff" * 64, None], ids=repr)
def test_a_corrupt_checkpoint(content, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    if content is None:  # torn: only the first half was written
        run(small("mlp"), SGD(), tmp_path)
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not a checkpoint that can be read") as error:
        run(small("mlp"), SGD(), tmp_path, epochs=2, resume=True)
    assert str(path) in str(error.value)


def test_a_safetensors_file_of_somebody_else(tmp_path):
    from safetensors.numpy import save_file

    path = tmp_path / "checkpoint.safetensors"
    save_file({"w": np.ones(3)}, path)
    with pytest.raises(ValueError, match="is not a checkpoint of this version: format None, not 3"):
        run(small("mlp"), SGD(), tmp_path, epochs=2, resume=True)


def test_a_missing_checkpoint_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"there is no checkpoint .*: start the run without --resume first"):
        run(small("mlp"), SGD(), tmp_path / "new", epochs=2, resume=True)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("change", "message"), [
    ({"solver": SGD(lr=0.02)}, "lr=0.01, this run has lr=0.02"),
    ({"solver": Adam(lr=0.01)}, "solver=SGD, this run has solver=Adam"),
    ({"seed": 1}, "seed=0, this run has seed=1"),
    ({"problem": small("mlp", batch_size=16)}, "batch_size=32, this run has batch_size=16"),
    ({"problem": small("cnn")}, "network=mlp, this run has network=cnn"),
    ({"problem": small("mlp", dtype=np.float64)}, "dtype=float32, this run has dtype=float64"),
    ({"problem": replace(small("mlp"), augment=True)}, "augment=False, this run has augment=True"),
], ids=["lr", "solver", "seed", "batch_size", "network", "dtype", "augment"])  # fmt: skip
def test_resuming_with_other_options(change, message, tmp_path):
    run(small("mlp"), SGD(lr=0.01), tmp_path)
    before = (tmp_path / "log.jsonl").read_text()
    options = {"problem": small("mlp"), "solver": SGD(lr=0.01), **change}
    with pytest.raises(ValueError, match=message):
        run(folder=tmp_path, epochs=2, resume=True, **options)
    assert (tmp_path / "log.jsonl").read_text() == before


def test_resuming_without_an_option_that_was_given(tmp_path):
    run(small("mlp"), CurveBall(rho=0.9), tmp_path)
    with pytest.raises(ValueError, match=r"rho=0\.9, this run has rho=None"):
        run(small("mlp"), CurveBall(), tmp_path, epochs=2, resume=True)


def test_resuming_a_run_that_is_done(tmp_path):
    run(small("mlp"), SGD(), tmp_path)
    with pytest.raises(ValueError, match="has its 1 epochs: ask for more to continue"):
        run(small("mlp"), SGD(), tmp_path, epochs=1, resume=True)


def test_a_kill_in_mid_write_leaves_the_old_checkpoint_whole(tmp_path, monkeypatch):
    import safetensors.numpy

    expected = run(small("mlp"), Adam(), epochs=3)
    run(small("mlp"), Adam(), tmp_path, epochs=1)
    path = tmp_path / "checkpoint.safetensors"
    before = path.read_bytes()

    def torn(arrays, file, **kwargs):
        file.write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(safetensors.numpy, "save_file", torn)
        with pytest.raises(KeyboardInterrupt):
            run(small("mlp"), Adam(), tmp_path, epochs=3, resume=True)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.safetensors", "log.jsonl"]
    assert_same(run(small("mlp"), Adam(), tmp_path, epochs=3, resume=True).params, expected.params)


def test_write_whole_replaces_or_leaves_nothing(tmp_path):
    path, plain = tmp_path / "file.txt", tmp_path / "plain.txt"
    write_whole(path, lambda temporary: temporary.write_text("one"))
    write_whole(path, lambda temporary: temporary.write_text("two"))
    plain.write_text("one")
    assert path.read_text() == "two"
    assert path.stat().st_mode == plain.stat().st_mode  # not the private mode of a temporary file
    with pytest.raises(ZeroDivisionError):
        write_whole(tmp_path / "new.txt", lambda temporary: 1 / 0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file.txt", "plain.txt"]


def test_a_count_may_be_as_large_as_floats_hold_exactly(tmp_path):
    checkpoint.save(tmp_path / "file", {"x": {"n": 2**53}}, {})
    assert checkpoint.restore("x", {"n": 0}, checkpoint.load(tmp_path / "file")[0]) == {"n": 2**53}
    checkpoint.save(tmp_path / "more", {"x": {"n": 2**53 + 1}}, {})
    with pytest.raises(ValueError, match="out of range"):
        checkpoint.restore("x", {"n": 0}, checkpoint.load(tmp_path / "more")[0])
