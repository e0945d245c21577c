"""NumPy's and PyTorch's names of what minigrad has, for the errors that tell a beginner what to write."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import NoReturn

import numpy

STANDARD = {  # NumPy's functions that the array API standard has under another name, with the same meaning
    "absolute": "abs", "amax": "max", "amin": "min", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin",
    "arcsinh": "asinh", "arctan": "atan", "arctan2": "atan2", "arctanh": "atanh", "around": "round",
    "concatenate": "concat", "cumprod": "cumulative_prod", "cumsum": "cumulative_sum", "fabs": "abs",
    "mod": "remainder", "power": "pow", "transpose": "permute_dims", "true_divide": "divide",
}  # fmt: skip
EXPRESSIONS = {  # what is written in another way, for an array x
    "append": "minigrad.concat([x, y])",
    "argwhere": "minigrad.nonzero(x)",
    "array": "minigrad.asarray(x), or minigrad.stack(xs) for a list of variables",
    "atleast_1d": "minigrad.reshape(x, (-1,))",
    "average": "minigrad.mean(x)",
    "backward": "minigrad.grad(f)(x)",
    "cat": "minigrad.concat(xs)",
    "cbrt": "x ** (1 / 3)",
    "clamp": "minigrad.clip(x, low, high)",
    "column_stack": "minigrad.stack(xs, axis=1)",
    "copy": "x itself: a variable never changes",
    "cpu": "minigrad.to_numpy(x), outside of what is differentiated",
    "detach": "minigrad.stop_gradient(x)",
    "dot": "x @ y",
    "dstack": "minigrad.stack(xs, axis=2)",
    "einsum": "x @ y, minigrad.tensordot, or minigrad.sum of products",
    "exp2": "2.0 ** x",
    "expit": "minigrad.sigmoid(x)",
    "fill": "minigrad.full_like(x, value)",
    "float_power": "x ** p",
    "fmax": "minigrad.maximum(x, y)",
    "fmin": "minigrad.minimum(x, y)",
    "fmod": "minigrad.remainder(x, y), which has the sign of y",
    "flatten": "minigrad.reshape(x, (-1,))",
    "fliplr": "minigrad.flip(x, axis=1)",
    "flipud": "minigrad.flip(x, axis=0)",
    "hstack": "minigrad.concat(xs, axis=1)",
    "inner": "minigrad.vecdot(x, y)",
    "linalg.norm": "minigrad.linalg.vector_norm(x), or matrix_norm(x)",
    "mm": "x @ y",
    "norm": "minigrad.linalg.vector_norm(x), or matrix_norm(x)",
    "numpy": "minigrad.to_numpy(x), outside of what is differentiated",
    "permute": "minigrad.permute_dims(x, axes)",
    "ptp": "minigrad.max(x) - minigrad.min(x)",
    "put": "minigrad.index_update(x, index, value)",
    "random": "numpy.random.default_rng(seed), outside of what is differentiated",
    "ravel": "minigrad.reshape(x, (-1,))",
    "rsqrt": "1.0 / minigrad.sqrt(x)",
    "split": "slices, x[:k] and x[k:]",
    "swapaxes": "minigrad.moveaxis(x, (a, b), (b, a))",
    "transpose": "minigrad.permute_dims(x, axes), or x.T for a matrix",
    "unsqueeze": "minigrad.expand_dims(x, axis)",
    "vdot": "minigrad.vecdot(x, y)",
    "view": "minigrad.reshape(x, shape)",
    "vstack": "minigrad.concat(xs, axis=0)",
}  # fmt: skip


def instead_of(name: str, namespace: ModuleType) -> str | None:
    """What to write for another library's name, given the module `minigrad`; None if minigrad has nothing of the kind.

    >>> import minigrad
    >>> instead_of("concatenate", minigrad), instead_of("ravel", minigrad), instead_of("det", minigrad)
    ('minigrad.concat', 'minigrad.reshape(x, (-1,))', 'minigrad.linalg.det')
    """
    if name in EXPRESSIONS:
        return EXPRESSIONS[name]
    name = STANDARD.get(name, name)
    for module, prefix in ((namespace, ""), (namespace.linalg, "linalg."), (namespace.nn, "nn.")):
        if name in module.__all__:
            return f"minigrad.{prefix}{name}"
    return None


def instead_of_method(name: str, namespace: ModuleType) -> str:
    """What to write for a method `x.name()`; nothing if minigrad has nothing of the kind."""
    instead = instead_of(name, namespace)
    return f"{instead}(x)" if instead and name not in EXPRESSIONS else instead or ""


def methods_elsewhere(namespace: ModuleType) -> list[str]:
    """The methods of arrays of NumPy and PyTorch that are functions or operators here."""
    methods = {*dir(numpy.ndarray), "abs", "exp", "log", "sqrt", "tanh", *EXPRESSIONS}
    return [n for n in methods if n.isidentifier() and n[0] != "_" and instead_of(n, namespace)]


def refuse_names(module: ModuleType, namespace: ModuleType) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module: AttributeError says what a name of another library is called here."""

    def missing(name: str) -> NoReturn:
        instead = None if name.startswith("_") else instead_of(name, namespace)
        says = f": write {instead}" if instead else ""
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}{says}", name=name, obj=module)

    return missing
