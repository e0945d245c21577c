"""The program: the environment is set before NumPy is loaded, then the command line is read."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line."""
    # OpenBLAS's idle threads busy-wait, which slows the threads that share a batch of images: with this they sleep
    # after 2^4 cycles (measured in benchmarks/README.md). It is read when NumPy is first imported, so that comes after.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    _usable_streams()
    from curveball.cli.app import app

    app(prog_name="curveball")


def _usable_streams() -> None:
    """No file of a run gets the number of a stream that was closed; no locale makes a letter an error."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
