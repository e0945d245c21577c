"""Studies are scripts in a folder of their own: tests import them from there, and leave none behind."""

import sys
from pathlib import Path

import pytest

STUDIES = Path(__file__).parents[2] / "studies"


@pytest.fixture
def load_study(monkeypatch):
    """A function from the name of a study to its module."""
    monkeypatch.syspath_prepend(STUDIES)
    yield __import__
    for path in STUDIES.glob("*.py"):
        sys.modules.pop(path.stem, None)
