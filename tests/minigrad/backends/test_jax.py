"""What is different on JAX: every function is traced, compiled and mapped over; 32 bits unless it is told otherwise.

An operation that is called by itself is compiled for each shape by itself, which takes most of the time of a test. So
the table of all functions is traced and compiled as whole programs, a dozen cases each, and called by itself in part.
JAX's own derivatives are the oracle: of the values of our functions alone, and none of our linear maps.
"""

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from curveball import SGD, Adam, CurveBall
from minigrad import nn, tree_flatten
from minigrad.backends import backend_for, backend_of
from minigrad.memory import copied, own
from problems import network
from tests.conftest import jax_bits
from tests.minigrad.ops.test_derivatives import cast, sine_of_all
from tests.support.cases import CASES

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp = jax.numpy

SHAPES_FROM_NUMBERS = {  # of these, XLA would have to know the numbers
    "take-getitem-mask", "take-getitem-row-mask", "repeat-counts", "index_update-mask", "index_add-mask",
}  # fmt: skip
TRACED = [case for case in CASES if case.name not in SHAPES_FROM_NUMBERS]
SIZE = 12
PARTS = [TRACED[k : k + SIZE] for k in range(0, len(TRACED), SIZE)]


@pytest.fixture
def bits_64():
    with jax_bits(64):
        yield


def same(found, expected, tolerance=1e-9):
    """The numbers and dtypes of NumPy, and no dtype that another operation could change."""
    ours, numpys = tree_flatten(found)[0], tree_flatten(expected)[0]
    assert len(ours) == len(numpys)
    for a, b in zip(ours, numpys, strict=True):
        assert isinstance(a, jax.Array)
        assert a.dtype == b.dtype
        assert not a.weak_type
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# ------------------------------------------------------------------------------------- the table of all functions


def derivatives(f, args):
    """Outputs, a push, a pull, and the product with a Hessian of all entries."""
    y, J = mg.linearize(f, *args)
    return [y, J(*args), J.T(y), mg.jvp(mg.grad(sine_of_all(f), tuple(range(len(args)))), args, args)]


def jaxs_own(f, args):
    y, pull = jax.vjp(f, *args)
    x_bar = pull(y)
    return [y, x_bar[0] if len(args) == 1 else x_bar]


def named(case, f):
    try:
        return f(case.f, case.args)
    except Exception as error:
        error.add_note(f"case {case.name}")
        raise


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part[0].name)
def test_derivatives_in_a_program_are_numpys_and_jaxs_own(part, bits_64):
    """To second order with NumPy's, to first order with those that JAX takes of our functions."""

    def program(arguments):
        ours = [named(case, lambda f, _, a=a: derivatives(f, a)) for case, a in zip(part, arguments, strict=True)]
        return ours, [named(case, lambda f, _, a=a: jaxs_own(f, a)) for case, a in zip(part, arguments, strict=True)]

    ours, jaxs = jax.jit(program)([cast(case.args, "float64", jnp) for case in part])
    for case, found, own_way in zip(part, ours, jaxs, strict=True):
        named(case, lambda f, args, a=found: same(a, derivatives(f, args)))
        named(case, lambda f, args, a=found, b=own_way: same([a[0], a[2]], b))
