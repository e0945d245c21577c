"""Files as a user without rights sees them: root may read and write all of them, whatever their modes."""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

import pytest

NOBODY = 65534


@contextlib.contextmanager
def without_rights():
    """Within, this process opens files as a user who owns none of them; where it is not root, as itself."""
    if sys.platform == "win32":
        pytest.skip("folders have no modes there")
    if os.geteuid() != 0:
        yield
        return
    try:
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    except OSError as error:
        os.setegid(0)
        pytest.skip(f"root cannot become another user here: {error}")
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def open_folder():
    """An empty folder that every user can enter; pytest's own are those of one user."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
