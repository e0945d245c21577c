"""Every differentiable operation of the protocol, on every library, to third order; and in float16.

The oracle is in tests/support/protocol_cases.py: definitions in plain NumPy, differentiated by Cauchy's integrals.
"""

import contextlib

import numpy as np
import pytest

import minigrad as mg
from minigrad.backends import Backend, backend_for, backend_name
from tests.conftest import BACKENDS
from tests.support.protocol_cases import OPERATIONS, Operation

EVERY_LIBRARY = pytest.mark.parametrize("backend", ["numpy", *BACKENDS, "dask"], indirect=True)
PARTS = [OPERATIONS[k : k + 10] for k in range(0, len(OPERATIONS), 10)]

WITHOUT_DERIVATIVE = {
    "at_hand", "check", "compiled", "copied", "dtype", "from_host", "fused", "is_view", "packed", "packs", "to_host",
    "xp",
}  # fmt: skip
LACKS = {"dask": {"window_max-empty": "takes no maxima of empty arrays"}}


def orders(f, args, v, w, u, every_way=True):
    """Derivatives of `F = sin(f)` along `v` and `w`, and gradients of the derivatives of `<u, F>`, by their directions.

    `every_way`: also forward over forward, reverse over reverse, and the gradient of the first.
    """

    def F(*x):
        return mg.sin(f(*x))

    def gradient(*x):
        return mg.vjp(F, *x)[1](u)

    def product(*x):  # of the Hessian and w: forward over reverse
        return mg.jvp(gradient, x, w)[1]

    _, J = mg.linearize(F, *args)
    Hw, T = mg.linearize(product, *args)
    w_bar = tuple(w) if len(w) > 1 else w[0]  # as a cotangent of a gradient
    values = {"": f(*args), "v": J(*v)}
    gradients = {"": J.T(u), "w": Hw, "wv": T(*v), "ww": T.T(w_bar)}
    if every_way:
        second, D = mg.linearize(lambda *x: mg.jvp(lambda *x: mg.jvp(F, x, v)[1], x, w)[1], *args)
        values |= {"vw": second, "vwv": D(*v)}
        gradients |= {"vw": D.T(u), "w, reverse over reverse": mg.linearize(gradient, *args)[1].T(w_bar)}
    return values, gradients


def first_order(f, args, v, w, u):
    """The value of `f`, and the first of the derivatives above."""
    _, J = mg.linearize(lambda *x: mg.sin(f(*x)), *args)
    return {"": f(*args), "v": J(*v)}, {"": J.T(u)}


def computed(xp, part, function, dtype="float64"):
    """`function` of each operation on a library, as NumPy arrays; on JAX one program, on Dask one plan."""
    library, name = backend_for(xp), backend_name(xp)
    on_host = [[list(op.args), op.taylor.v, op.taylor.w, op.taylor.u] for op in part]
    given = mg.tree_map(lambda a: library.from_host(a.astype(dtype)), on_host)

    def all_of_them(given):
        found = []
        for op, data in zip(part, given, strict=True):
            with noted(op):
                found.append(function(op.f, *data))
        return found

    if name == "jax.numpy":
        found = library.compiled(all_of_them)(given)
    else:
        found = all_of_them(given)
        for x in mg.tree_flatten(found)[0]:
            assert mg.namespace(x) is xp
    leaves, structure = mg.tree_flatten(found)
    if name == "dask.array":
        import dask

        leaves = dask.compute(*leaves, scheduler="synchronous")
    return mg.tree_unflatten(structure, [mg.to_numpy(x) for x in leaves])


@contextlib.contextmanager
def noted(op: Operation):
    try:
        yield
    except Exception as error:
        error.add_note(f"operation {op.name}")
        raise


def near(found, expected, name, tolerance):
    assert np.shape(found) == np.shape(expected), name
    size = 1.0 + np.max(np.abs(expected), initial=0.0)
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=tolerance * size, err_msg=name)


def agree(op, values, gradients, of, tolerance):
    """With the definition: values entry by entry, gradients in two directions."""
    for directions, found in values.items():
        near(found, of.along(directions) if directions else of.value, f"{op.name}: {directions}", tolerance)
    for directions, found in gradients.items():
        parts = found if isinstance(found, tuple) else (found,)
        assert [x.shape for x in parts] == [x.shape for x in op.args]
        directions = directions.partition(",")[0]
        for name, direction in (("v", of.v), ("w", of.w)):
            along = sum(np.sum(g * d, dtype=float) for g, d in zip(parts, direction, strict=True))
            near(along, of.weighted(directions + name), f"{op.name}: gradient {directions}, {name}", tolerance)


def supported(part, xp):
    return [op for op in part if op.name not in LACKS.get(backend_name(xp).partition(".")[0], {})]


@EVERY_LIBRARY
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part[0].name)
def test_derivatives_to_third_order(part, backend):
    slow_to_build = backend_name(backend) in ("jax.numpy", "dask.array")
    part = supported(part, backend)
    found = computed(backend, part, lambda *args: orders(*args, every_way=not slow_to_build))
    for op, (values, gradients) in zip(part, found, strict=True):
        agree(op, values, gradients, op.taylor, 1e-10)


def test_every_function_of_the_protocol_is_covered():
    functions = {name for name in (*vars(Backend), *Backend.__annotations__) if not name.startswith("_")}
    assert functions - WITHOUT_DERIVATIVE == set().union(*(op.covers for op in OPERATIONS))


# ------------------------------------------------------------------------------------- float16

FACTORED = "solve: .*float16 is unsupported in linalg of the libraries: give minigrad.astype"
NO_NAME = r"no dtype .*float16.* on dask.array: give minigrad.float32"
REFUSED = {  # in float16, with what is said
    "dask": {"solve": FACTORED, "erf-odd": NO_NAME, "window_pick": NO_NAME, "window_put": NO_NAME},
}  # fmt: skip


@EVERY_LIBRARY
def test_float16(backend):
    """Values and both sweeps stay in it; where that cannot be, the error names it."""
    library = backend_name(backend).partition(".")[0]
    if library == "array_api_strict":
        with pytest.raises(TypeError, match="does not support the dtype 'float16'"):
            backend_for(backend).from_host(np.ones(2, "float16"))
        return
    refused = REFUSED.get(library, {"solve": FACTORED})
    chosen = [op for op in OPERATIONS if op.taylor.value.size]
    for op in chosen:
        if op.name in refused:
            with pytest.raises(TypeError, match=refused[op.name]):
                computed(backend, [op], first_order, "float16")
    chosen = [op for op in chosen if op.name not in refused]
    for op, found in zip(chosen, computed(backend, chosen, first_order, "float16"), strict=True):
        assert {x.dtype.name for x in mg.tree_flatten(found)[0]} == {"float16"}, op.name
        agree(op, *found, op.taylor, 1e-2)
