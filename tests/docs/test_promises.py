"""The page of promises: each is shown by tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_promise_names_tests_that_exist():
    text = (ROOT / "docs/promises.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| What happens")]
    assert len(rows) > 10
    for row in rows:
        files = re.findall(r"`([\w/]*test_\w+\.py)`", row.split("|")[3])
        assert files, row
        for name in files:
            folder = ROOT if "/" in name else ROOT / "tests/curveball/training"
            assert (folder / name).is_file(), name
