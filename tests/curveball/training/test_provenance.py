"""What is known about the machine where something is missing."""

import sys

from curveball.training.provenance import blas, provenance


def test_without_threadpoolctl_nothing_is_known_of_blas(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert blas() == []


def test_the_processor_has_a_name():
    assert provenance()["processor"].strip()
