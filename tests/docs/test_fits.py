"""The page about fits: its code runs, in its order, and prints what the page says."""

import contextlib
import io
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/fits.md"
EVALUATIONS = re.compile(r"^evaluations .*|converged \(.*", re.M)  # they depend on rounding errors
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```\n", re.M | re.S)


def test_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from matplotlib import pyplot

    names, printed, compared = {"__name__": "fits"}, "", 0
    for kind, text in BLOCK.findall(PAGE.read_text("utf-8")):
        if kind == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(text, "docs/fits.md", "exec"), names)
            printed = out.getvalue()
        else:
            assert EVALUATIONS.sub("", printed) == EVALUATIONS.sub("", text)
            compared += 1
    assert compared == 6
    assert (tmp_path / "decay.png").stat().st_size > 10_000
    pyplot.close("all")
