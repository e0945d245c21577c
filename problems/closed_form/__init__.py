"""Which problems have a known answer? Quadratics, regressions, and classical functions with published minima.

Every file here adds its problems to the registry: a new file is found by itself, and `get(name)` has its problems.
"""

from problems.closed_form.registry import PROBLEMS, get, names
from problems.registry import import_modules

import_modules(__name__, __path__)

__all__ = ["PROBLEMS", "get", "names"]
