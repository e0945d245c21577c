r"""Which texts of a docstring are formulas, and what they are in reStructuredText.

In backticks, what Python could run is code, unless it only calculates with symbols: `J v` and `1 / (1 + exp(-x))` are
formulas, `J(v)`, `x[k]` and `lam=0` are code. A symbol alone, such as `z`, is a formula where it is no argument.

A block is one display. Cells have two or more spaces between them; `(3)` at the end of a line is its number:

    one line of formulas        its cells side by side, on a phone one under the other
    more lines of formulas      aligned at their first relations
    formulas and words          a table; the first line is its head if it leaves the corner free
    words in columns            a table
    other words, or a call      shown as it stands
"""

from __future__ import annotations

import ast
import re
from itertools import groupby

from formula_symbols import FUNCTIONS, GREEK, RELATIONS, WORDS
from formula_tokens import NotAFormula
from formulas import relation, to_latex

NUMBER = re.compile(r"\s+\((\d+)\)$")
IN_CODE = {"J", "A", "f", "m"}  # what is called by these names is mostly code
WORD = re.compile("[(]?[A-Za-z-]{2,}[),:;.]*|[0-9]+|\N{MULTIPLICATION SIGN}")
SYMBOL = re.compile(r"([A-Za-z]|" + "|".join(GREEK) + r")(_\w+)?")
CODE = re.compile(r"\w\w\(|\.T\(|[\"`#]")  # in words: a call, a string, a comment
Calculation = (ast.BinOp, ast.Compare, ast.UnaryOp, ast.Attribute)


def formula(text: str, names: frozenset[str] = frozenset(), all_formulas: bool = False) -> str | None:
    """The LaTeX of a text in backticks if it is a formula; `names` are those of arguments.

    >>> formula("J^T u"), formula("params"), formula("z"), formula("z", frozenset({"z"}))
    ('J^T u', None, 'z', None)
    """
    try:
        tex = to_latex(text)
    except NotAFormula:
        return None
    return tex if all_formulas or _is_formula(text, names) else None


def _is_formula(text: str, names: frozenset[str]) -> bool:
    """Whether a text that can be read as a formula is no code."""
    if SYMBOL.fullmatch(text):
        return text not in names
    if re.search(r"'|[\w)] \(", text):  # a prime, a product
        return True
    try:
        (statement,) = ast.parse(text).body
    except SyntaxError:
        return True
    tight = re.search(r"\w=|\.0\b|\*", text)
    nodes = list(ast.walk(statement))
    words = {node.id for node in nodes if isinstance(node, ast.Name)} & WORDS.keys()
    if tight or words or not isinstance(statement, ast.Expr | ast.Assign):
        return False
    if isinstance(statement.value, ast.Call) and _in_code(statement.value):
        return False
    calls = isinstance(statement.value, ast.Call)
    dots = any(isinstance(node, ast.Constant) and node.value is ... for node in nodes)
    return calls or dots or isinstance(statement, ast.Assign) or any(isinstance(node, Calculation) for node in nodes)


def _in_code(call: ast.Call) -> bool:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    return name in IN_CODE or not (name in FUNCTIONS.keys() | {"sqrt", "abs"} or len(name) == 1)


def block(lines: list[str]) -> str | None:
    """An indented block as reStructuredText, or None if it is to be shown as it stands."""
    groups = [list(group) for full, group in groupby(lines, lambda line: bool(line.strip())) if full]
    displays = [_display([_Row(line) for line in group]) for group in groups]
    return None if None in displays else "\n\n".join(map(str, displays))


def _display(rows: list[_Row]) -> str | None:
    words = [text for row in rows for text, tex in row.cells if not tex]
    prose = len(words) == sum(len(row.cells) for row in rows)
    columns = {tuple(row.columns) for row in rows}
    if any(map(CODE.search, words)) or (prose and (len(columns) > 1 or len(rows) == 1 or columns == {(0,)})):
        return None
    if words:
        return _table(rows)
    return _aligned(rows) if len(rows) > 1 else _side_by_side(rows[0])


class _Row:
    """A line: its cells, each with its column and its LaTeX ("" if it has words), and its number."""

    def __init__(self, line: str) -> None:
        number = NUMBER.search(line)
        self.number = number[1] if number else ""
        text = line[: number.start()] if number else line
        self.cells: list[tuple[str, str]] = []
        self.columns: list[int] = []
        for cell in re.finditer(r"\S+(?: \S+)*", text):
            if self.cells and (self._starts(cell[0]) or self._ends(self.cells[-1][0])):
                self.cells[-1] = self._cell(f"{self.cells[-1][0]} {cell[0]}")  # spaces around a sign part no cells
            else:
                self.cells.append(self._cell(cell[0]))
                self.columns.append(cell.start())

    @staticmethod
    def _starts(text: str) -> bool:
        return text.split(" ")[0] in RELATIONS

    @staticmethod
    def _ends(text: str) -> bool:
        return text.split(" ")[-1] in RELATIONS

    @staticmethod
    def _cell(text: str) -> tuple[str, str]:
        if re.fullmatch("[A-Z][a-z]+", text) and text not in GREEK:  # a name: Hessian
            return text, ""
        try:
            return text, to_latex(text, display=True)
        except NotAFormula:
            return text, ""


def _side_by_side(row: _Row) -> str:
    cells = [rf":math:`\displaystyle {tex}`" for _, tex in row.cells]
    number = [f"**({row.number})**"] if row.number else []
    return f".. container:: formulas\n\n    {' '.join([*cells, *number])}"


def _aligned(rows: list[_Row]) -> str:
    columns = max(len(row.cells) for row in rows)
    lines = []
    for row in rows:
        cells = [" & ".join(relation(text)) for text, _ in row.cells]
        number = rf" \tag{{{row.number}}}" if row.number else ""
        lines.append(r" & \qquad ".join(cells) + number)
    body = " \\\\\n    ".join(lines)
    return f".. math::\n    :nowrap:\n\n    \\begin{{alignat*}}{{{2 * columns}}}\n    {body}\n    \\end{{alignat*}}"


def _table(rows: list[_Row]) -> str:
    """A table whose columns are where two or more lines have a cell at the same place."""
    starts = sorted({start for row in rows for start in row.columns})
    numbers = any(row.number for row in rows)
    text = [".. list-table::", "    :class: formulas"]
    if rows[0].columns[0] > starts[0]:  # the head of a table leaves the corner free
        text.append("    :header-rows: 1")
    text.append("")
    for row in rows:
        cells = dict(zip(row.columns, row.cells, strict=True))
        line = [_cell(*cells[start]) if start in cells else "" for start in starts]
        line += [f"**({row.number})**" if row.number else ""] * numbers
        text += [f"    {'* -' if k == 0 else '  -'} {cell}".rstrip() for k, cell in enumerate(line)]
    return "\n".join(text)


def _cell(text: str, tex: str) -> str:
    return rf":math:`\displaystyle {tex}`" if tex else _words(text)


def _words(text: str) -> str:
    """Words with formulas between them: what has no word of two letters or more, and is none itself, is a formula."""
    text = re.sub(r"(?<=\d) x (?=\d)", " \N{MULTIPLICATION SIGN} ", text)
    runs: list[tuple[bool, list[str]]] = []
    words = text.split(" ")
    for word, following in zip(words, [*words[1:], ""], strict=True):
        plain = _is_plain(word) or (word == "a" and _is_plain(following))  # the article, not the number
        if runs and runs[-1][0] == plain:
            runs[-1][1].append(word)
        else:
            runs.append((plain, [word]))
    return " ".join(escape(" ".join(run)) if plain else _run(" ".join(run)) for plain, run in runs)


def _is_plain(word: str) -> bool:
    symbol = word.strip("(),:;.") in GREEK.keys() | FUNCTIONS.keys() | {"sqrt", "sum"}
    return bool(WORD.fullmatch(word)) and not symbol


def _run(text: str) -> str:
    bare = text.rstrip(",:;= ")
    try:
        return rf":math:`{to_latex(bare)}`\ {text[len(bare) :]}".removesuffix("\\ ")
    except NotAFormula:
        return escape(text)


def escape(text: str) -> str:
    """The text such that reStructuredText finds no markup in it."""
    return re.sub(r"[\\*|`]|_(?=\W|$)", r"\\\g<0>", text)
