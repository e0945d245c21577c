"""What a user brings: a problem of one's own, and files with the names of packages here."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

SCRIPT = '''
"""A straight line through noisy points, next to a broken problems.py and a folder of notebooks."""
import sys
from pathlib import Path

import numpy as np

import curveball
import minigrad as mg
from curveball.figures.curves import draw_errors, draw_losses
from curveball.experiments.tables import table, table2
from curveball.training.options import TrainOptions
from curveball.training.protocol import TrainingProblem
from curveball.training.train import train
from line import Line

folder = Path(sys.argv[1])
problem: TrainingProblem = Line()
run = train(problem, curveball.CurveBall(), TrainOptions(epochs=5, quiet=True), folder=folder)
again = train(problem, curveball.CurveBall(), TrainOptions(epochs=20, quiet=True, resume=True), folder=folder)
assert again.epochs[:5] == run.epochs
assert again.epochs[-1]["validation_error"] == 0.0
np.testing.assert_allclose(again.params["w"], 3.0, atol=1e-2)
draw_losses([again], folder / "losses.png", "line")
draw_errors([again], folder / "errors.png", "line")
assert "CurveBall" in table([again])
assert "line on points, batches of 10, 20 epochs" in table2([again], problem, 20)

found = curveball.minimize(lambda w: w - 2.0, lambda y: mg.sum(y * y), np.zeros(2), curveball.Newton(), max_iter=5)
np.testing.assert_allclose(found.x, 2.0)
assert not {name for name in sys.modules if name.split(".")[0] in ("problems", "notebooks")}
'''


def test_a_script_with_its_own_problem_needs_no_package_problems(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    shutil.copy(ROOT / "tests" / "support" / "line.py", tmp_path)
    (tmp_path / "problems.py").write_text("raise RuntimeError('this is the problems.py of the user')\n")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "__init__.py").write_text("raise RuntimeError('these are the notebooks of the user')\n")
    path = f"import sys; sys.path.append({str(ROOT)!r}); sys.path.insert(0, {str(tmp_path)!r})"
    program = f"{path}; sys.argv = ['script.py', {str(tmp_path / 'out')!r}]; import script"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "checkpoint-before.safetensors", "checkpoint.safetensors", "errors.png", "log.jsonl", "losses.png",
    ]  # fmt: skip
