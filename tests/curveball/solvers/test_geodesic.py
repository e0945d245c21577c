"""Steps of Levenberg-Marquardt that bend, against a plain loop with second derivatives by hand."""

import numpy as np
import pytest

import minigrad as mg
from curveball import LevenbergMarquardt
from tests.support.oracles import ORACLES, VALLEY

VARIANTS = {
    "identity": LevenbergMarquardt(geodesic=True),
    "marquardt": LevenbergMarquardt(geodesic=True, scaling="marquardt"),
    "matrix-free": LevenbergMarquardt(geodesic=True, linear="cg", cg_tol=1e-14),
}


def loop(oracle, w, steps, name, tau=1e-3):
    """Transtrum and Sethna (2012), section 3, with Nielsen's damping; yields w, whether it is taken, straight."""
    lam, nu, largest = None, 2.0, np.zeros(w.size)
    for _ in range(steps):
        _, J, second = oracle.parts(w)
        G, g = oracle.ggn(w), oracle.gradient(w)
        largest = np.maximum(largest, np.diag(G))
        D = np.diag(largest) if name == "marquardt" else np.eye(w.size)
        if lam is None:
            size = np.linalg.norm(G @ g) / np.linalg.norm(g) if name == "matrix-free" else np.diag(G).max()
            lam = tau if name == "marquardt" else tau * size
        z = -np.linalg.solve(G + lam * D, g)
        along = np.einsum("ijk,j,k->i", second, z, z)
        a = -0.5 * np.linalg.solve(G + lam * D, 2.0 * J.T @ along)
        straight = 2.0 * np.sqrt(a @ D @ a) <= 0.75 * np.sqrt(z @ D @ z)
        gain = (oracle.value(w + z + a) - oracle.value(w)) / (0.5 * z @ G @ z + z @ g)
        accepted = bool(straight and gain > 0.0)
        if accepted:
            w, lam, nu = w + z + a, lam * max(1.0 / 3.0, 1.0 - (2.0 * min(gain, 1.0) - 1.0) ** 3), 2.0
        else:
            lam, nu = lam * nu, 2.0 * nu
        yield w, accepted, straight


def follow(solver, w, steps, model=VALLEY.model, loss=VALLEY.loss, has_aux=False):
    state = solver.init(w)
    for _ in range(steps):
        w, state, info = solver.step(w, state, model, loss, has_aux=has_aux)
        yield w, bool(info["accepted"])


@pytest.mark.parametrize("oracle", ORACLES.values(), ids=ORACLES)
@pytest.mark.parametrize("name", VARIANTS)
def test_steps_by_hand(oracle, name):
    steps = 8 if oracle is VALLEY else 5
    expected = list(loop(oracle, oracle.start, steps, name))
    for (w, accepted, _), (found, taken) in zip(
        expected, follow(VARIANTS[name], oracle.start, steps, oracle.model, oracle.loss), strict=True
    ):
        np.testing.assert_allclose(found, w, rtol=1e-6, atol=1e-9)
        assert taken == accepted


def test_a_step_that_bends_too_much_is_rejected():
    """In the valley, with hardly any damping at the start, steps are refused for their bend alone."""
    solver, w = LevenbergMarquardt(geodesic=True, tau=1e-9), np.array([-1.2, 1.0])
    expected = list(loop(VALLEY, w, 6, "identity", tau=1e-9))
    assert not expected[0][2]
    assert [taken for _, taken in follow(solver, w, 6)] == [accepted for _, accepted, _ in expected]


def test_the_valley_in_fewer_steps():
    counts = {}
    for geodesic in (False, True):
        losses = [VALLEY.value(w) for w, _ in follow(LevenbergMarquardt(geodesic=geodesic), VALLEY.start, 60)]
        counts[geodesic] = next(k for k, value in enumerate(losses) if value < 1e-20)
    assert counts[True] < counts[False]


def test_with_aux_and_for_runs():
    solver = VARIANTS["identity"]
    plain = [w for w, _ in follow(solver, VALLEY.start, 4)]
    with_aux = [w for w, _ in follow(solver, VALLEY.start, 4, lambda w: (VALLEY.model(w), w), has_aux=True)]
    np.testing.assert_array_equal(with_aux, plain)
    starts = np.stack([VALLEY.start, np.array([0.5, 2.0])])
    state, w = solver.init(starts), starts
    for _ in range(4):
        w, state, _ = solver.step(w, state, VALLEY.model, mg.independent_runs(VALLEY.loss))
    np.testing.assert_allclose(w[0], plain[-1], rtol=1e-9)
    *_, (alone, _) = follow(solver, starts[1], 4)
    np.testing.assert_allclose(w[1], alone, rtol=1e-9)


def test_float32_stays():
    solver, w = VARIANTS["identity"], VALLEY.start.astype(np.float32)
    w, _, info = solver.step(w, solver.init(w), VALLEY.model, VALLEY.loss)
    assert w.dtype == np.float32
    assert info["lam"].dtype == np.float32


def test_a_linear_model_does_not_bend():
    w, scale = np.array([3.0, -1.0]), np.array([1.0, 2.0])
    found, expected = (
        solver.step(w, solver.init(w), lambda w: scale * w, lambda y: mg.sum(y * y))[0]
        for solver in (LevenbergMarquardt(geodesic=True), LevenbergMarquardt())
    )
    np.testing.assert_array_equal(found, expected)
