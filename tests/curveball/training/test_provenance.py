"""What is known about the machine where something is missing."""

import os
import sys

from curveball.training.provenance import blas, provenance


def test_without_threadpoolctl_nothing_is_known_of_blas(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert blas() == []


def test_the_processor_has_a_name():
    assert provenance()["processor"].strip()


def test_the_cores_are_those_that_the_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 5}, raising=False)
    assert provenance()["cores"] == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert provenance()["cores"] == 7
