# %% [markdown]
# # 5. CurveBall, one piece at a time
#
# > **You will build** the whole CurveBall solver, ten lines around the engine, piece by piece, and
# > see its iterates agree with the package's.
# >
# > **You need** notebook 3 (Gauss-Newton products) and notebook 4 (Newton's step), least squares,
# > $2 \times 2$ systems.
# >
# > **Minutes** 60.
# >
# > Stuck? `hint(...)` gives one more hint each time, `hint("5.1", solution=True)` lets you go on.
# > Solutions: [solutions/05_curveball.ipynb](solutions/05_curveball.ipynb).
# > All notebooks share [one notation](../docs/notation.md).
#
# Newton's step for the basic CIFAR network of notebook 8, with its 145,578 parameters, needs a
# matrix of $2 \cdot 10^{10}$ numbers: 170 gigabytes in double precision. Products with that matrix
# cost a push-forward and a pull-back. CurveBall is Newton's method with one such product per step.

# %%
import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from curveball import SGD, Adam, CurveBall
from curveball.course import checkpoint, curves, explore, hint, predict
from problems.closed_form.quadratic import Quadratic
from problems.closed_form.rosenbrock import Rosenbrock

plt.style.use("curveball.course.style")
rng = np.random.default_rng(0)


def package(solver, model, loss, w, steps):
    """The iterates of one of the package's solvers, (steps + 1, n), and its infos."""
    state, iterates, infos = solver.init(w), [w], []
    for _ in range(steps):
        w, state, info = solver.step(w, state, model, loss)
        iterates.append(w)
        infos.append(info)
    return np.array(iterates), infos


# %% [markdown]
# ## Newton's step is the bottom of a bowl
#
# Around the parameters $w$, with gradient $g$, the objective changes by about
#
# $$m(z) = \tfrac12 z^T G_\lambda z + z^T g, \qquad G_\lambda = J^T H_L J + \lambda I .$$
#
# Here $z^T g$ is the inner product, $z \cdot g$ so far. $G_\lambda$ is the Gauss-Newton matrix $G$
# of notebook 3 plus damping. $J$ is the Jacobian of the outputs, and $H_L$ the Hessian of the loss
# by the outputs. The gradient of $m$ is $G_\lambda z + g$. It vanishes at $z^* = -G_\lambda^{-1}
# g$: Newton's step is the lowest point of a bowl
# ([derivation](../tests/derivations/test_01_newton_step.py)). Gradient descent in this bowl finds
# it too:
#
# $$z \leftarrow z - \beta\,(G_\lambda z + g).$$
#
# Subtract $z^*$ from both sides: $z - z^* \leftarrow (I - \beta G_\lambda)(z - z^*)$. Along an
# eigenvector of $G$ with eigenvalue $h$, its curvature, each step multiplies the error by
# $1 - \beta (h + \lambda)$. So the step size $\beta$ must stay below $2/(h_{\max} + \lambda)$, and
# the flattest direction is the slowest
# ([derivation](../tests/derivations/test_02_descent_on_the_step.py)).
#
# Our network has 24 parameters in one flat vector, so that you can still look at its matrix.

# %%
x = np.linspace(-2.0, 2.0, 40)
target = np.sin(2.0 * x)


def network(w):
    """Params (24,) -> outputs (40,): eight tanh units."""
    return mg.tanh(x[:, None] * w[:8] + w[8:16]) @ w[16:]


def mse(y):
    return mg.mean((y - target) ** 2)


start = rng.standard_normal(24)
g_start = mg.grad(lambda w: mse(network(w)))(start)
G = mg.GGNOperator(network, mse, start)  # linearised once; G(v) is one product
h, Q = np.linalg.eigh(G.to_scipy() @ np.eye(24))
print("the largest curvatures:", *(f"{curvature:.2g}" for curvature in h[:-8:-1]))

# %% [markdown]
# ### Exercise 5.1: descend without moving ★☆☆
#
# Write `descend`: from $z = 0$, `steps` times $z \leftarrow z - \beta(G_\lambda z + g)$. `product(v)`
# returns $G_\lambda v$.


# %% tags=["exercise"]
def descend(product, g, beta, steps):
    """Return the iterates of gradient descent on m from z = 0, an array (steps + 1, n)."""
    z = np.zeros_like(g)
    iterates = [z]
    ### BEGIN SOLUTION
    for _ in range(steps):
        z = z - beta * (product(z) + g)
        iterates.append(z)
    ### END SOLUTION
    return np.array(iterates)


# %% tags=["wrong"]
# product(z) + g => product(z) - g
# z - beta * (product(z) + g) => z + beta * (product(z) + g)
# product(z) + g => product(z)
# product(z) + g => z + g
# product(z) + g => product(g) + g
# z - beta * (product(z) + g) => z - beta * product(z) - g
# range(steps) => range(steps - 1)
# z = np.zeros_like(g) => z = -g
# z = z - beta => z -= beta
# iterates.append(z) => iterates = [z]
# z - beta * (product(z) + g) => iterates[0] - beta * (product(z) + g)

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 5.1: run this cell.
lam, best = 0.1, 2.0 / (h[0] + h[-1] + 0.2)
done = 1.0 - (1.0 - best * (h + lam)) ** np.arange(31)[:, None]  # of Newton's step, per eigenvector
newton = Q.T @ np.linalg.solve(Q * (h + lam) @ Q.T, -g_start)
checkpoint(
    "5.1",
    lambda: descend(lambda v: G(v) + lam * v, g_start, best, 30),
    (done * newton) @ Q.T,
    likely="the gradient of m is product(z) + g, and descent goes against it",
)

# %% tags=["hint"]
hint("5.1")
# 1. Where does the loop start, and which line of the text does it repeat?
# 2. In each round call `product` once, at the present $z$, add $g$, and step against that. Append a
#    new array each time: `z -= ...` would change the ones in the list.
# 3. `z = z - beta * (product(z) + g)`

# %% tags=["hide-input"]
errors = {}
for share, label in ((1.0, "best"), (0.3, "0.3 of it"), (1.012, "1.2 percent more")):
    z = descend(lambda v: G(v) + lam * v, g_start, share * best, 300) @ Q
    errors[rf"$\beta$: {label}"] = np.linalg.norm(z - newton, axis=1)
curves(errors, xlabel="inner steps, w held still", ylabel="distance of z from Newton's step")
plt.show()

# %% [markdown]
# The best $\beta$ takes 120 inner steps per digit. The ratio of the largest to the smallest eigenvalue
# of $G_\lambda$ is $\kappa = 107$ here; the slowest error shrinks by $(\kappa - 1)/(\kappa + 1)$ per
# step. So one move of $w$ takes hundreds of products, and after it both $g$ and $G$ have changed.
#
# ## One inner step, then move
#
# So do not finish. Keep $z$ from one iteration to the next, improve it by one inner step, and move
# at once:
#
# $$d = G_\lambda z + g, \qquad
# z \leftarrow \rho z - \beta d, \qquad w \leftarrow w + z .$$
#
# For the moment $\rho = 1$. The direction $d$ does not need two pull-backs, one for $g$ and one for
# $G z$. Both are pulled back by the same map: $g = J^T g_L$, with $g_L$ the gradient of the loss by
# the outputs. So add first and pull back once
# ([derivation](../tests/derivations/test_06_two_sweep_product.py)):
#
# $$d = J^T\bigl(H_L\, J z + g_L\bigr) + \lambda z .$$
#
# ### Exercise 5.2: one step in two sweeps ★★☆
#
# The two linear maps are there; write the three lines above, with $\rho$. `J(v)` is the push-forward
# $J v$ and `J.T(u)` the pull-back $J^T u$, so the gradient is `J.T(g_L)`. `g_L` is an array, and
# `H_L(u)` the product $H_L u$, since $H_L$ is the derivative of the loss's gradient.


# %% tags=["exercise"]
def one_step(model, loss, w, z, lam, rho, beta):
    """Return the next w and the next z."""
    y, J = mg.linearize(model, w)
    g_L, H_L = mg.linearize(mg.grad(loss), y)
    ### BEGIN SOLUTION
    d = J.T(H_L(J(z)) + g_L) + lam * z
    z = rho * z - beta * d
    return w + z, z
    ### END SOLUTION


# %% tags=["wrong"]
# H_L(J(z)) + g_L => H_L(J(z)) - g_L
# g_L) + lam * z => g_L)
# g_L) + lam * z => g_L) + lam * w
# rho * z - beta => z - rho * beta
# rho * z - beta * d => rho * z + beta * d
# rho * z - beta * d => rho * (z - beta * d)
# return w + z, z => return w + beta * z, z
# return w + z, z => return z, w + z
# return w + z, z => return w - z, z
# return w + z, z => return w + rho * z, z
# H_L(J(z)) => J(z)
# H_L(J(z)) + g_L => H_L(J(z) + g_L)
# J.T(H_L(J(z)) + g_L) => J.T(H_L(J(w)) + g_L)
#
# def one_step(model, loss, w, z, lam, rho, beta):
#     y, J = mg.linearize(model, w)
#     g_L, H_L = mg.linearize(mg.grad(loss), y)
#     d = J.T(H_L(J(z)) + g_L) + lam * z
#     return w + z, rho * z - beta * d  # moves by the old z


# %% tags=["checkpoint", "hide-input"]
# Checkpoint 5.2: run this cell.
def mine(model, loss, w, steps, **options):
    z, iterates = np.zeros_like(w), [w]
    for _ in range(steps):
        w, z = one_step(model, loss, w, z, **options)
        iterates.append(w)
    return np.array(iterates)


fixed = CurveBall(rho=0.9, beta=0.05, lam=0.5, adapt_lam=False)
theirs = package(fixed, network, mse, start, 20)[0]
checkpoint(
    "5.2",
    lambda: mine(network, mse, start, 20, lam=0.5, rho=0.9, beta=0.05),
    theirs,
    likely="the cotangent is H_L(J(z)) + g_L, pulled back once; then lam * z; w moves by the new z",
)

# %% tags=["hint"]
hint("5.2")
# 1. Read $J^T(H_L\, J z + g_L) + \lambda z$ from the inside. What is done to $z$ first?
# 2. Push $z$ forward with `J`, apply `H_L`, add the array `g_L`, pull back once with `J.T`. Then the
#    new $z$, and $w$ moves by that.
# 3. `d = J.T(H_L(J(z)) + g_L) + lam * z`

# %% [markdown]
# ## Forgetting
#
# Why do we need $\rho$? On a quadratic with minimum $w^*$, Newton's step from $w$ is $w^* - w$. Once
# $w$ has moved by $z$, the step that remains is $w^* - w - z$: what $z$ has done need not be done
# again. If $z$ is kept unchanged, the next move overshoots. Multiplying it by $\rho < 1$ forgets a
# share of it each time.
#
# **Predict.** The bowl below has curvatures 1 and 20. With $\rho = 1$ and a small $\beta = 0.02$,
# where is $w$ after 40 steps?
#
# - (a) at the minimum
# - (b) still on its way along the valley, slowly
# - (c) past the minimum, on the other side

# %% tags=["predict"]
predict("abc")

# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
bowl = Quadratic((1.0, 20.0))
corner = bowl.solution + bowl.basis @ np.array([2.0, 0.7])
grid = np.stack(np.meshgrid(*(c + np.linspace(-3.0, 3.0, 81) for c in bowl.solution)), axis=-1)
heights = bowl.loss(bowl.model(grid))


def trajectory(ax, rho, beta):
    ws = mine(bowl.model, bowl.loss, corner, 40, lam=0.0, rho=rho, beta=beta)
    levels = np.geomspace(0.05, 60.0, 9)
    ax.contour(*np.moveaxis(grid, -1, 0), heights, levels, colors="0.8", linewidths=0.8)
    ax.plot(*ws.T, ".-", lw=1.0)
    ax.plot(*bowl.solution, "k*")
    left = np.linalg.norm(ws[-1] - bowl.solution)
    ax.set_title(rf"$\rho$ = {rho:g}, $\beta$ = {beta:g}: {left:.2g} away")
    ax.set(xlabel="$w_1$", ylabel="$w_2$")
    ax.set(xlim=grid[0, [0, -1], 0], ylim=grid[[0, -1], 0, 1])


explore(
    trajectory,
    at=[{"rho": 1.0, "beta": 0.02}, {"rho": 0.8, "beta": 0.02}, {"rho": 0.8, "beta": 0.063}],
    rho=(0.0, 1.1, 0.05),
    beta=(0.002, 0.07, 0.001),
)

# %% [markdown] tags=["answer"]
# **(c).** On the left nothing is forgotten: $w$ runs through the minimum, along the valley, and has
# to come back. The middle one forgets, and arrives. On the right a slightly larger $\beta$ makes it
# diverge; notebook 6 finds the boundary between the last two, $\beta = 0.06$ here.

# %% [markdown]
# ## What it is without curvature, and on a quadratic
#
# **Without curvature.** Put $G_\lambda = 0$. Then $d = g$ and what is left is
#
# $$z \leftarrow \rho z - \beta g, \qquad w \leftarrow w + z,$$
#
# momentum gradient descent, Polyak's heavy ball
# ([derivation](../tests/derivations/test_03_heavy_ball.py)). With curvature the old $z$ is multiplied
# by $\rho I - \beta G_\lambda$. Without damping, each eigenvector has its own momentum,
# $\rho - \beta h$. Where the valley is steep, old moves are forgotten or reversed; along its floor
# they add up.
#
# To see it run, hide the curvature: let the model return the loss itself, and let the loss be the
# identity, so that $H_L = 0$.

# %% tags=["checkpoint"]
flat = mine(lambda w: mse(network(w)), lambda y: y, start, 50, lam=0.0, rho=0.9, beta=0.05)
checkpoint(
    "5.3",
    flat,
    package(SGD(lr=0.05, momentum=0.9), network, mse, start, 50)[0],
    likely="one_step adds something other than H_L(J(z)), g_L and lam * z",
)

# %% [markdown]
# **On a quadratic** with Hessian $H$, and without damping, the gradient is $g(w) = H(w - w^*)$, so
#
# $$H z + g(w) = H(w + z - w^*) = g(w + z):$$
#
# the direction is the gradient one move ahead
# ([derivation](../tests/derivations/test_04_look_ahead_gradient.py)). Three methods follow
# $z \leftarrow \rho z - \beta\, g(w + \alpha z)$ and differ in $\alpha$ alone: heavy ball has
# $\alpha = 0$, Nesterov's method $\alpha = \rho$, CurveBall $\alpha = 1$. On other objectives there is
# a second difference: CurveBall evaluates the network at $w$ and predicts the gradient ahead by $G$. So
# it can choose $\rho$ and $\beta$ after it has computed $g$ and $Gz$. That is the next section.


# %% tags=["checkpoint"]
def looking_ahead(alpha, w, rho, beta, steps):
    gradient = mg.grad(lambda w: bowl.loss(bowl.model(w)))
    z, iterates = np.zeros_like(w), [w]
    for _ in range(steps):
        z = rho * z - beta * gradient(w + alpha * z)
        w = w + z
        iterates.append(w)
    return np.array(iterates)


checkpoint(
    "5.4",
    mine(bowl.model, bowl.loss, corner, 40, lam=0.0, rho=0.9, beta=0.03),
    looking_ahead(1.0, corner, 0.9, 0.03, 40),
    likely="one_step does not follow H z + g",
)

# %% [markdown]
# **Predict.** All three run on this bowl, first with $\rho = 0.9$ and $\beta = 0.03$, then each with the
# pair that is best for it. Heavy ball does not look ahead. Which place does it take?
#
# - (a) the last both times
# - (b) the last, then the first
# - (c) the first both times

# %% tags=["predict"]
predict("abc")

# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
best_pairs = {  # by the formulas of notebook 6, for curvatures from 1 to 20
    r"heavy ball, $\alpha$ = 0": (0.0, 0.403, 0.134),
    r"Nesterov, $\alpha$ = $\rho$": (None, 0.592, 0.0656),
    r"CurveBall, $\alpha$ = 1": (1.0, 0.653, 0.0498),
}
fig, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.6), sharey=True)
for name, (alpha, *best_pair) in best_pairs.items():
    for ax, (rho, beta) in ((left, (0.9, 0.03)), (right, best_pair)):
        ws = looking_ahead(rho if alpha is None else alpha, corner, rho, beta, 60)
        ax.semilogy(np.linalg.norm(ws - bowl.solution, axis=1), label=name)
left.set(xlabel="steps", ylabel="distance from the minimum", ylim=(1e-9, 10.0))
left.set_title(r"$\rho$ = 0.9, $\beta$ = 0.03 for all three")
right.set(xlabel="steps", title="each at its own best pair")
left.legend(fontsize=8)
plt.show()

# %% [markdown] tags=["answer"]
# **(b).** At the same pair, left, heavy ball is last. Its momentum is 0.9 in every direction, too
# much for this bowl; CurveBall's is $\rho - \beta h$, so 0.3 in the steep one. But no pair suits all
# three. At its own best pair, right, each is faster, and heavy ball is first. Notebook 6 derives
# these pairs and the order. Looking ahead makes a large $\rho$ harmless; on a quadratic it is not
# faster than a good one.

# %% [markdown]
# ## Two equations for two numbers
#
# The bowl $m$ says how good a step is, so let it choose. Put $z' = \rho z - \beta d$ into $m$. The
# result is a quadratic of two numbers, and its derivatives vanish where
#
# $$\frac{\partial m}{\partial \beta} = -d^T(G_\lambda z' + g) = 0, \qquad
# \frac{\partial m}{\partial \rho} = z^T(G_\lambda z' + g) = 0,$$
#
# that is, where
#
# $$\begin{bmatrix} d^T G_\lambda d & z^T G_\lambda d \\
# z^T G_\lambda d & z^T G_\lambda z \end{bmatrix} \begin{bmatrix} \beta \\ -\rho \end{bmatrix} =
# \begin{bmatrix} g^T d \\ g^T z \end{bmatrix}, \qquad m = -\tfrac12\,(\beta\, g^T d - \rho\, g^T z)
# .$$
#
# (The last equation: with the five numbers collected in $A$ and $b$ and $x = (\beta, -\rho)$,
# $m = \frac12 x^T A x - x^T b$, which is $-\frac12 x^T b$ where $A x = b$.) The five numbers need
# no further pull-back. Write $z_y = J z$ and $d_y = J d$ for the push-forwards. Then
#
# $$z^T G_\lambda d = z_y^T H_L\, d_y + \lambda\, z^T d, \qquad g^T d = g_L^T d_y ,$$
#
# by $G = J^T H_L J$ and $g = J^T g_L$, and likewise for the other three. $z_y$ is already computed,
# for $d$; one more push-forward gives $d_y$
# ([derivation](../tests/derivations/test_07_two_by_two_system.py), [of
# m](../tests/derivations/test_08_predicted_decrease.py)). At the first step $z = 0$ and the matrix
# is singular: use the pseudo-inverse, `np.linalg.pinv(matrix)`, which then gives $\rho = 0$.
#
# ### Exercise 5.5: the 2x2 system ★★★


# %% tags=["exercise"]
def coefficients(z, d, z_y, d_y, g_L, H_L, lam):
    """Return rho and beta that minimise m(rho z - beta d), and the value m there."""
    ### BEGIN SOLUTION
    dGd = d_y @ H_L(d_y) + lam * d @ d
    zGd = z_y @ H_L(d_y) + lam * z @ d
    zGz = z_y @ H_L(z_y) + lam * z @ z
    gd, gz = g_L @ d_y, g_L @ z_y
    beta, minus_rho = np.linalg.pinv([[dGd, zGd], [zGd, zGz]]) @ [gd, gz]
    return -minus_rho, beta, -0.5 * (beta * gd + minus_rho * gz)
    ### END SOLUTION


# %% tags=["wrong"]
# return -minus_rho => return minus_rho
# return -minus_rho, beta => return beta, -minus_rho
# z_y @ H_L(z_y) + lam * z @ z => z_y @ H_L(z_y)
# d_y @ H_L(d_y) + lam * d @ d => d_y @ H_L(d_y)
# z_y @ H_L(d_y) + lam * z @ d => z_y @ H_L(d_y)
# z_y @ H_L(d_y) + lam * z @ d => z_y @ d_y + lam * z @ d
# [gd, gz] => [gz, gd]
# gd, gz = g_L @ d_y, g_L @ z_y => gd, gz = d @ d, d @ z
# -0.5 * (beta => -1.0 * (beta
# -0.5 * (beta => 0.5 * (beta
# beta * gd + minus_rho => beta * gd - minus_rho
# np.linalg.pinv( => np.linalg.inv(
# np.linalg.pinv([[dGd, zGd], [zGd, zGz]]) @ [gd, gz] => gd / dGd, -gz / zGz

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 5.5: run this cell.
y, J = mg.linearize(network, start)
g_L, H_L = mg.linearize(mg.grad(mse), y)
G_lam = G.to_scipy() @ np.eye(24) + 0.1 * np.eye(24)
z = 0.1 * rng.standard_normal(24)
d = G_lam @ z + g_start
R = np.linalg.cholesky(G_lam).T  # 2 m(z') = |R z' + R^-T g|^2 + constant: least squares
best_rho, best_beta = np.linalg.lstsq(R @ np.stack([z, -d], 1), -np.linalg.solve(R.T, g_start))[0]
low = best_rho * z - best_beta * d
checkpoint(
    "5.5",
    lambda: coefficients(z, d, J(z), J(d), g_L, H_L, 0.1),
    (best_rho, best_beta, 0.5 * low @ G_lam @ low + low @ g_start),
    likely="the unknowns are (beta, -rho), the answer is rho, beta, m; lam is in each entry",
)
checkpoint(
    "5.5, at the first step",
    lambda: coefficients(0 * z, g_start, J(0 * z), J(g_start), g_L, H_L, 0.1)[:2],
    (0.0, g_start @ g_start / (g_start @ G_lam @ g_start)),
    likely="z = 0 makes the matrix singular: np.linalg.pinv, not inv or solve",
)

# %% tags=["hint"]
hint("5.5")
# 1. Which five inner products does the system need, and which of them have a $\lambda$?
# 2. Three of them have $G_\lambda$: each is an inner product of outputs' tangents through `H_L` plus
#    `lam` times one of parameters. The two with $g$ are inner products with `g_L`. Solve with the
#    pseudo-inverse; the second unknown is $-\rho$.
# 3. `beta, minus_rho = np.linalg.pinv([[dGd, zGd], [zGd, zGz]]) @ [gd, gz]`, with `zGd = z_y @ H_L(d_y) + lam * z @ d`

# %% [markdown]
# The figure shows $m$ over all pairs $(\rho, \beta)$ on the network after five steps, as a share of
# the lowest value of $m$. The cross is what the two equations give. The circle is $\rho = 0.9$ with
# the best $\beta$ of the first figure.

# %% tags=["hide-input"]
solver = CurveBall(lam=0.1, adapt_lam=False)
w, state = start, solver.init(start)
for _ in range(5):
    w, state, _ = solver.step(w, state, network, mse)
_, _, info = solver.step(w, state, network, mse)
z, g = state.z, mg.grad(lambda w: mse(network(w)))(w)
G_lam = mg.GGNOperator(network, mse, w).to_scipy() @ np.eye(24) + 0.1 * np.eye(24)
basis = np.stack([z, -(G_lam @ z + g)])
rho, beta = np.meshgrid(np.linspace(-0.9, 1.2, 90), np.linspace(-0.05, 0.3, 90))
steps = rho[..., None] * basis[0] + beta[..., None] * basis[1]
m = 0.5 * np.sum(steps @ G_lam * steps, axis=-1) + steps @ g
fig, ax = plt.subplots()
levels = [-6, -3, -1, 0, 0.5, 0.8, 0.95]
lines = ax.contour(rho, beta, m / info["predicted"], levels, cmap="viridis_r")
ax.clabel(lines, fontsize=7)
ax.plot(info["rho"], info["beta"], "x", ms=10, mew=2)
ax.plot(0.9, best, "o", mfc="none")
move = 0.9 * basis[0] + best * basis[1]
print(f"the cross: rho = {info['rho']:.2f}, beta = {info['beta']:.2f}")
print(f"share at the circle: {(0.5 * move @ G_lam @ move + move @ g) / info['predicted']:.2f}")
print(f"slope of f along z: {g @ z:.3f}; lowest along z alone at {-(g @ z) / (z @ G_lam @ z):.2f} z")
ax.set(xlabel=r"$\rho$", ylabel=r"$\beta$")
ax.set_title(r"$m(\rho z - \beta d)$ as a share of the lowest")
plt.show()

# %% [markdown]
# The circle, a good guess, predicts less than half of the decrease. Why is the cross at $\rho = -0.07$,
# where almost nothing of $z$ is kept? The last move went too far: $f$ now rises along $z$, $g^T z > 0$,
# and the lowest point along $z$ alone lies behind, at $-0.68\, z$. So the two equations drop $z$.
# Automatic does not mean between 0 and 1: in the first steps $\rho$ goes from $-0.23$ to 26.

# %% [markdown]
# ## How far to trust the bowl
#
# Without damping it may have no lowest point: the last eight of our network's 24 curvatures are zero to
# rounding. And it holds only near $w$. One number helps with both: **damping** by $\lambda I$ raises
# every curvature and shortens the step. Along an eigenvector, Newton's damped step is
# $h/(h + \lambda)$ of the undamped one ([derivation](../tests/derivations/test_14_damping.py)).
#
# Whether $\lambda$ is right can be seen after the step, from the **trust ratio** of the change found
# to the change predicted:
#
# $$\gamma = \frac{f(w + z) - f(w)}{m(z)} .$$
#
# Every five steps: if $\gamma < \frac12$ the bowl predicted too much, and $\lambda$ rises: it is divided
# by $0.999^5$. If $\gamma > \frac32$ it predicted too little, and $\lambda$ falls: it is multiplied by
# $0.999^5$. Otherwise it stays ([derivation](../tests/derivations/test_11_trust_ratio.py)).
#
# ### Exercise 5.6: the rule for lambda ★☆☆


# %% tags=["exercise"]
def new_lam(lam, found, predicted):
    """Return the next lam, from the change of f found and the change predicted."""
    ### BEGIN SOLUTION
    gamma = found / predicted
    if gamma < 0.5:
        return lam / 0.999**5
    if gamma > 1.5:
        return lam * 0.999**5
    return lam
    ### END SOLUTION


# %% tags=["wrong"]
# found / predicted => predicted / found
# found / predicted => abs(found / predicted)
# found / predicted => found - predicted
# lam / 0.999**5 => lam * 0.999**5
# lam / 0.999**5 => lam / 0.999
# lam * 0.999**5 => lam * 0.999
# lam * 0.999**5 => lam / 0.999**5
# gamma < 0.5 => gamma < 0.0
# gamma < 0.5 => gamma < 1.0
# gamma > 1.5 => gamma > 1.0
# gamma > 1.5 => gamma > 2.5
#
# def new_lam(lam, found, predicted):
#     gamma = found / predicted
#     return lam / 0.999**5 if gamma < 0.5 else lam * 0.999**5

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 5.6: run this cell.
found = (-1.0, -2.0, -3.0, -5.0, 5.0)  # where a change of -2.5 was predicted
checkpoint(
    "5.6",
    lambda: np.array([new_lam(2.0, change, -2.5) for change in found]),
    np.array([2.01003007, 2.0, 2.0, 1.99001998, 2.01003007]),
    likely="gamma = found / predicted; below 1/2, also negative, lam grows; above 3/2 it falls",
)

# %% tags=["hint"]
hint("5.6")
# 1. Three things can happen to $\lambda$. Which $\gamma$ leads to which?
# 2. Divide the change found by the change predicted. A negative ratio, where $f$ rose, is also below
#    $\frac12$.
# 3. `if gamma < 0.5: return lam / 0.999**5`

# %% [markdown]
# Damping has a price. In Rosenbrock's valley the bowl is good from the start, and damping only
# slows the solver down. The rule lowers $\lambda$ by half a percent per five steps, so its starting
# value matters.

# %% tags=["hide-input"]
valley = Rosenbrock()
w1, w2 = np.meshgrid(np.linspace(-0.7, 1.4, 121), np.linspace(-0.6, 1.5, 121))
log_f = np.log10(valley.loss(valley.model(np.stack([w1, w2], -1))) + 1e-6)


def damped(ax, log10_lam):
    solver = CurveBall(lam=10.0**log10_lam)
    ws, _ = package(solver, valley.model, valley.loss, np.array([-0.25, -0.25]), 10)
    ax.contour(w1, w2, log_f, np.linspace(-2, 3, 11), colors="0.8", linewidths=0.8, linestyles="-")
    ax.plot(*ws.T, ".-", lw=1.0)
    ax.plot(1.0, 1.0, "k*")
    ax.set(xlabel="$w_1$", ylabel="$w_2$", xlim=(-0.7, 1.4), ylim=(-0.6, 1.5))
    f = valley.loss(valley.model(ws[-1]))
    ax.set_title(rf"$\lambda$ = {10.0**log10_lam:.3g}: f = {f:.0e} after 10", fontsize=10)


settings = [{"log10_lam": exponent} for exponent in (-1.0, 0.0, 1.0)]
explore(damped, at=settings, log10_lam=(-4.0, 3.0, 0.25))

# %% [markdown]
# ## Ten lines
#
# ### Exercise 5.7: put it together ★★☆
#
# In the loop: linearise the model and the gradient of the loss; compute $d$ in two sweeps; push $d$
# forward; call `coefficients`; compute the new $z$; every fifth `count`, call `new_lam` with
# $f(w + z) - f(w)$; move $w$ by $z$ and append it.


# %% tags=["exercise"]
def curveball(model, loss, w, lam, steps):
    """Return the iterates, an array (steps + 1, n)."""
    z, iterates = np.zeros_like(w), [w]
    for count in range(1, steps + 1):
        ### BEGIN SOLUTION
        y, J = mg.linearize(model, w)
        g_L, H_L = mg.linearize(mg.grad(loss), y)
        z_y = J(z)
        d = J.T(H_L(z_y) + g_L) + lam * z
        rho, beta, predicted = coefficients(z, d, z_y, J(d), g_L, H_L, lam)
        z = rho * z - beta * d
        if count % 5 == 0:
            lam = new_lam(lam, loss(model(w + z)) - loss(y), predicted)
        w = w + z
        iterates.append(w)
        ### END SOLUTION
    return np.array(iterates)


# %% tags=["wrong"]
# J.T(H_L(z_y) + g_L) => J.T(H_L(z_y) - g_L)
# rho * z - beta * d => z - beta * d
# count % 5 == 0 => False
# count % 5 == 0 => count % 5 == 1
# count % 5 == 0 => count % 4 == 0
# count % 5 == 0 => True
# count % 5 == 0 => count % 5 == 0 and loss(model(w + z)) - loss(y) < 1.5 * predicted
# count % 5 == 0 => count % 5 == 0 and loss(model(w + z)) - loss(y) > 0.5 * predicted
# loss(model(w + z)) - loss(y) => loss(y) - loss(model(w + z))
# loss(model(w + z)) - loss(y) => loss(model(w + z))
# lam = new_lam(lam, loss(model(w + z)) - loss(y), predicted) => lam = lam * 0.999**5
# lam = new_lam(lam, loss(model(w + z)) - loss(y), predicted) => new_lam(lam, loss(model(w + z)) - loss(y), predicted)
# g_L, H_L, lam) => g_L, H_L, 0.0)
# w = w + z => w = w - z
# iterates.append(w) => iterates.append(z)
#
# def curveball(model, loss, w, lam, steps):
#     z, iterates = np.zeros_like(w), [w]
#     for count in range(1, steps + 1):
#         y, J = mg.linearize(model, w)
#         g_L, H_L = mg.linearize(mg.grad(loss), y)
#         z_y = J(z)
#         d = J.T(H_L(z_y) + g_L) + lam * z
#         rho, beta, predicted = coefficients(z, d, z_y, J(d), g_L, H_L, lam)
#         z = rho * z - beta * d
#         w = w + z  # moves before lam is found
#         if count % 5 == 0:
#             lam = new_lam(lam, loss(model(w + z)) - loss(y), predicted)
#         iterates.append(w)
#     return np.array(iterates)

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 5.7: run this cell.
w0 = np.array([-0.25, -0.25])
checkpoint(
    "5.7, Rosenbrock",
    lambda: curveball(valley.model, valley.loss, w0, 1.0, 30),
    package(CurveBall(lam=1.0), valley.model, valley.loss, w0, 30)[0],
    likely="rows 0 to 5 wrong: d, J(d) or z; only later ones: lam, computed before w moves by z",
)
checkpoint(
    "5.7, network",
    lambda: curveball(network, mse, start, 1.0, 100),
    package(CurveBall(lam=1.0), network, mse, start, 100)[0],
    likely="if only this one fails: something depends on the number of params or outputs",
)
checkpoint(
    "5.7, lambda rises and falls",
    lambda: curveball(network, mse, start, 0.1, 25),
    package(CurveBall(lam=0.1), network, mse, start, 25)[0],
    likely="lam comes from f(w + z) with the old w, and new_lam decides whether it rises or falls",
    rtol=1e-5,
)

# %% tags=["hint"]
hint("5.7")
# 1. Which of the quantities belong to the old $w$, and which line may change $w$?
# 2. Everything up to `new_lam` uses the old $w$: $f(w + z)$ is evaluated before the move.
#    `coefficients` needs both push-forwards, `z_y = J(z)` and `J(d)`.
# 3. `lam = new_lam(lam, loss(model(w + z)) - loss(y), predicted)`, every fifth count, and after it `w = w + z`

# %% [markdown]
# Every iterate agrees, over a hundred steps, with [the
# package's](../curveball/solvers/curve_ball.py). That a run converges would prove much less: a wrong
# constant often converges too. Even iterates do not show everything. Leave out `+ lam * z` in $d$,
# and 5.7 passes. Why? It does not change the plane of $z$ and $d$, in which the new $z$ is the lowest
# point, but $\rho$ alone, by $\beta \lambda$. With fixed coefficients, as in 5.2, the mistake shows.
#
# The next figure compares the network's loss with that of two first-order solvers, and shows what
# CurveBall chose on the way.

# %% tags=["hide-input"]
runs = {
    r"CurveBall, $\lambda$ = 1": CurveBall(lam=1.0),
    "SGD, lr = 0.1": SGD(lr=0.1, momentum=0.9),
    "Adam, lr = 0.01": Adam(lr=0.01),
    "Adam, lr = 0.1": Adam(lr=0.1),
}
fig, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.6))
for name, solver in runs.items():
    infos = package(solver, network, mse, start, 200)[1]
    left.semilogy([info["loss"] for info in infos], label=name)
    if "rho" in infos[0]:
        symbols = {"rho": r"$\rho$", "beta": r"$\beta$", "lam": r"$\lambda$", "trust_ratio": r"$\gamma$"}
        for key, symbol in symbols.items():
            right.plot([info[key] for info in infos], label=symbol, lw=1.2)
left.set(xlabel="steps", ylabel="loss")
left.legend(fontsize=8)
right.set(xlabel="steps", title="chosen by CurveBall", ylim=(-0.1, 2.3))
right.legend(ncols=2, fontsize=8, loc=(0.5, 0.2))
plt.show()

# %% [markdown]
# $\rho$ settles just below 1, and $\gamma$ near 2. Let $h$ be the curvature of $f$ along $z$. Where $m$ is
# lowest along $z$, the slope is $g^T z = -(h + \lambda)\, |z|^2$. So $m = -\frac12 (h + \lambda)\, |z|^2$,
# and $f$, which has no damping, falls by $\frac12 \lambda\, |z|^2$ more than that
# ([derivation](../tests/derivations/test_20_damping_share.py)):
#
# $$\gamma = \frac{h + 2\lambda}{h + \lambda} = 1 + s, \qquad s = \frac{\lambda}{h + \lambda},$$
#
# so $\gamma$ near 2 says that damping makes up nearly all of the curvature along $z$.
#
# **Predict.** Here are ten starts, each with eight lambdas from 0.003 to 10. What is $\gamma$ where the
# loss is lowest?
#
# - (a) near 2: nearly all damping
# - (b) near 1.5: half of it
# - (c) near 1: hardly any damping

# %% tags=["predict"]
predict("abc")


# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
def networks(w):
    """The same network for any number of runs: params (..., 24) -> outputs (..., 40)."""
    return mg.sum(mg.tanh(x[:, None] * w[..., None, :8] + w[..., None, 8:16]) * w[..., None, 16:], axis=-1)


mses = mg.independent_runs(lambda y: mg.mean((y - target) ** 2, axis=-1))
lams = np.array([10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003])
starts = np.stack([np.random.default_rng(seed).standard_normal(24) for seed in range(10)])
many = np.broadcast_to(starts, (8, 10, 24))
iterates, infos = package(CurveBall(lam=np.tile(lams[:, None], 10)), networks, mses, many, 200)
ends, longest = infos[-1]["loss"], np.linalg.norm(np.diff(iterates, axis=0), axis=-1).max(0)

fig, axes = plt.subplots(1, 3, figsize=(10.0, 3.4))
shown = {"loss after 200 steps": ends, r"last $\gamma$": infos[-1]["trust_ratio"], "longest step of the run": longest}
for ax, (name, values) in zip(axes, shown.items(), strict=True):
    ax.loglog(lams, values, "o", color="C0", alpha=0.4, ms=4)
    ax.loglog(lams, np.median(values, axis=1), color="C1", label="median of 10 starts")
    ax.set(xlabel=r"$\lambda$ at the start", title=name)
axes[1].set(yscale="linear", ylim=(0.8, 2.2))
axes[0].legend(fontsize=8)
plt.show()
for lam, values in zip(lams, ends, strict=True):
    print(f"lambda {lam:6g}: median {np.median(values):.1e}, worst {values.max():.1e}")
better = np.sum(ends[lams == 0.01] < ends[lams == 1.0])
print(f"0.01 ends lower than 1 on {better} of 10 starts")

# %% [markdown] tags=["answer"]
# **(a).** The best start is 0.3, and there $\gamma$ is 1.98. At 0.01, where $\gamma$ is 1.3, the loss
# is worse than at 1 on seven of ten starts. So $\gamma$ near 2 does not say "too large". It tells
# what share of the curvature is damping, not what share is right. With less damping steps become
# longer, and on one long step the bowl can be wrong (right panel). After 1,000 steps the best start
# is 0.03: what is right also depends on how long one runs.

# %% [markdown]
# The rule moves $\lambda$ by 18% in 200 steps. So the two equations choose $\rho$ and $\beta$, and
# **you** choose $\lambda$: thirty times too small costs a factor of 18, thirty times too large 190.
# A learning rate is no easier to choose: in the figure before this one Adam is far behind with 0.01, and
# ahead of all others with 0.1. Notebook 8 puts $\lambda$ on the axis for mini-batches, with a rule that
# finds it.
#
# A step costs up to $7/3$ of SGD's ([derivation](../tests/derivations/test_12_cost.py)): one
# evaluation, two push-forwards, one pull-back, every fifth time one more evaluation for $\gamma$.

# %% [markdown]
# ## What real systems do differently
#
# - The package's solver adds nested parameters, many runs at once, weight decay, bounds for $\lambda$,
#   and [its own 2x2 solve](../curveball/solvers/two_by_two.py) that copies no number to the host.
# - K-FAC chooses a step size and a momentum by the same system, for a direction preconditioned by
#   Kronecker factors. In kfac-jax that is an option, with a warning that it works badly on stochastic
#   objectives. Notebook 8 shows what helps.
# - Hessian-free optimisation runs conjugate gradients on $m$ for many products per move, started at
#   the last solution; SciPy's `Newton-CG` and `trust-ncg` also choose how many.
#
# ## Open problems
#
# 1. The share $s$ has no units, and still no value of it is right: on this network the best one is near
#    1, on images it is a few tenths. What could be measured during a run that tells which it is?
# 2. Is an automatic $\rho$ of 26 of use, or would limits of 0 and 1 be better? Try `np.clip` in
#    your solver on ten starts, then find an argument.
#
# ## Further reading
#
# - J. Henriques, S. Ehrhardt, S. Albanie, A. Vedaldi, *Small Steps and Giant Leaps*, ICCV 2019: this
#   solver.
# - J. Martens, *Deep learning via Hessian-free optimization*, ICML 2010; J. Martens and R. Grosse,
#   arXiv 1503.05671, section 7: the two coefficients.
# - N. Schraudolph, *Fast curvature matrix-vector products*, Neural Computation 2002.
# - I. Sutskever and others, *On the importance of initialization and momentum in deep learning*, ICML
#   2013: heavy ball and Nesterov's method.
# - J. Nocedal and S. Wright, *Numerical Optimization*, 2006, chapter 4: trust ratios.
#
# ## Where you are
#
# You have a solver, and you can account for each of its iterates. When does it converge? For fixed
# $\rho$ and $\beta$ on a quadratic a $2 \times 2$ matrix decides:
# [notebook 6](06_convergence.ipynb).
