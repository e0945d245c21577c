"""`curveball info`: versions, processor, memory, BLAS and its threads, array libraries."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from curveball.training.devices import backend_facts
from curveball.training.provenance import blas, provenance

GIB = 1 << 30


def info(as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False) -> None:
    """Print versions, processor, memory, BLAS and its threads, array libraries."""
    facts = machine_facts()
    typer.echo(json.dumps(facts, indent=1) if as_json else format_info(facts))


def machine_facts() -> dict[str, Any]:
    """Return the facts: those of `provenance`, `memory` in bytes, and `backends`, which are imported to ask them.

    >>> sorted(set(machine_facts()) - set(provenance()))
    ['backends', 'memory']
    """
    import scipy.linalg  # noqa: F401  (may bring a BLAS of its own)

    return {**provenance(), "blas": blas(), "memory": _memory(), "backends": backend_facts()}


def _memory() -> dict[str, int]:
    """Bytes of the machine's memory, in all and available; nothing where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        kilobytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
        return {"total": kilobytes["MemTotal"] << 10, "available": kilobytes["MemAvailable"] << 10}
    except (OSError, KeyError):
        pass
    try:
        return {"total": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")}
    except (AttributeError, ValueError, OSError):
        return {}


def format_info(facts: dict[str, Any]) -> str:
    """The facts as lines to read."""
    versions = {"python": facts["python"], **facts["versions"]}
    lines = [("versions", ", ".join(f"{name} {version}" for name, version in versions.items()))]
    lines.append(("system", facts["machine"]))
    lines.append(("processor", f"{facts['processor']}, {_counted(facts['cores'], 'core')}"))
    memory = facts["memory"]
    if memory:
        free = f", {memory['available'] / GIB:.1f} GiB available" if "available" in memory else ""
        lines.append(("memory", f"{memory['total'] / GIB:.1f} GiB{free}"))
    lines += [
        (
            "BLAS",
            ", ".join(
                [
                    f"{each['name']} {each['version'] or ''}".strip(),
                    *_kernels(each),
                    _counted(each["threads"], "thread"),
                ]
            ),
        )
        for each in facts["blas"]
    ]
    for name, backend in facts["backends"].items():
        lines.append((name, _about_backend(backend)))
        for gpu in backend.get("gpus", []):
            about = f"{gpu['name']}, {gpu['memory'] / GIB:.1f} GiB, compute capability {gpu['capability']}"
            lines.append(("GPU", f"{gpu['index']}: {about}, CUDA {gpu['cuda']} (driver: up to {gpu['driver_cuda']})"))
    return "\n".join(f"{name:<10} {text}" for name, text in lines)


def _about_backend(backend: dict[str, Any]) -> str:
    """Version, devices and compiler of an array library, or why it cannot be used."""
    if "reason" in backend:
        return f"not usable: {backend['reason']}"
    compiles = f"--compile: {backend['compiler']}" if backend["compiler"] else "no --compile"
    return f"{backend['version']} on {', '.join(backend['devices'])}; {compiles}".lstrip()


def _kernels(library: dict[str, Any]) -> list[str]:
    """The kernels of a library, and the variable that chose them where it did not choose itself."""
    if not library["kernels"]:
        return []
    chosen = library["name"] == "openblas" and os.environ.get("OPENBLAS_CORETYPE")
    return [f"{library['kernels']} kernels" + (f" (OPENBLAS_CORETYPE={chosen})" if chosen else "")]


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")
