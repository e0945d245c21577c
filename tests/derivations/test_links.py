"""Docstrings and the derivations' README name the derivations by file: each name exists, and each file is named."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = {path.stem for path in Path(__file__).parent.glob("test_[0-9]*.py")}
NAME = re.compile(r"test_[0-9]{2}_[a-z_]+")


def named(paths):
    return {name for path in paths for name in NAME.findall(path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize(
    "where",
    [("tests/derivations/README.md",), ("curveball/**/*.py", "minigrad/**/*.py", "problems/**/*.py")],
)
def test_every_derivation_is_named(where):
    assert named(path for pattern in where for path in ROOT.glob(pattern)) == FILES


def test_the_readme_leads_to_the_derivations():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "(tests/derivations/README.md)" in readme
    assert named([ROOT / "README.md"]) <= FILES
