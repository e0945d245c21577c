"""Whose prediction do I trust? A curve with error bars, and digits beside pictures that are none.

python studies/uncertainty.py               # results/uncertainty.png, and the numbers of docs/uncertainty.md
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from sklearn.metrics import roc_auc_score

import curveball
import minigrad as mg
import problems
from curveball.figures.style import new_figure, save, styled
from curveball.training.options import TrainOptions
from curveball.training.train import train
from minigrad import Array, Tree, nn

RESULT = Path(__file__).parent / "results" / "uncertainty.png"
HIDDEN = 12


def curve(w: Tree, x: Array) -> Array:
    """A network of one hidden layer, for one input."""
    return nn.dense(mg.tanh(nn.dense(x, w["w1"], w["b1"])), w["w2"], w["b2"])


def draw_curve(ax: Axes) -> None:
    """Measurements with a gap: the band is wide where there are none."""
    rng = np.random.default_rng(0)
    x = np.sort(np.concatenate([rng.uniform(-3.0, -0.8, 25), rng.uniform(0.8, 3.0, 25)]))[:, None]
    y = np.sin(1.5 * x) + 0.15 * rng.standard_normal(x.shape)
    start = {
        "w1": rng.standard_normal((1, HIDDEN)), "b1": rng.standard_normal(HIDDEN),
        "w2": rng.standard_normal((HIDDEN, 1)) / HIDDEN**0.5, "b2": np.zeros(1),
    }  # fmt: skip
    c = 1e-3  # the sum of squares gets 1/2 (2 c) |w|^2: with noise 0.15 the prior is c / 0.15^2
    solver = curveball.LevenbergMarquardt()
    fitted = curveball.minimize(
        lambda w: (curve(w, x) - y, mg.tree_map(lambda p: c**0.5 * p, w)),
        lambda r: mg.sum(r[0] ** 2) + sum(mg.sum(p**2) for p in mg.tree_flatten(r[1])[0]),
        start, solver, max_iter=500,
    )  # fmt: skip
    posterior = curveball.laplace(curve, fitted.x, x, y)
    print(posterior)
    new = np.linspace(-4.0, 4.0, 400)[:, None]
    prediction = posterior.predict(new)
    low, high = prediction.interval(0.95)
    ax.fill_between(new[:, 0], low[:, 0], high[:, 0], alpha=0.2, linewidth=0.0, label="95% of measurements")
    ax.plot(new, prediction.mean, label="network")
    ax.plot(x, y, "k.", markersize=4, label="measurements")
    ax.set(ylim=(-3.5, 3.5), xlabel="x", ylabel="y", title="wide where there are no data")
    ax.legend(fontsize=8, loc="lower left")


def draw_digits(ax: Axes) -> None:
    """How much networks from the posterior disagree, on digits and on their pixels in random order."""
    data = problems.load("digits")
    net = problems.network("mlp")
    problem = problems.Classification(data, net, batch_size=128)
    run = train(problem, curveball.CurveBall(), TrainOptions(epochs=10, quiet=True))
    x, new = data.normalise(data.train_images, np.float32), data.validation_images
    pixels = np.random.default_rng(0).permuted(new.reshape(len(new), -1), axis=1).reshape(new.shape)
    posterior = curveball.laplace(
        lambda w, images: net(w, images)[0], run.params, x, data.train_labels, part="dense2"
    )  # fmt: skip
    print(posterior)
    kinds = {"digits": new, "pixels in random order": pixels}
    of = {kind: data.normalise(images, np.float32) for kind, images in kinds.items()}
    alone = {kind: _softmax(net(run.params, images)[0]).max(axis=1) for kind, images in of.items()}
    predictions = {kind: posterior.predict(images) for kind, images in of.items()}
    for kind, p in predictions.items():
        more = f"mean confidence {np.mean(alone[kind]):.2f} alone, {np.mean(p.confidence):.2f} averaged"
        print(f"{kind}: {more}; disagreement {np.mean(p.disagreement):.3f}")
    which = np.repeat([0, 1], len(new))
    scores = {"confidence of the network alone": -np.concatenate(list(alone.values()))}
    for name in ("confidence", "entropy", "disagreement"):
        values = np.concatenate([getattr(p, name) for p in predictions.values()])
        scores[f"{name}, averaged"] = -values if name == "confidence" else values
    for name, score in scores.items():
        print(f"{name}: area under the ROC curve {roc_auc_score(which, score):.4f}")
    wrong = predictions["digits"].labels != data.validation_labels
    print(f"wrong digits: {np.sum(wrong)} of {len(new)}")
    bins = np.linspace(0.0, 1.3, 40)
    for kind, p in predictions.items():
        ax.hist(p.disagreement, bins, alpha=0.6, label=kind)
    ax.set(xlabel="disagreement, nats", ylabel="images", title="digits, and what is none")
    ax.legend()


def _softmax(y: np.ndarray) -> np.ndarray:
    p = np.exp(y - y.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    with styled():
        figure, (left, right) = new_figure(2, width=5.0, height=3.8)
        draw_curve(left)
        draw_digits(right)
        save(figure, options.out)


if __name__ == "__main__":
    main()
