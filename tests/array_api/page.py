"""The page about the array API standard: which functions there are, what their derivatives are, which tests pass."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import minigrad as mg
from tests.support.cases import CASES

STANDARD = "2024.12"
KINDS = {  # as the standard's own tests name them, in the order of the page
    "elementwise": "elementwise",
    "statistical": "statistical",
    "manipulation": "manipulation",
    "indexing": "indexing",
    "searching": "searching",
    "sorting": "sorting",
    "utility": "utility",
    "creation": "creation",
    "data_type": "dtypes",
    "linear_algebra": "linear algebra",
    "linalg": "`linalg`",
    "set": "sets",
    "fft": "`fft`",
}
NOT_HERE = {  # the functions of the standard that minigrad does not have, and why
    "bits of integers have no derivative; masks are joined by `logical_and`, `logical_or`, ...": (
        "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    ),
    "a derivative is a real linear map here: complex arrays are not differentiated": ("conj", "imag", "real"),
    "Fourier transforms: their results are complex": (
        "fft", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifftn", "ifftshift", "ihfft", "irfft", "irfftn", "rfft",
        "rfftfreq", "rfftn",
    ),
    "the shape of the result depends on the numbers; labels and indices are found before anything is differentiated": (
        "unique_all", "unique_counts", "unique_inverse", "unique_values",
    ),
    "a question to the array library, `minigrad.namespace(x)`, which has it": ("can_cast", "from_dlpack", "iinfo"),
    "the neighbour of a number in floating point is no function of analysis": ("nextafter",),
    "a count: `svdvals` has the numbers that it counts": ("matrix_rank",),
}  # fmt: skip


FAMILIES = r"unary|binary\w*|iop|func_signature|extension_func_signature|has_names"  # tests of many functions


class Outcome(NamedTuple):
    """A test of the standard's suite, and how it ended."""

    test: str
    outcome: str


def reasons(text: str) -> dict[str, list[str]]:
    """The tests that need not pass, under the reason that stands above them as a comment.

    >>> reasons("# no bits\\narray_api_tests/test_a.py::test_b\\n")
    {'no bits': ['test_a.py::test_b']}
    """
    found: dict[str, list[str]] = {}
    reason = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            reason = line.removeprefix("#").strip()
        else:
            found.setdefault(reason, []).append(line.removeprefix("array_api_tests/"))
    return found


def is_here(kind: str, name: str) -> bool:
    """Whether minigrad has a function of the standard."""
    return kind != "fft" and name in (mg.linalg if kind == "linalg" else mg).__all__


def has_derivative(name: str) -> bool:
    """Whether the table of the tests checks its derivatives to second order, on all libraries."""
    return any(case.function in (name, f"linalg.{name}") for case in CASES)


def functions(tests: list[str]) -> dict[str, list[str]]:
    """The functions of the standard of each kind, as its suite names them."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for test in tests:
        matched = re.fullmatch(r"test_has_names\.py::test_has_names\[(\w+?)-(\w+)\]", test)
        if matched and matched[1] in found:
            found[matched[1]].append(matched[2])
    return found


def page(outcomes: list[Outcome], groups: dict[str, list[str]], commit: str, examples: int) -> str:
    """The page, in Markdown."""
    known = functions([outcome.test for outcome in outcomes])
    names = [(kind, name) for kind, some in known.items() for name in some]
    here = {name for kind, name in names if is_here(kind, name)}
    every = {name for _, name in names}
    differentiable = {name for name in here if has_derivative(name)}
    count = Counter(outcome.outcome for outcome in outcomes)
    passed = count["passed"] + count["xpassed"]  # some depend on the examples
    lines = [
        "# The array API standard, function by function",
        "",
        "minigrad takes its names, and what they mean, from the [array API standard](https://data-apis.org/array-api) "
        f"{STANDARD}. Of its {len(every)} functions {len(here)} are here. {len(differentiable)} have derivatives, "
        "which the tests compare with difference quotients to second order, on all libraries "
        "(`tests/support/cases.py`); the others are constants to every derivative. `make array-api-tests` writes this "
        "page.",
        "",
        "| | with derivatives | constants | not here |",
        "|---|---|---|---|",
    ]
    for kind, title in KINDS.items():
        some = known[kind]
        cells = (
            [n for n in some if is_here(kind, n) and has_derivative(n)],
            [n for n in some if is_here(kind, n) and not has_derivative(n)],
            [n for n in some if not is_here(kind, n)],
        )
        lines.append(f"| {title} | " + " | ".join(_code(cell) for cell in cells) + " |")
    lines += ["", "## Why some are not here", "", "| | |", "|---|---|"]
    lines += [f"| {_code(some)} | {reason} |" for reason, some in NOT_HERE.items()]
    lines += [
        "",
        "## The standard's own tests",
        "",
        f"[array-api-tests](https://github.com/data-apis/array-api-tests) at {commit}, {examples} random examples for "
        f"each test: minigrad's functions, called with NumPy's arrays of all dtypes. {passed:,} tests pass, "
        f"{count['xfailed']} do not, each for a reason below (`tests/array_api/not_passed.txt`), "
        f"{count['failed'] + count['error']} fail without one; {count['skipped']} are skipped by the suite itself.",
        "",
        "| tests | do not pass, because |",
        "|---|---|",
    ]
    lines += [f"| {_tests(some)} | {reason} |" for reason, some in groups.items()]
    return "\n".join(lines) + "\n"


def _code(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _tests(tests: list[str]) -> str:
    """How many, and of which functions."""
    about = (re.sub(r"^.*?::(?:\w+::)?(?:test_)?", "", test) for test in tests)
    counted = {re.sub(rf"^(?:{FAMILIES})\[(?:linalg\.|\w+-)?(\w+).*$", r"\1", name).partition("[")[0] for name in about}
    return f"{len(tests)}: " + ", ".join(f"`{name}`" for name in sorted(counted))
