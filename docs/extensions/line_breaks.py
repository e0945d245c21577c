"""Where lines may break: paths after a slash, names of files after a sign, but no option, no `1e-3`, no `1.2 ± 0.3`.

The x between numbers becomes a multiplication sign, and a path in code a link to its page: `minigrad/trace.py`.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

FILE = re.compile(r"[\w.-]+\.(py|md|json|jsonl|csv|png|toml|ipynb)")
SIGN = "\N{MULTIPLICATION SIGN}"
TIMES = re.compile(r"(?<=[0-9]) x (?=[0-9])")
NARROW = re.compile(
    rf"(?<=[0-9%]) (?=(?:[±+{SIGN}]|of) [0-9])|(?<= [±+{SIGN}]) (?=[0-9])|(?<= of) (?=[0-9])|(?<=\(at) (?=[0-9])"
    r"|(?<=[0-9]) (?=\((?:at )?[0-9])|(?<=\[[0-9],) (?=[0-9])"
)
VERBATIM = nodes.literal | nodes.literal_block | nodes.math | nodes.math_block | nodes.raw | nodes.comment
HYPHENATED = re.compile(r"(\b(?:[0-9.]+e|[A-Za-z]+)-[0-9]\w*)")
SHORT = re.compile(r"((?<![\w/-])(?=[\w-]{3,10}(?![\w/-]|\.\w))\w+-\w+(?![\w-]))")
WHOLE = re.compile(r"(?=.{,30}$)([^/\s]+-[^/\s]+|'[^/\s]+')")
IN_CODE = re.compile(r"(?<=[\w.]/)(?=\w)|(?<=\w,)(?=\w+=)")
IN_LONG_CODE = re.compile(IN_CODE.pattern + r"|(?<=\w[,(])(?=[\"\w])")
NAME = re.compile(
    r'(?<=<h[12]>)\w+[./][\w./]+(?=<)|(?<=descclassname"><span class="pre">)[\w.]+|(?<=descname"><span class="pre">)\w+'
    r'|(?<=<span class="doc">)[\w/]+\.py(?=<)'
)
BREAK = re.compile(r"(?<=\w[./])(?!py$)(?=\w|$)|(?<=[^\W_]_)(?=[^\W_])")
AFTER_A_SIGN = re.compile(r"(?<=\w/)(?=\w)|(?<=[^\W_][_-])(?=[^\W_])")


def _break_code(app: Sphinx, doctree: nodes.document) -> None:
    """Links from paths to pages; no line ends within an option or a short name, but any after the slash of a path.

    So may one before a setting, and in long code after a comma or bracket.
    """
    for literal in list(doctree.findall(nodes.literal)):
        text = literal.astext()
        page = text.removesuffix(".py") if text.endswith(".py") and "/" in text and not _in_a_link(literal) else ""
        if len(literal) == 1 and isinstance(literal[0], nodes.Text):
            literal.children = []
            places = IN_LONG_CODE if len(text) > 30 else IN_CODE
            for word in re.split(r"( +)", text):
                held = re.fullmatch(r"--?[a-z][\w-]*", word) or WHOLE.fullmatch(word)
                literal += [_together(word)] if held else _pieces(word, places)
        if page in app.env.found_docs and page != app.env.docname:
            link = nodes.reference("", "", internal=True, refuri=app.builder.get_relative_uri(app.env.docname, page))
            literal.replace_self(link)
            link += literal


def _in_a_link(node: nodes.Node) -> bool:
    links = (nodes.reference, addnodes.pending_xref, addnodes.download_reference, nodes.title)
    return node.parent is not None and (isinstance(node.parent, links) or _in_a_link(node.parent))


def _break_links(app: Sphinx, doctree: nodes.document) -> None:
    """In tables, links that are names of files may end a line after each sign."""
    for entry in doctree.findall(nodes.entry):
        for link in [*entry.findall(nodes.reference), *entry.findall(addnodes.pending_xref)]:
            for text in [t for t in link.findall(nodes.Text) if FILE.fullmatch(t)]:
                pieces = _pieces(text.astext(), AFTER_A_SIGN)
                text.parent.replace(text, nodes.inline("", "", *pieces, classes=["file"]))


def _break_names(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Headings and links that are paths or modules, and the names of signatures, may end a line after each sign.

    This is done in the finished page, so that the index of the search has the headings as they are.
    """
    if "body" in context:
        context["body"] = NAME.sub(lambda name: BREAK.sub("<wbr>", name[0]), context["body"])


def _hold_numbers(app: Sphinx, doctree: nodes.document) -> None:
    """In tables, `1.2 ± 0.3`, `32 x 32`, `2.1 (at 3)`, `9 of 10` and `[0, 1]` stay in one line."""
    for text in [t for t in doctree.findall(nodes.Text) if TIMES.search(t)]:
        if not isinstance(text.parent, VERBATIM):
            text.parent.replace(text, nodes.Text(TIMES.sub(f" {SIGN} ", text)))
    for entry in doctree.findall(nodes.entry):
        for text in [t for t in entry.findall(nodes.Text) if NARROW.search(t)]:
            text.parent.replace(text, nodes.Text(NARROW.sub("\N{NO-BREAK SPACE}", text)))


def _hold_words(app: Sphinx, doctree: nodes.document) -> None:
    """`1e-6` stays in one line; in tables, `basic-bn`, `AVX-512` and a name that fills its cell do too."""
    _hold(doctree, HYPHENATED)
    for entry in doctree.findall(nodes.entry):
        for text in [t for t in entry.findall(nodes.Text) if WHOLE.fullmatch(t) and t.islower()]:
            if not _is_held(text):
                text.parent.replace(text, _together(text))
        _hold(entry, SHORT)


def _hold(node: nodes.Node, words: re.Pattern[str]) -> None:
    for text in [t for t in node.findall(nodes.Text) if words.search(t)]:
        if not isinstance(text.parent, VERBATIM) and not _is_held(text):
            parts = words.split(text)
            text.parent.replace(text, [_together(t) if k % 2 else nodes.Text(t) for k, t in enumerate(parts) if t])


def _is_held(text: nodes.Text) -> bool:
    return "together" in text.parent.get("classes", [])


def _together(text: str) -> nodes.inline:
    return nodes.inline("", text, classes=["together"])


def _mark_sentences(app: Sphinx, doctree: nodes.document) -> None:
    """Mark the cells of a table with more text than a number or a name has; the style gives them room."""
    for entry in doctree.findall(nodes.entry):
        length = len(entry.astext())
        entry["classes"] += ["sentence"] * (length > 40) + ["sentences"] * (length > 100)


def _pieces(text: str, places: re.Pattern[str]) -> list[nodes.Node]:
    pieces: list[nodes.Node] = []
    for part in places.split(text):
        pieces += [nodes.raw("", "<wbr>", format="html")] * bool(pieces) + [nodes.Text(part)]
    return pieces


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the hooks above, after titles are collected."""
    for hook in (_mark_sentences, _break_code, _break_links, _hold_numbers, _hold_words):
        app.connect("doctree-read", hook, priority=700)
    app.connect("html-page-context", _break_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
