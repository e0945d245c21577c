"""Damaged checkpoints: whatever happens to the file, the run is the same, or one line names the file."""

import json
import os
import struct
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from curveball import SGD, Adam, CurveBall
from curveball.training import checkpoint
from curveball.training.checkpoint import _digest
from curveball.training.options import TrainOptions
from curveball.training.run import RunIsDone
from curveball.training.train import train
from minigrad import tree_flatten
from tests.support.line import Line

SOLVERS = {"curveball": CurveBall(), "sgd": SGD(), "adam": Adam()}


def run(folder, epochs=1, solver=SOLVERS["adam"], **options):
    return train(Line(), solver, TrainOptions(epochs, quiet=True, **options), folder=folder)


def state_of(run):
    return run.params, run.state, run.stats, run.steps, run.epochs


def refused_or_same(folder, expected, solver=SOLVERS["adam"]):
    """Whether the checkpoint was refused, in one line that names it; else the run is the one that was saved."""
    try:
        run(folder, solver=solver, resume=True)
    except RunIsDone as done:
        for a, b in zip(tree_flatten(state_of(done.run))[0], tree_flatten(state_of(expected))[0], strict=True):
            np.testing.assert_array_equal(a, b)
        return False
    except ValueError as error:
        text = str(error)
        assert str(folder / "checkpoint.safetensors") in text
        assert len(text.splitlines()) == 1
        assert len(text) < 1000
        return True
    raise AssertionError("the run went on")


def metadata_of(content):
    size = struct.unpack("<Q", content[:8])[0]
    return size, json.loads(content[8 : 8 + size])


@pytest.mark.parametrize("name", SOLVERS)
def test_flipped_bits_and_changed_bytes_are_seen(name, tmp_path):
    expected = run(tmp_path, solver=SOLVERS[name])
    path = tmp_path / "checkpoint.safetensors"
    whole, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    size, _ = metadata_of(whole)
    for k in range(120):
        damaged = bytearray(whole)
        first, last = [(0, 8), (8, 8 + size), (8 + size, len(whole))][k % 3]
        for _ in range(int(rng.integers(1, 3))):
            place = int(rng.integers(first, last))
            damaged[place] ^= 1 << int(rng.integers(8)) if k % 2 else int(rng.integers(1, 256))
        path.write_bytes(damaged)
        refused += refused_or_same(tmp_path, expected, SOLVERS[name])
    assert refused >= 115  # a changed blank at the end of the header may still be a blank
    for cut in rng.integers(0, len(whole), 20):
        path.write_bytes(whole[:cut])
        assert refused_or_same(tmp_path, expected, SOLVERS[name])
    path.write_bytes(whole)
    assert not refused_or_same(tmp_path, expected, SOLVERS[name])


def test_every_bit_of_the_arrays_counts(tmp_path):
    expected = run(tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    whole = path.read_bytes()
    size, header = metadata_of(whole)
    for name, entry in header.items():
        if name not in ("__metadata__", "facts"):
            damaged = bytearray(whole)
            damaged[8 + size + entry["data_offsets"][0]] ^= 1
            path.write_bytes(damaged)
            assert refused_or_same(tmp_path, expected), name


def forge(path, change, hashed=True):
    """Change the arrays, the numbers and the facts of a checkpoint, and write its SHA-256 anew."""
    content = path.read_bytes()
    arrays, metadata = load_file(path), metadata_of(content)[1]["__metadata__"]
    numbers, facts = json.loads(metadata["numbers"]), json.loads(arrays["facts"].tobytes())
    changed = change(arrays, numbers, facts)
    facts = facts if changed is None else changed
    arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    metadata["numbers"] = json.dumps(numbers)
    if hashed:
        metadata["sha256"] = _digest(arrays, metadata["numbers"])
    save_file(arrays, path, metadata=metadata)


FORGERIES = {
    "another type": lambda a, n, f: a.update({"params['w']": a["params['w']"].astype(np.float32)}),
    "another shape": lambda a, n, f: a.update({"params['w']": np.ones((2, 1))}),
    "an unknown array": lambda a, n, f: a.update({"params['x']": np.ones(1)}),
    "an unknown number": lambda a, n, f: n.update({"more": 1}),
    "a name of two lines": lambda a, n, f: a.update({"x\ny": np.ones(1)}),
    "a missing array": lambda a, n, f: a.pop("state[0]['w']") and None,
    "within an array": lambda a, n, f: a.update({"stats['norm']['mean']['x']": np.ones(1)}),
    "not finite": lambda a, n, f: a.update({"params['w']": np.array([[np.inf]])}),
    "stats that are not finite": lambda a, n, f: a.update({"stats['norm']['mean']": np.array([np.nan])}),
    "a huge count": lambda a, n, f: n.update({"state[2]": 1e308}),
    "a huge integer": lambda a, n, f: n.update({"state[2]": 10**308}),
    "a negative count": lambda a, n, f: n.update({"state[2]": -1}),
    "a count that is none": lambda a, n, f: n.update({"state[2]": None}),
    "a count in words": lambda a, n, f: n.update({"state[2]": "four"}),
    "a count that is true": lambda a, n, f: n.update({"state[2]": True}),
    "epoch 0": lambda a, n, f: f.update({"epoch": 0, "epochs": []}),
    "epoch -1": lambda a, n, f: f.update({"epoch": -1}),
    "epoch of words": lambda a, n, f: f.update({"epoch": "one", "epochs": "one"}),
    "no epoch": lambda a, n, f: f.pop("epoch") and None,
    "seconds": lambda a, n, f: f.update({"seconds": -1.0}),
    "seconds that are nan": lambda a, n, f: f.update({"seconds": float("nan")}),
    "seconds without end": lambda a, n, f: f.update({"seconds": float("inf")}),
    "seconds of text": lambda a, n, f: f.update({"seconds": "some"}),
    "seconds beyond float": lambda a, n, f: f.update({"seconds": 10**400}),
    "a first loss": lambda a, n, f: f.update({"first_loss": float("inf")}),
    "a part": lambda a, n, f: f.update({"part": {"generator": {}, "batches": -1}}),
    "another part": lambda a, n, f: f.update({"part": [1, 2]}),
    "no generator": lambda a, n, f: f.update({"generator": None}),
    "another generator": lambda a, n, f: f["generator"].update({"bit_generator": "MT19937"}),
    "a generator of text": lambda a, n, f: f["generator"]["state"].update({"state": "1"}),
    "a generator out of range": lambda a, n, f: f["generator"]["state"].update({"state": -1}),
    "no log": lambda a, n, f: f.update({"log": None}),
    "a log of negative length": lambda a, n, f: f.update({"log": {"bytes": -1, "sha256": ""}}),
    "no data": lambda a, n, f: f.update({"data": 3}),
    "about nothing": lambda a, n, f: f.update({"about": []}),
    "facts that are a list": lambda a, n, f: [f],
    "facts that are null": lambda a, n, f: [],
}  # fmt: skip


@pytest.mark.parametrize("change", FORGERIES.values(), ids=FORGERIES)
def test_forged_facts_are_refused_although_the_hash_is_right(change, tmp_path):
    expected = run(tmp_path)
    forge(tmp_path / "checkpoint.safetensors", change)
    assert refused_or_same(tmp_path, expected)


def test_forging_changes_nothing_by_itself(tmp_path):
    expected = run(tmp_path)
    forge(tmp_path / "checkpoint.safetensors", lambda a, n, f: None)
    assert not refused_or_same(tmp_path, expected)
    forge(tmp_path / "checkpoint.safetensors", lambda a, n, f: f.update({"seconds": 7.0}), hashed=False)
    assert refused_or_same(tmp_path, expected)


HEADERS = {
    "a length beyond the file": b"\xff" * 8,
    "a negative length": struct.pack("<q", -1),
    "nothing": b"",
    "no header": struct.pack("<Q", 0),
    "not JSON": struct.pack("<Q", 3) + b"{{{",
    "a list": struct.pack("<Q", 2) + b"[]",
    "no text": struct.pack("<Q", 4) + b"\xff\xfe\xfd\xfc",
    "deep": struct.pack("<Q", 100_000) + b"[" * 100_000,
    "a strange type": (lambda h: struct.pack("<Q", len(h)) + h + b"\0\0")(
        b'{"x":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'
    ),
    "an unknown type": (lambda h: struct.pack("<Q", len(h)) + h + b"\0\0")(
        b'{"x":{"dtype":"Z9","shape":[1],"data_offsets":[0,2]}}'
    ),
    "a huge shape": (lambda h: struct.pack("<Q", len(h)) + h + b"\0\0")(
        b'{"x":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,2]}}'
    ),
    "metadata that is none": (lambda h: struct.pack("<Q", len(h)) + h)(b'{"__metadata__":{"format":"3"}}'),
    "metadata of two lines": (lambda h: struct.pack("<Q", len(h)) + h)(b'{"__metadata__":{"format":"3\\n\\n4"}}'),
    "numbers that are none": (lambda h: struct.pack("<Q", len(h)) + h)(
        b'{"__metadata__":{"format":"3","numbers":"[1, 2","sha256":""}}'
    ),
}


@pytest.mark.parametrize("content", HEADERS.values(), ids=HEADERS)
def test_forged_headers(content, tmp_path):
    expected = run(tmp_path)
    (tmp_path / "checkpoint.safetensors").write_bytes(content)
    assert refused_or_same(tmp_path, expected)


def not_a_file(path, kind):
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(kind)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize("kind", ["fifo", "folder", "/dev/zero", "/dev/full"])
@pytest.mark.parametrize("name", ["checkpoint.safetensors", "checkpoint-before.safetensors", "log.jsonl"])
def test_what_is_no_file_never_waits(name, kind, tmp_path):
    run(tmp_path, 2)
    (tmp_path / name).unlink()
    not_a_file(tmp_path / name, kind)
    if name == "checkpoint.safetensors":
        (tmp_path / "checkpoint-before.safetensors").unlink()
    if name != "checkpoint-before.safetensors":
        with pytest.raises(ValueError, match="not a regular file") as error:
            run(tmp_path, 3, resume=True)
        assert str(tmp_path / name) in str(error.value)
        assert len(str(error.value).splitlines()) == 1
    with pytest.raises(ValueError, match="choose another folder for the results"):
        run(tmp_path)


def test_a_checkpoint_of_the_format_before(tmp_path):
    expected = run(tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    save_file({"facts": np.zeros(3, np.uint8)}, path, metadata={"format": "2", "numbers": "{}"})
    assert refused_or_same(tmp_path, expected)
    with pytest.raises(ValueError, match="format 2, not 3: continue it with the version that wrote it"):
        checkpoint.load(path)


# ------------------------------------------------------------------------------------- the one before


def test_the_last_two_are_kept(tmp_path):
    run(tmp_path, 3)
    epochs = [
        checkpoint.load(tmp_path / name)[1]["epoch"]
        for name in ("checkpoint.safetensors", "checkpoint-before.safetensors")
    ]
    assert epochs == [3, 2]


@pytest.mark.parametrize("damage", [b"", b"torn", None], ids=["empty", "torn", "gone"])
def test_the_one_before_takes_over(damage, tmp_path, capsys):
    whole = run(tmp_path / "whole", 4)
    run(tmp_path, 3)
    path, before = tmp_path / "checkpoint.safetensors", tmp_path / "checkpoint-before.safetensors"
    path.unlink() if damage is None else path.write_bytes(damage)
    found = run(tmp_path, 4, resume=True)
    said = capsys.readouterr().err
    assert f"the run continues from the one before, {before}" in said
    assert len(said.splitlines()) == 1 + (damage is not None)
    for a, b in zip(tree_flatten(found.params)[0], tree_flatten(whole.params)[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert [record["step"] for record in found.steps] == list(range(1, 17))
    if damage is not None:  # kept, and not in the way of the good ones
        assert (tmp_path / "checkpoint-damaged.safetensors").read_bytes() == damage
    assert [checkpoint.load(p)[1]["epoch"] for p in (path, before)] == [4, 3]


def test_both_damaged(tmp_path):
    expected = run(tmp_path, 2)
    for name in ("checkpoint.safetensors", "checkpoint-before.safetensors"):
        (tmp_path / name).write_bytes(b"torn")
    assert refused_or_same(tmp_path, expected)


def test_what_killed_runs_left_is_removed_and_nothing_else(tmp_path):
    run(tmp_path)
    (tmp_path / ".writing-abcd1234").mkdir()
    (tmp_path / ".writing-abcd1234" / "figure2.png").write_text("half")
    mine = [".writing-mine", ".hidden", "writing-abcd1234"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    run(tmp_path, 2, resume=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [*mine, "checkpoint.safetensors", "checkpoint-before.safetensors", "log.jsonl"]
    )


def test_files_are_on_the_disk_before_they_take_the_place_of_others(tmp_path, monkeypatch):
    """What a power failure needs: the log first, then the new file, then its name, then the folder."""
    seen, paths = [], {}
    for name, tell in {
        "open": lambda path, *_: None,
        "fsync": lambda handle: seen.append(("fsync", paths.get(handle, "log.jsonl"))),
        "replace": lambda old, new: seen.append(("replace", os.path.basename(new))),
    }.items():
        original = getattr(os, name)

        def spy(*args, original=original, tell=tell, **kwargs):
            tell(*args)
            result = original(*args, **kwargs)
            if original.__name__ == "open":
                paths[result] = os.path.basename(args[0])
            return result

        monkeypatch.setattr(f"curveball.training.files.os.{name}", spy)
    run(tmp_path)
    paths.clear()
    seen.clear()
    run(tmp_path, 2, resume=True)
    names = [("fsync", name) for name in ("log.jsonl", "checkpoint.safetensors")]
    assert seen[:2] == names
    assert seen[2:4] == [("replace", "checkpoint-before.safetensors"), ("replace", "checkpoint.safetensors")]
    assert seen[4] == ("fsync", tmp_path.name)
    assert len(seen) == 5


def test_there_is_a_checkpoint_at_every_moment(tmp_path, monkeypatch):
    run(tmp_path)
    path, there, replace = tmp_path / "checkpoint.safetensors", [], os.replace

    def spy(*args):
        there.append(path.exists())
        replace(*args)
        there.append(path.exists())

    monkeypatch.setattr("curveball.training.files.os.replace", spy)
    run(tmp_path, 2, resume=True)
    assert there == [True] * 4


def test_file_systems_without_links(tmp_path, monkeypatch):
    def no_links(*args, **kwargs):
        raise OSError("not supported")

    monkeypatch.setattr("curveball.training.files.os.link", no_links)
    run(tmp_path, 3)
    assert checkpoint.load(tmp_path / "checkpoint-before.safetensors")[1]["epoch"] == 2
