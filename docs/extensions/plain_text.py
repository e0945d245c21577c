"""The project's docstrings are plain text; this is what they become for Sphinx.

    `code`, `J^T u`           a literal, or a formula (typeset.py says which)
    an indented block         formulas, a table of them, or else as it stands
    lines that begin >>>      a Python session, in colours
    - lines                   a list
    name:  what it is         a list too: every line begins with a name, or is indented
    *words*                   emphasis
    test_07_... , arXiv ...   links to the derivation and to the paper

Nothing else is markup: `*runs`, `|z|`, `J_` and, at the start of a paragraph, `J.` are text also outside backticks.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby

from typeset import block, escape, formula

TOKENS = re.compile(
    r"`(?P<code>[^`]+)`"
    r"|(?<![\w*])\*(?P<words>\w[\w -]*)\*(?![\w*])"
    r"|(?:tests/derivations/)?(?P<test>test_[0-9]{2}_[a-z_]+)(?:\.py)?"
    r"|arXiv:? ?(?P<arxiv>[0-9]{4}\.[0-9]{5})"
)
LIST_ITEM = re.compile(r"\(?(\w|[0-9]+|[ivxlcdm]+|#)[.)](\s|$)|[-+:.=]", re.IGNORECASE)  # what it would look like
RUN_IN = re.compile(r"([A-Z][^.,:()_]*)\.(?=\s|$)")  # a first sentence that may be a heading
FIELD = re.compile(r"([a-z]\w*(?:, [a-z]\w*)*):(?: {2,}| )(?=\S)")
QUESTION = re.compile(r"(What|Where|Which|Why) ")


def to_rst(text: str, derivation: bool = False, names: frozenset[str] = frozenset()) -> str:
    """Return a plain text as reStructuredText.

    In a derivation, short first sentences of a paragraph are bold, and all in backticks that can be a formula is one.
    In a docstring, `names` are the arguments: alone they are code.

    >>> print(to_rst("Twice `x`, for *any* `option`: `y = 2 x`.", names=frozenset("x")))
    Twice ``x``, for *any* ``option``: :math:`y = 2 x`.
    """
    inline = partial(_inline, names=names, derivation=derivation)
    parts = []
    for kind, lines in _blocks(text.splitlines()):
        if kind == "indented":
            parts.append(block(_dedented(lines)) or _code("text", lines))
        elif kind == "session":
            parts.append(_code("pycon", lines))
        elif kind == "list":
            parts.append("\n".join(f"- {inline(item)}" for item in _items(lines)))
        elif kind == "fields":
            parts.append("\n".join(f"- {_field(item, inline)}" for item in _joined_fields(lines)))
        else:
            parts.append(_paragraph(" ".join(line.strip() for line in lines), derivation, inline))
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
    if chunk[0].startswith("- "):
        return "list"
    fields = [FIELD.match(line) for line in chunk]
    whole = all(field or line.startswith("    ") for field, line in zip(fields, chunk, strict=True))
    several = sum(map(bool, fields)) > 1 or bool(fields[0] and fields[0][0].endswith("  "))
    return "fields" if fields[0] and whole and several else "paragraph"


def _code(language: str, lines: list[str]) -> str:
    return "\n".join([f".. code-block:: {language}", "", *(f"    {line}".rstrip() for line in _dedented(lines))])


def _dedented(lines: list[str]) -> list[str]:
    return textwrap.dedent("\n".join(lines)).splitlines()


def _items(lines: list[str]) -> list[str]:
    items: list[str] = []
    for line in lines:
        if line.startswith("- "):
            items.append(line[2:])
        else:
            items[-1] += " " + line.strip()
    return items


def _joined_fields(lines: list[str]) -> list[str]:
    items: list[str] = []
    for line in lines:
        if FIELD.match(line):
            items.append(line)
        else:
            items[-1] += " " + line.strip()
    return items


def _field(item: str, inline: Callable[[str], str]) -> str:
    """A name, or several, in code, and what is said of them."""
    field = FIELD.match(item)
    assert field, "an item begins with a name"
    names = ", ".join(f"``{name}``" for name in field[1].split(", "))
    return f"{names}: {inline(item[field.end() :])}"


def _paragraph(text: str, headings: bool, inline: Callable[[str], str]) -> str:
    text = re.sub(r"(?: |(?<=:)):+$|::$", lambda end: "" if end[0].startswith(" ") else ":", text).rstrip()
    if headings and (start := RUN_IN.match(text)) and len(start[1].split()) <= (7 if QUESTION.match(text) else 4):
        return _bold(f"{start[1]}.", inline) + inline(text[start.end() :])
    return "\\" * bool(LIST_ITEM.match(text)) + inline(text)


def _bold(text: str, inline: Callable[[str], str]) -> str:
    """A heading; its formulas are no bolder than elsewhere."""
    parts = [part.strip() for part in re.split(r"(`[^`]+`)", text)]
    marked = [inline(part) if part.startswith("`") else f"**{escape(part)}**" for part in parts]
    return " ".join(marked).replace(" **.**", ".")


def _inline(text: str, names: frozenset[str], derivation: bool) -> str:
    """Literals, formulas, emphasis and links; all else escaped."""
    rst, end = "", 0
    for token in TOKENS.finditer(text):
        rst = _joined(rst, escape(text[end : token.start()]))
        rst = _joined(rst, _token(token, names, derivation))
        end = token.end()
    return _joined(rst, escape(text[end:]))


def _joined(rst: str, more: str) -> str:
    """Markup must not touch a letter: an escaped space, which is not shown, parts them."""
    touch = (rst[-1:].isalnum() and more[:1] in "`*:") or (rst[-1:] in "`*" and more[:1].isalnum())
    return rst + r"\ " * bool(rst and more and touch) + more


def _token(token: re.Match[str], names: frozenset[str], derivation: bool) -> str:
    if token["code"]:
        code = token["code"].strip()
        tex = formula(code, names, derivation)
        return f":math:`{tex}`" if tex else f"``{code}``"
    if token["words"]:
        return token[0]
    if token["test"]:
        return f":doc:`derivation {int(token['test'][5:7])} </tests/derivations/{token['test']}>`"
    return f"`arXiv {token['arxiv']} <https://arxiv.org/abs/{token['arxiv']}>`__"
