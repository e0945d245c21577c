"""The spectrum of a network's Hessian and Gauss-Newton matrix, before and after training, as a picture and in numbers.

    python studies/spectrum.py --cifar DIR               # the basic network on CIFAR-10: results/spectrum.png, .json
    python studies/spectrum.py --data digits --network cnn --out FILE.png
    python studies/spectrum.py --draw                    # only draws the spectra in the JSON file again

The curvature is that of the mean loss over one batch of training images, the same before and after.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import curveball
import minigrad as mg
import problems
from curveball.figures.style import in_style, new_figure, save
from curveball.solvers.registry import solver_from
from curveball.spectra import Eigenpairs, Spectrum
from curveball.spectra.lanczos import Quadrature
from curveball.spectra.spectral_density import Density
from curveball.training.files import write_whole
from curveball.training.options import TrainOptions
from curveball.training.provenance import provenance
from curveball.training.train import train
from minigrad import Array, Tree

RESULT = Path(__file__).parent / "results" / "spectrum.png"
NAMES = {"hessian": "Hessian", "ggn": "Gauss-Newton matrix"}


def spectra_of(problem: problems.Classification, params: Tree, count: int, probes: int) -> dict[str, Spectrum]:
    """The spectra of both curvature matrices on one batch."""
    batch = problem.batch(np.random.default_rng(1))

    def model(w: Tree) -> Array:
        return problem.model(w, batch)[0]

    def objective(w: Tree) -> Array:
        return problem.loss(model(w), batch)

    operators = {
        "hessian": mg.HessianOperator(objective, params),
        "ggn": mg.GGNOperator(model, lambda y: problem.loss(y, batch), params),
    }
    found = {}
    for name, operator in operators.items():
        start = time.process_time()
        found[name] = curveball.spectrum(operator, count=count, probes=probes, progress=True)
        print(f"{found[name]}\n  {time.process_time() - start:.0f} s of processor time", flush=True)
    return found


@in_style
def draw(spectra: dict[str, dict[str, Spectrum]], title: str, path: Path) -> None:
    """A panel for each time, both matrices in each."""
    figure, axes = new_figure(len(spectra), width=5.0, height=3.8)
    for ax, (when, both) in zip(axes, spectra.items(), strict=True):
        for name, spectrum in both.items():
            spectrum.plot(ax, both["hessian"].length / 100.0, NAMES[name])
        ax.set_title(when)
    axes[0].legend()
    figure.suptitle(title)
    save(figure, path)


def stored(spectrum: Spectrum) -> dict[str, Any]:
    """All but the eigenvectors, for JSON."""
    probes, shorter = (
        [{"nodes": p.nodes.tolist(), "weights": p.weights.tolist()} for p in quadratures]
        for quadratures in (spectrum.density.probes, spectrum.density.shorter)
    )
    return {
        "name": spectrum.name, "size": spectrum.size, "products": spectrum.products,
        "values": spectrum.eigenpairs.values.tolist(), "errors": spectrum.eigenpairs.errors.tolist(),
        "known": spectrum.density.known.tolist(), "others": spectrum.density.others,
        "probes": probes, "shorter": shorter,
    }  # fmt: skip


def restored(found: dict[str, Any]) -> Spectrum:
    """The inverse of `stored`."""
    pairs = Eigenpairs(np.array(found["values"]), np.array(found["errors"]), [])
    probes, shorter = (
        [Quadrature(np.array(p["nodes"]), np.array(p["weights"])) for p in found[key]] for key in ("probes", "shorter")
    )
    density = Density(np.array(found["known"]), found["others"], probes, shorter)
    return Spectrum(found["name"], found["size"], found["products"], pairs, density)


def write(spectra: dict[str, dict[str, Spectrum]], title: str, path: Path) -> None:
    """The spectra as JSON."""
    rows = {when: {name: stored(spectrum) for name, spectrum in both.items()} for when, both in spectra.items()}
    write_whole(path, lambda new: new.write_text(json.dumps({"title": title, **provenance(), "spectra": rows}) + "\n"))


def read(path: Path) -> tuple[dict[str, dict[str, Spectrum]], str]:
    """The spectra and the title of the picture."""
    found = json.loads(path.read_text("utf-8"))
    spectra = {when: {name: restored(each) for name, each in both.items()} for when, both in found["spectra"].items()}
    return spectra, found["title"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--cifar", type=Path, help="folder of CIFAR-10")
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--network", default="basic")
    parser.add_argument("--solver", default="curveball")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--probes", type=int, default=4)
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--draw", action="store_true", help="only draw what is in the JSON file beside --out")
    options = parser.parse_args()
    beside = options.out.with_suffix(".json")
    if options.draw:
        draw(*read(beside), options.out)
        return
    data = problems.load(options.data, options.cifar)
    problem = problems.Classification(data, problems.network(options.network, len(data.classes)), options.batch_size)
    start = problem.init(np.random.default_rng(0))
    spectra = {"at the start": spectra_of(problem, start, options.count, options.probes)}
    run = train(problem, solver_from(options.solver), TrainOptions(epochs=options.epochs))
    after = f"after {options.epochs} epochs, validation error {100.0 * run.epochs[-1]['validation_error']:.0f}%"
    spectra[after] = spectra_of(problem, run.params, options.count, options.probes)
    title = f"{options.network} on {options.data}, {spectra[after]['ggn'].size:,} parameters"
    write(spectra, title, beside)
    draw(spectra, title, options.out)


if __name__ == "__main__":
    main()
