"""The process that holds a notebook's state for marking, and forks a process for every answer: `python -m ...worker`.

It reads requests and writes replies, a line of JSON each: `run` a cell of the course, `try` an answer, `expect` what a
checkpoint expects, `mark` what an answer gave. No line of a student ever runs in this process. What an answer gives at
a checkpoint is sent here and compared here: a checkpoint that was replaced, or an expected value that was changed, in
the process of the answer, changes nothing.
"""

from __future__ import annotations

import copy
import io
import json
import os
import selectors
import signal
import sys
import time
from contextlib import redirect_stdout, suppress
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import numpy as np

from curveball.course.checkpoints import CheckpointFailed, checkpoint
from curveball.course.grading import jail
from curveball.course.grading.values import decode, encode

LARGEST_REPLY = 16 * 2**20
MOST_PRINTED = 20 * 2**20  # characters; a learner's loop prints less
KEPT_PRINTED = 2000
ABSENT = ("jax",)  # what starts threads where it is imported: a process with threads may hang when it is forked


class Printed(io.TextIOBase):
    """Where an answer prints: the beginning is kept, and gigabytes are an error."""

    def __init__(self) -> None:
        self.kept, self.count = "", 0

    def write(self, text: str) -> int:
        """Take a text."""
        self.kept += text[: KEPT_PRINTED - len(self.kept)]
        self.count += len(text)
        if self.count > MOST_PRINTED:
            raise jail.Refused(f"more than {MOST_PRINTED >> 20} million characters were printed")
        return len(text)


class Absent(MetaPathFinder):
    """Lets imports fail as if the packages in `ABSENT` were not installed."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Raise ModuleNotFoundError for these packages."""
        if fullname.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


class State:
    """The names of the course's notebook, at the place where it is."""

    def __init__(self, hidden: list[Path], seconds: float, memory: int, namespaces: bool) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.expected: list[tuple[str, dict[str, Any]]] = []
        self.hidden, self.seconds, self.memory, self.namespaces = hidden, seconds, memory, namespaces
        self.tries = 0

    def run(self, code: str) -> dict[str, Any]:
        """Run a cell of the course."""
        with redirect_stdout(io.StringIO()):
            execute(code, self.names)
        return {}

    def expect(self, solution: str, check: str) -> dict[str, Any]:
        """Run the course's answer and its checkpoint; note what is expected, and check that it is passed."""
        self.expected = []

        def note(label: str, got: Any, expected: Any, likely: str = "", **tolerances: float) -> None:
            checkpoint(label, got, expected, likely, **tolerances)
            self.expected.append((label, {"expected": copy.deepcopy(expected), "likely": likely, **tolerances}))

        genuine = self.names.get("checkpoint")
        with redirect_stdout(io.StringIO()):
            execute(solution, self.names)
            self.names["checkpoint"] = note
            execute(check, self.names)
        self.names["checkpoint"] = genuine
        return {"labels": [label for label, _ in self.expected]}

    def mark(self, records: list[list[Any]]) -> dict[str, Any]:
        """Compare what an answer gave, `[label, value]` or `[label, error, text]` each, with what is expected."""
        passed, failed = [], ""
        for k, (label, wanted) in enumerate(self.expected):
            record = records[k] if k < len(records) else [label, "RuntimeError", "the checkpoint was not reached"]
            with redirect_stdout(io.StringIO()):
                try:
                    if record[0] != label:
                        raise ValueError("a checkpoint of another label")
                    checkpoint(label, _again(record), **wanted)
                except (CheckpointFailed, ValueError) as error:
                    failed = str(error)
                    break
            passed.append(label)
        return {"passed": passed, "failed": failed}

    def attempt(self, cells: list[str], names: list[str], check: str, seconds: float) -> dict[str, Any]:
        """Run an answer and the checkpoint in a process of its own; what the checkpoint got, as `records`."""
        self.tries += 1
        folder = Path.cwd() / f"answer-{self.tries}"
        folder.mkdir()
        seconds = min(seconds, self.seconds)
        out, into = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(out)
                os.setpgid(0, 0)
                _in_child(self, folder, cells, names, check, seconds, into)
            finally:
                os._exit(1)
        os.close(into)
        with suppress(OSError):
            os.setpgid(child, child)
        return _reply_of(child, out, seconds)


def execute(code: str, names: dict[str, Any]) -> None:
    """Run a cell."""
    exec(compile(code, "<cell>", "exec"), names)


def _again(record: list[Any]) -> Any:
    """What an answer gave, for the checkpoint: a value, or a function that fails as it failed."""
    if len(record) == 2:
        value = decode(record[1])
        return lambda: value
    kind = NotImplementedError if record[1] == "NotImplementedError" else type(str(record[1])[:80], (Exception,), {})

    def fail() -> None:
        raise kind(str(record[2]))

    return fail


def _in_child(
    state: State, folder: Path, cells: list[str], names: list[str], check: str, seconds: float, into: int
) -> None:
    """Shut this process off, run the answer, then the checkpoint with the answer's names, and send what it got."""
    os.environ.clear()
    os.environ.update(HOME=str(folder), TMPDIR=str(folder), PATH=os.defpath, OMP_NUM_THREADS="1")
    into = os.dup2(into, 3, inheritable=False)
    os.closerange(4, 4096)
    for stream in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    os.closerange(4, 16)
    os.chdir(folder)
    walls = "python"
    if state.namespaces:
        with suppress(OSError):
            jail.shut_in_namespaces(folder, state.hidden)
            walls = "kernel"
    jail.limit(seconds, state.memory)
    jail.refuse_by_hook(folder, state.hidden)
    printed = Printed()
    sys.stdout = sys.stderr = printed
    records: list[list[Any]] = []
    failure = _fails(state.names, cells, names, check, records)
    reply = {"records": records, "failure": failure, "printed": printed.kept, "walls": walls}
    data = json.dumps(reply).encode("utf-8", "backslashreplace")
    while data:
        data = data[os.write(into, data) :]
    os._exit(0)


def _fails(
    course: dict[str, Any], cells: list[str], names: list[str], check: str, records: list[list[Any]]
) -> list[str] | None:
    """Run the answer in names of its own, then the checkpoint in the course's with the names that were asked for."""
    generators = [value for value in course.values() if isinstance(value, np.random.Generator)]
    states = [copy.deepcopy(generator.bit_generator.state) for generator in generators]

    def take(label: str, got: Any, *_: Any, **__: Any) -> None:
        del _, __  # what is expected: nothing that the answer runs can find it
        try:
            records.append([str(label), encode(got() if callable(got) else got)])
        except BaseException as error:
            records.append([str(label), type(error).__name__, _text(error)])
            raise

    try:
        theirs = dict(course)
        for cell in cells:
            execute(cell, theirs)
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state
        course.update({name: theirs[name] for name in names if name in theirs}, checkpoint=take)
        execute(check, course)
    except BaseException as error:
        return [type(error).__name__, _text(error)]
    return None


def _text(error: BaseException) -> str:
    try:
        return str(error)[:1000]
    except BaseException:
        return "an error without a text"


def _reply_of(child: int, out: int, seconds: float) -> dict[str, Any]:
    """What the process of an answer sent, or how it ended; it and what it started are gone afterwards."""
    data, deadline, status = b"", time.monotonic() + seconds, None
    with selectors.DefaultSelector() as selector:
        selector.register(out, selectors.EVENT_READ)
        while time.monotonic() < deadline and len(data) <= LARGEST_REPLY:
            if selector.select(0.05):
                part = os.read(out, 1 << 20)
                data += part
                if not part:
                    break
            elif status is None and (ended := os.waitpid(child, os.WNOHANG))[0]:
                status = ended[1]
            elif status is not None:
                break
    late = time.monotonic() >= deadline
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    os.close(out)
    if status is None:
        status = os.waitpid(child, 0)[1]
    if late:
        return {"failure": ["TimeoutError", f"the answer and its checkpoint took more than {seconds:.0f} seconds"]}
    try:
        reply = json.loads(data)
        records = [[str(record[0]), *record[1:3]] for record in reply["records"]]
        failure = [str(part) for part in reply["failure"]][:2] if reply["failure"] else None
        return {
            "records": records,
            "failure": failure,
            "printed": str(reply["printed"])[:KEPT_PRINTED],
            "walls": str(reply["walls"])[:10],
        }
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        text = "the process ended before the checkpoint was done: it left Python, crashed, or took too much memory"
        return {"failure": ["ProcessEnded", text]}


def main() -> None:
    """Answer requests until there are no more."""
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for stream, name in ((0, os.devnull), (1, os.devnull)):
        os.dup2(os.open(name, os.O_RDWR), stream)
    sys.meta_path.insert(0, Absent())
    state: State | None = None
    for line in requests:
        request = json.loads(line)
        what = request.pop("do")
        try:
            if what == "start":
                request["hidden"] = [Path(folder) for folder in request["hidden"]]
                state, reply = State(**request), {}
            else:
                reply = getattr(state, {"try": "attempt"}.get(what, what))(**request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
