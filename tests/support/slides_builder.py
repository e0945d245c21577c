"""notebooks/slides.py as a module: the folder is no package."""

import importlib.util
import sys
from pathlib import Path

_file = Path(__file__).parents[2] / "notebooks" / "slides.py"
_spec = importlib.util.spec_from_file_location("slides_builder", _file)
slides = importlib.util.module_from_spec(_spec)
sys.modules["slides_builder"] = slides  # where its dataclasses look for their names
_spec.loader.exec_module(slides)
