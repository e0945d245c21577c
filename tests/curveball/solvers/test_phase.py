"""A step inside a compiled program of the user's own: what it must be told."""

from functools import partial

import numpy as np
import pytest

import minigrad as mg
from curveball import CurveBall

jax = pytest.importorskip("jax", reason="JAX is not installed")


@pytest.mark.parametrize(
    ("solver", "known"),
    [(CurveBall(), {"phase": True}), (CurveBall(lam_every=1), {}), (CurveBall(adapt_lam=False), {}), (CurveBall(), {})],
)
def test_a_compiled_step_is_told_whether_to_measure(solver, known):
    w = jax.numpy.ones(2)
    state = solver.init(w)
    step = partial(solver.step, model=lambda w: w * w, loss=lambda y: mg.sum(y * y), **known)
    if solver != CurveBall() or known:
        np.testing.assert_allclose(jax.jit(step)(w, state)[0], step(w, state)[0], rtol=1e-5)
        return
    with pytest.raises(TypeError, match=r"^CurveBall: inside a compiled program .* as in step\(\.\.\., phase=True\)"):
        jax.jit(step)(w, state)
