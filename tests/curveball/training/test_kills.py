"""Runs that are killed at random moments, again and again: in the end they are the uninterrupted ones, bit by bit.

The long form is `make torture`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_killed_at_random_moments():
    """In a process of its own, which has no threads to fork."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-m",
        "tests.support.kills",
        "--seconds",
        "20",
        "--most",
        "6",
        "--seed",
        str(os.getpid()),
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )  # fmt: skip
    results = [json.loads(line) for line in done.stdout.splitlines()[1:]]
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert sum(result["kills"] for result in results) >= 5
