"""Backends: where the tests' arrays live. Every test that asks for `backend` runs on all there are."""

import contextlib
import importlib
import pkgutil

import pytest

import minigrad as mg
from minigrad import backends
from tests.support import cupy_double
from tests.support.data_files import _running_server, cache, clothes, server, tiny  # noqa: F401  (fixtures)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz", type=int, default=0, metavar="N", help="test_fuzz.py: run N new random programs")
    parser.addoption("--fuzz-seed", type=int, metavar="SEED", help="test_fuzz.py: the seed of those programs")


def _let_variables_answer(array_type, monkeypatch):
    """Python lets the right operand answer where the left does not know it; array-api-strict raises instead."""
    check = array_type._check_type_device
    monkeypatch.setattr(
        array_type,
        "_check_type_device",
        lambda self, other: None if isinstance(other, mg.Variable) else check(self, other),
    )


# The libraries that have a file in minigrad/backends, and array-api-strict for those that have none.
LIBRARIES = sorted(
    name
    for _, name, _ in pkgutil.iter_modules(backends.__path__)
    if hasattr(importlib.import_module(f"minigrad.backends.{name}"), "Library")
)
OTHERS = [name for name in LIBRARIES if name not in ("numpy", "cupy")]


BACKENDS = ["array_api_strict", "cupy_double", pytest.param("cupy", marks=pytest.mark.gpu), *OTHERS]


@pytest.fixture(params=BACKENDS)
def backend(request, monkeypatch):
    """An array library other than NumPy, as a namespace."""
    if request.param == "cupy":
        yield real_cupy()
    elif request.param == "cupy_double":
        with cupy_double.installed() as namespace:
            yield namespace
    elif request.param in (*OTHERS, "numpy", "dask"):
        pytest.importorskip(request.param, reason=f"{request.param} is not installed")
        with jax_bits(64) if request.param == "jax" else contextlib.nullcontext():
            yield namespace_of(request.param)
    else:
        strict = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")
        _let_variables_answer(type(strict.asarray(0.0)), monkeypatch)
        yield strict


@contextlib.contextmanager
def jax_bits(bits):
    """JAX with numbers of 64 bits, or of 32, which is its default; compiled quickly rather than well."""
    import jax

    options = {"jax_enable_x64": bits == 64, "jax_disable_most_optimizations": True}
    before = {name: jax.config.read(name) for name in options}
    for name, value in options.items():
        jax.config.update(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


def in_one_program(function, backend):
    """The function, compiled as a whole on JAX, which else compiles each operation for itself and for each shape."""
    return mg.compiled(function, backend) if backend.__name__ == "jax.numpy" else function


def namespace_of(library):
    """The namespace of a library that is installed: `array_api_strict`, `array_api_compat.dask.array`, `jax.numpy`.

    It is itself, or one of its modules, as it is or as array-api-compat completes it.
    """
    for name in (library, f"{library}.array", f"{library}.numpy"):
        for full in (f"array_api_compat.{name}", name):
            try:
                module = importlib.import_module(full)
            except ModuleNotFoundError:
                continue
            if hasattr(module, "asarray"):
                return module
    raise ValueError(f"{library} has no functions of the array API standard")


def real_cupy():
    """CuPy as a namespace, or a skip that says what is missing."""
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    if not cupy.is_available():
        pytest.skip("no CUDA device")
    return importlib.import_module("array_api_compat.cupy")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skip without a reason fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    for report in reporter.stats.get("skipped", []) if reporter else []:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if reason.removeprefix("Skipped").removeprefix(": ").strip() in ("", "unconditional skip"):
            reporter.write_line(f"skipped without a reason: {report.nodeid}", red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(params=["cupy_double", pytest.param("cupy", marks=pytest.mark.gpu)])
def gpu(request):
    """CuPy's double, then CuPy: as a namespace."""
    if request.param == "cupy":
        yield real_cupy()
    else:
        with cupy_double.installed() as xp:
            yield xp


@pytest.fixture
def double():
    with cupy_double.installed() as xp:
        yield xp
