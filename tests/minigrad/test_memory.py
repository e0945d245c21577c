"""What saves memory changes no result: sums in place, and tangents that are dropped after their last use."""

import tracemalloc

import numpy as np
import pytest

import minigrad as mg
from minigrad.backends import backend_for
from minigrad.linear_maps import IDENTITY
from minigrad.memory import IN_PLACE, add_to, last_reads

LARGE = IN_PLACE


def test_sums_in_place_change_large_arrays_of_their_own_only():
    large, small = np.ones(LARGE), np.ones(4)
    assert add_to(large, large, keep=None) is large
    assert large[0] == 2.0
    assert add_to(large, large, keep=large) is not large
    assert add_to(small, small, keep=None) is not small
    assert add_to(large[:], large, keep=None) is not large  # a view: somebody holds what it looks at
    np.testing.assert_array_equal(large, 2.0)
    single = np.ones(LARGE, np.float32)
    assert add_to(single, large, keep=None).dtype == np.float64
    assert add_to(single, single[::-1], keep=None) is single


@pytest.mark.parametrize("size", [3, LARGE])
def test_sums_of_other_libraries(backend, size):
    x = backend_for(backend).from_host(np.ones(size))
    y = add_to(x, x + 1.0, keep=x)
    assert type(y) is type(x)
    np.testing.assert_array_equal(mg.to_numpy(y), 3.0)
    np.testing.assert_array_equal(mg.to_numpy(x), 1.0)


@pytest.mark.parametrize("f", [
    lambda x: x + x,  # both maps return the tangent itself
    lambda x: x - x[::-1],  # the first is the tangent itself
    lambda x: mg.reshape(x, (2, -1)) + mg.reshape(x[::-1], (2, -1)),  # the first is a view of it
    lambda x: mg.sin(x) + mg.cos(x) + x,
    lambda x: mg.concat([x, 2.0 * x, x]),
    lambda x: mg.index_update(x, slice(1, None), x[:-1]),
])  # fmt: skip
@pytest.mark.parametrize("size", [4, 2 * LARGE])
def test_pushes_leave_their_tangents_alone(f, size):
    rng = np.random.default_rng(3)
    x, v = rng.normal(size=size), rng.normal(size=size)
    _, J = mg.linearize(f, x)
    kept, first = v.copy(), J(v)
    second = J(v)
    np.testing.assert_array_equal(v, kept)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, mg.jvp(f, (x,), (v,))[1], rtol=1e-14, atol=1e-14)


def test_the_outputs_outlive_their_last_reader():
    def f(x):
        y = mg.sin(x)
        return {"before": y, "after": mg.exp(y), "input": x}

    J_v = mg.linearize(f, np.array([0.3]))[1](np.array([1.0]))
    np.testing.assert_allclose(J_v["before"], np.cos(0.3))
    np.testing.assert_allclose(J_v["after"], np.exp(np.sin(0.3)) * np.cos(0.3))
    np.testing.assert_allclose(J_v["input"], 1.0)


def test_last_reads_of_a_tape_with_dead_ends():
    rows = [[], [], [(0, IDENTITY)], [(0, IDENTITY), (2, IDENTITY)], [(2, IDENTITY)], [(3, IDENTITY)]]
    assert last_reads(rows, [5, None, 0]) == [[], [], [], [], [2], [3]]


def test_a_long_chain_holds_a_few_tangents_at_a_time():

    x = np.zeros(1 << 15)

    def chain(x):
        for _ in range(64):
            x = mg.sin(x)
        return x

    _, J = mg.linearize(chain, x)
    tracemalloc.start()
    J(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * x.nbytes
