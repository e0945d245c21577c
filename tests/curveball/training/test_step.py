"""A step as one program on JAX: the numbers of a step as it is, compiled once for each phase, nothing overwritten."""

import contextlib
import logging
import shutil

import numpy as np
import pytest

import minigrad as mg
from curveball import SGD, Adam, CurveBall, GaussNewton, Newton, NewtonCG
from curveball.solvers.registry import SOLVERS
from curveball.training import checkpoint
from curveball.training.devices import choose
from curveball.training.run import Run
from curveball.training.step import check_compiles, shared_programs, step_of
from curveball.training.train import CHECKPOINT
from minigrad import tree_flatten
from tests.support.tiny import STEPS, Tiny, tiny
from tests.support.training import assert_same, run

KINDS = {"curveball": CurveBall(lam_every=5), "sgd": SGD(lr=0.1), "adam": Adam(lr=0.01, eps=1e-3)}


class Programs(logging.Handler):
    """The names of the programs that JAX compiles."""

    def __init__(self):
        super().__init__()
        self.names = []

    def emit(self, record):
        text = record.getMessage()
        if text.startswith("Finished XLA compilation of "):
            self.names.append(text.split()[4])

    def steps(self):
        """How many of them are steps of training."""
        return self.names.count("jit(train_step)")


@contextlib.contextmanager
def watched():
    """What JAX compiles meanwhile."""
    from jax import log_compiles

    handler, logger = Programs(), logging.getLogger("jax")
    before = logger.propagate, logger.handlers[:]
    logger.propagate, logger.handlers[:] = False, [handler]
    try:
        with log_compiles():
            yield handler
    finally:
        logger.propagate, logger.handlers[:] = before


class Compiled:
    """Runs of one epoch on one problem: each solver's programs are compiled once, for all tests of this file."""

    def __init__(self, folder):
        self.xp = choose("jax")
        self.problem, self.folder = tiny(self.xp), folder
        self._runs, self.compiled = {}, {}

    def run(self, name):
        if name not in self._runs:
            with watched() as programs:
                self._runs[name] = run(self.problem, KINDS[name], self.folder / name, save_every=5, compile=True)
            self.compiled[name] = programs.steps()
        return self._runs[name]


@pytest.fixture(scope="module")
def jax(tmp_path_factory):
    pytest.importorskip("jax", reason="jax is not installed")
    with shared_programs():
        yield Compiled(tmp_path_factory.mktemp("compiled"))


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def start(problem, solver):
    """A run before its first step, its arrays on JAX, and the batches of an epoch."""
    rng = np.random.default_rng(0)
    params = mg.tree_map(lambda x: mg.from_numpy(x, choose("jax")), problem.init(rng))
    return Run("", params, state=solver.init(params)), list(problem.batches(rng))


def test_losses_are_those_of_a_step_as_it_is(kind, jax):
    expected, found = run(tiny(), KINDS[kind]), jax.run(kind)
    assert len(found.steps) == STEPS
    for a, b in zip(found.steps + found.epochs, expected.steps + expected.epochs, strict=True):
        assert set(a) == set(b)
        for key in set(b) - {"seconds"}:
            assert a[key] == pytest.approx(b[key], rel=5e-4, abs=1e-6), key
    trees = ([r.params, r.stats] for r in (found, expected))
    for a, b in zip(*(tree_flatten(tree)[0] for tree in trees), strict=True):
        np.testing.assert_allclose(mg.to_numpy(a), b, rtol=1e-3, atol=1e-4)
        assert str(a.dtype) == str(b.dtype)


def test_what_is_left_are_arrays_and_python_counts(kind, jax):
    found, expected = jax.run(kind).state, run(tiny(), KINDS[kind]).state
    for a, b in zip(tree_flatten(found)[0], tree_flatten(expected)[0], strict=True):
        if isinstance(b, int):
            assert type(a) is int
            assert a == b == STEPS
        else:
            assert str(a.dtype) == "float32"
            assert a.shape == getattr(b, "shape", ())


def test_a_program_for_each_phase(kind, jax):
    jax.run(kind)
    assert jax.compiled[kind] == (2 if kind == "curveball" else 1)
    with watched() as programs:
        run(jax.problem, KINDS[kind], seed=1, compile=True)
    assert programs.steps() == 0


def test_one_more_for_another_shape_of_a_batch(jax):
    jax.run("sgd")
    step = step_of(jax.problem, KINDS["sgd"], compiled=True)
    at, batches = start(jax.problem, KINDS["sgd"])
    halves = [mg.tree_map(lambda x: x[:6], batch) for batch in batches]
    with watched() as programs:
        for batch in [batches[0], *halves, batches[1]]:
            step(at, batch)
    assert programs.steps() == 1


def test_numbers_stay_and_so_does_what_was_given(jax):
    """Donated memory is that of the steps alone: not what the caller gave, and not what a step reported."""
    solver = KINDS["curveball"]
    step = step_of(jax.problem, solver, compiled=True)
    at, batches = start(jax.problem, solver)
    params, z = at.params, at.state.z
    before = mg.tree_map(lambda x: mg.to_numpy(x).copy(), params)
    numbers = [step(at, batch) for batch in batches]
    assert_same(mg.tree_map(mg.to_numpy, params), before)
    assert all(float(mg.max(mg.abs(x))) == 0.0 for x in tree_flatten(z)[0])
    ratios = [float(each["trust_ratio"]) for each in numbers]
    assert np.isnan(ratios[:4]).all()
    assert ratios[4] == ratios[8] != ratios[9] == ratios[11]
    assert all(np.isfinite(float(each[key])) for each in numbers for key in ("loss", "error", "lam", "beta"))


@pytest.mark.parametrize("compiled_first", [True, False])
def test_a_run_goes_on_without_its_compiler_and_with_it(compiled_first, kind, jax, tmp_path):
    expected = run(tiny(), KINDS[kind], epochs=2)
    if compiled_first:
        jax.run(kind)
        shutil.copytree(jax.folder / kind, tmp_path, dirs_exist_ok=True)
    else:
        run(tiny(), KINDS[kind], tmp_path)
    problem = tiny() if compiled_first else jax.problem
    found = run(problem, KINDS[kind], tmp_path, epochs=2, resume=True, compile=not compiled_first)
    for a, b in zip(found.steps, expected.steps, strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=2e-3)


def test_checkpoints_have_counts(jax):
    jax.run("curveball")
    path = jax.folder / "curveball" / CHECKPOINT
    for file, steps in ((checkpoint.before(path), 10), (path, STEPS)):
        leaves, _ = checkpoint.load(file)
        assert type(leaves["state[2]"]) is int
        assert leaves["state[2]"] == steps


def test_a_whole_number_for_a_damping_is_no_count():
    """`curveball:lam=1`"""
    assert type(CurveBall(lam=1).init({"w": np.zeros(2)}).lam) is float


class Restarting(SGD):
    """A state with a whole number that is no count."""

    def init(self, params):
        return super().init(params), 3

    def step(self, params, state, *args, **kwargs):
        params, inner, info = super().step(params, state[0], *args, **kwargs)
        return params, (inner, state[1] - 1), info


def test_a_whole_number_that_is_no_count_is_refused(jax):
    with pytest.raises(ValueError, match="a whole number in a solver's state must be a count"):
        run(jax.problem, Restarting(), compile=True)


class Words(Tiny):
    """Batches that are not arrays alone."""

    def batches(self, rng):
        return ((batch, "a word") for batch in super().batches(rng))


def test_a_batch_that_is_no_tree_of_arrays_is_refused(jax):
    problem = jax.problem
    with pytest.raises(ValueError, match="a batch must be a tree of arrays"):
        run(Words(problem.data, problem.network, 12), SGD(), compile=True)


@pytest.mark.parametrize("name", sorted(SOLVERS))
def test_solvers_that_decide_on_the_host_are_refused(name, jax, tmp_path):
    if name in KINDS:
        check_compiles(jax.problem, SOLVERS[name]())
        return
    with pytest.raises(ValueError, match=f"^{SOLVERS[name].__name__} decides on the host .* leave out --compile"):
        run(jax.problem, SOLVERS[name](), tmp_path / "out", compile=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("solver", [GaussNewton(), Newton(), NewtonCG()], ids=lambda solver: type(solver).__name__)
def test_others_that_are_refused(solver, jax):
    with pytest.raises(ValueError, match=f"^{type(solver).__name__} decides on the host"):
        check_compiles(jax.problem, solver)


def test_a_library_without_a_compiler_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^numpy has no compiler: leave out --compile, or use backend jax"):
        run(tiny(), SGD(), tmp_path / "out", compile=True)
    assert not list(tmp_path.iterdir())
