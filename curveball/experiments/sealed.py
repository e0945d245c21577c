"""JSON files that carry their own SHA-256, so that a changed bit is noticed when they are read.

The hash is over the content as JSON without spaces around it: to format a file anew changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from curveball.training.files import is_regular

SEAL = "sha256"


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """The content, and its SHA-256.

    >>> sealed({"a": 1})["sha256"][:8]
    'f9d86028'
    """
    return {**content, SEAL: _digest(content)}


def read_sealed(path: Path) -> dict[str, Any]:
    """The content of a file, without its SHA-256. Files of earlier versions have none. OSError, or ValueError."""
    if not is_regular(path):  # a pipe would wait for ever
        raise ValueError("it is no file")
    content = json.loads(path.read_text("utf-8"))
    if not isinstance(content, dict):
        raise ValueError("it has no cell")
    seal = content.pop(SEAL, None)
    if seal is not None and seal != _digest(content):
        raise ValueError("its SHA-256 is another than when it was written")
    return content


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
