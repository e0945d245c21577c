"""Schedules of learning rates: their values in closed form, in PyTorch's, in training, resumed, logged, and errors."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

import minigrad as mg
from curveball import SGD, Adam, CurveBall, LevenbergMarquardt
from curveball.experiments.compare import compare
from curveball.training.options import RunSpec, TrainOptions
from curveball.training.schedule import (
    NAMED,
    Pieces,
    Product,
    Schedule,
    WarmUp,
    learning_rates,
    schedule_from,
    schedule_names,
    with_lr,
)
from tests.conftest import jax_bits
from tests.support.line import Line
from tests.support.training import assert_same, run, small

SOLVERS = {"sgd": SGD(lr=0.05), "adam": Adam(lr=0.01), "curveball": CurveBall(lr=0.8)}
TEXTS = {
    "step:epochs=1/1.5,factor=0.5": lambda t: 1.0 if t < 1 else 0.5 if t < 1.5 else 0.25,
    "pieces:epochs=0.5/1,factors=0.1/1": lambda t: 0.1 if t < 0.5 else 1.0,
    "cosine": lambda t: 0.5 * (1.0 + math.cos(math.pi * t / 2)),
    "cosine:epochs=1,end=0.2": lambda t: 0.6 + 0.4 * math.cos(math.pi * min(t, 1)),
    "warmup:epochs=1,start=0": lambda t: min(t, 1),
    "warmup:epochs=2,start=0.5+step:epochs=1": lambda t: (0.5 + 0.25 * t) * (1.0 if t < 1 else 0.1),
}


@pytest.mark.parametrize("text", TEXTS)
def test_closed_forms(text):
    schedule = schedule_from(text, epochs=2)
    for t in np.linspace(0.0, 2.0, 41):
        assert schedule(float(t)) == pytest.approx(TEXTS[text](float(t)), rel=1e-12, abs=1e-15)


def test_the_authors_schedule_for_resnet_18():
    """.01 for 3 epochs, .1 for 80, .01 for 10, .001 for 27, at SGD's lr of 0.1."""
    rates = learning_rates(SGD(lr=0.1, momentum=0.95), schedule_from("resnet18", epochs=120), steps_per_epoch=390)
    found = [rates(step) for step in range(390 * 120)]
    assert found == pytest.approx([0.01] * 3 * 390 + [0.1] * 80 * 390 + [0.01] * 10 * 390 + [0.001] * 27 * 390)


@pytest.mark.parametrize(
    "text",
    [
        *TEXTS, *NAMED, "constant", "step:epochs=3", "warmup", "step:epochs=1e1,factor=0", "warmup:epochs=1e+15",
        "cosine+warmup:epochs=3e+2+step:epochs=1e20",
    ],
)  # fmt: skip
def test_texts_are_read_as_they_are_written(text):
    schedule = schedule_from(text, epochs=7)
    assert schedule_from(str(schedule), epochs=99) == schedule
    as_a_schedule: Schedule = schedule
    assert as_a_schedule(1.0) >= 0.0


def test_a_factor_without_bounds_is_infinite():
    """So that the loss ends the run, not an error."""
    assert schedule_from("step:epochs=1/1/2,factor=1e300", epochs=3)(2.0) == np.inf


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("linear", f"unknown schedule 'linear': there are {', '.join(schedule_names())}, joined by"),
        ("", "unknown schedule ''"),
        ("cosine+", "unknown schedule ''"),
        ("resnet18:epochs=3", "schedule 'resnet18:epochs=3': resnet18 takes no options"),
        ("step", "step needs epochs, as in step:epochs=30/60,factor=0.1"),
        ("pieces:epochs=3", "pieces needs factors, as in pieces:"),
        ("step:epoch=3", "'epoch=3' is not an option: step takes each once of the keys epochs, factor"),
        ("constant:lr=3", "'lr=3' is not an option: constant takes nothing"),
        ("step:epochs=3,epochs=4", "'epochs=4' is not an option: step takes each once"),
        ("step:epochs=3/x", "epochs must be positive numbers with / between them; got '3/x'"),
        ("step:epochs=0", "epochs must be positive numbers with / between them; got '0'"),
        ("step:epochs=3,factor=-1", "factor must be a zero or positive number; got '-1'"),
        ("cosine:end=nan", "end must be a zero or positive number; got 'nan'"),
        ("cosine:epochs=1e999", "epochs must be a positive number; got '1e999'"),
        ("warmup:epochs=3/4", "epochs must be a positive number; got '3/4'"),
        ("pieces:epochs=3/4,factors=1", "pieces needs as many factors as epochs; got 1 and 2"),
    ],
)
def test_bad_texts(text, words):
    with pytest.raises(ValueError, match=rf"\A[^\n]*{re.escape(words)}[^\n]*\Z"):
        TrainOptions(schedule=text)


def test_a_solver_without_a_learning_rate(tmp_path):
    options = TrainOptions(epochs=2, schedule="cosine")
    with pytest.raises(ValueError, match="LevenbergMarquardt has no learning rate lr for a schedule to change"):
        RunSpec("lm", LevenbergMarquardt(), options)
    with pytest.raises(ValueError, match="LevenbergMarquardt has no learning rate"):
        run(Line(), LevenbergMarquardt(), tmp_path, schedule="step:epochs=1")
    assert not list(tmp_path.iterdir())
    assert RunSpec("lm", LevenbergMarquardt(), TrainOptions(schedule="constant")).name == "lm"


def by_hand(problem, solver, rate, epochs):
    """Training without `train`: a new solver at every step."""
    rng = np.random.default_rng(0)
    params = problem.init(rng)
    state, rates = solver.init(params), []
    for epoch in range(epochs):
        for k, batch in enumerate(problem.batches(rng)):
            rates.append(solver.lr * rate(epoch + k / problem.steps_per_epoch))
            params, state, _ = replace(solver, lr=rates[-1]).step(
                params,
                state,
                lambda w, b=batch: problem.model(w, b),
                lambda y, b=batch: problem.loss(y, b),
                has_aux=True,
            )
    return params, state, rates


@pytest.mark.parametrize("text", ["cosine", "step:epochs=1/1.5,factor=0.5", "warmup:epochs=2,start=0.5+step:epochs=1"])
@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
def test_training_is_that_of_a_solver_with_that_rate_at_every_step(solver, text, tmp_path):
    params, state, rates = by_hand(Line(), solver, TEXTS[text], epochs=2)
    found = run(Line(), solver, tmp_path, epochs=2, schedule=text)
    mg.tree_map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-11), (found.params, found.state), (params, state))
    assert [record["lr"] for record in found.steps] == pytest.approx(rates, rel=1e-12)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[0]["schedule"] == str(schedule_from(text, 2))
    assert [line["lr"] for line in lines if line["kind"] == "step"] == [record["lr"] for record in found.steps]


def test_a_constant_schedule_changes_nothing(tmp_path):
    found, plain = run(Line(), SGD(lr=0.05), tmp_path, schedule="constant"), run(Line(), SGD(lr=0.05))
    assert_same(found.params, plain.params)
    assert "lr" not in found.steps[0]
    assert "schedule" not in json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])


class Stop(Exception):
    pass


@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
def test_a_resumed_run_is_the_same_bit_by_bit(solver, tmp_path):
    options = {"epochs": 3, "schedule": "warmup:epochs=1+cosine", "save_every": 1}
    whole = run(Line(), solver, **options)

    def stop(record):
        if record["kind"] == "step" and record["step"] == 7:
            raise Stop

    with pytest.raises(Stop):
        run(Line(), solver, tmp_path, callback=stop, **options)
    resumed = run(Line(), solver, tmp_path, resume=True, **options)
    assert_same((resumed.params, resumed.state), (whole.params, whole.state))
    assert [record["lr"] for record in resumed.steps] == [record["lr"] for record in whole.steps]


def test_a_run_is_not_resumed_with_another_schedule(tmp_path):
    run(Line(), SGD(), tmp_path, schedule="cosine")
    with pytest.raises(
        ValueError, match="was written with schedule=cosine:epochs=1,end=0, this run has schedule=cosine:"
    ):
        run(Line(), SGD(), tmp_path, schedule="cosine", epochs=2, resume=True)
    longer = run(Line(), SGD(), tmp_path, schedule="cosine:epochs=1", epochs=2, resume=True)
    assert [record["lr"] for record in longer.steps[4:]] == [0.0] * 4
    with pytest.raises(ValueError, match="this run has schedule=None"):
        run(Line(), SGD(), tmp_path, epochs=3, resume=True)


def test_a_rate_may_be_an_array_and_nothing_is_checked():
    solver = with_lr(SGD(lr=0.5, momentum=0.25), np.float32(0.0))
    assert solver.lr.dtype == np.float32
    assert (solver.momentum, type(solver)) == (0.25, SGD)
    params, state = {"w": np.ones(2, np.float32)}, SGD().init({"w": np.ones(2, np.float32)})
    for rate in (np.asarray(0.125), np.asarray(0.125, np.float32)):
        after, *_ = with_lr(SGD(), rate).step(params, state, lambda w: w["w"], lambda y: y @ y)
        assert after["w"].dtype == np.float32
        np.testing.assert_array_equal(after["w"], np.full(2, 0.75, np.float32))


@pytest.mark.parametrize("name", ["sgd", "curveball"])
def test_compiled_steps_take_the_rate_as_an_argument(name, monkeypatch):
    """With JAX: as many programs as without a schedule, with NumPy's rates and losses."""
    jnp = pytest.importorskip("jax.numpy", reason="JAX is not installed")
    traced, compiled = [], mg.compiled

    def counting(function, *args, **kwargs):
        def counted(*arguments):
            traced.append(None)
            return function(*arguments)

        return compiled(counted, *args, **kwargs)

    monkeypatch.setattr(mg, "compiled", counting)
    there, here = Line(), Line()
    with jax_bits(64):
        there.data.train_images, there.data.targets = map(jnp.asarray, (here.data.train_images, here.data.targets))
        run(there, SOLVERS[name], epochs=2, compile=True)
        without = len(traced)
        found = run(there, SOLVERS[name], epochs=2, compile=True, schedule="warmup:epochs=1+cosine")
    assert 0 < len(traced) - without == without
    expected = run(here, SOLVERS[name], epochs=2, schedule="warmup:epochs=1+cosine")
    for key in ("lr", "loss"):
        columns = [[record[key] for record in each.steps] for each in (found, expected)]
        np.testing.assert_allclose(*columns, rtol=1e-9, atol=1e-12)


def test_comparisons_have_a_schedule_for_each_solver(tmp_path):
    solvers = {"sgd": SGD(), "curveball": CurveBall()}
    runs = compare(small("mlp"), solvers, tmp_path, TrainOptions(epochs=2, quiet=True), schedules={"sgd": "cosine"})
    assert ["lr" in run.steps[0] for run in runs] == [True, False]
    schedules = [run["schedule"] for run in json.loads((tmp_path / "results.json").read_text())["runs"]]
    assert schedules == ["cosine:epochs=2,end=0", "constant"]
    with pytest.raises(
        ValueError, match="there is a schedule for 'adam', which is none of the solvers: sgd, curveball"
    ):
        compare(small("mlp"), solvers, tmp_path, TrainOptions(quiet=True), schedules={"adam": "cosine"})
    both = Product((Pieces((1.0,), (0.5,)), WarmUp()))
    assert both(0.0) == pytest.approx(0.05)
