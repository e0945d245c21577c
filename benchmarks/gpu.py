"""CurveBall and SGD steps on a GPU: ours compared with PyTorch's, what fused kernels gain, what share is launching.

    python benchmarks/gpu.py [--device 0] [--tf32] [--network basic basic-bn] [--batch 128 1024] [--repeats 20]
    python benchmarks/gpu.py --backend numpy --network basic --batch 16 --repeats 2       # on the host: does it run?

Writes `benchmarks/results/gpu-DEVICE-DATE.json` (`--out`) and prints a table. For every network and batch, the
contenders of peer.py, same start, same images, in one run; PyTorch in full float32, or in TF32 as ours with `--tf32`,
its convolutions tuned by cuDNN. Per step, in milliseconds, medians:

    ms          steps one after the other, nothing waiting between: what training pays. Contenders take turns, a block
                of steps each. `curveball` is compared with PyTorch's `torch.func` and with its double-backward trick,
                `sgd` with its SGD
    launch_ms   the host's time to issue a step, by `cupyx.profiler.benchmark` (its GPU times include the gaps)
    device_ms   the device's time alone. A kernel that only spins is queued first, so that the step's kernels are in
                line when it ends, and run without gaps; events before and after them tell the time. (A queue holds
                some thousand kernels: where a step has more, the rest is issued while they run.)

    launch_share = 1 - device_ms / ms      the share of the time in which the device waits for the host

A CUDA graph would remove that share, but cuBLAS calls through CuPy cannot be captured. `unfused` are our steps with a
kernel for every operation. `memory` is what CuPy's pool holds after the steps, and the most that PyTorch allocated.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contenders import NETWORKS, Ours, ours

from curveball.training.devices import choose, device_info, pool_use
from curveball.training.files import output_folder, write_whole
from curveball.training.provenance import provenance
from minigrad import one_blas_thread

RESULTS = Path(__file__).parent / "results"
RATIOS = {
    "curveball_to_torch_func": ("curveball", "torch_func"),
    "curveball_to_torch_double_backward": ("curveball", "torch_double_backward"),
    "sgd_to_torch_sgd": ("sgd", "torch_sgd"),
    "curveball_to_sgd": ("curveball", "sgd"),
    "fused_to_unfused_curveball": ("curveball", "curveball_unfused"),
    "fused_to_unfused_sgd": ("sgd", "sgd_unfused"),
}
BLOCK = 5  # steps timed together
WARM = 3  # steps before: kernels are compiled, memory is taken, cuDNN tunes
Step = Callable[[], None]


class Host:
    """Times steps by the clock."""

    def finish(self) -> None:
        """Wait until all that was issued is done."""

    def apart(self, step: Step, repeats: int) -> dict[str, float]:
        """Launching and computing, where they are two things."""
        return {}

    def memory(self) -> dict[str, int]:
        return {}

    def free(self) -> None:
        """Give back the memory of contenders that are gone."""


class GPU(Host):
    """Times steps by events of the device too. PyTorch's default stream is CuPy's: the same events serve both."""

    def __init__(self, torch: Any):
        import cupy
        from cupyx import profiler

        self.cupy, self.profiler, self.torch = cupy, profiler, torch
        self.spin = cupy.RawKernel(
            'extern "C" __global__ void spin(long long n) { long long t = clock64(); while (clock64() - t < n) {} }',
            "spin",
        )

    def finish(self) -> None:
        self.cupy.cuda.Device().synchronize()

    def apart(self, step: Step, repeats: int) -> dict[str, float]:
        times = self.profiler.benchmark(step, n_repeat=repeats, n_warmup=1, name="step")
        launch = 1e3 * float(statistics.median(times.cpu_times.tolist()))
        device = [self._alone(step, 2.0 * launch + 1.0) for _ in range(max(3, repeats // 4))]
        return {"launch_ms": launch, "device_ms": statistics.median(device)}

    def _alone(self, step: Step, ahead_ms: float) -> float:
        """Milliseconds from the first to the last kernel of a step, issued while the device spins."""
        event = self.cupy.cuda.Event
        begin, end = event(), event()
        self.finish()
        self.spin((1,), (1,), (int(2e6 * ahead_ms),))  # cycles, of at most 2 GHz
        begin.record()
        step()
        end.record()
        end.synchronize()
        return float(self.cupy.cuda.get_elapsed_time(begin, end))

    def memory(self) -> dict[str, int]:
        found = pool_use(self.cupy.ones(1))
        if self.torch is not None:
            found["torch_allocated"] = self.torch.cuda.max_memory_allocated()
        return found

    def free(self) -> None:
        self.cupy.get_default_memory_pool().free_all_blocks()
        if self.torch is not None:
            self.torch.cuda.empty_cache()
            self.torch.cuda.reset_peak_memory_stats()


def pytorch(backend: str, device: int, tf32: bool) -> tuple[Any, str | None, str | None]:
    """PyTorch, the name of its device, and why it is left out, if it is."""
    try:
        import torch
    except ImportError:
        return None, None, "PyTorch is not installed: pip install torch"
    if backend == "numpy":
        return torch, "cpu", None
    if not torch.cuda.is_available():
        return None, None, f"PyTorch {torch.__version__} finds no GPU: install its build for CUDA"
    torch.cuda.set_device(device)
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = True
    return torch, f"cuda:{device}", None


def contenders(network: str, batch: int, xp: Any, torch_device: str | None) -> dict[str, Step]:
    """Their steps, by name."""
    steps = {}
    for name, contender in ours(network, batch, xp).items():
        steps[name] = contender.step
        if "cupy" in xp.__name__:
            steps[f"{name}_unfused"] = Ours(network, contender.solver, batch, xp, fused=False).step
    if torch_device is not None:
        from peer import steps_of, theirs

        steps |= steps_of(theirs(network, torch_device), batch, torch_device)
    return steps


def measure(steps: dict[str, Step], clock: Host, repeats: int) -> dict[str, dict[str, float]]:
    """For each quantity, the median of every contender."""
    blocks: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        for _ in range(WARM):
            step()
    for _ in range(repeats):
        for name, step in steps.items():
            clock.finish()
            started = time.perf_counter()
            for _ in range(BLOCK):
                step()
            clock.finish()
            blocks[name].append(1e3 * (time.perf_counter() - started) / BLOCK)
    found: dict[str, dict[str, float]] = {"ms": {name: statistics.median(times) for name, times in blocks.items()}}
    for name, step in steps.items():
        for quantity, value in clock.apart(step, repeats).items():
            found.setdefault(quantity, {})[name] = value
    if "device_ms" in found:
        found["launch_share"] = {k: max(0.0, 1.0 - x / found["ms"][k]) for k, x in found["device_ms"].items()}
    found["ratios"] = {
        name: found["ms"][a] / found["ms"][b] for name, (a, b) in RATIOS.items() if {a, b} <= set(found["ms"])
    }
    return found


def markdown(results: list[dict[str, Any]]) -> str:
    """A row for every contender."""
    lines = ["| network | batch | step | ms | launch ms | device ms | launch share |", "|---|---|---|---|---|---|---|"]
    for result in results:
        for name, ms in result["ms"].items():
            rest = [result.get(key, {}).get(name) for key in ("launch_ms", "device_ms", "launch_share")]
            cells = " | ".join("-" if x is None else f"{x:.3g}" for x in (ms, *rest))
            lines.append(f"| {result['network']} | {result['batch']} | {name} | {cells} |")
    return "\n".join(lines)


def run(options: argparse.Namespace) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Measure all; ValueError where the backend or the device is not there."""
    xp = choose(options.backend, options.device, options.tf32)
    about = device_info(xp.ones(1))
    index = int(options.device or 0) if options.backend == "cupy" else 0
    torch, torch_device, reason = pytorch(options.backend, index, options.tf32)
    if reason:
        print(f"without PyTorch: {reason}", file=sys.stderr)
    clock = GPU(torch) if options.backend == "cupy" else Host()
    results = []
    for network in options.network:
        for batch in options.batch:
            steps = contenders(network, batch, xp, torch_device)
            with one_blas_thread():  # NumPy's, as in training
                found = measure(steps, clock, options.repeats)
            results.append({"network": network, "batch": batch, **found, "memory": clock.memory()})
            del steps
            clock.free()
    facts = {
        "benchmark": "gpu",
        **about,
        "date": datetime.date.today().isoformat(),
        "repeats": options.repeats,
        "steps_per_repeat": BLOCK,
        "torch": None if torch is None else torch.__version__,
        "without_torch": reason,
    }
    return facts, results


def rounded(x: Any) -> Any:
    """Numbers to four digits."""
    if isinstance(x, dict):
        return {key: rounded(value) for key, value in x.items()}
    return float(f"{x:.4g}") if isinstance(x, float) else x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="cupy", choices=("cupy", "numpy"))
    parser.add_argument("--device", default=None, help="index of the GPU")
    parser.add_argument("--tf32", action="store_true", help="round the factors of float32 products to TF32")
    parser.add_argument("--network", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--batch", type=int, nargs="+", default=[128, 1024])
    parser.add_argument("--repeats", type=int, default=20, help="blocks of steps, of which the median is taken")
    parser.add_argument("--out", type=Path, help="the file to write")
    options = parser.parse_args()
    try:
        if min(options.batch) < 2 or options.repeats < 1:
            raise ValueError(f"batch must be at least 2 and repeats 1; got {options.batch} and {options.repeats}")
        if options.out:
            output_folder(options.out.parent)  # better now than when all is measured
        facts, results = run(options)
    except ValueError as error:
        print(f"gpu.py: {error}", file=sys.stderr)
        sys.exit(2)
    slug = re.sub(r"[^A-Za-z0-9]+", "-", facts["device"].partition(" ")[2] or facts["device"]).strip("-")
    out = options.out or RESULTS / f"gpu-{slug}-{facts['date']}.json"
    content = {**facts, "results": [rounded(result) for result in results], **provenance()}
    write_whole(out, lambda path: path.write_text(json.dumps(content, indent=1) + "\n"))
    print(markdown(results))
    for result in results:
        ratios = ", ".join(f"{name} {value:.3g}" for name, value in result["ratios"].items())
        print(f"{result['network']}, batch {result['batch']}: {ratios}")
    print(f"written to {out}")


if __name__ == "__main__":
    main()
