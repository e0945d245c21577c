"""How is a problem solved? One file per solver, and the pieces that solvers share.

A solver is a frozen dataclass with `init` and `step` (base.py). Importing this package imports every file of the
folder, so that each solver's `@register("name")` (registry.py) is seen: a new solver is one new file here.
"""

from importlib import import_module
from pkgutil import iter_modules

for module in iter_modules(__path__, f"{__name__}."):
    import_module(module.name)
del import_module, iter_modules, module
