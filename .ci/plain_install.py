"""What a plain install does, and the line that it says where an extra is missing.

`make wheel-check` runs this in an environment that has the wheel and no extra, tests/test_plain_install.py with all
packages hidden that only extras bring, and with `--quick`, which computes one cell of Table 1 in place of the table.
Only what a plain install has may be imported here.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

TABLE = "a,target\n" + "".join(f"{k},{2 * k}\n" for k in range(20))
LOG = '{"kind": "run", "name": "sgd"}\n{"kind": "step", "epoch": 1, "step": 1, "loss": 1.0, "seconds": 0.1}\n'


def check_problems() -> None:
    """Every closed-form problem and every differential equation: its loss and its gradient; a cell of Table 1."""
    import minigrad as mg
    import problems
    from curveball.experiments.table1 import COLUMNS, run_cell

    for registry in (problems.closed_form.PROBLEMS, problems.physics_informed.PROBLEMS):
        for name, problem in registry.items():
            rng = np.random.default_rng(0)
            params, batch = problem.init(rng), problem.batch(rng)

            def objective(w, problem=problem, batch=batch):
                return problem.loss(problem.model(w, batch), batch)

            value, gradient = mg.value_and_grad(objective)(params)
            assert np.isfinite(value), name
            assert all(np.isfinite(leaf).all() for leaf in mg.tree_flatten(gradient)[0]), name
    assert run_cell("CurveBall", COLUMNS[0], runs=2, seed=0).share == 1.0


def check_solvers() -> None:
    """Every solver takes steps; `minimize`, a fit with its report, a spectrum, and how sure a prediction is."""
    import curveball
    import minigrad as mg
    from curveball.solvers.registry import SOLVERS, solver_from
    from problems.closed_form import get

    rosenbrock = get("rosenbrock")
    start = rosenbrock.init(np.random.default_rng(0))

    def model(w):
        return rosenbrock.model(w, None)

    def loss(y):
        return rosenbrock.loss(y, None)

    for name in SOLVERS:
        solver = solver_from(f"{name}:lr=0.0001" if name in ("sgd", "adam") else name)
        found = curveball.minimize(model, loss, start, solver, max_iter=5)
        assert found.fun <= loss(model(start)), name
    best = curveball.minimize(model, loss, start, curveball.LevenbergMarquardt(), progress=True)
    assert best.success, best.message

    x = np.linspace(0.0, 3.0, 30)
    fit = curveball.fit(lambda x, a, b: a * mg.exp(-b * x), x, 2.0 * np.exp(-1.5 * x), [1.0, 1.0])
    assert np.allclose(fit.x, [2.0, 1.5]), fit
    assert "2" in str(fit)
    assert str(curveball.spectrum(np.diag([1.0, 2.0, 4.0])))


def check_missing(folder: Path) -> None:
    """In Python: each thing that needs an extra names it."""
    import curveball
    import problems

    fit = curveball.fit(lambda x, a: a * x, np.arange(4.0), np.array([0.0, 1.1, 1.9, 3.0]), [1.0])
    spectrum = curveball.spectrum(np.diag([1.0, 2.0]))
    (folder / "log.jsonl").write_text(LOG, "utf-8")
    (folder / "checkpoint.safetensors").write_bytes(b"")
    for kind in ("cats", "dogs"):
        (folder / kind).mkdir()
        for k in range(10):
            (folder / kind / f"{k}.png").write_bytes(b"")
    needs: dict[str, tuple[str, Callable[[], object]]] = {
        "a fit's picture": ("figures", fit.plot),
        "a spectrum's picture": ("figures", spectrum.plot),
        "runs against each other": ("figures", lambda: curveball.plot_runs([folder / "log.jsonl"], x="step")),
        "a network that was trained": ("data", lambda: curveball.load_predictor(folder / "checkpoint.safetensors")),
        "the classifier": ("data", lambda: curveball.CurveBallClassifier),
        "the regressor": ("data", lambda: curveball.CurveBallRegressor),
        "the digits": ("data", lambda: problems.load("digits")),
        "images that are downloaded": ("data", lambda: problems.load("fashion-mnist", folder / "empty")),
        "pictures": ("data", lambda: problems.load("folder", folder)),
    }
    for what, (extra, call) in needs.items():
        try:
            call()
        except (ImportError, ValueError) as error:
            assert_names(extra, str(error), what)
        else:
            raise AssertionError(f"{what}: nothing was missing")


def assert_names(extra: str, line: str, what: str) -> None:
    """One line, which ends with the command that brings the extra."""
    assert "\n" not in line.strip(), f"{what}: {line}"
    assert line.strip().endswith(f": pip install 'curveball-course[{extra}]'"), f"{what}: {line}"


def command(*words: str) -> tuple[object, str, str]:
    """The exit code of a command, and what it printed to standard output and error."""
    from curveball.cli.app import app

    out, error = io.StringIO(), io.StringIO()
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            app(list(words), prog_name="curveball")
        except SystemExit as end:
            code = end.code
    return code, out.getvalue(), error.getvalue()


def check_commands(folder: Path, quick: bool) -> None:
    """The commands that work, and the line of each that needs an extra, which leaves nothing behind."""
    table = ["table1", "--help"] if quick else ["table1", "--runs", "1", "--out", str(folder / "table1")]
    for words in (["--help"], ["info"], table):
        code, out, error = command(*words)
        assert code == 0, (words, error)
        assert out, words
    (folder / "table.csv").write_text(TABLE, "utf-8")
    (folder / "picture.png").write_bytes(b"")
    (folder / "run").mkdir()
    (folder / "run" / "checkpoint.safetensors").write_bytes(b"")
    target = folder / "new"
    needs = {
        "data": (
            ["train", "--out", str(target)],
            ["train", "--data", str(folder / "table.csv"), "--out", str(target)],
            ["predict", str(folder / "run"), str(folder / "picture.png")],
            ["data", "list"],
            ["data", "fetch", "cifar10"],
            ["data", "fetch", "fashion-mnist", "--folder", str(target)],
        ),
        "figures": (
            ["compare", "--out", str(target)],
            ["figure1", "--out", str(target)],
            ["pays", "--out", str(target)],
            ["random", "--out", str(target)],
            ["table2", "--out", str(target)],
        ),
    }
    for extra, lines in needs.items():
        for words in lines:
            code, _, error = command(*words)
            assert code == 2, (words, code, error)
            assert error.startswith("curveball: "), (words, error)
            assert_names(extra, error, " ".join(words))
            assert not target.exists(), words


def main() -> None:
    """All of it; AssertionError names what is not so."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        check_problems()
        check_solvers()
        (folder / "images").mkdir()
        check_missing(folder / "images")
        check_commands(folder, quick="--quick" in sys.argv)
    print("a plain install has what it needs", file=sys.stderr)


if __name__ == "__main__":
    main()
