"""What runs from several places are called in one figure: their solvers, and whatever else differs between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curveball.figures.logs import LoggedRun
from curveball.figures.solver_names import readable, setting
from curveball.training.run import Run

PROBLEM = ("data", "network", "augment", "batch_size", "initialisation", "dtype", "schedule", "backend", "device")
SAID_ALONE = ("data", "network", "dtype", "schedule", "backend", "device")  # without the name of the setting
OTHERS = (  # neither settings nor the problem
    "kind", "name", "seed", "seeds", "solvers", "source", "epochs", "classes", "training_images", "channel_means",
    "layers", "command", "date", "python", "versions", "machine", "processor", "cores", "threads", "blas",
)  # fmt: skip
MOST = 3  # settings in a name; where more differ, the folder of the run says it
DEFAULTS = {"schedule": "constant"}


def labelled(found: Sequence[LoggedRun]) -> list[Run]:
    """The runs with names to read; those that differ in their seed alone share one, and are drawn as one."""
    everywhere = [key for key in PROBLEM if len({_value(each, key) for each in found}) > 1]
    names = [_label(each, found, everywhere) for each in found]
    taken: dict[tuple[str, Any], int] = {}
    for each, name in zip(found, names, strict=True):
        taken[name, each.about.get("seed")] = taken.get((name, each.about.get("seed")), 0) + 1
    clash = {name for (name, _), count in taken.items() if count > 1}  # the same seed twice: no seeds of one run
    for each, name in zip(found, names, strict=True):
        each.run.name = f"{name}, {each.origin}" if name in clash else name
    return [each.run for each in found]


def title(found: Sequence[LoggedRun]) -> str:
    """What all runs share: network, data, size of the batches."""
    shared = {key: found[0].about.get(key) for key in PROBLEM if len({_value(each, key) for each in found}) == 1}
    network, data, batch = (shared.get(key) for key in ("network", "data", "batch_size"))
    parts = [" on ".join(str(x) for x in (network, data) if x), f"batches of {batch}" if batch else ""]
    return ", ".join(part for part in parts if part)


def _label(run: LoggedRun, found: Sequence[LoggedRun], everywhere: Sequence[str]) -> str:
    """The solver's name, what differs of the problem, and of the settings where others have the same name."""
    namesakes = [each for each in found if each.about.get("name") == run.about.get("name")]
    keys = list(dict.fromkeys(key for each in namesakes for key in each.about if key not in (*OTHERS, *PROBLEM)))
    settings = [key for key in keys if len({_value(each, key) for each in namesakes}) > 1]
    if len(settings) > MOST:
        return f"{readable(run.run.name)}, {run.folder}"
    differs = [key for key in (*settings, *everywhere) if _value(run, key) not in ("None", "False")]
    return ", ".join([readable(run.run.name), *(_said(key, run.about.get(key, DEFAULTS.get(key))) for key in differs)])


def _said(key: str, value: Any) -> str:
    return str(value) if key in SAID_ALONE else setting(key, value).replace("_", " ")


def _value(run: LoggedRun, key: str) -> str:
    return str(run.about.get(key, DEFAULTS.get(key)))
