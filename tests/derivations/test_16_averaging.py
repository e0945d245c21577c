r"""The 2x2 system, averaged over batches: what that saves, and where it must not be used.

Batch `k` predicts the change `m_k(x) = 1/2 x.A_k x - b_k.x` for the coefficients `x = (beta, -rho)`, with the system
`A_k x = b_k` of test_07_two_by_two_system.py and its own solution `x_k = A_k^-1 b_k`. Let `A` and `b` be the means of
`A_k` and `b_k` over batches. `x* = A^-1 b` minimises the mean of all these models, `m_mean(x) = 1/2 x.A x - b.x`. The
noise `A_k - A` and `b_k - b` has mean 0.

What remains. `m_mean` is not the model of the whole data set, because `d` contains the noise of the batch on which it
is then measured. At `z = 0`, where `d` is the gradient `g_k` of the batch, the first number of `b` is ::

    mean |g_k|^2 = |g|^2 + mean |g_k - g|^2                                        (0)

On all data together it would be only `|g|^2`.

What noise costs. For any `x = x* + e`, as the derivative of `m_mean` vanishes at `x*`::

    m_mean(x* + e) = m_mean(x*) + 1/2 e.A e                                        (1)

So a solution with error `e` loses `1/2 mean(e.A e)` of the decrease, half the variance of `e` weighted by `A`.

What averaging saves. The weighted sums `sum omega_k A_k x = sum omega_k b_k`, with weights of sum 1, have a solution
whose error is, to first order in the noise ::

    e = A^-1 sum_k omega_k (b_k - A_k x*)                                          (2)

This is a sum of independent terms of mean 0, so its variance is `sum omega_k^2` times that of one batch. Running sums
of decay `theta` have at step `t` the weights `omega_k = (1 - theta) theta^(t-k)`, up to a common factor, which drops
out::

    sum_k omega_k^2 = (1 - theta)^2 / (1 - theta^2) = (1 - theta) / (1 + theta)    (3)

This is 1/19 at `theta = 0.9` and 1/39 at `theta = 0.95`, so averaging saves nearly all of the cost (1).

Scale. Multiply `z`, `d` and the gradient by a constant, which happens on the way to a minimum as all of them shrink. Or
multiply the model of a batch by a constant. Then the five numbers are multiplied by the square of the constant or by
the constant itself. The solution stays the same, and the batch contains as much information as before. If steps shrink
geometrically, plain sums consist mostly of their oldest terms. So each batch is divided by the decrease that its own
solution predicts, `-m_k(x_k) = 1/2 b_k.x_k`. The solution of these sums minimises ::

    sum_k theta^(t-k) m_k(x) / -m_k(x_k)                                           (4)

the mean of the *relative* changes. No batch can contribute less than -1 to it, and all batches have the same weight,
whatever decrease they allow.

Where it fails. (2) assumes one `A` for all `k`, but `z` and `d` are other directions in every step. Along many
directions of a large network, curvatures are averages over thousands of eigenvalues and change slowly. With two
parameters the two directions span everything, `x_k` gives Newton's step itself, and the sums belong to other bases. The
batch's own model shows this. There the solution `x_mean` of the sums keeps the share ::

    share = m_k(x_mean) / m_k(x_k)  <=  1                                          (5)

of the decrease. The share is near 1 if the systems agree, and below 0 if `x_mean` would increase the objective.
`x_mean` is used where the share is at least `average_share`. Where it is not, the batch's own solution is used, and the
sums start again with this batch. The noise of the batch alone, `e` by (2), gives on average
`share = 1 - O(e.A e / -m_mean(x*))`, so a limit of 1/2 allows noise that costs half the decrease.

Source: ours; the paper (Henriques et al., ICCV 2019, arXiv 1805.08095) solves each batch's system alone. K-FAC (Martens
and Grosse, ICML 2015, arXiv 1503.05671, section 5) averages its curvature factors over batches in a similar way. The
measurements are in studies/results/averaging.md.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

import minigrad as mg
from curveball import CurveBall
from curveball.experiments.sweep import iterations_to
from problems.closed_form.linear_network import LinearNetwork
from problems.closed_form.rosenbrock import Rosenbrock

RNG = np.random.default_rng(16)
A = np.array([[2.0, 0.6], [0.6, 0.9]])
b = np.array([1.0, 0.2])
x_star = np.linalg.solve(A, b)


def m(x, A=A, b=b):
    return 0.5 * x @ A @ x - b @ x


def numbers(A, b):
    return A[..., 0, 0], A[..., 0, 1], A[..., 1, 1], b[..., 0], b[..., 1]


def step(solver, A, b, sums):
    """One step of the solver on a batch with the system `A x = b`; return its state and info.

    The batch is a quadratic of two parameters with g and G such that d and z are the columns of P::

        P^T P = [[d.d, z.d], [z.d, z.z]],    G = P^-T A P^-1,    g = d - G z
        d.d = g.d + d.G z = b_1 + A_12,      z.d = g.z + z.G z = b_2 + A_22,      z.z so large that this is definite

    Leading entries of A and b are runs that advance together.
    """
    dd, zd = b[..., 0] + A[..., 0, 1], b[..., 1] + A[..., 1, 1]
    P_T = np.linalg.cholesky(matrix(dd, zd, 2.0 * zd**2 / dd + dd))
    d, z = P_T[..., 0, :], P_T[..., 1, :]
    P_inverse = np.linalg.inv(np.swapaxes(P_T, -1, -2))
    root = np.swapaxes(np.linalg.cholesky(A), -1, -2) @ P_inverse  # G = root^T root
    g = d - np.einsum("...ki,...kj,...j->...i", root, root, z)
    g_L = np.linalg.solve(np.swapaxes(root, -1, -2), g[..., None])[..., 0]
    w = np.zeros_like(z)
    state = solver.init(w)._replace(z=z, system=sums)
    _, state, info = solver.step(
        w,
        state,
        lambda w: mg.sum(root * mg.expand_dims(w, axis=-2), axis=-1),
        mg.independent_runs(lambda y: mg.sum(0.5 * y * y + g_L * y, axis=-1)),
    )
    return state, info


def matrix(a_11, a_12, a_22):
    return np.stack([np.stack([a_11, a_12], -1), np.stack([a_12, a_22], -1)], -2)


def run(systems, theta, share=-1e9):
    """The solver on a sequence of systems: the last coefficients (beta, -rho), the change predicted and the sums."""
    solver = CurveBall(lam=0.0, adapt_lam=False, average=theta, average_share=share)
    sums = (0.0,) * 5
    for A_k, b_k in systems:
        state, info = step(solver, A_k, b_k, sums)
        sums = state.system
    return np.stack([info["beta"], -info["rho"]], axis=-1), info["predicted"], sums


def noisy(size, count, *runs):
    """Batches: A_k has a random factor, so that it stays positive definite, and b_k has additive noise."""
    root = np.linalg.cholesky(A)
    for _ in range(count):
        factor = root @ (np.eye(2) + size * RNG.standard_normal((*runs, 2, 2)))
        yield factor @ np.swapaxes(factor, -1, -2), b + size * RNG.standard_normal((*runs, 2))


def test_a_batch_predicts_too_much_along_its_own_gradient():
    rng = np.random.default_rng(0)
    rows, targets, w, solver = rng.standard_normal((60, 4)), rng.standard_normal(60), np.zeros(4), CurveBall()

    def first_number_of_b(k):  # at z = 0 the predicted decrease is 1/2 (g.g) beta
        _, _, info = solver.step(w, solver.init(w), lambda w: rows[k] @ w, lambda y: mg.mean((y - targets[k]) ** 2))
        return float(-2.0 * info["predicted"] / info["beta"])

    batches = np.arange(60).reshape(6, 10)
    g_k = np.array([-2.0 * rows[k].T @ targets[k] / 10 for k in batches])
    g = g_k.mean(axis=0)
    assert_allclose(first_number_of_b(np.arange(60)), g @ g, rtol=1e-10)
    mean = np.mean([first_number_of_b(k) for k in batches])
    assert_allclose(mean, g @ g + np.mean(np.sum((g_k - g) ** 2, axis=1)), rtol=1e-10)  # (0)


def test_noise_costs_half_its_weighted_square():
    e = RNG.standard_normal(2)
    assert_allclose(m(x_star + e), m(x_star) + 0.5 * e @ A @ e, rtol=1e-12)  # (1)


def test_the_mean_minimises_the_sum_of_relative_models():
    systems = [
        (scale * A_k, scale * b_k) for scale, (A_k, b_k) in zip((1.0, 1e-6, 1e4, 1e-2), noisy(0.3, 4), strict=True)
    ]
    x, predicted, _ = run(systems, 0.7)

    def relative(x):  # (4)
        return sum(
            0.7 ** (3 - k) * m(x, A_k, b_k) / -m(np.linalg.solve(A_k, b_k), A_k, b_k)
            for k, (A_k, b_k) in enumerate(systems)
        )

    assert_allclose(x, minimize(relative, np.zeros(2), tol=1e-14).x, rtol=1e-6)
    assert_allclose(predicted, m(x, *systems[-1]), rtol=1e-12)


def test_scaling_a_batch_changes_nothing():
    systems = list(noisy(0.3, 5))
    scaled = [
        (scale * A_k, scale * b_k) for scale, (A_k, b_k) in zip((1.0, 1e-8, 1e8, 3.0, 1e-3), systems, strict=True)
    ]
    assert_allclose(run(scaled, 0.9)[0], run(systems, 0.9)[0], rtol=1e-12)


@pytest.mark.parametrize("theta", [0.5, 0.9])
def test_averaging_divides_the_variance(theta):
    """(3), for noise so small that the first order is enough."""
    own, mean = (run(noisy(1e-3, length, 10_000), theta)[0] - x_star for length in (1, 60))

    def cost(errors):
        return 0.5 * np.mean(np.einsum("ni,ij,nj->n", errors, A, errors))

    assert_allclose(cost(mean) / cost(own), (1 - theta) / (1 + theta), rtol=0.05)  # 10,000 draws: 1 percent


def test_a_mean_that_keeps_too_little_is_not_used_and_the_sums_start_again():
    turned = (np.diag([0.1, 5.0]), np.array([1.0, 10.0]))  # quite another system
    systems = [*[(A, b)] * 10, turned]
    _, predicted, _ = run(systems, 0.9)
    assert predicted > 0.0  # the mean's solution would increase the objective here
    x, predicted, sums = run(systems, 0.9, share=0.5)
    own = np.linalg.solve(*turned)
    assert_allclose(x, own, rtol=1e-12)
    assert_allclose(predicted, m(own, *turned), rtol=1e-12)
    assert_allclose(np.array(sums) * -predicted, numbers(*turned), rtol=1e-12)


def test_a_batch_that_predicts_no_decrease_adds_nothing():
    """With rho fixed the best beta may still increase the objective: (4) would give a negative weight to the batch."""
    rising = {"lam": 0.0, "adapt_lam": False, "rho": 5.0}
    assert step(CurveBall(**rising), A, b, (0.0,) * 5)[1]["predicted"] > 0.0
    sums = (1.0, 0.1, 1.0, 0.3, 0.1)
    state, _ = step(CurveBall(**rising, average=0.9, average_share=-1e9), A, b, sums)
    assert_allclose(state.system, 0.9 * np.array(sums), rtol=1e-12)


def test_with_two_parameters_each_batch_needs_its_own_system_and_the_share_finds_that():
    def count(**options):
        solver = CurveBall(lam=0.1, lr=0.5, adapt_lam=False, **options)
        return iterations_to(Rosenbrock(), solver, runs=20, max_iter=300).mean()

    paper = count()
    assert count(average=0.9, average_share=-1e9) > 4.0 * paper
    assert count(average=0.9) < 1.4 * paper


def test_with_many_parameters_the_mean_costs_nothing():
    def count(**options):
        solver = CurveBall(lam=1.0, adapt_lam=False, **options)
        return iterations_to(LinearNetwork(), solver, runs=20, max_iter=300).mean()

    assert count(average=0.9) < 1.1 * count()


def test_the_coefficients_of_noisy_batches_vary_less():
    """Least squares with 20 unknowns, 10 rows at a time: rho's deviation over the second half of 400 steps."""
    rng = np.random.default_rng(0)
    rows, truth = rng.standard_normal((1000, 20)) / np.sqrt(np.arange(1.0, 21.0)), rng.standard_normal(20)
    targets = rows @ truth + 0.5 * rng.standard_normal(1000)

    def deviation(**options):
        solver, w, rhos = CurveBall(lam=1.0, adapt_lam=False, **options), np.zeros(20), []
        state, order = solver.init(w), np.random.default_rng(1)
        for _ in range(400):
            k = order.choice(1000, 10, replace=False)
            w, state, info = solver.step(
                w, state, lambda w, k=k: rows[k] @ w, lambda y, k=k: mg.mean((y - targets[k]) ** 2)
            )
            rhos.append(info["rho"])
        return np.std(rhos[200:])

    assert deviation(average=0.9) < 0.5 * deviation()
