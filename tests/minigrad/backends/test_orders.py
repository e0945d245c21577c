"""Every differentiable operation of the protocol, on every library, to third order.

The oracle is in tests/support/protocol_cases.py: definitions in plain NumPy, differentiated by Cauchy's integrals.
"""

import contextlib

import numpy as np
import pytest

import minigrad as mg
from minigrad.backends import Backend, backend_for, numpy_namespace
from tests.conftest import BACKENDS, namespace_of
from tests.support.protocol_cases import OPERATIONS


def orders(f, args, v, w, u, every_way=True):
    """Derivatives of `F = sin(f)` and of the number `<u, F>` along `v` and `w`: pushed, and pulled.

    `every_way`: also forward over forward, reverse over reverse, and the third order of the first.
    """

    def F(*x):
        return mg.sin(f(*x))

    def gradient(*x):
        return mg.vjp(F, *x)[1](u)

    def product(*x):  # of the Hessian and w: forward over reverse
        return mg.jvp(gradient, x, w)[1]

    _, J = mg.linearize(F, *args)
    Hw, T = mg.linearize(product, *args)
    transposed = tuple(w) if len(w) > 1 else w[0]
    values = {"": f(*args), "v": J(*v)}
    gradients = {"": J.T(u), "w": Hw, "wv": T(*v), "ww": T.T(transposed)}
    if every_way:
        second, D = mg.linearize(lambda *x: mg.jvp(lambda *x: mg.jvp(F, x, v)[1], x, w)[1], *args)
        values |= {"vw": second, "vwv": D(*v)}
        gradients |= {"vw": D.T(u), "w again": mg.linearize(gradient, *args)[1].T(transposed)}
    return values, gradients
