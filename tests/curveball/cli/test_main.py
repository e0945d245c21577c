"""The program: its environment and its two ways to start."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import minigrad
from curveball.cli import names
from curveball.cli.app import app
from curveball.solvers.registry import SOLVERS
from curveball.training.devices import BACKENDS
from problems import NETWORKS
from problems.data import DATASETS

SPY = """
import os, sys

class Spy:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy" and not found:
            found.append(os.environ.get("OPENBLAS_THREAD_TIMEOUT"))

found = []
sys.meta_path.insert(0, Spy())
sys.argv = ["curveball", "info", "--json"]
from curveball.cli.main import main
try:
    main()
finally:
    print(f"numpy was loaded with {found}", file=sys.stderr)
"""


@pytest.mark.parametrize("own", [None, "26"])
def test_the_environment_is_set_before_numpy_is_loaded(own):
    environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_THREAD_TIMEOUT"}
    if own is not None:
        environment["OPENBLAS_THREAD_TIMEOUT"] = own
    done = subprocess.run(
        [sys.executable, "-c", SPY], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"numpy was loaded with ['{own or 4}']\n"


@pytest.mark.parametrize("module", ["curveball", "curveball.cli"])
def test_as_a_module(module):
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: curveball [OPTIONS] COMMAND")
    assert all(f"  {name} " in done.stdout for name in ("train", "compare", "table1", "figure1", "course", "data"))


def test_the_help_needs_no_drawing_and_no_scipy():
    heavy = "{'matplotlib', 'scipy', 'sklearn', 'PIL', 'filelock', 'requests', 'tqdm', 'safetensors', 'joblib'}"
    program = f"import curveball.cli.app, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[]\n"


def test_version():
    result = CliRunner().invoke(app, ["--version"], prog_name="curveball")
    assert (result.exit_code, result.stdout) == (0, f"curveball {minigrad.__version__}\n")


@pytest.mark.parametrize(("words", "offered"), [
    ("curveball ta", {"table1", "table2"}),
    ("curveball train --ba", {"--batch-size", "--backend"}),
    ("curveball train --solver cu", {"curveball"}),
    ("curveball compare --network res", {name for name in NETWORKS if name.startswith("res")}),
])  # fmt: skip
def test_the_shell_completes_commands_options_and_names(words, offered):
    asked = {"_CURVEBALL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    result = CliRunner(env=asked).invoke(app, [], prog_name="curveball")
    assert result.exit_code == 0
    assert set(result.stdout.split()) == offered


def test_completion_can_be_installed():
    result = CliRunner(env={"_CURVEBALL_COMPLETE": "source_bash"}).invoke(app, [], prog_name="curveball")
    assert result.exit_code == 0
    assert "complete -o default -F _curveball_completion curveball" in result.stdout
    assert "--install-completion" in CliRunner().invoke(app, ["--help"]).stdout


@pytest.mark.parametrize("command", [["train"], ["compare"]])
def test_help_texts_list_what_is_registered(command):
    text = "".join(CliRunner().invoke(app, [*command, "--help"]).stdout.split())  # lines break at hyphens too
    for listed in (sorted(SOLVERS), sorted(NETWORKS), sorted(DATASETS), BACKENDS):
        assert ",".join(listed) in text
    assert names.DATA_SETS.replace(" ", "") in "".join(
        CliRunner().invoke(app, ["data", "check", "--help"]).stdout.split()
    )
