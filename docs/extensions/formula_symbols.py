"""What the names and signs of a formula in plain text are in LaTeX."""

from __future__ import annotations

_GREEK = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "eta",
    "kappa",
    "mu",
    "nu",
    "rho",
    "sigma",
    "tau",
    "theta",
    "xi",
    "omega",
    "pi",
]
_UPRIGHT = ["mean", "var", "diag", "atan", "softmax", "softplus", "sigmoid", "sign", "Hessian"]
_WORDS = """average bias covariance damping error factor first gain keep label loss lr measured model momentum new noise
    old outputs prior rate ridge scores share solution std tol value weight"""

GREEK = {name: f"\\{name}" for name in _GREEK}
GREEK |= {"omega": r"\omega", "lam": r"\lambda", "eps": r"\varepsilon", "phi": r"\varphi", "Lambda": r"\Lambda"}
FUNCTIONS = {name: f"\\{name}" for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "max", "min")}
FUNCTIONS |= {name: rf"\operatorname{{{name}}}" for name in _UPRIGHT}
FUNCTIONS |= {"trace": r"\operatorname{tr}", "grad": r"\nabla"}
QUANTITIES = {"tr": r"\mathrm{tr}", "det": r"\mathrm{det}"}  # numbers in the derivations
# Words that stand for a quantity in a formula; in a text of their own they are names in the code.
WORDS = {name: rf"\mathrm{{{name}}}" for name in _WORDS.split()} | {"weight_decay": r"\mathrm{weight\ decay}"}
ACCENTS = {"dot": r"\dot", "bar": r"\bar", "hat": r"\hat"}
RELATIONS = {
    "<-": r"\leftarrow",
    "->": r"\to",
    "<=": r"\le",
    ">=": r"\ge",
    "!=": r"\ne",
    "==": "=",
    "~=": r"\approx",
    "=:": "=:",
    ":=": ":=",
    "~": r"\sim",
    "=": "=",
    "<": "<",
    ">": ">",
}
SIGNS = {"+-": r"\pm", "-+": r"\mp", "+": "+", "-": "-", "*": r"\odot"}
CLOSING = {"(": ")", "[": "]", "{": "}", "|": "|", "<": ">"}
