"""studies/mutants.py finds what no test notices, keeps verdicts, and plants each mistake where it says."""

import importlib
import json
import sys
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="mutants are run in forks, with limits")

ROOT = Path(__file__).parents[2]
SOURCE = '''"""A docstring with 1 + 1."""


def doubled(x: int = 0) -> int:
    return x + x


def untested(x):
    return x - 1
'''


@pytest.fixture
def mutants(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "studies")
    yield importlib.import_module("mutants")
    for name in ("mutants", "mutations"):
        sys.modules.pop(name, None)


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "minigrad").mkdir()
    (tmp_path / "minigrad/__init__.py").touch()
    (tmp_path / "minigrad/ops.py").write_text(SOURCE)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_ops.py").write_text(
        "from minigrad.ops import doubled\n\ndef test_doubled():\n    assert doubled(3) == 6 and doubled() == 0\n"
    )
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    return tmp_path


def test_a_planted_mistake_that_no_test_notices_survives(mutants, repository, monkeypatch, capfd):
    monkeypatch.setattr(mutants, "COVER", (("minigrad/", (), ("tests/test_ops.py",)),))
    results = repository / "verdicts.jsonl"
    mutants.run(["minigrad"], results, repository)
    verdicts = {(v["line"], v["change"]): v["verdict"] for v in mutants.known(results).values()}
    assert verdicts == {
        ("def doubled(x: int = 0) -> int:", "0 to 1"): "killed",
        ("return x + x", "+ to -"): "killed",
        ("return x + x", "returns None"): "killed",
        ("return x - 1", "- to +"): "survived",
        ("return x - 1", "1 to 0"): "survived",
        ("return x - 1", "returns None"): "survived",
    }
    assert (repository / "minigrad/ops.py").read_text() == SOURCE

    lines = results.read_text().splitlines(keepends=True)
    results.write_text("".join(lines[1:]))  # as if stopped before
    mutants.run(["minigrad"], results, repository)
    assert sorted(map(json.loads, results.read_text().splitlines()), key=str) == sorted(map(json.loads, lines), key=str)

    with (repository / "tests/test_ops.py").open("a") as file:
        file.write("\ndef test_the_rest():\n    from minigrad.ops import untested\n    assert untested(3) == 2\n")
    mutants.run(["minigrad"], results, repository, again=True)
    assert {v["verdict"] for v in mutants.known(results).values()} == {"killed"}
    assert capfd.readouterr().out.count("survived") == 3


def test_the_tests_must_pass_without_a_mutant(mutants, repository, monkeypatch):
    monkeypatch.setattr(mutants, "COVER", (("minigrad/", (), ("tests/test_ops.py",)),))
    (repository / "tests/test_ops.py").write_text("def test_it():\n    assert False\n")
    with pytest.raises(SystemExit, match=r"without a mutant, tests/test_ops\.py should pass"):
        mutants.run(["minigrad"], repository / "v.jsonl", repository, per_file=1)


def test_a_mutant_that_does_not_end_is_out_of_time(mutants, repository):
    (repository / "tests/test_ops.py").write_text("def test_it():\n    while True: pass\n")
    assert mutants.pytest_in(repository, ("tests/test_ops.py",), 1.5) == (None, "")


@pytest.mark.parametrize(
    ("source", "mistakes"),
    [
        ("a = not b", ["a = (b)"]),
        ("a = (b) and c", ["a = (b) or c"]),
        ("a = b <= c", ["a = b < c"]),
        ("a = -2.5", ["a = (2.5)", "a = -25.0"]),
        (
            "@primitive(lambda y, x: x * y)\ndef f(x: 'a + b'): raise ValueError(1 + 1)",
            ["@primitive(lambda y, x: x / y)"],
        ),
        ("class A:\n    é: int = True", ["class A:\n    é: int = False"]),
        ("if a:\n    f(x)", ["if (not (a)):\n    f(x)", "if a:\n    pass"]),
        ("a = zip(b, c, strict=True)", []),
        ("a = b if c else d", ["a = b if (not (c)) else d"]),
    ],
)
def test_mistakes(mutants, source, mistakes):
    found = [m.apply(source) for m in mutants.mutations(source)]
    assert len(found) == len(mistakes)
    assert all(text.startswith(mistake) for text, mistake in zip(found, mistakes, strict=True))


def test_names_stay_when_other_lines_change(mutants):
    before, after = mutants.mutations("a = 1\nb = 1 + 2"), mutants.mutations("c = 5\na = 1\nb = 1 + 2")
    assert [m.name for m in after][1:] == [m.name for m in before]
    same = mutants.mutations("a = 1\na = 1")
    assert len({m.name for m in same}) == 2


def test_the_table_names_what_is_not_judged(mutants):
    verdict = {"file": "minigrad/ops/axes.py", "name": "n", "line": "a < b", "change": "< to <=", "by": ""}
    killed, survived = verdict | {"verdict": "killed"}, verdict | {"verdict": "survived"}
    assert "n: < to <= in `a < b`" in mutants.table([killed, survived], {})
    judged = mutants.table([killed, survived], {("minigrad/ops/axes.py", "n"): "never equal"})
    assert "| minigrad/ops | 2 | 1 | 0 | 1 | 0 |" in judged
    assert "a < b" not in judged


def test_every_file_of_the_scope_has_tests_and_every_reason_a_line(mutants):
    for file in mutants.files_of(list(mutants.SCOPE)):
        assert all((ROOT / test).exists() for tests in mutants.covering(file) for test in tests)
    rows = tomllib.loads(mutants.EQUIVALENT.read_text("utf-8"))["equivalent"]
    found = {file: mutants.mutations((ROOT / file).read_text("utf-8")) for file in {row["file"] for row in rows}}
    for row in rows:
        known = {m.name: (m.text, m.change) for m in found[row["file"]]}
        assert known.get(row["name"]) == (row["line"], row["change"]), row
        assert row["reason"]
