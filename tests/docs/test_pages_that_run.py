"""Pages with code, from spectra to scikit-learn: their code runs, in its order, and prints what they say."""

import contextlib
import io
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```\n", re.M | re.S)
NUMBER = re.compile(r"-?\d+\.?\d*(?:e[+-]?\d+)?")


@pytest.mark.parametrize(
    "page", ["spectra.md", "uncertainty.md", "own_data.md", "scikit_learn.md", "which_run.md", "methods.md"]
)
def test_the_code_prints_what_the_page_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, printed = {"__name__": page}, None
    blocks = BLOCK.findall((DOCS / page).read_text("utf-8"))
    assert len(blocks) > 5
    for kind, text in blocks:
        if kind == "text":
            check(printed, text)
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(text, page, "exec"), names)
        printed = out.getvalue()


def check(printed, said):
    """The same words, and the same numbers up to rounding, which is another with another BLAS.

    Numbers to 3%, or to the error that stands after them; errors, after ±, to a factor of 10.
    """
    assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", said).split()
    for found, expected in zip(NUMBER.finditer(printed), NUMBER.finditer(said), strict=True):
        value, wanted = float(found[0]), float(expected[0])
        if said[: expected.start()].endswith("± "):
            assert wanted / 10.0 <= value <= 10.0 * wanted, (found, expected)
            continue
        error = re.match(rf" ± ({NUMBER.pattern})", said[expected.end() :])
        tolerance = max(0.03 * abs(wanted), 0.011, float(error[1]) if error else 0.0)
        assert abs(value - wanted) <= tolerance, (found, expected)
