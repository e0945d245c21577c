"""Read a folder of many small images: seconds, and the peak of memory relative to the images.

    python benchmarks/read_images.py --count 20000 --side 32

writes the files to a temporary folder, reads them in a fresh process and prints one line of JSON. `ratio` is the growth
of the process's peak over the bytes of the images.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

READ = """
import json, resource, sys, time
from problems import load
load("folder", sys.argv[1] + "/few")  # what is imported once does not count
def peak(): return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, started = peak(), time.perf_counter()
data = load("folder", sys.argv[1] + "/many")
seconds = time.perf_counter() - started
size = data.train_images.nbytes + data.validation_images.nbytes
print(json.dumps({"images": len(data.train_labels) + len(data.validation_labels), "shape": data.train_images.shape[1:],
    "megabytes": round(size / 1e6, 1), "peak_megabytes": round((peak() - before) / 1e6, 1),
    "ratio": round((peak() - before) / size, 3), "seconds": round(seconds, 2)}))
"""


def write(folder: Path, count: int, side: int, channels: int) -> None:
    """Noise in two classes."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    shape = (side, side, 3) if channels == 3 else (side, side)
    for k in range(count):
        path = folder / f"class{k % 2}" / f"{k:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(path, compress_level=1)


def main() -> None:
    """Write, read, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--channels", type=int, choices=(1, 3), default=3)
    given = parser.parse_args()
    root = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "few", 10, given.side, given.channels)
        write(Path(folder) / "many", given.count, given.side, given.channels)
        paths = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
        subprocess.run([sys.executable, "-c", READ, folder], env={**os.environ, "PYTHONPATH": paths}, check=True)


if __name__ == "__main__":
    main()
