"""Peak memory of a training run on CIFAR-10, batch 128, with augmentation; one JSON line.

    python benchmarks/memory.py --cifar DIR [--network basic|basic-bn] [--solver curveball]

An epoch by the command line in a process of its own; `peak_mb` is its maximum resident set size as the system counts
it, in MB of 10^6 bytes. The data set, kept as bytes, is 184 MB of it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from contenders import NETWORKS

from curveball.training.provenance import provenance

UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in what getrusage counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cifar", type=Path, required=True, help="folder of CIFAR-10")
    parser.add_argument("--network", default="basic", choices=NETWORKS)
    parser.add_argument("--solver", default="curveball")
    options = parser.parse_args()
    words = ["train", "--data", "cifar10", "--network", options.network, "--solver", options.solver]
    words += ["--batch-size", "128", "--epochs", "1", "--augment"]
    with tempfile.TemporaryDirectory() as out:
        places = ["--data-folder", str(options.cifar), "--out", out, "--quiet"]
        program = [sys.executable, "-c", "from curveball.cli.main import main; main()"]
        subprocess.run([*program, *words, *places], check=True, stdout=subprocess.DEVNULL)
    peak = 1e-6 * UNIT * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    facts = {"benchmark": "memory", "arguments": " ".join(words), "peak_mb": round(peak, 1)}
    print(json.dumps({**facts, **provenance()}))


if __name__ == "__main__":
    main()
