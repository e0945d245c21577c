r"""Many devices: what a step sends is the transpose of a copy, and one number per inner product.

`K` devices hold whole copies of the parameters `w`, of `z` and of `d`; each has its shard, `1/K` of the batch. Two
linear maps say what happens between devices: a copy to all of them, and a sum over them ::

    B w = (w, ..., w)        S (x_1, ..., x_K) = x_1 + ... + x_K

Claim. Each is the other's transpose ::

    S^T = B,        B^T = S,        A = B S is symmetric                           (1)

`A` is the all-reduce: every device gets the sum. With the model `phi = (phi_1, ..., phi_K) B`, the outputs of all
shards from the one `w`, and with `J_k` the Jacobian of `phi_k` ::

    push-forward    J v = (J_1 v, ..., J_K v)                nothing is sent                       (2)
    pull-back       J^T u = sum_k J_k^T u_k                  one all-reduce, of the size of w      (3)

The loss is a mean over shards of equal size, `L(y) = 1/K sum_k L_k(y_k)`, so `H_L` has a block for each shard, and an
inner product of outputs is a sum of one number from each shard ::

    <z_y, H_L d_y> = 1/K sum_k <J_k z, H_k J_k d>            one all-reduce, of one number         (4)

Batch normalisation with `C` channels takes the mean and the variance over all shards, `m = 1/K S (m_1, ..., m_K)` and
in the same way `v`. That is an all-reduce of `2 C` numbers. By (1) it is one again in each sweep, the push-forward and
the pull-back. So a step on `n` parameters sends, as all-reduces of so many numbers ::

                      pull-back    loss, inner products    batch normalisation
    SGD, Adam         n            1                       4 C      evaluation, pull-back           (5)
    CurveBall         n            1 + 5                   8 C      and two push-forwards           (6)
    its trust ratio                1                       2 C      every fifth step

The `2 C` numbers of the pull-back are sums of cotangents over the batch, as the gradients of gain and bias are. Where
it is written with these (`minigrad.nn.batch_norm`), they are among the `n`, and only `2 C` and `6 C` are left in (5)
and (6).

Derivation. (1): `<S x, c> = sum_k <x_k, c> = <x, B c>` for all `x` and `c`. (2) and (3) are the chain rule for `phi`:
`J` is `(J_1, ..., J_K)` on the diagonal after `B`, and transposing reverses the order, with `S` for `B`. (4): the
blocks of `H_L` are `1/K H_k`.

Why numbers and not vectors. The 2x2 system (test_07_two_by_two_system.py) consists of inner products of parameters and
of outputs. Each device holds `z`, `d` and `w` whole, so the former are computed in each, and nothing is sent. The
outputs' tangents `z_y` and `d_y` stay where their shard is. By (4), two numbers cross the wire for each inner product:
one leaves a device, and the sum comes back. This is done for `z_y.H_L z_y`, `z_y.H_L d_y`, `d_y.H_L d_y`, `g_L.z_y` and
`g_L.d_y`. The gradient `g` itself is never summed: it is pulled back together with `H_L z_y`
(test_06_two_sweep_product.py), and `g.d = g_L.d_y`. So for large `n` CurveBall sends what SGD sends, and computes up to
7/3 as long between two messages: it loses less to the wire.

What an all-reduce costs. In a ring, each device cuts its vector in `K` parts and sends a part to its neighbour in each
of `2 (K - 1)` rounds. In the first `K - 1` rounds the parts are summed on their way, in the others the sums are passed
on ::

    sent by each device    2 (K - 1) / K  times the vector,    at most twice its size               (7)

Source: P. Patarasu, X. Yuan, J. Parallel Distrib. Comput. 69(2), 2009, for the ring; S. Ioffe, C. Szegedy, ICML 2015,
for batch normalisation. The numbers in a compiled step are counted in benchmarks/results/wire.md; training on many
devices is in curveball/training/many_devices.py.
"""

from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minigrad as mg
from curveball import SGD, Adam, CurveBall
from curveball.solvers import curve_ball
from minigrad import nn
from tests.support import small_network as net

K, ROWS, IN, C, CLASSES = 4, 5, 3, 7, 2
RNG = np.random.default_rng(17)
IMAGES, LABELS = RNG.standard_normal((K, ROWS, IN)) ** 3, RNG.integers(0, CLASSES, (K, ROWS))
START = {
    "b": RNG.standard_normal(CLASSES),
    "bias": RNG.standard_normal(C),
    "gain": RNG.standard_normal(C),
    "w1": RNG.standard_normal((IN, C)),
    "w2": RNG.standard_normal((C, CLASSES)),
}
SIZE = sum(x.size for x in START.values())


# ------------------------------------------------------------------------------------- K devices in one program
#
# What each device holds is an entry of the first axis. `sent` counts the numbers of each all-reduce, by sweep.


SENT = Counter()


def sent_by(size, *sweeps):
    """A function that counts what is sent in this sweep, and returns its argument."""

    def count(x):
        for sweep in sweeps:
            SENT[sweep] += size
        return x

    return count


@mg.primitive(lambda y, w: mg.Linear(copies, lambda c: sent_by(c[0].size, "pull-back")(mg.sum(c, axis=0))))
def copied(w):
    """B: every device has w already. Its transpose is S."""
    return copies(w)


def copies(w):
    return mg.broadcast_to(w, (K, *w.shape))


@mg.primitive(lambda y, x: mg.Linear(lambda t: sent_by(1, "push-forward")(mg.sum(t)), lambda c: mg.broadcast_to(c, K)))
def summed(x):
    """S, for one number of each device. Its transpose is B."""
    sent_by(1, "evaluation")(x)
    return mg.sum(x)


@mg.primitive(lambda y, x: mg.Linear(lambda t: all_reduced(t, "push-forward"), lambda c: all_reduced(c, "pull-back")))
def all_reduce(x):
    """A = B S, its own transpose."""
    return all_reduced(x, "evaluation")


def all_reduced(x, sweep):
    return sent_by(x[0].size, sweep)(copies(mg.sum(x, axis=0)))


def model(params, over_all=all_reduce):
    """A layer, batch normalisation over all shards, tanh, a layer."""
    w1, gain, bias, w2, b = (copied(params[name]) for name in ("w1", "gain", "bias", "w2", "b"))
    x = mg.matmul(IMAGES, w1)
    m = over_all(mg.mean(x, axis=1)) / K
    centred = x - m[:, None]
    v = over_all(mg.mean(centred * centred, axis=1)) / K
    x = centred * (gain / mg.sqrt(v + 1e-4))[:, None] + bias[:, None]
    return mg.matmul(mg.tanh(x), w2) + b[:, None]


def loss(outputs):
    return summed(nn.cross_entropy(outputs, LABELS)) / K


def of_one_device(params):
    """The same network on the whole batch."""
    x, _ = nn.batch_norm(nn.dense(IMAGES.reshape(-1, IN), params["w1"]), params["gain"], params["bias"])
    return nn.dense(mg.tanh(x), params["w2"], params["b"])


def trained(solver, model, loss, steps=6):
    params, state = START, solver.init(START)
    for _ in range(steps):
        params, state, _ = solver.step(params, state, model, loss)
    return params


# ------------------------------------------------------------------------------------- the claims


def test_a_sum_over_shards_and_a_copy_are_transposes():
    x, c = RNG.standard_normal((K, 6)), RNG.standard_normal(6)
    total, S = mg.linearize(lambda x: mg.sum(x, axis=0), x)
    copy, B = mg.linearize(copied, c)
    assert_allclose(S.T(c), np.tile(c, (K, 1)), rtol=0.0)  # (1)
    assert_allclose(copy, np.tile(c, (K, 1)), rtol=0.0)
    assert_allclose(B.T(x), total, rtol=0.0)
    assert_allclose(np.vdot(S(x), c), np.vdot(x, S.T(c)), rtol=1e-12)
    A = mg.jacobian(lambda x: mg.reshape(all_reduce(mg.reshape(x, (K, 6))), -1))(x.reshape(-1))
    assert_allclose(A, np.kron(np.ones((K, K)), np.eye(6)), rtol=0.0)
    assert_allclose(A, A.T, rtol=0.0)


def test_shards_of_the_dense_matrices():
    """(2), (3), (4) on the matrices of the small network: six samples in three shards, three outputs a sample."""
    w, shards = net.vector(net.START), [slice(6 * k, 6 * k + 6) for k in range(3)]
    z, lam = RNG.standard_normal(w.size), 0.3
    y, J = net.phi(w), net.J(w)
    H_k = [3.0 * net.H_L(y)[part, part] for part in shards]  # of the mean over the shard's own samples
    assert_allclose(sum(np.abs(H).sum() for H in H_k), 3.0 * np.abs(net.H_L(y)).sum(), rtol=1e-12)  # no other blocks
    u_k = [H @ (J[part] @ z) / 3.0 + net.g_L(y)[part] for H, part in zip(H_k, shards, strict=True)]
    d = sum(J[part].T @ u for u, part in zip(u_k, shards, strict=True)) + lam * z
    assert_allclose(d, (net.G(w) + lam * np.eye(w.size)) @ z + net.g(w), rtol=1e-12)  # (3)
    numbers = [(J[part] @ z) @ H @ (J[part] @ d) for H, part in zip(H_k, shards, strict=True)]
    assert_allclose(np.mean(numbers), z @ net.G(w) @ d, rtol=1e-12)  # (4)


@pytest.mark.parametrize(
    "solver", [CurveBall(lam_every=2), SGD(lr=0.1), Adam(lr=0.1)], ids=["curveball", "sgd", "adam"]
)
def test_the_iterates_are_those_of_one_device(solver):
    whole = trained(solver, of_one_device, lambda y: nn.cross_entropy(y, LABELS.reshape(-1)))
    assert_allclose(net_vector(trained(solver, model, loss)), net_vector(whole), rtol=1e-9)


def test_statistics_of_each_shard_alone_make_another_network():
    whole = trained(SGD(lr=0.1), of_one_device, lambda y: nn.cross_entropy(y, LABELS.reshape(-1)))
    alone = trained(SGD(lr=0.1), lambda params: model(params, over_all=lambda x: K * x), loss)
    assert np.max(np.abs(net_vector(alone) - net_vector(whole))) > 0.01


def net_vector(params):
    return np.concatenate([params[name].reshape(-1) for name in START])


@pytest.mark.parametrize(
    ("solver", "expected"),
    [
        (SGD(), {"evaluation": 1 + 2 * C, "pull-back": SIZE + 2 * C}),  # (5)
        (Adam(), {"evaluation": 1 + 2 * C, "pull-back": SIZE + 2 * C}),
        (
            CurveBall(adapt_lam=False),  # (6): the slopes g_L.z_y and g_L.d_y are pushed through the loss
            {"evaluation": 1 + 2 * C, "push-forward": 2 + 4 * C, "pull-back": SIZE + 2 * C, "inner products": 3},
        ),
        (
            CurveBall(lam_every=1),
            {"evaluation": 2 + 4 * C, "push-forward": 2 + 4 * C, "pull-back": SIZE + 2 * C, "inner products": 3},
        ),
    ],
    ids=["sgd", "adam", "curveball", "curveball-trust-ratio"],
)
def test_what_a_step_sends(solver, expected, monkeypatch):
    inner_product = curve_ball.tree_vdot

    def counted(a, b, runs):
        if getattr(a, "shape", None) == (K, ROWS, CLASSES):  # of outputs: a sum over devices
            SENT["inner products"] += 1
        return inner_product(a, b, runs)

    monkeypatch.setattr(curve_ball, "tree_vdot", counted)
    SENT.clear()
    solver.step(START, solver.init(START), model, loss)
    assert expected == SENT


@pytest.mark.parametrize("devices", [2, 3, 8])
def test_a_ring_sends_at_most_twice_the_vector(devices):
    """(7), with every message written out: in each round, device k sends a part to device k + 1."""
    size = 12 * devices
    x = RNG.standard_normal((devices, size))
    parts, sent = x.reshape(devices, devices, 12).copy(), np.zeros(devices)
    for turn in range(2 * (devices - 1)):
        messages = []
        for k in range(devices):
            part = (k - turn) % devices if turn < devices - 1 else (k + 1 - (turn - devices + 1)) % devices
            messages.append(((k + 1) % devices, part, parts[k, part].copy()))
            sent[k] += 12
        for to, part, values in messages:
            parts[to, part] = parts[to, part] + values if turn < devices - 1 else values
    assert_allclose(parts.reshape(devices, size), np.tile(x.sum(axis=0), (devices, 1)), rtol=1e-12)
    assert_allclose(sent, 2 * (devices - 1) / devices * size)
