"""Small copies of the logs of Table 2's runs, to be kept: every epoch, and one step in 50, with five digits.

python studies/thin_logs.py RUNS/cells studies/results/table2-logs
curveball plot studies/results/table2-logs/basic-curveball*.jsonl --y lam --y rho
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def thin(lines: Iterator[str], every: int) -> Iterator[str]:
    """What is kept of a log: everything but steps, and of those each `every`-th.

    >>> log = ['{"kind": "step", "step": 10, "loss": 0.123456789}', '{"kind": "step", "step": 50, "loss": 2.5}']
    >>> list(thin(iter(log), 50))
    ['{"kind": "step", "step": 50, "loss": 2.5}']
    """
    for line in lines:
        record = json.loads(line)
        if record["kind"] != "step" or record["step"] % every == 0:
            yield json.dumps({key: short(value) for key, value in record.items()})


def short(value: Any) -> Any:
    """Five digits of a number.

    >>> short(0.123456789), short(40), short("basic")
    (0.12346, 40, 'basic')
    """
    return float(f"{value:.5g}") if isinstance(value, float) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells", type=Path, help="the folder with a folder for each run")
    parser.add_argument("out", type=Path)
    parser.add_argument("--every", type=int, default=50, help="steps")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for log in sorted(options.cells.glob("*/log.jsonl")):
        if "-tuning-" not in log.parent.name:
            with log.open(encoding="utf-8") as lines:
                text = "\n".join(thin(lines, options.every)) + "\n"
            (options.out / f"{log.parent.name}.jsonl").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
