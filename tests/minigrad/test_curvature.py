"""What the Gauss-Newton operator has in addition to its products: aux, independent runs, and its sweeps counted."""

import gc
import weakref

import numpy as np
import pytest

import minigrad as mg

RUNS, SAMPLES = 3, 5
X = np.random.default_rng(0).standard_normal((RUNS, SAMPLES, 2))
PARAMS = {"w": np.random.default_rng(1).standard_normal((RUNS, 2)), "b": np.linspace(0.1, 0.3, RUNS)}


def model_of(x):
    return lambda p: mg.tanh(mg.sum(x * p["w"][..., None, :], axis=-1) + p["b"][..., None])


@mg.independent_runs
def loss(y):
    return mg.mean(mg.exp(y), axis=-1)


def of_run(tree, k):
    return mg.tree_map(lambda x: x[k], tree)


def test_runs_are_independent():
    together = mg.GGNOperator(model_of(X), loss, PARAMS)
    v = mg.tree_map(np.cos, PARAMS)
    v_y = together.J(v)
    slope, H_L_v_y = together.slope_and_product(v_y)
    assert together.value.shape == slope.shape == (RUNS,)
    for k in range(RUNS):
        alone = mg.GGNOperator(model_of(X[k]), loss, of_run(PARAMS, k))
        one_slope, one_product = alone.slope_and_product(v_y[k])
        np.testing.assert_allclose(together.value[k], alone.value)
        np.testing.assert_allclose(slope[k], one_slope)
        np.testing.assert_allclose(H_L_v_y[k], one_product)
        np.testing.assert_allclose(together.H_L(v_y)[k], one_product)
        for found, expected in ((together.gradient, alone.gradient), (together(v), alone(of_run(v, k)))):
            np.testing.assert_allclose(found["w"][k], expected["w"])
            np.testing.assert_allclose(found["b"][k], expected["b"])


def test_aux_is_handed_on():
    G = mg.GGNOperator(lambda p: (model_of(X[0])(p), {"seen": 7}), loss, of_run(PARAMS, 0), has_aux=True)
    assert G.aux == {"seen": 7}
    assert mg.GGNOperator(model_of(X[0]), loss, of_run(PARAMS, 0)).aux is None


def test_the_model_is_evaluated_once_and_the_gradient_pulled_once():
    count = []

    def model(p):
        count.append("model")
        return counted(p)

    @mg.primitive(lambda y, x: mg.Linear(lambda t: t, lambda c: (count.append("pull"), c)[1]))
    def counted(x):
        return x + 0.0

    G = mg.GGNOperator(model, loss, np.ones(4))
    assert count == ["model"]  # no sweep yet
    np.testing.assert_array_equal(G.gradient, G.gradient)
    assert count == ["model", "pull"]
    G(np.ones(4))
    assert count == ["model", "pull", "pull"]


def test_its_memory_goes_with_it():
    """No reference cycle: a tape that waited for the garbage collector would be kept from step to step."""
    G = mg.GGNOperator(model_of(X), loss, PARAMS)
    assert G.gradient is G.gradient
    G.H_L(G.outputs)
    gc.disable()
    try:
        reference = weakref.ref(G)
        del G
        assert reference() is None
    finally:
        gc.enable()


def test_operators_say_what_they_are():
    G = mg.GGNOperator(model_of(X[0]), loss, of_run(PARAMS, 0))
    assert G.shape == (3, 3)
    assert G.H_L.shape == (SAMPLES, SAMPLES)
    assert repr(G) == "<Gauss-Newton matrix of <lambda>, 3 x 3>"
    np.testing.assert_allclose(G.H_L.to_scipy() @ np.eye(SAMPLES), np.diag(np.exp(G.outputs)) / SAMPLES)


def test_losses_that_are_no_number():
    with pytest.raises(
        TypeError, match=r"the loss exp has shape \(5,\): return one number \(take the mean or the sum\), or mark it"
    ):
        mg.ggnvp(model_of(X[0]), mg.exp, of_run(PARAMS, 0), of_run(PARAMS, 0))
    with pytest.raises(TypeError, match="must return one number; it returned tuple"):
        mg.GGNOperator(model_of(X[0]), lambda y: (y[0], y[1]), of_run(PARAMS, 0))


def test_a_python_number_is_no_loss():
    with pytest.raises(TypeError, match="the loss max must return one number; it returned float"):
        mg.check_runs(3.0, {"w": 1.0}, max)
