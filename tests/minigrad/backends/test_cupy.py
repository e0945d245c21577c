"""What is different on CuPy: fused kernels, parts that fit, no threads, names that it lacks.

With CuPy's double everywhere. Where CuPy is installed, also without a GPU, its own arrays over the host's memory show
that variables answer their operators, and that fused functions keep float32: no kernel needs to run for that.
"""

import contextlib
import functools
import importlib
import operator
import re
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from curveball.solvers import adam
from curveball.solvers import tree_math as solver
from minigrad import nn, tree_flatten
from minigrad.backends import backend_for, backend_of, fuse
from minigrad.backends import cupy as cupy_file
from minigrad.backends import numpy as numpy_file
from tests.support import cupy_double

# ------------------------------------------------------------------------------------- fused kernels

FUSED = {
    "tree_add_scale": (solver._add_scale, "aka"),
    "tree_axpby": (solver._axpby, "kaka"),
    "adam, mean of squares": (adam._mean_of_squares, "kaka"),
    "adam, move": (adam._moved, "akakak"),
}
over_fused = pytest.mark.parametrize(("function", "kinds"), FUSED.values(), ids=FUSED)


def arguments(kinds, make, dtype=np.float32, number=float):
    rng = np.random.default_rng(0)
    return [make(rng.uniform(0.1, 1.0, (4, 3)).astype(dtype)) if kind == "a" else number(0.3) for kind in kinds]


@over_fused
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_kernel_that_gives_what_the_operations_give(function, kinds, dtype, gpu):
    expected = function(*arguments(kinds, np.asarray, dtype))
    for number in (float, lambda x: gpu.asarray(x, dtype=dtype)):
        found = function(*arguments(kinds, gpu.asarray, dtype, number))
        assert found.dtype == dtype
        tol = 1e-6 if dtype == np.float32 else 1e-14  # of numbers up to 1: a kernel multiplies and adds in one rounding
        np.testing.assert_allclose(mg.to_numpy(found), expected, rtol=tol, atol=tol)


def test_kernels_are_counted(double):
    x = double.ones(3)
    before = cupy_double.fuse.calls
    solver.tree_add_scale(x, 0.5, x)
    assert cupy_double.fuse.calls == before + 1
    token = fuse.set(False)
    solver.tree_add_scale(x, 0.5, x)
    fuse.reset(token)
    assert cupy_double.fuse.calls == before + 1
    solver.tree_add_scale(np.ones(3), 0.5, np.ones(3))  # not on a GPU
    mg.grad(lambda w: mg.sum(solver._add_scale(w, 0.5, x)))(x)  # not for variables
    assert cupy_double.fuse.calls == before + 1


def test_the_double_refuses_two_numbers_in_a_fused_function(double):
    x = double.ones(3)
    with pytest.raises(TypeError, match="two numbers in a fused function: CuPy would compute with them in float16"):
        mg.fused(lambda x, k: (1.0 - k) * x)(x, 0.5)
    with pytest.raises(NotImplementedError, match="sum in a fused function"):
        mg.fused(lambda x: double.sum(x))(x)


def test_training_uses_them(double):
    from curveball import CurveBall

    x = double.asarray(np.ones((4, 2), np.float32))
    w = double.asarray(np.ones((2, 3), np.float32))
    before = cupy_double.fuse.calls
    method = CurveBall()
    method.step(w, method.init(w), lambda w: x @ w, lambda y: mg.mean(y * y))
    assert cupy_double.fuse.calls >= before + 3


# ------------------------------------------------------------------------------------- parts that fit


def convolution(x, w):
    y, J = mg.linearize(lambda x, w: nn.max_pool2d(nn.conv2d(x, w, padding="same"), 3, 2, 1), x, w)
    return [y, J(x, w), J.T(y)]


def test_parts_of_a_batch_give_what_the_whole_gives(gpu, monkeypatch):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((5, 6, 7, 2)), rng.standard_normal((3, 3, 2, 4))
    expected = convolution(x, w)
    x, w = gpu.asarray(x), gpu.asarray(w)
    sizes = []
    for most in (1, 2 * 6 * 7 * 9 * 2 * 8, 1 << 30):  # one image at a time, two of the patches, all
        monkeypatch.setattr(cupy_file.Library, "most_bytes", most)
        sizes.append(backend_for(gpu).part_size(5, 6 * 7 * 9 * 2 * 8))
        for a, b in zip(tree_flatten(convolution(x, w))[0], tree_flatten(expected)[0], strict=True):
            np.testing.assert_allclose(mg.to_numpy(a), b, rtol=1e-11, atol=1e-12)
    assert sizes == [1, 2, 5]


@pytest.mark.parametrize("library", ["numpy", "cupy"])
def test_places_of_maxima_stay_inside_the_images(library, gpu):
    """A window of nothing but -inf equals the padding, too: CuPy would wrap such a place, NumPy refuse it."""
    xp = gpu if library == "cupy" else np
    x = xp.asarray(np.full((1, 1, 1, 2), -np.inf))
    y = nn.max_pool2d(x, 3, 1, padding=2)
    places = mg.to_numpy(backend_of(x).window_argmax(x, y, (3, 3), (1, 1), ((2, 2), (2, 2))))
    assert places.shape == (1, 3, 3, 2)
    assert ((places >= 0) & (places < 2)).all()


def test_parts_leave_room_on_a_small_gpu(double, monkeypatch):
    monkeypatch.setattr(cupy_file, "_device_bytes", lambda cuda, index: 800)
    assert backend_for(double).part_size(64, 20) == 5
    assert backend_for(double).part_size(64, 1000) == 1
    monkeypatch.setattr(cupy_file, "_device_bytes", lambda cuda, index: 1 << 40)
    assert backend_for(double).part_size(64, 1 << 26) == 16  # no more than 1 GiB


def test_the_memory_of_the_device_in_use_counts(double, monkeypatch):
    cupy_file._device_bytes.cache_clear()
    asked = []
    monkeypatch.setattr(cupy_double.Device, "mem_info", property(lambda self: (0, asked.append(self.id) or 8000)))
    double.cuda.Device(1).use()
    assert backend_for(double).part_size(64, 100) == 10
    backend_for(double).part_size(64, 100)
    assert asked == [1]
    cupy_file._device_bytes.cache_clear()


def test_no_threads_on_a_gpu(double, monkeypatch):
    monkeypatch.setattr(numpy_file, "call_all", None)
    monkeypatch.setattr(numpy_file.Library, "part_bytes", 1)
    convolution(double.ones((4, 8, 8, 2)), double.ones((3, 3, 2, 4)))


# ------------------------------------------------------------------------------------- what CuPy lacks


def test_sign_keeps_nan(gpu):
    x = np.array([-2.0, -0.0, 0.0, 3.0, np.inf, np.nan])
    np.testing.assert_array_equal(mg.to_numpy(mg.sign(gpu.asarray(x))), np.sign(x))


def asked_for():
    """All that the packages ask of an array library, as `xp.name` or `namespace(...).name`."""
    root = Path(mg.__file__).parent.parent
    names = {}
    for folder in ("minigrad", "problems", "curveball"):
        for path in sorted((root / folder).rglob("*.py")):
            text = path.read_text()
            for name in re.findall(
                r"(?:\bxp|self\.namespace|\bnamespace\([^()\n]*\))\.([a-z]\w*(?:\.[a-z]\w*)*)", text
            ):
                names.setdefault(name, path.name)
    return names


def missing_in(library):
    found = {}
    for name, path in asked_for().items():
        try:
            functools.reduce(getattr, name.split("."), library)
        except AttributeError:
            found[name] = path
    return found


def test_the_packages_ask_for_nothing_that_cupy_lacks(double):
    assert len(asked_for()) > 60
    assert missing_in(double) == {}


def host_array(cupy, array):
    """An array of CuPy; without a GPU over the memory of a host array: nothing runs on it, but it is one."""
    if cupy.is_available():
        return cupy.asarray(array)
    memory = cupy.cuda.UnownedMemory(array.ctypes.data, array.nbytes, array, 0)
    return cupy.ndarray(array.shape, array.dtype, memptr=cupy.cuda.MemoryPointer(memory, 0))


@pytest.fixture
def cupy():
    """CuPy, with a GPU or without."""
    return pytest.importorskip("cupy", reason="CuPy is not installed")


def test_cupy_has_what_is_asked_for_and_what_its_double_has(cupy):
    compat = importlib.import_module("array_api_compat.cupy")
    assert missing_in(compat) == {}
    assert [name for name in cupy_double.NAMES if not hasattr(cupy, name)] == []
    assert [name for name in cupy_double.LINALG if not hasattr(cupy.linalg, name)] == []
    assert not hasattr(cupy, "vecdot"), "CuPy has vecdot now: the double and its file's vecdot can do without their own"


STANDARD_NAMES = {
    "sub": "subtract", "mul": "multiply", "truediv": "divide", "mod": "remainder", "floordiv": "floor_divide",
    "lt": "less", "ge": "greater_equal", "eq": "equal",
}  # fmt: skip


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow", "mod", "floordiv", "matmul", "lt", "ge", "eq"])
def test_variables_answer_the_operators_of_cupy(name, cupy, monkeypatch):
    x = host_array(cupy, np.ones((2, 2)))
    seen = []
    function = STANDARD_NAMES.get(name, name)
    monkeypatch.setattr(mg, function, lambda *args: seen.append(args) or "answered")

    def use(v):
        assert getattr(operator, name)(x, v) == "answered"
        return v

    mg.linearize(use, np.ones((2, 2)))
    assert seen[0][0] is x


@over_fused
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["numbers", "0-d arrays"])
def test_fused_functions_keep_the_dtype_on_cupy(function, kinds, dtype, kind, cupy):
    """Fusing traces the function and writes the kernel before anything runs: its types can be read there."""
    number = (lambda x: host_array(cupy, np.asarray(x, dtype))) if kind == "0-d arrays" else float
    args = arguments(kinds, functools.partial(host_array, cupy), dtype, number)
    fusion = cupy.fuse(function.__wrapped__)
    with contextlib.nullcontext() if cupy.is_available() else pytest.raises(cupy.cuda.runtime.CUDARuntimeError):
        fusion(*args)
    ((kernel, _),) = fusion._memo.values()
    assert {p.dtype for p in kernel.out_params} == {np.dtype(dtype)}
    assert "float16" not in kernel.operation
    if dtype == np.float32:
        assert "double v" not in kernel.operation.replace("const double v", "")
