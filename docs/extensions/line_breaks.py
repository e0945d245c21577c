"""Where lines may break: paths after a slash, names of files after a sign, but no option, no `1e-6` and no `1.2 ± 0.3`.

The x between numbers becomes a multiplication sign, and a path in code a link to its page: `minigrad/trace.py`.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

PATH = re.compile(r"[\w/-]+\.py")
FILE = re.compile(r"[\w.-]+\.(py|md|json|jsonl|csv|png|toml|ipynb)")
SIGN = "\N{MULTIPLICATION SIGN}"
TIMES = re.compile(r"(?<=[0-9]) x (?=[0-9])")
NARROW = re.compile(
    rf"(?<=[0-9%]) (?=(?:[±+{SIGN}]|of) [0-9])|(?<= [±+{SIGN}]) (?=[0-9])|(?<= of) (?=[0-9])|(?<=\(at) (?=[0-9])"
    r"|(?<=[0-9]) (?=\((?:at )?[0-9])|(?<=\[[0-9],) (?=[0-9])"
)
POWER = re.compile(r"((?<![\w-])[0-9][0-9.]*e-[0-9]+)")
SHORT = re.compile(r"((?<![\w/-])(?=[\w-]{3,10}(?![\w/-]|\.\w))\w+-\w+(?![\w-]))")
NAME = re.compile(r"(?=.{,30}$)([^/\s]+-[^/\s]+|'[^/\s]+')")
AFTER_A_SLASH = re.compile(r"(?<=[\w.]/)(?=\w)")
AFTER_A_SIGN = re.compile(r"(?<=\w[/_-])(?=\w)")


def _break_code(app: Sphinx, doctree: nodes.document) -> None:
    """Links from paths to pages; no line ends within an option or a short name, but any after the slash of a path."""
    for literal in list(doctree.findall(nodes.literal)):
        text = literal.astext()
        page = text.removesuffix(".py") if text.endswith(".py") and "/" in text and not _in_a_link(literal) else ""
        if len(literal) == 1 and isinstance(literal[0], nodes.Text):
            literal.children = []
            for word in re.split(r"( +)", text):
                held = re.fullmatch(r"--?[a-z][\w-]*", word) or NAME.fullmatch(word)
                literal += [_together(word)] if held else _pieces(word, AFTER_A_SLASH)
        if page in app.env.found_docs and page != app.env.docname:
            link = nodes.reference("", "", internal=True, refuri=app.builder.get_relative_uri(app.env.docname, page))
            literal.replace_self(link)
            link += literal


def _in_a_link(node: nodes.Node) -> bool:
    links = (nodes.reference, addnodes.pending_xref, addnodes.download_reference, nodes.title)
    return node.parent is not None and (isinstance(node.parent, links) or _in_a_link(node.parent))


def _break_links(app: Sphinx, doctree: nodes.document) -> None:
    """In tables, links that are names of files are of class `file` and may end a line after each sign."""
    for entry in doctree.findall(nodes.entry):
        for link in [*entry.findall(nodes.reference), *entry.findall(addnodes.pending_xref)]:
            for text in [t for t in link.findall(nodes.Text) if FILE.fullmatch(t)]:
                pieces = _pieces(text.astext(), AFTER_A_SIGN)
                text.parent.replace(text, nodes.inline("", "", *pieces, classes=["file"]))


def _break_titles(app: Sphinx, doctree: nodes.document) -> None:
    """A title that is the path of a file may end a line after each slash and sign."""
    title = doctree.next_node(nodes.title)
    if title is not None and PATH.fullmatch(title.astext()):
        text = title.astext()
        title.children = []
        title += _pieces(text, AFTER_A_SIGN)


def _break_paths(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """A link that is the path of a file may end a line after each slash and sign."""
    for link in doctree.findall(nodes.reference):
        for text in [t for t in link.findall(nodes.Text) if PATH.fullmatch(t) and "/" in t]:
            text.parent.replace(text, _pieces(text.astext(), AFTER_A_SIGN))


def _hold_numbers(app: Sphinx, doctree: nodes.document) -> None:
    """In tables, `1.2 ± 0.3`, `32 x 32`, `2.1 (at 3)` and `9 of 10` stay in one line."""
    for text in [t for t in doctree.findall(nodes.Text) if TIMES.search(t)]:
        if not isinstance(text.parent, nodes.literal | nodes.literal_block | nodes.math | nodes.math_block | nodes.raw):
            text.parent.replace(text, nodes.Text(TIMES.sub(f" {SIGN} ", text)))
    for entry in doctree.findall(nodes.entry):
        for text in [t for t in entry.findall(nodes.Text) if NARROW.search(t)]:
            text.parent.replace(text, nodes.Text(NARROW.sub("\N{NO-BREAK SPACE}", text)))


def _hold_words(app: Sphinx, doctree: nodes.document) -> None:
    """`1e-6` stays in one line; in tables, `basic-bn`, `AVX-512` and a name that fills its cell do too."""
    _hold(doctree, POWER)
    for entry in doctree.findall(nodes.entry):
        for text in [t for t in entry.findall(nodes.Text) if NAME.fullmatch(t) and t.islower()]:
            text.parent.replace(text, _together(text))
        _hold(entry, SHORT)


def _hold(node: nodes.Node, words: re.Pattern[str]) -> None:
    for text in [t for t in node.findall(nodes.Text) if words.search(t)]:
        if isinstance(text.parent, nodes.paragraph | nodes.strong):
            parts = words.split(text)
            text.parent.replace(text, [_together(t) if k % 2 else nodes.Text(t) for k, t in enumerate(parts) if t])


def _together(text: str) -> nodes.inline:
    return nodes.inline("", text, classes=["together"])


def _pieces(text: str, places: re.Pattern[str]) -> list[nodes.Node]:
    pieces: list[nodes.Node] = []
    for part in places.split(text):
        pieces += [nodes.raw("", "<wbr>", format="html")] * bool(pieces) + [nodes.Text(part)]
    return pieces


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the hooks above, after titles are collected."""
    for hook in (_break_code, _break_links, _break_titles, _hold_numbers, _hold_words):
        app.connect("doctree-read", hook, priority=700)
    app.connect("doctree-resolved", _break_paths)  # the texts of links to pages are not known before
    return {"parallel_read_safe": True, "parallel_write_safe": True}
