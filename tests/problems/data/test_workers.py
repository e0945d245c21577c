"""Workers end with the process that they work for. On Linux: tests/curveball/experiments/test_parallel.py."""

import os
import sys
from types import SimpleNamespace

import pytest

from problems.data import workers


class Ended(Exception):
    pass


def end(code):
    raise Ended(code)


@pytest.mark.parametrize("is_gone", [False, True])
def test_on_windows_the_parent_itself_is_waited_for(is_gone, monkeypatch):
    """Its number stays when it is gone: a double of the functions that Python has there."""
    asked = []

    def open_process(access, inherit, pid):
        asked.append((access, inherit, pid))
        if is_gone:
            raise OSError("no such process")
        return "handle"

    double = SimpleNamespace(
        SYNCHRONIZE="access", INFINITE="for ever", OpenProcess=open_process,
        WaitForSingleObject=lambda handle, time: asked.append((handle, time)),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "_winapi", double)
    monkeypatch.setattr(workers.sys, "platform", "win32")
    monkeypatch.setattr(workers.os, "_exit", end)
    with pytest.raises(Ended, match="1"):
        workers._watch(os.getppid())
    assert asked == [("access", False, os.getppid()), ("handle", "for ever")][: 1 if is_gone else 2]


def test_elsewhere_its_number_is_looked_at(monkeypatch):
    numbers = iter([7, 7, 1])
    monkeypatch.setattr(workers.os, "getppid", lambda: next(numbers))
    monkeypatch.setattr(workers, "WATCH", 0.0)
    monkeypatch.setattr(workers.os, "_exit", end)
    monkeypatch.setattr(workers.sys, "platform", "linux")
    with pytest.raises(Ended):
        workers._watch(7)
    assert not list(numbers)
