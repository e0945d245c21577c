"""Dask, which has no file in minigrad/backends: the standard's operations run every network on its lazy arrays.

Dask's arrays are plans: nothing is computed before `dask.compute`. What Dask lacks is listed here, and in
docs/libraries.md.
"""

import numpy as np
import pytest

import minigrad as mg
from curveball import CurveBall
from minigrad import nn
from problems import NETWORKS
from tests.conftest import namespace_of
from tests.minigrad.ops.test_derivatives import cast
from tests.support.cases import CASES
from tests.support.networks import large_enough, narrow

dask = pytest.importorskip("dask", reason="Dask is not installed")
xp = namespace_of("dask")

# What the table of all functions needs and Dask does not have: each is an error.
MASK = "does not know how many entries a mask names"
LACKS = {
    "take-getitem-mask": MASK,
    "take-getitem-row-mask": MASK,
    "index_update-mask": MASK,
    "index_add-mask": MASK,
    "take-getitem-slice-and-array": "has no slices next to an array of two axes",
    "repeat-counts": "repeats all entries equally often",
    "linalg.cholesky-batched": "factors one matrix at a time",
    "linalg.slogdet": "has no slogdet",
    "linalg.slogdet-batched": "has no slogdet",
    "linalg.det": "has no slogdet",
    "linalg.det-batched": "has no slogdet",
    "linalg.inv-batched": "solves for one matrix at a time",
    "linalg.solve-batched": "solves for one matrix at a time",
    "linalg.solve-broadcast": "solves for one matrix at a time",
    "linalg.eigh": "has no eigh",
    "linalg.eigh-batched": "has no eigh",
    "linalg.eigvalsh": "has no eigvalsh",
    **{f"linalg.pinv-{kind}": "has no pinv" for kind in ("square", "wide", "batched")},
    **{f"linalg.{name}-batched": "factors one matrix at a time" for name in ("qr", "svd")},
}


def computed(tree):
    """All leaves at once: they have most of their operations in common."""
    leaves, structure = mg.tree_flatten(tree)
    assert all(mg.namespace(x) is xp for x in leaves)
    with dask.config.set(scheduler="synchronous"):
        return mg.tree_unflatten(structure, list(dask.compute(*leaves)))


def values_and_sweeps(f, *args):
    """`f`, `J v`, `J^T u` for `v = args` and `u = f(args)`."""
    y, J = mg.linearize(f, *args)
    return [y, J(*args), J.T(y)]


def same(found, expected, tolerance):
    for a, b in zip(*(mg.tree_flatten(tree)[0] for tree in (found, expected)), strict=True):
        assert a.dtype == b.dtype
        size = np.max(np.abs(b), initial=0.0)
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * (size + 1e-3))


@pytest.mark.parametrize("case", [c for c in CASES if c.name not in LACKS], ids=lambda c: c.name)
def test_the_table_of_all_functions_in_both_sweeps(case):
    found = computed(values_and_sweeps(case.f, *cast(case.args, "float64", xp)))
    same(found, values_and_sweeps(case.f, *cast(case.args, "float64")), 1e-9)


@pytest.mark.parametrize("case", [c for c in CASES if c.name in LACKS], ids=lambda c: c.name)
def test_what_dask_lacks_is_an_error(case):
    with pytest.raises((TypeError, ValueError, AttributeError, NotImplementedError)):
        computed(values_and_sweeps(case.f, *cast(case.args, "float64", xp)))


def test_the_list_names_cases_of_the_table():
    assert set(LACKS) <= {case.name for case in CASES}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_in_both_sweeps(name):
    rng = np.random.default_rng(0)
    shape = large_enough(name, {"mnist-mlp": (28, 28, 1)}.get(name, (8, 8, 1)))
    net = narrow(name, shape=shape)
    images, masks = rng.uniform(size=(2, *shape)), net.masks(rng, shape, 2)
    labels, params = rng.integers(0, 10, 2), net.init(rng, shape, np.float64)

    def results(params, images, labels, masks):
        outputs = lambda w: net(w, images, masks=masks)[0]  # noqa: E731
        return [values_and_sweeps(outputs, params), nn.cross_entropy(outputs(params), labels)]

    found = computed(results(*mg.tree_map(xp.asarray, [params, images, labels, masks])))
    same(found, results(params, images, labels, masks), 1e-9)


def test_a_step_of_curveball():
    rng = np.random.default_rng(0)
    net, images, labels = narrow("mlp"), rng.uniform(size=(3, 8, 8, 1)), rng.integers(0, 10, 3)
    params, solver = net.init(rng, (8, 8, 1), np.float64), CurveBall(lam_every=1)

    def step(params, images, labels):
        model, loss = lambda w: net(w, images), lambda y: nn.cross_entropy(y, labels)
        params, _, info = solver.step(params, solver.init(params), model, loss, has_aux=True)
        return [params, info["loss"], info["rho"], info["beta"], info["trust_ratio"]]

    same(computed(step(*mg.tree_map(xp.asarray, [params, images, labels]))), step(params, images, labels), 1e-9)
