"""The runs of cheaper_step.py: tasks, rules, lambdas and seeds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

TASKS = {  # data, network, batch, epochs, lambdas, seeds
    "digits mlp": ("digits", "mlp", 64, 20, (1.0, 0.1, 0.01, 0.001), (0, 1, 2)),
    "digits cnn": ("digits", "cnn", 64, 20, (1.0, 0.3, 0.03, 0.003), (0, 1, 2)),
    "Fashion-MNIST": ("fashion-mnist", "mnist-mlp", 64, 2, (3.0, 1.0, 0.3), (0, 1, 2)),
    "CIFAR-10 basic": ("cifar10", "basic", 128, 1, (1.0,), (0,)),
    "CIFAR-10 basic-bn": ("cifar10", "basic-bn", 128, 1, (1.0,), (0,)),
}
CHOSEN = "ahead,every=3,between=held,average=0.9"
RECALLED = "ahead,every=3,power=1,decay=0.8,average=0.9,add=0"
PART = "rows=0.25,every=3,between=held,average=0.9"
AHEAD_BY_RHO = "ahead,far=0,every=3,between=held,average=0.9"
FINALISTS = ("full", CHOSEN, PART, RECALLED, "full,average=0.9")  # these run on CIFAR-10 too
THREE_SEEDS = (*FINALISTS, "ahead", "ahead,average=0.9", "paper", "ahead,rows=0.25,average=0.9")  # the others: seed 0
RULES = {  # rule: what it is
    "full": "CurveBall, rho in [0, 1]",
    "paper": "CurveBall, rho free",
    "full,average=0.9": "CurveBall, sums of systems",
    "ahead": "gradient at w + z",
    "ahead,average=0.9": "gradient at w + z, sums",
    "between=skip,every=3": "G z on every 3rd step alone, else momentum",
    "rows=0.2,average=0.9": "G from a fifth of the rows, sums",
    "ahead,rows=0.25": "ahead, coefficients from a quarter of the rows",
    "ahead,rows=0.25,average=0.9": "the same, sums",
    "ahead,every=3": "ahead, curvature every 3rd step, the last remembered",
    "ahead,every=3,decay=0.5,largest": "the same, the largest of late",
    "ahead,every=3,power=1,decay=0.9": "the same, a running mean that follows the length of d",
    RECALLED: "the same, decay 0.8, with sums",
    "ahead,every=3,between=held": "ahead, rho and beta anew every 3rd step",
    CHOSEN: "the same, from sums",
    "ahead,every=3,between=held,average=0.9,share=0.5": "the same, sums only where they keep half the decrease",
    PART: "G from a quarter of the rows, sums every 3rd step",
    AHEAD_BY_RHO: "from sums, gradient at w + rho z",
    "ahead,every=4,between=held,average=0.9": "from sums, every 4th step",
}
EXTRA = [  # on CIFAR-10 with batch normalisation: what of the chosen rule costs progress there, and what would not
    *(("CIFAR-10 basic-bn", rule, 1.0, 0) for rule in ("ahead", AHEAD_BY_RHO)),
    *(("CIFAR-10 basic-bn", CHOSEN, lam, 0) for lam in (0.3, 3.0)),
]
ADAPTED = {rule: f"{rule},adapt" for rule in ("full", "full,average=0.9", CHOSEN, PART, RECALLED)}
ADAPTED_STARTS = ((1.0, (0, 1, 2)), (10.0, (0,)), (0.1, (0,)), (0.01, (0,)))  # lambda, seeds


def plan(cifar: bool) -> Iterator[tuple[str, str, float, int]]:
    """Task, rule, lambda, seed of all runs."""
    for task, (data, _, _, _, lambdas, seeds) in TASKS.items():
        if data != "cifar10" or cifar:
            for rule in FINALISTS if data == "cifar10" else dict.fromkeys((*THREE_SEEDS, *RULES)):
                chosen = seeds if rule in THREE_SEEDS else seeds[:1]
                yield from ((task, rule, lam, seed) for lam in lambdas for seed in chosen)
    if cifar:
        yield from EXTRA
    for task, (data, *_) in TASKS.items():
        if data != "cifar10":
            for (lam, seeds), rule in itertools.product(ADAPTED_STARTS, ADAPTED.values()):
                yield from ((task, rule, lam, seed) for seed in seeds)
