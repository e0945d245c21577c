r"""The rules for lambda that studies/lambda_rules.py tries, and a training that each of them can lead.

A rule sees every step (lambda_rules_step.py), and names the next lambda: a number, or one for each layer. Of each rule,
`guarded` says whether momentum is kept in [0, 1].
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from lambda_rules_step import Averaging, Step, functions, minimum_of, take_step

import minigrad as mg
from curveball.solvers.base import loss_at
from curveball.solvers.damping_share import GROWTH, ShareState, followed, judged, log_odds
from curveball.solvers.tree_math import tree_vdot
from curveball.solvers.trust_ratio import adapted_lam, in_range, trust_ratio
from curveball.training.devices import to_device_of
from minigrad import Tree

DECAY, TARGET, EVERY = 0.98, -0.15, 5
WORST = 1e6  # a loss above it, or that is no number: a run that has failed


class Rule:
    """A lambda that stays; others say how it changes after a step."""

    guarded = True  # momentum in [0, 1]

    def __init__(self, lam: float, params: Tree, larger: Callable[[int], Any], *settings: float) -> None:
        """`larger(n)` draws a batch of n times the size; `settings` are the numbers in the rule's name."""
        self.lam, self.params, self.larger, self.settings = lam, params, larger, settings

    def damping(self) -> Tree:
        """Like the params."""
        return like(self.params, self.lam)

    def follow(self, step: Step) -> None:
        """Change lambda after a step."""

    def move(self, log: float) -> None:
        """By a factor, within the range that CurveBall allows."""
        self.lam = float(in_range(np.float64(self.lam * math.exp(log))))


class Paper(Rule):
    """The paper's rule, on momentum as it is."""

    guarded = False

    def follow(self, step: Step) -> None:
        if (step.k + 1) % EVERY == 0:
            change = float(loss_at(step.new_w, step.model, step.loss, True)) - step.objective
            self.trust(change, step.predicted, 0.999**EVERY, 0.5, 1.5)

    def trust(self, change: float, predicted: float, factor: float, low: float, high: float) -> None:
        gamma = trust_ratio(np.float64(change), np.float64(predicted))
        self.lam = float(adapted_lam(np.float64(self.lam), gamma, np.float64(predicted), factor, low, high))


class LevenbergMarquardt(Paper):
    """As K-FAC does: every five steps, by 0.95^5, where the trust ratio leaves [1/4, 3/4].

    The ratio is that of the step's own batch (`settings` 1), or of a fresh batch of so many times its size, with the
    slope and the curvature of that batch. Damping is left out of the change that is predicted: with it, a batch that
    the step was not made of would see an increase predicted wherever lambda is large, and raise it without end. Where
    an increase is predicted even so, lambda grows.
    """

    guarded = True

    def follow(self, step: Step) -> None:
        if (step.k + 1) % EVERY:
            return
        model, loss, value = step.model, step.loss, step.objective
        predicted = step.predicted - 0.5 * step.squares
        if self.settings[0] > 1:
            model, loss = self.larger(int(self.settings[0]))
            G = mg.GGNOperator(model, loss, step.w, has_aux=True)
            slope, Hz = G.slope_and_product(z_y := G.J(step.z))
            value, predicted = float(G.value), float(slope + 0.5 * tree_vdot(z_y, Hz))
        self.trust(float(loss_at(step.new_w, model, loss, True)) - value, predicted, 0.95**EVERY, 0.25, 0.75)


class FreshSlope(Rule):
    """The slope of fresh data along the last step, over what its own batch promised, is held at -0.15.

    Both in running means.
    """

    guarded = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.means, self.promised = np.zeros(2), None

    def follow(self, step: Step) -> None:
        if self.promised is not None:
            self.means = DECAY * self.means + (1.0 - DECAY) * np.array([step.fresh, self.promised])
            self.move(-0.05 * min(max(3.0 * (divided(*self.means) - TARGET), -1.0), 1.0))
        self.promised = step.before


class Measured(Rule):
    """What part of the slope that a batch promises the next one has too: `real`, a ratio of running means."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.means, self.last = np.zeros(3), None

    def measure(self, step: Step) -> bool:
        """Whether there is something to measure yet: q, and the real part, by one more gradient at the last params."""
        seen = self.last is not None
        if self.last is not None:
            w, z, promised = self.last
            gradient = mg.GGNOperator(step.model, step.loss, w, has_aux=True).gradient
            slopes = np.array([step.fresh, promised, float(tree_vdot(gradient, z))])
            self.means = DECAY * self.means + (1.0 - DECAY) * slopes
        self.last = step.w, step.z, step.before
        return seen

    @property
    def q(self) -> float:
        return divided(self.means[0], self.means[1])

    @property
    def real(self) -> float:
        return divided(self.means[2], self.means[1])


class Turn(Measured):
    """A target from measured noise: the fresh slope is held at `-c real` (`settings` c)."""

    def follow(self, step: Step) -> None:
        if self.measure(step):
            self.move(-0.05 * min(max(3.0 * (self.q + self.settings[0] * self.real), -1.0), 1.0))


class Held(Measured):
    """The share of damping in the curvature along the step is held: the trust ratio of the model at 1 + share."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.state = ShareState(average=self.params, noisy=1.0, target=log_odds(self.target(None)))

    def target(self, step: Step | None) -> float:
        """The share that is wanted."""
        return self.settings[0]

    def follow(self, step: Step) -> None:
        self.state = self.state._replace(target=log_odds(self.target(step)))
        # From the third step on for `followed`: at the second it would take over the share that there is.
        self.state, lam = kept_share(self.state, self.lam, step.squares, step.curvature, step.k + (step.k > 0))
        self.lam = lam


class Noise(Held):
    """A target from measured noise: the share is the part of the slope that is not real, times `settings`.

    It stays in [0.01, 0.6], as in `adapt_lam="share"`.
    """

    def target(self, step: Step | None) -> float:
        if step is None or not self.measure(step):
            return self.settings[0]
        return min(max(self.settings[0] * (1.0 - self.real), 0.01), 0.6)


class Comparison(Rule):
    """Lambda, not the share, goes up where the average of the params is better than the params, and down else.

    By as much as `adapt_lam="share"` moves the odds of its share.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.state = ShareState(average=self.params, noisy=1.0)

    def follow(self, step: Step) -> None:
        if step.k % EVERY == 0:
            zero = log_odds(0.1)  # in the middle of where the target may be: its change is taken, and it is put back
            self.state = compared(self.state._replace(target=zero), step, step.k)
            self.move(float(self.state.target) - zero)


class Horizon(Rule):
    """`adapt_lam="share"` with an average of the params over a fixed number of steps (`settings`).

    Of its two guards it has the first, momentum in [0, 1]; it does not go back where a loss explodes. Lambda moves from
    the first step on, where the package waits for a second batch.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.state = ShareState(average=self.params, noisy=1.0)

    def horizon(self, k: int) -> float:
        """The step at which the horizon of the package's rule is as long: that step itself, until it is long enough."""
        return min(k, self.settings[0] / GROWTH)

    def judge(self, step: Step) -> None:
        if step.k % EVERY == 0:
            self.state = compared(self.state, step, self.horizon(step.k))

    def follow(self, step: Step) -> None:
        self.judge(step)
        self.state, self.lam = kept_share(self.state, self.lam, step.squares, step.curvature, step.k)


class Layers(Horizon):
    """`adapt_lam="share"` with a lambda for each layer: each keeps the same share of the curvature in its part of `z`.

    That is `z_l.(G z)_l`, taken for 0 where other layers make it negative. The share begins with the least of theirs.
    `lam` is their geometric mean.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.lams = dict.fromkeys(self.params, self.lam)
        self.states = dict.fromkeys(self.params, self.state._replace(average=None))

    def horizon(self, k: int) -> float:
        """Growing with the run."""
        return k

    def damping(self) -> Tree:
        return {name: like(layer, self.lams[name]) for name, layer in self.params.items()}

    def follow(self, step: Step) -> None:
        self.judge(step)
        G = mg.GGNOperator(step.model, step.loss, step.w, has_aux=True)
        Gz = G.J.T(G.slope_and_product(G.J(step.z))[1])
        for name, z in step.z.items():
            squares = self.lams[name] * float(tree_vdot(z, z))
            state = self.states[name]._replace(target=self.state.target)
            self.states[name], self.lams[name] = kept_share(
                state, self.lams[name], squares, squares + max(float(tree_vdot(z, Gz[name])), 0.0), step.k
            )
            if step.k == 1:  # the least of the shares that the layers begin with
                self.state = self.state._replace(target=min(self.state.target, self.states[name].target))
        self.lam = math.exp(np.mean(np.log(list(self.lams.values()))))


def kept_share(state: ShareState, lam: float, squares: float, curvature: float, k: float) -> tuple[ShareState, float]:
    """The rule (2) of damping_share.py, from `lam z.z` and `z.G_lam z`."""
    state, new = followed(
        state, np.float64(lam), np.float64(squares / lam), np.float64(curvature), np.float64(k), np.asarray(False)
    )
    return state, float(new)


def compared(state: ShareState, step: Step, k: float) -> ShareState:
    """The comparison (3) and (4) of damping_share.py, at the average of the params; at the first step, after it."""
    there = step.new_w if step.k == 0 else state.average
    other = np.float64(loss_at(there, step.model, step.loss, True))
    return judged(state, step.w, np.float64(step.objective), other, np.float64(k), EVERY)


def divided(a: float, b: float) -> float:
    return a / b if b else 0.0


def like(tree: Tree, number: float) -> Tree:
    """A tree with this number at each of its leaves."""
    return mg.tree_map(lambda _: number, tree)


RULES: dict[str, type[Rule]] = {
    "fixed": Rule, "paper": Paper, "fresh": FreshSlope, "turn": Turn, "held": Held, "noise": Noise,
    "comparison": Comparison, "horizon": Horizon, "ratio": LevenbergMarquardt, "layers": Layers,
}  # fmt: skip


def rule_from(name: str, lam: float, params: Tree, larger: Callable[[int], Any]) -> Rule:
    """From a name like `held:0.3`."""
    kind, _, numbers = name.partition(":")
    return RULES[kind](lam, params, larger, *map(float, numbers.split(":") if numbers else ()))


def train(
    problem: Any, name: str, lam: float, seed: int, epochs: int, average: float = 0.0
) -> tuple[list[float], list[float]]:
    """Mean loss of every epoch, fewer of a run that failed; lambda before each step."""
    rng, other = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    w = to_device_of(problem.data.train_images, problem.init(rng))
    size = problem.data.train_labels.shape[0]

    def larger(n: int) -> Any:
        index = other.choice(size, min(n * problem.batch_size, size), replace=False)
        return functions(problem, problem.take(index))

    rule = rule_from(name, lam, w, larger)
    minimum = minimum_of(rule.guarded)
    if average:
        minimum = Averaging(average, minimum)
    z, losses, lams, count = mg.tree_map(mg.zeros_like, w), [], [], itertools.count()
    for _ in range(epochs):
        seen = []
        for batch in problem.batches(rng):
            lams.append(rule.lam)
            step = take_step(next(count), *functions(problem, batch), w, z, rule.damping(), minimum)
            seen.append(step.objective)
            if not step.objective <= WORST:
                return losses, lams
            rule.follow(step)
            w, z = step.new_w, step.z
        losses.append(float(np.mean(seen)))
    return losses, lams


def iterations(problem: Any, name: str, lam: float, params: Tree, most: int, threshold: float) -> int:
    """Of a problem in closed form, from 1: the first one whose loss is below the threshold; 0 if none is."""
    rule = rule_from(name, lam, params, lambda _: None)
    w, z, minimum = params, mg.tree_map(mg.zeros_like, params), minimum_of(rule.guarded)

    batch = problem.batch(np.random.default_rng(0))  # without noise: the same at every step

    def model(w: Tree) -> tuple[Tree, None]:
        return problem.model(w, batch), None

    for k in range(most):
        step = take_step(k, model, lambda y: problem.loss(y, batch), w, z, rule.damping(), minimum)
        if step.objective < threshold:
            return k + 1
        if not math.isfinite(step.objective):
            return 0
        rule.follow(step)
        w, z = step.new_w, step.z
    return 0
