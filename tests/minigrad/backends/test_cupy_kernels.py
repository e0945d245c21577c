"""CuPy's own kernels: their text, run by its double without a GPU and by CuPy where there is one, and their number."""

import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.backends import backend_for
from minigrad.backends import numpy as numpy_file
from tests.support import cupy_double
from tests.support.cuda_text import INTEGERS, Program

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
HOST = numpy_file.Library(np)

# ------------------------------------------------------------------------------------- images

GEOMETRIES = {  # window, stride, pads, dilation
    "same": ((3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)),
    "pixels": ((1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1)),
    "pixels-strided": ((1, 1), (2, 2), ((0, 0), (0, 0)), (1, 1)),
    "odd": ((2, 3), (2, 1), ((0, 1), (2, 0)), (1, 1)),
    "stretched": ((3, 2), (1, 2), ((2, 1), (1, 1)), (2, 3)),
    "cropped": ((2, 2), (1, 1), ((-1, 1), (0, -2)), (1, 1)),
}
over_geometries = pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)


def images(shape=(3, 6, 7, 2), seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@over_geometries
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_convolutions_are_those_of_numpy(geometry, dtype, gpu):
    window, *rest = geometry
    x, w = images().astype(dtype), images((*window, 2, 4), 1).astype(dtype)
    y = HOST.conv2d(x, w, *rest)
    backend, tol = backend_for(gpu), 1e-5 if dtype == np.float32 else 1e-12
    found = backend.conv2d(gpu.asarray(x), gpu.asarray(w), *rest, bias=gpu.ones(4, dtype=dtype))
    np.testing.assert_allclose(found.get(), y + 1.0, rtol=tol, atol=tol)
    assert found.dtype == dtype
    found = backend.conv2d_kernel(gpu.asarray(x), gpu.asarray(y), window, *rest)
    np.testing.assert_allclose(found.get(), HOST.conv2d_kernel(x, y, window, *rest), rtol=10 * tol, atol=10 * tol)
    assert found.dtype == dtype
    assert not backend.is_view(found)  # so that nobody has to copy it


@over_geometries
def test_64_bits_find_the_same_places(geometry, gpu):
    """Where a batch has more places than 32 bits can count."""
    from minigrad.backends.cupy_images import _geometry

    backend, x = backend_for(gpu), gpu.asarray(images())
    numbers = _geometry(x.shape, *geometry)
    shape = (x.shape[0] * numbers[3] * numbers[4], geometry[0][0] * geometry[0][1] * x.shape[3])
    results = [kernel(x, *numbers, gpu.full(shape, 7.0)).get() for kernel in (backend._patches_32, backend._patches_64)]
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("name", ["same", "odd", "pixels-strided"])
@pytest.mark.parametrize("special", [None, np.nan, -np.inf])
def test_pools_are_those_of_numpy(name, special, gpu):
    geometry = GEOMETRIES[name][:3]
    x = images().round(0)  # with equal entries
    if special is not None:
        x[0, 1:5, 2:6, 1] = special
    backend, device = backend_for(gpu), gpu.asarray(x)
    y = HOST.window_max(x, *geometry)
    np.testing.assert_array_equal(backend.window_max(device, *geometry).get(), y)
    np.testing.assert_array_equal(backend.window_sum(device, *geometry).get(), HOST.window_sum(x, *geometry))
    c = images(y.shape, 2)
    found = backend.window_sum_transpose(gpu.asarray(c), *geometry, x.shape[1:3]).get()
    np.testing.assert_allclose(found, HOST.window_sum_transpose(c, *geometry, x.shape[1:3]), rtol=1e-12, atol=1e-12)
    places = backend.window_argmax(device, gpu.asarray(y), *geometry).get()
    assert places.min() >= 0
    assert places.max() < x.size
    known = np.isfinite(y)
    np.testing.assert_array_equal(places[known], HOST.window_argmax(x, y, *geometry)[known])  # the first of equal ones


# ------------------------------------------------------------------------------------- vectors in place of many leaves


def leaves(xp, dtype=np.float32):
    rng = np.random.default_rng(0)
    return [xp.asarray(rng.standard_normal(shape).astype(dtype)) for shape in ((2, 3), (), (4,), (1, 2, 2))]


def test_leaves_become_a_vector_once(gpu):
    tree = dict(zip("abcd", leaves(gpu), strict=True))
    doubled = mg.tree_elementwise(lambda x: 2.0 * x, tree)
    for key, x in tree.items():
        np.testing.assert_array_equal(doubled[key].get(), 2.0 * x.get())
    before = cupy_double.Launches.count
    vector = backend_for(gpu).packed(list(doubled.values()))
    assert cupy_double.Launches.count == before
    assert vector.shape == (15,)
    assert backend_for(gpu).packed(list(doubled.values())[1:]).shape == (9,)  # a part of it is another vector
    assert backend_for(gpu).packed([doubled["c"], doubled["a"], doubled["b"], doubled["d"]])[0] == doubled["c"][0]


def test_a_packed_copy_shares_nothing(gpu):
    packed = mg.tree_packed(leaves(gpu))
    copy = backend_for(gpu).packed(packed, copy=True)
    copy *= 2.0
    np.testing.assert_array_equal((copy / 2.0)[:6].get(), packed[0].get().ravel())
    _, J = mg.linearize(lambda w: w[0] * w[0], packed)
    packed[0] += 1.0  # the primals may change
    expected = 2.0 * leaves(np)[0]
    np.testing.assert_allclose(J([mg.ones_like(x) for x in packed]).get(), expected, rtol=1e-6)


def test_leaves_of_two_dtypes_stay_apart(gpu):
    mixed = [gpu.ones(2, dtype=np.float32), gpu.ones(2, dtype=np.float64)]
    assert backend_for(gpu).packed(mixed) is None
    found = mg.tree_elementwise(lambda x, y: x + y, mixed, mixed)
    assert [x.dtype for x in found] == [np.float32, np.float64]
    assert [x.get().tolist() for x in found] == [[2.0, 2.0]] * 2


def test_trees_of_two_structures(gpu):
    with pytest.raises(TypeError, match="tree_elementwise: a tree has another structure"):
        mg.tree_elementwise(lambda x, y: x + y, leaves(gpu), tuple(leaves(gpu)))


def test_fused_functions_may_ask_for_their_library(gpu):
    @mg.fused
    def clipped(xp, x, k):
        return xp.maximum(x, k), xp.where(x > k, x, 0.0)

    before = cupy_double.fuse.calls
    for x in (np.array([1.0, 3.0]), gpu.asarray(np.array([1.0, 3.0]))):
        first, second = clipped(x, 2.0)
        assert mg.to_numpy(first).tolist() == [2.0, 3.0]
        assert mg.to_numpy(second).tolist() == [0.0, 3.0]
    assert "double" not in type(x).__module__ or cupy_double.fuse.calls == before + 1


# ------------------------------------------------------------------------------------- how many launches


@pytest.mark.parametrize(("network", "solver", "most"), [
    ("basic", "curveball", 577), ("basic-bn", "curveball", 946), ("basic-bn", "sgd", 412), ("basic", "adam", 257),
])  # fmt: skip
def test_a_step_has_half_the_launches_of_single_operations(network, solver, most, monkeypatch):
    """`most` is what benchmarks/results/launches.md has under "before"."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    try:
        kinds, _ = __import__("launches").count(network, solver, batch=2)
    finally:
        for name in ("launches", "contenders"):
            sys.modules.pop(name, None)
    assert kinds.total() <= most / 2


# ------------------------------------------------------------------------------------- the double runs a kernel's text


def run(text, **names):
    names = {**INTEGERS, "T": np.float64, "y": np.zeros(4), "i": np.arange(4), **names}
    Program(text)(names)
    return np.broadcast_to(names["y"], 4).tolist()


def test_text_means_what_it_means_in_c():
    assert run("int k = i; int a = (k - 2) / 2 + (0 - 3) % 2; y = a;") == [-2.0, -1.0, -1.0, -1.0]
    text = "T total = T(0); for (int a = 1; a < n; ++a) { total += a * i; } y = total;"
    assert run(text, n=4) == [0.0, 6.0, 12.0, 18.0]
    assert run("bool odd = i % 2 == 1 && !(i > 2); y = odd ? -1.5 : 1 + 2 * 3;") == [7.0, -1.5, 7.0, 7.0]


def test_text_reads_only_what_is_there():
    x = np.array([5.0, 6.0, 7.0])
    assert run("y = i < 3 ? x[i] : T(0);", x=x) == [5.0, 6.0, 7.0, 0.0]
    with pytest.raises(IndexError, match="a kernel reads outside an array of 3 entries"):
        run("y = x[i];", x=x)
    with pytest.raises(SyntaxError, match="expected ;"):
        Program("y = 1 2;")


def test_the_double_checks_the_arguments_of_a_kernel(double):
    kernel = double.ElementwiseKernel("raw T x, int32 n", "T y", "y = x[i] + n;", "plus")
    x = double.ones(3)
    assert kernel(x, 2, double.empty(3)).get().tolist() == [3.0, 3.0, 3.0]
    with pytest.raises(TypeError, match="Wrong number of arguments for 'plus'"):
        kernel(x, double.empty(3))
    with pytest.raises(TypeError, match="Type is mismatched"):
        kernel(x, 2, double.empty(3, dtype=np.float32))
