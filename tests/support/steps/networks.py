"""Layers and losses. Each with PyTorch's, in a domain without kinks."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from minigrad import nn
from tests.support.programs import SHAPES, STACKS, fixed, one_axis, torch
from tests.support.steps.table import F, step


def _images(x):
    return x.permute(0, 3, 1, 2)


def _back(y):
    return y.permute(0, 2, 3, 1)


step(
    "nn.conv2d",
    "any",
    "any",
    "raw",
    ours=lambda x, w, b, stride, pad: nn.conv2d(x, w, stride, pad, bias=b),
    theirs=lambda x, w, b, stride, pad: _back(F.conv2d(_images(x), w.permute(3, 2, 0, 1), b, stride, pad)),
    draw=fixed(
        (1, 4, 3, 2),
        (2, 3, 2, 2),
        (2,),
        options=st.tuples(st.sampled_from([1, 2, (2, 1)]), st.sampled_from([0, 1, (0, 2)])),
    ),
)
for name, domain in (("max_pool2d", "apart"), ("avg_pool2d", "raw")):
    step(
        f"nn.{name}",
        domain,
        theirs=lambda x, *geometry, f=name: _back(getattr(F, f)(_images(x), *geometry)),
        draw=fixed((1, 4, 3, 2), options=st.sampled_from([(2, 2, 0), (2, 1, 0), (3, 2, 1), ((3, 2), (1, 2), (1, 0))])),
    )
step(
    "nn.batch_norm",
    "apart",
    "any",
    "raw",
    ours=lambda x, g, b: nn.batch_norm(x, g, b)[0],
    theirs=lambda x, g, b: g * (x - x.mean(0)) / (x.var(0, correction=0) + 1e-4).sqrt() + b,
    draw=fixed((5, 3), (3,), (3,)),
)
step(
    "nn.local_response_norm",
    "raw",
    ours=lambda x: nn.local_response_norm(x, 3, 0.2, 0.75, 1.5),
    theirs=lambda x: F.local_response_norm(x[:, :, None], 3, 0.6, 0.75, 1.5)[:, :, 0],
    draw=fixed((2, 5)),
)
step(
    "nn.running_average",
    "raw",
    "raw",
    ours=lambda a, b: nn.running_average({"m": a}, {"m": b}, 0.1)["m"],
    theirs=lambda a, b: torch.lerp(a, b, 0.1),
    draw=lambda draw: ((draw(SHAPES),) * 2, ()),
)
step(
    "nn.dropout",
    "raw",
    ours=lambda x: nn.dropout(x, np.array([[True, False], [False, True]]), 0.4),
    theirs=lambda x: x * torch.eye(2) / 0.6,
    draw=fixed((2, 2)),
)
step(
    "nn.dense",
    "any",
    "any",
    "raw",
    theirs=lambda x, w, b: F.linear(x, w.mT, b),
    draw=lambda draw: ((draw(STACKS) + (2, 3), (3, 2), (2,)), ()),
)
for name in ("softmax", "log_softmax"):
    step(f"nn.{name}", "any", ours=lambda x, axis, f=name: getattr(nn, f)(x, axis=axis), theirs=name, draw=one_axis)
step(
    "nn.cross_entropy",
    "any",
    ours=lambda x, labels: nn.cross_entropy(x, np.array(labels)),
    theirs=lambda x, labels: F.cross_entropy(x, torch.tensor(labels)),
    draw=fixed((3, 4), options=st.tuples(st.lists(st.integers(0, 3), min_size=3, max_size=3))),
)
step(
    "nn.cross_entropy",
    "any",
    "any",
    ours=lambda x, z: nn.cross_entropy(x, nn.softmax(z)),
    theirs=lambda x, z: F.cross_entropy(x, z.softmax(-1)),
    draw=fixed((3, 4), (3, 4)),
)
step("nn.squared_error", "any", "any", theirs=lambda x, t: ((x - t) ** 2).sum(-1).mean(), draw=fixed((3, 2), (3, 2)))
