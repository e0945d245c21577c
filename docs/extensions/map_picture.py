"""The map of the packages: which folder imports which, read from the files and drawn as a picture.

`.. map-picture::` puts it into a page. It is drawn again with each build, so it cannot be out of date.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from inline_svg import GREY, to_svg
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
PACKAGES = ("curveball", "problems", "minigrad")
START = "__main__.py"  # of a program: on no arrow
ABOVE_LOOSE_FILES = ("minigrad.ops", "problems.", "curveball.")  # the folders that need the room "below"
Arrows = set[tuple[str, str]]  # from the folder that imports to what it imports


# ------------------------------------------------------------------------------------- imports


def arrows(root: Path = ROOT) -> Arrows:
    """The imports between rooms, without those that a longer path of arrows implies, and that of `python -m curveball`.

    A room is a folder. Files that lie directly in a package are up to two rooms: those that the folders on them need
    ("below"), and the others ("above"). An import from another package leads to that package as a whole. The
    `__init__` of a package, which collects its public names, is in no room.
    """
    modules = _modules(root)
    imports = {name: _imported(path, modules) for name, path in modules.items() if name not in PACKAGES}
    rooms = _rooms(modules, imports)
    found = set()
    for name, others in imports.items():
        for other in others:
            if _package(other) != _package(name):
                found.add((rooms[name], _package(other)))
            elif other in rooms and rooms[other] != rooms[name]:
                found.add((rooms[name], rooms[other]))
    return {arrow for arrow in found if not _has_path(found - {arrow}, *arrow)}


def _modules(root: Path) -> dict[str, Path]:
    paths = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py")) if path.name != START]
    names = [path.relative_to(root).with_suffix("").parts for path in paths]
    return {
        ".".join(parts[:-1] if parts[-1] == "__init__" else parts): path
        for parts, path in zip(names, paths, strict=True)
    }


def _imported(path: Path, modules: dict[str, Path]) -> set[str]:
    """The modules of the packages that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in modules else str(node.module) for name in names}
    return found & modules.keys()


def _package(name: str) -> str:
    return name.partition(".")[0]


def _rooms(modules: dict[str, Path], imports: dict[str, set[str]]) -> dict[str, str]:
    """The room of every module."""
    folders = {name: _folder(path.parent.parts) for name, path in modules.items() if name not in PACKAGES}
    loose = {name for name in folders if modules[name].parent.name in PACKAGES}
    below: set[str] = set()
    new = {other for name in imports.keys() - loose if name.startswith(ABOVE_LOOSE_FILES) for other in imports[name]}
    while new := (new & loose) - below:
        below |= new
        new = {other for name in new for other in imports[name]}
    in_files = {name: f"{_package(name)} {'below' if name in below else 'above'}" for name in loose}
    return folders | in_files


def _folder(parts: tuple[str, ...]) -> str:
    """A package and its folder; a folder within a folder belongs to that."""
    start = max(k for k, part in enumerate(parts) if part in PACKAGES)
    while start and parts[start - 1] in PACKAGES:
        start -= 1
    return ".".join(parts[start : start + 2])


def _has_path(graph: Arrows, start: str, end: str) -> bool:
    reached, new = {start}, {start}
    while new:
        new = {b for a, b in graph if a in new} - reached
        reached |= new
    return end in reached


# ------------------------------------------------------------------------------------- drawing


@dataclass(frozen=True)
class Room:
    """A box: its left, right, top and bottom edge, in pixels from the top left corner, and what stands in it."""

    left: float
    right: float
    top: float
    bottom: float
    title: str
    text: str


WIDTH, HEIGHT = 360, 798
ROOMS = {
    "curveball.cli": Room(14, 346, 26, 62, "cli", "the command curveball"),
    "curveball.experiments": Room(14, 232, 84, 120, "experiments", "comparisons and tables"),
    "curveball.course": Room(242, 346, 84, 120, "course", "notebooks' helpers"),
    "curveball.figures": Room(14, 118, 142, 178, "figures", "runs as curves"),
    "curveball.prediction": Room(128, 346, 142, 178, "prediction", "what was trained answers"),
    "curveball.training": Room(14, 172, 208, 268, "training", "epochs, logs,\ncheckpoints, devices"),
    "curveball.solvers": Room(14, 102, 300, 368, "solvers", "CurveBall, SGD,\nAdam, Newton\nand others"),
    "curveball.fitting": Room(108, 172, 300, 368, "fitting", "formulas,\nerror bars"),
    "curveball.spectra": Room(40, 150, 452, 488, "spectra", "eigenvalues"),
    "curveball.uncertainty": Room(162, 292, 452, 488, "uncertainty", "Laplace approximation"),
    "problems.vision": Room(202, 346, 232, 268, "vision", "networks, images"),
    "problems.physics_informed": Room(244, 346, 288, 324, "physics_informed", "equations"),
    "problems.data": Room(202, 258, 344, 380, "data", "data sets"),
    "problems.closed_form": Room(264, 346, 344, 380, "closed_form", "known minima"),
    "problems below": Room(202, 346, 400, 424, "what a problem is", ""),
    "minigrad.nn": Room(130, 346, 540, 576, "nn", "layers and losses"),
    "minigrad above": Room(14, 270, 592, 628, "linearize, grad, ...", "taking derivatives"),
    "minigrad.ops": Room(50, 346, 644, 680, "ops", "operations: a value and its linear maps"),
    "minigrad below": Room(14, 310, 696, 732, "primitive, LinearMap", "how an operation states its derivative"),
    "minigrad.backends": Room(50, 346, 748, 784, "backends", "one file per array library"),
}  # fmt: skip
FRAMES: dict[str, tuple[list[tuple[float, float]], str]] = {  # the packages: their corners, and their colours
    "curveball": ([(4, 4), (356, 4), (356, 188), (182, 188), (182, 444), (297, 444), (297, 496), (4, 496)], "tab:blue"),
    "problems": ([(192, 208), (356, 208), (356, 434), (192, 434)], "tab:orange"),
    "minigrad": ([(4, 518), (356, 518), (356, 794), (4, 794)], "tab:green"),
}


def drawn(found: Arrows, root: Path = ROOT) -> dict[str, Room]:
    """The rooms that there are: all folders, and the rooms of loose files that an arrow touches."""
    files = [path.relative_to(root) for package in PACKAGES for path in (root / package).rglob("*.py")]
    names = {".".join(path.parts[:2]) for path in files if len(path.parts) > 2}
    names |= {room for arrow in found for room in arrow if room not in FRAMES}
    if missing := names - ROOMS.keys():
        raise ValueError(f"give {', '.join(sorted(missing))} a place in ROOMS, docs/extensions/map_picture.py")
    return {name: room for name, room in ROOMS.items() if name in names}


def line_of(arrow: tuple[str, str], rooms: dict[str, Room]) -> tuple[float, float, float]:
    """Where an arrow is drawn: straight down at x, from y to y, past all other rooms."""
    source, target = arrow
    start, others = rooms[source], [room for name, room in rooms.items() if name not in arrow]
    if target in FRAMES:
        corners = FRAMES[target][0]
        left, right, end = min(x for x, _ in corners), max(x for x, _ in corners), min(y for _, y in corners)
    else:
        left, right, end = rooms[target].left, rooms[target].right, rooms[target].top
    left, right = max(left, start.left), min(right, start.right)
    free = [
        x
        for x in range(round(left) + 8, round(right) - 7)
        if not any(abs(x - edge) < 4 and top < end and bottom > start.bottom for edge, top, bottom in _edges())
        if not any(r.left - 6 < x < r.right + 6 and r.top < end and r.bottom > start.bottom for r in others)
    ]
    if not free or end <= start.bottom:
        raise ValueError(
            f"no straight way down from {source} to {target}: move their rooms in docs/extensions/map_picture.py"
        )
    return min(free, key=lambda x: abs(x - (left + right) / 2.0)), start.bottom, end


def _edges() -> list[tuple[float, float, float]]:
    """The upright edges of the frames: x, and from y to y."""
    pairs = [pair for corners, _ in FRAMES.values() for pair in zip(corners, corners[1:] + corners[:1], strict=True)]
    return [(x, min(y, y2), max(y, y2)) for (x, y), (x2, y2) in pairs if x == x2]


def draw(root: Path = ROOT) -> Figure:
    """The picture, one pixel to a point."""
    figure = Figure(figsize=(WIDTH / 72.0, HEIGHT / 72.0))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    axes.axis("off")
    for package, (corners, colour) in FRAMES.items():
        axes.add_patch(Polygon(corners, facecolor=(colour, 0.14), edgecolor=(colour, 0.7), linewidth=0.8))
        (x, y) = corners[0]
        axes.text(x + 10, y + 12, package, size=11, weight="bold", color=GREY, va="center")
    found = arrows(root)
    rooms = drawn(found, root)
    for room in rooms.values():
        width, height = room.right - room.left, room.bottom - room.top
        axes.add_patch(Rectangle((room.left, room.top), width, height, facecolor="none", edgecolor=GREY, linewidth=0.8))
        middle = (room.left + room.right) / 2.0
        lines = [(room.title, 10.5), *((line, 9.0) for line in room.text.splitlines())]
        y = (room.top + room.bottom) / 2.0 - 7.0 * (len(lines) - 1)
        for k, (line, size) in enumerate(lines):
            axes.text(middle, y + 14.0 * k, line, size=size, color=GREY, ha="center", va="center")
    for arrow in sorted(found):
        x, y, end = line_of(arrow, rooms)
        style = {"arrowstyle": "-|>,head_width=0.25,head_length=0.5", "color": GREY, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (x, end), (x, y), arrowprops={**style, "linewidth": 1.1})
    return figure


def description(found: Arrows) -> str:
    """What the picture shows, in words."""
    parts = []
    for source in sorted({a for a, _ in found}, key=lambda name: (ROOMS[name].top, ROOMS[name].left)):
        parts.append(f"{_in_words(source)} imports {', '.join(_in_words(b) for a, b in sorted(found) if a == source)}")
    return "A map of the packages. " + "; ".join(parts) + "."


def _in_words(name: str) -> str:
    return f"{_package(name.split()[0])} ({ROOMS[name].title})" if " " in name else name


def svg(root: Path = ROOT) -> str:
    """The picture as an element of a page, in the colours of its text."""
    return to_svg(draw(root), description(arrows(root)), "map", "32em")


class MapPicture(SphinxDirective):
    """`.. map-picture::` shows the picture."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        return [nodes.raw("", svg(), format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("map-picture", MapPicture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
