"""The degenerate linear network: both forms as the paper has them, and its samples against their second moment."""

import numpy as np
import pytest

import minigrad as mg
from problems.closed_form.linear_network import FORMS, LinearNetwork

over_forms = pytest.mark.parametrize("form", FORMS)


def predict(problem, params, x):
    first, second = (params["w2"], params["w1"]) if problem.form == "authors" else (params["w1"], params["w2"])
    return x @ first.T @ second.T


def objective(problem):
    return lambda p: problem.loss(problem.model(p))


@over_forms
@pytest.mark.parametrize("reduced", [True, False])
def test_loss_is_the_mean_squared_error(form, reduced):
    problem = LinearNetwork(form, reduced=reduced)
    params = problem.init(np.random.default_rng(0))
    x = problem.inputs
    errors = predict(problem, params, x) - x @ problem.matrix.T
    np.testing.assert_allclose(objective(problem)(params), np.mean(np.sum(errors**2, axis=1)), rtol=1e-11)


@over_forms
def test_reduced_form_has_the_same_loss_gradient_and_curvature(form):
    reduced, full = LinearNetwork(form), LinearNetwork(form, reduced=False)
    params, v = (reduced.init(np.random.default_rng(k)) for k in (0, 1))
    assert reduced.model(params).shape == (60,)
    assert full.model(params).shape == (10_000,)
    found, expected = (mg.value_and_grad(objective(problem))(params) for problem in (reduced, full))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-11)
    Gv, Gv_full = (mg.ggnvp(problem.model, problem.loss, params, v) for problem in (reduced, full))
    Hv, Hv_full = (mg.hvp(objective(problem), params, v) for problem in (reduced, full))
    for a, b in ((found[1], expected[1]), (Gv, Gv_full), (Hv, Hv_full)):
        for key in ("w1", "w2"):
            np.testing.assert_allclose(a[key], b[key], rtol=1e-9, atol=1e-12 * np.abs(b[key]).max())


@over_forms
def test_gradient_by_hand(form):
    """`2 (P - A) C` pulled through the product `P` of the two matrices."""
    problem = LinearNetwork(form)
    params = problem.init(np.random.default_rng(0))
    C = problem.inputs.T @ problem.inputs / 1000.0
    left, right = ("w1", "w2") if form == "authors" else ("w2", "w1")
    slope = 2.0 * (params[left] @ params[right] - problem.matrix) @ C
    gradient = mg.grad(objective(problem))(params)
    np.testing.assert_allclose(gradient[left], slope @ params[right].T, rtol=1e-9)
    np.testing.assert_allclose(gradient[right], params[left].T @ slope, rtol=1e-9)


@over_forms
@pytest.mark.parametrize("reduced", [True, False])
def test_solution(form, reduced):
    problem = LinearNetwork(form, reduced=reduced)
    np.testing.assert_allclose(predict(problem, problem.solution, np.eye(6)).T, problem.matrix, atol=1e-14)
    value, gradient = mg.value_and_grad(objective(problem))(problem.solution)
    assert problem.minimum <= value < 1e-28
    assert all(np.abs(g).max() < 1e-13 for g in gradient.values())


def test_target_matrix():
    """Rows of U[0, 1] times 1 ... 1e-5 in equal steps; drawn by the seed, the same for both forms."""
    matrices = np.array([LinearNetwork(seed=seed).matrix for seed in range(200)])
    scale = np.linspace(1.0, 1e-5, 10)[:, None]
    uniform = matrices / scale
    assert matrices.shape == (200, 10, 6)
    assert 0.0 <= uniform.min() < 0.001
    assert 0.999 < uniform.max() <= 1.0
    np.testing.assert_allclose(uniform.mean(), 0.5, atol=0.01)
    np.testing.assert_array_equal(LinearNetwork("authors", seed=3).matrix, matrices[3])
    assert not np.array_equal(matrices[0], matrices[1])


def test_inputs_are_standard_normal():
    x = LinearNetwork(samples=50_000).inputs
    assert x.shape == (50_000, 6)
    np.testing.assert_allclose(x.mean(axis=0), 0.0, atol=0.02)
    np.testing.assert_allclose(np.cov(x.T), np.eye(6), atol=0.03)


@pytest.mark.parametrize(
    ("form", "shapes", "stds"),
    [("rahimi-recht", {"w1": (10, 6), "w2": (10, 10)}, {"w1": 2.0 / 16.0, "w2": 0.1}),
     ("authors", {"w1": (10, 6), "w2": (6, 6)}, {"w1": 1.0, "w2": 1.0})],
)  # fmt: skip
def test_starts(form, shapes, stds):
    params = LinearNetwork(form).init(np.random.default_rng(0), (2000,))
    for key, w in params.items():
        assert w.shape == (2000, *shapes[key])
        np.testing.assert_allclose(w.mean(), 0.0, atol=0.01 * stds[key])
        np.testing.assert_allclose(w.std(), stds[key], rtol=0.01)


@over_forms
@pytest.mark.parametrize("runs", [(), (3,), (2, 2)])
def test_runs(form, runs):
    problem = LinearNetwork(form)
    params = problem.init(np.random.default_rng(0), runs)
    assert problem.batch(np.random.default_rng(0), runs) is None
    losses = objective(problem)(params)
    assert problem.model(params).shape == (*runs, 60)
    assert losses.shape == runs
    alone = [
        objective(problem)({"w1": a, "w2": b})
        for a, b in zip(params["w1"].reshape(-1, 10, 6), params["w2"].reshape(-1, *FORMS[form][1][0]), strict=True)
    ]
    np.testing.assert_allclose(np.ravel(losses), alone, rtol=1e-12)


@pytest.mark.parametrize("reduced", [True, False])
def test_other_arrays_and_float32(backend, reduced):
    problem = LinearNetwork(samples=20, reduced=reduced)
    params = mg.tree_map(lambda x: x.astype(np.float32), problem.init(np.random.default_rng(0)))
    y = problem.model(mg.tree_map(backend.asarray, params))
    assert y.dtype == backend.float32
    np.testing.assert_allclose(mg.to_numpy(y), problem.model(params), rtol=1e-5, atol=1e-6)


def test_seeds():
    a, b = LinearNetwork(), LinearNetwork(seed=1)
    assert a == LinearNetwork()
    assert not np.array_equal(a.inputs, b.inputs)
    np.testing.assert_array_equal(a.inputs, LinearNetwork().inputs)


def test_bad_arguments():
    with pytest.raises(ValueError, match="unknown form 'deep': there are authors, rahimi-recht"):
        LinearNetwork("deep")
    with pytest.raises(ValueError, match="samples must be at least 6, the number of inputs; got 5"):
        LinearNetwork(samples=5)


def test_matrices_of_another_shape():
    with pytest.raises(ValueError, match="takes w1 and w2 of shapes"):
        LinearNetwork().model({"w1": np.ones((10, 6)), "w2": np.ones((1, 10))})
