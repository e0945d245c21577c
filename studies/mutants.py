"""Mistakes planted one at a time in the engine, the solvers and training: which do the tests notice?

    make mutants                                                 # those that results/mutants.jsonl lacks
    python studies/mutants.py minigrad/ops curveball/solvers     # of these files and folders only
    python studies/mutants.py --per-file 30                      # more of each file (0: all)
    python studies/mutants.py curveball/solvers --line cg_tol    # of lines that contain a text only
    python studies/mutants.py --again                            # survivors once more, after a change of the tests
    python studies/mutants.py --table                            # what is known so far

Each mutant is one small change (mutations.py) in a copy of the repository, where the tests of COVER for its file run
until the first that fails. Every verdict is kept at once, so that a run may be stopped and started again. Survivors
that no test can kill are in mutants-equivalent.toml, each with its reason.

mutmut 3 does not serve here: it leaves decorated functions and module level as they are, and the derivative rules are
lambdas in decorators. cosmic-ray has one test command for all files, and changes the files in place.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
import traceback
import warnings
from collections import Counter
from pathlib import Path

from mutations import Mutation, mutations

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "studies" / "results" / "mutants.jsonl"
EQUIVALENT = ROOT / "studies" / "mutants-equivalent.toml"
COPIED = ("minigrad", "problems", "curveball", "tests", "benchmarks", "pyproject.toml", "README.md")
WARM = ("numpy", "scipy.optimize", "scipy.special", "sklearn.datasets", "hypothesis", "array_api_compat.numpy",
        "autograd", "array_api_strict", "safetensors.numpy", "matplotlib", "PIL.Image", "typer", "torch")  # fmt: skip

PASSED = (0, 5)  # of pytest: all passed; none was there, as in a file without examples
OPTIONS = (
    "-W", "ignore::pytest.PytestAssertRewriteWarning",  # hypothesis is loaded here already
    # Slow, and the rules are the same on every library; kill tests are `make torture`.
    "-k", "not (jax or dask or cupy_double or synchronis or kills or many_devices or test_libraries)",
)  # fmt: skip
OPS = (
    "tests/minigrad/ops",
    "tests/minigrad/test_errors.py",
    "tests/minigrad/test_messages.py",
    "tests/minigrad/test_lists.py",
)
QUICK_OPS = tuple(
    f"tests/minigrad/ops/test_{name}.py" for name in ("values", "derivatives", "kinks", "singular", "indices")
)
ENGINE = tuple(
    f"tests/minigrad/test_{name}.py"
    for name in ("aliasing", "check", "closed_forms", "curvature", "errors", "memory", "messages", "ravel", "together")
)
COVER = (  # the first row that fits a file: tests that are run first, to save time, then all that cover it
    ("minigrad/ops/", QUICK_OPS, OPS),
    (
        "minigrad/linear_maps.py",
        ("tests/minigrad/ops/test_derivatives.py",),
        ("tests/minigrad/test_transforms.py", "tests/minigrad/test_together.py", *OPS),
    ),
    (
        "minigrad/nn/",
        ("tests/minigrad/nn/test_values.py",),
        ("tests/minigrad/nn", "tests/minigrad/backends/test_protocol.py"),
    ),
    ("minigrad/backends/", (), ("tests/minigrad/backends", "tests/minigrad/nn")),
    ("minigrad/", ("tests/minigrad/test_transforms.py",), (*ENGINE, *QUICK_OPS)),
    (
        "curveball/solvers/",
        tuple(f"tests/curveball/solvers/test_{name}.py" for name in ("defaults", "solvers")),
        ("tests/curveball/solvers",),
    ),
    (
        "curveball/training/",
        tuple(
            f"tests/curveball/training/test_{name}.py"
            for name in ("checkpoint", "options", "provenance", "progress", "changed_data", "train", "within_an_epoch")
        ),
        ("tests/curveball/training",),
    ),
)
SCOPE = ("minigrad/ops", "minigrad/nn", *(f"minigrad/{name}.py" for name in (
    "linear_maps", "linearization", "transforms", "curvature", "primitives", "ravel", "check", "trees")),
    "curveball/solvers", *(f"curveball/training/{name}.py" for name in (
    "checkpoint", "data_hash", "epoch", "files", "lock", "log", "options", "progress", "protocol", "provenance",
    "resume", "run", "say", "schedule", "step", "train")))  # fmt: skip


def files_of(paths: list[str], root: Path = ROOT) -> list[str]:
    """The Python files of files and folders, relative to the root."""
    found = [
        p for path in paths for p in ([root / path] if path.endswith(".py") else sorted((root / path).rglob("*.py")))
    ]
    return [p.relative_to(root).as_posix() for p in found]


def sample(source: str, count: int, text: str = "") -> list[Mutation]:
    """`count` of the mutations (0: all), always the same: a larger sample contains the smaller one."""
    found = sorted((m for m in mutations(source) if text in m.text), key=lambda m: m.name)
    return found[:count] if count else found


def covering(file: str, root: Path = ROOT) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tests that are run first for a file, with its examples and the tests that have its name, then all."""
    quick, tests = next((quick, tests) for start, quick, tests in COVER if file.startswith(start))
    own = root / "tests" / Path(file).parent / f"test_{Path(file).name}"
    return (file, *([own.relative_to(root).as_posix()] if own.exists() else []), *quick), tests


def pytest_in(
    tree: Path, tests: tuple[str, ...], limit: float, *, keep_compiled: bool = False
) -> tuple[int | None, str]:
    """The exit status of pytest in a tree (None: out of time) and the test that failed.

    A fork of this process runs it, as the libraries that the tests import are loaded here already.
    """
    output = tree / "output.txt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a fork where a library has started threads
        child = os.fork()
    if child == 0:
        gc.freeze()  # what this process has is shared: a collector that looks through it would copy it all
        try:
            sys.dont_write_bytecode = not keep_compiled
            _run_pytest(tree, tests, output)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(3)
    end = time.monotonic() + limit
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done or time.monotonic() > end:
            break
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what the tests started too
    if not done:
        os.waitpid(child, 0)
        return None, ""
    lines = output.read_text("utf-8", "replace").splitlines()
    failed = [line.split(" ", 1)[1].split(" - ")[0] for line in lines if line.startswith(("FAILED ", "ERROR "))]
    return os.waitstatus_to_exitcode(status), failed[0] if failed else ""


def _run_pytest(tree: Path, tests: tuple[str, ...], output: Path) -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (32 << 30, 32 << 30))  # a mutant may ask for an array without end
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    for name in [
        name for name in sys.modules if name.partition(".")[0] in ("minigrad", "problems", "curveball", "tests")
    ]:
        del sys.modules[name]  # where the caller has them from elsewhere
    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    import pytest

    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line", *OPTIONS, *tests]))
    sys.stdout.flush()
    os._exit(status)


class Tree:
    """A copy of the repository for mutants."""

    def __init__(self, root: Path, folder: Path):
        self.root, self.folder = root, folder
        for name in COPIED:
            if (root / name).is_dir():
                shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif (root / name).exists():
                shutil.copy(root / name, folder / name)
        self.seconds: dict[tuple[str, ...], float] = {}

    def limit(self, tests: tuple[str, ...]) -> float:
        """Seconds for a mutant: four times those of the tests as they are, which must pass, and ten more."""
        if tests not in self.seconds:
            start = time.monotonic()
            status, failed = pytest_in(self.folder, tests, 600, keep_compiled=True)
            for package in ("minigrad", "problems", "curveball"):  # a compiled file must never stand for a mutant
                for compiled in (self.folder / package).rglob("*.pyc"):
                    compiled.unlink()
            if status not in PASSED:
                end = (self.folder / "output.txt").read_text("utf-8")[-2000:]
                raise SystemExit(f"{end}\nwithout a mutant, {' '.join(tests)} should pass; {failed or 'it'} does not")
            self.seconds[tests] = time.monotonic() - start
        return 4 * self.seconds[tests] + 10

    def verdict(self, file: str, mutation: Mutation) -> dict[str, object]:
        """What the tests say of one mutant."""
        quick, tests = covering(file, self.root)
        source = (self.root / file).read_text("utf-8")
        for stage in (quick, tests):
            limit = self.limit(stage)
            try:
                (self.folder / file).write_text(mutation.apply(source), "utf-8")
                status, failed = pytest_in(self.folder, stage, limit)
            finally:
                (self.folder / file).write_text(source, "utf-8")
            if status not in PASSED:
                break
        word = "survived" if status in PASSED else "out of time" if status is None else "killed"
        facts = {"file": file, "name": mutation.name, "line": mutation.text, "change": mutation.change}
        return facts | {"verdict": word, "by": failed}


def known(results: Path) -> dict[tuple[str, str], dict]:
    """The latest verdict on each mutant."""
    lines = results.read_text("utf-8").splitlines() if results.exists() else []
    return {(v["file"], v["name"]): v for v in map(json.loads, lines)}


def equivalents(path: Path = EQUIVALENT) -> dict[tuple[str, str], str]:
    """Reasons, by file and name."""
    rows = tomllib.loads(path.read_text("utf-8")).get("equivalent", []) if path.exists() else []
    return {(row["file"], row["name"]): row["reason"] for row in rows}


def table(verdicts: list[dict], reasons: dict[tuple[str, str], str]) -> str:
    """Counts by folder, then the survivors that nobody has judged."""
    counts: dict[str, Counter[str]] = {}
    left = []
    for v in verdicts:
        word = v["verdict"]
        if word == "survived" and (v["file"], v["name"]) in reasons:
            word = "equivalent"
        elif word == "survived":
            left.append(f"{v['file']} {v['name']}: {v['change']} in `{v['line']}`")
        for row in (v["file"].rsplit("/", 1)[0], "all"):
            counts.setdefault(row, Counter())[word] += 1
    words = ("killed", "out of time", "equivalent", "survived")
    rows = [
        f"| {row} | {n.total()} | " + " | ".join(str(n[w]) for w in words) + " |" for row, n in sorted(counts.items())
    ]
    head = ["| | mutants | " + " | ".join(words) + " |", "|---" * 6 + "|"]
    return "\n".join([*head, *rows, "", *left])


def run(
    paths: list[str],
    results: Path,
    root: Path = ROOT,
    *,
    per_file: int = 0,
    text: str = "",
    again: bool = False,
    seconds: float = 1e9,
) -> None:
    """Plant what has no verdict yet, in turns over the files; keep each verdict at once."""
    done, judged, end = known(results), equivalents(), time.monotonic() + seconds
    lists = {file: sample((root / file).read_text("utf-8"), per_file, text) for file in files_of(paths, root)}
    turns = [(k, file, m) for file, found in lists.items() for k, m in enumerate(found)]
    todo = []
    for _, file, m in sorted(turns, key=lambda turn: turn[0]):
        verdict = done.get((file, m.name), {}).get("verdict")
        if verdict is None or (again and verdict == "survived" and (file, m.name) not in judged):
            todo.append((file, m))
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(root, Path(folder))
        for k, (file, m) in enumerate(todo):
            if time.monotonic() > end:
                break
            verdict = tree.verdict(file, m)
            with results.open("a", encoding="utf-8") as out:
                out.write(json.dumps(verdict) + "\n")
            print(f"{k + 1}/{len(todo)} {verdict['verdict']}: {file}:{m.line} {m.change}", flush=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", default=list(SCOPE), help="files and folders (default: all of SCOPE)")
    parser.add_argument("--per-file", type=int, default=15, help="how many mutants of each file (0: all)")
    parser.add_argument("--line", default="", help="only in lines that contain this text")
    parser.add_argument("--again", action="store_true", help="run survivors again, but for equivalent ones")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no mutant after so many seconds")
    parser.add_argument("--table", action="store_true", help="show what is known, run nothing")
    options = parser.parse_args()
    if not options.table:
        for name in ("pytest", *WARM):
            try:
                importlib.import_module(name)
            except ImportError:
                continue
        more = {"per_file": options.per_file, "text": options.line, "again": options.again, "seconds": options.seconds}
        run(options.paths, RESULTS, **more)
    print(table(list(known(RESULTS).values()), equivalents()))


if __name__ == "__main__":
    main()
