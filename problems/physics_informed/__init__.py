"""Which differential equations does a network solve? Equations with exact solutions, as least squares.

Every file named for an equation adds its problems to the registry: a new file is found by itself, and `get(name)` has
its problems.
"""

from problems.physics_informed.registry import PROBLEMS, get, names
from problems.registry import import_modules

import_modules(__name__, __path__)

__all__ = ["PROBLEMS", "get", "names"]
