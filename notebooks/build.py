"""Make the notebooks from their sources: `python notebooks/build.py [NAME ...]`, or `make notebooks`.

A source is `notebooks/sources/NN_name.py` in jupytext's `py:percent` form and holds the solutions. Out of it come,
executed from a clean kernel and with their outputs,

    notebooks/solutions/NN_name.ipynb   the notebook solved
    notebooks/NN_name.ipynb             the same with the exercises blank and their outputs left out
    notebooks/hints/NN_name.json        the hints and solutions, which `curveball.course` gives on demand

Cells are told apart by tags:

    # %% tags=["exercise"]           code; what stands between `### BEGIN SOLUTION` and `### END SOLUTION` is blanked
    # %% tags=["wrong"]              wrong answers: in neither notebook, for the tests (tests/support/wrong_answers.py)
    # %% tags=["checkpoint"]         code that passes with the solution and fails with any wrong one
    # %% tags=["hint"]               `hint("1.1")`, then comments `# 1. ...` to `# 3. ...`, which go to the JSON file
    # %% tags=["predict"]            `predict("abc")`: buttons for a question with choices in the Markdown cell before
    # %% [markdown] tags=["answer"]  which choice was right, and why: shown when it is opened
    # %% tags=["hide-input"]         code that is no lesson, and checkpoints: folded; its first line is what is seen
    # %% tags=["hide-output"]        the figure that answers a question: folded until the reader opens it
"""

from __future__ import annotations

import argparse
import json
import os
import posixpath
import re
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = "raise NotImplementedError  # your turn"
HINT = re.compile(r"^# [1-3]\. ", re.MULTILINE)
HELP = {"hint", "predict"}  # cells for a learner with a kernel: not solved, not executed, not on the site
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")  # a relative one, and its anchor
TIMEOUT = 300  # seconds for one cell: what is slower is stuck


def sources() -> list[Path]:
    """The sources, in order."""
    return sorted((FOLDER / "sources").glob("[0-9][0-9]_*.py"))


def tags(cell: nbformat.NotebookNode) -> list[str]:
    """The tags of a cell."""
    return cell.metadata.get("tags", [])


def blank(code: str) -> str:
    """Replace the solutions of a cell by a line that says it is the reader's turn.

    >>> print(blank("def double(x):\\n    ### BEGIN SOLUTION\\n    return 2 * x\\n    ### END SOLUTION"))
    def double(x):
        raise NotImplementedError  # your turn
    """
    lines, solving = [], False
    for line in code.splitlines():
        if line.strip() == BEGIN:
            solving = True
            lines.append(line.replace(BEGIN, STUB))
        elif line.strip() == END:
            solving = False
        elif not solving:
            lines.append(line)
    return "\n".join(lines)


def cells(source: Path) -> list[nbformat.NotebookNode]:
    """The cells of the notebooks as the source has them, folded and numbered; solutions are still marked."""
    kept = [cell for cell in jupytext.read(source).cells if "wrong" not in tags(cell)]
    for k, cell in enumerate(kept):
        cell.id = f"cell-{k}"
        if "hint" in tags(cell):
            cell.source = "\n".join(line for line in cell.source.splitlines() if not line.startswith("#"))
        if HELP & set(tags(cell)):
            cell.metadata.tags = [*tags(cell), "remove-cell"]
        if "answer" in tags(cell):
            cell.source = f"<details><summary>Which was right, and why?</summary>\n\n{cell.source}\n\n</details>"
        folded = {"source_hidden": "hide-input" in tags(cell), "outputs_hidden": "hide-output" in tags(cell)}
        if any(folded.values()):
            cell.metadata.jupyter = {name: True for name, is_folded in folded.items() if is_folded}
    return kept


def unmarked(code: str) -> str:
    """The code of an exercise with its solution, without the marks around that."""
    return "\n".join(line for line in code.splitlines() if line.strip() not in (BEGIN, END))


def solved(source: Path) -> nbformat.NotebookNode:
    """The notebook with its solutions, not yet executed."""
    notebook = jupytext.read(source)
    notebook.cells = [cell for cell in cells(source) if not HELP & set(tags(cell))]
    for cell in notebook.cells:
        if "exercise" in tags(cell):
            cell.source = unmarked(cell.source)
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return notebook


def hints(source: Path) -> dict[str, dict[str, list[str] | str]]:
    """Of each exercise with hints, by its number: the three hints, and the solution."""
    found: dict[str, dict[str, list[str] | str]] = {}
    solution = ""
    for cell in jupytext.read(source).cells:
        if "exercise" in tags(cell):
            solution = unmarked(cell.source)
        if "hint" in tags(cell):
            call, *steps = HINT.split(cell.source)
            joined = [" ".join(line.removeprefix("#").strip() for line in step.splitlines()) for step in steps]
            found[call.split('"')[1]] = {"hints": joined, "solution": solution}
    return found


def moved(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with its relative links as they are from the folder of the solutions."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(
                lambda link: f"]({posixpath.relpath(link[1], 'solutions')}{link[2] or ''})", cell.source
            )
    return notebook


def unsolved(source: Path, executed: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with its exercises blank; outputs are those of the solved one, but for answers and checkpoints."""
    run = {cell.id: cell for cell in executed.cells}
    notebook = executed.copy()
    notebook.cells = cells(source)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            if cell.id in run and not {"exercise", "checkpoint"} & set(tags(cell)):
                cell.outputs, cell.execution_count = run[cell.id].outputs, run[cell.id].execution_count
        if "exercise" in tags(cell):
            cell.source = blank(cell.source)
    return notebook


def execute(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Run all cells in a clean kernel, with sliders left out; a cell that raises ends it with its error."""
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(FOLDER)}},
    )
    client.execute(
        env={
            "OMP_NUM_THREADS": "1",
            **os.environ,
            "COURSE_STATIC": "1",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        }
    )
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # the times of this run
    return notebook


def build(source: Path) -> float:
    """Write both notebooks of a source, and its hints; return the seconds that running it took."""
    started = time.perf_counter()
    notebook = execute(solved(source))
    seconds = time.perf_counter() - started
    for folder in ("solutions", "hints"):
        (FOLDER / folder).mkdir(exist_ok=True)
    nbformat.write(unsolved(source, notebook), FOLDER / f"{source.stem}.ipynb")
    nbformat.write(moved(notebook), FOLDER / "solutions" / f"{source.stem}.ipynb")
    text = json.dumps(hints(source), indent=1, ensure_ascii=False)
    (FOLDER / "hints" / f"{source.stem}.json").write_text(f"{text}\n", "utf-8")
    return seconds


def main() -> None:
    """Build the notebooks named, or all."""
    parser = argparse.ArgumentParser(
        prog="python notebooks/build.py", description="Make the notebooks from their sources."
    )
    parser.add_argument("names", nargs="*", help="as 05 or 05_curveball: all, if none is given")
    names = parser.parse_args().names
    chosen = [source for source in sources() if not names or any(source.stem.startswith(name) for name in names)]
    if not chosen:
        parser.error(f"no source begins with {' or '.join(names)}: there are {', '.join(s.stem for s in sources())}")
    for source in chosen:
        print(f"{source.stem}: {build(source):.0f} s", flush=True)


if __name__ == "__main__":
    main()
