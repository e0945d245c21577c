"""Run the array API standard's own tests on minigrad and write docs/array_api.md.

    python -m tests.array_api.run CHECKOUT [--max-examples 15]

CHECKOUT is a checkout of https://github.com/data-apis/array-api-tests with its submodule. Tests that are not listed in
not_passed.txt must pass: the exit code is 1 where one fails. What is listed may pass: the examples are random.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.array_api.page import Outcome, page, reasons

ROOT = Path(__file__).parents[2]
LISTED = Path(__file__).with_name("not_passed.txt")
PAGE = ROOT / "docs/array_api.md"


def run(checkout: Path, max_examples: int) -> list[Outcome]:
    """The outcome of each test; those that are listed may fail."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        words = [
            sys.executable, "-m", "pytest", "array_api_tests", "-q", "--tb=line", "-p", "no:cacheprovider",
            "--disable-deadline", "--max-examples", str(max_examples), "--xfails-file", str(LISTED),
            "--json-report", "--json-report-file", str(report),
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "ARRAY_API_TESTS_MODULE": "tests.array_api.namespace"}
        subprocess.run(words, cwd=checkout, env=environment, check=False)
        tests = json.loads(report.read_text("utf-8"))["tests"]
    return [Outcome(test["nodeid"].removeprefix("array_api_tests/"), test["outcome"]) for test in tests]


def main() -> int:
    """Run, write, and say what is not as it is listed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--max-examples", type=int, default=15)
    given = parser.parse_args()
    if not (given.checkout / "array_api_tests").is_dir():
        sys.exit(f"{given.checkout} is no checkout of data-apis/array-api-tests: give one")
    commit = subprocess.run(
        ["git", "-C", str(given.checkout), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    outcomes = run(given.checkout, given.max_examples)
    groups = reasons(LISTED.read_text("utf-8"))
    PAGE.write_text(page(outcomes, groups, commit.stdout.strip()[:7], given.max_examples), "utf-8")
    failed = [outcome.test for outcome in outcomes if outcome.outcome in ("failed", "error")]
    passed = {outcome.test for outcome in outcomes if outcome.outcome == "xpassed"}
    stale = [reason for reason, tests in groups.items() if set(tests) <= passed]  # perhaps: examples are random
    for test in failed:
        print(f"not listed, and does not pass: {test}")
    for reason in stale:
        print(f"listed, and all of it passes: {reason}")
    print(f"{PAGE} is written")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
