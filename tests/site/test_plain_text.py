"""Docstrings become reStructuredText that shows what they say: parsed by docutils, without a message."""

import doctest
import sys
from pathlib import Path

import pytest
from docutils import nodes
from docutils.core import publish_doctree

ROOT = Path(__file__).parents[2]


@pytest.fixture
def rst(monkeypatch):
    """The function from plain text to reStructuredText."""
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "extensions"))
    from plain_text import to_rst

    yield to_rst
    for name in ("plain_text", "typeset", "formulas", "formula_symbols", "formula_tokens"):
        sys.modules.pop(name)


@pytest.fixture
def parse(rst):
    """A function from plain text to docutils' document; what docutils would warn of is an error."""
    return lambda text, **options: publish_doctree(rst(text, **options), settings_overrides={"halt_level": 2})


def test_the_example_in_its_docstring(parse):
    assert doctest.testmod(sys.modules["plain_text"], raise_on_error=True).attempted == 1


def test_what_would_be_markup_is_text(parse):
    text = r"Params are (*runs, n); |z|^3 and J_ stay, and \ too; a * b * c, **never**, a link_."
    assert parse(text).astext() == text


def test_code_is_literal(parse):
    document = parse("`a * b`, `*args`s and\nthe `x_` of (`y`), 2`z`: `1`.", names=frozenset("yz"))
    assert [node.astext() for node in document.findall(nodes.literal)] == ["a * b", "*args", "x_", "y", "z", "1"]
    assert document.astext() == "a * b, *argss and the x_ of (y), 2z: 1."


def test_an_indented_block_stands_as_it_is(parse):
    block = "y = call(*x*)       (1)\n\n  z_ = |y|"
    document = parse(
        "Here ::\n\n" + "\n".join(f"    {line}".rstrip() for line in block.splitlines()) + "\n\nand there::"
    )
    assert [node.astext() for node in document.findall(nodes.literal_block)] == [block]
    assert [node.astext() for node in document.findall(nodes.paragraph)] == ["Here", "and there:"]


def test_a_session_is_python(parse):
    document = parse("An example.\n\n>>> x = 1\n>>> x\n1")
    (block,) = document.findall(nodes.literal_block)
    assert block.astext() == ">>> x = 1\n>>> x\n1"
    assert "pycon" in block["classes"]


@pytest.mark.parametrize(
    "text", ["J. F. Henriques, ICCV 2019", "(1) holds", "iv. is four", "- x", ":a: b", ".. c", "==="]
)
def test_a_paragraph_may_begin_with_anything(parse, text):
    (block,) = parse(f"Before.\n\n{text} and more.").children[1:]
    assert isinstance(block, nodes.bullet_list if text == "- x" else nodes.paragraph)
    assert block.astext().removeprefix("- ") == f"{text} and more.".removeprefix("- ")


def test_emphasis(parse):
    document = parse("The *linearised* model of (*runs, n) -> (*runs, m).")
    assert [node.astext() for node in document.findall(nodes.emphasis)] == ["linearised"]
    assert document.astext() == "The linearised model of (*runs, n) -> (*runs, m)."


def test_a_list(parse):
    document = parse("Two:\n\n- one,\n  still one\n- two")
    assert [node.astext() for node in document.findall(nodes.list_item)] == ["one, still one", "two"]


def test_names_and_what_they_are_become_a_list(parse):
    text = "Two:\n\npath:    of the run,\n         or none\nlow, high:  `0 < x`\n\nAfter."
    document = parse(text)
    assert [node.astext() for node in document.findall(nodes.list_item)] == [
        "path: of the run, or none",
        "low, high: 0 < x",
    ]
    assert [node.astext() for node in document.findall(nodes.literal)] == ["path", "low", "high"]


@pytest.mark.parametrize(
    "text", ["note: one line of prose", "one: two\nthree and more", "It says: yes\nlow: 1\nhigh: 2"]
)
def test_a_sentence_with_a_colon_is_no_list(parse, text):
    assert not list(parse(text).findall(nodes.list_item))


def test_papers_are_links(parse):
    (link,) = parse("ICCV 2019, arXiv 1805.08095.").findall(nodes.reference)
    assert link["refuri"] == "https://arxiv.org/abs/1805.08095"


def test_short_first_sentences_are_headings(parse):
    text = "Claim. It holds.\n\nThe iterates tend to zero. So it is.\n\nWhat the matrix `P` does. It cuts."
    document = parse(text, derivation=True)
    assert [node.astext() for node in document.findall(nodes.strong)] == ["Claim.", "What the matrix", "does."]
    assert "What the matrix P does. It cuts." in document.astext()


def test_formulas_are_typeset_and_arguments_are_code(parse):
    document = parse("With `J^T u` and `z`, `x` is `x > 0`:\n\n    y = 1/2 x\n", names=frozenset("x"))
    assert [node.astext() for node in document.findall(nodes.literal)] == ["x"]
    formulas = [node.astext() for node in document.findall(nodes.math)]
    assert formulas == ["J^T u", "z", "x > 0", r"\displaystyle y = \frac{1}{2} x"]


def test_a_block_of_formulas_and_words_is_a_table(parse):
    document = parse("So:\n\n    push    J v      (1)\n    pull    J^T u\n")
    assert [node.astext() for node in document.findall(nodes.entry)] == ["push", r"\displaystyle J v", "(1)"] + [
        "pull", r"\displaystyle J^T u", "",
    ]  # fmt: skip


def test_words_of_a_block_have_formulas_between_them(parse):
    document = parse("So:\n\n    q = 1    if (1 - sqrt a)^2 < a, a pair\n")
    text, formula = document.findall(nodes.entry)
    assert text.astext() == r"\displaystyle q = 1"
    assert [type(node) for node in formula[0]] == [nodes.Text, nodes.math, nodes.Text]
    assert formula.astext() == r"if (1 - \sqrt{a})^2 < a, a pair"


def test_formulas_below_each_other_are_aligned(rst):
    text = rst("So:\n\n    y = J v      x = 0      (1)\n    u <- y\n")
    assert r"y & = J v & \qquad x & = 0 \tag{1} \\" in text
    assert r"u & \leftarrow y" in text
