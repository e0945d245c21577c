"""What a step does, decided on the host by a count: the phases of a solver, for steps that are compiled."""

from functools import partial

import numpy as np
import pytest

import minigrad as mg
from curveball import SGD, Adam, CurveBall, LevenbergMarquardt, NewtonCG


@pytest.mark.parametrize(("options", "phases"), [
    ({"lam_every": 3}, [False, False, True, False, False, True]),
    ({"lam_every": 1}, [True] * 6),
    ({"lam_every": 3, "adapt_lam": False}, [False] * 6),
], ids=str)  # fmt: skip
def test_a_step_of_a_phase_needs_no_count(options, phases):
    """A phase says what the count would: the steps are the same bit for bit, and the trust ratio is one evaluation."""
    solver, A = CurveBall(**options), np.diag([1.0, 2.0, 5.0])
    calls = []

    def model(w):
        calls.append(w)
        return mg.sin(A @ w)

    def loss(y):
        return mg.sum(y * y) + mg.sum(y)

    w = v = np.array([0.3, -0.2, 0.5])
    state = other = solver.init(w)
    for k, phase in enumerate(phases):
        assert solver.phase(state) is phase
        w, state, info = solver.step(w, state, model, loss)
        calls.clear()
        told = other._replace(steps=np.int32(7 + k))  # whatever it is
        v, other, info_told = solver.step(v, told, model, loss, phase=phase)
        assert len(calls) == 1 + phase
        np.testing.assert_array_equal(v, w)
        assert float(info_told["lam"]) == float(info["lam"])
        np.testing.assert_equal(float(other.trust_ratio), float(state.trust_ratio))


def test_other_solvers_have_one_phase():
    w = np.ones(2)
    for solver in (SGD(), Adam(), LevenbergMarquardt()):
        assert solver.phase(solver.init(w)) is None


def test_which_steps_can_be_compiled():
    assert [solver.compiles for solver in (CurveBall(), SGD(), Adam())] == [True] * 3
    assert [solver.compiles for solver in (LevenbergMarquardt(), NewtonCG())] == [False] * 2


@pytest.mark.parametrize(
    ("solver", "known"),
    [(CurveBall(), {"phase": True}), (CurveBall(lam_every=1), {}), (CurveBall(adapt_lam=False), {}), (CurveBall(), {})],
)
def test_a_compiled_step_is_told_whether_to_measure(solver, known):
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    w = jax.numpy.ones(2)
    state = solver.init(w)
    step = partial(solver.step, model=lambda w: w * w, loss=lambda y: mg.sum(y * y), **known)
    if solver != CurveBall() or known:
        np.testing.assert_allclose(jax.jit(step)(w, state)[0], step(w, state)[0], rtol=1e-5)
        return
    with pytest.raises(TypeError, match=r"^CurveBall: inside a compiled program .* as in step\(\.\.\., phase=True\)"):
        jax.jit(step)(w, state)
