"""The network that the derivations are checked on, twice: with minigrad, and in plain NumPy with dense matrices.

Three inputs, four tanh units, three classes, softmax cross entropy, mean over six samples: 31 parameters, 18 outputs.
The NumPy side works on flat vectors and knows nothing of minigrad: the gradient is written out by hand, and matrices of
derivatives come from the complex step, which is exact to rounding because it takes no difference::

    Im g(v + i h e_k) / h = dg/dv_k + O(h^2),    h = 1e-30        for an analytic g that is real on the real line

Squire and Trapp, SIAM Review 40(1), 1998.
"""

import numpy as np

import minigrad as mg
from minigrad import nn

SHAPES = {"b1": (4,), "b2": (3,), "w1": (3, 4), "w2": (4, 3)}  # in the order of minigrad.trees.tree_flatten
N = 6

_rng = np.random.default_rng(4)
IMAGES = _rng.standard_normal((N, 3))
LABELS = _rng.integers(0, 3, N)
START = {name: _rng.standard_normal(shape) for name, shape in SHAPES.items()}


def model(params):
    return nn.dense(mg.tanh(nn.dense(IMAGES, params["w1"], params["b1"])), params["w2"], params["b2"])


def loss(outputs):
    return nn.cross_entropy(outputs, LABELS)


# ------------------------------------------------------------------------------------- plain NumPy


def vector(tree):
    return np.concatenate([tree[name].reshape(-1) for name in SHAPES])


def tree(v):
    ends = np.cumsum([np.prod(shape, dtype=int) for shape in SHAPES.values()])
    return {name: part.reshape(SHAPES[name]) for name, part in zip(SHAPES, np.split(v, ends[:-1]), strict=True)}


def outputs(v):
    """`phi(w)`, flat."""
    w = tree(v)
    return (np.tanh(IMAGES @ w["w1"] + w["b1"]) @ w["w2"] + w["b2"]).reshape(-1)


def outputs_loss(y):
    """`L(y)`."""
    y = y.reshape(N, 3)
    return np.mean(np.log(np.sum(np.exp(y), axis=1)) - y[np.arange(N), LABELS])


def f(v):
    return outputs_loss(outputs(v))


def softmax(y):
    e = np.exp(y.reshape(N, 3))
    return e / e.sum(axis=1, keepdims=True)


def J_L(y):
    """`dL/dy = (p - q) / N`, with the labels as rows `q` of the identity; flat."""
    return ((softmax(y) - np.eye(3)[LABELS]) / N).reshape(-1)


def H_L(y):
    """`d2L/dy2`: for each sample a block `(diag p - p p^T) / N`."""
    H = np.zeros((3 * N, 3 * N))
    for n, p in enumerate(softmax(y)):
        H[3 * n : 3 * n + 3, 3 * n : 3 * n + 3] = (np.diag(p) - np.outer(p, p)) / N
    return H


def gradient(v):
    """`J = df/dw`, by the chain rule from the outputs back."""
    w = tree(v)
    hidden = np.tanh(IMAGES @ w["w1"] + w["b1"])
    y_bar = J_L(hidden @ w["w2"] + w["b2"]).reshape(N, 3)
    x_bar = (y_bar @ w["w2"].T) * (1.0 - hidden**2)
    return vector({"b1": x_bar.sum(0), "b2": y_bar.sum(0), "w1": IMAGES.T @ x_bar, "w2": hidden.T @ y_bar})


def complex_step(g, v, h=1e-30):
    """The matrix `dg_i/dv_k`."""
    return np.stack([g(v + 1j * h * e).imag / h for e in np.eye(v.size)], axis=-1)


def J_phi(v):
    """The transposed Jacobian of the outputs, parameters x outputs."""
    return complex_step(outputs, v).T


def hessian(v):
    return complex_step(gradient, v)


def ggn(v):
    """`G = J_phi H_L J_phi^T`."""
    return J_phi(v) @ H_L(outputs(v)) @ J_phi(v).T
