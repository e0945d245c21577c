"""How JupyterLab is started, also as root, where it would refuse, and in a container, where it would not be reached."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from curveball.course.data import CHECKOUT

MARKS_OF_CONTAINERS = (Path("/.dockerenv"), Path("/run/.containerenv"))


def is_root() -> bool:
    """Is this the user root, as whom JupyterLab does not start unless it is told to?"""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def in_container(environment: Mapping[str, str] = os.environ) -> bool:
    """Is this a container of Docker, Podman or Kubernetes, into which a browser outside cannot see?"""
    named = "container" in environment or "KUBERNETES_SERVICE_HOST" in environment
    return named or any(file.exists() for file in MARKS_OF_CONTAINERS)


def options(root: bool, container: bool) -> tuple[list[str], list[str]]:
    """What JupyterLab is given besides a folder, and for each of these a line that says why.

    >>> options(root=True, container=False)
    (['--allow-root'], ['you are root: JupyterLab is started with --allow-root'])
    """
    given, lines = [], []
    if root:
        given.append("--allow-root")
        lines.append("you are root: JupyterLab is started with --allow-root")
    if container:
        given += ["--ip=0.0.0.0", "--no-browser"]
        lines.append(
            "this is a container: JupyterLab listens on all its addresses, and only who has the token below gets in; "
            "start the container with -p 8888:8888, and open the address that begins with http://127.0.0.1"
        )
    return given, lines


def lab_command(folder: Path) -> tuple[list[str], list[str]]:
    """The command that opens a folder in JupyterLab, and lines that say what it was given; or raise ValueError."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise ValueError("JupyterLab is not installed: pip install 'curveball-course[course]'")
    given, lines = options(is_root(), in_container())
    where = [str(folder)]
    if (CHECKOUT / "pyproject.toml").exists() and folder.resolve().is_relative_to(CHECKOUT):
        # From the checkout's root, so that the notebooks' links to source files can be followed.
        page = quote(folder.resolve().relative_to(CHECKOUT).as_posix())
        where = [f"--LabApp.default_url=/lab/tree/{page}", str(CHECKOUT)]
    return [sys.executable, "-m", "jupyterlab", *given, *where], lines
