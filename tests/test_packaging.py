"""What the wheel and the source distribution carry, read from the build's own lists of files."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import minigrad

ROOT = Path(__file__).parents[1]
COURSE = "curveball/course"
TABLES = {"problems/closed_form/nist.csv", "problems/closed_form/nelson.csv"}

hatchling = pytest.importorskip("hatchling.builders.wheel", reason="hatchling is not installed: it comes with dev")


@pytest.fixture(scope="module")
def wheel():
    return {file.distribution_path for file in hatchling.WheelBuilder(str(ROOT)).recurse_included_files()}


@pytest.fixture(scope="module")
def sdist():
    from hatchling.builders.sdist import SdistBuilder

    return {file.relative_path for file in SdistBuilder(str(ROOT)).recurse_included_files()}


def test_the_wheel_has_the_packages_and_their_data(wheel):
    packages = ("minigrad", "problems", "curveball")
    modules = {str(path.relative_to(ROOT)) for package in packages for path in ROOT.glob(f"{package}/**/*.py")}
    assert {path for path in wheel if path.endswith(".py")} == modules
    assert {f"{package}/py.typed" for package in packages} <= wheel
    assert {*TABLES, f"{COURSE}/style.mplstyle"} <= wheel


def test_the_wheel_has_the_course(wheel):
    names = [path.stem for path in (ROOT / "notebooks" / "sources").glob("[0-9]*.py")]
    assert len(names) == 9
    notebooks = {f"{COURSE}/notebooks/{part}{name}.ipynb" for name in names for part in ("", "solutions/")}
    assert {path for path in wheel if path.endswith(".ipynb")} == notebooks
    assert {f"{COURSE}/notebooks/hints/{name}.json" for name in names} <= wheel


def test_the_wheel_has_the_results_that_notebooks_show(wheel):
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "notebooks" / "sources").glob("*.py"))
    patterns = [re.sub(r"\{\w+\}", "*", name) for name in re.findall(r'committed\(f?"([^"]+)"\)', sources)]
    assert len(patterns) >= 5
    for pattern in patterns:
        folders = (ROOT / "studies" / "results", ROOT / "benchmarks" / "results")
        expected = next(filter(None, ([path.name for path in folder.glob(pattern)] for folder in folders)), [])
        assert expected
        assert {f"{COURSE}/results/{name}" for name in expected} <= wheel
    linked = {Path(link).name for link in re.findall(r"\]\(\.\./studies/results/([\w.-]+)\)", sources)}
    assert {f"{COURSE}/results/{name}" for name in linked} <= wheel


def test_the_wheel_has_nothing_else(wheel):
    others = [path for path in wheel if not path.endswith((".py", "/py.typed", ".ipynb"))]
    results = [path for path in others if path.startswith(f"{COURSE}/results/") and path.endswith((".json", ".md"))]
    hints = [path for path in others if path.startswith(f"{COURSE}/notebooks/hints/") and path.endswith(".json")]
    assert set(others) - set(results) - set(hints) == {
        "problems/closed_form/nist.csv",
        "problems/closed_form/nelson.csv",
        f"{COURSE}/style.mplstyle",
    }


def test_the_source_distribution_has_all_that_is_tracked(sdist):
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a checkout of Git")
    tracked = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()
    present = {path for path in tracked if (ROOT / path).exists()}
    assert present - sdist - {"pyproject.toml"} == set()  # which every source distribution has


def test_the_version_is_that_of_the_engine():
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert hatchling.WheelBuilder(str(ROOT)).metadata.version == minigrad.__version__
    assert f"\nversion: {minigrad.__version__}\n" in citation
