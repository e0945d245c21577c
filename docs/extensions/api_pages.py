"""The directive `.. api:: package module ...`: the public names of a package, module by module, with their docstrings.

The names are those of the package's `__all__` or, without one, all that it imports from its own modules. The modules
given come first, in that order. A module from which the package imports nothing is shown with all that it defines. A
new public name is on the page at the next build without being listed by hand.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
import sys
from types import ModuleType
from typing import Any

from docutils import nodes
from plain_text import to_rst
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def public(package: ModuleType) -> dict[str, list[str]]:
    """The public names of a package, by the module that defines them."""
    names = getattr(package, "__all__", None) or [name for name in vars(package) if not name.startswith("_")]
    modules: dict[str, list[str]] = {}
    for name in names:
        value = getattr(package, name)
        if inspect.ismodule(value):
            continue
        home = (getattr(value, "__module__", None) or "") if callable(value) else ""
        modules.setdefault(home if home.startswith(package.__name__) else "", []).append(name)
    return modules


def defined(module: ModuleType) -> list[str]:
    """The functions and classes that a module defines for others."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and _documented(value) and value.__module__ == module.__name__
    ]


class Api(SphinxDirective):
    required_arguments = 1
    optional_arguments = 99

    def run(self) -> list[nodes.Node]:
        package = importlib.import_module(self.arguments[0])
        modules = public(package)
        named = [f"{package.__name__}.{name}" for name in self.arguments[1:]]
        parts = []
        for home in [*named, *(name for name in modules if name and name not in named)]:
            module = importlib.import_module(home)
            owner, names = (package, modules[home]) if home in modules else (module, defined(module))
            parts.append(_section(owner, module, names))
        if other := [f"``{name}``" for name in modules.get("", [])]:
            parts.append(f"Constants\n---------\n\n{', '.join(other)}\n")
        return self.parse_text_to_nodes("\n\n".join(parts), allow_section_headings=True)


def _section(owner: ModuleType, module: ModuleType, names: list[str]) -> str:
    """A module: what its docstring says, and its names as they are imported from `owner`."""
    title = module.__name__
    lines = [title, "-" * len(title), "", f".. currentmodule:: {owner.__name__}", "", to_rst(module.__doc__ or ""), ""]
    alike: dict[str, list[str]] = {}
    for name in names:
        value = getattr(owner, name)
        text = (inspect.getdoc(value) or "") if callable(value) else ""
        if inspect.isclass(value):
            lines += [f".. autoclass:: {name}", "   :members:", ""]
        elif not callable(value):
            lines += [f".. py:data:: {name}", ""]
        elif not text or f"`{name}` of the array API standard" in text:
            alike.setdefault(text.replace(f"`{name}`", "each"), []).append(name)
        else:
            lines += [f".. autofunction:: {name}", ""]
    for text, group in alike.items():
        lines += _together(owner, group, text or "As in the array API standard; differentiable.")
    return "\n".join(lines)


def _together(owner: ModuleType, names: list[str], text: str) -> list[str]:
    """Functions of which the same is to be said, as one entry with many signatures."""
    signatures = [name + _signature(getattr(owner, name)) for name in names]
    head = [f"{'.. py:function::' if k == 0 else '':<16} {s}".rstrip() for k, s in enumerate(signatures)]
    return [*head, "   :no-contents-entry:", "", f"   {to_rst(text)}", ""]


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(inspect.Signature(bare))


def _documented(value: Any) -> bool:
    return (inspect.isclass(value) or inspect.isfunction(value)) and bool(value.__doc__)


def _plain_docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = to_rst("\n".join(lines), names=_arguments(name, obj)).splitlines()


def _arguments(name: str, obj: Any) -> frozenset[str]:
    """The names of an object's arguments and of the fields of its class; in a method, also of its class."""
    names = set()
    for owner in (obj, _owner(name)):
        names |= getattr(owner, "__annotations__", {}).keys()
        with contextlib.suppress(TypeError, ValueError):
            names |= inspect.signature(owner).parameters.keys()
    return frozenset(names)


def _owner(name: str) -> Any:
    module, _, _ = name.rpartition(".")
    package, _, attribute = module.rpartition(".")
    return getattr(sys.modules.get(package), attribute, None)


def _readable(app: Sphinx, what: str, name: str, obj: Any, options: Any, args: str | None, returns: str | None) -> Any:
    """A protocol is not made: its signature, which typing gives it, says nothing. A class is shown by its name."""
    if getattr(obj, "_is_protocol", False):
        return "", None
    return (re.sub(r"<class '([\w.]+)'>", r"\1", args), returns) if args else None


def _skip(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out attributes with a docstring of another thing: fields of named tuples, modules, requests of metadata."""
    text = getattr(obj, "__doc__", "") or ""
    foreign = text.startswith("Alias for field number") or "metadata_routing" in text
    alias = what == "class" and inspect.isclass(obj)  # a default that is a type
    return True if foreign or alias or inspect.ismodule(obj) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive and the hooks with Sphinx."""
    app.add_directive("api", Api)
    app.connect("autodoc-process-docstring", _plain_docstring)
    app.connect("autodoc-process-signature", _readable)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
