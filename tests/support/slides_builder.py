"""The builders of slides and of the printed course, which lie in notebooks/: that folder is no package."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "notebooks"))

import pdf
import slides

__all__ = ["pdf", "slides"]
