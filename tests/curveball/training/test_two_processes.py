"""The lock of a folder: a second process is refused with the number of the first, that of a dead one is taken over."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from curveball import SGD
from curveball.training.lock import locked
from curveball.training.options import TrainOptions
from curveball.training.train import train
from tests.support.line import Line

ROOT = Path(__file__).parents[3]
HOLDS = """
import sys, time
from pathlib import Path
from curveball.training.lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def run(folder, **options):
    return train(Line(), SGD(), TrainOptions(1, quiet=True, **options), folder=folder)


def test_the_second_is_refused_and_changes_nothing(other, tmp_path):
    with pytest.raises(ValueError, match="is writing to") as error:
        run(tmp_path)
    assert str(error.value) == (
        f"the process {other.pid} is writing to {tmp_path}: wait for it, or choose another folder with --out"
    )
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


@pytest.mark.parametrize("end", [signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)])
def test_the_lock_of_a_dead_process_is_taken_over(end, other, tmp_path):
    other.send_signal(end)
    other.wait(10)
    assert (tmp_path / ".lock").exists()
    run(tmp_path)
    assert not (tmp_path / ".lock").exists()


def test_within_a_process_too(tmp_path):
    with locked(tmp_path), pytest.raises(ValueError, match=f"the process {os.getpid()} is writing to"):
        run(tmp_path)
    run(tmp_path)


def test_it_is_released_at_errors(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_what_a_lock_file_holds_does_not_matter(tmp_path):
    (tmp_path / ".lock").write_text("12345 left by a crash\n" * 10)
    run(tmp_path)


def test_a_folder_in_its_place(tmp_path):
    (tmp_path / ".lock").mkdir()
    with pytest.raises(ValueError, match=r"the output folder .* cannot be written"):
        run(tmp_path)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files are counted in /proc")
def test_no_file_stays_open_where_the_one_before_removed_the_lock(tmp_path, monkeypatch):
    answers, samestat = iter([False, False]), os.path.samestat
    monkeypatch.setattr(os.path, "samestat", lambda a, b: next(answers, True) and samestat(a, b))
    before = len(os.listdir("/proc/self/fd"))
    with locked(tmp_path):
        assert len(os.listdir("/proc/self/fd")) == before + 1
    assert len(os.listdir("/proc/self/fd")) == before
