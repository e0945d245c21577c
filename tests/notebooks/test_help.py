"""A learner's session in a real kernel: stuck on an exercise, helped, and on with its solution."""

import nbformat
from nbclient import NotebookClient

from tests.support.notebook_builder import build


def test_stuck_helped_and_on_with_the_solution(monkeypatch):
    monkeypatch.delenv("COURSE_STATIC", raising=False)
    blank = nbformat.read(build.FOLDER / "01_linear_maps.ipynb", as_version=4).cells
    first = next(k for k, cell in enumerate(blank) if "exercise" in build.tags(cell))
    needed = "import numpy as np, minigrad as mg\nfrom curveball.course import *\nrng = np.random.default_rng(0)"
    exercise, check, help_cell = (cell.source for cell in blank[first : first + 3])
    assert help_cell == 'hint("1.1")'
    wrong = exercise.replace(build.STUB, "return x_dot")
    session = [needed, exercise, check, help_cell, help_cell, help_cell, wrong, check, help_cell]
    session += ['hint("1.1", solution=True)', check, 'predict("abc")']
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in session])
    NotebookClient(notebook, timeout=60, kernel_name="python3", allow_errors=True).execute()
    shown = [_text(cell) for cell in notebook.cells]
    assert "the exercise above is still to be written" in shown[2]
    assert "Hint 1 of 3, a question." in shown[3]
    assert "Hint 2 of 3, an idea." in shown[4]
    assert "first write something" in shown[5]
    assert "checkpoint 1.1, 3 x 3 is not passed" in shown[7]
    assert "Hint 3 of 3, a line of the solution." in shown[8]
    assert "The solution of exercise 1.1 is loaded" in shown[9]
    assert shown[10] == "checkpoint 1.1, 3 x 3: passed\ncheckpoint 1.1, 5 x 5: passed\n"
    assert any("application/vnd.jupyter.widget-view+json" in out.get("data", {}) for out in notebook.cells[11].outputs)


def _text(cell):
    """What a cell printed, showed as Markdown, or raised."""
    found = []
    for output in cell.outputs:
        found += [output.get("text", ""), output.get("data", {}).get("text/markdown", "")]
        found += output.get("traceback", [])
    return "".join(found)
