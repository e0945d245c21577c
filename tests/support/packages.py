"""Copies of a package with files added, and Python processes that import them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copy_with_files(folder: Path, files: dict[str, str]) -> Path:
    """Copy the packages of the files into a folder, write the files (`problems/data/mine.py`), return the folder."""
    for package in {Path(name).parts[0] for name in files}:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return folder


def run(root: Path, code: str) -> str:
    """What a new process prints that imports packages from `root` first. RuntimeError with its errors if it fails."""
    paths = os.pathsep.join([str(root), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, cwd=root, env={**os.environ, "PYTHONPATH": paths}, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout
