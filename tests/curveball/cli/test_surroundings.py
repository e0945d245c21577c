"""What surrounds a run must not end it: closed and full streams, a locale without letters, a full disk, no terminal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curveball.training import checkpoint

ROOT = Path(__file__).parents[3]
SHORT = ["--network", "mlp", "--epochs", "1", "--solver", "sgd"]
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to write to on this system")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
PROGRAM = f'"{sys.executable}" -c "from curveball.cli.main import main; main()"'


def shell(text, *arguments, **environment):
    """A command line with {} for the program and its arguments."""
    words = " ".join(f"'{word}'" for word in arguments)
    given = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **environment}
    return subprocess.run(
        ["/bin/sh", "-c", text.format(f"{PROGRAM} {words}")], capture_output=True, env=given, check=False, timeout=120
    )  # fmt: skip


@POSIX
@FULL
@pytest.mark.parametrize(
    ("name", "stream"),
    [("train", "2>/dev/full"), ("train", "2>&- <&-"), ("compare", "2>/dev/full"), ("compare", "2>&-")],
)
def test_standard_error_that_cannot_be_written(name, stream, tmp_path):
    done = shell("{} " + stream, name, *SHORT, "--out", tmp_path)
    assert done.returncode == 0
    assert b"train loss" in done.stdout
    assert checkpoint.load(next(tmp_path.glob("**/checkpoint.safetensors")))[1]["epoch"] == 1
    log = next(tmp_path.glob("**/log.jsonl")).read_text("utf-8")
    assert json.loads(log.splitlines()[-1])["kind"] == "epoch"


@POSIX
@FULL
@pytest.mark.parametrize("options", [["--solver", "sgd:lr=3e38"], ["--epochs", "0"]], ids=["diverged", "bad input"])
def test_the_exit_code_is_the_same_where_errors_cannot_be_said(options, tmp_path):
    codes = {shell("{} 2>" + to, "train", *SHORT, *options, "--out", tmp_path).returncode for to in ("/dev/full", "&-")}
    assert codes == {shell("{}", "train", *SHORT, *options, "--out", tmp_path).returncode}
    assert 0 not in codes


@POSIX
@FULL
def test_standard_output_that_cannot_be_written(tmp_path):
    done = shell("{} >/dev/full", "train", *SHORT, "--quiet", "--out", tmp_path)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == ["curveball: [Errno 28] No space left on device"]
    assert checkpoint.load(tmp_path / "checkpoint.safetensors")[1]["epoch"] == 1
    assert shell("{} >&-", "train", *SHORT, "--quiet", "--out", tmp_path).returncode == 0


@POSIX
def test_no_bar_without_a_terminal(tmp_path):
    done = shell("{}", "train", *SHORT[:2], "--epochs", "2", "--out", tmp_path)
    first, second = done.stderr.decode().splitlines()
    assert first.startswith("curveball: epoch 1 of 2, training loss ")
    assert second.startswith("curveball: epoch 2 of 2, training loss ")


def write_images(folder, classes):
    """Eight images of each class, in bright and dark."""
    for split, count in (("train", 8), ("validation", 2)):
        for k, name in enumerate(classes):
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = np.full((8, 8), 100 * k + number, np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{number}.png")


@POSIX
def test_letters_in_a_locale_without_them(tmp_path):
    folder, out = tmp_path / "Blümchen", tmp_path / "Ergebnis-é"
    write_images(folder, ["Gänse", "猫"])
    data = ["--data", "folder", "--data-folder", folder, "--batch-size", "4"]
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = shell("{}", "compare", *SHORT, *data, "--seeds", "2", "--out", out, **plain)
    assert done.returncode == 0, done.stderr
    assert "±" in (out / "table2.md").read_text("utf-8")
    done = shell("{}", "train", *SHORT[2:], *data, "--network", "mlp", "--out", out / "train", **plain)
    assert done.returncode == 0, done.stderr
    done = shell("{}", "train", *SHORT, *data, "--epochs", "2", "--resume", "--out", out / "train", **plain)
    assert done.returncode == 0, done.stderr
    for path in out.rglob("*.json*"):
        path.read_text("utf-8")


def test_training_imports_no_matplotlib(tmp_path):
    program = (
        "import sys; from curveball.cli.app import app\n"
        "try: app(sys.argv[1:])\n"
        "finally: print(sorted({'matplotlib', 'pandas'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    arguments = ["train", *SHORT, "--quiet", "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
    program = "import curveball.training.train, sys; print(sorted({'matplotlib', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "[]\n"


# ------------------------------------------------------------------------------------- a full disk


# Files may not grow beyond so many bytes, which fails as a full disk does.
LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0})); "


@POSIX
@pytest.mark.parametrize(("name", "size"), [("train", 0), ("train", 3000), ("train", 30_000), ("compare", 30_000)])
def test_a_full_disk_is_one_line_and_loses_nothing(name, size, tmp_path):
    """From no room at all to room for a part of the log, or of the checkpoint."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}  # joblib's
    out = ["--out", str(tmp_path)]

    def run(*more, before=""):
        program = [sys.executable, "-c", f"{before}from curveball.cli.main import main; main()"]
        return subprocess.run(
            [*program, name, *SHORT, "--quiet", *more, *out],
            capture_output=True, text=True, env=environment, check=False,
        )  # fmt: skip

    assert run().returncode == 0
    (path,) = tmp_path.glob("**/checkpoint.safetensors")
    kept = path.read_bytes()
    done = run("--epochs", "2", "--resume", before=LIMITED.format(size))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("curveball: ")
    assert "cannot be written" in done.stderr
    assert path.read_bytes() == kept
    assert not [p for p in tmp_path.rglob(".*") if p.name != ".lock"]
    whole = run("--epochs", "2", "--resume")
    assert whole.returncode == 0, whole.stderr
    assert checkpoint.load(path)[1]["epoch"] == 2
