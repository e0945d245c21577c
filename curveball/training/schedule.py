"""Learning rates that change during training: factors of the solver's own `lr`, pure functions of the epochs done.

A schedule is called with `t`, the epochs done, with fractions, before a step: 2.5 in the middle of the third. Its text
is what the command line takes, and what the log and the checkpoint keep:

    constant                                    1
    step:epochs=30/60,factor=0.1                times `factor` after each of these epochs
    pieces:epochs=3/80/10,factors=0.1/1/0.1     these factors for so many epochs each; the last one from then on
    cosine:epochs=40,end=0                      (1 + end)/2 + (1 - end)/2 cos(pi t/epochs), `end` from then on;
                                                without `epochs`, those of the run
    warmup:epochs=5,start=0.1                   linear from `start` to 1, and 1 from then on
    resnet18                                    that of CurveBall's authors for ResNet-18 on CIFAR-10: with
                                                sgd:lr=0.1,momentum=0.95 rates of 0.01, 0.1, 0.01 and 0.001
    warmup:epochs=5+cosine                      the product of two or more

Cosine: I. Loshchilov and F. Hutter, "SGDR", ICLR 2017, eq. 5. Warm-up: P. Goyal et al., arXiv 1706.02677, section 2.2.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, Protocol, TypeVar

from curveball.solvers.base import Number, Solver

Several = tuple[float, ...]
NUMBER = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?")
_Solver = TypeVar("_Solver", bound=Solver)


class Schedule(Protocol):
    """A function from the epochs done to a factor of the learning rate, 0 or more; `str` of it is its text."""

    def __call__(self, t: float, /) -> float:
        """The factor after `t` epochs."""
        ...


class _Written:
    """The text of a schedule: its name, and its fields."""

    def __str__(self) -> str:
        name = next(name for name, kind in KINDS.items() if kind is type(self))
        known = fields(self)  # type: ignore[arg-type]  # every kind is a dataclass
        given = ",".join(f"{field.name}={_written(getattr(self, field.name))}" for field in known)
        return f"{name}:{given}" if given else name


@dataclass(frozen=True)
class Constant(_Written):
    """1.

    >>> str(Constant()), Constant()(3.0)
    ('constant', 1.0)
    """

    def __call__(self, t: float) -> float:
        return 1.0


@dataclass(frozen=True)
class Steps(_Written):
    """Times `factor` after each of some epochs.

    >>> [round(Steps((2.0, 3.0))(t), 6) for t in (0.0, 1.9, 2.0, 3.0)]
    [1.0, 1.0, 0.1, 0.01]
    """

    epochs: Several
    factor: float = 0.1

    def __call__(self, t: float) -> float:
        return math.prod((self.factor for epoch in self.epochs if t >= epoch), start=1.0)  # inf where ** would raise


@dataclass(frozen=True)
class Pieces(_Written):
    """A factor for so many epochs, then the next one; the last one stays.

    >>> [Pieces((3.0, 2.0), (0.1, 1.0))(t) for t in (0.0, 2.9, 3.0, 100.0)]
    [0.1, 0.1, 1.0, 1.0]
    """

    epochs: Several
    factors: Several

    def __post_init__(self) -> None:
        if len(self.epochs) != len(self.factors):
            raise ValueError(f"pieces needs as many factors as epochs; got {len(self.factors)} and {len(self.epochs)}")

    def __call__(self, t: float) -> float:
        for length, factor in zip(self.epochs, self.factors, strict=True):
            if t < length:
                return factor
            t -= length
        return self.factors[-1]


@dataclass(frozen=True)
class Cosine(_Written):
    """Half a period of a cosine, from 1 to `end`.

    >>> [round(Cosine(10.0)(t), 6) for t in (0.0, 5.0, 10.0, 11.0)]
    [1.0, 0.5, 0.0, 0.0]
    """

    epochs: float
    end: float = 0.0

    def __call__(self, t: float) -> float:
        return self.end + (1.0 - self.end) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, t / self.epochs)))


@dataclass(frozen=True)
class WarmUp(_Written):
    """Linear from `start` to 1.

    >>> [round(WarmUp(4.0, start=0.5)(t), 6) for t in (0.0, 2.0, 4.0, 5.0)]
    [0.5, 0.75, 1.0, 1.0]
    """

    epochs: float = 5.0
    start: float = 0.1

    def __call__(self, t: float) -> float:
        return self.start + (1.0 - self.start) * min(1.0, t / self.epochs)


@dataclass(frozen=True)
class Product:
    """The product of several."""

    factors: tuple[Schedule, ...]

    def __call__(self, t: float) -> float:
        return math.prod(factor(t) for factor in self.factors)

    def __str__(self) -> str:
        return "+".join(map(str, self.factors))


KINDS: dict[str, type[Any]] = {
    "constant": Constant,
    "step": Steps,
    "pieces": Pieces,
    "cosine": Cosine,
    "warmup": WarmUp,
}
NAMED: dict[str, Schedule] = {"resnet18": Pieces((3.0, 80.0, 10.0, 27.0), (0.1, 1.0, 0.1, 0.01))}


def schedule_from(text: str, epochs: int) -> Schedule:
    """Make a schedule from its text, for a run of so many epochs. ValueError says what there is.

    >>> str(schedule_from("cosine", epochs=20)), str(schedule_from("warmup:epochs=2+step:epochs=5/8", epochs=20))
    ('cosine:epochs=20,end=0', 'warmup:epochs=2,start=0.1+step:epochs=5/8,factor=0.1')
    """
    parts = [_one(part, epochs) for part in re.split(r"(?<![0-9.]e)\+", text)]  # not that of 1e+20
    return parts[0] if len(parts) == 1 else Product(tuple(parts))


def schedule_names() -> tuple[str, ...]:
    """The names that `schedule_from` knows."""
    return (*KINDS, *NAMED)


def _one(text: str, epochs: int) -> Schedule:
    name, _, rest = text.partition(":")
    if name in NAMED:
        if rest:
            raise ValueError(f"schedule {text[:100]!r}: {name} takes no options")
        return NAMED[name]
    if name not in KINDS:
        raise ValueError(f"unknown schedule {name!r}: there are {', '.join(schedule_names())}, joined by +")
    known = {field.name: field for field in fields(KINDS[name])}
    options: dict[str, Any] = {"epochs": float(epochs)} if name == "cosine" else {}
    given: set[str] = set()
    for part in filter(None, rest.split(",")):
        key, _, value = part.partition("=")
        if key not in known or key in given:
            keys = f"each once of the keys {', '.join(known)}" if known else "nothing"
            raise ValueError(f"schedule {text[:100]!r}: {part[:40]!r} is not an option: {name} takes {keys}")
        given.add(key)
        options[key] = _numbers(text, known[key], value)
    missing = [key for key, field in known.items() if key not in options and field.default is MISSING]
    if missing:
        raise ValueError(f"schedule {text[:100]!r}: {name} needs {' and '.join(missing)}, as in {EXAMPLES[name]}")
    made: Schedule = KINDS[name](**options)
    return made


EXAMPLES = {"step": "step:epochs=30/60,factor=0.1", "pieces": "pieces:epochs=3/80,factors=0.1/1"}


def _numbers(text: str, field: Field[Any], value: str) -> float | Several:
    """A number, or several with / between them where the field has several: epochs are positive, factors 0 or more."""
    many = field.type == "Several"
    parts = value.split("/") if many else [value]
    numbers = tuple(float(part) if NUMBER.fullmatch(part) else math.nan for part in parts)
    if not all(math.isfinite(x) and (x > 0.0 or field.name != "epochs") for x in numbers):
        kind = "positive" if field.name == "epochs" else "zero or positive"
        what = f"{kind} numbers with / between them" if many else f"a {kind} number"
        raise ValueError(f"schedule {text[:100]!r}: {field.name} must be {what}; got {value[:40]!r}")
    return numbers if many else numbers[0]


def _written(value: float | Several) -> str:
    return "/".join(f"{x:.12g}" for x in value) if isinstance(value, tuple) else f"{value:.12g}"


def is_constant(schedule: Schedule) -> bool:
    """Whether a schedule changes nothing."""
    return isinstance(schedule, Constant)


def check_scheduled(solver: Solver) -> None:
    """ValueError for a solver without a learning rate."""
    if getattr(solver, "lr", None) is None:
        raise ValueError(
            f"{type(solver).__name__} has no learning rate lr for a schedule to change: leave out --schedule, or use "
            "curveball, sgd or adam"
        )


def learning_rates(solver: Solver, schedule: Schedule, steps_per_epoch: int) -> Callable[[int], Number] | None:
    """The learning rate of a step, counted from 0; None where it is the solver's own at every step.

    >>> from curveball import SGD
    >>> rate = learning_rates(SGD(lr=0.5), Steps((1.0,)), steps_per_epoch=4)
    >>> rate(0), rate(3), rate(4)
    (0.5, 0.5, 0.05)
    """
    if is_constant(schedule):
        return None
    check_scheduled(solver)
    lr: Number = solver.lr  # type: ignore[attr-defined]  # as checked
    return lambda step: lr * schedule(step / steps_per_epoch)


def with_lr(solver: _Solver, lr: Number) -> _Solver:
    """The same solver with another learning rate, which is not checked: it may be an array, or stand for one.

    >>> from curveball import SGD
    >>> with_lr(SGD(lr=0.5), 0.1).lr
    0.1
    """
    other = copy.copy(solver)
    object.__setattr__(other, "lr", lr)  # past the checks of a frozen dataclass, which would copy it to the host
    return other
