"""Do the packages work after `pip install`, without a checkout? `make wheel-check`.

Builds the source distribution and the wheel from it. Installs the wheel alone in a new environment: plain_install.py
says what it must do there, and what it says where an extra is missing. Then installs the extra `course`, writes a
learner's copies with `curveball course` and executes the solved ones, one kernel after the other.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = 10

EXECUTE = """
import pathlib, sys, time
import nbformat
from nbclient import NotebookClient

path = pathlib.Path(sys.argv[1])
started = time.perf_counter()
notebook = nbformat.read(path, as_version=4)
resources = {"metadata": {"path": str(path.parent)}}
NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
print(f"{path.stem}: {time.perf_counter() - started:.0f} s", flush=True)
"""

WHERE = "import minigrad, problems, curveball as c; print(minigrad.__file__, problems.__file__, c.__file__, sep='\\n')"


def main() -> None:
    """Build, install, copy, execute; what fails ends it with its own message."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
        environment |= {"COURSE_STATIC": "1", "MPLBACKEND": "module://matplotlib_inline.backend_inline"}

        def run(*command: object) -> None:
            subprocess.run([str(word) for word in command], cwd=folder, env=environment, check=True)

        run(sys.executable, "-m", "build", "--outdir", folder / "dist", ROOT)
        (wheel,) = (folder / "dist").glob("*.whl")
        venv.create(folder / "environment", with_pip=True)
        programs = folder / "environment" / ("Scripts" if os.name == "nt" else "bin")
        run(programs / "python", "-m", "pip", "install", "--quiet", wheel)
        run(programs / "python", ROOT / ".ci" / "plain_install.py")
        run(programs / "curveball", "--help")
        run(programs / "python", "-m", "pip", "install", "--quiet", f"{wheel}[course]")
        found = subprocess.check_output([programs / "python", "-c", WHERE], cwd=folder, env=environment, text=True)
        strangers = [line for line in found.splitlines() if not Path(line).is_relative_to(folder)]
        if strangers:
            sys.exit(f"the packages were not imported from the wheel: {', '.join(strangers)}")
        run(programs / "curveball", "course", "copies")
        solved = sorted((folder / "copies" / "solutions").glob("*.ipynb"))
        if len(solved) != NOTEBOOKS:
            sys.exit(f"there are {len(solved)} solved notebooks in the copies, not {NOTEBOOKS}")
        for notebook in solved:
            run(programs / "python", "-c", EXECUTE, notebook)


if __name__ == "__main__":
    main()
