"""Where the course's files are: next to this one in an installed package, in their own folders in a checkout."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
NOTEBOOKS = (HERE / "notebooks", CHECKOUT / "notebooks")
RESULTS = (HERE / "results", CHECKOUT / "studies" / "results", CHECKOUT / "benchmarks" / "results")


def committed(name: str) -> Path:
    """Return the file of a result that comes with the package; FileNotFoundError says where it was looked for.

    >>> committed("table1.json").name
    'table1.json'
    """
    for folder in RESULTS:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"there is no result {name!r} in {', '.join(map(str, RESULTS))}")


def notebooks() -> Path:
    """Return the folder of the notebooks, with their solutions in `solutions/`; or raise FileNotFoundError.

    >>> sorted(path.name for path in notebooks().glob("*.ipynb"))[0]
    '01_linear_maps.ipynb'
    """
    for folder in NOTEBOOKS:
        if any(folder.glob("[0-9]*.ipynb")):
            return folder
    raise FileNotFoundError(f"there are no notebooks in {' or '.join(map(str, NOTEBOOKS))}")


def installed(path: Path) -> Path | None:
    """Return where a file of the checkout is on this machine, given by its path from the checkout's root, or None.

    >>> installed(Path("curveball/course/data.py")) == HERE / "data.py"
    True
    """
    places = [CHECKOUT / path]
    if path.parent.name == "results":
        places.append(HERE / "results" / path.name)
    return next((place for place in places if place.exists()), None)
