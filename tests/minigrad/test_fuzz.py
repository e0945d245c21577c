"""Random programs against derivatives that minigrad has no part in: PyTorch's, and extrapolated differences.

Compared are values, both sweeps, Hessian products and third derivatives. With `--fuzz 5000` pytest runs that many new
programs and prints their seed; `--fuzz-seed` repeats them.
"""

import secrets

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

import minigrad as mg
from tests.support.cases import CASES
from tests.support.programs import OURS, THEIRS, Program, programs, torch
from tests.support.steps import STEPS

SHUFFLED = tuple(STEPS[i] for i in np.random.default_rng(3).permutation(len(STEPS)))
GROUPS = [SHUFFLED[i : i + 6] for i in range(0, len(SHUFFLED), 6)]
QUIET = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


def derivatives(program, directions, weights):
    """Of `f(x)`, the program, and `s(x) = w . sin(f(x))`: f, J v, J^T w, and s to third order, all by minigrad."""
    v, w = directions

    def scalar(xs):
        return mg.sum(mg.sin(program.run(OURS, *xs)) * weights)

    y, J = mg.linearize(lambda *xs: program.run(OURS, *xs), *program.inputs)
    third = mg.jvp(lambda xs: mg.hvp(scalar, xs, v), (program.inputs,), (w,))[1]
    pushed = mg.jvp(lambda *xs: program.run(OURS, *xs), program.inputs, v)[1]
    np.testing.assert_allclose(pushed, J(*v), rtol=1e-9, atol=1e-12)
    return {
        "value": y, "push": J(*v), "pull": J.T(weights), "gradient": mg.grad(scalar)(program.inputs),
        "hvp": mg.hvp(scalar, program.inputs, v), "third": third,
    }  # fmt: skip


def by_torch(program, directions, weights):
    xs = tuple(torch.tensor(x, requires_grad=True) for x in program.inputs)
    v, w = (tuple(map(torch.tensor, direction)) for direction in directions)
    u = torch.tensor(weights)

    def slopes(y, of=xs):
        if not y.requires_grad:
            return tuple(map(torch.zeros_like, of))
        return torch.autograd.grad(y, of, create_graph=True, materialize_grads=True)

    def along(gs, v):
        return sum((g * t).sum() for g, t in zip(gs, v, strict=True))

    y = program.run(THEIRS, *xs)
    free = torch.ones_like(y, requires_grad=True)  # J v is the derivative of (J^T u) . v in u
    (push,) = slopes(along(slopes((y * free).sum()), v), (free,))
    gradient = slopes((y.sin() * u).sum())
    hvp = slopes(along(gradient, v))
    third = slopes(along(hvp, w))
    given = {"value": y, "push": push, "pull": slopes((y * u).sum()), "gradient": gradient, "hvp": hvp, "third": third}
    return {name: mg.tree_map(lambda t: t.detach().numpy(), value) for name, value in given.items()}


def vector(tree):
    return np.concatenate([np.ravel(x) for x in mg.tree_flatten(tree)[0]])


def difference(function, xs, v):
    """The derivative along `v` and its error: central differences, extrapolated to step 0 (Ridders, 1982)."""

    def central(h):
        forward, backward = ([x + t * d for x, d in zip(xs, v, strict=True)] for t in (h, -h))
        return (vector(function(forward)) - vector(function(backward))) / (2.0 * h)

    row = [central(0.02)]
    best, error = row[0], np.inf
    for level in range(1, 6):
        new = [central(0.02 * 0.5**level)]
        for k in range(level):
            new.append(new[k] + (new[k] - row[k]) / (4.0 ** (k + 1) - 1.0))
            change = max(np.abs(new[-1] - new[k]).max(initial=0.0), np.abs(new[-1] - row[k]).max(initial=0.0))
            if change < error:
                best, error = new[-1], change
        row = new
    return best, error


def agree(name, ours, theirs, error=0.0):
    a, b = vector(ours), vector(theirs)
    scale = max(1.0, np.abs(b).max(initial=0.0))
    np.testing.assert_allclose(a, b, rtol=0.0, atol=1e-8 * scale + 10.0 * error, err_msg=name)


def check(program: Program, oracle: str) -> None:
    rng = np.random.default_rng(0)
    v, w = (tuple(rng.normal(size=x.shape) for x in program.inputs) for _ in range(2))
    weights = rng.normal(size=program.run(OURS, *program.inputs).shape)
    ours = derivatives(program, (v, w), weights)
    if oracle == "torch":
        theirs = by_torch(program, (v, w), weights)
        for name, value in ours.items():
            agree(name, value, theirs[name])
        return

    def scalar(xs):
        return mg.sum(mg.sin(program.run(OURS, *xs)) * weights)

    # Each order against differences of the one below, from the values up.
    agree("push", ours["push"], *difference(lambda xs: program.run(OURS, *xs), program.inputs, v))
    pulled = sum(np.sum(g * d) for g, d in zip(ours["pull"], v, strict=True))
    agree("pull", pulled, ours["push"] @ weights)
    along = sum(np.sum(g * d) for g, d in zip(ours["gradient"], v, strict=True))
    agree("gradient", along, *difference(scalar, program.inputs, v))
    agree("hvp", ours["hvp"], *difference(lambda xs: mg.grad(scalar)(tuple(xs)), program.inputs, v))
    agree("third", ours["third"], *difference(lambda xs: mg.hvp(scalar, tuple(xs), v), program.inputs, w))


@pytest.fixture(params=["torch", "differences"])
def oracle(request):
    if request.param == "torch":
        pytest.importorskip("torch", reason="PyTorch is not installed: differences are the other oracle")
    return request.param


def test_every_differentiable_function_is_drawn():
    """As in the table of cases, of which test_derivatives.py shows that it leaves out none that is public."""
    assert {step.function for group in GROUPS for step in group} == {case.function for case in CASES}


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: "-".join(step.function for step in group))
def test_programs_of_every_function(group, oracle):
    @settings(max_examples=3, derandomize=True, **QUIET)
    @given(programs(group, all_of_them=True))
    def run(program):
        check(program, oracle)

    run()


def test_random_programs(request, oracle):
    """20 programs that stay the same; with `--fuzz N`, N new ones."""
    count, number = request.config.getoption("--fuzz"), request.config.getoption("--fuzz-seed")

    @settings(max_examples=count or 20, derandomize=not count, **QUIET)
    @given(programs(SHUFFLED))
    def run(program):
        check(program, oracle)

    if count:
        number = secrets.randbits(32) if number is None else number
        print(f"--fuzz {count} --fuzz-seed {number}")
        run = seed(number)(run)
    run()


MISTAKES = {
    "a factor": lambda y, x: mg.Scale(1.01 * (1.0 - y * y)),
    "the reverse sweep": lambda y, x: mg.Linear(lambda t: t * (1.0 - y * y), lambda u: u * (1.0 - y)),
    "the forward sweep": lambda y, x: mg.Linear(lambda t: t * (1.0 - y), lambda u: u * (1.0 - y * y)),
    "the second order": lambda y, x: mg.Scale(1.0 - mg.stop_gradient(y * y)),
    "the third order": lambda y, x: mg.Scale(1.0 - y * (y + (y - mg.stop_gradient(y)) ** 2)),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_rule_is_found(mistake, oracle, monkeypatch):
    monkeypatch.setattr(mg, "tanh", mg.primitive(MISTAKES[mistake])(np.tanh))
    group = next(group for group in GROUPS if "tanh" in {step.function for step in group})

    @settings(max_examples=3, derandomize=True, phases=[Phase.generate], **QUIET)
    @given(programs(group, all_of_them=True))
    def run(program):
        check(program, oracle)

    with pytest.raises(AssertionError):
        run()
