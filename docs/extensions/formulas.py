r"""Formulas of docstrings as LaTeX: they are plain text in the source, and typeset in the pages.

    1/2 z.G_lam z        a product is a space; `v.w` is an inner product; `1/2` and `a / b` are fractions
    z' = rho z - beta d  Greek letters by name (`lam`, `eps` short), primes, `z*`, `w~`, `y^`, `x_dot`, `x_bar`, `x_hat`
    J^T, B^-1, h_max     superscripts and subscripts, `x1` is `x_1`; longer ones in brackets: `g_(t-1)`, `w_{i+1}`
    |z|^2, <u, v>        bars and angles touch what they enclose
    [[a, b], [c, d]]     a matrix by rows; `[a, b]^T` is a column
    <-  ->  <=  >=  !=  ~  ~=  +-  ...        signs; `~` alone is "distributed as", `~=` is "about"

A text that does not follow this grammar, or has a word that is no symbol of it, is no formula.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from formula_latex import apart, beside, braced, matrix, tall
from formula_symbols import ACCENTS, CLOSING, FUNCTIONS, GREEK, QUANTITIES, RELATIONS, SIGNS, WORDS
from formula_tokens import NotAFormula, Token, tokens

ONE_PRODUCT = re.compile(r"\\langle ((?!\\langle).)* \\rangle")


@dataclass
class Part:
    """A piece of LaTeX; `inner` is what stands between its parentheses, if it is one pair of them."""

    tex: str
    inner: str = ""


def to_latex(text: str, display: bool = False) -> str:
    r"""The formula as LaTeX; NotAFormula if it is none. In a `display` fractions are set high, in a line with a stroke.

    >>> to_latex("m(z) = 1/2 z.G_lam z + |z|^2 / 3")
    'm(z) = \\tfrac{1}{2} \\langle z, G_\\lambda z \\rangle + \\lvert z \\rvert^2 / 3'
    >>> to_latex("alpha = r.r / p.A p", display=True)
    '\\alpha = \\frac{\\langle r, r \\rangle}{\\langle p, A p \\rangle}'
    >>> to_latex("the end")
    Traceback (most recent call last):
    formula_tokens.NotAFormula: 'the end': no symbol is called 'the'
    """
    return _Parser(text, display).all()


def relation(text: str, display: bool = True) -> tuple[str, str]:
    """The formula in two parts, to be aligned: what is left of its first relation, and the rest."""
    parser = _Parser(text, display)
    left = "" if parser.peek() in RELATIONS else parser.sum().tex
    return (left, parser.all()) if parser.peek() in RELATIONS else ("", to_latex(text, display))


class _Parser:
    """Recursive descent, one function for each rule of the grammar."""

    def __init__(self, text: str, display: bool) -> None:
        self.text, self.display = text, display
        self.tokens = tokens(text)
        self.k = 0
        self.raised = False  # in a superscript or a subscript

    def fail(self, why: str) -> NotAFormula:
        return NotAFormula(f"{self.text!r}: {why}")

    @property
    def token(self) -> Token:
        return self.tokens[self.k] if self.k < len(self.tokens) else Token("end", "", True)

    def peek(self) -> str:
        return self.token.text

    def after_next(self) -> str:
        return self.tokens[self.k + 1].text if self.k + 1 < len(self.tokens) else ""

    def take(self, expected: str = "") -> Token:
        token = self.token
        if expected and token.text != expected:
            raise self.fail(f"{expected!r} is missing")
        self.k += 1
        return token

    def all(self) -> str:
        tex = self.list("")
        if self.token.kind != "end":
            raise self.fail(f"{self.peek()!r} is not expected")
        return tex

    def list(self, closing: str) -> str:
        return "".join(self.items(closing)).removesuffix(r"\quad ").strip()

    def items(self, closing: str) -> list[str]:
        """Relations with commas between them; a colon may be the comma of a map, and a comma may be the end."""
        parts: list[str] = []
        while self.token.kind != "end" and not (closing and self.closes(closing)):
            parts.append(self.relations())
            if self.peek() not in (",", ":"):
                break
            comma = self.take().text
            wide = r"\quad " if not closing and re.search(r"=|\\leftarrow|[<>]", parts[-1]) else ""
            parts[-1] += r"\colon " if comma == ":" and self.token.kind != "end" else f"{comma} {wide}"
        return parts

    def relations(self) -> str:
        parts = [] if self.peek() in RELATIONS and not self.opens() else [self.sum().tex]
        while self.peek() in RELATIONS and not self.closes(">"):
            token = self.take()
            if not (token.before and token.after) and token.text in "<>~":
                raise self.fail(f"{token.text!r} has no spaces")
            parts += [RELATIONS[token.text], self.sum().tex]
        return " ".join(parts)

    def sum(self) -> Part:
        """Terms; one alone keeps its parentheses known."""
        parts: list[str] = []
        while True:
            if self.peek() in SIGNS:
                parts.append(SIGNS[self.take().text])
            part = self.quotient()
            if self.peek() not in SIGNS and not parts:
                return part
            parts.append(part.tex)
            if self.peek() not in SIGNS:
                return Part(" ".join(parts).replace("- ", "-", parts[0] == "-"))

    def quotient(self) -> Part:
        part = self.product()
        while self.peek() == "/":
            self.take()
            minus = "-" if self.peek() == "-" else ""
            self.k += len(minus)
            below = self.product()
            if self.display:
                part = Part(rf"\frac{{{part.inner or part.tex}}}{{{minus}{below.inner or below.tex}}}")
            else:
                part = Part(f"{part.tex} / {minus}{below.tex}")
        return part

    def product(self) -> Part:
        """Factors side by side; after a dot, the rest of them is the right side of an inner product."""
        factors: list[Part] = []
        while self.token.kind in ("number", "name") or self.opens() or self.peek() == "...":
            factors.append(self.fraction())
            if self.peek() == "." and not self.token.before and not self.token.after:
                if self.tokens[self.k + 1].text == "T":
                    raise self.fail("a transpose is written ^T")
                self.take()
                left, right = factors.pop(), self.product()
                factors.append(Part(rf"\langle {left.inner or left.tex}, {right.inner or right.tex} \rangle"))
                break
        if not factors:
            raise self.fail(f"{self.peek() or 'the end'!r} is not expected")
        return factors[0] if len(factors) == 1 else Part(beside([part.tex for part in factors]))

    def fraction(self) -> Part:
        """What stands together without spaces: `3a/2`, `dm/dbeta`, `(1 + q)(1 - q)`."""
        above = self.clump()
        if self.peek() != "/" or self.token.before or self.token.after:
            return above
        self.take()
        below = self.clump()
        if self.raised:
            return Part(f"{above.tex}/{below.tex}")
        frac = r"\frac" if self.display else r"\tfrac"
        return Part(rf"{frac}{{{above.inner or above.tex}}}{{{below.inner or below.tex}}}")

    def clump(self) -> Part:
        parts = [self.power()]
        while not self.token.before and (self.token.kind in ("number", "name") or self.opens()):
            if parts[-1].tex.endswith("dots") or (self.token.kind == "number" and self.k and not parts[-1].inner):
                raise self.fail(f"{self.peek()!r} is not expected")
            parts.append(self.power())
        return parts[0] if len(parts) == 1 else Part(beside([part.tex for part in parts]))

    def power(self) -> Part:
        """A symbol, a number or a pair of brackets, with its arguments, indices, primes and powers."""
        part = self.atom()
        while not self.token.before and self.k < len(self.tokens):
            sign = self.peek()
            if sign == "(" and self.tokens[self.k - 1].kind == "name":
                part = self.call(part)
            elif sign == "[" and self.tokens[self.k - 1].kind == "name":
                part = Part(part.tex + self.brackets().tex)
            elif sign in ("'", "''"):
                part = Part(part.tex + self.take().text)
            elif sign == "*" and self.ends_symbol():
                self.take()
                part = Part(part.tex + "^{*}")
            elif sign == "~" and self.ends_symbol():
                self.take()
                part = Part(rf"\tilde {part.tex}")
            elif sign == "^" and (self.token.after or self.after_next() in (")", "/")):
                self.take()
                part = Part(rf"\hat {part.tex}")
            elif sign in ("^", "**"):
                self.take()
                base = f"({part.tex})" if part.tex.endswith("^{*}") else part.tex
                part = Part(f"{base}^{self.script()}")
            elif sign == "_":
                self.take()
                part = Part(f"{part.tex}_{self.script()}")
            else:
                break
        return part

    def ends_symbol(self) -> bool:
        """Whether a star or a tilde belongs to the symbol before it: it is no sign between two symbols."""
        following = self.tokens[self.k + 1] if self.k + 1 < len(self.tokens) else None
        return following is None or self.token.after or following.kind == "sign" or following.text.startswith("_")

    def script(self) -> str:
        if self.opens() and self.peek() in "({":
            outside, self.raised = self.raised, True
            inner = self.brackets().inner
            self.raised = outside
            return f"{{{inner}}}"
        minus = "-" if self.peek() == "-" else ""
        self.k += len(minus)
        if self.token.kind == "name" and not self.raised and (name := self.peek()) not in GREEK and name.isalpha():
            self.take()
            return braced(minus + self.index(name))
        return braced(minus + self.atom().tex)

    def atom(self) -> Part:
        token = self.token
        if token.kind == "number":
            return Part(self.take().text)
        if token.kind == "name":
            return self.symbol(self.take().text)
        if token.text == "...":
            self.take()
            return Part(r"\dots")
        if self.opens():
            return self.brackets()
        raise self.fail(f"{token.text or 'the end'!r} is not expected")

    def symbol(self, name: str) -> Part:
        base, *scripts = [name] if name in WORDS else re.sub(r"^([A-Za-z])(\d+)$", r"\1_\2", name).split("_")
        if base == "sqrt":
            return Part(rf"\sqrt{{{(inner := self.power()).inner or inner.tex}}}")
        if base == "abs":
            return Part(rf"\lvert {self.brackets().inner} \rvert")
        if base == "floor":
            return Part(rf"\lfloor {self.brackets().inner} \rfloor")
        tex = r"\sum" if base == "sum" and (scripts or self.token.text != "(") else self.name(base)
        while scripts and scripts[0] in ACCENTS:
            accent = ACCENTS[scripts.pop(0)]
            tex = rf"{accent}{{{tex}}}" if tex.startswith(r"\mathrm") else rf"{accent} {tex}"
        if len(base) > 1 and any(len(script) > 3 for script in scripts):  # lam_every is an option's name
            raise self.fail(f"no symbol is called {name!r}")
        below = "".join(self.index(script) for script in scripts)
        return Part(f"{tex}_{braced(below)}" if below else tex)

    def name(self, base: str) -> str:
        for table in (GREEK, FUNCTIONS, QUANTITIES, WORDS):
            if base in table:
                return table[base]
        if len(base) == 1:
            return base
        if base == "sum":
            return r"\operatorname{sum}"
        if base == "at":
            return r"\;\text{at}\;"
        if base[0] == "d" and (base[1:] in GREEK or len(base) == 2):
            return f"d{apart(GREEK.get(base[1:], base[1:]))}"
        raise self.fail(f"no symbol is called {base!r}")

    def index(self, script: str) -> str:
        if script in GREEK or script in ("max", "min"):
            return (GREEK | FUNCTIONS)[script]
        return script if len(script) <= 2 or script.isdigit() else rf"\text{{{script}}}"

    def call(self, function: Part) -> Part:
        return Part(function.tex.replace(r"\mathrm{det}", r"\det") + self.brackets(argument=True).tex)

    def opens(self) -> bool:
        token = self.token
        if token.text in ("|", "<"):
            outside = token.before or (self.k > 0 and self.tokens[self.k - 1].text in "([{|<-")
            return outside and not token.after
        return token.text in ("(", "[", "{")

    def closes(self, closing: str) -> bool:
        token = self.token
        return token.text == closing and (closing not in "|>" or not token.before)

    def brackets(self, argument: bool = False) -> Part:
        opening = self.take().text
        if opening not in CLOSING:
            raise self.fail(f"{opening!r} opens nothing")
        closing = CLOSING[opening]
        if opening == "[" and self.peek() == "[":
            return self.matrix()
        items = self.items(closing)
        inner = "".join(items)
        if not inner or not self.closes(closing):
            raise self.fail(f"{closing!r} is missing")
        self.take()
        if opening == "[" and self.peek() == "^" and [t.text for t in self.tokens[self.k : self.k + 2]] == ["^", "T"]:
            self.k += 2
            return Part(matrix([item.removesuffix(", ") for item in items]))
        if opening == "(" and ONE_PRODUCT.fullmatch(inner) and not argument:
            return Part(inner)
        if opening == "|":
            return Part(tall(r"\lvert", inner, r"\rvert"))
        if opening == "<":
            return Part(tall(r"\langle", inner, r"\rangle"))
        if opening == "{":
            return Part(rf"\{{{inner}\}}", inner)
        return Part(tall(opening, inner, closing), inner)

    def matrix(self) -> Part:
        rows = []
        while self.peek() == "[":
            self.take()
            cells = [self.relations()]
            while self.peek() == ",":
                self.take()
                cells.append(self.relations())
            self.take("]")
            rows.append(" & ".join(cells))
            if self.peek() == ",":
                self.take()
        self.take("]")
        return Part(matrix(rows))
