"""What a person sees while `minimize` runs: a bar on a terminal, lines in the style of SciPy's `verbose`."""

from __future__ import annotations

from typing import Any


class IterationReport:
    """A bar over the iterations with `progress`; with `verbose` 1 a line at the end, with 2 one for each iteration."""

    def __init__(self, verbose: int, progress: bool, total: int, start: str = ""):
        self._verbose, self._start = verbose, start
        self._bar: Any = None
        if progress:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit=" steps", desc=start or None, disable=None, leave=False)

    def iteration(self, nit: int, fun: float, largest: float | None) -> None:
        """Show the loss at the start of a step, and the largest entry of its gradient."""
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss {fun:.6g}", refresh=False)
            self._bar.update()
        if self._verbose >= 2:
            gradient = "" if largest is None else f", gradient {largest:.3g}"
            self._line(f"iteration {nit}: loss {fun:.10g}{gradient}")

    def end(self, nit: int, fun: float, message: str) -> None:
        """Say why it ended."""
        if self._verbose:
            self._line(f"loss {fun:.10g} after {nit} iterations: {message}")

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def _line(self, text: str) -> None:
        text = f"{self._start}: {text}" if self._start else text
        if self._bar is None:
            print(text, flush=True)
        else:
            self._bar.write(text)  # above the bar
