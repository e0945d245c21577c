"""Formulas written as plain text become LaTeX, and code does not."""

import ast
import doctest
import re
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs" / "extensions"))
import formula_symbols as symbols  # noqa: E402
import formulas  # noqa: E402
import plain_text  # noqa: E402
import typeset  # noqa: E402
from formula_tokens import NotAFormula  # noqa: E402

LATEX = {
    "z' = rho z - beta d": r"z' = \rho z - \beta d",
    "J^T H_L J + lam I": r"J^T H_L J + \lambda I",
    "B^-1 g": "B^{-1} g",
    "1/2 z.G_lam z + z.g": r"\tfrac{1}{2} \langle z, G_\lambda z \rangle + \langle z, g \rangle",
    "v.(B z* + g)": r"\langle v, B z^{*} + g \rangle",
    "(d.B d) (z.B z)": r"\langle d, B d \rangle \langle z, B z \rangle",
    "|z|^3": r"\lvert z \rvert^3",
    "<u, J v> = <J^T u, v>": r"\langle u, J v \rangle = \langle J^T u, v \rangle",
    "a < b": "a < b",
    "w <- w + z": r"w \leftarrow w + z",
    "g_(t-1) + w_{i+1}": "g_{t - 1} + w_{i + 1}",
    "x_dot, x_bar, x_hat, w~, y^": r"\dot x, \bar x, \hat x, \tilde w, \hat y",
    "gain_bar": r"\bar{\mathrm{gain}}",
    "h_max / h_min": r"h_{\max} / h_{\min}",
    "sqrt(rho - a) + sqrt a": r"\sqrt{\rho - a} + \sqrt{a}",
    "s^-beta": r"s^{-\beta}",
    "b1 x^b2": "b_1 x^{b_2}",
    "w_before": r"w_{\text{before}}",
    "x ~ N(0, 1)": r"x \sim N(0, 1)",
    "sum_i x_i^2": r"\sum_i x_i^2",
    "df/dw_i": r"\tfrac{df}{dw_i}",
    "(x^2 + 1)^(1/2)": "(x^2 + 1)^{1/2}",
    "[[a, b], [c, d]] [x, y]^T": r"\begin{bmatrix} a & b \\ c & d \end{bmatrix} \begin{bmatrix} x \\ y \end{bmatrix}",
    "0 < h_min <= ... <= h_max": r"0 < h_{\min} \le \dots \le h_{\max}",
    "u'^2": "u'^2",
    "m^/(sqrt(v^) + eps)": r"\tfrac{\hat m}{\sqrt{\hat v} + \varepsilon}",
    "tr mu": r"\mathrm{tr} \, \mu",
    "x1 - x2^2": "x_1 - x_2^2",
    "exp(-|y - x|^3)": r"\exp(-\lvert y - x \rvert^3)",
    "z'_CurveBall": r"z'_{\text{CurveBall}}",
}
DISPLAY = {
    "alpha = r.r / p.A p": r"\alpha = \frac{\langle r, r \rangle}{\langle p, A p \rangle}",
    "h_i/(h_i + lam) v_i": r"\frac{h_i}{h_i + \lambda} v_i",
    "(a / b) p": r"\left( \frac{a}{b} \right) p",
    "-m / -n": r"-\frac{m}{-n}",
}
NONE = ["", "the end", "x[...", "x = 'a'", "a @ b", "J.T(u)", "(a", "a)", "|a", "<u, v", "a >", "a <b", "f(", "a // b"]
CODE = ["params", "J(v)", "f(w), g", "lam=0", "x[index]", "A / 2.0", "2.0 * A", "1 / products", "hidden=()", "m.T(c)"]
CODE += ["y, J", "rho, beta", "average > 0", "g = J.T(g_L)", "load(name)", "import curveball", "a and b", "log.jsonl"]
CODE += ["x0", "f(x0, b1)"]
FORMULAS = [
    "J v",
    "z*",
    "z",
    "x > 0",
    "1 / (1 + exp(-x))",
    "H_L = 0",
    "t -> k t",
    "z.g",
    "sqrt(5) (x3 - x4)",
    "x_1, ..., x_d",
    "u(x, 0)",
]


@pytest.mark.parametrize("module", [formulas, typeset], ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings(module):
    assert doctest.testmod(module, raise_on_error=True).attempted > 0


@pytest.mark.parametrize("text", LATEX)
def test_latex(text):
    assert formulas.to_latex(text) == LATEX[text]


@pytest.mark.parametrize("text", DISPLAY)
def test_latex_of_a_display(text):
    assert formulas.to_latex(text, display=True) == DISPLAY[text]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_formula(text):
    with pytest.raises(NotAFormula):
        formulas.to_latex(text)


@pytest.mark.parametrize("text", CODE)
def test_code_stays_code(text):
    assert typeset.formula(text) is None


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_found(text):
    assert typeset.formula(text)


def test_an_argument_is_code():
    assert typeset.formula("z", frozenset({"z"})) is None
    assert typeset.formula("z + 1", frozenset({"z"}))


@cache
def docstrings():
    """Every docstring, with whether it is a derivation."""
    found = []
    for package in ("minigrad", "curveball", "problems", "tests/derivations"):
        for path in sorted((ROOT / package).rglob("*.py")):
            nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
            if derivation := package == "tests/derivations":
                nodes = nodes[:1]
            texts = [ast.get_docstring(n) for n in nodes if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef)]
            found += [(text, derivation) for text in texts if text]
    return found


def in_backticks():
    return {(code, derivation) for text, derivation in docstrings() for code in re.findall(r"`([^`]+)`", text)}


def test_in_all_docstrings_what_has_a_word_of_the_code_stays_code():
    tables = (symbols.WORDS, symbols.FUNCTIONS, symbols.GREEK, symbols.QUANTITIES)
    words = {word for table in tables for word in table} | {"sqrt", "sum", "abs", "floor"}
    converted = {code for code, derivation in in_backticks() if typeset.formula(code, all_formulas=derivation)}
    for code in converted:
        names = re.findall(r"(?<![_A-Za-z])[A-Za-z]{2,}", code)
        assert all(name in words or (name[0] == "d" and len(name) == 2) or name[1:] in words for name in names), code
        assert not re.search(r"[\"@#]|\w=\w", code), code
    assert len(converted) > 400
    assert {"J^T u", "m(z) = 1/2 z.G_lam z + z.g", "w <- w + lr z*"} <= converted


def test_what_is_code_in_the_derivations():
    """All other texts in backticks there are formulas: a new one that is none is a mistake, or belongs here."""
    code = {code for code, derivation in in_backticks() if derivation and not typeset.formula(code, all_formulas=True)}
    named = {
        "SGD(nesterov=True)",
        "@mg.primitive",
        "average_share",
        "lam_every",
        "minigrad.nn.batch_norm",
        'rho="bounded"',
    }
    assert code == named


def test_latex_of_all_docstrings_is_balanced():
    for text, derivation in docstrings():
        for tex in re.findall(r":math:`([^`]*)`", plain_text.to_rst(text, derivation)):
            assert tex.count("{") == tex.count("}"), tex
            assert len(re.findall(r"\\left\b", tex)) == len(re.findall(r"\\right\b", tex)), tex
