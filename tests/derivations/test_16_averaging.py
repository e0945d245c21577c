r"""The 2x2 system, averaged over batches: what that saves, and where it must not be done.

A batch has the model `m_k(x) = 1/2 x.A_k x - b_k.x` of its change by `x = (beta, -rho)`, with the matrix and the
right-hand side of test_07_two_by_two_system.py, and its own solution `x_k = A_k^-1 b_k`. Let A and b be their means
over batches: `x* = A^-1 b` minimises the mean of all models, `m(x) = 1/2 x.A x - b.x`, and a batch shows
`A_k = A + dA_k` and `b_k = b + db_k`, the noise of mean 0.

What averaging leaves. m is not the model of the whole data set: Dz has in it the noise of the batch on which it is then
measured. At z = 0, where Dz is the batch's gradient J_k, the first number of b is ::

    mean |J_k|^2 = |J|^2 + mean |J_k - J|^2                                        (0)

more than is true of all data together.

What noise costs. For any x = x* + e, as the slope vanishes at x*::

    m(x* + e) = m(x*) + 1/2 e.A e                                                  (1)

so a solution with error e loses `1/2 E[e.A e]` of the decrease, half the variance of e as A weighs it.

What averaging saves. To first order in the noise the solution of weighted sums `sum w_k A_k x = sum w_k b_k`, with
weights of sum 1, is off by ::

    e = A^-1 sum_k w_k (db_k - dA_k x*)                                            (2)

a sum of independent terms: its variance is `sum w_k^2` times that of one batch. With `w_k = (1 - d) d^(K-k)`, which
is what running sums of decay d come to once their common factor has dropped out ::

    sum_k w_k^2 = (1 - d)^2 / (1 - d^2) = (1 - d) / (1 + d)                        (3)

1/19 at d = 0.9 and 1/39 at d = 0.95: of what noise costs by (1), nearly all is saved.

Scale. Multiply z, Dz and the gradient by a constant, as all shrink alike on the way to a minimum, or multiply the model
of a batch by one: the five numbers change, by the square of it or by itself, the solution does not, and the batch knows
no more than before. When steps shrink geometrically, plain sums hold their oldest terms and next to nothing of the
present. So each batch is divided by what its own solution promises, `-m_k* = 1/2 b_k.x_k`, and the sums are those whose
solution minimises ::

    sum_k d^(K-k) m_k(x) / -m_k*                                                   (4)

the mean of the *relative* changes: no batch can add less than -1 of it, and one where all goes well anyhow counts as
much as one where little can be had.

Where it must not be used. (2) supposes one A for all k, but z and Dz are other directions in every step. Along many
directions of a large network, curvatures are averages over thousands of eigenvalues and change slowly. With two
parameters the two directions span everything, `x_k` is Newton's step itself, and the sums belong to other bases. This
shows on the batch's own model, where the mean solution keeps the share ::

    s = m_k(x mean) / m_k*  <=  1                                                  (5)

of the decrease: near 1 if the systems agree, below 0 if the mean would climb. So the mean is used where s is at least
`average_share`, and where it is not, the batch's own solution is, and the sums start anew. Noise of the batch alone,
e by (2), gives on average `s = 1 - O(e.A e / -m*)`: a share of 1/2 leaves room for noise that costs half the decrease.

Source: ours; the paper (Henriques et al., ICCV 2019, arXiv 1805.08095) solves each batch's system alone. K-FAC
(Martens and Grosse, ICML 2015, arXiv 1503.05671, section 5) averages its curvature factors over batches likewise.
What was measured stands in studies/results/averaging.md.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

import minigrad as mg
from curveball import CurveBall
from curveball.experiments.sweep import iterations_to
from curveball.solvers.averaging import averaged
from curveball.solvers.two_by_two import PlaneModel
from problems.closed_form.linear_network import LinearNetwork
from problems.closed_form.rosenbrock import Rosenbrock

RNG = np.random.default_rng(16)
A = np.array([[2.0, 0.6], [0.6, 0.9]])
B = np.array([1.0, 0.2])
BEST = np.linalg.solve(A, B)


def change(x, a=A, b=B):
    return 0.5 * x @ a @ x - b @ x


def numbers(a, b):
    return PlaneModel(a[..., 0, 0], a[..., 0, 1], a[..., 1, 1], b[..., 0], b[..., 1])


def run(systems, average, share=-1e9):
    """What the solver makes of a sequence of systems: the last coefficients (beta, -rho), the change and the sums.

    Matrices (..., 2, 2) and right-hand sides (..., 2): as many sequences at once as there are leading entries.
    """
    sums = PlaneModel(0.0, 0.0, 0.0, 0.0, 0.0)
    for a, b in systems:
        own = np.linalg.solve(a, b[..., None])[..., 0]
        plane = numbers(a, b)
        (rho, beta), sums = averaged(sums, plane, (-own[..., 1], own[..., 0]), PlaneModel.minimum, average, share)
        predicted = plane.change(rho, beta)
    return np.stack([beta, -rho], axis=-1), predicted, sums


def noisy(size, count, *runs):
    """Batches: A of a random factor, so that it stays positive, and b beside it."""
    L = np.linalg.cholesky(A)
    for _ in range(count):
        E = L @ (np.eye(2) + size * RNG.standard_normal((*runs, 2, 2)))
        yield E @ np.swapaxes(E, -1, -2), B + size * RNG.standard_normal((*runs, 2))


def test_batches_flatter_their_own_direction():
    rng = np.random.default_rng(0)
    x, targets, w, solver = rng.standard_normal((60, 4)), rng.standard_normal(60), np.zeros(4), CurveBall()

    def promised(rows):  # at z = 0 the decrease is 1/2 (J.J) beta
        _, _, info = solver.step(w, solver.init(w), lambda w: x[rows] @ w, lambda y: mg.mean((y - targets[rows]) ** 2))
        return float(-2.0 * info["predicted"] / info["beta"])

    batches = np.arange(60).reshape(6, 10)
    J_k = np.array([-2.0 * x[rows].T @ targets[rows] / 10 for rows in batches])
    J = J_k.mean(axis=0)
    assert_allclose(promised(np.arange(60)), J @ J, rtol=1e-10)
    mean = np.mean([promised(rows) for rows in batches])
    assert_allclose(mean, J @ J + np.mean(np.sum((J_k - J) ** 2, axis=1)), rtol=1e-10)  # (0)


def test_noise_costs_half_its_weighted_square():
    e = RNG.standard_normal(2)
    assert_allclose(change(BEST + e), change(BEST) + 0.5 * e @ A @ e, rtol=1e-12)  # (1)


def test_the_mean_minimises_the_sum_of_relative_models():
    systems = [(scale * a, scale * b) for scale, (a, b) in zip((1.0, 1e-6, 1e4, 1e-2), noisy(0.3, 4), strict=True)]
    x, predicted, _ = run(systems, 0.7)

    def relative(x):  # (4)
        return sum(
            0.7 ** (3 - k) * change(x, a, b) / -change(np.linalg.solve(a, b), a, b) for k, (a, b) in enumerate(systems)
        )

    assert_allclose(x, minimize(relative, np.zeros(2), tol=1e-14).x, rtol=1e-6)
    assert_allclose(predicted, change(x, *systems[-1]), rtol=1e-12)


def test_scaling_a_batch_changes_nothing():
    systems = list(noisy(0.3, 5))
    scaled = [(c * a, c * b) for c, (a, b) in zip((1.0, 1e-8, 1e8, 3.0, 1e-3), systems, strict=True)]
    assert_allclose(run(scaled, 0.9)[0], run(systems, 0.9)[0], rtol=1e-12)


@pytest.mark.parametrize("d", [0.5, 0.9])
def test_averaging_divides_the_variance(d):
    """(3), for noise small enough that the first order is all."""
    own, mean = (run(noisy(1e-3, length, 10_000), d)[0] - BEST for length in (1, 60))

    def cost(errors):
        return 0.5 * np.mean(np.einsum("ni,ij,nj->n", errors, A, errors))

    assert_allclose(cost(mean) / cost(own), (1 - d) / (1 + d), rtol=0.05)  # 10,000 draws: 1 percent


def test_a_mean_that_keeps_too_little_gives_way_and_the_sums_start_anew():
    turned = (np.diag([0.1, 5.0]), np.array([-1.0, 1.0]))  # another geometry altogether
    systems = [*[(A, B)] * 10, turned]
    _, promised, _ = run(systems, 0.9)
    assert promised > 0.0  # the mean's solution would climb here
    x, predicted, sums = run(systems, 0.9, share=0.5)
    own = np.linalg.solve(*turned)
    assert_allclose(x, own, rtol=1e-12)
    assert_allclose(predicted, change(own, *turned), rtol=1e-12)
    assert_allclose(np.array(sums) * -predicted, numbers(*turned), rtol=1e-12)


def test_a_batch_that_promises_no_decrease_adds_nothing():
    """With rho fixed the best beta may still climb: (4) would weigh such a batch by a negative number."""

    def minimum(plane):
        return plane.minimum(rho=5.0)

    rho, beta = minimum(numbers(A, B))
    assert change(np.array([beta, -rho])) > 0.0
    sums = PlaneModel(1.0, 0.1, 1.0, 0.3, 0.1)
    _, found = averaged(sums, numbers(A, B), (rho, beta), minimum, 0.9, -1e9)
    assert_allclose(found, 0.9 * np.array(sums), rtol=1e-12)


def test_two_parameters_want_their_own_system_and_the_share_gives_it_to_them():
    def count(**options):
        solver = CurveBall(lam=0.1, lr=0.5, adapt_lam=False, **options)
        return iterations_to(Rosenbrock(), solver, runs=20, max_iter=300).mean()

    paper = count()
    assert count(average=0.9, average_share=-1e9) > 4.0 * paper
    assert count(average=0.9) < 1.4 * paper


def test_where_the_directions_are_two_of_many_the_mean_costs_nothing():
    def count(**options):
        solver = CurveBall(lam=1.0, adapt_lam=False, **options)
        return iterations_to(LinearNetwork(), solver, runs=20, max_iter=300).mean()

    assert count(average=0.9) < 1.1 * count()


def test_the_coefficients_of_noisy_batches_grow_calm():
    """Least squares with 20 unknowns, 10 rows at a time: rho's spread over the second half of 400 steps."""
    rng = np.random.default_rng(0)
    rows, truth = rng.standard_normal((1000, 20)) / np.sqrt(np.arange(1.0, 21.0)), rng.standard_normal(20)
    targets = rows @ truth + 0.5 * rng.standard_normal(1000)

    def parallel_map(**options):
        solver, w, rhos = CurveBall(lam=1.0, adapt_lam=False, **options), np.zeros(20), []
        state, order = solver.init(w), np.random.default_rng(1)
        for _ in range(400):
            k = order.choice(1000, 10, replace=False)
            w, state, info = solver.step(
                w, state, lambda w, k=k: rows[k] @ w, lambda y, k=k: mg.mean((y - targets[k]) ** 2)
            )
            rhos.append(info["rho"])
        return np.std(rhos[200:])

    assert parallel_map(average=0.9) < 0.5 * parallel_map()
