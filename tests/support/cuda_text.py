"""The text of kernels, run with NumPy: enough of C++ for `cupy.ElementwiseKernel`, all entries at once.

Statements: `type name = x;`, `name = x;`, `name += x;`, `for (int k = a; k < b; ++k) { ... }` with the same bounds for
all entries. Expressions: ?: || && == != < <= > >= + - * / % ! unary minus, calls of a type, `array[place]`, numbers.
Integers divide towards zero, as in C. The side of `? :` that is not taken reads nothing; all other reads must be inside
the array, else IndexError. int is 32 bits wide; ptrdiff_t and long long are 64.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable

import numpy as np

TOKEN = re.compile(r"\s*(?:(\d+\.\d*|\d+|[A-Za-z_]\w*)|(\|\||&&|==|!=|<=|>=|\+=|\+\+|.))")
LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%"))
INTEGERS = {"int": np.int32, "unsigned": np.uint32, "ptrdiff_t": np.int64, "bool": np.bool_}


def _divide(a, b):
    if np.result_type(a, b).kind not in "iu":
        return a / b
    if np.ndim(b) == 0 and b == 1:
        return a
    if np.all(np.asarray(a) >= 0) and np.all(np.asarray(b) > 0):
        return a // b
    return np.where((a < 0) == (b < 0), a // b, -(-a // b))


OPERATIONS = {
    "||": np.logical_or, "&&": np.logical_and, "==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal,
    ">": np.greater, ">=": np.greater_equal, "+": np.add, "-": np.subtract, "*": np.multiply, "/": _divide,
    "%": lambda a, b: a - _divide(a, b) * b,
}  # fmt: skip


class Program:
    """A kernel's text. Call it with a dict of its names: types, numbers, arrays; names that it sets are added.

    What the text computes before it names one of `arrays` depends on the numbers alone. With a `key` for these it is
    computed once, and kept for the last few keys.
    """

    kept = 4

    def __init__(self, text: str, arrays: tuple[str, ...] = ()):
        self._tokens = [a or b for a, b in TOKEN.findall(text) if (a or b).strip()]
        self._at, self._starts = 0, []
        self._body = self._statements(self._starts)
        first = next((k for k, token in enumerate(self._tokens) if token in arrays), 0)
        self._before = sum(start < first for start in self._starts[1:])  # statements that end before it
        self._later = set(self._tokens[self._starts[self._before] :])  # names that the others use
        self._known: OrderedDict[Hashable, dict] = OrderedDict()

    def __call__(self, names: dict, key: Hashable = None) -> None:
        if key is None or key not in self._known:
            given = set(names)
            for statement in self._body[: self._before]:
                statement(names)
            self._known[key] = {name: names[name] for name in set(names) - given if name in self._later}
        else:
            names |= self._known[key]
        self._known.move_to_end(key)
        if len(self._known) > self.kept:
            self._known.popitem(last=False)
        for statement in self._body[self._before :]:
            statement(names)

    # Reading: each method returns a function of the names, and expressions also of where their value is asked for.

    def _peek(self):
        return self._tokens[self._at] if self._at < len(self._tokens) else "}"

    def _next(self, expected=None):
        token = self._peek()
        if expected is not None and token != expected:
            raise SyntaxError(f"expected {expected}, found {token}: {' '.join(self._tokens[self._at - 5 :][:12])}")
        self._at += 1
        return token

    def _statements(self, starts=None):
        found = []
        while self._peek() != "}":
            if starts is not None:
                starts.append(self._at)
            found.append(self._loop() if self._peek() == "for" else self._assignment())
        return found

    def _loop(self):
        for token in ("for", "(", "int"):
            self._next(token)
        name = self._next()
        self._next("=")
        start = self._choice()
        for token in (";", name, "<"):
            self._next(token)
        stop = self._choice()
        for token in (";", "++", name, ")", "{"):
            self._next(token)
        body = self._statements()
        self._next("}")

        def run(names):
            for k in range(int(start(names, True)), int(stop(names, True))):
                names[name] = np.int32(k)
                for statement in body:
                    statement(names)

        return run

    def _assignment(self):
        name, kind = self._next(), None
        if self._peek() not in ("=", "+="):
            name, kind = self._next(), name
        operator = self._next()
        value = self._choice()
        self._next(";")

        def run(names):
            x = value(names, True)
            if operator == "+=":
                x = names[name] + x
            dtype = names[kind] if kind else np.asarray(names[name]).dtype
            names[name] = np.asarray(x).astype(dtype)

        return run

    def _choice(self):
        condition = self._level(0)
        if self._peek() != "?":
            return condition
        self._next("?")
        yes = self._choice()
        self._next(":")
        no = self._choice()

        def value(names, asked):
            holds = np.asarray(condition(names, asked)).astype(bool)
            return np.where(holds, yes(names, asked & holds), no(names, asked & ~holds))

        return value

    def _level(self, k):
        if k == len(LEVELS):
            return self._single()
        left = self._level(k + 1)
        while self._peek() in LEVELS[k]:
            left = _applied(OPERATIONS[self._next()], left, self._level(k + 1))
        return left

    def _single(self):
        token = self._next()
        if token in ("-", "!"):
            x = self._single()
            return (lambda n, asked: -x(n, asked)) if token == "-" else (lambda n, asked: ~np.asarray(x(n, asked)))
        if token == "(":
            x = self._choice()
            self._next(")")
            return x
        if token[0].isdigit():
            number = float(token) if "." in token else np.int32(token)
            return lambda names, asked: number
        if self._peek() == "(":
            self._next("(")
            x = self._choice()
            self._next(")")
            return lambda names, asked: np.asarray(x(names, asked)).astype(names[token])
        if self._peek() == "[":
            self._next("[")
            place = self._choice()
            self._next("]")
            return lambda names, asked: _read(names[token], place(names, asked), asked)
        return lambda names, asked: names[token]


def _applied(operation, a, b):
    return lambda names, asked: operation(a(names, asked), b(names, asked))


def _read(array, place, asked):
    """Entries of a raw array, counted row by row; what is not asked for may be anywhere."""
    place = np.asarray(place)
    inside = (place >= 0) & (place < array.size)
    if not np.all(inside | ~np.asarray(asked)):
        raise IndexError(f"a kernel reads outside an array of {array.size} entries")
    return array.reshape(-1)[np.where(inside, place, 0)] if array.size else np.zeros(place.shape, array.dtype)
