"""Names of solvers to read in a figure: "SGD, lr 0.1" for `sgd:lr=0.1`."""

from __future__ import annotations

from curveball.solvers.registry import SOLVERS

SYMBOLS = {"lam": "λ", "rho": "ρ", "beta": "β"}
SWITCHES = {"adapt_lam=false": "fixed λ", "adapt_lam=true": "adaptive λ"}


def readable(text: str) -> str:
    """The name of a solver as the command line writes it, to be read. Other texts stay as they are.

    >>> readable("sgd:lr=0.1,momentum=0.95"), readable("curveball:adapt_lam=false"), readable("mine:Nesterov:lr=1")
    ('SGD, lr 0.1, momentum 0.95', 'CurveBall, fixed λ', 'Nesterov, lr 1')
    """
    name, _, rest = text.partition(":")
    if name in SOLVERS:
        title = SOLVERS[name].__name__
    else:  # module:Class
        title, _, rest = rest.partition(":")
        if not (title.isidentifier() and name.replace(".", "").isidentifier()):
            return text
    return ", ".join([title, *(setting(*each.partition("=")[::2]) for each in rest.split(",") if each)])


def setting(key: str, value: object) -> str:
    """One hyper-parameter, as in "lr 0.1".

    >>> setting("lam", 0.1), setting("adapt_lam", False), setting("nesterov", "true")
    ('λ 0.1', 'fixed λ', 'nesterov')
    """
    text = f"{value:g}" if isinstance(value, float) else str(value)
    text = text.lower() if text in ("True", "False", "None") else text
    if found := SWITCHES.get(f"{key}={text}"):
        return found
    if text in ("true", "false"):
        return key if text == "true" else f"no {key}"
    return f"{SYMBOLS.get(key, key)} {text}"
