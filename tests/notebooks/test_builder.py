"""What becomes of a source's cells: folded code, closed answers, hints in a file of their own."""

import nbformat
import pytest

from tests.support.notebook_builder import build
from tests.support.wrong_answers import exercises

SOURCE = """\
# %% [markdown]
# ### Exercise 1.1: double ★☆☆

# %% tags=["exercise"]
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


# %% tags=["wrong"]
# 2 * x => 3 * x
# return => None and
#
# def double(x):
#     y = x
#
# def double(y):
#     return y

# %% tags=["checkpoint"]
assert double(2) == 4

# %% tags=["hint"]
hint("1.1")
# 1. How many $x$
#    are there?
# 2. Two.
# 3. `return 2 * x`

# %% [markdown]
# Which? (a) or (b)

# %% tags=["predict"]
predict("ab")

# %% tags=["hide-input", "hide-output"]
print(double(1))

# %% [markdown] tags=["answer"]
# **(b)**, see [the notation](../docs/notation.md).
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "01_double.py"
    path.write_text(SOURCE)
    return path


def test_hints_and_the_solution_leave_the_notebook(source):
    assert build.hints(source) == {
        "1.1": {
            "hints": ["How many $x$ are there?", "Two.", "`return 2 * x`"],
            "solution": "def double(x):\n    return 2 * x",
        }
    }
    assert [cell.source for cell in build.cells(source) if "hint" in build.tags(cell)] == ['hint("1.1")']


def test_cells_are_folded(source):
    figure, answer = build.cells(source)[-2:]
    assert figure.metadata.jupyter == {"source_hidden": True, "outputs_hidden": True}
    assert answer.source.startswith("<details><summary>")
    assert answer.source.endswith("docs/notation.md).\n\n</details>")


def test_help_is_in_the_notebook_to_fill_in_alone(source):
    solved = build.solved(source)
    assert not any({"hint", "predict"} & set(build.tags(cell)) for cell in solved.cells)
    for cell in solved.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [nbformat.v4.new_output("stream", text="ran")], 1
    blank = build.unsolved(source, solved)
    outputs = {cell.source: len(cell.outputs) for cell in blank.cells if cell.cell_type == "code"}
    assert outputs == {
        f"def double(x):\n    {build.STUB}": 0,
        "assert double(2) == 4": 0,
        'hint("1.1")': 0,
        'predict("ab")': 0,
        "print(double(1))": 1,
    }
    assert sum("remove-cell" in build.tags(cell) for cell in blank.cells) == 2
    nbformat.validate(blank)


def test_wrong_answers_are_lines_and_whole_functions(source):
    (exercise,) = exercises(source)
    found = []
    for answer in exercise.wrong:
        names = {}
        exec(answer, names)
        found.append(names["double"](5))
    assert found == [15, None, None, 5]


def test_a_wrong_answer_to_something_else_is_refused(source):
    source.write_text(source.read_text().replace("# 2 * x => 3 * x", "# 7 * x => 3 * x"))
    with pytest.raises(AssertionError, match="not in the solution once: 7 \\* x"):
        exercises(source)
