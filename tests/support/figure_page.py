"""A page with live figures and nothing else, made without Sphinx: for tests, and to look at while drawing.

python -m tests.support.figure_page roots bowl    # writes build/figures/roots-bowl.html; without names all figures
"""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def live_figures():
    """The module docs/extensions/live_figures.py, which lies in no package."""
    spec = importlib.util.spec_from_file_location("live_figures", ROOT / "docs" / "extensions" / "live_figures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_page(file, names=None, theme="light"):
    """Write the page, with Furo's style and in the width of the site's column; return its file."""
    module = live_figures()
    furo = Path(importlib.util.find_spec("furo").origin).parent / "theme" / "furo" / "static" / "styles" / "furo.css"
    (file.parent / module.SCRIPT).write_text(module.script(), "utf-8")
    styles = "".join(
        f'<link rel="stylesheet" href="{path.as_uri()}">'
        for path in (furo, ROOT / "docs/static/site.css", module.STYLE)
    )
    figures = "".join(map(module.element, names or module.names()))
    file.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Figures</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">{styles}'
        f'<script defer src="{module.LIBRARY.as_uri()}"></script><script defer src="{module.SCRIPT}"></script>'
        f"<style>.content {{ margin: 0 auto; box-sizing: border-box; max-width: 100% }}</style>"
        f'<body data-theme="{theme}"><div class="content"><article>{figures}</article></div></body></html>',
        "utf-8",
    )
    return file


if __name__ == "__main__":
    wanted = sys.argv[1:] or None
    folder = ROOT / "build" / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    print(write_page(folder / f"{'-'.join(wanted or ['all'])}.html", wanted).as_uri())
