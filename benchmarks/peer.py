"""Our CurveBall and SGD steps and PyTorch's: same network, same batch, one run; one JSON line.

    python benchmarks/peer.py [--network basic|basic-bn] [--batch 128] [--repeats 9] [--backends numpy torch]
        [--channels-last]

Ours run on NumPy, on PyTorch's tensors with our derivatives, and on JAX as one compiled program if that is asked for.

PyTorch's CurveBall is written twice: with the double-backward trick, which imitates forward mode by differentiating a
pull-back (`J v` as the derivative of `u -> J^T u` along `v`), and with `torch.func`'s jvp and vjp. Each does what our
step does without the trust ratio's evaluation: two products `J v`, one `J^T u`, the 2x2 system. All take their steps in
turn, so that other work of the machine slows all alike; the numbers are medians, in milliseconds. PyTorch is an extra:
pip install 'curveball-course[torch]'. With `--channels-last` PyTorch's own networks have the layout that its kernels
like best, and that ours always has. `cpu_ms` is the processors' time in a step, which other work on the machine
disturbs less, and which threads do not shorten. The line names NumPy's kernels (`blas`) and PyTorch's instructions:
compare where both are of one kind, SkylakeX and AVX512, or Haswell and AVX2. On a processor with AVX-512 the latter is

    OPENBLAS_CORETYPE=Haswell ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 \\
        python benchmarks/peer.py
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from contenders import NETWORKS, Ours, damping, draw, ours, start
from torch.func import functional_call, jvp, vjp

from curveball.training.devices import choose
from curveball.training.provenance import provenance
from minigrad import one_blas_thread


def torch_network(name: str) -> torch.nn.Module:
    """The basic CIFAR network of problems/vision/networks.py, in PyTorch's layout."""
    t = torch.nn
    norm = name.endswith("-bn")

    def block(layer: torch.nn.Module, channels: int, flat: bool, *rest: torch.nn.Module) -> list[torch.nn.Module]:
        kind = t.BatchNorm1d if flat else t.BatchNorm2d
        return [layer, *([kind(channels, eps=1e-4, track_running_stats=False)] if norm else []), *rest]

    return t.Sequential(
        *block(t.Conv2d(3, 32, 5, padding=2), 32, False, t.ReLU(), t.MaxPool2d(3, 2, 1)),
        *block(t.Conv2d(32, 32, 5, padding=2), 32, False, t.ReLU(), t.AvgPool2d(3, 2, 1)),
        *block(t.Conv2d(32, 64, 5, padding=2), 64, False, t.ReLU(), t.AvgPool2d(3, 2, 1)),
        t.Flatten(),
        *block(t.Linear(1024, 64), 64, True, t.ReLU()),
        t.Linear(64, 10),
    )


def copy_params(params: dict[str, Any], net: torch.nn.Module) -> torch.nn.Module:
    """Give a network of PyTorch's our parameters: kernels OIHW for our HWIO, rows for our columns."""
    left = {kind: [params[key] for key in sorted(params) if key.startswith(kind)] for kind in ("conv", "norm", "dense")}
    channels = 0
    for module in net:
        if isinstance(module, torch.nn.Conv2d):
            layer = left["conv"].pop(0)
            weight, bias, channels = layer["w"].transpose(3, 2, 0, 1), layer["b"], layer["w"].shape[3]
        elif isinstance(module, torch.nn.Linear):
            layer = left["dense"].pop(0)
            weight, bias = layer["w"].T, layer["b"]
            if channels:  # images flattened: their channels vary fastest with us, slowest with PyTorch
                weight = weight.reshape(len(weight), -1, channels).transpose(0, 2, 1).reshape(weight.shape)
                channels = 0
        elif isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            layer = left["norm"].pop(0)
            weight, bias = layer["gain"], layer["bias"]
        else:
            continue
        with torch.no_grad():
            module.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
            module.bias.copy_(torch.from_numpy(np.ascontiguousarray(bias)))
    return net


def hessian_product(outputs: torch.Tensor, tangent: torch.Tensor) -> torch.Tensor:
    """`H_L t` of the mean cross entropy, in closed form: (diag(p) - p p^T) t / batch."""
    p = torch.softmax(outputs, 1)
    return (p * tangent - p * (p * tangent).sum(1, keepdim=True)) / len(outputs)


def coefficients(z, dz, Jz, HJz, JD, HJD, slope, lam):
    """rho and beta from the 2x2 system."""

    def dot(a, b):
        return sum((x * y).sum() for x, y in zip(a, b, strict=True))

    a = (JD * HJD).sum() + lam * dot(dz, dz)
    b = (Jz * HJD).sum() + lam * dot(z, dz)
    c = (Jz * HJz).sum() + lam * dot(z, z)
    p, q = (slope * JD).sum(), (slope * Jz).sum()
    determinant = a * c - b * b
    regular = determinant > 1e-6 * a * c  # by hand: a pseudo-inverse would make a GPU wait
    safe = torch.where(regular, determinant, 1.0)
    beta = torch.where(regular, (c * p - b * q) / safe, p / a)
    return torch.where(regular, (b * p - a * q) / safe, torch.zeros_like(p)), beta


class DoubleBackward:
    """One CurveBall step by reverse mode alone."""

    def __init__(self, net: torch.nn.Module, lam: float):
        self.net, self.lam = net, lam
        self.params = list(net.parameters())
        self.z = [torch.zeros_like(p) for p in self.params]

    def step(self, x: torch.Tensor, labels: torch.Tensor) -> None:
        outputs = self.net(x)
        u = torch.zeros_like(outputs, requires_grad=True)
        pulled = torch.autograd.grad(outputs, self.params, u, create_graph=True)  # J^T u, linear in u

        def push(v):
            return torch.autograd.grad(pulled, u, v, retain_graph=True)[0]

        with torch.no_grad():
            y = outputs.detach()
            slope = (torch.softmax(y, 1) - torch.nn.functional.one_hot(labels, 10)) / len(y)
        Jz = push(self.z)
        HJz = hessian_product(y, Jz)
        dz = torch.autograd.grad(outputs, self.params, HJz + slope, retain_graph=True)
        dz = [d + self.lam * z for d, z in zip(dz, self.z, strict=True)]
        JD = push(dz)
        with torch.no_grad():
            rho, beta = coefficients(self.z, dz, Jz, HJz, JD, hessian_product(y, JD), slope, self.lam)
            self.z = [rho * z - beta * d for z, d in zip(self.z, dz, strict=True)]
            for p, z in zip(self.params, self.z, strict=True):
                p += z


class Func:
    """One CurveBall step with torch.func's forward and reverse mode."""

    def __init__(self, net: torch.nn.Module, lam: float):
        self.net, self.lam = net, lam
        self.params = {k: v.detach().clone() for k, v in net.named_parameters()}
        self.z = {k: torch.zeros_like(v) for k, v in self.params.items()}

    def step(self, x: torch.Tensor, labels: torch.Tensor) -> None:
        def model(params):
            return functional_call(self.net, params, (x,))

        with torch.no_grad():
            y, pull = vjp(model, self.params)
            slope = (torch.softmax(y, 1) - torch.nn.functional.one_hot(labels, 10)) / len(y)
            Jz = jvp(model, (self.params,), (self.z,))[1]
            HJz = hessian_product(y, Jz)
            (dz,) = pull(HJz + slope)
            dz = {k: d + self.lam * self.z[k] for k, d in dz.items()}
            JD = jvp(model, (self.params,), (dz,))[1]
            HJD = hessian_product(y, JD)
            rho, beta = coefficients(self.z.values(), dz.values(), Jz, HJz, JD, HJD, slope, self.lam)
            self.z = {k: rho * z - beta * dz[k] for k, z in self.z.items()}
            self.params = {k: p + self.z[k] for k, p in self.params.items()}


class TorchSGD:
    """One momentum SGD step."""

    def __init__(self, net: torch.nn.Module):
        self.net, self.optimizer = net, torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

    def step(self, x: torch.Tensor, labels: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        torch.nn.functional.cross_entropy(self.net(x), labels).backward()
        self.optimizer.step()


def theirs(name: str, device: str = "cpu", channels_last: bool = False) -> dict[str, Any]:
    """PyTorch's CurveBall, twice, and SGD, from our start, on our images; each has `step(x, labels)`."""
    lam, layout = damping(name), torch.channels_last if channels_last else torch.contiguous_format

    def net() -> torch.nn.Module:
        return copy_params(start(name), torch_network(name)).to(device, memory_format=layout)

    return {
        "torch_double_backward": DoubleBackward(net(), lam),
        "torch_func": Func(net(), lam),
        "torch_sgd": TorchSGD(net()),
    }


def steps_of(
    contenders: dict[str, Any], batch: int, device: str = "cpu", channels_last: bool = False
) -> dict[str, Callable[[], None]]:
    """The steps of PyTorch's contenders, their images in the order of PyTorch's axes."""
    images, labels = draw(batch)
    x = torch.from_numpy(images).permute(0, 3, 1, 2).to(device)
    x = x.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
    t = torch.from_numpy(labels).to(device)
    return {name: (lambda o=o: o.step(x, t)) for name, o in contenders.items()}


def steps_of_ours(network: str, batch: int, backend: str) -> dict[str, Callable[[], None]]:
    """Our steps on one library: "curveball" and "sgd" on NumPy, "curveball_on_torch" and so on elsewhere."""
    contenders = ours(network, batch, choose(backend), compiled=backend == "jax")
    suffix = "" if backend == "numpy" else f"_on_{backend}"

    def timed(o: Ours) -> None:
        o.step()
        o.wait()

    return {name + suffix: (lambda o=o: timed(o)) for name, o in contenders.items()}


def ratios(ms: dict[str, float], backends: list[str]) -> dict[str, Any]:
    """How many times as fast our steps are as PyTorch's, for each library."""
    found = {}
    for backend in backends:
        suffix = "" if backend == "numpy" else f"_on_{backend}"
        curveball, sgd = ms["curveball" + suffix], ms["sgd" + suffix]
        found[backend] = {
            "speed_of_torch_double_backward": round(ms["torch_double_backward"] / curveball, 3),
            "speed_of_torch_func": round(ms["torch_func"] / curveball, 3),
            "speed_of_torch_sgd": round(ms["torch_sgd"] / sgd, 3),
            "curveball_over_sgd": round(curveball / sgd, 3),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="basic", choices=NETWORKS)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--backends", nargs="+", default=["numpy", "torch"], choices=["numpy", "torch", "jax"])
    parser.add_argument("--channels-last", action="store_true", help="for PyTorch's own networks")
    options = parser.parse_args()
    steps: dict[str, Callable[[], None]] = {}
    for backend in options.backends:
        steps |= steps_of_ours(options.network, options.batch, backend)
    peers = theirs(options.network, channels_last=options.channels_last)
    steps |= steps_of(peers, options.batch, channels_last=options.channels_last)
    times: dict[str, list[float]] = {name: [] for name in steps}
    cpu_times: dict[str, list[float]] = {name: [] for name in steps}
    with one_blas_thread():  # NumPy's, as in training; PyTorch has its own threads
        for repeat in range(options.repeats + 2):
            for name, step in steps.items():
                started, cpu_started = time.perf_counter(), time.process_time()
                step()
                if repeat > 1:  # the first two warm up
                    times[name].append(1e3 * (time.perf_counter() - started))
                    cpu_times[name].append(1e3 * (time.process_time() - cpu_started))
    ms = {name: statistics.median(values) for name, values in times.items()}
    compared = ratios(ms, options.backends)
    print(
        json.dumps(
            {
                "benchmark": "peer",
                "network": options.network,
                "batch": options.batch,
                "repeats": options.repeats,
                "channels_last": options.channels_last,
                "ms": {name: round(value, 1) for name, value in ms.items()},
                "cpu_ms": {name: round(statistics.median(values), 1) for name, values in cpu_times.items()},
                **compared[options.backends[0]],
                "backends": compared,
                "torch": torch.__version__,
                "torch_threads": torch.get_num_threads(),
                "torch_instructions": torch.backends.cpu.get_cpu_capability(),
                **provenance(),
            }
        )
    )


if __name__ == "__main__":
    main()
