"""What makes slides, the printed course and the pages for a browser: files of notebooks/publishing/, no package."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "notebooks" / "publishing"))

import lite
import pdf
import slides

__all__ = ["lite", "pdf", "slides"]
