"""The project's docstrings are plain text; this is what they become for Sphinx.

    `code`                    a literal
    an indented block         shown as it stands: formulas, tables, listings
    lines that begin >>>      a Python session, in colours
    - lines                   a list
    *words*                   emphasis
    test_07_... , arXiv ...   links to the derivation and to the paper

Nothing else is markup: `*runs`, `|z|`, `J_` and, at the start of a paragraph, `J.` are text also outside backticks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

SPECIAL = re.compile(r"[\\*|]|_(?=\W|$)")
TOKENS = re.compile(
    r"`(?P<code>[^`]+)`"
    r"|(?<![\w*])\*(?P<words>\w[\w -]*)\*(?![\w*])"
    r"|(?:tests/derivations/)?(?P<test>test_[0-9]{2}_[a-z_]+)(?:\.py)?"
    r"|arXiv:? ?(?P<arxiv>[0-9]{4}\.[0-9]{5})"
)
LIST_ITEM = re.compile(r"\(?(\w|[0-9]+|[ivxlcdm]+|#)[.)](\s|$)|[-+:.=]", re.IGNORECASE)  # what it would look like
RUN_IN = re.compile(r"([A-Z][^.,:()`_]*)\.(?=\s|$)")  # a first sentence so short that it is a heading


def to_rst(text: str, headings: bool = False) -> str:
    """Return a plain text as reStructuredText; with `headings`, short first sentences of a paragraph are bold.

    >>> print(to_rst("Twice `x`, for *any* x:\\n\\n    y = 2 x"))
    Twice ``x``, for *any* x:
    <BLANKLINE>
    .. code-block:: text
    <BLANKLINE>
        y = 2 x
    """
    parts = []
    for kind, lines in _blocks(text.splitlines()):
        if kind == "indented":
            parts.append(_code("text", lines))
        elif kind == "session":
            parts.append(_code("pycon", lines))
        elif kind == "list":
            parts.append("\n".join(f"- {_inline(item)}" for item in _items(lines)))
        else:
            parts.append(_paragraph(" ".join(line.strip() for line in lines), headings))
    return "\n\n".join(part for part in parts if part)


def _blocks(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """The text in blocks; blank lines between two indented ones belong to them."""
    chunks = [list(chunk) for full, chunk in groupby(lines, lambda line: bool(line.strip())) if full]
    kind, block = "", []
    for chunk in chunks:
        if kind == _kind(chunk) == "indented":
            block += ["", *chunk]
            continue
        if block:
            yield kind, block
        kind, block = _kind(chunk), chunk
    if block:
        yield kind, block


def _kind(chunk: list[str]) -> str:
    if chunk[0].startswith(" "):
        return "indented"
    if chunk[0].startswith(">>> "):
        return "session"
    return "list" if chunk[0].startswith("- ") else "paragraph"


def _code(language: str, lines: list[str]) -> str:
    indent = min(len(line) - len(line.lstrip()) for line in lines if line)
    return "\n".join([f".. code-block:: {language}", "", *(f"    {line[indent:]}".rstrip() for line in lines)])


def _items(lines: list[str]) -> list[str]:
    items: list[str] = []
    for line in lines:
        if line.startswith("- "):
            items.append(line[2:])
        else:
            items[-1] += " " + line.strip()
    return items


def _paragraph(text: str, headings: bool) -> str:
    text = re.sub(r"(?: |(?<=:)):+$|::$", lambda end: "" if end[0].startswith(" ") else ":", text).rstrip()
    if headings and (start := RUN_IN.match(text)) and len(start[1].split()) <= 4:
        return f"**{_escape(start[1])}.**{_inline(text[start.end() :])}"
    return "\\" * bool(LIST_ITEM.match(text)) + _inline(text)


def _inline(text: str) -> str:
    """Literals, emphasis and links; all else escaped."""
    rst, end = "", 0
    for token in TOKENS.finditer(text):
        rst = _joined(rst, _escape(text[end : token.start()]))
        rst = _joined(rst, _token(token))
        end = token.end()
    return _joined(rst, _escape(text[end:]))


def _joined(rst: str, more: str) -> str:
    """Markup must not touch a letter: an escaped space, which is not shown, parts them."""
    touch = (rst[-1:].isalnum() and more[:1] in "`*:") or (rst[-1:] in "`*" and more[:1].isalnum())
    return rst + r"\ " * bool(rst and more and touch) + more


def _token(token: re.Match[str]) -> str:
    if token["code"]:
        return f"``{token['code'].strip()}``"
    if token["words"]:
        return token[0]
    if token["test"]:
        return f":doc:`{token['test']} </tests/derivations/{token['test']}>`"
    return f"`arXiv {token['arxiv']} <https://arxiv.org/abs/{token['arxiv']}>`__"


def _escape(text: str) -> str:
    return SPECIAL.sub(r"\\\g<0>", text)
