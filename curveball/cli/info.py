"""`curveball info`: versions, processor, memory, BLAS and its threads, GPUs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from curveball.training.devices import import_cupy, names_of_gpus
from curveball.training.provenance import blas, provenance

GIB = 1 << 30


def info(as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False) -> None:
    """Print versions, processor, memory, BLAS and its threads, GPUs."""
    facts = machine_facts()
    typer.echo(json.dumps(facts, indent=1) if as_json else format_info(facts))


def machine_facts() -> dict[str, Any]:
    """Return the facts: those of `provenance`, and `memory` and `gpus` in bytes, `no_gpu` (why, if none).

    >>> sorted(set(machine_facts()) - set(provenance()))
    ['gpus', 'memory', 'no_gpu']
    """
    import scipy.linalg  # noqa: F401  (may bring a BLAS of its own)

    gpus, reason = _gpus()
    return {**provenance(), "blas": blas(), "memory": _memory(), "gpus": gpus, "no_gpu": reason}


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


def _gpus() -> tuple[list[dict[str, Any]], str | None]:
    """The GPUs that CuPy finds, or none and the reason."""
    try:
        cupy = import_cupy()
        names = names_of_gpus(cupy)
    except ValueError as error:
        return [], str(error)
    runtime = cupy.cuda.runtime
    driver, cuda = (f"{n // 1000}.{n % 1000 // 10}" for n in (runtime.driverGetVersion(), runtime.runtimeGetVersion()))
    gpus = []
    for k, name in enumerate(names):
        known = runtime.getDeviceProperties(k)
        capability = f"{known['major']}.{known['minor']}"
        gpus.append(
            {"index": k, "name": name, "memory": known["totalGlobalMem"], "capability": capability, "cuda": cuda,
             "driver_cuda": driver}
        )  # fmt: skip
    return gpus, None


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
    for gpu in facts["gpus"]:
        about = f"{gpu['index']}: {gpu['name']}, {gpu['memory'] / GIB:.1f} GiB, compute capability {gpu['capability']}"
        lines.append(("GPU", f"{about}, CUDA {gpu['cuda']} (driver: up to {gpu['driver_cuda']})"))
    if not facts["gpus"]:
        lines.append(("GPU", f"none: {facts['no_gpu']}"))
    return "\n".join(f"{name:<10} {text}" for name, text in lines)


def _kernels(library: dict[str, Any]) -> list[str]:
    """The kernels of a library, and the variable that chose them where it did not choose itself."""
    if not library["kernels"]:
        return []
    chosen = library["name"] == "openblas" and os.environ.get("OPENBLAS_CORETYPE")
    return [f"{library['kernels']} kernels" + (f" (OPENBLAS_CORETYPE={chosen})" if chosen else "")]


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")
