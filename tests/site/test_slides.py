"""The slides in a browser: everything fits, formulas are typeset, keys turn the pages, and there is no network."""

import pytest

from tests.support import browser
from tests.support.builders import slides
from tests.support.notebook_builder import build

SEEN = """() => slides.map((slide, k) => {
  show(k);
  const body = slide.querySelector(".body"), frame = slide.getBoundingClientRect(), faults = [];
  if (Number(slide.dataset.size) < 60) faults.push("too small to read: " + slide.dataset.size + "%");
  for (const e of body.querySelectorAll("p, li, pre, table, img, mjx-container")) {
    const box = e.getBoundingClientRect();
    if (box.right > frame.right + 1 || box.bottom > frame.bottom + 1) faults.push("cut off: " + e.textContent);
  }
  if (/\\\\\\(|\\\\\\[|\\$/.test(body.innerText)) faults.push("not typeset: " + body.innerText);
  if (body.querySelector("[data-mjx-error], [data-mml-node=merror]")) faults.push("a wrong formula");
  const img = body.querySelector("img");
  const height = img ? img.getBoundingClientRect().height / frame.height : 1;
  if (height < 0.28 || img?.naturalWidth === 0) faults.push("a small figure");
  return faults.map((fault) => `slide ${k + 1}: ${fault}`);
}).flat()"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("slides")
    for source in build.sources():
        slides.build(build.FOLDER / f"{source.stem}.ipynb", out)
    slides.add_mathjax(out)
    return out


@pytest.fixture(scope="module")
def tab(chromium):
    context = chromium.new_context(viewport=browser.DESKTOP, offline=True)
    page = context.new_page()
    page.foreign = []
    page.on(
        "request", lambda request: None if request.url[:5] in ("file:", "data:") else page.foreign.append(request.url)
    )
    yield page
    context.close()


@pytest.mark.parametrize("name", [source.stem for source in build.sources()])
def test_every_slide_fits_and_is_typeset(folder, tab, name):
    tab.goto((folder / f"{name}.html").as_uri())
    tab.wait_for_function("document.body.dataset.ready")
    assert tab.evaluate(SEEN) == []
    assert [url for url in tab.foreign if not url.startswith(("file:", "data:"))] == []


def test_keys_turn_the_pages_and_show_the_notes(folder, tab):
    tab.goto((folder / "01_linear_maps.html").as_uri())
    tab.wait_for_function("document.body.dataset.ready")
    where = "[at, slides[at].classList.contains('shown'), document.querySelectorAll('section.shown').length]"
    assert tab.evaluate(where) == [0, True, 1]
    for key, expected in [("ArrowRight", 1), ("Space", 2), ("ArrowLeft", 1), ("PageDown", 2), ("Home", 0)]:
        tab.keyboard.press(key)
        assert tab.evaluate(where) == [expected, True, 1]
    tab.keyboard.press("ArrowLeft")
    assert tab.evaluate(where) == [0, True, 1]
    tab.keyboard.press("End")
    assert tab.evaluate("at === slides.length - 1")
    assert tab.url.endswith(f"#{tab.evaluate('slides.length')}")
    assert not tab.is_visible("#notes")
    tab.keyboard.press("n")
    assert tab.is_visible("#notes")
