"""The package as a whole: what importing it costs, and that what it says is public is there."""

import problems
from tests.support.packages import run


def test_importing_problems_imports_nothing_heavy(tmp_path):
    """What reads or downloads data is imported when data are read."""
    code = "import sys, problems; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = set(run(tmp_path, code).split())
    assert {"problems", "minigrad", "numpy"} <= loaded
    assert not loaded & {
        "PIL",
        "sklearn",
        "platformdirs",
        "filelock",
        "requests",
        "scipy",
        "tqdm",
        "matplotlib",
        "pandas",
        "curveball",
    }


def test_public_names():
    assert all(hasattr(problems, name) for name in problems.__all__)
    assert all(package.__doc__ for package in (problems, problems.closed_form, problems.data, problems.vision))
