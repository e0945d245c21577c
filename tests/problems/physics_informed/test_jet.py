"""Jets against nested push-forwards, PyTorch, and differences; and a network of jets against one of values."""

import numpy as np
import pytest

import minigrad as mg
from problems.physics_informed import jet
from problems.physics_informed.jet import Jet, coordinates
from problems.physics_informed.network import Network

POINTS = np.random.default_rng(0).uniform(0.2, 0.9, (7, 2))

FORMULAS = {  # with jets, and with the functions of a library
    "sum": lambda x, y, _: 2.0 - x + y - 0.5 * (3.0 + x),
    "product": lambda x, y, _: x * y * (x * x) * 3.0,
    "quotient": lambda x, y, _: (x * x) / (1.0 + x * y),
    "reciprocal": lambda x, y, _: 3.0 / (1.0 + x * y),
    "sin": lambda x, y, m: m.sin(x * x * y),
    "cos": lambda x, y, m: m.cos(x * x * y),
    "exp": lambda x, y, m: m.exp(x * y * y),
    "sqrt": lambda x, y, m: m.sqrt(x * x * y),
    "asinh": lambda x, y, m: m.asinh(x * x * (3.0 * y)),
    "tanh": lambda x, y, m: m.tanh(x * x * y),
    "negative": lambda x, y, _: -(x * y) - y,
}
over_formulas = pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)


@over_formulas
def test_as_nested_push_forwards(formula):
    u = formula(*coordinates(POINTS), jet)

    def f(points):
        return formula(points[:, 0], points[:, 1], mg)

    np.testing.assert_allclose(u.value, f(POINTS), rtol=1e-14)
    for k in range(2):
        unit = np.broadcast_to(np.eye(2)[k], POINTS.shape)
        first, second = mg.jvp(lambda p, e=unit: mg.jvp(f, (p,), (e,))[1], (POINTS,), (unit,))
        np.testing.assert_allclose(u.first[k], first, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(u.second[k], second, rtol=1e-12, atol=1e-13)


@over_formulas
def test_as_in_pytorch(formula):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    u = formula(*coordinates(POINTS), jet)
    x, y = (torch.tensor(column, requires_grad=True) for column in POINTS.T)
    value = formula(x, y, torch)
    for k, variable in enumerate((x, y)):
        (first,) = torch.autograd.grad(value.sum(), variable, create_graph=True)
        np.testing.assert_allclose(u.first[k], first.detach().numpy(), rtol=1e-12, atol=1e-14)
        second = None
        if first.requires_grad:
            (second,) = torch.autograd.grad(first.sum(), variable, retain_graph=True, allow_unused=True)
        expected = 0.0 if second is None else second.numpy()  # None where a first derivative is a constant
        np.testing.assert_allclose(u.second[k], np.broadcast_to(expected, 7), rtol=1e-12, atol=1e-13)


def test_the_derivatives_asked_for_and_no_others():
    x, y = coordinates(POINTS, 2, 1)
    u = jet.tanh(x * y) / (1.0 + x) + jet.sin(y)
    full = jet.tanh(coordinates(POINTS)[0] * coordinates(POINTS)[1]) / (1.0 + coordinates(POINTS)[0])
    assert len(u.first), len(u.second) == (2, 1)
    np.testing.assert_array_equal(u.second[0], full.second[0])
    plain = jet.sqrt(coordinates(np.zeros((3, 2)), 0, 0)[0])  # no slope is asked for where there is none
    assert plain.first == plain.second == ()
    np.testing.assert_array_equal(plain.value, np.zeros(3))


def test_a_network_and_its_derivatives_by_the_coordinates():
    """The values by plain NumPy, the derivatives by nested push-forwards of the plain network."""
    network = Network(2, (5, 4), scale=3.0)
    params = network.init(np.random.default_rng(1))

    def plain(points):
        h = points
        for k in (1, 2):
            h = mg.tanh(h @ params[f"layer{k}"]["w"] + params[f"layer{k}"]["b"])
        return (h @ params["output"]["w"])[:, 0]

    u = network(params, coordinates(POINTS))
    np.testing.assert_allclose(u.value, plain(POINTS), rtol=1e-14)
    for k in range(2):
        unit = np.broadcast_to(np.eye(2)[k], POINTS.shape)
        first, second = mg.jvp(lambda p, e=unit: mg.jvp(plain, (p,), (e,))[1], (POINTS,), (unit,))
        np.testing.assert_allclose(u.first[k], first, rtol=1e-11)
        np.testing.assert_allclose(u.second[k], second, rtol=1e-11)


def test_what_is_computed_with_jets_is_differentiated_by_the_parameters():
    network = Network(2, (4, 3), scale=2.0)
    params = network.init(np.random.default_rng(2))

    def second_derivatives(w):
        u = network(w, coordinates(POINTS, second=1))
        return {"xx": u.second[0], "t": u.first[1], "u": u.value}

    mg.check_derivatives(second_derivatives, params)


def test_the_first_layer_changes_sign_within_the_domain():
    network = Network(2, (200,), scale=3.0)
    layer = network.init(np.random.default_rng(0))["layer1"]
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]) @ layer["w"] + layer["b"]
    assert np.all(corners.min(axis=0) < 0.0)
    assert np.all(corners.max(axis=0) > 0.0)
    assert 0.9 < np.std(layer["w"]) / (3.0 / np.sqrt(2.0)) < 1.1


def test_independent_runs():
    network = Network(2, (5, 4), scale=3.0)
    params = network.init(np.random.default_rng(0), runs=(3,))
    x = coordinates(POINTS, second=1)
    together = network(params, x)
    for r in range(3):
        alone = network(mg.tree_map(lambda w, r=r: w[r], params), x)
        np.testing.assert_allclose(together.value[r], alone.value, rtol=1e-13)
        np.testing.assert_allclose(together.second[0][r], alone.second[0], rtol=1e-12)


@pytest.mark.parametrize("bad", [{"inputs": 0}, {"widths": ()}, {"widths": (3, 0)}, {"scale": 0.0}])
def test_bad_networks(bad):
    with pytest.raises(ValueError, match="a network has inputs, layers of units and a positive scale; got"):
        Network(**{"inputs": 1, "widths": (3,), "scale": 1.0, **bad})


def test_a_jet_of_a_linear_function():
    (x,) = coordinates(np.array([[1.0], [2.0]]))
    total = (x * x).linear(np.sum)
    assert (total.value, total.first, total.second) == (5.0, (6.0,), (4.0,))
    assert isinstance(total, Jet)
