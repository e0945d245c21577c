"""Every page of the site loads without the network, leads nowhere wrong, shows what it has, and fits a phone."""

import importlib
import inspect
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

from tests.support import browser

ROOT = Path(__file__).parents[2]


def test_the_site_builds_without_warnings(build):
    assert build["returncode"] == 0, build["stderr"]


@pytest.mark.parametrize("kind", browser.KINDS)
def test_no_page_has_a_fault(pages, kind):
    assert browser.faults(pages, kind) == []


def test_every_link_leads_somewhere(pages, site):
    assert browser.broken_links(pages, site) == []
    assert sum(len(page["links"]) for page in pages.values()) > 1000


def test_notebooks_show_all_their_figures_and_formulas(pages):
    notebooks = sorted((ROOT / "notebooks").rglob("[0-9]*.ipynb"))
    assert notebooks
    for path in notebooks:
        cells = nbformat.read(path, as_version=4).cells
        figures = sum("image/png" in out.get("data", {}) for cell in cells for out in cell.get("outputs", []))
        page = pages[str(path.relative_to(ROOT).with_suffix(".html"))]
        assert page["figures"] == figures, path
        texts = "".join(cell.source for cell in cells if cell.cell_type == "markdown")
        formulas = texts.replace("$$", "$").count("$") // 2
        assert page["formulas"] == formulas, path
        assert figures >= 2
        assert formulas >= 10


def test_every_derivation_is_typeset(pages):
    derivations = [page for name, page in pages.items() if re.search(r"derivations/test_\d", name)]
    assert len(derivations) >= 20
    assert all(page["formulas"] >= 10 for page in derivations)
    assert pages["docs/api/curveball.html"]["formulas"] > 100


def test_every_page_has_a_search_and_a_way_on(pages):
    made = {name: page for name, page in pages.items() if name != "search.html"}
    assert [name for name, page in made.items() if not page["search"]] == []
    assert [name for name, page in made.items() if not page["neighbours"]] == []


def test_notebooks_and_files_can_be_taken_away(pages, site):
    for name, page in pages.items():
        source = (ROOT / name).with_suffix(".ipynb" if name.startswith("notebooks/") else ".py")
        if source.is_file():
            assert [Path(unquote(urlsplit(link).path)).read_bytes() for link in page["downloads"]] == [
                source.read_bytes()
            ]


def test_no_wall_of_text(pages):
    """At most 250 words in a row without a figure, a formula, code or a table, in the notebooks' end matter too."""
    texts = [name for name in pages if name.startswith(("docs/", "notebooks/", "README", "CONTRIBUTING", "tests/"))]
    texts += ["benchmarks/README.html", "studies/README.html"]
    lists = ("docs/api/", "docs/source.html")  # of functions, of files
    assert [f"{name}: {wall}" for name in texts if not name.startswith(lists) for wall in pages[name]["walls"]] == []


def test_every_source_has_its_page(pages):
    sources = [*ROOT.glob("notebooks/[0-9]*.ipynb"), *ROOT.glob("tests/derivations/test_[0-9]*.py")]
    sources += [path for package in ("minigrad", "problems", "curveball") for path in ROOT.glob(f"{package}/**/*.py")]
    missing = [path for path in sources if str(path.relative_to(ROOT).with_suffix(".html")) not in pages]
    assert missing == []
    listed = {unquote(urlsplit(link).path) for link in pages["docs/source.html"]["links"]}
    packages = [path for path in sources if path.parts[len(ROOT.parts)] in ("minigrad", "problems", "curveball")]
    names = [f"/{path.relative_to(ROOT).with_suffix('.html')}" for path in packages]
    assert [name for name in names if not any(link.endswith(name) for link in listed)] == []
    start = set(pages["docs/index.html"]["links"])
    for path in ROOT.glob("notebooks/[0-9]*.ipynb"):
        assert any(link.endswith(f"notebooks/{path.stem}.html") for link in start)


@pytest.mark.parametrize("name", ["minigrad", "minigrad.nn", "curveball", "problems"])
def test_every_public_name_is_in_the_reference(pages, name):
    package = importlib.import_module(name)
    names = getattr(package, "__all__", None) or [n for n in vars(package) if not n.startswith("_")]
    objects = {f"{name}.{n}": getattr(package, n) for n in names}
    ours = [
        n
        for n, value in objects.items()
        if (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__.startswith(name)
    ]
    assert len(ours) > 3
    assert set(ours) <= set(pages[f"docs/api/{name}.html"]["ids"])


def test_the_navigation_opens_on_a_phone(site, chromium):
    context = chromium.new_context(viewport=browser.PHONE, is_mobile=True, has_touch=True, offline=True)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())  # which goes on to the start page
    page.wait_for_url("**/docs/index.html")
    link = page.locator(".sidebar-tree a", has_text="Benchmarks")
    assert not _on_screen(link)
    page.tap("label.nav-overlay-icon:visible")
    page.wait_for_timeout(500)  # it slides in
    assert _on_screen(link)
    link.tap()
    page.wait_for_url("**/benchmarks/README.html")
    context.close()


def _on_screen(link):
    box = link.bounding_box()
    return box["x"] >= 0 and box["x"] + box["width"] <= browser.PHONE["width"]


def test_the_search_works_without_a_server(site, chromium):
    context = chromium.new_context(offline=True)
    page = context.new_page()
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{(site / 'search.html').as_uri()}?q=momentum")
    page.wait_for_selector("#search-results li a[href*=two_by_two]")  # results come one after the other
    assert errors == []
    context.close()


WIDE = '<pre style="width: 800px">wide</pre>'
SHADE = 'background: linear-gradient(white, white) local">'
PLANTED = {
    "an error in a script": ("console", "<script>undefined_function()</script>"),
    "no style sheet": ("requests", '<link rel="stylesheet" href="nothing.css">'),
    "a script of another host": ("requests", '<script src="https://example.org/script.js"></script>'),
    "no image": ("images", '<img src="nothing.png" width="50" height="50">'),
    "a formula with a mistake": ("formulas", r'<span class="math">\(\frac{1}\)</span>'),
    "an unknown macro": ("formulas", r'<span class="math">\(\nosuchmacro x\)</span>'),
    "a formula not marked": ("formulas", '<span class="math">x</span>'),
    "a formula left as text": ("formulas", "<p>where $x = 1$</p>"),
    "a table left as text": ("formulas", "<p>| a | b |\n|---|---|</p>"),
    "a wide paragraph": ("width", '<p style="width: 800px">wide</p>'),
    "wide code that does not scroll": ("width", '<div style="overflow: hidden">' + WIDE),
    "wide code that does not show that it scrolls": ("width", '<div style="overflow-x: auto">' + WIDE),
    "a shade where nothing scrolls": (
        "width",
        '<p style="background: linear-gradient(to right, transparent 40%, transparent) local">short</p>',
    ),
    "a shade that another colour covers": (
        "width",
        '<div style="background: black"><p style="background: linear-gradient(white, white) local">short</p></div>',
    ),
    "a formula that fits and scrolls": (
        "width",
        r'<span class="math" style="display: inline-block; overflow: auto hidden; width: 50px; '
        + SHADE
        + r'\(x\)<i style="display: inline-block; width: 90px"></i></span>',
    ),
    "nothing": (
        "",
        r'<span class="math">\(\frac{1}{2}\)</span> <div style="overflow-x: auto; ' + SHADE + WIDE,
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_the_browser_finds_what_is_planted(tmp_path, chromium, site, planted):
    kind, html = PLANTED[planted]
    mathjax = (site / "_static" / "tex-svg-full.js").as_uri()
    head = f'<!doctype html><meta name="viewport" content="width=device-width"><script src="{mathjax}"></script>'
    (tmp_path / "page.html").write_text(f"{head}<div style='overflow-x: auto'><article>{html}</article></div>")
    pages = browser.visit(chromium, tmp_path)
    found = {k for k in browser.KINDS if browser.faults(pages, k)}
    assert kind in found if kind else not found


def test_a_planted_broken_link_is_found(tmp_path, chromium):
    (tmp_path / "a.html").write_text('<a href="b.html#here">1</a> <a href="b.html#there">2</a> <a href="c.html">3</a>')
    (tmp_path / "b.html").write_text('<p id="here">here</p> <a href="../outside.html">4</a>')
    (tmp_path.parent / "outside.html").write_text("not of the site")
    broken = browser.broken_links(browser.visit(chromium, tmp_path), tmp_path)
    assert [link.rpartition("/")[2] for link in broken] == ["b.html#there", "c.html", "outside.html"]
