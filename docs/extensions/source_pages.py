"""Python files as pages: a derivation as its text and its tests, any other file as a listing with numbered lines."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from pathlib import Path

from docutils import nodes
from plain_text import to_rst
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.parsers import RSTParser
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
LETTERS = {
    "rho": "\N{GREEK SMALL LETTER RHO}",
    "beta": "\N{GREEK SMALL LETTER BETA}",
    "lambda": "\N{GREEK SMALL LETTER LAMDA}",
}
GREEK = re.compile(rf"\b({'|'.join(LETTERS)})\b")  # in titles, which have no formulas
DERIVATION = re.compile(r"tests/derivations/test_([0-9]{2})_\w+")


class PythonParser(RSTParser):
    """Makes a page of a Python file."""

    supported = ("python",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        name = document.settings.env.docname
        if derivation := DERIVATION.fullmatch(name):
            text, code = _apart(inputstring)
            title, text = text.split("\n", 1)
            title = f"{int(derivation[1])}. {GREEK.sub(lambda word: LETTERS[word[0]], title.rstrip('.'))}"
            rst = f"{_heading(title, '=')}\n\n{to_rst(text, derivation=True)}\n\n{_heading('Tests', '-')}\n\n"
            rst += f"Run them with ``python -m pytest {name}.py``."
            super().parse(rst, document)
            list(document.findall(nodes.section))[-1].append(_listing(code))
        else:
            head = f":orphan:\n\n{_heading(f'{name}.py', '=')}\n\nOne of the :doc:`source files </docs/source>`."
            super().parse(head, document)
            document.next_node(nodes.section).append(_listing(inputstring, numbered=True))


class Sources(SphinxDirective):
    """`.. sources:: folder ...` lists the files of folders that have a page as a listing, each with its first line."""

    required_arguments = 1
    optional_arguments = 99

    def run(self) -> list[nodes.Node]:
        parts = []
        for folder in self.arguments:
            names = [name for name in _names(folder) if is_listing(self.env, name)]
            parts += [f".. rubric:: {folder}/"] * bool(names)
            parts.append("\n".join(f"- :doc:`/{name}`{_first_line(name)}" for name in names))
        return self.parse_text_to_nodes("\n\n".join(parts))


def is_listing(env: BuildEnvironment, name: str) -> bool:
    """Whether a page is a listing of a Python file."""
    known = name in env.found_docs and env.doc2path(name).suffix == ".py"  # not a notebook's source
    return known and not DERIVATION.fullmatch(name)


def _names(folder: str) -> list[str]:
    return [path.relative_to(ROOT).with_suffix("").as_posix() for path in sorted((ROOT / folder).glob("*.py"))]


def _first_line(name: str) -> str:
    text = ast.get_docstring(ast.parse((ROOT / f"{name}.py").read_text(encoding="utf-8"))) or ""
    line = to_rst(text.split("\n\n")[0])
    line = re.sub(r"(, in (one|any) of [^,:]+|\. [^.]+)?:$", ".", line)  # without what leads to the next paragraph
    return f": {line}" if line else ""


def _apart(code: str) -> tuple[str, str]:
    """A module's docstring and the code below it."""
    module = ast.parse(code)
    text = ast.get_docstring(module)
    assert text, "a derivation has a docstring"
    return text, "\n".join(code.splitlines()[module.body[0].end_lineno :]).strip("\n") + "\n"


def _heading(title: str, line: str) -> str:
    title = re.sub(r"[\\`*_|]", r"\\\g<0>", title)
    return f"{title}\n{line * len(title)}"


def _listing(code: str, numbered: bool = False) -> nodes.literal_block:
    block = nodes.literal_block(code, code, language="python", classes=["numbered"] if numbered else [])
    if numbered:
        block["linenos"] = True
        block["highlight_args"] = {"lineanchors": "L"}  # links lead to a line: #L-12
    return block


def link_to_line(domain: str, info: dict[str, str]) -> str | None:
    """Where the pages show the source of an object, from a page in docs/api/; for sphinx.ext.linkcode."""
    target = sys.modules.get(info["module"])
    for part in info["fullname"].split("."):
        target = getattr(target, part, None)
    try:
        target = inspect.unwrap(target)
        path = Path(inspect.getsourcefile(target)).resolve().relative_to(ROOT)
        line = inspect.getsourcelines(target)[1]
    except (TypeError, OSError, ValueError):  # made by a call, or not of this project
        return None
    return f"../../{path.with_suffix('').as_posix()}.html#L-{line}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the file type with Sphinx."""
    app.add_source_suffix(".py", "python")
    app.add_source_parser(PythonParser)
    app.add_directive("sources", Sources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
