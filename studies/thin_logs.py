"""Small copies of the logs of Table 2's runs, to be kept: every epoch, and means of ten logged steps, with five digits.

python studies/thin_logs.py RUNS/cells studies/results/table2-logs
curveball plot studies/results/table2-logs/basic-curveball*.jsonl --y lam --y rho
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]
COUNTS = ("kind", "step", "epoch", "seconds")  # of a mean, those of its last step


def thin(records: Iterable[Record], many: int) -> Iterator[Record]:
    """What is kept of a log: everything but steps, and of these the means of so many.

    >>> log = [{"kind": "step", "step": 10 * k, "loss": float(k)} for k in range(1, 6)]
    >>> [(record["step"], record["loss"]) for record in thin(log, 2)]
    [(20, 1.5), (40, 3.5), (50, 5.0)]
    """
    steps: list[Record] = []
    for record in records:
        whole = len(steps) == many or record["kind"] != "step"
        if steps and whole:
            yield mean(steps)
            steps = []
        if record["kind"] == "step":
            steps.append(record)
        else:
            yield record
    if steps:
        yield mean(steps)


def mean(steps: list[Record]) -> Record:
    """Each number's mean over the steps that have it.

    >>> mean([{"step": 1, "rho": 0.5}, {"step": 11, "rho": 1.5, "trust_ratio": 1.0}])
    {'step': 11, 'rho': 1.0, 'trust_ratio': 1.0}
    """
    known = {key: [step[key] for step in steps if step.get(key) is not None] for step in steps for key in step}
    found = {key: sum(values) / len(values) for key, values in known.items() if key not in COUNTS and values}
    return {key: steps[-1][key] for key in COUNTS if key in steps[-1]} | found


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
    parser.add_argument("--many", type=int, default=10, help="logged steps in a mean")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for log in sorted(options.cells.glob("*/log.jsonl")):
        if "-tuning-" not in log.parent.name:
            records = map(json.loads, log.read_text("utf-8").splitlines())
            lines = [
                json.dumps({key: short(value) for key, value in record.items()})
                for record in thin(records, options.many)
            ]
            (options.out / f"{log.parent.name}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
