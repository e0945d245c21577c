"""What notebook 8 says about lambda and learning rates is what the committed runs say."""

import math

import pytest

from studies import lambda_axis as study

RUNS = study.read()


def losses(network, start, values):
    return {value: study.mean_loss(RUNS, network, start + value) for value in values}


def failed(found):
    """A loss above that of a network that has learned nothing."""
    return {value for value, loss in found.items() if loss > 2.5}


def test_every_run_is_there_once():
    assert sorted((run["network"], run["solver"], run["seed"]) for run in RUNS) == sorted(study.wanted())


@pytest.mark.parametrize("network", study.NETWORKS)
def test_the_share_is_flat_and_the_papers_rule_is_not(network):
    share = losses(network, study.RULES["share"], study.LAMBDAS)
    paper = losses(network, study.RULES["paper"], study.LAMBDAS)
    best = min(paper.values())
    assert max(share.values()) < 3.1 * min(share.values())
    assert min(share.values()) / best > 0.4
    assert max(share.values()) / best < 1.55
    assert failed(paper) >= {"0.0001", "0.0003", "0.001", "0.003"}


def test_what_a_wrong_number_costs_on_the_cnn():
    paper = losses("cnn", study.RULES["paper"], study.LAMBDAS)
    assert min(paper, key=paper.__getitem__) == "0.01"
    assert [round(paper[lam] / paper["0.01"], 1) for lam in ("0.1", "1", "10")] == [1.6, 6.7, 42.1]
    sgd = losses("cnn", "sgd:lr=", study.RATES["sgd:lr="])
    assert min(sgd, key=sgd.__getitem__) == "0.3"
    assert round(sgd["0.03"] / sgd["0.3"]) == 24
    adam = losses("cnn", "adam:lr=", study.RATES["adam:lr="])
    assert min(adam, key=adam.__getitem__) == "0.03"


def test_a_run_repeats_the_committed_one():
    (committed,) = [run for run in RUNS if (run["network"], run["solver"], run["seed"]) == ("mlp", "sgd:lr=0.1", 0)]
    assert study.compute("mlp", "sgd:lr=0.1", 0, epochs=1)["losses"] == pytest.approx(committed["losses"][:1], rel=1e-2)


def test_a_run_with_fewer_epochs_failed():
    assert math.isinf(study.mean_loss([study.Run(network="cnn", solver="x", seed=0, losses=[1.0])], "cnn", "x"))
