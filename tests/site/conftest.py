"""The site, built once for all workers, and what a browser finds on its pages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from tests.support import browser

ROOT = Path(__file__).parents[2]
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium():
    """A browser, one for each worker."""
    pytest.importorskip("playwright", reason="Playwright is not installed: it comes with the dev extra")
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if not program:
        missing = f"no browser: install one of {', '.join(PROGRAMS)}, as .ci/install-browser does"
        pytest.fail(missing, pytrace=False) if os.environ.get("REQUIRE_BROWSER") else pytest.skip(missing)
    with browser.chromium(program) as running:
        yield running


@pytest.fixture(scope="session")
def shared(tmp_path_factory, worker_id):
    """A folder for all workers of this run."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder if worker_id == "master" else folder.parent) / "site-tests"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def build(shared):
    """How the build of the site ended, `{"returncode", "stderr"}`: as `make site` does it, a warning is an error."""
    file = shared / "build.json"
    with FileLock(shared / "build.lock"):
        if not file.exists():
            command = f"-m sphinx -q -W --keep-going -c docs -d {shared}/doctrees . {shared}/site".split()
            done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
            file.write_text(json.dumps({"returncode": done.returncode, "stderr": done.stderr}))
    return json.loads(file.read_text())


@pytest.fixture(scope="session")
def site(build, shared):
    """The folder of the pages, which are also there when there were warnings."""
    if not (shared / "site" / "index.html").exists():
        pytest.fail("the site was not built", pytrace=False)
    return shared / "site"


@pytest.fixture(scope="session")
def pages(site, shared, chromium):
    """What the browser finds on each page, by its path."""
    file = shared / "pages.json"
    with FileLock(shared / "visit.lock"):
        if not file.exists():
            file.write_text(json.dumps(browser.visit(chromium, site)))
    return json.loads(file.read_text())
