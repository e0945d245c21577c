r"""Batch normalisation's derivative is symmetric, and its formulas close.

Let `x` be the `n` entries of one channel, `m = mean(x)`, `v = mean((x - m)^2)`, and `sigma` the deviation::

    sigma = (v + eps)^(1/2)        s = 1 / sigma        x_hat = s (x - m)        q(t) = mean(x_hat t)

Claim. `x_hat` is `n` times the gradient of `sigma`::

    n sigma' = x_hat                                                               (1)

So its derivative `P` is `n` times the Hessian of `sigma`, a symmetric matrix: pushing a tangent forward and pulling a
cotangent back are the same operation ::

    P t = s (t - mean(t) - x_hat q(t))                                             (2)

and its derivative is `n` times the third derivative of `sigma`, which is symmetric in all three directions::

    s' d = -s^2 q(d)                                                               (3)
    c.(P t)' d = -s (q(d) c.P t + q(t) c.P d + q(c) d.P t)                         (4)

With `y = gain x_hat + bias`, both sweeps need two sums over the channel, `q` and the mean, and one affine function ::

    push    y_dot = gain P x_dot + gain_dot x_hat + bias_dot                       (5)
    pull    x_bar = gain P c        gain_bar = n q(c)        bias_bar = n mean(c)

Derivation. As the entries of `x - m` have sum 0, `v' t = 2 mean((x - m) t)`. So `sigma' t = v' t / (2 sigma) = q(t)`,
which is (1). With `s' t = -s^2 sigma' t` that is (3). The product rule, with (3), gives (2)::

    x_hat' t = s' t (x - m) + s (t - mean(t)) = -s q(t) x_hat + s (t - mean(t))

The product rule once more, `(P t)' d = (s' d)/s P t - s (P d q(t) + x_hat mean(t P d))`, and `t.P d = d.P t` give (4),
as `c.x_hat mean(d P t) = q(c) d.P t`. What the right sides contain is `s`, `x_hat` and `P`, whose derivatives are (3),
(2) and (4): with these three rules batch normalisation has its derivatives of all orders.

What `P` does to three directions. Two of them it nearly removes, which is why neither the mean nor the scale of what
comes into batch normalisation matters::

    P 1 = 0        P x_hat = s eps/(v + eps) x_hat        P t = s t for t orthogonal to both          (6)

Source: S. Ioffe and C. Szegedy, ICML 2015, for the pull; that `P` is a Hessian is the remark that makes it symmetric.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minigrad as mg
from minigrad import nn

n, eps = 7, 0.3
RNG = np.random.default_rng(18)
X, T, D, C = RNG.normal(size=(4, n))


def sigma(x):
    return np.sqrt(np.var(x) + eps)


def x_hat(x):
    return (x - np.mean(x)) / sigma(x)


def q(t, x=X):
    return np.mean(x_hat(x) * t)


def P(x=X):
    """The matrix of (2)."""
    return (np.eye(n) - 1.0 / n - np.outer(x_hat(x), x_hat(x)) / n) / sigma(x)


def along(f, direction, x=X, h=1e-5):
    """The derivative of f along a direction, by differences."""
    return (f(x + h * direction) - f(x - h * direction)) / (2.0 * h)


def standardised(x):
    """The package's, with one channel."""
    return nn.batch_norm(x[:, None], np.ones(1), np.zeros(1), eps=eps)[0][:, 0]


def test_the_formulas():
    assert_allclose(along(sigma, T), q(T), rtol=1e-9)  # (1)
    assert_allclose(along(x_hat, T), P() @ T, rtol=1e-8)  # (2)
    assert_allclose(along(lambda x: 1.0 / sigma(x), D), -q(D) / sigma(X) ** 2, rtol=1e-8)  # (3)


def third(c, t, d):
    """The right side of (4)."""
    return -(q(d) * (c @ P() @ t) + q(t) * (c @ P() @ d) + q(c) * (d @ P() @ t)) / sigma(X)


def test_the_third_derivative():
    assert_allclose(along(lambda x: C @ P(x) @ T, D), third(C, T, D), rtol=1e-8)  # (4)
    assert_allclose([third(T, D, C), third(D, T, C), third(D, C, T)], third(C, T, D), rtol=1e-12)


def test_the_package_has_this_matrix_in_both_sweeps():
    _, J = mg.linearize(standardised, X)
    for sweep in (J, J.T):
        assert_allclose(np.stack([sweep(e) for e in np.eye(n)], axis=1), P(), atol=1e-14)  # (2)
    assert_allclose(
        C @ mg.jvp(lambda x: mg.jvp(standardised, (x,), (T,))[1], (X,), (D,))[1], third(C, T, D), rtol=1e-12
    )
    assert_allclose(T @ mg.hvp(lambda x: C @ standardised(x), X, D), third(C, T, D), rtol=1e-12)  # (4)


def test_gain_and_bias():
    gain, bias, k, b = 1.7, -0.4, 0.6, 2.1
    y, J = mg.linearize(lambda *args: nn.batch_norm(*args, eps=eps)[0], X[:, None], np.array([gain]), np.array([bias]))
    assert_allclose(y[:, 0], gain * x_hat(X) + bias, rtol=1e-13)
    assert_allclose(J(T[:, None], np.array([k]), np.array([b]))[:, 0], gain * P() @ T + k * x_hat(X) + b, rtol=1e-12)
    x_bar, gain_bar, bias_bar = J.T(C[:, None])
    assert_allclose(x_bar[:, 0], gain * P() @ C, rtol=1e-12)  # (5)
    assert_allclose([gain_bar[0], bias_bar[0]], [n * q(C), np.sum(C)], rtol=1e-12)


@pytest.mark.parametrize("epsilon", [eps, 0.0])
def test_three_directions(epsilon):
    _, J = mg.linearize(lambda x: nn.batch_norm(x[:, None], np.ones(1), np.zeros(1), eps=epsilon)[0][:, 0], X)
    s, ones = 1.0 / np.sqrt(np.var(X) + epsilon), np.ones(n)
    assert_allclose(J(ones), 0.0, atol=1e-14)  # (6)
    centred = X - np.mean(X)
    assert_allclose(J(centred), s * epsilon * s**2 * centred, atol=1e-14)
    free = T - np.mean(T) - (T @ centred) / (centred @ centred) * centred
    assert_allclose(J(free), s * free, rtol=1e-10)
