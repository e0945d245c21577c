"""`module:Class` and `module:function`: solvers and networks of one's own, imported from where the command is run."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable
from typing import Any

from curveball.solvers.base import Solver
from curveball.solvers.registry import SOLVERS, solver_from, solver_of
from curveball.training.files import one_line
from problems.vision.networks import Network, families, names, network

OWN = re.compile(r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*)(?::(?P<options>.*))?")
Shape = tuple[int, ...]


def make_solver(text: str) -> Solver:
    """A solver by its name, or `module:Class`, each with options. ValueError says what is wrong, in one line."""
    found = OWN.fullmatch(text)
    if found is None or found["module"] in SOLVERS:
        return solver_from(text)
    whole = f"{found['module']}:{found['name']}"
    kind = _imported(found["module"], found["name"], "solver")
    if not (isinstance(kind, type) and all(callable(getattr(kind, name, None)) for name in ("init", "step"))):
        raise ValueError(f"--solver {whole} must be a class with init(params) and step(params, state, model, loss)")
    try:
        return solver_of(kind, whole, found["options"] or "")
    except TypeError as error:
        raise ValueError(f"--solver {whole}: {one_line(error)}") from None


def make_network(text: str, classes: int, initialisation: str, shape: Shape) -> Network:
    """A network by its name, or `module:function`, a function from the number of classes to layers. Errors as above.

    A function of two arguments is also given the shape (height, width, channels) of the inputs. It may return a
    `Network` in place of layers.
    """
    found = OWN.fullmatch(text)
    kinds = {*names(), *(family.partition(":")[0] for family in families())}
    if found is None or found["module"] in kinds:
        return network(text, classes, initialisation, shape)
    if found["options"] is not None:
        raise ValueError(f"--network {text}: write module:function, without options")
    network("mlp", classes, initialisation, shape)  # refuses an unknown initialisation
    make = _imported(found["module"], found["name"], "network")
    if not callable(make):
        raise ValueError(f"--network {text} must be a function from the number of classes to layers; got {make!r}")
    layers = _called(make, text, classes, shape)
    if isinstance(layers, Network):
        return Network(text, layers.layers, initialisation, layers.inputs, layers.by_shape)
    if not isinstance(layers, tuple | list) or not layers or not all(_is_layer(each) for each in layers):
        raise ValueError(
            f"--network {text} must return layers, as problems.vision.layers has them, in a tuple; got "
            f"{one_line(repr(layers))}"
        )
    return Network(text, tuple(layers), initialisation)


def _called(make: Callable[..., Any], text: str, classes: int, shape: Shape) -> Any:
    """What the function returns, called with as many arguments as it takes."""
    import inspect

    try:
        inspect.signature(make).bind(classes)
        arguments: tuple[Any, ...] = (classes,)
    except TypeError:
        arguments = (classes, shape)
    except ValueError:  # without a signature
        arguments = (classes,)
    try:
        return make(*arguments)
    except Exception as error:
        raise ValueError(f"--network {text}: {type(error).__name__}: {one_line(error)}") from None


def _is_layer(each: object) -> bool:
    return not isinstance(each, type) and all(callable(getattr(each, n, None)) for n in ("shape", "init", "apply"))


def _imported(module: str, name: str, what: str) -> Any:
    """The attribute of a module, which is looked for in the current folder first. ValueError if there is none."""
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise ValueError(f"--{what} {module}:{name}: {module} cannot be imported ({one_line(error)})") from None
        raise ValueError(
            f"--{what} {module}:{name}: there is no module {error.name} in {here} or among what is installed, and no "
            f"{what} {module!r}: curveball train --help lists those with a name"
        ) from None
    except Exception as error:  # whatever the code raises
        raise ValueError(
            f"--{what} {module}:{name}: {module} cannot be imported ({type(error).__name__}: {one_line(error)})"
        ) from None
    finally:
        sys.path.remove(here)
    if here not in sys.path:
        sys.path.append(here)  # what it imports later is found, and hides nothing that is installed
    if not hasattr(imported, name):
        public = [each for each in vars(imported) if not each.startswith("_")]
        raise ValueError(f"--{what} {module}:{name}: {module} has no {name}; it has {one_line(', '.join(public))}")
    return getattr(imported, name)
