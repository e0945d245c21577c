"""The course to run in a browser, by JupyterLite: `make lite` writes build/lite/.

The pages, the notebooks and the package's wheel are in that folder, which any web server can give away. Python itself,
that is Pyodide and its builds of NumPy, SciPy and others, is loaded by the reader's browser from the network: the first
cell of every notebook says so.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1]
ROOT = FOLDER.parent
OUT = ROOT / "build" / "lite"
LINK = re.compile(r"(?<!!)\[((?:[^][]|\[[^][]*\])*)\]\((?!\w+:)([^)#\s]*[./][^)#\s]*)(#[^)\s]*)?\)")

# What Pyodide 314.0.6 has of the package's dependencies, by its pyodide-lock.json: the kernel of
# jupyterlite-pyodide-kernel 0.8.6 loads this version.
PYODIDE = {
    "numpy": "2.4.6",
    "scipy": "1.18.0",
    "scikit-learn": "1.8.0",
    "matplotlib": "3.10.8",
    "tqdm": "4.67.3",
    "safetensors": "0.7.0",
    "joblib": "1.5.3",
    "threadpoolctl": "3.6.0",
    "platformdirs": "4.9.4",
    "requests": "2.33.1",
    "pillow": "12.2.0",
}
PURE = ("array-api-compat", "filelock", "array-api-strict", "ipywidgets")  # their wheels are put beside ours
NOT_NEEDED = ("typer", "rich")  # of the command line only
LABEL = """> **This page runs Python in your browser.** Nothing has to be installed, and nothing that you write leaves
> your computer. The next cell loads Python's packages from the network (cdn.jsdelivr.net, tens of megabytes): run it
> first. Training is slower than with Python installed. Your answers are kept by this browser only: use *File, Download*
> to keep a copy."""
INSTALL = f"""import piplite

await piplite.install({json.dumps(list(PYODIDE))})
await piplite.install({json.dumps(list(PURE))}, deps=False)
await piplite.install("curveball-course", deps=False)
print("ready")"""


def dependencies() -> list[str]:
    """What the notebooks need of the package's dependencies, as pyproject.toml states them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    return [*project["dependencies"], *extras["data"], *extras["figures"]]


def for_browser(notebook: dict[str, Any]) -> dict[str, Any]:
    """A notebook with the label and the cell that installs the package; links to files that are not there become text.

    >>> made = for_browser({"cells": [{"cell_type": "markdown", "source": ["See [a](../a.py), [b](02_b.ipynb)."]}]})
    >>> [cell["cell_type"] for cell in made["cells"]], "".join(made["cells"][2]["source"])
    (['markdown', 'code', 'markdown'], 'See a, [b](02_b.ipynb).')
    """
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = LINK.sub(
                lambda found: found[0] if found[2].endswith(".ipynb") else found[1], "".join(cell["source"])
            )
            cell["source"] = text.splitlines(keepends=True)
    first = [
        {"cell_type": "markdown", "id": "label", "metadata": {}, "source": LABEL.splitlines(keepends=True)},
        {
            "cell_type": "code",
            "id": "install",
            "metadata": {"tags": ["install"]},
            "source": INSTALL.splitlines(keepends=True),
            "outputs": [],
            "execution_count": None,
        },
    ]
    kernel = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}
    return {**notebook, "cells": first + notebook["cells"], "metadata": {"kernelspec": kernel}}


def write_contents(folder: Path) -> list[Path]:
    """Write the notebooks for the browser, and their solutions, into a folder; return the files."""
    written = []
    for file in sorted([*FOLDER.glob("[0-9]*.ipynb"), *FOLDER.glob("solutions/[0-9]*.ipynb")]):
        copy = folder / file.relative_to(FOLDER)
        copy.parent.mkdir(parents=True, exist_ok=True)
        made = for_browser(json.loads(file.read_text("utf-8")))
        copy.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", "utf-8")
        written.append(copy)
    return written


def write_wheels(folder: Path) -> list[Path]:
    """Build the package's wheel, and get those of the pure dependencies, into a folder; return the files.

    Where these cannot be had now, browsers get them from PyPI.
    """
    folder.mkdir(parents=True, exist_ok=True)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder.resolve())]
    subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    get = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", str(folder)]
    if subprocess.run([*get, *PURE], check=False, stderr=subprocess.DEVNULL).returncode:
        print(f"there is no package index here: browsers will get {', '.join(PURE)} from PyPI")
    return sorted(folder.glob("*-none-any.whl"))


def build(out: Path) -> None:
    """Write the pages."""
    work = out.with_name(f"{out.name}-parts")
    for folder in (work, out):
        shutil.rmtree(folder, ignore_errors=True)
    notebooks = write_contents(work / "contents")
    wheels = write_wheels(work / "wheels")
    command = [
        sys.executable,
        "-m",
        "jupyterlite_core",
        "build",
        "--contents",
        "contents",
        "--output-dir",
        str(out.resolve()),
    ]
    command += [option for wheel in wheels for option in ("--piplite-wheels", f"wheels/{wheel.name}")]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"JupyterLite could not build the pages: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    print(f"{len(notebooks)} notebooks and {len(wheels)} wheels in {out}")
    print(
        f"look at them with: python -m http.server -d {out} 8000, then http://localhost:8000/lab?path=01_linear_maps.ipynb"
    )


def main() -> None:
    """Write the pages."""
    parser = argparse.ArgumentParser(
        prog="python notebooks/publishing/lite.py", description="The course to run in a browser."
    )
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write to, which is emptied first")
    build(parser.parse_args().out)


if __name__ == "__main__":
    main()
