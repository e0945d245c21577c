"""The networks of dense layers."""

import numpy as np

from problems import NETWORKS, network


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_mlp_of_mnist():
    """784-128-64-32-10, tanh between, and inputs of 0 to 1."""
    net = network("mnist-mlp")
    assert net.inputs == "unit"
    assert all(network(name).inputs == "standard" for name in NETWORKS if name != "mnist-mlp")
    params = net.init(rng(), (28, 28, 1), np.float64)
    y = x = rng(1).uniform(size=(5, 28, 28, 1))
    y = y.reshape(5, 784)
    for k in (1, 2, 3):
        y = np.tanh(y @ params[f"dense{k}"]["w"] + params[f"dense{k}"]["b"])
    expected = y @ params["dense4"]["w"] + params["dense4"]["b"]
    assert [params[f"dense{k}"]["w"].shape for k in (1, 2, 3, 4)] == [(784, 128), (128, 64), (64, 32), (32, 10)]
    np.testing.assert_allclose(net(params, x)[0], expected, rtol=1e-12)
