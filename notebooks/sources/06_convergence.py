# %% [markdown]
# # 6. When does it converge?
#
# > **You will build** the region of all $\rho$ and $\beta$ for which CurveBall converges on a
# > quadratic, the rate inside it, the best pair for a given range of curvatures, and a formula for
# > the error that noise leaves.
# >
# > **You need** notebook 5, eigenvalues of $2 \times 2$ matrices, complex roots of a quadratic
# > equation.
# >
# > **Minutes** 50.
# >
# > Stuck? `hint(...)` gives one more hint each time, `hint("6.1", solution=True)` lets you go on.
# > Solutions: [solutions/06_convergence.ipynb](solutions/06_convergence.ipynb).
# > All notebooks share [one notation](../docs/notation.md).

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import solve_discrete_lyapunov
from scipy.optimize import brentq

import minigrad as mg
from curveball import SGD, CurveBall, conjugate_gradient
from curveball.course import checkpoint, explore, hint, predict
from problems.closed_form.quadratic import Quadratic

plt.style.use("curveball.course.style")


def run(solver, problem, w, steps):
    """w - w* after each step, (steps + 1, *runs, n)."""
    state, seen, loss = solver.init(w), [w - problem.solution], mg.independent_runs(problem.loss)
    for _ in range(steps):
        w, state, _ = solver.step(w, state, problem.model, loss)
        seen.append(w - problem.solution)
    return np.array(seen)


def undamped(rho=None, beta=None):
    """CurveBall with lambda = 0; rho and beta are automatic unless given."""
    return CurveBall(rho=rho, beta=beta, lam=0.0, adapt_lam=False)


# %% [markdown]
# ## Two runs
#
# Take a quadratic of one variable with curvature $h = 1$, momentum $\rho = 0.9$, and two step sizes
# that hardly differ.

# %% tags=["hide-input"]
line = Quadratic((1.0,))
start = line.solution + 1.0
fig, ax = plt.subplots()
for beta, color in ((1.3, "C1"), (1.23, "C0")):
    ws = run(undamped(0.9, beta), line, start, 40)[:, 0]
    ax.plot(ws, ".-", color=color, label=rf"$\beta$ = {beta}", lw=1.2)
ax.set(xlabel="steps", ylabel="$w - w^*$", ylim=(-3, 3))
ax.legend()
plt.show()

# %% [markdown]
# One converges, the other jumps from side to side, further each time. There is a boundary between
# them, and it has a closed form.
#
# ## One eigenvector at a time
#
# Let $f$ be a quadratic with minimum $w^*$ and Hessian $H$, no damping ($\lambda = 0$), and measure
# $w$ from $w^*$. The gradient is $g = Hw$. In the basis of $H$'s eigenvectors nothing mixes. Along
# one of them, with curvature $h$, CurveBall changes two numbers, $z$ and $w$. With $a = \beta h$,
#
# $$z' = \rho z - a\,(z + w), \qquad w' = w + z', \qquad
# \begin{bmatrix} z' \\ w' \end{bmatrix} = M \begin{bmatrix} z \\ w \end{bmatrix}.$$
#
# ### Exercise 6.1: the iteration matrix ★☆☆
#
# Write $M$. Its second row is the first one plus the row $(0, 1)$ of $w$ itself.


# %% tags=["exercise"]
def iteration_matrix(rho, a):
    """Return M, (2, 2), with [z', w'] = M [z, w]."""
    ### BEGIN SOLUTION
    return np.array([[rho - a, -a], [rho - a, 1.0 - a]])
    ### END SOLUTION


# %% tags=["wrong"]
# [[rho - a, -a] => [[rho, -a]
# [[rho - a, -a] => [[rho - a, a]
# [[rho - a, -a] => [[rho + a, -a]
# 1.0 - a] => 1.0]
# 1.0 - a] => 1.0 + a]
# 1.0 - a] => -a]
# -a], [rho - a, 1.0 - a]] => rho - a], [-a, 1.0 - a]]
# -a], [rho - a, 1.0 - a]] => -a], [0.0, 1.0]]
# -a], [rho - a, 1.0 - a]] => -a], [1.0, 1.0]]
# [[rho - a, -a], [rho - a, 1.0 - a]] => [[1.0 - a, rho - a], [-a, rho - a]]
# [[rho - a, -a], [rho - a, 1.0 - a]] => [[rho - a, 1.0 - a], [rho - a, -a]]

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 6.1: run this cell.
valley = Quadratic((2.0,))
z, w = np.array([0.3]), valley.solution + 0.7
solver = undamped(0.8, 0.35)  # a = 0.7
state = solver.init(w)._replace(z=z)
w_new, state, _ = solver.step(w, state, valley.model, valley.loss)
checkpoint(
    "6.1",
    lambda: iteration_matrix(0.8, 0.7) @ np.array([0.3, 0.7]),
    np.array([state.z[0], w_new[0] - valley.solution[0]]),
    likely="rows are z' and w'; w moves by the new z: put z' = (rho - a) z - a w into w + z'",
)

# %% tags=["hint"]
hint("6.1")
# 1. What multiplies $z$ in $z'$, and what multiplies $w$?
# 2. Collect: $z' = (\rho - a) z - a w$. Put that into $w' = w + z'$: only the entry of $w$ gains a 1.
# 3. `np.array([[rho - a, -a], [rho - a, 1.0 - a]])`

# %% [markdown]
# ## The polynomial
#
# After $t$ steps $[z, w]$ has been multiplied by $M^t$. So everything depends on $M$'s eigenvalues,
# the roots $\mu$ of $P(\mu) = \mu^2 - \mathrm{tr}\,\mu + \det$, with the trace and the determinant of
# $M$. For CurveBall
#
# $$P(\mu) = \mu^2 - (1 + \rho - 2a)\,\mu + (\rho - a). $$
#
# The iteration converges from every start exactly when both roots lie inside the unit circle. Their
# larger modulus $q$ is the **rate**: in the long run each step multiplies the error by $q$. The
# figure shows the roots of each pair, and below them its iterates.
#
# **Predict.** Four pairs: (i) $\rho = 0.9$, $a = 0.1$; (ii) $0.9$, $1.2$; (iii) $0.3$, $0.1$;
# (iv) $1.15$, $0.1$. Which converges fastest in the long run?
#
# - (a) i: the usual momentum, and a small step
# - (b) ii: the largest step
# - (c) iii: little momentum

# %% tags=["predict"]
predict("abc")


# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
def roots(ax, rho, a):
    mu = np.roots([1.0, -(1.0 + rho - 2.0 * a), rho - a])
    ax.set_axis_off()
    ax.set_title(rf"$\rho$ = {rho:g}, a = {a:g}, q = {np.abs(mu).max():.2f}", fontsize=10)
    plane, plot = ax.inset_axes([0.08, 0.41, 0.84, 0.57]), ax.inset_axes([0.08, 0.06, 0.9, 0.23])
    circle = np.exp(1j * np.linspace(0.0, 2.0 * np.pi, 200))
    plane.plot(circle.real, circle.imag, color="0.6", lw=1.0)
    plane.plot(mu.real, mu.imag, "o", color="C1")
    plane.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal")
    plane.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    w = run(undamped(rho, a), line, start, 40)[:, 0]
    plot.plot(w, ".-", lw=0.8, ms=3)
    plot.set(xlabel="steps", ylim=(-1.5, 1.5))


pairs = [(0.9, 0.1), (0.9, 1.2), (0.3, 0.1), (1.15, 0.1)]
settings = [{"rho": rho, "a": a} for rho, a in pairs]
explore(roots, at=settings, rho=(-1.0, 2.0, 0.05), a=(0.02, 3.0, 0.02))

# %% [markdown] tags=["answer"]
# **(b)**: $q = 0.85$, before (iii) with $0.87$ and (i) with $0.89$. (i) has a complex pair and
# oscillates. (ii) has a root near $-1$ and jumps from side to side, but the jumps shrink. (iii) has
# two real roots, and the larger one decides: too little momentum, as (i) has too much. Exercise 6.4
# finds the best. (iv) has its pair outside the circle.

# %% [markdown]
# ## Three inequalities
#
# When are both roots of $P(\mu) = \mu^2 - \mathrm{tr}\,\mu + \det$ inside the circle? Exactly when
# (Schur, Cohn, Jury)
#
# $$P(1) > 0, \qquad P(-1) > 0, \qquad \det < 1 .$$
#
# *Complex roots* are a conjugate pair with $|\mu|^2 = \det$, so $\det < 1$ decides; $P$ has no real
# root, so it is positive at $\pm 1$ anyway. *Real roots*: $P$ is negative between them. So
# $P(1) > 0$ and $P(-1) > 0$ say that both lie within $(-1, 1)$, or both above 1, or both below
# $-1$; the last two have a product $\det > 1$. The converse is as short: with both roots in the
# circle, $P(1) = (1 - \mu_1)(1 - \mu_2) > 0$, likewise at $-1$, and $|\det| < 1$.
#
# ### Exercise 6.2: the region ★★☆
#
# Work out $P(1)$, $P(-1)$ and $\det$ for CurveBall, and return whether it converges. `rho` and `a`
# are arrays: combine conditions with `&`. Before you go on: can $\rho$ be larger than 1?


# %% tags=["exercise"]
def converges(rho, a):
    """Return True where CurveBall converges along an eigenvector with a = beta h."""
    ### BEGIN SOLUTION
    return (a > 0.0) & (1.5 * a - 1.0 < rho) & (rho < 1.0 + a)
    ### END SOLUTION


# %% tags=["wrong"]
# rho < 1.0 + a => rho < 1.0
# rho < 1.0 + a => np.abs(rho) < 1.0
# rho < 1.0 + a => rho < 1.0 - a
# rho < 1.0 + a => rho > -1.0
# 1.5 * a - 1.0 < rho => 0.5 * a - 1.0 < rho
# 1.5 * a - 1.0 < rho => 1.5 * a + 1.0 < rho
# 1.5 * a - 1.0 < rho => a - 1.0 < rho
# 1.5 * a - 1.0 < rho => 0.0 < rho
# (a > 0.0) & => (a == a) &
# (a > 0.0) & (1.5 => (a > 0.0) and (1.5
# & (1.5 * a - 1.0 < rho) & (rho < 1.0 + a) => & (a < 2.0 * (1.0 + rho)) & (np.abs(rho) < 1.0)
# & (1.5 * a - 1.0 < rho) & (rho < 1.0 + a) => | (1.5 * a - 1.0 < rho) | (rho < 1.0 + a)

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 6.2: run this cell.
rhos, a_s = np.meshgrid(np.linspace(-1.53, 4.47, 61), np.linspace(-0.52, 4.08, 47))
M = np.stack([np.stack([rhos - a_s, -a_s], -1), np.stack([rhos - a_s, 1.0 - a_s], -1)], -2)
moduli = np.abs(np.linalg.eigvals(M)).max(-1)
off = np.abs(moduli - 1.0) > 1e-9  # on the boundary itself rounding decides
checkpoint(
    "6.2",
    lambda: int(np.sum(converges(rhos, a_s)[off] != (moduli < 1.0)[off])),
    0,
    likely="(pairs where you and M disagree) P(1) = a, P(-1) = 2 + 2 rho - 3 a, det = rho - a",
)

# %% tags=["hint"]
hint("6.2")
# 1. With $\mathrm{tr} = 1 + \rho - 2a$ and $\det = \rho - a$, what is $P(1) = 1 - \mathrm{tr} + \det$?
# 2. $P(1) = a$ and $P(-1) = 2 + 2\rho - 3a$; the third is $\det < 1$. All three must hold, entry by
#    entry: `&`, with brackets around each.
# 3. `return (a > 0.0) & (2.0 + 2.0 * rho - 3.0 * a > 0.0) & (rho - a < 1.0)`

# %% [markdown]
# Hence CurveBall converges on an eigenvector exactly when
# ([derivation](../tests/derivations/test_09_convergence_region.py))
#
# $$a > 0 \qquad\text{and}\qquad \tfrac32 a - 1 < \rho < 1 + a .$$
#
# With several eigenvectors this must hold for the $a = \beta h$ of each. For the two runs above it
# gives $\beta < 2 \cdot 1.9 / 3 = 1.267$.
#
# Heavy ball, $z' = \rho z - a w$, has $\mathrm{tr} = 1 + \rho - a$ and $\det = \rho$: it converges
# for $0 < a < 2(1 + \rho)$, $|\rho| < 1$. Nesterov's $z' = \rho z - a(w + \rho z)$ has
# $\mathrm{tr} = (1 + \rho)(1 - a)$ and $\det = \rho (1 - a)$. All three are heavy ball with a
# separate momentum for each eigenvector: $\rho$, $\rho(1 - a)$, and $\rho - a$. For the same $\rho$
# CurveBall's largest step is a third of heavy ball's, but its $\rho$ can be larger than 1. Each map
# shows the rate $q$, with the boundary $q = 1$ in white.


# %% tags=["hide-input"]
def spectral_radius(rho, a, momentum):
    """The larger root's modulus; momentum(rho, a) is det, and tr = 1 + det - a for all methods."""
    det = momentum(rho, a)
    root = np.sqrt(np.asarray((1.0 + det - a) ** 2 - 4.0 * det, dtype=complex))
    return np.maximum(np.abs(1.0 + det - a + root), np.abs(1.0 + det - a - root)) / 2.0


methods = {
    "heavy ball": lambda rho, a: rho + 0.0 * a,
    "Nesterov": lambda rho, a: rho * (1.0 - a),
    "CurveBall": lambda rho, a: rho - a,
}
rho, a = np.meshgrid(np.linspace(-1.2, 3.0, 300), np.linspace(0.005, 4.2, 300))
fig, axes = plt.subplots(1, 3, figsize=(10.0, 3.4), sharey=True)
for ax, (name, momentum) in zip(axes, methods.items(), strict=True):
    q = spectral_radius(rho, a, momentum)
    image = ax.pcolormesh(rho, a, q, vmin=0.0, vmax=1.5, rasterized=True)
    ax.contour(rho, a, q, [1.0], colors="white")
    ax.set(xlabel=r"$\rho$", title=name)
axes[0].set_ylabel(r"a = $\beta h$")
fig.colorbar(image, label="rate q")
plt.show()

# %% [markdown]
# ## The boundary, by running
#
# Check the formula with the solver itself. The package's solver takes arrays of $\rho$ and $\beta$,
# one run each, with a loss marked by `mg.independent_runs`: one number for each run. Let it run for
# 120 steps at all points of the map, and measure by how much each run grew or shrank per step.
# (Checkpoints 6.3, 6.5 and 6.6 test code that is given: they have no exercise.)

# %% tags=["checkpoint"]
rho, a = np.meshgrid(np.linspace(-1.19, 2.99, 89), np.linspace(0.03, 4.17, 81))
solver, w = undamped(rho.ravel(), a.ravel()), np.ones((rho.size, 1))
state, sizes, losses = solver.init(w), [], mg.independent_runs(lambda y: 0.5 * mg.sum(y * y, axis=-1))
for _ in range(120):  # f(w) = w^2 / 2: the minimum at 0 lets w fall far below rounding
    w, state, _ = solver.step(w, state, lambda w: w, losses)
    sizes.append(np.hypot(w, state.z)[:, 0])
late, early = np.max(sizes[100:], axis=0), np.max(sizes[40:60], axis=0)  # over whole swings
measured = (late / early).reshape(rho.shape) ** (1.0 / 60.0)
clear = np.abs(np.log(spectral_radius(rho, a, methods["CurveBall"]))) > 0.03
checkpoint(
    "6.3",
    lambda: int(np.sum((measured < 1.0)[clear] != converges(rho, a)[clear])),
    0,
    likely="(runs on the wrong side) converges is not right yet: see 6.2",
)
print(f"{clear.sum()} of {clear.size} runs were clearly in or out")

# %% tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.6))
image = left.pcolormesh(rho, a, measured, vmin=0.0, vmax=1.5, rasterized=True)
fig.colorbar(image, ax=left)
edge = np.linspace(0.0, 4.0, 50)
left.plot(1.5 * edge - 1.0, edge, "w", 1.0 + edge, edge, "w", lw=1.5)
left.set(xlabel=r"$\rho$", ylabel=r"a = $\beta h$", xlim=(-1.2, 3.0), ylim=(0.03, 4.17))
left.set_title("growth per step, measured")
column = np.argmin(np.abs(rho[0] - 0.9))
right.plot(a[:, column], spectral_radius(rho, a, methods["CurveBall"])[:, column], label="derived")
right.plot(a[:, column], measured[:, column], ".", label="measured")
right.axhline(1.0, color="0.5", lw=0.8)
right.set(xlabel="a", xlim=(0, 2), ylim=(0, 2.7))
right.set_title(rf"the same at $\rho$ = {rho[0, column]:.2f}")
right.legend()
plt.show()

# %% [markdown]
# ## How fast
#
# Where in the region is it fastest? Hold $a$ fixed. A complex pair has modulus
# $\sqrt{\det} = \sqrt{\rho - a}$: less momentum is faster, until the two roots meet on the real line,
# $\mathrm{tr}^2 = 4\det$. For smaller $\rho$ they separate, and the larger one grows again. So the
# best $\rho$ is where they meet.
#
# ### Exercise 6.4: the best momentum for a step size ★★☆
#
# Solve $\mathrm{tr}^2 = 4\det$ for $\rho$, and take the smaller of the two solutions; return the rate
# there too. It is shortest in terms of $\det = \rho - a$: $(1 + \det - a)^2 = 4\det$.


# %% tags=["exercise"]
def best_momentum(a):
    """Return the best rho for this a > 0, and its rate q."""
    ### BEGIN SOLUTION
    return a + (1.0 - np.sqrt(a)) ** 2, np.abs(1.0 - np.sqrt(a))
    ### END SOLUTION


# %% tags=["wrong"]
# a + (1.0 - np.sqrt(a)) ** 2 => (1.0 - np.sqrt(a)) ** 2
# a + (1.0 - np.sqrt(a)) ** 2 => a + (1.0 + np.sqrt(a)) ** 2
# a + (1.0 - np.sqrt(a)) ** 2 => (1.0 - np.sqrt(a)) ** 2 - a
# a + (1.0 - np.sqrt(a)) ** 2 => a + (1.0 - np.sqrt(a))
# a + (1.0 - np.sqrt(a)) ** 2 => a + (1.0 - a) ** 2
# np.abs(1.0 - np.sqrt(a)) => (1.0 - np.sqrt(a)) ** 2
# np.abs(1.0 - np.sqrt(a)) => 1.0 - np.sqrt(a)
# np.abs(1.0 - np.sqrt(a)) => np.sqrt(a + (1.0 - np.sqrt(a)) ** 2)
# np.abs(1.0 - np.sqrt(a)) => 1.0 + np.sqrt(a)
#
# def best_momentum(a):
#     return np.abs(1.0 - np.sqrt(a)), a + (1.0 - np.sqrt(a)) ** 2

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 6.4: run this cell.
some = np.array([0.01, 0.2, 0.7, 1.0, 2.5])[:, None]
fine = np.linspace(-1.0, 5.0, 600_001)
all_rates = spectral_radius(fine, some, methods["CurveBall"])
checkpoint(
    "6.4, rho",
    lambda: best_momentum(some)[0][:, 0],
    fine[all_rates.argmin(1)],
    likely="the smaller solution is det = (1 - sqrt a)^2, and det = rho - a: add a",
    atol=1e-4,
)
checkpoint(
    "6.4, rate",
    lambda: best_momentum(some)[1][:, 0],
    all_rates.min(1),
    likely="the rate is sqrt(det), positive also for a > 1",
    atol=1e-2,
)

# %% tags=["hint"]
hint("6.4")
# 1. Which square root can you take on both sides of $(1 + \det - a)^2 = 4\det$?
# 2. Write $\det = q^2$: $1 + q^2 - a = 2q$, so $(1 - q)^2 = a$. The smaller $\rho$ has the smaller
#    $\det$. Then $\rho = \det + a$, and the rate is $|q|$.
# 3. `return a + (1.0 - np.sqrt(a)) ** 2, np.abs(1.0 - np.sqrt(a))`

# %% [markdown]
# $q = |1 - \sqrt a|$: for $a = \rho = 1$ the rate is zero, and one step reaches the minimum. But a
# quadratic has many curvatures, from $h_{\min}$ to $h_{\max}$, and one $\beta$ and $\rho$ for all of
# them. The slowest decides. Move the sliders: the highest point of the curve is the rate.
# ($\kappa = h_{\max}/h_{\min} = 100$ here. On the left there is no momentum, so heavy ball and
# Nesterov's method are both gradient descent; in the middle is CurveBall's best pair; on the right
# heavy ball's, for which the other two diverge.)

# %% tags=["hide-input"]
curvatures = np.geomspace(1.0, 100.0, 400)


def spectrum(ax, rho, beta):
    for name, momentum in methods.items():
        q = spectral_radius(rho, beta * curvatures, momentum)
        ax.semilogx(curvatures, q, label=f"{name}: {q.max():.2f}")
    ax.axhline(1.0, color="0.5", lw=0.8)
    ax.set(xlabel="curvature h", ylabel="rate q", ylim=(0.0, 1.3))
    ax.set_title(rf"$\rho$ = {rho:g}, $\beta$ = {beta:g}", fontsize=10)
    ax.legend(fontsize=8, loc="lower left")


explore(
    spectrum,
    at=[{"rho": 0.0, "beta": 0.006}, {"rho": 0.81, "beta": 0.0116}, {"rho": 0.67, "beta": 0.033}],
    rho=(0.0, 1.1, 0.01),
    beta=(0.001, 0.05, 0.0002),
)

# %% [markdown]
# ## The best pair for a range of curvatures
#
# The roots of $P(q\mu)/q^2$ are those of $P$ divided by $q$. So no root of $P$ has a modulus above
# $q$ exactly when the three inequalities hold for this polynomial, equality allowed:
# $\det \le q^2$, $P(q) \ge 0$ and $P(-q) \ge 0$, that is
#
# $$a \ge \rho - q^2, \qquad (2q - 1)\, a \ge (1 - q)(q - \rho), \qquad
# (1 + 2q)\, a \le (1 + q)(q + \rho) .$$
#
# For $q \ge \frac12$ two of them bound the smallest $a = \beta h_{\min}$ from below, and one bounds the
# largest, $\beta h_{\max}$, from above. The first lower bound grows with $\rho$, the second falls. The
# range is widest where they meet, and that gives
# ([derivation](../tests/derivations/test_10_convergence_rate.py)), for $\kappa \ge 3$,
#
# $$\beta h_{\min} = (1 - q)^2, \qquad \rho = q^2 + (1 - q)^2, \qquad
# \kappa = \frac{(1 + q)(1 - q + 2q^2)}{(1 + 2q)(1 - q)^2},$$
#
# so that $q \approx 1 - 2/\sqrt{3\kappa}$ for large $\kappa$. The known best rates of the others:
#
# | | $\beta$ | $\rho$ | rate |
# |---|---|---|---|
# | gradient descent | $2/(h_{\max} + h_{\min})$ | 0 | $1 - 2/(\kappa + 1)$ |
# | heavy ball | $4/(\sqrt{h_{\max}} + \sqrt{h_{\min}})^2$ | $q^2$ | $1 - 2/(\sqrt\kappa + 1)$ |
# | Nesterov | $4/(3 h_{\max} + h_{\min})$ | $q/(2 - q)$ | $1 - 2/\sqrt{3\kappa + 1}$ |


# %% tags=["checkpoint"]
def tuned(kappa):
    """The best rho, and beta for curvatures from 1 to kappa, of CurveBall; with the rate."""

    def excess(q):
        return (1.0 + q) * (1.0 - q + 2.0 * q * q) / ((1.0 + 2.0 * q) * (1.0 - q) ** 2) - kappa

    q = brentq(excess, 0.4, 1.0 - 1e-9, xtol=1e-14)
    return q * q + (1.0 - q) ** 2, (1.0 - q) ** 2, q


# %% tags=["checkpoint"]
def searched_rate(kappa, momentum):
    """The best worst rate on a grid of pairs, refined around its best pair again and again."""
    h, unit = np.geomspace(1.0, kappa, 30), np.linspace(-1.0, 1.0, 51)
    rho, beta, wide, high = 0.6, 2.0, 0.6, 1.9
    for _ in range(12):
        rhos, betas = np.meshgrid(rho + wide * unit, beta + high * unit)
        q = spectral_radius(rhos[..., None], betas[..., None] * h / kappa, momentum).max(-1)
        rho, beta = rhos.flat[q.argmin()], betas.flat[q.argmin()]
        wide, high = 0.6 * wide, 0.6 * high
    return q.min()


for kappa in (4.0, 30.0, 1000.0):
    found = searched_rate(kappa, methods["CurveBall"])
    label = f"6.5, kappa = {kappa:g}"
    checkpoint(label, tuned(kappa)[2], found, "tuned differs from the text", rtol=1e-3)

# %% tags=["hide-input"]
kappas = np.geomspace(4.0, 1e4, 40)
rates = {
    "gradient descent": 1.0 - 2.0 / (kappas + 1.0),
    "heavy ball": 1.0 - 2.0 / (np.sqrt(kappas) + 1.0),
    "Nesterov": 1.0 - 2.0 / np.sqrt(3.0 * kappas + 1.0),
    "CurveBall": np.array([tuned(kappa)[2] for kappa in kappas]),
}
fig, ax = plt.subplots()
for (name, q), style in zip(rates.items(), ("-", "-", "-", "--"), strict=True):
    ax.loglog(kappas, np.log(0.1) / np.log(q), style, label=name)
for kappa in (4.0, 30.0, 1000.0):
    for k, momentum in enumerate(methods.values()):
        q = searched_rate(kappa, momentum)
        ax.plot(kappa, np.log(0.1) / np.log(q), "o", ms=4, color=f"C{k + 1}")
ax.set(xlabel=r"$\kappa$", ylabel="steps per digit, at best")
ax.legend()
plt.show()

# %% [markdown]
# The dots are the best that a search over all pairs finds; the lines are the formulas. Momentum
# turns $\kappa$ into $\sqrt\kappa$. For large $\kappa$ and with fixed coefficients, CurveBall is as
# fast as Nesterov's method, and heavy ball is faster than both by $\sqrt 3$ at its best: on a
# quadratic, looking ahead costs speed. (On other functions heavy ball's best pair can fail to
# converge; Lessard and others show an example.) The next figure has runs on twenty curvatures from 1
# to 100, with the derived rates dotted (where two roots meet, the error falls like $t\, q^t$, a
# little later).
#
# **Predict.** It also shows CurveBall with automatic $\rho$ and $\beta$, which are the best for the
# bowl at every step. Where is that run after 200 steps?
#
# - (a) ahead of the best fixed pair, as it adapts
# - (b) level with it
# - (c) far behind it

# %% tags=["predict"]
predict("abc")

# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
kappa = 100.0
many = Quadratic(tuple(np.geomspace(1.0, kappa, 20)))
w0 = many.init(np.random.default_rng(0))
rho, beta, q = tuned(kappa)
q_heavy = 1.0 - 2.0 / (np.sqrt(kappa) + 1.0)
runs = {
    "gradient descent": (SGD(lr=2.0 / (1.0 + kappa), momentum=0.0), 1.0 - 2.0 / (kappa + 1.0)),
    "heavy ball, best pair": (SGD(lr=4.0 / (kappa**0.5 + 1.0) ** 2, momentum=q_heavy**2), q_heavy),
    "CurveBall, best pair": (undamped(rho, beta), q),
    "CurveBall, automatic": (undamped(), None),
}
fig, ax = plt.subplots()
for k, (name, (solver, rate)) in enumerate(runs.items()):
    errors = np.linalg.norm(run(solver, many, w0, 200), axis=1)
    ax.semilogy(errors, label=name, color=f"C{k}")
    if rate:
        ax.semilogy([60, 200], errors[60] * rate ** np.array([0, 140]), "k:", lw=1.0)
ax.set(xlabel="steps", ylabel="distance from the minimum", ylim=(1e-10, 10))
ax.legend()
plt.show()

# %% [markdown] tags=["answer"]
# **(c).** It starts as fast as any and then slows down, hardly better than gradient descent.

# %% [markdown]
# ## Automatic coefficients on a quadratic
#
# This holds beyond the example: the number of steps grows in proportion to $\kappa$, as for steepest
# descent, not to $\sqrt\kappa$. The rule minimises the bowl over a plane at every step. Why does that
# not accelerate it?
#
# It depends on the plane. Conjugate gradients (notebook 4) also take, at each step, the lowest
# point of a plane, that of the last move $z$ and the gradient $g$. On a quadratic this is the
# lowest point of the space of *all* gradients so far. CurveBall's plane is that of $z$ and
# $d = Hz + g$. It contains the same point for the first two steps only
# ([derivation](../tests/derivations/test_13_solving_the_linear_system.py)). Below, `s` is how much
# of $Hz$ goes into the direction: 1 is CurveBall's, 0 that of conjugate gradients.


# %% tags=["checkpoint"]
def lowest_points(s, problem, w, steps):
    """w - w*, where each move is the lowest point of the plane of z and g + s H z."""
    H, w, z, seen = problem.hessian, w - problem.solution, 0.0 * w, [w - problem.solution]
    for _ in range(steps):
        plane = np.stack([z, H @ (w + s * z)])
        z = -np.linalg.pinv(plane @ H @ plane.T) @ (plane @ (H @ w)) @ plane
        w = w + z
        seen.append(w)
    return np.array(seen)


b = -many.hessian @ (w0 - many.solution)
cg = [conjugate_gradient(lambda v: many.hessian @ v, b, tol=0.0, max_iter=n).x for n in range(1, 9)]
checkpoint(
    "6.6, s = 1 is CurveBall",
    lowest_points(1.0, many, w0, 60),
    run(undamped(), many, w0, 60),
    likely="the direction is H (w + s z)",
)
checkpoint(
    "6.6, s = 0 is conjugate gradients",
    lowest_points(0.0, many, w0, 8)[1:],
    w0 - many.solution + np.array(cg),
    likely="the direction is H (w + s z)",
)


# %% tags=["hide-input"]
def steepest_descent(problem, w, steps):
    H, w, seen = problem.hessian, w - problem.solution, [w - problem.solution]
    for _ in range(steps):
        g = H @ w
        w = w - (g @ g) / (g @ H @ g) * g
        seen.append(w)
    return np.array(seen)


ladder, counts = (10, 30, 100, 300), {}
for kappa in ladder:
    problem = Quadratic(tuple(np.geomspace(1.0, kappa, 20)))
    w0, (rho, beta, _) = problem.init(np.random.default_rng(0)), tuned(kappa)
    seen = {
        "steepest descent": steepest_descent(problem, w0, 6 * kappa),
        "CurveBall, automatic": run(undamped(), problem, w0, 6 * kappa),
        "CurveBall, best pair": run(undamped(rho, beta), problem, w0, 400),
        "plane of z and g": lowest_points(0.0, problem, w0, int(8 * kappa**0.5)),
    }
    for name, ws in seen.items():
        f = np.einsum("ti,ij,tj->t", ws, problem.hessian, ws)
        counts.setdefault(name, []).append(int(np.argmax(f < 1e-8 * f[0])))

# %% tags=["hide-input"]
fig, ax = plt.subplots()
for name, count in counts.items():
    ax.loglog(ladder, count, "o-", label=name)
    print(f"{name:22} {count}")
ax.set(xlabel=r"$\kappa$", ylabel="steps until f is 1e-8 of its start")
ax.legend()
plt.show()

# %% [markdown]
# So on a fixed quadratic the automatic rule saves tuning but does not accelerate. Another plane of the
# same cost, one pull-back and two push-forwards, would do better. Elsewhere it can be different: on
# Rosenbrock's function the plane changes at every step; with two parameters it is the whole space,
# and six steps are enough. On mini-batches the five numbers are noisy. Notebooks 7 and 8 measure
# that.
#
# ## Noise
#
# Let the gradient carry noise $\xi$ of standard deviation $\sigma$, drawn anew at each step. Then
# $-\beta \xi$ is added to $z'$. With $z_t = w_t - w_{t-1}$ the two lines of the iteration become one,
#
# $$w_{t+1} = \mathrm{tr}\, w_t - \det\, w_{t-1} - \beta \xi_t .$$
#
# Inside the region $w$ does not converge, but its variance $V = E[w_t^2]$ does, and so does
# $C = E[w_t w_{t-1}]$. Multiply the line by $w_t$, or square it, and take means; $\xi_t$ is new, so
# its products with $w_t$ and $w_{t-1}$ drop out:
#
# $$C = \mathrm{tr}\, V - \det\, C, \qquad
# V = \mathrm{tr}^2\, V + \det{}^2\, V - 2\, \mathrm{tr} \det\, C + \beta^2 \sigma^2 .$$
#
# ### Exercise 6.7: the variance that noise leaves ★★★
#
# Solve for $V$, by hand: it is two lines. `tr` and `det` are numbers, or arrays for many $\rho$ at once.


# %% tags=["exercise"]
def variance(tr, det, beta, sigma):
    """Return V."""
    ### BEGIN SOLUTION
    per_V = tr / (1.0 + det)  # C = per_V V
    return (beta * sigma) ** 2 / (1.0 - tr**2 - det**2 + 2.0 * tr * det * per_V)
    ### END SOLUTION


# %% tags=["wrong"]
# tr / (1.0 + det) => tr / (1.0 - det)
# tr / (1.0 + det) => tr * (1.0 + det)
# tr / (1.0 + det) => (1.0 + det) / tr
# + 2.0 * tr * det * per_V => - 2.0 * tr * det * per_V
# + 2.0 * tr * det * per_V => + 2.0 * det * per_V
# + 2.0 * tr * det * per_V => + tr * det * per_V
# (beta * sigma) ** 2 => beta * sigma**2
# (beta * sigma) ** 2 => beta**2 * sigma
# (beta * sigma) ** 2 => sigma**2
# - det**2 + 2.0 => + 2.0
# 1.0 - tr**2 => 1.0 + tr**2
# return (beta * sigma) ** 2 / ( => return beta * sigma / (

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 6.7: run this cell.
rhos, a, beta, sigma = np.array([0.8, 0.1]), 0.3, 0.1, 0.5  # h = 3
M = [np.array([[rho - a, -a], [rho - a, 1.0 - a]]) for rho in rhos]
covariances = [solve_discrete_lyapunov(m, (beta * sigma) ** 2 * np.ones((2, 2))) for m in M]  # of (z, w)
checkpoint(
    "6.7",
    lambda: variance(1.0 + rhos - 2.0 * a, rhos - a, beta, sigma),
    np.array([covariance[1, 1] for covariance in covariances]),
    likely="put C = tr V / (1 + det) into the second; the noise enters as (beta sigma)^2; arrays must do",
)

# %% tags=["hint"]
hint("6.7")
# 1. The first equation has $C$ on both sides. What is $C$ as a multiple of $V$?
# 2. $C = V\, \mathrm{tr} / (1 + \det)$. Put it into the second equation, bring all $V$ to one side,
#    and divide.
# 3. `return (beta * sigma) ** 2 / (1.0 - tr**2 - det**2 + 2.0 * tr * det * tr / (1.0 + det))`

# %% [markdown]
# Simplified, the solution is
#
# $$V = \frac{\beta^2\sigma^2\,(1 + \det)}{P(1)\;P(-1)\;(1 - \det)} .$$
#
# The three inequalities appear again, as factors: $V$ grows without bound near each of the three
# boundaries.
#
# **Predict.** With the same $\rho > 0$ and the same $\beta$, at $a = 0.3$, which leaves less noise in
# $w$?
#
# - (a) heavy ball, as it does not multiply the noise by $G$
# - (b) CurveBall
# - (c) both the same: the noise enters as $\beta\xi$ in both

# %% tags=["predict"]
predict("abc")


# %% tags=["hide-input"]
def noisy(solver, problem, w, steps, sigma, rng):
    """The root mean square of w - w* after each step, over all runs; noise in the gradient."""
    state, seen, n = solver.init(w), [], len(problem.spectrum)

    def model(w):  # the residuals, and w itself for the noise to act on
        return mg.concat([problem.model(w), w], axis=-1)

    for _ in range(steps):
        noise = sigma * rng.standard_normal(w.shape)

        @mg.independent_runs
        def loss(y, noise=noise):
            return problem.loss(y[..., :n]) + mg.sum(noise * y[..., n:], axis=-1)

        w, state, _ = solver.step(w, state, model, loss)
        seen.append(np.sqrt(np.mean((w - problem.solution) ** 2)))
    return np.array(seen)


# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
a, rng = 0.3, np.random.default_rng(1)
ours, heavy = np.linspace(-0.549, 1.299, 500), np.linspace(-0.849, 0.999, 500)
few, cloud = np.linspace(-0.5, 1.2, 12), line.solution + np.zeros((1000, 1))
dots = [noisy(undamped(rho, a), line, cloud, 150, 1.0, rng)[-1] for rho in few]
fig, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.6))
left.plot(ours, variance(1.0 + ours - 2.0 * a, ours - a, a, 1.0) ** 0.5, label="CurveBall")
left.plot(heavy, variance(1.0 + heavy - a, heavy, a, 1.0) ** 0.5, label="heavy ball")
left.plot(few, dots, "C0o")
left.set(xlabel=r"$\rho$", ylabel="standard deviation of w", ylim=(0, 3))
left.set_title("one curvature, a = 0.3")
left.legend()
several = Quadratic(tuple(np.geomspace(1.0, 30.0, 10)))
cloud, (rho, beta, _) = several.init(rng, runs=(200,)), tuned(30.0)
for name, solver in {
    "automatic": undamped(),
    "automatic, lr = 0.1": CurveBall(lr=0.1, lam=0.0, adapt_lam=False),
    "best pair": undamped(rho, beta),
    r"$\rho$ = 0.9, $\beta$ = 0.0035": undamped(0.9, 0.0035),
}.items():
    right.loglog(1 + np.arange(500), noisy(solver, several, cloud, 500, 0.1, rng), label=name)
right.set(xlabel="steps", ylabel="rms of $w - w^*$", title="curvatures from 1 to 30")
right.legend(fontsize=8)
plt.show()

# %% [markdown] tags=["answer"]
# **(b).** Left: its momentum is $\rho - a$, less than heavy ball's $\rho$. The dots are a thousand
# runs of the package's solver at each $\rho$, with $\beta = 0.3$, $h = 1$ and $\sigma = 1$.
# It is not so for every step: at the left edge of its region, $P(-1) = 0$, CurveBall leaves more.

# %% [markdown]
# On the right are ten curvatures. The error of the automatic rule falls fast and then stays at a
# floor: the gradient of the bowl is wrong by $\xi$, and nothing in the rule makes steps smaller with
# time. A smaller learning rate $\eta$ (`lr`) does, as in notebook 7 on Rosenbrock's function. The
# best pair has a lower floor, and a smaller $\beta$ a still lower one, reached later. This trade-off
# is the same for every method with a constant step.
#
# Damping is easy to include: $\lambda z$ in $d$ subtracts $\beta\lambda$ from $\rho$, and all the
# above holds with $\rho - \beta\lambda$ for $\rho$.
#
# ## What real systems do differently
#
# - `torch.optim.SGD` has heavy ball and, with `nesterov=True`, Nesterov's method, where it stores
#   the parameters at the point ahead, $w + \rho z$. The usual momentum of 0.9 is heavy ball's best
#   for $\kappa$ near 1400 by the table above. Optax has both as
#   `optax.sgd(momentum=..., nesterov=...)`.
# - SciPy's `minimize(method="CG")` is nonlinear conjugate gradients, with a line search instead of
#   the plane; `scipy.sparse.linalg.cg` is the linear method.
# - In practice learning-rate schedules lower the floor of noise; averaging the iterates (Polyak and
#   Juditsky) is the other way, for instance with `torch.optim.swa_utils`.
# - On a network the spectrum changes as $w$ moves. No fixed pair stays the best one, and a region
#   for quadratics says only what happens close to a minimum.
#
# ## Open problems
#
# 1. The automatic rule needs a number of steps in proportion to $\kappa$: that is measured here, not proved.
#    Is there a start from which it does better, and how many steps are needed for sure?
# 2. The plane of $z$ and $g$ accelerates on a quadratic. Does it on a network, whose bowl changes with
#    every step? Notebook 9 builds that solver: what is the fairest comparison?
#
# ## Further reading
#
# - L. Lessard, B. Recht, A. Packard, *Analysis and design of optimization algorithms via integral
#   quadratic constraints*, SIAM Journal on Optimization 2016: the rates of the table.
# - G. Goh, *Why momentum really works*, Distill 2017, for heavy ball with interactive figures.
# - E. Jury, *Theory and application of the z-transform method*, 1964: the three inequalities.
# - J. Nocedal and S. Wright, *Numerical Optimization*, 2006, chapter 5, for conjugate gradients.
#
# ## Where you are
#
# You know where fixed coefficients converge, how fast, and what the automatic ones do on a
# quadratic. Real problems are noisy and degenerate. [Notebook 7](07_noise.ipynb) tries CurveBall on such
# problems.
