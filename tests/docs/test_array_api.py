"""The page about the array API standard: what it says is here is here, and what it says is not has a reason."""

import re
from pathlib import Path

import array_api_strict

import minigrad as mg
from tests.array_api.page import KINDS, NOT_HERE, functions, has_derivative, is_here, page, reasons

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/array_api.md").read_text("utf-8")
LISTED = (ROOT / "tests/array_api/not_passed.txt").read_text("utf-8")


def table():
    """Of each kind of functions, the three columns."""
    rows = {row.split(" | ")[0].removeprefix("| "): row for row in PAGE.splitlines() if row.startswith("| ")}
    return {
        kind: [re.findall(r"`(\w+)`", cell) for cell in rows[title].split("|")[2:5]] for kind, title in KINDS.items()
    }


def test_the_table_is_what_minigrad_has():
    for kind, (differentiable, constant, missing) in table().items():
        assert all(is_here(kind, name) and has_derivative(name) for name in differentiable), kind
        assert all(is_here(kind, name) and not has_derivative(name) for name in constant), kind
        assert not any(is_here(kind, name) for name in missing), kind


def test_the_table_has_every_function_of_the_standard():
    columns = table()
    every = {name for lists in columns.values() for names in lists for name in names}
    of_strict = {
        name
        for module in (array_api_strict, array_api_strict.linalg, array_api_strict.fft)
        for name in module.__all__
        if callable(getattr(module, name)) and name[0].islower() and name.isidentifier()
    }
    others = {"astype", "broadcast_shapes", "isin"}  # of a later version, or a method
    dtypes = {name for name in of_strict if re.fullmatch(r"(u?int|float|complex)\d+|bool", name)}
    about_itself = {"get_array_api_strict_flags", "set_array_api_strict_flags", "reset_array_api_strict_flags"}
    assert of_strict - every <= others | dtypes | about_itself | {"ArrayAPIStrictFlags"}
    assert every <= of_strict | {"astype"}
    assert len(every) > 150


def test_what_is_missing_has_one_reason():
    missing = [name for _, _, names in table().values() for name in names]
    assert sorted(missing) == sorted(name for names in NOT_HERE.values() for name in names)
    assert not {*missing} & {*mg.__all__, *mg.linalg.__all__}


def test_every_test_that_is_listed_has_a_reason():
    groups = reasons(LISTED)
    assert "" not in groups
    assert sum(map(len, groups.values())) == len(re.findall("^array_api_tests/", LISTED, re.MULTILINE))
    for reason, tests in groups.items():
        assert f" | {reason} |" in PAGE, reason
        assert f"| {len(tests)}: " in PAGE, reason


def test_the_page_of_a_small_run():
    from tests.array_api.run import Outcome

    tests = [f"test_has_names.py::test_has_names[{kind}]" for kind in ("elementwise-exp", "linalg-cross", "fft-fft")]
    outcomes = [Outcome(test, "passed") for test in tests] + [Outcome("test_a.py::test_b", "xfailed")]
    assert functions(tests)["elementwise"] == ["exp"]
    text = page(outcomes, {"no bits": ["test_a.py::test_bitwise_and[x]"]}, "abc", 5)
    assert "Of its 3 functions 2 are here. 2 have derivatives" in text
    assert "3 tests pass, 1 do not" in text
    assert "| 1: `bitwise_and` | no bits |" in text
