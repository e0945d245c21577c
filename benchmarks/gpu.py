"""CurveBall and SGD steps on a GPU, on every library that is usable there, and PyTorch's own: times, launching, memory.

    python benchmarks/gpu.py [--device 0] [--tf32] [--network basic basic-bn resnet18] [--batch 128] [--repeats 20]
    python benchmarks/gpu.py --rehearse      # without a GPU: does it run? PyTorch and JAX on the host, CuPy's double

Writes a Markdown table and a JSON file, `gpu-DEVICE-DATE`, into the folder `--out` (default: the folder that the
variable OUT names, else benchmarks/results), anew after every row. A row that fails says why and ends nothing: each is
measured by a process of its own. Rows for which no time is left of `--minutes` say so. PyTorch computes in full
float32, or in TF32 as ours with `--tf32`, its convolutions tuned by cuDNN. Per step, in milliseconds, medians:

    disagreement  of the loss in three steps from NumPy's, relative, on a few images: is it the same step?
    ms            steps one after the other, nothing waiting between: what training pays
    host ms       the host's time to issue a step
    device ms     the device's time alone. A kernel that only spins is queued first, so that the step's kernels are in
                  line when it ends, and run without gaps; events before and after them tell the time. (A queue holds
                  some thousand kernels: where a step has more, the rest is issued while they run.) Not for JAX.
    launching     1 - device ms / ms: the share of the time in which the device waits for the host
    first s       a compiled step's first call: compiling, or recording the graph, included
    memory MB     the most that the library's pool held
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the packages, where they are not installed, and the double
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # else JAX takes most of the memory at once

from gpu_steps import NETWORKS, OURS, THEIRS, one

from curveball.training.files import output_folder, write_whole
from curveball.training.provenance import provenance

RESULTS = Path(__file__).parent / "results"
COLUMNS = {
    "disagreement": "disagreement", "ms": "ms", "host_ms": "host ms", "device_ms": "device ms",
    "launch_share": "launching", "first_s": "first s", "memory_mb": "memory MB",
}  # fmt: skip


def tasks(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All rows to measure."""
    rows = [(row, solver) for solver in ("curveball", "sgd") for row in OURS]
    rows += [(row, solver) for row, (_, solver) in THEIRS.items()]
    common = {key: getattr(options, key) for key in ("device", "tf32", "repeats", "block", "rehearse")}
    return [
        {"network": network, "batch": batch, "row": row, "solver": solver, **common}
        for network in options.network
        for batch in options.batch
        for row, solver in sorted(rows, key=lambda row: row[1])
    ]


def apart(task: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Measure a row in a process of its own: what it does to the GPU ends with it."""
    command = [sys.executable, str(Path(__file__).resolve()), "--one", json.dumps(task)]
    known = {key: task[key] for key in ("network", "batch", "solver", "row")}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return {**known, "why": f"not done after {seconds:.0f} s"}
    lines = done.stdout.splitlines()
    if done.returncode == 0 and lines:
        return json.loads(lines[-1])
    last = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
    return {**known, "why": last}


def rounded(x: Any) -> Any:
    """Numbers to four digits."""
    if isinstance(x, dict):
        return {key: rounded(value) for key, value in x.items()}
    return float(f"{x:.4g}") if isinstance(x, float) else x


def markdown(rows: list[dict[str, Any]]) -> str:
    """A table of all rows; `why` in place of numbers."""
    head = ["network", "batch", "solver", "on", *COLUMNS.values()]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        cells = [str(row[key]) for key in ("network", "batch", "solver", "row")]
        if "why" in row:
            cells += [row["why"].replace("|", "/"), *[""] * (len(COLUMNS) - 1)]
        else:
            cells += ["-" if row.get(key) is None else f"{row[key]:.3g}" for key in COLUMNS]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write(out: Path, rows: list[dict[str, Any]], options: argparse.Namespace) -> Path:
    """Both files; returns the table's."""
    devices = [row["device"] for row in rows if "device" in row]
    named = next((device for device in devices if "(" in device), devices[0] if devices else "none")
    slug = re.sub(r"[^A-Za-z0-9]+", "-", named.partition("(")[2] or named).strip("-")
    date = datetime.date.today().isoformat()
    facts = {"benchmark": "gpu", "device": named, "rehearsal": options.rehearse, "tf32": options.tf32}
    content = {**facts, "steps_per_repeat": options.block, "rows": [rounded(row) for row in rows], **provenance()}
    path = out / f"gpu-{slug}-{date}"
    table = f"# Steps on {named}, {date}{' (a rehearsal)' if options.rehearse else ''}\n\n{markdown(rows)}"
    write_whole(path.with_suffix(".json"), lambda p: p.write_text(json.dumps(content, indent=1) + "\n"))
    write_whole(path.with_suffix(".md"), lambda p: p.write_text(table))
    return path.with_suffix(".md")


def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure all rows, and write after each."""
    rows: list[dict[str, Any]] = []
    end = time.monotonic() + 60.0 * options.minutes
    for task in tasks(options):
        left = end - time.monotonic()
        if left < 5.0:
            rows.append({**{key: task[key] for key in ("network", "batch", "solver", "row")}, "why": "no time is left"})
            continue
        rows.append(one(task) if options.rehearse else apart(task, min(left, options.limit)))
        print(markdown(rows[-1:]).splitlines()[-1], flush=True)
        write(options.out, rows, options)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", help="index of the GPU")
    parser.add_argument("--tf32", action="store_true", help="round the factors of float32 products to TF32")
    parser.add_argument(
        "--network", nargs="+", choices=(*NETWORKS, "mlp"), help="default: all but mlp; basic in a rehearsal"
    )
    parser.add_argument("--batch", type=int, nargs="+", help="default: 128; 2 in a rehearsal")
    parser.add_argument("--repeats", type=int, help="blocks of steps, of which the median is taken: 20, or 1")
    parser.add_argument("--minutes", type=float, default=60.0, help="when to stop")
    parser.add_argument("--limit", type=float, default=180.0, help="seconds for one row")
    parser.add_argument("--rehearse", action="store_true", help="on the host, with tiny sizes")
    parser.add_argument(
        "--out", type=Path, default=Path(os.environ.get("OUT") or RESULTS), help="the folder to write to"
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)  # a row, for a process of its own
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(json.loads(options.one))))
        return
    options.network = options.network or (["basic"] if options.rehearse else list(NETWORKS))
    options.batch = options.batch or ([2] if options.rehearse else [128])
    options.repeats = (1 if options.rehearse else 20) if options.repeats is None else options.repeats
    options.block = 1 if options.rehearse else 5  # steps timed together
    try:
        if min(options.batch) < 2 or options.repeats < 1:
            raise ValueError(f"batch must be at least 2 and repeats 1; got {options.batch} and {options.repeats}")
        output_folder(options.out)  # better now than when all is measured
    except ValueError as error:
        print(f"gpu.py: {error}", file=sys.stderr)
        sys.exit(2)
    rows = run(options)
    print(f"written to {write(options.out, rows, options)}")


if __name__ == "__main__":
    main()
