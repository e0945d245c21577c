"""The small mistakes that can be planted in a source file: each one changes one place of the text.

>>> [(m.change, m.apply("y = a + 1")) for m in mutations("y = a + 1")]
[('+ to -', 'y = a - 1'), ('1 to 0', 'y = a + 0')]
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

OPERATORS = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.Pow: ("**", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.MatMult: ("@", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}


@dataclass(frozen=True)
class Mutation:
    """One changed place: the bytes from `start` to `end` become `new`."""

    start: int
    end: int
    new: str
    change: str
    line: int
    text: str  # of the line
    nth: int = 0  # among the same changes of lines with the same text

    def apply(self, source: str) -> str:
        """The source with the mistake in it."""
        data = source.encode()
        return (data[: self.start] + self.new.encode() + data[self.end :]).decode()

    @property
    def name(self) -> str:
        """The same as long as the text of the line is: edits elsewhere in the file do not change it."""
        return hashlib.sha256(f"{self.text}|{self.change}|{self.nth}".encode()).hexdigest()[:12]


def mutations(source: str) -> list[Mutation]:
    """All mistakes that can be planted in a source text, in its order."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for start, end, new, change in sorted(finder.found):
        line = finder.data[:start].count(b"\n")
        text = finder.lines[line].decode().strip()
        found.append(Mutation(start, end, new, change, line + 1, text, seen[text, change]))
        seen[text, change] += 1
    return found


class _Finder(ast.NodeVisitor):
    """Collects (start, end, new text, description). Annotations, messages and docstrings are left as they are."""

    def __init__(self, source: str):
        self.data = source.encode()
        self.lines = self.data.split(b"\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.found: set[tuple[int, int, str, str]] = set()

    def span(self, node: ast.AST) -> tuple[int, int]:
        return (
            self.starts[node.lineno - 1] + node.col_offset,  # type: ignore[attr-defined]
            self.starts[node.end_lineno - 1] + node.end_col_offset,  # type: ignore[attr-defined]
        )

    def source_of(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.data[start:end].decode()

    def replace(self, node: ast.AST, new: str, change: str) -> None:
        self.found.add((*self.span(node), new, change))

    def operator(self, op: ast.AST, start: int, end: int) -> None:
        """The operator is somewhere between its operands, among spaces and parentheses."""
        if type(op) in OPERATORS:
            old, new = OPERATORS[type(op)]
            at = self.data.find(old.encode(), start, end)
            if at >= 0:
                self.found.add((at, at + len(old), new, f"{old} to {new}"))

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self.operator(node.op, self.span(node.left)[1], self.span(node.right)[0])
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.operator(node.op, self.span(node.target)[1], self.span(node.value)[0])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:], strict=False):
            self.operator(node.op, self.span(left)[1], self.span(right)[0])
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for op, left, right in zip(node.ops, operands, operands[1:], strict=False):
            self.operator(op, self.span(left)[1], self.span(right)[0])
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub):
            sign = "not" if isinstance(node.op, ast.Not) else "-"
            self.replace(node, f"({self.source_of(node.operand)})", f"without {sign}")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value, new = node.value, None
        if isinstance(value, bool):
            new = str(not value)
        elif isinstance(value, int):
            new = str({0: 1, 1: 0}.get(value, value + 1))
        elif isinstance(value, float):
            new = repr({0.0: 1.0, 1.0: 2.0}.get(value, value * 10))
        if new is not None:
            self.replace(node, new, f"{self.source_of(node)} to {new}")

    def visit_If(self, node: ast.If) -> None:
        if self.source_of(node.test) != "TYPE_CHECKING":
            self.negated(node.test)
            self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.negated(node.test)
        self.generic_visit(node)

    def negated(self, test: ast.expr) -> None:
        if not isinstance(test, ast.Compare) and not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
            self.replace(test, f"(not ({self.source_of(test)}))", "condition negated")

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not isinstance(node.value, ast.Constant):
            self.replace(node.value, "None", "returns None")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self.replace(node, "pass", "call left out")
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg != "strict":  # of zip: it changes nothing where lengths agree
            self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None: ...

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None: ...

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for child in self.without_annotations(node):
            self.visit(child)

    @staticmethod
    def without_annotations(node: ast.FunctionDef) -> Iterator[ast.AST]:
        defaults = [d for d in node.args.kw_defaults if d is not None]
        yield from (*node.decorator_list, *node.args.defaults, *defaults, *node.body)
