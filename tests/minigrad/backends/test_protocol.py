"""What every file of minigrad/backends promises: transposes are transposes, values are NumPy's, results stay there."""

import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
import scipy.special

import minigrad as mg
from minigrad.backends import Backend, backend_for, backend_of, numpy_namespace, transposed_pads, window_count
from minigrad.backends import patches as patches_file
from minigrad.backends import registry as registry_file
from minigrad.backends.standard import Standard
from tests.conftest import LIBRARIES, in_one_program

NUMPY = backend_for(numpy_namespace)
GEOMETRIES = {  # size, window, stride, pads, dilation
    "plain": ((5, 4), (3, 2), (1, 1), ((0, 0), (0, 0)), (1, 1)),
    "stride": ((6, 7), (3, 3), (2, 3), ((1, 1), (0, 2)), (1, 1)),
    "leaves-rest": ((7, 7), (2, 2), (3, 3), ((0, 0), (0, 0)), (1, 1)),
    "dilation": ((3, 4), (3, 2), (1, 1), ((2, 1), (0, 1)), (2, 3)),
    "both": ((4, 3), (2, 3), (2, 3), ((1, 2), (2, 2)), (3, 2)),
    "crops": ((5, 6), (2, 2), (1, 2), ((-1, 0), (1, -2)), (1, 1)),
    "crops-between": ((5, 5), (2, 3), (1, 1), ((-1, -2), (-3, 1)), (2, 2)),
    "large": ((8, 7), (6, 6), (2, 1), ((2, 1), (0, 1)), (1, 1)),
    "wide-padding": ((2, 2), (2, 3), (2, 1), ((3, 3), (4, 2)), (1, 1)),
}
GEOMETRY = pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
POOLS = pytest.mark.parametrize("geometry", [g for g in GEOMETRIES.values() if g[4] == (1, 1)])
IMAGES = pytest.mark.parametrize("images", [0, 1, 3])


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def dot(a, b):
    assert a.shape == b.shape
    return float(np.sum(mg.to_numpy(a) * mg.to_numpy(b)))


def near(found, expected, kind):
    """The numbers of NumPy, as arrays of the other library."""
    assert type(found) is kind
    assert found.shape == expected.shape
    np.testing.assert_allclose(mg.to_numpy(found), expected, rtol=1e-12, atol=1e-12)


def counts(geometry):
    size, window, stride, pads, dilation = geometry
    return tuple(window_count(*axis) for axis in zip(size, window, stride, pads, dilation, strict=True))


# ------------------------------------------------------------------------------------- images


@GEOMETRY
@IMAGES
def test_convolution_and_its_transposes(geometry, images, backend):
    size, window, stride, pads, dilation = geometry
    x, k, b = draw(images, *size, 2), draw(*window, 2, 3, seed=1), draw(3, seed=2)
    c = draw(images, *counts(geometry), 3, seed=3)
    back = tuple(transposed_pads(*axis) for axis in zip(size, window, stride, pads, dilation, strict=True))
    turned = np.ascontiguousarray(np.flip(k, (0, 1)).swapaxes(2, 3))
    there = backend_for(backend)
    expected = None
    for library in (NUMPY, there):
        ours = [library.from_host(a) for a in (x, k, b, c, turned)]
        y = library.conv2d(ours[0], ours[1], stride, pads, dilation)
        k_bar = library.conv2d_kernel(ours[0], ours[3], window, stride, pads, dilation)
        x_bar = library.conv2d(ours[3], ours[4], dilation, back, stride)
        biased = library.conv2d(ours[0], ours[1], stride, pads, dilation, ours[2])
        np.testing.assert_allclose(dot(y, ours[3]), dot(ours[1], k_bar), atol=1e-11)
        np.testing.assert_allclose(dot(y, ours[3]), dot(ours[0], x_bar), atol=1e-11)
        np.testing.assert_allclose(mg.to_numpy(biased), mg.to_numpy(y) + b, atol=1e-12)
        if expected is None:
            expected = [y, k_bar, x_bar]
    for found, want in zip([y, k_bar, x_bar], expected, strict=True):
        near(found, want, type(ours[0]))


@GEOMETRY
@IMAGES
def test_the_push_of_a_convolution_is_two_convolutions(geometry, images, backend):
    size, window, *rest = geometry
    x, x_dot = draw(images, *size, 2), draw(images, *size, 2, seed=4)
    k, k_dot, b = draw(*window, 2, 3, seed=1), draw(*window, 2, 3, seed=5), draw(3, seed=2)
    expected = NUMPY.conv2d(x_dot, k, *rest) + NUMPY.conv2d(x, k_dot, *rest)
    for library in (NUMPY, backend_for(backend)):
        ours = [library.from_host(a) for a in (x_dot, k, x, k_dot)]
        near(library.conv2d_push(*ours, *rest), expected, type(ours[0]))
        near(library.conv2d_push(*ours, *rest, library.from_host(b)), expected + b, type(ours[0]))


@GEOMETRY
@pytest.mark.parametrize("images", [0, 1, 7])
@pytest.mark.parametrize("part_bytes", [1, 1 << 12, 1 << 30])
def test_strips_give_what_whole_windows_give(geometry, images, part_bytes, monkeypatch):
    size, window, stride, pads, dilation = geometry
    x, x_dot, c = draw(images, *size, 3), draw(images, *size, 3, seed=4), draw(images, *counts(geometry), 2, seed=3)
    k, k_dot, b = draw(*window, 3, 2, seed=1), draw(*window, 3, 2, seed=5), draw(2, seed=2)
    monkeypatch.setattr(type(NUMPY), "part_bytes", part_bytes)
    monkeypatch.setattr(patches_file, "NARROW", 1)

    def all_three():
        yield NUMPY.conv2d(x, k, stride, pads, dilation, b)
        yield NUMPY.conv2d_push(x_dot, k, x, k_dot, stride, pads, dilation, b)
        yield NUMPY.conv2d_kernel(x, c, window, stride, pads, dilation)

    with_strips = list(all_three())
    used = patches_file.Patches(NUMPY, x, window, stride, pads, dilation, 2).strips
    assert used == (stride[0] == 1 and np.prod(counts(geometry)) >= 3)
    monkeypatch.setattr(type(NUMPY), "strips", False)
    for found, expected in zip(with_strips, all_three(), strict=True):
        near(found, expected, np.ndarray)


@POOLS
@IMAGES
def test_sums_of_windows_and_their_transpose(geometry, images, backend):
    size, *rest, _ = geometry
    x, c = draw(images, *size, 2), draw(images, *counts(geometry), 2, seed=1)
    expected = [NUMPY.window_sum(x, *rest), NUMPY.window_sum_transpose(c, *rest, size)]
    there = backend_for(backend)
    x_there, c_there = there.from_host(x), there.from_host(c)
    found = [there.window_sum(x_there, *rest), there.window_sum_transpose(c_there, *rest, size)]
    for a, b in zip(found, expected, strict=True):
        near(a, b, type(x_there))
    np.testing.assert_allclose(dot(expected[0], c), dot(x, expected[1]), atol=1e-12)
    np.testing.assert_allclose(dot(found[0], c_there), dot(x_there, found[1]), atol=1e-12)


PADS = {"none": ((0, 0), (0, 0)), "some": ((1, 1), (0, 1)), "crops": ((-1, 0), (1, -1))}


@pytest.mark.parametrize(("pads", "images"), [("none", 3), ("some", 0), ("some", 1), ("some", 3), ("crops", 3)])
@pytest.mark.parametrize("window", [(3, 2), (6, 6)])
def test_maxima_of_windows_and_their_places(window, pads, images, backend):
    geometry = window, (2, 1), PADS[pads]
    x = np.round(draw(images, 7, 6, 2))  # some are equal
    x[:, 0, 0, 0] = np.nan
    x[:, 3:, 2:, 1] = -np.inf
    number = np.arange(1.0 * x.size).reshape(x.shape)  # of an entry: a place, however the library writes it
    expected = NUMPY.window_max(x, *geometry)
    places = NUMPY.window_argmax(x, expected, *geometry)
    there = backend_for(backend)

    def maxima_and_their_numbers(x, number):
        y = there.window_max(x, *geometry)
        return y, there.window_pick(number, there.window_argmax(x, y, *geometry), *geometry)

    x_there = there.from_host(x)
    y, found_there = in_one_program(maxima_and_their_numbers, backend)(x_there, there.from_host(number))
    near(y, expected, type(x_there))
    found = mg.to_numpy(found_there).astype(int)
    known = np.isfinite(expected)
    np.testing.assert_array_equal(found[known], places[known])
    np.testing.assert_array_equal(x.reshape(-1)[found[known]], expected[known])


@pytest.mark.parametrize("window", [(3, 2), (6, 6)])
@pytest.mark.parametrize("stride", [(2, 1), (3, 4)])
def test_entries_at_the_places_of_maxima(window, stride, backend):
    """Picked from tangents, and cotangents put back there, where windows overlap and where they leave gaps."""
    geometry = window, stride, ((1, 1), (0, 1))
    x, t = np.round(draw(2, 7, 5, 2)), draw(2, 7, 5, 2, seed=1)
    y = NUMPY.window_max(x, *geometry)
    places, c = NUMPY.window_argmax(x, y, *geometry), draw(*y.shape, seed=2)
    there = backend_for(backend)
    x_there, t_there, c_there = there.from_host(x), there.from_host(t), there.from_host(c)

    def pick_and_put(x, t, c):
        places = there.window_argmax(x, there.window_max(x, *geometry), *geometry)
        return there.window_pick(t, places, *geometry), there.window_put(c, places, x.shape, *geometry)

    picked, put = in_one_program(pick_and_put, backend)(x_there, t_there, c_there)
    near(picked, t.reshape(-1)[places], type(x_there))
    expected = np.zeros(x.size)
    np.add.at(expected, places.reshape(-1), c.reshape(-1))
    near(put, expected.reshape(x.shape), type(x_there))
    np.testing.assert_allclose(dot(picked, c_there), dot(t_there, put), atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_slope_of_relu(dtype, backend):
    y = np.array([0.0, 2.0, np.inf, 1e-30, np.nan], dtype)
    there = backend_for(backend)
    for library in (NUMPY, there):
        slope = library.relu_slope(library.from_host(y))
        np.testing.assert_array_equal(mg.to_numpy(slope), np.array([0.0, 1.0, 1.0, 1.0, 0.0], dtype))
        assert mg.to_numpy(slope).dtype == dtype


# ------------------------------------------------------------------------------------- indices


INDICES = {
    "repeats": ((5,), lambda a: a([0, 3, 3, -1, 3])),
    "table": ((6,), lambda a: a([[0, 5], [5, 5], [2, 0]])),
    "none-named": ((4,), lambda a: a([], int)),
    "one": ((1,), lambda a: a([0, 0])),
    "two-arrays": ((3, 4), lambda a: (a([0, 2, 2, 2]), a([1, 3, 3, -1]))),
    "slices": ((3, 4), lambda a: (slice(1, None), slice(None, None, 2))),
    "backwards": ((5, 4), lambda a: (slice(None, None, -2), slice(2, None, -1))),
    "backwards-last": ((3, 2, 4), lambda a: (..., slice(-1, 0, -3))),
    "integer": ((3, 4), lambda a: (1, ...)),
    "new-axis": ((3, 4), lambda a: (None, slice(0, 2), None, 3)),
    "mask": ((4,), lambda a: a([True, False, True, True], bool)),
}  # fmt: skip
INDEX = pytest.mark.parametrize(("shape", "index"), INDICES.values(), ids=INDICES)


def indices(index, xp):
    return index(lambda values, dtype=int: xp.asarray(values, dtype=xp.bool if dtype is bool else xp.int64))


@INDEX
def test_scatter_is_the_transpose_of_gather(shape, index, backend):
    x, there = draw(*shape), backend_for(backend)
    here_index, there_index = indices(index, numpy_namespace), indices(index, backend)
    c = draw(*x[here_index].shape, seed=1)
    added = np.zeros(shape)
    np.add.at(added, here_index, c)
    x_there, c_there = there.from_host(x), there.from_host(c)
    near(NUMPY.scatter_add(c, here_index, shape), added, np.ndarray)
    near(there.scatter_add(c_there, there_index, shape), added, type(x_there))
    near(there.gather(x_there, there_index), x[here_index], type(x_there))
    np.testing.assert_allclose(dot(there.gather(x_there, there_index), c_there), dot(x, added), rtol=1e-12)


@INDEX
def test_the_last_of_several_counts(shape, index, backend):
    here_index, there_index = indices(index, numpy_namespace), indices(index, backend)
    part = np.empty(shape)[here_index].shape
    order = np.arange(np.prod(part, dtype=int)).reshape(part)
    expected = np.full(shape, -1)
    for k, place in enumerate(np.arange(expected.size).reshape(shape)[here_index].reshape(-1)):
        expected.reshape(-1)[place] = k
    there = backend_for(backend)
    for library, its_index in ((NUMPY, here_index), (there, there_index)):
        found = library.scatter_last(library.from_host(order), its_index, shape)
        np.testing.assert_array_equal(mg.to_numpy(found), expected)


def test_many_places_named_often(backend):
    rng = np.random.default_rng(0)
    index, values = rng.integers(0, 50, 1000), rng.normal(size=1000)
    values[index == 7] = np.inf  # stays where it is
    expected = np.zeros(60)
    np.add.at(expected, index, values)
    there = backend_for(backend)
    found = mg.to_numpy(there.scatter_add(there.from_host(values), there.from_host(index), (60,)))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert np.isinf(found).sum() == 1


# ------------------------------------------------------------------------------------- elementwise, products, memory


def test_functions_that_libraries_lack(backend):
    there = backend_for(backend)
    x, y = draw(2, 3), draw(3, seed=1)
    a, b = draw(3, 3) + 3.0 * np.eye(3), draw(2, 3, 2)
    table = draw(40_000, 2)
    signed = np.array([-2.0, -0.0, 0.0, 3.0, np.inf, np.nan])
    for library, kind in ((NUMPY, np.ndarray), (there, type(there.from_host(x)))):
        put = library.from_host
        near(library.erf(put(x)), scipy.special.erf(x), kind)
        near(library.sign(put(signed)), np.sign(signed), kind)
        for axis, keepdims in (((0,), False), ((0,), True), (None, False), (1, False)):
            total = library.sum(put(table), axis, keepdims)
            np.testing.assert_allclose(mg.to_numpy(total), np.sum(table, axis=axis, keepdims=keepdims), atol=1e-9)
        near(library.vecdot(put(x), put(y)), x @ y, kind)
        near(library.solve(put(a), put(b)), np.linalg.solve(a, b), kind)
        near(library.fused(lambda p, k, q: p + k * q)(put(x), 0.5, put(x)), 1.5 * x, kind)
        assert type(library.to_host(put(x))) is np.ndarray


def test_vecdot_is_the_backends(monkeypatch):
    """Inner products of plain vectors, of which each step of a solver has several, make no product array."""
    x, y = draw(1000), draw(1000, seed=1)
    calls = []
    monkeypatch.setattr(NUMPY, "vecdot", lambda *args, f=NUMPY.vecdot: calls.append(args) or f(*args))
    assert mg.vecdot(x, y) == np.vecdot(x, y)
    assert len(calls) == 1
    third = mg.grad(lambda t: mg.grad(lambda t: mg.grad(lambda t: mg.vecdot(t * t * x, t * y))(t)[0])(t)[0])(
        np.ones(1000)
    )
    np.testing.assert_allclose(third[0], 6.0 * x[0] * y[0])


# ------------------------------------------------------------------------------------- which file


def test_the_standards_operations_have_every_function_of_the_protocol():
    functions = {name for name in vars(Backend) if not name.startswith("_")}
    assert {"conv2d", "window_argmax", "scatter_add", "to_host"} <= functions
    assert functions <= set(vars(Standard))


def test_every_file_is_found_by_the_name_of_its_library():
    assert {"cupy", "numpy"} <= set(LIBRARIES)
    assert type(NUMPY).__module__ == "minigrad.backends.numpy"
    assert all(issubclass(registry_file._library(name), Standard) for name in LIBRARIES)


@pytest.mark.parametrize("name", ["unheard_of", "unheard.of", "windows", "protocol"])
def test_a_library_without_a_file_has_the_standards_operations(name):
    assert type(backend_for(ModuleType(name))) is Standard


def test_arrays_know_their_backend(backend):
    x = backend.ones(2)
    assert backend_of(x) is backend_of(x, 2.0, x) is backend_for(backend)
    assert backend_of(1.0) is backend_of(np.float32(1.0)) is backend_of(np.ones(1), 2) is NUMPY
    with pytest.raises(TypeError, match="arrays of two backends meet"):
        backend_of(x, np.ones(2))
    with pytest.raises(TypeError, match="expected an array or a Python number, got str"):
        backend_of("x")


def test_libraries_are_imported_when_an_array_of_theirs_is_met():
    code = (
        "import sys, minigrad as mg; mg.zeros(2); sys.exit(' '.join({'cupy', 'torch', 'jax'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_to_numpy_takes_numbers_and_lists():
    assert mg.to_numpy(2.0).shape == ()
    assert mg.to_numpy([1.0, 2.0]).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("xp", ["torch", ModuleType("jax")])
def test_what_is_no_array_library_gets_no_arrays(xp):
    with pytest.raises(TypeError, match=r"xp must be an array library, as torch, jax.numpy or namespace"):
        mg.from_numpy(np.ones(2), xp)
