"""The page about physics-informed networks: its code runs and prints what it says, and its table has every problem."""

import contextlib
import io
import re
from pathlib import Path

from problems.physics_informed import names

PAGE = Path(__file__).parents[2] / "docs/physics_informed.md"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```\n", re.M | re.S)


def test_the_code_prints_what_the_page_says():
    found, scope = BLOCK.findall(PAGE.read_text("utf-8")), {"__name__": "physics_informed"}
    assert [kind for kind, _ in found] == ["python", "text", "python", "text"]
    for (_, code), (_, text) in zip(found[::2], found[1::2], strict=True):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, str(PAGE), "exec"), scope)
        assert out.getvalue() == text


def test_every_problem_is_on_the_page():
    text = PAGE.read_text("utf-8")
    section = text[text.index("## The problems") : text.index("## Which solver")]
    assert set(names()) <= set(re.findall(r"`([\w-]+)`", section))
