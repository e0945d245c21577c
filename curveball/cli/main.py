"""The program: the environment is set before NumPy is loaded, then the command line is read."""

from __future__ import annotations

import os


def main() -> None:
    """Run the command line."""
    # OpenBLAS's idle threads busy-wait, which slows the threads that share a batch of images: with this they sleep
    # after 2^4 cycles (measured in benchmarks/README.md). It is read when NumPy is first imported, so that comes after.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    from curveball.cli.app import app

    app(prog_name="curveball")


if __name__ == "__main__":
    main()
