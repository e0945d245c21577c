"""The page about array libraries: its code runs, in its order, and prints what the page says."""

import contextlib
import io
import re
import sys
from pathlib import Path

import pytest

from minigrad.backends import Backend
from tests.conftest import LIBRARIES, jax_bits

PAGE = Path(__file__).parents[2] / "docs/libraries.md"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```\n", re.M | re.S)
NEEDS = re.compile(r"^import (torch|cupy|jax)\b", re.M)


def blocks():
    """The pieces of code with the text printed after them, and the library that each needs."""
    found, library = [], None
    for kind, text in BLOCK.findall(PAGE.read_text("utf-8")):
        if kind == "text":
            found[-1][1] = text
            continue
        named = NEEDS.search(text)
        if named:
            library = named[1]
        elif "jnp." in text or "jax." in text or "products" in text:
            library = "jax"
        found.append([text, None, library])
    return found


def run(wanted):
    """Run the code that needs no library and that of the one wanted."""
    names, ran = {"__name__": "libraries"}, 0
    for code, printed, library in blocks():
        if library not in (None, wanted):
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, "docs/libraries.md", "exec"), names)
        assert out.getvalue() == (printed or "")
        ran += library == wanted
    return ran


def test_the_page_on_numpy():
    assert run(None) >= 2


@pytest.mark.parametrize(("library", "count"), [("torch", 1), ("jax", 4), ("cupy", 1)])
def test_the_page_on_another_library(library, count):
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    if library == "cupy" and not module.is_available():
        pytest.skip("no CUDA device")
    with jax_bits(32) if library == "jax" else contextlib.nullcontext():
        assert run(library) >= count
    assert library in sys.modules


def test_the_table_of_functions_names_the_protocol():
    text = PAGE.read_text("utf-8")
    section = text[text.index("## What a library supplies") : text.index("## What runs on which library")]
    named = set(re.findall(r"`(\w+)`", section))
    functions = {name for name in vars(Backend) if not name.startswith("_") and name not in ("xp", "packs")}
    left_out = {"conv2d_push", "window_max_at"}  # sums and pairs of others, in one call
    assert functions - left_out <= named, functions - left_out - named


@pytest.mark.parametrize("page", ["README.md", "docs/libraries.md"])
def test_the_tables_of_what_runs_where_have_every_library(page):
    """Each library with a file has its row, and so have the two that are tested without."""
    rows = re.findall(r"^\| ([\w-]+) \|(?:.*\|){3,4}$", (PAGE.parents[1] / page).read_text("utf-8"), re.M)
    assert {row.lower() for row in rows} >= {"pytorch" if name == "torch" else name for name in LIBRARIES}
    assert {"array-api-strict", "Dask"} <= set(rows)
