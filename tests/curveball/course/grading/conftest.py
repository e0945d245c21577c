"""A course of one small notebook, and submissions of it: honest ones and others."""

import json

import pytest

SETUP = """import numpy as np
from curveball.course import checkpoint
rng = np.random.default_rng(0)
def half(x):
    return x / 2"""
BLANKS = {
    "1.1": "def double(x):\n    raise NotImplementedError  # your turn",
    "1.2": "def quadruple(x):\n    raise NotImplementedError  # your turn",
}
SOLUTIONS = {"1.1": "def double(x):\n    return 2 * x", "1.2": "def quadruple(x):\n    return double(double(x))"}
CHECKS = {
    "1.1": 'x = rng.standard_normal(3)\ncheckpoint("1.1", lambda: double(x), x + x, likely="a factor")\n'
    'checkpoint("1.1, text", lambda: [double("ab"), {"n": double(1)}], ["abab", {"n": 2}])',
    "1.2": 'checkpoint("1.2", lambda: quadruple(half(x)), 2 * x)',
}
LAST = "raise RuntimeError('the course stops at its last exercise')"


def notebook(answers, checks=CHECKS, extra=None, tags=True, outputs=(), hints=True):
    """The notebook with these answers; `extra` are own cells by the exercise that they stand before."""
    cells = []

    def add(kind, text, *names):
        metadata = {"tags": list(names)} if names and tags else {}
        code = {"outputs": list(outputs), "execution_count": None} if kind == "code" else {}
        cells.append({"cell_type": kind, "source": text, "metadata": metadata, **code})

    add("markdown", "# A small notebook")
    add("code", SETUP)
    for label, answer in answers.items():
        add("markdown", f"Some text.\n\n### Exercise {label}: more of it ★★☆\n\nWrite it.")
        if extra and label in extra:
            add("code", extra[label])
        add("code", answer, "exercise")
        add("code", checks[label], "checkpoint")
        if hints:
            add("code", f'hint("{label}")', "hint", "remove-cell")
    add("code", LAST)
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})


@pytest.fixture(scope="session")
def small_course(tmp_path_factory):
    """The folder of the small course."""
    folder = tmp_path_factory.mktemp("small-course")
    (folder / "solutions").mkdir()
    (folder / "01_small.ipynb").write_text(notebook(BLANKS))
    (folder / "solutions" / "01_small.ipynb").write_text(notebook(SOLUTIONS, hints=False))
    return folder


@pytest.fixture
def hand_in(tmp_path):
    """Write a submission: `hand_in("ann", text)`; `hand_in.folder` is where they are."""

    def write(student, text, name="01_small.ipynb"):
        file = tmp_path / "submissions" / student / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    write.folder = tmp_path / "submissions"
    return write
