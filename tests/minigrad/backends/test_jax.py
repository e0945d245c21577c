"""What is different on JAX: every function is traced, compiled and mapped over; 32 bits unless it is told otherwise.

An operation that is called by itself is compiled for each shape by itself, which takes most of the time of a test. So
the table of all functions is traced and compiled as whole programs, a dozen cases each, and called by itself in part.
JAX's own derivatives are the oracle: of the values of our functions alone, and none of our linear maps.
"""

import os
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
ROOT = Path(__file__).parents[3]

SHAPES_FROM_NUMBERS = {  # of these, XLA would have to know the numbers
    "take-getitem-mask", "take-getitem-row-mask", "repeat-counts", "index_update-mask", "index_add-mask",
}  # fmt: skip
UNTRACED = [case for case in CASES if case.name in SHAPES_FROM_NUMBERS]
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


@pytest.mark.parametrize("case", [*TRACED[::16], *UNTRACED], ids=lambda c: c.name)
def test_derivatives_of_operations_called_by_themselves(case, bits_64):
    same(derivatives(case.f, cast(case.args, "float64", jnp)), derivatives(case.f, case.args))


@pytest.mark.parametrize("case", UNTRACED, ids=lambda c: c.name)
def test_a_shape_that_depends_on_numbers_cannot_be_compiled(case):
    with pytest.raises((jax.errors.ConcretizationTypeError, jax.errors.NonConcreteBooleanIndexError)):
        jax.jit(case.f)(*cast(case.args, "float32", jnp))


# ------------------------------------------------------------------------------------- networks and solvers


def draw(name, dtype=np.float64):
    rng, net = np.random.default_rng(0), network(name)
    images, labels = rng.uniform(size=(6, 8, 8, 3)).astype(dtype), rng.integers(0, 10, 6)
    return net, net.init(rng, (8, 8, 3), dtype), images, labels


@pytest.mark.parametrize("name", ["cnn", "basic-bn"])
def test_gradients_of_networks_are_jaxs_own(name, bits_64):
    net, *data = draw(name)

    def program(params, images, labels):
        def loss(w):
            outputs, stats = net(w, images)
            return nn.cross_entropy(outputs, labels), stats

        v = mg.tree_map(jnp.cos, params)
        ours = mg.value_and_grad(loss, has_aux=True)(params), mg.jvp(loss, (params,), (v,), has_aux=False)[1][0]
        return ours, (jax.value_and_grad(loss, has_aux=True)(params), jax.jvp(lambda w: loss(w)[0], (params,), (v,))[1])

    ours, jaxs = jax.jit(program)(*mg.tree_map(jnp.asarray, data))
    same(ours, jaxs)


def three_steps(solver, net, params, images, labels, make):
    """Steps that `make` may compile, one program per phase; the params, the state, and the last info."""
    programs, traced = {}, []

    def step(params, state, images, labels, **phase):
        traced.append(phase)
        model, loss = partial(net, x=images), partial(nn.cross_entropy, labels=labels)
        return solver.step(params, state, model, loss, has_aux=True, **phase)

    state = solver.init(params)
    phases = [getattr(solver, "lam_every", 0) == k for k in (1, 2, 3)]
    if make is jax.jit:  # numbers of the state are arrays of one dtype from the first step on
        state = jax.tree.map(lambda x: jnp.asarray(x, None if isinstance(x, int) else jnp.float64), state)
    for phase in phases:
        if phase not in programs:
            programs[phase] = make(partial(step, phase=phase) if isinstance(solver, CurveBall) else step)
        params, state, info = programs[phase](params, state, images, labels)
    assert make is not jax.jit or len(traced) == len(programs)  # once for each phase
    return [params, info["loss"], info["aux"]]


@pytest.mark.parametrize(
    ("name", "solver"),
    [("basic-bn", CurveBall(lam_every=2)), ("cnn", SGD(lr=0.1, momentum=0.9)), ("cnn", Adam(lr=0.01))],
    ids=lambda value: getattr(value, "__class__", value).__name__,
)
def test_compiled_steps_are_numpys(name, solver, bits_64):
    net, *data = draw(name)
    same(
        three_steps(solver, net, *mg.tree_map(jnp.asarray, data), make=jax.jit),
        three_steps(solver, net, *data, make=lambda step: step),
        1e-8,
    )


def test_many_runs_at_once_by_vmap(bits_64):
    """A linearization in a program, mapped over a batch of params, and a step of CurveBall mapped over starts."""
    net, params, images, labels = draw("cnn")
    both = mg.tree_map(lambda w: np.stack([w, 0.5 * w]), params)

    def sweeps(params, images, labels):
        y, J, stats = mg.linearize(lambda w: net(w, images), params, has_aux=True)
        H = mg.GGNOperator(lambda w: net(w, images)[0], lambda y: nn.cross_entropy(y, labels), params)
        return [y, J(params), J.T(y), H(params), stats]

    for map_of in (jax.vmap, lambda f, in_axes: jax.vmap(jax.jit(f), in_axes)):
        found = map_of(sweeps, in_axes=(0, None, None))(*mg.tree_map(jnp.asarray, [both, images, labels]))
        for k in (0, 1):
            one = mg.tree_map(lambda w, k=k: w[k], both)
            same(mg.tree_map(lambda a, k=k: a[k], found), sweeps(one, images, labels))


def test_starts_of_a_solver_by_vmap(bits_64):
    solver, starts = CurveBall(lam_every=1), np.random.default_rng(0).normal(size=(5, 2))

    def two_steps(w):
        state = solver.init(w)
        for _ in range(2):
            w, state, info = solver.step(
                w, state, lambda w: mg.stack([10.0 * (w[1] - w[0] ** 2), w[0]]), lambda y: y @ y
            )
        return [w, info["loss"]]

    found = jax.vmap(jax.jit(two_steps))(jnp.asarray(starts))
    for k, start in enumerate(starts):
        same(mg.tree_map(lambda a, k=k: a[k], found), two_steps(start))


def test_derivatives_of_both_kinds_inside_one_another(bits_64):
    """JAX's of ours, and ours of JAX's tracers."""
    x = jnp.asarray([0.3, 0.7])
    f = lambda x: mg.sum(mg.sin(x) ** 3)  # noqa: E731
    hessian = mg.hessian(f)(np.asarray(x))
    same(jax.jit(jax.jacobian(mg.grad(f)))(x), hessian)
    same(jax.jit(mg.jacobian(mg.grad(f)))(x), hessian)
    same(jax.vmap(mg.grad(f))(x[:, None]), np.array([mg.grad(f)(np.array([v])) for v in np.asarray(x)]))


# ------------------------------------------------------------------------------------- dtypes, memory, messages


@pytest.fixture
def bits_32():
    with jax_bits(32):
        yield


def test_32_bits_without_a_warning(bits_32):
    """JAX warns where 64 bits are asked for, and an error is made of a warning here."""
    chosen = ("take-axis", "take_along_axis", "index_update-repeats", "sort", "nn.cross_entropy-labels", "repeat")
    chosen += (
        "nn.max_pool2d-overlap-padding",
        "tril",
        "linalg.det",
        "cumulative_sum-axis-0",
        "linalg.vector_norm-ord-1",
    )
    cases = [case for case in CASES if case.name in chosen]
    program = jax.jit(lambda arguments: [derivatives(case.f, a) for case, a in zip(cases, arguments, strict=True)])
    found = program([cast(case.args, "float32", jnp) for case in cases])
    same(found, [derivatives(case.f, cast(case.args, "float32")) for case in cases], 2e-4)
    indices = mg.index_update(jnp.zeros(3), jnp.asarray([0, 2, 0]), 1.0), mg.argmax(jnp.ones(3))
    assert [x.dtype for x in indices] == [jnp.float32, jnp.int32]
    large = nn.max_pool2d(jnp.ones((1, 7, 7, 1)), 6)
    assert mg.grad(lambda x: mg.sum(nn.max_pool2d(x, 6)))(jnp.ones((1, 7, 7, 1))).dtype == large.dtype == jnp.float32
    assert mg.astype(jnp.ones(2), mg.int64).dtype == jnp.int32


def test_64_bits_that_jax_is_not_set_to(bits_32):
    x = jnp.ones(2)
    wanted = r"no dtype float64 on JAX with 32 bits: call jax.config.update\('jax_enable_x64', True\) first"
    for ask in (
        lambda: mg.astype(x, mg.float64),
        lambda: mg.grad(lambda x: mg.sum(x * mg.ones(2, dtype=mg.float64)))(x),
        lambda: backend_for(jnp).from_host(np.ones(2)),
        lambda: mg.check_derivatives(mg.sin, x),
    ):
        with pytest.raises(TypeError, match=wanted):
            ask()
    assert backend_for(jnp).from_host(np.arange(2)).dtype == jnp.int32


@pytest.mark.parametrize("bits", [32, 64])
def test_float32_stays_float32_and_no_dtype_is_left_open(bits):
    with jax_bits(bits):
        made = []

        def f(w):
            made.extend([mg.asarray(2.0), mg.asarray(2), mg.full((2,), 3.0), mg.linspace(0.0, 1.0, 3), mg.ones(2)])
            return mg.sum(2.0 * w["a"] ** 2.0 + 1.0 / (3.0 + w["b"])), 1.0

        params = {"a": jnp.ones(2, dtype=jnp.float32), "b": 0.5}
        y, J = mg.linearize(f, params)
        floats = [y, J(params), J.T(y), mg.grad(lambda w: f(w)[0])(params)]
        assert not any(x.weak_type for x in tree_flatten([floats, made])[0])
        assert {x.dtype for x in tree_flatten([y[0], *floats[1:][1:]])[0]} == {jnp.dtype("float32")}
        for solver in (CurveBall(lam=np.float64(1.0), lr=np.float64(0.5)), SGD(lr=np.float64(0.1)), Adam(lr=0.1)):
            w, state = {"a": params["a"]}, solver.init({"a": params["a"]})
            for _ in range(2):
                w, state, info = solver.step(w, state, lambda w: w["a"] ** 2, mg.sum)
            assert w["a"].dtype == info["loss"].dtype == jnp.float32
            assert not w["a"].weak_type


def test_nothing_is_copied_that_cannot_be_written_to(bits_32):
    x = jnp.ones(3)
    assert copied(x) is x
    assert own([x, x], [x])[1] is x
    program = jax.make_jaxpr(lambda x: mg.linearize(mg.sin, x)[1].T(x))(x)
    assert "copy" not in str(program)
    host = np.ones(1000, np.float32)
    there = backend_of(x).from_host(host)
    host[:] = 2.0
    assert mg.to_numpy(there).max() == 1.0


def test_another_library_inside_a_program(bits_32):
    with pytest.raises(TypeError, match=r"arrays of two backends meet: jax.numpy and numpy"):
        jax.jit(mg.grad(lambda x: mg.sum(x * np.ones(2))))(jnp.ones(2))


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_odd_numbers_of_channels(channels, bits_64):
    rng = np.random.default_rng(0)
    x, w, c = (rng.normal(size=s) for s in ((2, 5, 6, channels), (3, 2, channels, 3), (2, 3, 5, 3)))
    here, there = (
        [*mg.vjp(nn.conv2d, x, w)[1](c), nn.conv2d(x, w)]
        for x, w, c in ((x, w, c), mg.tree_map(jnp.asarray, (x, w, c)))
    )
    same(there, here)


# ------------------------------------------------------------------------------------- many devices

SHARDED = r"""
import re, sys
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
import minigrad as mg
from curveball import CurveBall
from minigrad import nn
from problems import network

rng, net, solver = np.random.default_rng(0), network("basic-bn"), CurveBall(lam_every=1)
params, images, labels = net.init(rng, (8, 8, 3)), rng.normal(size=(8, 8, 8, 3)).astype(np.float32), np.arange(8)

@jax.jit
def step(params, state, images, labels):
    model, loss = lambda w: net(w, images), lambda y: nn.cross_entropy(y, labels)
    return solver.step(params, state, model, loss, has_aux=True, phase=True)

state = jax.tree.map(lambda x: jax.numpy.asarray(x, jax.numpy.float32), solver.init(params))
mesh = Mesh(np.array(jax.devices()), ("batch",))
whole, shards = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in ((), ("batch",)))
args = [jax.device_put(x, s) for x, s in ((params, whole), (state, whole), (images, shards), (labels, shards))]
text = step.lower(*args).compile().as_text()
messages = "all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter"
print(len(jax.devices()), *set(re.findall(rf"({messages})(?:-start)?\(", text)))
"""


def test_on_many_devices_only_sums_are_sent():
    """Batches in shards: a step of CurveBall with pools and batch normalisation gathers nothing."""
    environment = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    environment |= {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", SHARDED], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "8 all-reduce\n"), done.stderr
