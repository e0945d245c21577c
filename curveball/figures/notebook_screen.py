"""A figure in a notebook that is drawn anew in its place."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from curveball.figures.curves import panels
from curveball.figures.seeds import settled
from curveball.training.run import Run


class NotebookScreen:
    """An output of a cell, by the display handle of IPython."""

    def __init__(self, shown: Sequence[tuple[str, str]]):
        self._shown = shown
        self._handle: Any = None

    def show(self, runs: Sequence[Run]) -> None:
        """Draw the runs in place of what was there."""
        from IPython.display import Image, display

        picture = Image(data=png(runs, self._shown), format="png")
        if self._handle is None:
            self._handle = display(picture, display_id=True)
        else:
            self._handle.update(picture)

    def close(self) -> None:
        """The last picture stays."""


def png(runs: Sequence[Run], shown: Sequence[tuple[str, str]]) -> bytes:
    """The figure as the bytes of a PNG file."""
    file = io.BytesIO()
    panels(settled(runs), shown, "").savefig(file, format="png", dpi=100)
    return file.getvalue()
