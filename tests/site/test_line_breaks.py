"""Where lines of the pages may break, and where not."""

import doctest
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.core import publish_doctree

sys.path.append(str(Path(__file__).parents[2] / "docs" / "extensions"))
import line_breaks
import run_lines

APP = SimpleNamespace(
    env=SimpleNamespace(found_docs={"minigrad/trace"}, docname="docs/map"),
    builder=SimpleNamespace(get_relative_uri=lambda start, end: f"../{end}.html"),
)


def read(rst):
    """A document after the hooks."""
    document = publish_doctree(rst, settings_overrides={"halt_level": 2})
    names = ("mark_sentences", "break_code", "break_links", "hold_numbers", "hold_words")
    for hook in (getattr(line_breaks, f"_{name}") for name in names):
        hook(APP, document)
    return document


def in_a_table(text):
    document = read(f".. list-table::\n\n    * - {text}\n")
    (entry,) = document.findall(nodes.entry)
    return entry


def together(document):
    return [node.astext() for node in document.findall(nodes.inline) if "together" in node["classes"]]


def test_no_option_and_no_short_name_is_broken():
    code = read("``a --epochs 3 -x b-c d/e-f``")
    assert together(code) == ["--epochs", "-x", "b-c"]
    assert code.astext().replace("<wbr>", "") == "a --epochs 3 -x b-c d/e-f"
    assert together(read("``pip install '.[data]'``")) == ["'.[data]'"]


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("burgers-sharp", ["burgers-sharp"]),
        ("basic-bn, AVX-512", ["AVX-512", "basic-bn"]),
        ("ill-conditioned, a-b/c, d-e.md, 3-d-e", []),
        ("Levenberg-Marquardt", []),
    ],
)
def test_a_short_name_in_a_cell_is_not_broken(text, held):
    assert sorted(together(in_a_table(text))) == held


def test_a_path_breaks_after_its_slashes():
    document = read("``tests/site/test_a.py`` and ``1 / 2``")
    assert [node.astext() for node in document.findall(nodes.raw)] == ["<wbr>", "<wbr>"]


def test_a_path_with_a_page_is_a_link():
    (link,) = read("``minigrad/trace.py``, ``minigrad/none.py``, ``trace.py``").findall(nodes.reference)
    assert link["refuri"] == "../minigrad/trace.html"
    assert link.astext().replace("<wbr>", "") == "minigrad/trace.py"


def test_names_of_files_break_in_tables():
    entry = in_a_table("`test_where_it_goes.py <a.html>`__, `not_a_file <b.html>`__")
    assert [node.astext() for node in entry.findall(nodes.raw)] == ["<wbr>"] * 3


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("<h1>a/b_c.py<a>", "<h1>a/|b_|c.py<a>"),
        ("<h2>a.b_c<a>", "<h2>a.|b_|c<a>"),
        ("<h2>One word<a>", "<h2>One word<a>"),
        ('<span class="doc">a/b_c.py<', '<span class="doc">a/|b_|c.py<'),
        ('descclassname"><span class="pre">a.b.</span>', 'descclassname"><span class="pre">a.|b.|</span>'),
        ('descname"><span class="pre">__a_b__</span>', 'descname"><span class="pre">__a_|b__</span>'),
    ],
)
def test_names_in_headings_and_signatures_break(page, shown):
    context = {"body": page}
    line_breaks._break_names(APP, "", "", context, None)
    assert context["body"] == shown.replace("|", "<wbr>")


def test_underscores_side_by_side_stay_together():
    assert "".join(part.astext() for part in line_breaks._pieces("a/__init__.py", line_breaks.AFTER_A_SIGN)) == (
        "a/<wbr>__init__.py"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1.2 ± 0.3 / 4%", "1.2_±_0.3 / 4%"),
        ("32 x 32 x 3", "32_×_32_×_3"),
        ("1302 + 2301", "1302_+_2301"),
        ("9 of 10 runs", "9_of_10 runs"),
        ("1.4 (at 3)", "1.4_(at_3)"),
        ("20 (12,586)", "20_(12,586)"),
        ("noise U[0, 1]", "noise U[0,_1]"),
        ("batches of all", "batches of all"),
    ],
)
def test_numbers_of_a_cell_stay_together(text, shown):
    assert in_a_table(text).astext().replace("\N{NO-BREAK SPACE}", "_") == shown


def test_no_number_or_name_ends_a_line_with_its_hyphen():
    document = read("A loss of 1e-17, not -2, on CIFAR-10 and well-known data, ``1e-3``: 3 - 1e-2, **below 2.5e-17**.")
    assert together(document) == ["1e-17", "CIFAR-10", "1e-3", "1e-2", "2.5e-17"]
    assert "1e-17, not -2, on CIFAR-10 and well-known data" in document.astext()


def test_code_breaks_between_its_settings():
    assert read("``sgd:lr=0.1,momentum=0.9`` and ``f(a,b)``").astext().count("<wbr>") == 1
    assert read('``problems.vision.autoencoder.autoencoder("digits")``').astext().count("<wbr>") == 1


@pytest.mark.parametrize(
    ("text", "classes"), [("1.2 ± 0.3", []), ("relu, " * 9, ["sentence"]), ("relu, " * 30, ["sentence", "sentences"])]
)
def test_a_cell_with_a_sentence_is_marked(text, classes):
    assert in_a_table(text)["classes"] == classes


def test_code_keeps_its_letters():
    assert read("8 x 8 images, ``8 x 8``").astext() == "8 × 8 images, 8 x 8"


def test_a_line_of_json_opens():
    assert doctest.testmod(run_lines, raise_on_error=True).attempted == 1
    document = read('``{"command": "a.py", "cores": 2}``\n\n``{}``')
    run_lines._fold(APP, document)
    (raw,) = document.findall(nodes.raw)
    assert "<summary>a.py: versions and machine</summary>" in raw.astext()
