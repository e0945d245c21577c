"""Values on their way from an answer's process to the one that marks it: numbers, texts, arrays and trees of these.

Nothing is unpickled. What is none of these comes out as a `Foreign`, which no checkpoint agrees with; subclasses, which
may say of themselves what they like, come out as what they are made of.
"""

from __future__ import annotations

import base64
from typing import Any

import array_api_compat
import numpy as np

KINDS = "biufc"  # of arrays that are sent: bool, int, unsigned, float, complex
DEEPEST = 50


class Foreign:
    """What was none of these: its text."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text


def encode(value: Any, depth: int = 0) -> Any:
    """A value as JSON can hold it; `decode` is its inverse.

    >>> decode(encode({"a": [1, 2.5, True, "x", None], "b": (np.arange(3),)}))
    {'a': [1, 2.5, True, 'x', None], 'b': (array([0, 1, 2]),)}
    """
    if depth > DEEPEST:
        return {"foreign": "a value nested deeper than it can be sent"}
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, dict):
        return {"dict": [[encode(k, depth + 1), encode(v, depth + 1)] for k, v in dict.items(value)]}
    if isinstance(value, list | tuple):
        kind, base = ("list", list) if isinstance(value, list) else ("tuple", tuple)
        return {kind: [encode(item, depth + 1) for item in base.__iter__(value)]}  # type: ignore[arg-type]  # base is its type
    if isinstance(value, np.generic) or array_api_compat.is_array_api_obj(value):
        array = np.asarray(value)
        if array.dtype.kind in KINDS:
            data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
            return {"array": [array.dtype.str, list(array.shape), data, isinstance(value, np.generic)]}
    for plain in (int, float, str):
        if isinstance(value, plain):
            return plain.__add__(value, plain())  # type: ignore[operator]  # a subclass, made plain
    return {"foreign": repr(value)[:300]}


def decode(text: Any) -> Any:
    """What `encode` has sent; ValueError for anything else."""
    if not isinstance(text, dict):
        return text
    try:
        ((kind, content),) = text.items()
        if kind == "list":
            return [decode(item) for item in content]
        if kind == "tuple":
            return tuple(decode(item) for item in content)
        if kind == "dict":
            return {decode(key): decode(item) for key, item in content}
        if kind == "array":
            dtype, shape, data, scalar = content
            if np.dtype(dtype).kind not in KINDS:
                raise ValueError
            array = np.frombuffer(base64.b64decode(data), np.dtype(dtype)).reshape(shape)
            return array[()] if scalar else array
        if kind == "foreign":
            return Foreign(str(content))
    except (TypeError, ValueError, RecursionError):
        pass
    raise ValueError("this was not sent by encode")
