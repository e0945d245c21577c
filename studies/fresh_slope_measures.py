"""What is measured along a run of CurveBall: the slope of fresh data along the last step, and what it is made of."""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import minigrad as mg
from curveball.solvers.tree_math import tree_axpby, tree_vdot
from curveball.solvers.two_by_two import PlaneModel, damped
from curveball.spectra import extreme_eigenpairs
from curveball.training.devices import to_device_of
from minigrad import Tree

DECAY, TARGET, CHECKPOINTS, SHARP, KEPT, EXPLODED = 0.98, -0.15, 5, 10, 40, 1e3


class Step(NamedTuple):
    """A step of CurveBall, and what it is made of: `z = rho z_old - beta d`."""

    w: Tree  # after it
    z: Tree
    kept: Tree  # rho z_old
    asked: Tree  # -beta d
    z_2: Tree  # the step with 2 lam
    loss: float  # before it
    g: Tree  # gradient before it
    share: float  # lam z.z / z.G_lam z


def step(model: Any, loss: Any, w: Tree, z: Tree, lam: float) -> Step:
    """CurveBall's step, with the gradient by itself, which CurveBall does not need."""
    G = mg.GGNOperator(model, loss, w, has_aux=True)
    g, z_y = G.gradient, G.J(z)
    gz, Hz = G.slope_and_product(z_y)
    d = tree_axpby(1.0, tree_axpby(1.0, g, 1.0, G.J.T(Hz)), lam, z)
    d_y = G.J(d)
    gd, Hd = G.slope_and_product(d_y)
    curved = tree_vdot(d_y, Hd), tree_vdot(z_y, Hd), tree_vdot(z_y, Hz)
    lengths = tree_vdot(d, d), tree_vdot(z, d), tree_vdot(z, z)
    plane, plane_2 = (PlaneModel(*damped(*curved, damping, *lengths), gd, gz) for damping in (lam, 2.0 * lam))
    (rho, beta), (rho_2, beta_2) = plane.minimum(), plane_2.minimum()
    new = tree_axpby(rho, z, -beta, d)
    share = lam * tree_vdot(new, new) / plane.curvature(rho, beta)
    kept, asked = tree_axpby(rho, z, 0.0, d), tree_axpby(0.0, z, -beta, d)
    z_2 = tree_axpby(rho_2, z, -beta_2, d)
    return Step(tree_axpby(1.0, w, 1.0, new), new, kept, asked, z_2, float(G.value), g, float(share))


def gradient(problem: Any, w: Tree, batch: Any) -> Tree:
    return mg.GGNOperator(*functions(problem, batch), w, has_aux=True).gradient


def functions(problem: Any, batch: Any) -> tuple[Any, Any]:
    """Model and loss on a batch."""
    return partial(problem.model, batch=batch), partial(problem.loss, batch=batch)


def terms(before: float, after: float, fresh_before: float, fresh_after: float, share: float) -> dict[str, float]:
    """q and what it is the sum of, from slopes along z."""
    q, bend, own = fresh_after / before, after / before - share, fresh_before / before - 1.0
    return {"q": q, "share": share, "bend": bend, "own": own, "curve": q - share - bend - own}


def checkpoint(
    problem: Any, w: Tree, now: Step, before: float, after: float, rng: np.random.Generator, images: int
) -> dict[str, Any]:
    """Slopes along the step z from w over batches, its two parts, and its share in sharp directions."""
    indices = rng.permutation(problem.data.train_labels.shape[0])[:2000]
    batches = [
        problem.take(part) for part in np.split(indices, range(problem.batch_size, len(indices), problem.batch_size))
    ]
    batches = [batch for batch in batches if batch.labels.shape[0] == problem.batch_size]
    g = [[gradient(problem, at, batch) for batch in batches] for at in (w, now.w)]
    slopes = np.array([[float(tree_vdot(each, now.z)) for each in row] for row in g])
    flat = [np.mean([ravel(each) for each in row], axis=0) for row in g]
    z, kept, asked = ravel(now.z), ravel(now.kept), ravel(now.asked)
    model, loss = functions(problem, problem.take(indices[:images]))
    G = mg.GGNOperator(lambda v: model(v)[0], loss, w)
    pairs = extreme_eigenpairs(G, SHARP, "largest", tol=0.05)
    V = np.stack([ravel(v) for v in pairs.vectors], axis=1)
    in_sharp = [float((g_k @ V) @ (V.T @ z)) for g_k in flat]
    found = {
        "batch": [before, after],
        "mean": slopes.mean(axis=1), "deviation": slopes.std(axis=1, ddof=1), "batches": len(batches),
        "norms": [np.linalg.norm(v) for v in (z, kept, asked)],
        "kept": [kept @ g_k for g_k in flat], "asked": [asked @ g_k for g_k in flat],
        "eigenvalues": pairs.values[[0, -1]], "sharp": in_sharp, "sharp_z": float(np.sum((V.T @ z) ** 2) / (z @ z)),
        "z_curvature": [np.sum(pairs.values * (V.T @ z) ** 2), float(tree_vdot(now.z, G(now.z)))],
    }  # fmt: skip
    return {key: short(value) for key, value in found.items()}


def ravel(tree: Tree) -> np.ndarray:
    return np.concatenate([mg.to_numpy(leaf).ravel() for leaf in mg.tree_flatten(tree)[0]]).astype(float)


def short(value: Any) -> Any:
    """Numbers with five digits, for JSON."""
    return [short(x) for x in value] if np.ndim(value) else float(f"{value:.5g}")


def train(problem: Any, rule: str, steps: int, images: int, checkpoints: int = CHECKPOINTS) -> dict[str, Any]:
    """A run: its curve, its checkpoints, the means of its last fifth."""
    kind, _, number = rule.rpartition(":")
    lam, rng, other = float(number), np.random.default_rng(0), np.random.default_rng(1)
    w = to_device_of(problem.data.train_images, problem.init(rng))
    z, last, means, rows, marks = mg.tree_map(mg.zeros_like, w), None, np.zeros(7), [], []
    at = {round(steps * (k + 1) / checkpoints) - 1 for k in range(checkpoints)}
    epochs = itertools.chain.from_iterable(problem.batches(rng) for _ in itertools.count())
    for k, batch in enumerate(itertools.islice(epochs, steps)):
        now = step(*functions(problem, batch), w, z, lam)
        if not now.loss < EXPLODED:
            break
        if last is not None:  # the step before: last_w -> w along z, made on last_batch
            last_w, last_batch, made = last
            fresh_before = tree_vdot(gradient(problem, last_w, batch), z)
            after = tree_vdot(gradient(problem, w, last_batch), z)
            before, fresh_after = tree_vdot(made.g, z), tree_vdot(now.g, z)
            h = float(tree_vdot(now.g, tree_axpby(1.0, made.z_2, -1.0, z)))
            slopes = [float(x) for x in (before, after, fresh_before, fresh_after)]
            means = DECAY * means + (1.0 - DECAY) * np.array([*slopes, -slopes[0] * made.share, h, h * h])
            found = terms(*means[:4], means[4] / -means[0])
            rows.append({"lam": lam, "loss": now.loss, **found, "h": means[5] / math.sqrt(means[6]), "slopes": slopes})
            if k in at:
                marks.append({"step": k, **checkpoint(problem, last_w, made, slopes[0], slopes[1], other, images)})
            signal = {"hold": found["q"] - TARGET, "two": rows[-1]["h"]}.get(kind, 0.0)
            lam *= math.exp(-0.05 * min(max(3.0 * signal, -1.0), 1.0))
        last, w, z = (w, batch, now), now.w, now.z
    fifth = rows[-len(rows) // 5 :]
    each = np.array([row.pop("slopes") for row in rows])[-len(rows) // 5 :]
    ends = {name: short(np.mean([row[name] for row in fifth])) for name in rows[0]}
    noise = {
        "running": np.std([row["q"] for row in fifth]),
        "step": np.std(each[:, 3]) / abs(each[:, 0].mean()),
    }
    curve = [{name: short(x) for name, x in row.items()} for row in rows[:: max(1, len(rows) // KEPT)]]
    return {
        "failed": len(rows) < steps - 1, "end": ends, "noise": {k: short(v) for k, v in noise.items()}, "curve": curve,
        "checkpoints": marks, "steps": steps,
    }  # fmt: skip
