"""The network that the derivations are checked on, twice: with minigrad, and in plain NumPy with dense matrices.

Three inputs, four tanh units, three classes, softmax cross entropy, mean over six samples: 31 parameters, 18 outputs.
The NumPy side works on flat vectors and does not use minigrad. The gradient is written out by hand. Matrices of
derivatives come from the complex step, which is exact up to rounding because it takes no difference::

    Im F(w + i eps e_k) / eps = dF/dw_k + O(eps^2),    eps = 1e-30        for an analytic F, real for real w

Squire and Trapp, SIAM Review 40(1), 1998. Functions have the names of docs/notation.md.
"""

import numpy as np

import minigrad as mg
from minigrad import nn

SHAPES = {"b1": (4,), "b2": (3,), "w1": (3, 4), "w2": (4, 3)}  # in the order of mg.tree_flatten
N = 6

_rng = np.random.default_rng(4)
IMAGES = _rng.standard_normal((N, 3))
LABELS = _rng.integers(0, 3, N)
START = {name: _rng.standard_normal(shape) for name, shape in SHAPES.items()}


def model(params):
    return nn.dense(mg.tanh(nn.dense(IMAGES, params["w1"], params["b1"])), params["w2"], params["b2"])


def loss(outputs):
    return nn.cross_entropy(outputs, LABELS)


def objective(params):
    return loss(model(params))


# ------------------------------------------------------------------------------------- plain NumPy


def vector(params):
    """A tree like the params, as a flat vector."""
    return np.concatenate([params[name].reshape(-1) for name in SHAPES])


def tree(w):
    """A flat vector as a tree like the params."""
    ends = np.cumsum([np.prod(shape, dtype=int) for shape in SHAPES.values()])
    return {name: part.reshape(SHAPES[name]) for name, part in zip(SHAPES, np.split(w, ends[:-1]), strict=True)}


def phi(w):
    """The outputs `y`, flat."""
    params = tree(w)
    return (np.tanh(IMAGES @ params["w1"] + params["b1"]) @ params["w2"] + params["b2"]).reshape(-1)


def L(y):
    y = y.reshape(N, 3)
    return np.mean(np.log(np.sum(np.exp(y), axis=1)) - y[np.arange(N), LABELS])


def f(w):
    return L(phi(w))


def softmax(y):
    exps = np.exp(y.reshape(N, 3))
    return exps / exps.sum(axis=1, keepdims=True)


def g_L(y):
    """`dL/dy = (s - one_hot) / N`, with the softmax `s` and the labels as rows of the identity; flat."""
    return ((softmax(y) - np.eye(3)[LABELS]) / N).reshape(-1)


def H_L(y):
    """`d2L/dy2`: for each sample a block `(diag s - s s^T) / N`."""
    blocks = np.zeros((3 * N, 3 * N))
    for n, s in enumerate(softmax(y)):
        blocks[3 * n : 3 * n + 3, 3 * n : 3 * n + 3] = (np.diag(s) - np.outer(s, s)) / N
    return blocks


def g(w):
    """`df/dw`, by the chain rule from the outputs back."""
    params = tree(w)
    hidden = np.tanh(IMAGES @ params["w1"] + params["b1"])
    y_bar = g_L(hidden @ params["w2"] + params["b2"]).reshape(N, 3)
    x_bar = (y_bar @ params["w2"].T) * (1.0 - hidden**2)
    return vector({"b1": x_bar.sum(0), "b2": y_bar.sum(0), "w1": IMAGES.T @ x_bar, "w2": hidden.T @ y_bar})


def complex_step(F, w, eps=1e-30):
    """The matrix `dF_i/dw_k`."""
    return np.stack([F(w + 1j * eps * unit).imag / eps for unit in np.eye(w.size)], axis=-1)


def J(w):
    """The Jacobian of `phi`, outputs x parameters."""
    return complex_step(phi, w)


def H(w):
    """The Hessian of `f`."""
    return complex_step(g, w)


def G(w):
    """`J^T H_L J`."""
    return J(w).T @ H_L(phi(w)) @ J(w)
