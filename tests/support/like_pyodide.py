"""Run code as far as that can be done here as in Pyodide: `python -m tests.support.like_pyodide NOTEBOOK ...`.

In a browser there are no threads, no processes, no sockets, one core, and some modules of the standard library are not
there.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

# https://pyodide.org/en/stable/usage/wasm-constraints.html
MISSING = {
    "_multiprocessing", "_posixshmem", "curses", "dbm", "fcntl", "grp", "idlelib", "msvcrt",
    "nis", "pwd", "readline", "resource", "spwd", "syslog", "termios", "tkinter", "turtle", "venv", "winreg",
    "winsound",
}  # fmt: skip


class Missing:
    """Finds no module that Pyodide lacks."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raise for the modules above."""
        if name.partition(".")[0] in MISSING and not _of_scikit_learn():
            raise ModuleNotFoundError(f"No module named {name!r}: Pyodide has none", name=name)


def _of_scikit_learn() -> bool:
    """Pyodide has a scikit-learn of its own, older than the newest one, which may be the one that is imported here."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_globals.get("__name__", "").startswith("sklearn."):
            return True
    return False


def _refuse(*_: object, **__: object) -> None:
    raise RuntimeError("can't start new thread")


def restrict() -> None:
    """From here on this process is like Pyodide's."""
    sys.meta_path.insert(0, Missing())  # type: ignore[arg-type]
    for name in MISSING & set(sys.modules):
        del sys.modules[name]
    threading.Thread.start = _refuse  # type: ignore[assignment,method-assign]
    for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "sched_getaffinity", "sched_setaffinity"):
        if hasattr(os, name):
            delattr(os, name)
    os.cpu_count = lambda: 1

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event in ("socket.connect", "subprocess.Popen", "os.system", "os.fork"):
            raise OSError(f"a browser has no {event}")

    sys.addaudithook(hook)


def main() -> None:
    """Run the cells of notebooks one after the other."""
    restrict()
    for file in sys.argv[1:]:
        started = time.perf_counter()
        names: dict[str, object] = {"__name__": "__main__", "display": lambda *_: None}
        for cell in json.loads(Path(file).read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), f"<cell of {file}>", "exec"), names)
        print(f"{file}: {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
