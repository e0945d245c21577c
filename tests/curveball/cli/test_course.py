"""`curveball course`: what it writes, what it tells and asks, and how it opens JupyterLab."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from curveball.cli import course as module
from curveball.cli.app import app
from curveball.course import lab


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The command with doubles for the files: `written`, `older`; what was `updated` and `started` is noted."""
    state = SimpleNamespace(written=[], older=[], updated=[], started=[], folder=tmp_path / "mine")
    monkeypatch.setattr(module, "write_copies", lambda folder: state.written)
    monkeypatch.setattr(module, "older_copies", lambda folder: state.older)
    monkeypatch.setattr(module, "update_copies", lambda folder: state.updated.append(folder) or state.older)
    monkeypatch.setattr(lab, "is_root", lambda: False)
    monkeypatch.setattr(module, "is_root", lambda: lab.is_root())
    monkeypatch.setattr(lab, "in_container", lambda: False)

    def start(command, **_):
        state.started.append(command)
        return SimpleNamespace(returncode=3)

    monkeypatch.setattr(module.subprocess, "run", start)
    state.go = lambda *options, **more: CliRunner().invoke(
        app, ["course", str(state.folder), *options], prog_name="curveball", **more
    )
    return state


def test_course(run):
    run.written = [run.folder / "a.ipynb", run.folder / "b.ipynb"]
    result = run.go()
    assert result.exit_code == 0, result.output
    assert result.stdout == f"2 notebooks written to {run.folder}\nopen them with: jupyter lab {run.folder}\n"
    assert run.updated == run.started == []


def test_root_is_told_what_jupyterlab_needs(run, monkeypatch):
    monkeypatch.setattr(lab, "is_root", lambda: True)
    assert run.go().stdout.endswith(f"open them with: jupyter lab --allow-root {run.folder}\n")


def test_a_course_that_is_there_already(run):
    assert run.go().stdout.splitlines()[0] == f"{run.folder} has the notebooks already"


def test_older_copies_are_named_with_what_would_do(run):
    run.older = [run.folder / "01_a.ipynb", run.folder / "solutions" / "02_b.ipynb"]
    lines = run.go().stdout.splitlines()
    assert lines[1] == "made of another version of the course: 01_a, solutions/02_b"
    assert lines[2] == f"merge what is new into them with: curveball course {run.folder} --update"
    assert run.updated == []


def test_update(run):
    run.older = [run.folder / "01_a.ipynb"]
    lines = run.go("--update").stdout.splitlines()
    assert lines[2] == f"1 notebook brought up to date; as they were, they are in {run.folder / 'before-update'}"
    assert run.updated == [run.folder]


def test_update_with_nothing_to_do(run):
    assert "all copies are up to date" in run.go("--update").stdout


def test_a_copy_that_is_no_notebook_is_named(run):
    run.folder.mkdir()
    broken = run.folder / "02_transposed.ipynb"
    broken.write_text("{broken")
    lines = run.go("--update").stdout.splitlines()
    said = "no notebooks, and left alone: 02_transposed; without these files new copies are written"
    assert lines[1:3] == [said, "all other copies are up to date"]
    assert broken.read_text() == "{broken"


@pytest.mark.parametrize(("answer", "updated"), [("y\n", 1), ("n\n", 0), ("\n", 0)])
def test_in_a_terminal_it_asks(run, monkeypatch, answer, updated):
    run.older = [run.folder / "01_a.ipynb"]
    monkeypatch.setattr(module, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    result = run.go(input=answer)
    assert result.exit_code == 0, result.output
    assert "Merge what is new into them?" in result.stdout
    assert len(run.updated) == updated


def test_a_course_that_cannot_be_written(run, monkeypatch):
    def refuse(folder):
        raise ValueError("the folder cannot be written: choose another")

    monkeypatch.setattr(module, "write_copies", refuse)
    result = run.go()
    assert result.exit_code == 2
    assert result.stderr == "curveball: the folder cannot be written: choose another\n"


def test_course_needs_a_folder():
    result = CliRunner().invoke(app, ["course"], prog_name="curveball")
    assert result.exit_code == 2
    assert result.stderr == "curveball: Missing argument 'DIR'. (see curveball --help)\n"


# ------------------------------------------------------------------------------------- JupyterLab


@pytest.mark.parametrize(("root", "container", "given"), [
    (False, False, []),
    (True, False, ["--allow-root"]),
    (False, True, ["--ip=0.0.0.0", "--no-browser"]),
    (True, True, ["--allow-root", "--ip=0.0.0.0", "--no-browser"]),
])  # fmt: skip
def test_jupyterlab_is_given_what_it_needs_and_that_is_said(run, monkeypatch, root, container, given):
    monkeypatch.setattr(lab, "is_root", lambda: root)
    monkeypatch.setattr(lab, "in_container", lambda: container)
    result = run.go("--lab")
    assert run.started == [[sys.executable, "-m", "jupyterlab", *given, str(run.folder)]]
    assert result.exit_code == 3  # that of JupyterLab
    assert ("you are root" in result.stdout) is root
    assert ("this is a container" in result.stdout) is container


def test_a_folder_of_the_checkout_is_opened_from_its_root(run):
    run.folder = lab.CHECKOUT / "my course"
    run.go("--lab")
    assert run.started[0][-2:] == ["--LabApp.default_url=/lab/tree/my%20course", str(lab.CHECKOUT)]


def test_a_missing_jupyterlab_is_named_before_anything_is_written(run, monkeypatch):
    monkeypatch.setattr(lab.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(module, "write_copies", lambda folder: pytest.fail("written"))
    result = run.go("--lab")
    assert result.exit_code == 2
    assert result.stderr == "curveball: JupyterLab is not installed: pip install 'curveball-course[course]'\n"


def test_containers_are_known_by_their_marks(monkeypatch, tmp_path):
    monkeypatch.setattr(lab, "MARKS_OF_CONTAINERS", (tmp_path / "mark",))
    assert not lab.in_container({})
    assert lab.in_container({"container": "podman"})
    assert lab.in_container({"KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    (tmp_path / "mark").touch()
    assert lab.in_container({})


def test_jupyterlab_knows_the_options():
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed: it comes with the extra course")
    given, _ = lab.options(root=True, container=True)
    command = [sys.executable, "-m", "jupyterlab", *given, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_make_course_starts_this_command():
    root = Path(__file__).parents[3]
    done = subprocess.run(["make", "-n", "course"], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ".venv/bin/curveball course course --lab"
