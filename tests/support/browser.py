"""What a headless Chromium finds on pages: faults by kind, links, ids. No network: pages are read from their files.

Each page is loaded once on a desktop's width, in light colours, and then measured on a phone's, in dark ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
KINDS = ("console", "requests", "images", "formulas", "width")

LOOK = r"""async () => {
  if (window.MathJax) await MathJax.startup.promise;
  document.querySelectorAll("details").forEach((folded) => folded.open = true);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const width = (element) => element.getBoundingClientRect().width;
  // Words in a row without a figure, a formula, code or a table between them.
  const walls = (article) => {
    const found = [];
    let words = 0, start = "";
    const close = () => {
      if (words > 250) found.push(`${words} words from "${start}"`);
      [words, start] = [0, ""];
    };
    const walk = (node) => {
      if (node.nodeType == Node.TEXT_NODE) {
        start ||= node.data.trim().slice(0, 50);
        words += (node.data.match(/\S+/g) || []).length;
      } else if (node.nodeType == Node.ELEMENT_NODE) {
        if (node.matches("img, svg, canvas, pre, table, .math, .course-map")) close();
        else if (!node.matches("script, style, nav, h1, h2, h3")) node.childNodes.forEach(walk);
      }
    };
    if (article) walk(article);
    close();
    return found;
  };
  const text = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const raw = [];
  while (text.nextNode()) {
    const inside = text.currentNode.parentElement.closest("pre, code, script, style, mjx-container");
    const markup = /\$|\\\(|\\\[|\\begin\{|\|-+:?\|/.test(text.currentNode.data);
    if (markup && !inside) raw.push(text.currentNode.data.trim());
  }
  return {
    links: all("a[href]").map((a) => a.href),
    ids: all("[id]").map((e) => e.id),
    figures: all("article img").length,
    formulas: all("mjx-container").length,
    search: all("input[name=q]").length,
    neighbours: all(".related-pages a").length,
    downloads: all("article a.download").map((a) => a.href),
    walls: walls(document.querySelector("article")),
    images: all("img").filter((i) => !i.naturalWidth || !width(i)).map((i) => "not shown: " + i.src),
    broken: [
      ...all(".math").filter((m) => m.querySelectorAll("mjx-container").length != 1 || !width(m))
        .map((m) => "not typeset: " + m.textContent),
      ...all("mjx-container :is([data-mml-node=merror], [data-mjx-error], [fill=red])")
        .map((e) => "wrong: " + e.closest(".math").innerText + " " + (e.getAttribute("data-mjx-error") || "")),
      ...raw.map((t) => "left as text: " + t),
    ],
  };
}"""

MEASURE = r"""() => {
  const page = document.documentElement, limit = window.innerWidth;
  const faults = [];
  if (page.scrollWidth > limit) faults.push(`the page is ${page.scrollWidth} pixels wide on a screen of ${limit}`);
  if (!document.querySelector("meta[name=viewport]")) faults.push("a phone would show it at a desktop's width");
  // Wide things scroll in a box of their own: not the page, nor its column of text.
  const scrolls = (e) => /auto|scroll/.test(getComputedStyle(e).overflowX);
  const boxed = (e) => !e.matches("article") && (scrolls(e) || boxed(e.parentElement));
  // The colour behind an element, with which it covers the shade of what scrolls.
  const paper = (e) => {
    const colour = e ? getComputedStyle(e).backgroundColor : "rgb(255, 255, 255)";
    return colour.startsWith("rgba(") ? paper(e.parentElement) : colour;
  };
  for (const e of document.querySelectorAll("article *")) {
    const box = e.getBoundingClientRect();
    if (box.width && box.right > limit + 1 && !boxed(e.parentElement) && !e.closest("svg, mjx-assistive-mml"))
      faults.push(`cut off at the right: ${e.tagName} ${e.className} ${e.textContent.slice(0, 60)}`);
    const shows = () => getComputedStyle(e).backgroundAttachment.includes("local") || e.querySelector(":scope > img");
    if (e.clientWidth && e.scrollWidth > e.clientWidth + 1 && scrolls(e) && !shows())
      faults.push(`scrolls and does not show it: ${e.tagName} ${e.className} ${e.textContent.slice(0, 60)}`);
    const { backgroundAttachment, backgroundImage } = getComputedStyle(e);
    const cover = /^linear-gradient\(.*?(rgba?\([^)]*\))/.exec(backgroundImage);
    if (cover && backgroundAttachment.includes("local") && cover[1] != paper(e))
      faults.push(`a shade is seen where nothing scrolls: ${e.tagName} ${e.className} ${e.textContent.slice(0, 60)}`);
    const seen = e.matches(".math") && e.querySelector("mjx-container > svg");
    if (seen && scrolls(e) && e.scrollWidth > e.clientWidth + 1 && seen.getBoundingClientRect().width <= e.clientWidth)
      faults.push(`scrolls though all of it is seen: ${e.textContent.slice(0, 60)}`);
  }
  return faults;
}"""


@contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """A browser without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


def visit(browser: Browser, folder: Path) -> dict[str, dict[str, Any]]:
    """Load every page under a folder; for each its `links`, `ids`, numbers of figures and formulas, and `faults`."""
    context = browser.new_context(viewport=DESKTOP, offline=True)
    page = context.new_page()
    console: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: console.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: console.append(str(error)))
    page.on("requestfailed", lambda request: requests.append(f"failed: {request.url}"))
    page.on("request", lambda request: None if _local(request.url) else requests.append(f"not local: {request.url}"))
    found = {}
    for path in sorted(set(folder.rglob("*.html")) - {folder / "index.html"}):  # which only leads to the start page
        console.clear()
        requests.clear()
        page.set_viewport_size(DESKTOP)
        page.emulate_media(color_scheme="light")
        page.goto(path.as_uri())
        seen = page.evaluate(LOOK)
        page.set_viewport_size(PHONE)
        page.emulate_media(color_scheme="dark")
        faults = {"images": seen.pop("images"), "formulas": seen.pop("broken"), "width": page.evaluate(MEASURE)}
        faults |= {"console": list(console), "requests": list(requests)}
        found[str(path.relative_to(folder))] = seen | {"faults": faults}
    context.close()
    return found


def _local(url: str) -> bool:
    return urlsplit(url).scheme in ("file", "data", "blob")


def faults(pages: dict[str, dict[str, Any]], kind: str) -> list[str]:
    """The faults of one kind, each with its page."""
    return [f"{name}: {fault}" for name, page in pages.items() for fault in page["faults"][kind]]


def broken_links(pages: dict[str, dict[str, Any]], folder: Path) -> list[str]:
    """The links within the folder that lead to no file or to no place in it, each with its page."""
    broken = set()
    for name, page in pages.items():
        for link in page["links"]:
            url = urlsplit(link)
            if url.scheme in ("http", "https", "mailto"):
                continue
            path = Path(unquote(url.path))
            inside = path.is_relative_to(folder) and path.is_file()
            target = pages.get(str(path.relative_to(folder))) if inside else None
            lost = url.fragment and target and unquote(url.fragment) not in target["ids"]
            if not inside or lost:
                broken.add(f"{name}: {link}")
    return sorted(broken)
