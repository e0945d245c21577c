"""Operations whose maps are applied at once: the same results as one by one, for arrays and for variables."""

import platform
import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.backends.threads import call_all
from minigrad.linear_maps import Together

RNG = np.random.default_rng(5)
A, B, T, U = RNG.normal(size=(4, 3))


def product(at_once):
    """`a b`, whose two maps are also known as one; it notes each use of that one."""
    used = []

    def together(which, y, a, b):
        if which != (0, 1) or not at_once:
            return None
        return mg.Linear(
            lambda s, t: used.append("push") or b * s + a * t, lambda c: used.append("pull") or (b * c, a * c)
        )

    @mg.primitive(lambda y, a, b: mg.Scale(b), lambda y, a, b: mg.Scale(a), together=together)
    def multiply(a, b):
        return a * b

    return multiply, used


def everything(multiply):
    """Both sweeps, and derivatives of the sweeps in the point and in what they sweep."""

    def cube(a, b):
        return mg.sum(multiply(multiply(a, b), a))

    y, J = mg.linearize(multiply, A, B)
    gradient = mg.grad(cube, (0, 1))
    return mg.tree_flatten(
        [
            y, J(T, U), J.T(T), mg.jvp(multiply, (A, B), (T, U)),
            mg.linearize(lambda t: J(t, mg.sin(t)), T)[1](U),
            mg.linearize(lambda c: J.T(mg.sin(c)), T)[1](U),
            gradient(A, B), mg.jvp(gradient, (A, B), (T, U)),
            mg.jvp(lambda a, b: mg.jvp(gradient, (a, b), (U, T))[1], (A, B), (T, U)),
        ]
    )[0]  # fmt: skip


def test_the_same_results_at_every_order():
    (at_once, used), (one_by_one, unused) = product(True), product(False)
    for found, expected in zip(everything(at_once), everything(one_by_one), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert {"push", "pull"} <= set(used)
    assert unused == []


def test_it_is_used_for_plain_arrays_alone():
    multiply, used = product(True)
    _, J = mg.linearize(multiply, A, B)
    J(T, U)
    assert used == ["push"]
    _, J2 = mg.linearize(lambda t: J(t, U), T)
    assert used == ["push"]  # its tangent was a variable
    J2(T)
    J.T(T)
    assert used == ["push", "pull"]
    mg.linearize(lambda a: multiply(a, B), A)[1](T)  # one argument is a constant
    assert used == ["push", "pull"]
    assert Together([], mg.Identity()).at_once(2.0) == 2.0


@pytest.mark.parametrize("constant", [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2)])
def test_convolution_with_constants(constant):
    x, w, b = RNG.normal(size=(2, 5, 4, 3)), RNG.normal(size=(3, 2, 3, 2)), RNG.normal(size=2)
    args = (x, w, b)
    active = [k for k in range(3) if k not in constant]

    def f(*some):
        full = list(args)
        for k, a in zip(active, some, strict=True):
            full[k] = a
        return nn.conv2d(full[0], full[1], 2, 1, bias=full[2])

    tangents = [RNG.normal(size=args[k].shape) for k in active]
    y, J = mg.linearize(f, *(args[k] for k in active))
    y_dot, y_bar = J(*tangents), RNG.normal(size=y.shape)
    parts = {0: nn.conv2d(tangents[0], w, 2, 1) if 0 in active else 0.0}
    rest = dict(zip(active, tangents, strict=True))
    expected = parts[0] + (nn.conv2d(x, rest[1], 2, 1) if 1 in active else 0.0) + rest.get(2, 0.0)
    np.testing.assert_allclose(y_dot, np.broadcast_to(expected, y.shape), rtol=1e-12, atol=1e-13)
    x_bars = J.T(y_bar) if len(active) > 1 else (J.T(y_bar),)
    inner = sum(np.sum(t * bar) for t, bar in zip(tangents, x_bars, strict=True))
    np.testing.assert_allclose(np.sum(y_dot * y_bar), inner, rtol=1e-11)


def test_threads_have_the_callers_error_state():
    large = np.full(1000, 1e30, np.float32)
    with warnings.catch_warnings(), np.errstate(over="ignore"):
        warnings.simplefilter("error")
        assert all(call_all(lambda k: np.isinf(large * large).all(), [(k,) for k in range(32)]))


def test_freed_memory_is_kept():
    """Of a block that is freed and asked for again, no page has to be cleared again."""
    mg.keep_freed_memory()  # does nothing, and raises nothing, where the C library is another
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("the C library is not GNU's")
    import resource

    size = 1 << 26

    def faults():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.empty(size, np.uint8).fill(1)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults()
    assert min(faults() for _ in range(3)) < 50
