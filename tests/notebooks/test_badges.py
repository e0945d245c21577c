"""Every notebook says how to open it on Colab, once, below its frame."""

import nbformat
import pytest

from tests.support.notebook_builder import build

NOTEBOOKS = [path for source in build.sources() for path in build.paths(source)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: "/".join(path.parts[-2:]))
def test_every_notebook_has_its_badge_below_the_frame(path):
    text = nbformat.read(path, as_version=4).cells[0].source
    badge = build.badge(path.relative_to(build.FOLDER.parent).as_posix())
    assert text.count(badge) == text.count("Colab](") == 1
    assert text.index("> **You need**") < text.index(badge)


@pytest.mark.parametrize(("url", "name"), [
    ("https://github.com/someone/curveball", "someone/curveball"),
    ("https://github.com/someone/curve.ball.git", "someone/curve.ball"),
    ("https://example.org/someone/curveball", None),
    (None, None),
])  # fmt: skip
def test_the_repository_comes_from_the_projects_urls(url, name, tmp_path, monkeypatch):
    urls = f'Source = "{url}"' if url else 'Paper = "https://example.org"'
    (tmp_path / "pyproject.toml").write_text(f"[project.urls]\n{urls}\n")
    monkeypatch.setattr(build, "FOLDER", tmp_path / "notebooks")
    assert build.repository() == name
    link = f"github/{name}/blob/main/notebooks/a.ipynb" if name else "#upload=true"
    assert f"(https://colab.research.google.com/{link})" in build.badge("notebooks/a.ipynb")


def test_a_badge_takes_the_place_of_an_older_one():
    text = "# Title\n\n> frame\n> more\n\nText.\n\n> quoted"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    for path in ("old.ipynb", "new.ipynb", "new.ipynb"):
        build.badged(notebook, path)
    before, after = text.split("\n\nText.")
    assert notebook.cells[0].source == f"{before}\n\n{build.badge('new.ipynb')}\n\nText.{after}"
