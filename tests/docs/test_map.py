"""The page of the map: its arrows are the imports and lead down, its picture is legible, its routes exist."""

import ast
import re
import sys
from itertools import combinations
from pathlib import Path

import grimp
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "extensions"))

import map_picture  # noqa: E402  (its folder is put on the path above)

ARROWS = map_picture.arrows()
ROOMS = map_picture.drawn(ARROWS)
ROUTES = re.findall(r"^## (The way of .*)\n\n.*\n\n((?:[0-9]+\. .*\n)+)", (ROOT / "docs/map.md").read_text(), re.M)


def room(module):
    """The folder of a module: `minigrad` for a file in the package itself, also where the picture has two rooms."""
    is_folder = (ROOT / module.replace(".", "/")).is_dir()
    folder = module if is_folder else module.rpartition(".")[0]
    return ".".join(folder.split(".")[:2])  # a folder within a folder belongs to that


def imports():
    """Pairs of folders, as another reader of imports finds them; an import of another package leads to the package."""
    graph = grimp.build_graph("minigrad", "problems", "curveball", cache_dir=None)
    pairs = set()
    for module in graph.modules - {*map_picture.PACKAGES, "curveball.__main__"}:
        for other in graph.find_modules_directly_imported_by(module):
            package = other.partition(".")[0]
            if package != module.partition(".")[0]:
                pairs.add((room(module), package))
            elif other != package:
                pairs.add((room(module), room(other)))
    return {(a, b) for a, b in pairs if a != b}


def folder(name):
    return name.split()[0]


def test_every_arrow_is_an_import():
    found = {(folder(a), folder(b)) for a, b in ARROWS if folder(a) != folder(b)}
    assert found <= imports()


def test_every_import_is_a_way_along_arrows():
    ways = {name: reached(name) for name in {a for a, _ in ARROWS}}
    for a, b in imports():
        assert any(b == folder(end) for start in ways if folder(start) == a for end in ways[start]), (a, b)


def test_the_arrows_lead_one_way():
    for name in {a for a, _ in ARROWS}:
        assert name not in reached(name)


def reached(start):
    found, new = set(), {start}
    while new:
        new = {b for a, b in ARROWS if a in new} - found
        found |= new
    return found


def test_an_arrow_that_others_imply_is_left_out():
    for a, b in ARROWS:
        assert not any(b in reached(c) for x, c in ARROWS if x == a and c != b)


def test_every_folder_has_its_room():
    assert {name for pair in imports() for name in pair} <= {folder(name) for name in ROOMS} | {"minigrad", "problems"}


def test_the_arrows_go_down_and_past_the_other_rooms():
    lines = {arrow: map_picture.line_of(arrow, ROOMS) for arrow in ARROWS}
    for (source, target), (x, top, bottom) in lines.items():
        assert top < bottom
        for name, box in ROOMS.items():
            if name not in (source, target):
                assert not (box.left <= x <= box.right and box.top < bottom and box.bottom > top), (
                    source,
                    target,
                    name,
                )
    for (x, top, bottom), (x2, top2, bottom2) in combinations(lines.values(), 2):
        assert abs(x - x2) > 8 or bottom <= top2 or bottom2 <= top


def test_the_rooms_lie_apart_and_their_texts_fit():
    for a, b in combinations(ROOMS.values(), 2):
        assert a.right < b.left or b.right < a.left or a.bottom < b.top or b.bottom < a.top
    figure = map_picture.draw()
    renderer = FigureCanvasAgg(figure).get_renderer()
    axes = figure.axes[0]
    texts = [text for text in axes.texts if text.get_text()]
    extents = [text.get_window_extent(renderer).transformed(axes.transData.inverted()) for text in texts]
    for a, b in combinations(extents, 2):
        assert not a.overlaps(b)
    titles = set(map_picture.FRAMES)
    for text, extent in zip(texts, extents, strict=True):
        if text.get_text() not in titles:
            x, y = text.get_position()
            (box,) = [r for r in ROOMS.values() if r.left < x < r.right and r.top < y < r.bottom]
            assert box.left + 2 < extent.x0 < extent.x1 < box.right - 2, text


def test_the_picture_takes_the_page_s_colours_and_says_what_it_shows():
    picture = map_picture.svg()
    assert picture == map_picture.svg()  # the same each time
    assert "currentColor" in picture
    assert map_picture.GREY not in picture
    assert not re.search(r"<style[^>]*>\s*\*", picture)  # it would style the whole page
    label = re.search(r'aria-label="([^"]*)"', picture)[1]
    assert all(folder(name) in label for arrow in ARROWS for name in arrow)


def test_there_are_three_routes_of_at_most_ten_lines():
    assert [title for title, _ in ROUTES] == [
        "The way of one tangent", "The way of one cotangent", "The way of one training step",
    ]  # fmt: skip
    assert all(len(lines.splitlines()) <= 10 for _, lines in ROUTES)


@pytest.mark.parametrize(("title", "lines"), ROUTES)
def test_every_file_and_name_of_a_route_exists(title, lines):
    stops = re.findall(r"`([\w/]+\.py)`(?: `([\w.]+)`)?", lines)
    assert len(stops) >= 5
    for path, name in stops:
        assert (ROOT / path).is_file(), path
        if name:
            assert name in defined(ROOT / path), (path, name)


def defined(path):
    """Functions and classes of a file, and methods as `Class.method`."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names |= {n.name for n in [node] if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{n.name}" for n in node.body if isinstance(n, ast.FunctionDef)}
            names |= {f"{node.name}.{t.id}" for n in node.body if isinstance(n, ast.Assign) for t in n.targets}
    return names
