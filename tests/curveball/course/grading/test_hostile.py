"""Submissions that try to get marks by other means than an answer, or to do harm: none gets one, and nothing is harmed.

All of them are marked in one run, once behind the kernel's walls, and once behind Python's alone.
"""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from curveball.course.grading.marks import Limits, grade
from tests.curveball.course.grading.conftest import BLANKS, SOLUTIONS, notebook

pytestmark = pytest.mark.skipif(os.name != "posix", reason="marking needs fork")
WRONG = "\ndef double(x):\n    return 0 * x\n"
PASSED = {"output_type": "stream", "name": "stdout", "text": "checkpoint 1.1: passed\n"}

# What an answer does, besides being wrong; in braces what the fixture fills in.
ANSWERS = {
    "redefines checkpoint": "def checkpoint(*args, **options):\n    print('checkpoint 1.1: passed')" + WRONG,
    "replaces the comparison": "import curveball.course.checkpoints as c, numpy\nc._agree = lambda *_: True\n"
    "c.checkpoint = print\nnumpy.allclose = lambda *_, **__: True" + WRONG,
    "exits": "import sys\nsys.exit(0)",
    "exits in the function": "def double(x):\n    raise SystemExit(0)",
    "leaves Python": "import os\ndef double(x):\n    os._exit(0)",
    "loops for ever": "def double(x):\n    while True:\n        pass",
    "loops and swallows errors": "while True:\n    try:\n        while True:\n            pass\n"
    "    except BaseException:\n        pass",
    "fills memory": "def double(x):\n    kept = []\n    while True:\n        kept.append(bytearray(10**8))",
    "prints gigabytes": "def double(x):\n    while True:\n        print('x' * 10**6)",
    "writes gigabytes": "def double(x):\n    with open('big', 'wb') as file:\n        while True:\n"
    "            file.write(bytes(10**7))",
    "forks": "import os\nif os.fork() == 0:\n    while True:\n        pass" + WRONG,
    "starts programs": "import subprocess\nsubprocess.run(['true'])" + WRONG,
    "multiplies": "import multiprocessing\nfork = multiprocessing.get_context('fork')\n"
    "fork.Process(target=print).start()" + WRONG,
    "kills": "import os\nos.kill(os.getppid(), 9)" + WRONG,
    "deletes a file": "import os\nos.remove({canary!r})" + WRONG,
    "overwrites a file": "open({canary!r}, 'w').write('mine')" + WRONG,
    "deletes a folder": "import shutil\nshutil.rmtree({folder!r}, ignore_errors=True)" + WRONG,
    "moves a file": "import os\nos.rename({canary!r}, 'here')" + WRONG,
    "connects": "import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)" + WRONG,
    "says that it equals all": "class Liar(float):\n    def __eq__(self, other): return True\n"
    "    __array_ufunc__ = None\n    def __array__(self, *_, **__): raise RuntimeError\n"
    "def double(x):\n    return Liar(0.0)",
    "looks for what is expected": "import sys\ndef double(x):\n    frame = sys._getframe()\n    while frame:\n"
    "        for value in frame.f_locals.values():\n            if type(value) is tuple and len(value) > 1:\n"
    "                return value[1]\n        if 'expected' in frame.f_locals: return frame.f_locals['expected']\n"
    "        frame = frame.f_back",
    "draws all numbers": "class Zero:\n    def standard_normal(self, n): return np.zeros(n)\nrng = Zero()" + WRONG,
    "replies itself": "import os\nos.write(3, b'[]')\nos._exit(0)",
    "raises what cannot be read": "class Odd(BaseException):\n    def __str__(self): raise Odd\nraise Odd",
    "is no Python": "def double(x) return 2 * x",
    "recurses": "def double(x):\n    return double(x)",
    "is nested too deep": "def double(x):\n    y = []\n    for _ in range(10**5):\n        y = [y]\n    return y",
    "loads the solution": "import json\ncells = json.load(open({course!r} + '/solutions/01_small.ipynb'))['cells']\n"
    "for cell in cells:\n    if 'def double' in cell['source']: exec(cell['source'])",
    "is still blank": "def double(x):\n    raise NotImplementedError  # I do not know",
}
# Machine code: only the kernel can stop these.
MACHINE_CODE = {
    "deletes by machine code": "import ctypes\nctypes.CDLL(None).unlink({canary!r}.encode())" + WRONG,
    "connects by machine code": "import ctypes, struct\nc = ctypes.CDLL(None)\ns = c.socket(2, 1, 0)\n"
    "c.connect(s, struct.pack('=H', 2) + struct.pack('!H4s8x', {port}, bytes([127, 0, 0, 1])), 16)" + WRONG,
    "forks by machine code": "import ctypes\nc = ctypes.CDLL(None)\nif c.fork() == 0:\n    c.setsid()\n"
    "    while True:\n        c.sleep(1)" + WRONG,
    "makes files writable": "import ctypes\nc = ctypes.CDLL(None)\nc.mount(b'none', b'/', None, 32 | 4096, None)\n"
    "c.unlink({canary!r}.encode())" + WRONG,
    "reads the others": "import os\nprint('others:', os.listdir({folder!r}))" + WRONG,
}


def namespaces_work():
    done = subprocess.run(["unshare", "-r", "-n", "-m", "-p", "-f", "true"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture(scope="module", params=["kernel", "python"])
def run(request, tmp_path_factory, small_course):
    """The run: marks by student, and what was left of the file, the folder, the port and the processes."""
    kernel = request.param == "kernel"
    if kernel and (sys.platform != "linux" or not namespaces_work()):
        pytest.skip("this kernel gives no namespaces to this user")
    home = tmp_path_factory.mktemp("home")
    canary, folder = home / "canary", home / "submissions"
    canary.write_text("alive")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.0)
    values = {
        "canary": str(canary),
        "folder": str(folder),
        "course": str(small_course),
        "port": listener.getsockname()[1],
    }

    def hand_in(student, text):
        (folder / student).mkdir(parents=True)
        (folder / student / "01_small.ipynb").write_text(text)

    answers = ANSWERS | (MACHINE_CODE if kernel else {})
    for name, answer in answers.items():
        for key, value in values.items():
            answer = answer.replace(f"{{{key}!r}}", repr(value)).replace(f"{{{key}}}", str(value))
        hand_in(name, notebook({"1.1": answer, "1.2": SOLUTIONS["1.2"]}))
    checks = {label: f'checkpoint("{label}", 1, 1)' for label in BLANKS}
    hand_in("edits checkpoints", notebook({"1.1": WRONG, "1.2": WRONG.replace("double", "quadruple")}, checks))
    hand_in("copies outputs", notebook(BLANKS, outputs=[PASSED]))
    before = _processes()
    os.environ["SECRET_OF_THE_TEACHER"] = "open sesame"
    limits = Limits(seconds=2.0, memory=500, namespaces=kernel)
    try:
        _, marks, students, walls = grade(folder, small_course, ["01_small"], limits, lambda line: None)
    finally:
        del os.environ["SECRET_OF_THE_TEACHER"]
    try:
        listener.accept()
        connected = True
    except BlockingIOError:
        connected = False
    listener.close()
    return SimpleNamespace(
        kind=request.param, marks=marks, students=students, walls=walls, connected=connected, canary=canary,
        folder=folder, left=_processes() - before, answers=answers,
    )  # fmt: skip


def _processes():
    """The processes that a run of marking may have left behind."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"grading.worker" in file.read_bytes():
                found.add(file.parent.name)
    return found


def test_the_walls_are_those_that_were_asked_for(run):
    assert run.walls == {run.kind}


@pytest.mark.parametrize("name", [*ANSWERS, *MACHINE_CODE, "edits checkpoints", "copies outputs"])
def test_no_marks(run, name):
    if name not in run.marks:
        pytest.skip("only the kernel stops machine code")
    mark = run.marks[name]["1.1"]
    assert not mark.passed
    assert mark.why


def test_the_rest_of_a_submission_is_marked_all_the_same(run):
    rest = {name: run.marks[name]["1.2"].passed for name in run.answers}
    assert all(rest.values()), [name for name, passed in rest.items() if not passed]
    assert not run.marks["edits checkpoints"]["1.2"].passed
    assert not run.marks["copies outputs"]["1.2"].passed


@pytest.mark.parametrize(("name", "why"), [
    ("exits", "SystemExit: 0"),
    ("leaves Python", "the process ended before the checkpoint was done"),
    ("loops for ever", "took more than 2 seconds"),
    ("loops and swallows errors", "took more than 2 seconds"),
    ("fills memory", "MemoryError"),
    ("prints gigabytes", "million characters were printed"),
    ("forks", "no network and no processes"),
    ("deletes a file", "cannot be changed here"),
    ("overwrites a file", "cannot be written here"),
    ("connects", "no network"),
    ("is still blank", "still to be written"),
    ("is no Python", "SyntaxError"),
    ("redefines checkpoint", "likely:   a factor"),
    ("copies outputs", "not attempted"),
])  # fmt: skip
def test_the_report_says_what_happened(run, name, why):
    assert why in run.marks[name]["1.1"].why


def test_nothing_is_harmed(run):
    assert run.canary.read_text() == "alive"
    assert len(list(run.folder.glob("*/01_small.ipynb"))) == len(run.students) == len(run.answers) + 2
    assert not run.connected
    assert run.left == set()


def test_the_others_cannot_be_read(run):
    if run.kind == "kernel":
        assert run.marks["reads the others"]["1.1"].printed == "others: []\n"


def test_what_is_odd_is_listed_for_a_person(run):
    assert run.marks["looks for what is expected"]["1.1"].look_at == ["_getframe", "f_back", "sys"]
    assert run.marks["redefines checkpoint"]["1.1"].look_at == ["checkpoint"]
