"""A plain install, played: all packages but the core's are hidden, and a script runs.

python tests/support/hidden.py NAMES SCRIPT    NAMES: distributions that can be imported, separated by commas
"""

import runpy
import sys
from importlib.metadata import distributions, packages_distributions

OWN = {"curveball", "minigrad", "problems"}


class Hiding:
    """Finds what all other finders find, unless it is hidden."""

    def __init__(self, finders, hidden, names):
        self.finders, self.hidden, self.names = finders, hidden, names

    def find_spec(self, name, path=None, target=None):
        """No spec for a hidden module: then there is none."""
        if name.partition(".")[0] in self.hidden:
            return None
        found = (finder.find_spec(name, path, target) for finder in self.finders if hasattr(finder, "find_spec"))
        return next((spec for spec in found if spec is not None), None)

    def find_distributions(self, *context):
        """Those that are not hidden."""
        for finder in self.finders:
            if hasattr(finder, "find_distributions"):
                yield from (d for d in finder.find_distributions(*context) if plain(d.name) in self.names)

    def invalidate_caches(self):
        """Nothing is kept."""


def plain(name):
    """The name of a distribution in the form that can be compared."""
    return name.lower().replace("_", "-").replace(".", "-")


def main():
    """Hide, then run the script."""
    names = set(sys.argv[1].split(","))
    assert {plain(found.name) for found in distributions()} >= names
    owners = {module: {plain(owner) for owner in them} for module, them in packages_distributions().items()}
    hidden = {module for module, them in owners.items() if not names & them} - OWN
    sys.meta_path[:] = [Hiding(tuple(sys.meta_path), hidden, names)]
    for name in [name for name in sys.modules if name.partition(".")[0] in hidden]:
        del sys.modules[name]
    sys.argv[:] = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
