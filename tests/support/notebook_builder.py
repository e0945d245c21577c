"""notebooks/build.py as a module: the folder is no package."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("notebook_builder", Path(__file__).parents[2] / "notebooks" / "build.py")
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)
