"""The figure of lambda_rules.py: where each of the other rules takes lambda, beside the best fixed one.

python studies/lambda_rules_figure.py studies/results/lambda-rules.png
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import damping
import momentum_guard
import numpy as np
from lambda_rules import Run, read

from curveball.figures.style import in_style, look, new_figure, save

SHOWN = {"digits-cnn": "digits, CNN", "fashion-mnist": "Fashion-MNIST", "basic": "CIFAR-10, basic"}
RULES = ("held:0.3", "comparison", "horizon:50", "turn:0.8", "ratio:1", "ratio:8", "layers")


@in_style
def draw(runs: dict[Run, dict[str, Any]], path: Path) -> None:
    """Along one run from lambda 1 by each rule."""
    figure, axes = new_figure(len(SHOWN), width=3.9, height=4.0)
    for axis, (name, title) in zip(axes, SHOWN.items(), strict=True):
        for k, rule in enumerate(RULES):
            lams = runs[Run(name, rule, 1.0, damping.TASKS[name].batch)]["lams"]
            axis.plot(np.linspace(0, 1, len(lams)), lams, label=rule, **look(k))
        _, best, _ = momentum_guard.best_guarded(momentum_guard.read(), name)
        axis.axhline(best, color="black", linewidth=1, linestyle=":")
        axis.set(title=f"{title} (best fixed: {best:g})", xlabel="part of the run", yscale="log", ylim=(1e-9, 1e7))
    axes[0].set_ylabel("lambda")
    axes[0].legend(fontsize="small", loc="upper left", ncols=2)
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("out", type=Path, help="where to write the figure")
    draw(read(), parser.parse_args().out)


if __name__ == "__main__":
    main()
