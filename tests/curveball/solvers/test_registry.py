"""Solvers by name: a new one is one file; those with a name train mini-batches and go on from a checkpoint."""

from dataclasses import dataclass

import numpy as np
import pytest

from curveball import NewtonCG
from curveball.solvers import registry
from curveball.solvers.base import Solver
from curveball.solvers.registry import register, solver_from, solver_names
from curveball.training.options import TrainOptions
from curveball.training.train import train
from minigrad import tree_flatten
from problems import Classification, Dataset, load, network
from tests.support.packages import copy_with_files, run

OPTIONS = {"newton-cg": ":curvature=ggn,max_cg=3,lam=0.1", "levenberg-marquardt": ":linear=cg,max_cg=3"}

MINE = """
from dataclasses import dataclass

from curveball.solvers.registry import register
from curveball.solvers.sgd import SGD


@register("mine")
@dataclass(frozen=True)
class Mine(SGD):
    lr: float = 0.5
"""


def test_the_names():
    assert {"curveball", "sgd", "adam", "newton-cg", "levenberg-marquardt"} <= set(solver_names())
    assert solver_names() == sorted(solver_names())


def test_a_new_solver_is_one_file(tmp_path):
    root = copy_with_files(tmp_path, {"curveball/solvers/mine.py": MINE})
    code = (
        "from curveball.solvers.registry import *; print(solver_from('mine:momentum=0.5')); print(*solver_names());"
        "from curveball.cli import names; print(names.SOLVERS)"
    )
    made, known, in_help_texts = run(root, code).splitlines()
    assert made == "Mine(lr=0.5, momentum=0.5, weight_decay=0.0, nesterov=False)"
    assert known.split() == sorted([*solver_names(), "mine"])
    assert in_help_texts.split(", ") == known.split()


def test_a_name_is_given_once(monkeypatch):
    monkeypatch.setattr(registry, "SOLVERS", dict(registry.SOLVERS))

    @register("another")
    @dataclass(frozen=True)
    class Another(Solver):
        pass

    assert solver_from("another") == Another()
    with pytest.raises(ValueError, match="there is a solver 'sgd' already, SGD: choose another name"):
        register("sgd")(Another)


def test_words_are_options_where_the_default_is_one():
    assert solver_from("newton-cg:curvature=ggn,max_cg=none") == NewtonCG(curvature="ggn")
    with pytest.raises(ValueError, match="curvature must be 'hessian' or 'ggn'; got '3'"):
        solver_from("newton-cg:curvature=3")
    assert [solver_from(f"curveball:adapt_lam={word}").adapt_lam for word in ("share", "False", "true")] == [
        "share", False, True,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="adapt_lam must be paper, share, true or false; got '1'"):
        solver_from("curveball:adapt_lam=1")


@pytest.mark.parametrize(("text", "message"), [
    ("sgd:lr=0.1,lr=0.2", "lr is given twice: give it once"),
    ("sgd:lr=0.1,lr=0.1", "lr is given twice"),
    ("curveball:lam_every=true", "lam_every must be a number or none; got 'true'"),
    ("sgd:lr=True", "lr must be a number or none; got 'True'"),
    ("sgd:lr=1_0", "lr must be a number, true, false or none; got '1_0'"),
    ("curveball:lam_every=1_0", "lam_every must be a number"),
    ("sgd:lr=٣", "lr must be a number"),
    ("sgd:lr= 1", "lr must be a number"),
    ("sgd:lr=0x10", "lr must be a number"),
    ("sgd:lr=1e999", "lr is too large a number; got '1e999'"),
    (f"sgd:lr={'9' * 400}", "lr is too large a number; got '9999"),
    (f"curveball:lam_every={'9' * 400}", "lam_every is too large a number"),
    (f"curveball:lam_every={'9' * 5000}", "lam_every is too large a number"),
    (f"sgd:lr={'x' * 5000}", "lr must be a number"),
])  # fmt: skip
def test_values_that_are_not_what_they_seem(text, message):
    with pytest.raises(ValueError, match=r"^solver ") as error:
        solver_from(text)
    assert message in str(error.value)
    assert len(str(error.value)) < 250
    assert len(str(error.value).splitlines()) == 1


def few_digits():
    d = load("digits")
    train_set = d.train_images[:60], d.train_labels[:60]
    data = Dataset.of("few digits", d.classes, train_set, (d.validation_images[:20], d.validation_labels[:20]))
    return Classification(data, network("mlp"), 20, np.float32)


@pytest.mark.parametrize("name", solver_names())
def test_each_trains_mini_batches_and_goes_on_from_a_checkpoint(name, tmp_path):
    problem, solver = few_digits(), solver_from(name + OPTIONS.get(name, ""))
    whole = train(problem, solver, TrainOptions(epochs=2, quiet=True))
    assert np.isfinite(whole.steps[-1]["loss"])
    train(problem, solver, TrainOptions(epochs=1, quiet=True), folder=tmp_path)
    resumed = train(problem, solver, TrainOptions(epochs=2, quiet=True, resume=True), folder=tmp_path)
    for a, b in zip(tree_flatten(resumed.params)[0], tree_flatten(whole.params)[0], strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_largest_number_that_floats_hold_exactly_is_whole():
    every = solver_from(f"curveball:lam_every={2**53}").lam_every
    assert (every, type(every)) == (2**53, int)


@pytest.mark.parametrize(("length", "shown"), [(40, "x" * 40), (41, "x" * 40 + "...")])
def test_a_long_value_is_shown_in_part(length, shown):
    with pytest.raises(ValueError, match=f"got {shown!r}"):
        solver_from(f"sgd:lr={'x' * length}")


def test_an_option_that_is_a_number_or_a_word():
    assert solver_from("curveball:rho=bounded").rho == "bounded"
    assert solver_from("curveball:rho=0.5").rho == 0.5
    assert solver_from("curveball:rho=none").rho is None
    for wrong in ("high", "nan", "true", "bounded1", ""):
        with pytest.raises(ValueError, match=f"^rho must be a finite number, bounded or none; got '?{wrong}'?$"):
            solver_from(f"curveball:rho={wrong}")
    with pytest.raises(ValueError, match="lr must be a number, true, false or none; got 'bounded'"):
        solver_from("curveball:lr=bounded")
