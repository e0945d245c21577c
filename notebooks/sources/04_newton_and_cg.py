# %% [markdown]
# # 4. Newton and conjugate gradients
#
# > **You will build** Newton's step and what keeps it safe (damping, a line search, flipped
# > eigenvalues), then conjugate gradients, and from the two Newton's method for problems with a
# > Hessian too large to store. Every problem here has a known answer, so that you can count digits.
# >
# > **You need** [notebook 3](03_curvature.ipynb) (Hessian and Gauss-Newton products), and
# > eigenvectors of symmetric matrices.
# >
# > **Minutes** 60.
# >
# > Solutions: [solutions/04_newton_and_cg.ipynb](solutions/04_newton_and_cg.ipynb).
# > All notebooks share [one notation](../docs/notation.md).

# %%
import matplotlib.pyplot as plt
import numpy as np
import scipy.linalg
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression

import minigrad as mg
from curveball import GaussNewton, Newton, NewtonCG, conjugate_gradient, minimize
from curveball.course import checkpoint, curves, draw_path, hint, landscape, predict
from problems.closed_form.quadratic import Quadratic
from problems.closed_form.regression import LogisticRegression
from problems.closed_form.rosenbrock import Rosenbrock

plt.style.use("curveball.course.style")
rng = np.random.default_rng(0)

# %% [markdown]
# ## One step from anywhere
#
# Take a quadratic with 20 parameters and curvatures from 1 to 1000. Gradient descent with the best
# step size needs some 3,500 steps for three digits of its minimum. Newton's method needs one step,
# for all digits. Around $w$, with gradient $g$ and Hessian $H$, the quadratic model $m$ predicts the
# change:
#
# $$f(w + z) \approx f(w) + m(z), \qquad m(z) = \tfrac12\, z \cdot H z + z \cdot g .$$
#
# Set the gradient of $m$ to zero: $H z + g = 0$. If $H$ is positive definite, the solution
# $z^* = -H^{-1} g$ is the only minimum of $m$; and if $f$ is quadratic, $f(w) + m(z)$ is $f(w + z)$
# itself. ([The derivation](../tests/derivations/test_01_newton_step.py), with its tests.)
#
# **Damping** puts $H + \lambda I$ in place of $H$. Along an eigenvector with curvature $h$, it
# multiplies the step by $h / (h + \lambda)$: little changes where $h$ is much larger than $\lambda$,
# and the step is shortened where $h$ is much smaller. There the step was longest, and far away the
# model is least reliable.
#
# ### Exercise 4.1: the damped step ★☆☆
#
# Write $z = -(H + \lambda I)^{-1} g$. Solve the system; do not invert the matrix.


# %% tags=["exercise"]
def newton_step(H, g, lam=0.0):
    """Return the damped Newton step for a Hessian (n, n) and a gradient (n,)."""
    ### BEGIN SOLUTION
    return -np.linalg.solve(H + lam * np.eye(g.size), g)
    ### END SOLUTION


# %% tags=["wrong"]
# return -np => return np
# H + lam * np.eye(g.size) => H
# lam * np.eye(g.size) => lam
# np.linalg.solve(H + lam * np.eye(g.size), g) => (H + lam * np.eye(g.size)) @ g
# np.linalg.solve(H + lam * np.eye(g.size), g) => np.linalg.inv(H + lam * np.eye(g.size)) @ g
# np.linalg.solve(H + lam * np.eye(g.size), g) => np.linalg.solve(H, g) / (1.0 + lam)
# np.linalg.solve(H + lam * np.eye(g.size), g) => g / (np.diag(H) + lam)
# np.linalg.solve(H + lam * np.eye(g.size), g) => np.linalg.solve(H + lam * np.eye(g.size), -g)
# H + lam * np.eye(g.size) => H - lam * np.eye(g.size)
# H + lam * np.eye(g.size) => H + lam * H
# H + lam * np.eye(g.size) => H + lam**2 * np.eye(g.size)
# H + lam * np.eye(g.size) => (1.0 - lam) * H + lam * np.eye(g.size)
# np.eye(g.size) => np.eye(20)
# np.eye(g.size) => np.ones((g.size, g.size))
#
# def newton_step(H, g, lam=0.0):
#     H[np.diag_indices(g.size)] += lam
#     return -np.linalg.solve(H, g)

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 4.1: run this cell.
bowl = Quadratic(tuple(np.geomspace(1.0, 1000.0, 20)))
w = bowl.init(rng)
g = mg.grad(lambda w: bowl.loss(bowl.model(w)))(w)
checkpoint(
    "4.1, to the minimum",
    lambda: w + newton_step(bowl.hessian, g),
    bowl.solution,
    likely="the step solves H z = -g: mind the minus sign",
)
H = np.diag([1.0, 3.0])
checkpoint(
    "4.1, damped",
    lambda: [newton_step(H, np.array([3.0, 10.0]), lam=2.0), H],
    [np.array([-1.0, -2.0]), np.diag([1.0, 3.0])],
    likely="lam is added to the diagonal only: lam I, with I the identity; H itself stays as it was",
)
hilbert, ones = scipy.linalg.hilbert(10), np.ones(10)  # its inverse has no correct digits
checkpoint(
    "4.1, a hard system",
    lambda: hilbert @ newton_step(hilbert, ones) + ones,
    np.zeros(10),
    likely="solve the system with np.linalg.solve: with an inverse H z + g is not zero",
    atol=1e-7,
)

# %% tags=["hint"]
hint("4.1")
# 1. Which system of equations does $z$ satisfy? What stands on its right?
# 2. $(H + \lambda I)\, z = -g$. NumPy solves a system in one call, and `np.eye(n)` is $I$.
# 3. `damped = H + lam * np.eye(g.size)` is the matrix for `np.linalg.solve`.

# %% [markdown]
# ## Conjugate gradients
#
# That solved a system with the matrix in memory. For a network there are only products with $H$, so
# the question is how to solve $A x = b$ from $p \mapsto A p$ alone. One way is descent on
# $\tfrac12\, x \cdot A x - b \cdot x$. Its gradient is $-r$ with the residual $r = b - A x$; the best
# step length along a direction $p$ is $\alpha = r \cdot p / p \cdot A p$. **Steepest descent** takes
# $p = r$ each time, and zigzags: each step spoils what earlier ones had minimised.
#
# **Conjugate gradients** choose directions that avoid this: $p_j \cdot A p_k = 0$ for $j \ne k$. Then
# a step along one does not change the minima along the others, and after $n$ steps all $n$ directions
# are done. To get them, remove from the new residual what is not conjugate to the last direction; it
# is then conjugate to the earlier ones too. Residuals turn out orthogonal, so
# $r \cdot p = r \cdot r$. From $x = 0$ and $p = r = b$, each step is
#
# $$\alpha = \frac{r \cdot r}{p \cdot A p}, \quad x \leftarrow x + \alpha p, \quad
#   r' = r - \alpha A p, \quad
#   p \leftarrow r' + \frac{r' \cdot r'}{r \cdot r}\, p, \quad r \leftarrow r' .$$
#
# Each step takes one product. (The package has it on trees of parameters, with stopping rules:
# [conjugate_gradient.py](../curveball/solvers/conjugate_gradient.py).)
#
# ### Exercise 4.2: conjugate gradients ★★☆
#
# Write it. Return all points on the way as one array, a row per point.


# %% tags=["exercise"]
def cg(multiply, b, steps):
    """Return x_0 = 0, x_1, ..., x_steps for A x = b, with A p = multiply(p): rows of an array."""
    ### BEGIN SOLUTION
    x, r, p = np.zeros_like(b), b, b
    path = [x]
    for _ in range(steps):
        Ap = multiply(p)
        alpha = (r @ r) / (p @ Ap)
        x = x + alpha * p
        r_new = r - alpha * Ap
        p = r_new + (r_new @ r_new) / (r @ r) * p
        r = r_new
        path.append(x)
    return np.array(path)
    ### END SOLUTION


# %% tags=["wrong"]
# (r @ r) / (p @ Ap) => (r @ r) / (r @ multiply(r))
# r - alpha * Ap => r + alpha * Ap
# (r_new @ r_new) / (r @ r) * p => (r @ r) / (r_new @ r_new) * p
# (r_new @ r_new) / (r @ r) * p => 0.0 * p
# path = [x] => path = []
# return np.array(path) => return path
# return np.array(path) => return np.array(path).T
# return np.array(path) => return np.array(path)[-1]
# x, r, p = np.zeros_like(b), b, b => x, r, p = b, b, b
# x, r, p = np.zeros_like(b), b, b => x, r, p = np.zeros_like(b), b, multiply(b)
# x = x + alpha * p => x = x - alpha * p
# x = x + alpha * p => x = x + alpha * r
# x = x + alpha * p => x += alpha * p
# p = r_new + (r_new @ r_new) / (r @ r) * p => p = r + (r_new @ r_new) / (r @ r) * p
# p = r_new + (r_new @ r_new) / (r @ r) * p => p = r_new + (r_new @ Ap) / (p @ Ap) * p
# p = r_new + (r_new @ r_new) / (r @ r) * p => p = r_new + np.sqrt((r_new @ r_new) / (r @ r)) * p
# r_new = r - alpha * Ap => r_new = b - multiply(x)
#         r = r_new =>         pass
# alpha = (r @ r) / (p @ Ap) => alpha = (r @ r) / (p @ p)
# for _ in range(steps) => for _ in range(b.size)
#
# def cg(multiply, b, steps):
#     A = np.stack([multiply(e) for e in np.eye(b.size)])
#     x, r, p = np.zeros_like(b), b, b
#     path = [x]
#     for _ in range(steps):
#         alpha = (r @ r) / (p @ A @ p)
#         x = x + alpha * p
#         r_new = r - alpha * A @ p
#         p, r = r_new + (r_new @ r_new) / (r @ r) * p, r_new
#         path.append(x)
#     return np.array(path)

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 4.2: run this cell.
A = Quadratic((1.0, 2.0, 5.0, 9.0, 20.0)).hessian
b = np.array([1.0, -2.0, 0.5, 3.0, 1.0])
checkpoint(
    "4.2, n steps",
    lambda: cg(A.dot, b, 5)[-1],
    np.linalg.solve(A, b),
    likely="the residual falls as x moves; the factor of the old p is the new r.r over the old",
)
checkpoint(
    "4.2, on the way",
    lambda: cg(A.dot, b, 3),
    np.array([conjugate_gradient(A.dot, b, tol=0.0, max_iter=k).x for k in range(4)]),
    likely="an array, not a list; it begins with x_0 = 0 and has one row more than steps; and "
    "x += ... would change the points that are already stored",
)
products = []


def counted(p):
    products.append(p)
    return A @ p


checkpoint(
    "4.2, products",
    lambda: [cg(counted, b, 4).shape, len(products)],
    [(5, 5), 4],
    likely="each step takes one product: keep A p, it is needed twice",
)

# %% tags=["hint"]
hint("4.2")
# 1. Which of the quantities in the formulas are needed both old and new, and which product is used twice?
# 2. Start with `x, r, p = np.zeros_like(b), b, b`. In each step: `Ap` once, then $\alpha$, $x$, the new residual, and
#    only then the new $p$, from the new and the old residual.
# 3. `p = r_new + (r_new @ r_new) / (r @ r) * p`, before `r = r_new`

# %% [markdown]
# Below are three ways to the minimum of a quadratic in two parameters. Conjugate gradients take two
# steps, as derived.


# %%
def steepest(multiply, b, steps):
    """The points of steepest descent, each step with its best length."""
    path = [np.zeros_like(b)]
    for _ in range(steps):
        r = b - multiply(path[-1])
        path.append(path[-1] + (r @ r) / (r @ multiply(r)) * r)
    return np.array(path)


# %% tags=["hide-input"]
plane = Quadratic((1.0, 12.0), seed=3)
H, w = plane.hessian, plane.solution + plane.basis @ np.array([2.4, 0.2])
g = H @ (w - plane.solution)


def root_of_loss(w):
    return np.sqrt(plane.loss(plane.model(plane.solution + w)))


_, ax = plt.subplots()
landscape(ax, root_of_loss, (-2.7, 0.7), (-0.9, 0.6), aspect="equal")
for name, style, path in [
    ("steepest descent, 12 steps", "o-", steepest(H.dot, -g, 12)),
    ("conjugate gradients, 2", "s-", cg(H.dot, -g, 2)),
    ("Newton, 1", "^--", np.array([np.zeros(2), newton_step(H, g)])),
]:
    draw_path(ax, w + path - plane.solution, name, style)
ax.set(xlabel="$w_1$, from the minimum", ylabel="$w_2$, from the minimum")
ax.legend(fontsize=8)
plt.show()

# %% [markdown]
# ## How many steps
#
# With thousands of parameters nobody takes $n$ steps. How fast does the error fall? Measure the
# error $e_k = x_k - x^*$, with $A x^* = b$, in the norm of the problem, $|e|_A^2 = e \cdot A e$, and
# let $\kappa$ be the largest eigenvalue over the smallest. After $k$ steps
#
# $$\frac{|e_k|_A}{|e_0|_A} \le \Big(\frac{\kappa - 1}{\kappa + 1}\Big)^k
#   \text{ (steepest descent)}, \qquad
#   \frac{|e_k|_A}{|e_0|_A} \le 2 \Big(\frac{\sqrt\kappa - 1}{\sqrt\kappa + 1}\Big)^k
#   \text{ (conjugate gradients)} .$$
#
# For each further digit, the first takes steps in proportion to $\kappa$, the second to
# $\sqrt\kappa$.


# %% tags=["hide-input"]
def energy(path, A, solution):
    """The errors |x - x*|_A along a path, relative to the first."""
    e = path - solution
    size = np.sqrt(np.einsum("ki,ij,kj->k", e, A, e))
    return size / size[0]


bounds_hold = []
_, axes = plt.subplots(1, 3, figsize=(8.4, 3.4), sharey=True)
for ax, kappa in zip(axes, (10.0, 100.0, 1000.0), strict=True):
    A, b = Quadratic(tuple(np.linspace(1.0, kappa, 300))).hessian, rng.standard_normal(300)
    k = np.arange(round(5.5 * np.sqrt(kappa)))
    rates = (kappa - 1.0) / (kappa + 1.0), (np.sqrt(kappa) - 1.0) / (np.sqrt(kappa) + 1.0)
    methods = [("steepest descent", steepest, rates[0] ** k), ("CG", cg, 2.0 * rates[1] ** k)]
    for color, (name, method, bound) in zip(("C1", "C0"), methods, strict=True):
        error = energy(method(A.dot, b, k[-1]), A, np.linalg.solve(A, b))
        ax.semilogy(k, error, color, label=name)
        ax.semilogy(k, bound, color + ":", label="its bound")
        bounds_hold.append(bool(np.all(error <= bound * (1.0 + 1e-9))))
    ax.set_title(rf"$\kappa$ = {kappa:g}"), ax.set_xlabel("steps")
axes[0].set_ylabel("error in the norm of A"), axes[0].set_ylim(1e-5, 4.0)
axes[0].legend(fontsize=8, loc="lower left")
plt.show()

# %% [markdown]
# The bound uses only $\kappa$. How many steps conjugate gradients need depends on the whole spectrum.
# After $k$ steps $x_k$ is a sum of multiples of $b, A b, \dots, A^{k-1} b$. Put in $b = A x^* = -A e_0$:
# then $e_k = x_k - x^* = P(A)\, e_0$, with a polynomial $P$ of degree $k$ and $P(0) = 1$. Of all such,
# conjugate gradients take the one that makes the error smallest. An eigenvalue $h$ of $A$ multiplies
# its part of the error by $P(h)$. So with $k$ distinct eigenvalues, $k$ steps are enough: $P$ has
# its zeros there.
#
# **Predict.** Four spectra of 100 eigenvalues, all from 1 to 1000. Which takes the most steps?
#
# - (a) none: $\kappa$ is the same
# - (b) evenly spread
# - (c) evenly spread in the logarithm
# - (d) all between 1 and 2, but for five outliers

# %% tags=["predict"]
predict("abcd")

# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
spectra = {
    "spread evenly": np.linspace(1.0, 1000.0, 100),
    "spread evenly in the logarithm": np.geomspace(1.0, 1000.0, 100),
    "1 to 2, and five outliers": np.r_[np.linspace(1.0, 2.0, 95), np.geomspace(100.0, 1000.0, 5)],
    "three values": np.repeat([1.0, 30.0, 1000.0], [40, 30, 30]),
}
steps = {}
for name, spectrum in spectra.items():
    A, b = Quadratic(tuple(spectrum)).hessian, rng.standard_normal(100)
    n = 3 if name == "three values" else 60
    plt.semilogy(energy(cg(A.dot, b, n), A, np.linalg.solve(A, b)), label=name)
    found = conjugate_gradient(A.dot, b, tol=1e-8, max_iter=500)
    steps[name] = int(found.iterations)
    print(f"{name:32} {steps[name]:4} steps to a residual of 1e-8")
plt.ylim(1e-12, 2.0)
plt.xlabel("steps"), plt.ylabel("error in the norm of A")
plt.title(r"The same $\kappa$ = 1000, four spectra")
plt.legend(fontsize=8)
plt.show()

# %% [markdown] tags=["answer"]
# **(c).** A third of its eigenvalues lie between 1 and 10, close to 0, where $P = 1$. To fall so early
# and stay small up to 1000, $P$ needs a high degree. Evenly spread, one eigenvalue lies there. Outliers
# cost a few steps, and what remains is as well conditioned as the rest: the spectra of networks look
# like that ([notebook 3](03_curvature.ipynb)).

# %% tags=["checkpoint"]
distinct = len(set(spectra["three values"]))
checkpoint("4.3, bounds", bounds_hold, [True] * 6, likely="cg is not conjugate: see checkpoint 4.2")
checkpoint("4.3, distinct", steps["three values"], distinct, likely="a spectrum was changed")

# %% [markdown]
# The second spectrum takes more steps than there are unknowns: with rounding, directions are not
# exactly conjugate, and $n$ steps are no longer enough. In practice conjugate gradients are an
# iteration that is stopped when the residual is small enough.
#
# ## Rosenbrock's valley
#
# Beyond quadratics, $m$ is an approximation, and Newton's method repeats: $w \leftarrow w + z^*$.
# The classical test is $f(w) = 100 (w_2 - w_1^2)^2 + (1 - w_1)^2$, a curved valley with its minimum 0
# at $(1, 1)$. In the shaded part of the figure, above the valley's floor, $H$ is indefinite.
#
# **Predict.** Newton's method takes full steps from $(-1.2, 1)$. What does the loss do?
#
# - (a) it falls at each step
# - (b) it rises, and the run is lost
# - (c) it rises far on the way, and comes back within a few steps

# %% tags=["predict"]
predict("abc")


# %% tags=["hide-input"]
valley = Rosenbrock()


def run(solver, start=(-1.2, 1.0)):
    """The points and the losses of a run, until no entry of the gradient is above 1e-8."""
    points = []

    def note(info):
        points.append(info.x)

    w = np.array(start)
    result = minimize(valley.model, valley.loss, w, solver, max_iter=100, tol=1e-8, callback=note)
    return np.array([*points, result.x]), np.array([*result.losses, result.fun])


runs = {
    "Newton, full steps": run(Newton(line_search=False)),
    "Gauss-Newton, full steps": run(GaussNewton()),
    "Newton, line search": run(Newton()),
    "Newton, line search, damping 1": run(Newton(lam=1.0)),
}


# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
def log_loss(w):
    return np.log10(valley.loss(valley.model(w)) + 1e-3)


_, axes = plt.subplots(1, 2, figsize=(8.4, 4.4))
windows = [((-1.6, 1.6), (-4.3, 2.2)), ((-1.5, 1.3), (-0.3, 1.5))]
for k, (ax, window) in enumerate(zip(axes, windows, strict=True)):
    landscape(ax, log_loss, *window)
    w1 = np.linspace(*window[0], 100)
    ax.fill_between(w1, np.minimum(w1**2 + 0.005, window[1][1]), window[1][1], color="C4", alpha=0.15)
    for name, (path, losses) in list(runs.items())[2 * k : 2 * k + 2]:
        draw_path(ax, path, f"{name}: {len(losses) - 1}")
    ax.plot(1.0, 1.0, "k*", ms=10)
    ax.legend(fontsize=8, loc="upper center" if ax is axes[1] else "lower left")
axes[0].set_title("Full steps"), axes[1].set_title("Steps that must descend")
plt.show()

# %% [markdown] tags=["answer"]
# **(c), here:** Newton's second step lands at a loss of 1,400, Gauss-Newton's first at 2,300. The next
# step comes back. On other functions it may not.

# %% [markdown]
# A **line search** keeps the step's direction, and shortens it until the loss falls by enough. With
# slope $g \cdot z < 0$ along $z$, Armijo's rule takes the first step length $\alpha$ of
# $1, \tfrac12, \tfrac14, \dots$ with
#
# $$f(w + \alpha z) \le f(w) + 10^{-4}\, \alpha\, g \cdot z .$$
#
# ### Exercise 4.4: halve until it falls ★★☆
#
# Write it with at most 30 halvings, and return the last length if none satisfies the rule; `f` is a
# function of $w$, `slope` is $g \cdot z$. (The package's: [line_search.py](../curveball/solvers/line_search.py).)


# %% tags=["exercise"]
def step_length(f, w, z, slope):
    """Return the first alpha of 1, 1/2, 1/4, ... that satisfies Armijo's rule."""
    ### BEGIN SOLUTION
    alpha = 1.0
    for _ in range(30):
        if f(w + alpha * z) <= f(w) + 1e-4 * alpha * slope:
            break
        alpha = alpha / 2.0
    return alpha
    ### END SOLUTION


# %% tags=["wrong"]
# f(w) + 1e-4 * alpha * slope => f(w)
# f(w) + 1e-4 * alpha * slope => f(w) - 1e-4 * alpha * slope
# f(w) + 1e-4 * alpha * slope => f(w) + 1e-4 * slope
# <= f(w) => >= f(w)
# alpha = alpha / 2.0 => alpha = alpha - 0.5
# f(w + alpha * z) => f(w + z)
# f(w + alpha * z) <= => f(w + alpha * z) <
# f(w + alpha * z) => f(w - alpha * z)
# f(w) + 1e-4 * alpha * slope => f(w) + 1e-2 * alpha * slope
# f(w) + 1e-4 * alpha * slope => f(w) + 1e-3 * alpha * slope
# f(w) + 1e-4 * alpha * slope => f(w) + 1e-4 * alpha
# f(w) + 1e-4 * alpha * slope => f(w) + alpha * slope
# range(30) => range(29)
# range(30) => range(31)
# range(30) => range(10)
# alpha = 1.0 => alpha = 0.5
# alpha = alpha / 2.0 => alpha = 2.0 * alpha
# alpha = alpha / 2.0 => alpha = alpha / 10.0
#     return alpha =>     return alpha * z
#     return alpha =>     return alpha / 2.0
#
# def step_length(f, w, z, slope):
#     alpha = 1.0
#     while f(w + alpha * z) > f(w) + 1e-4 * alpha * slope:
#         alpha /= 2.0
#     return alpha
#
# def step_length(f, w, z, slope):
#     alpha = 1.0
#     for _ in range(30):
#         w = w + alpha * z
#         if f(w) <= f(w - alpha * z) + 1e-4 * alpha * slope:
#             break
#         alpha /= 2.0
#     return alpha
#
# def step_length(f, w, z, slope):
#     alpha, before = 1.0, f(w)
#     z *= 1.0
#     for _ in range(30):
#         if f(w + z) <= before + 1e-4 * alpha * slope:
#             break
#         alpha /= 2.0
#         z /= 2.0
#     return alpha


# %% tags=["checkpoint", "hide-input"]
# Checkpoint 4.4: run this cell.
def square(w):
    return w * w


likely = "1 is tried first; slope is negative, so the bound on the right is below f(w)"
checkpoint("4.4, a full step", lambda: step_length(square, 2.0, -2.0, -8.0), 1.0, likely)
checkpoint(
    "4.4, too long by far",
    lambda: step_length(square, 2.0, -16.0, -64.0),
    0.125,
    likely="halve the length, and compute f at the point for that length",
)
checkpoint(
    "4.4, a fall too small",
    lambda: step_length(square, 1.0, -1.9999, -3.9998),
    0.5,
    likely="f must fall by 1e-4 of what the slope predicts, not just fall",
)
checkpoint(
    "4.4, a shorter step",
    lambda: step_length(square, 2.0, -15.996, -63.984),
    0.25,
    likely="for a step alpha z the slope predicts alpha times as much",
)
checkpoint(
    "4.4, a fall just large enough",
    lambda: [step_length(square, 1.0, -1.9995, -3.999), step_length(abs, 1.0, -2.0, 0.0)],
    [1.0, 1.0],
    likely="1e-4 of what the slope predicts is enough; and the rule is <=, not <",
)
checkpoint(
    "4.4, no step is short enough",
    lambda: np.log2(step_length(abs, 0.0, 1.0, -1.0)),
    -30.0,
    likely="30 halvings at most: a direction that does not descend must not be tried forever",
)
w, z = np.array([2.0, 0.0]), np.array([-16.0, 0.0])
w.flags.writeable = z.flags.writeable = False  # what changes its arguments is caught
checkpoint("4.4, a vector", lambda: step_length(lambda w: w @ w, w, z, -64.0), 0.125, likely)

# %% tags=["hint"]
hint("4.4")
# 1. What do you compare for one $\alpha$, and what changes when the comparison fails?
# 2. Start with $\alpha = 1$. In a loop of 30 rounds: stop if the rule holds at `w + alpha * z`, halve if not.
# 3. `if f(w + alpha * z) <= f(w) + 1e-4 * alpha * slope:` then `break`

# %% tags=["hide-input"]
runs["Newton-CG, line search"] = run(NewtonCG())
_, ax = plt.subplots(figsize=(8.4, 3.6))
losses = {f"{name}: {len(losses) - 1}": losses for name, (_, losses) in runs.items()}
curves(losses, ax=ax, style=".-", xlabel="iteration", ylabel="loss", ylim=(1e-18, 1e4))
ax.set_title("Rosenbrock's function, from (-1.2, 1)")
ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
plt.show()

# %% [markdown]
# Each safeguard has its price. The line search follows the curved floor, step by step; once close, it
# takes full steps and its curve drops like the first two. Newton-CG accepts a rough solution of its
# system while $g$ is large (more below): its first steps are those of steepest descent, and slow.
# Damping ends in a straight line: close to the minimum each step multiplies the error along an
# eigenvector by $\lambda / (h + \lambda)$, slowest for the smallest $h$. That is a prediction:

# %% tags=["checkpoint"]
H = mg.hessian(lambda w: valley.loss(valley.model(w)))(valley.solution)
predicted = 1.0 / (np.linalg.eigvalsh(H)[0] + 1.0)
errors = np.linalg.norm(runs["Newton, line search, damping 1"][0] - valley.solution, axis=1)
print(f"damping 1: {predicted:.4f} per step predicted, {errors[-1] / errors[-2]:.4f} measured")
checkpoint("4.5", errors[-1] / errors[-2], predicted, likely="lam is not 1", rtol=1e-3)

# %% [markdown]
# ## Exact Newton or Gauss-Newton
#
# Gauss-Newton took two steps in the valley. Its $G = J^T H_L J$ drops the rest of $H$, the model's
# own curvature weighted by $g_L$ (notebook 3). At the minimum here both outputs, $10 (w_2 - w_1^2)$
# and $1 - w_1$, are zero, and so is $g_L$. Nothing is dropped where it matters.
#
# Now take a problem with outputs that cannot both vanish:
# $\varphi(w) = (w + 1,\; \tfrac12 w^2 + w - 1)$ with one parameter, and loss $\tfrac12 |y|^2$. The
# minimum is at $w = 0$, and there $y = (1, -1)$. By hand: $G = 1 + 1 = 2$, and the rest is
# $-1 \cdot 1$, so $H = 1$. Close to the minimum $g \approx H w$, so Gauss-Newton's step leaves
# $w - G^{-1} H w = \tfrac12 w$: half of the error each time, while Newton's method squares it.


# %%
def two_outputs(w):
    return mg.stack([w + 1.0, 0.5 * w**2 + w - 1.0])


def half_square(y):
    return 0.5 * (y @ y)


errors = {}
for solver in (Newton(), GaussNewton()):
    w, errors[type(solver).__name__] = np.array(0.3), []
    for _ in range(7):
        errors[type(solver).__name__].append(abs(float(w)))
        w, _, _ = solver.step(w, None, two_outputs, half_square)
for name, error in errors.items():
    print(f"{name:12}", "  ".join(f"{e:.0e}" for e in error))

# %% tags=["checkpoint"]
ratio = errors["GaussNewton"][-1] / errors["GaussNewton"][-2]
checkpoint("4.6", ratio, 0.5, likely="the factor of w**2 is no longer one half", rtol=1e-2)

# %% [markdown]
# ## Indefinite
#
# Where $H$ has a negative eigenvalue, $m$ is *stationary* at $-H^{-1} g$ but has no minimum. Along an
# eigenvector $v_i$ with $h_i < 0$ the step $-(v_i \cdot g) / h_i$ goes uphill. Newton's method then
# converges to saddles as well as to minima.
#
# There are three remedies: damp with $\lambda > -h_{\min}$; use $G$, with a convex loss; or **flip**
# the signs of negative eigenvalues: with $H = Q\, \mathrm{diag}(h)\, Q^T$, take
# $z = -Q\, \mathrm{diag}(1/|h|)\, Q^T g$, which is always a descent direction. That is what `Newton()`
# does (`indefinite="flip"`; with `"error"` it stops and says so).
#
# ### Exercise 4.7: flip ★★☆
#
# Write the flipped step. `h, Q = np.linalg.eigh(H)` has the eigenvectors in the columns of `Q`.
# Below are two pictures: Rosenbrock's function at $(0, 0.01)$ along Newton's step and along the
# flipped one; and $f(w) = \tfrac14 w_1^4 - \tfrac12 w_1^2 + \tfrac12 w_2^2$, with minima at
# $(\pm 1, 0)$ and a saddle between them.


# %% tags=["exercise"]
def flipped_step(H, g):
    """Return -|H|^-1 g, where |H| has the eigenvectors of H and the eigenvalues |h|."""
    ### BEGIN SOLUTION
    h, Q = np.linalg.eigh(H)
    return -Q @ ((Q.T @ g) / np.abs(h))
    ### END SOLUTION


# %% tags=["wrong"]
# np.abs(h) => h
# (Q.T @ g) => (Q @ g)
# -Q @ => Q @
# np.abs(h) => np.maximum(h, 1e-3)
# np.abs(h) => h**2
# np.abs(h) => np.sqrt(np.abs(h))
# np.abs(h) => np.abs(h[0])
# np.abs(h) => np.where(h == h[0], -h, h)
# np.abs(h) => (h - 2.0 * h[0])
# ((Q.T @ g) / np.abs(h)) => ((Q.T @ g) * np.abs(h))
# -Q @ ((Q.T @ g) / np.abs(h)) => -Q.T @ ((Q @ g) / np.abs(h))
# -Q @ ((Q.T @ g) / np.abs(h)) => -(Q.T @ g) / np.abs(h)
# -Q @ ((Q.T @ g) / np.abs(h)) => -np.linalg.solve(np.abs(H), g)
# -Q @ ((Q.T @ g) / np.abs(h)) => -np.abs(np.linalg.solve(H, g))
# -Q @ ((Q.T @ g) / np.abs(h)) => -Q[:, h > 0] @ ((Q.T @ g)[h > 0] / h[h > 0])
# -Q @ ((Q.T @ g) / np.abs(h)) => -np.sign(g) * np.abs(np.linalg.solve(H, g))
#
# def flipped_step(H, g):
#     h, Q = np.linalg.eigh(H)
#     z = -np.linalg.solve(H, g)
#     return z if z @ g < 0 else -z

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 4.7: run this cell.
rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
g = np.array([1.0, -3.0, 2.0])
for h in ([-2.0, 1.0, 50.0], [-5.0, -1.0, 4.0], [1.0, 2.0, 3.0]):
    H = rotation @ np.diag(h) @ rotation.T
    checkpoint(
        f"4.7, eigenvalues {h}",
        lambda H=H: flipped_step(H, g),
        -np.linalg.solve(scipy.linalg.polar(H)[1], g),  # H = U |H| with orthogonal U
        likely="Q.T turns g into eigenvector coordinates, where you divide by |h|; Q turns the result back",
    )

# %% tags=["hint"]
hint("4.7")
# 1. $Q$ has the eigenvectors as columns. What is the component of $g$ along each of them, in one product?
# 2. Three factors from the right: $Q^T g$, divided entry by entry by $|h|$, then $Q$ times that. And the sign.
# 3. `(Q.T @ g) / np.abs(h)` has the components of $-z$ along the eigenvectors.


# %%
def wells(w):
    return 0.25 * w[0] ** 4 - 0.5 * w[0] ** 2 + 0.5 * w[1] ** 2


def valley_loss(w):
    return valley.loss(valley.model(w))


# %% tags=["hide-input"]
_, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6))
landscape(right, lambda w: wells(np.moveaxis(w, -1, 0)), (-1.6, 1.6), (-1.0, 1.2))
for name, step in [("Newton", newton_step), ("flipped", flipped_step)]:
    w = np.array([0.0, 0.01])
    z = step(mg.hessian(valley_loss)(w), mg.grad(valley_loss)(w))
    lengths = np.linspace(0.0, 0.3, 50)
    left.plot(lengths, [valley_loss(w + alpha * z) for alpha in lengths], label=name)
    path = [np.array([0.4, 1.0])]
    for _ in range(8):
        path.append(path[-1] + step(mg.hessian(wells)(path[-1]), mg.grad(wells)(path[-1])))
    draw_path(right, path, f"{name}, ends at $w_1$ = {path[-1][0] + 0.0:.2f}")
left.set(xlabel=r"step length $\alpha$", ylabel="loss", title="Rosenbrock, at (0, 0.01)")
right.set_title("Two wells, from (0.4, 1)")
left.legend(), right.legend(fontsize=8, loc="lower center")
plt.show()

# %% [markdown]
# ## Logistic regression, with products only
#
# There are $N$ samples $x_i$, the rows of $X$, with signs $s_i = \pm 1$, and
#
# $$f(w) = \frac1N \sum_i \log(1 + e^{-s_i x_i \cdot w}) + \frac c2 |w|^2, \qquad
#   H = \frac1N X^T \mathrm{diag}(\pi (1 - \pi)) X + c I, \qquad
#   \pi_i = \frac1{1 + e^{-x_i \cdot w}} .$$
#
# It is convex, its minimum is unique and known to the last digit (`problem.solution`), and its
# derivatives have closed forms. With 60 features the whole $H$ fits in memory; with a million it
# does not.
#
# **Newton-CG** solves $H z = -g$ by conjugate gradients and stops early, when
# $|H z + g| \le \tau |g|$. Far from the minimum a rough step is as good as an exact one.
#
# ### Exercise 4.8: a step of Newton-CG ★★☆
#
# Write that step, with products only. `mg.linearize(mg.grad(f), w)` returns $g$ and the map
# $v \mapsto Hv$; the package's `conjugate_gradient(A, b, tol=...)` has the solution in `.x`, and
# stops at $|b - A x| \le \tau\, |b|$, with $\tau$ as `tol`.


# %% tags=["exercise"]
def newton_cg_step(f, w, tol):
    """Return z with |H z + g| <= tol |g|, g and H the gradient and Hessian of f at w."""
    ### BEGIN SOLUTION
    g, H = mg.linearize(mg.grad(f), w)
    return conjugate_gradient(H, -g, tol=tol).x
    ### END SOLUTION


# %% tags=["wrong"]
# conjugate_gradient(H, -g => conjugate_gradient(H, g
# , tol=tol => , tol=0.1
# , tol=tol => , tol=1e-12
# (mg.grad(f), w) => (mg.grad(f), 0.0 * w)
# return conjugate_gradient(H, -g, tol=tol).x => return -g
# return conjugate_gradient(H, -g, tol=tol).x => return -conjugate_gradient(H, -g, tol=tol).x
# return conjugate_gradient(H, -g, tol=tol).x => return conjugate_gradient(H, -g, tol=tol)
# return conjugate_gradient(H, -g, tol=tol).x => return w + conjugate_gradient(H, -g, tol=tol).x
# return conjugate_gradient(H, -g, tol=tol).x => return conjugate_gradient(H, -g, tol=tol * np.linalg.norm(g)).x
# return conjugate_gradient(H, -g, tol=tol).x => return conjugate_gradient(H, -g, tol=tol, max_iter=2).x
# return conjugate_gradient(H, -g, tol=tol).x => return conjugate_gradient(lambda v: v, -g, tol=tol).x
# return conjugate_gradient(H, -g, tol=tol).x => return newton_step(H.to_scipy() @ np.eye(w.size), g)
# -g, tol=tol => -g
# , tol=tol => , tol=tol**2
#
# def newton_cg_step(f, w, tol):
#     g = mg.grad(f)(w)
#     return conjugate_gradient(lambda v: (mg.grad(f)(w + 1e-4 * v) - g) / 1e-4, -g, tol=tol).x

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 4.8: run this cell.
problem = LogisticRegression(samples=600, features=60, ridge=1e-2)


def logistic(w):
    return problem.loss(problem.model(w))


w = problem.init(rng)
g, H = problem.derivatives(w)  # the closed form, in plain NumPy
checkpoint(
    "4.8",
    lambda: newton_cg_step(logistic, w, 1e-12),
    newton_step(H, g),
    likely="the system is H z = -g, with H at this w, to the tolerance tol",
)
checkpoint(
    "4.8, rough",
    lambda: newton_cg_step(logistic, w, 0.5),
    conjugate_gradient(H.dot, -g, tol=0.5).x,
    likely="tol is the tolerance: with 0.5 a step or two of conjugate gradients are enough",
)
checkpoint(
    "4.8, between",
    lambda: newton_cg_step(logistic, w, 1e-3),
    conjugate_gradient(H.dot, -g, tol=1e-3).x,
    likely="tol is handed on as it is: conjugate_gradient multiplies it with |b| = |g|",
)

# %% tags=["hint"]
hint("4.8")
# 1. Which $A$ and which $b$ make $A x = b$ the system $H z = -g$?
# 2. `mg.linearize` of the gradient function returns both pieces: the value `g` and the map `H`. Hand the map
#    to `conjugate_gradient` as `A`.
# 3. `g, H = mg.linearize(mg.grad(f), w)`, and $b$ is `-g`.

# %%
# Near the minimum each step squares the error, and doubles the number of correct digits.
w = np.zeros(60)
print("step   error |w - w*|   digits")
for k in range(8):
    error = np.linalg.norm(w - problem.solution) / np.linalg.norm(problem.solution)
    print(f"{k:4} {error:14.1e} {max(0.0, -np.log10(error)):9.1f}")
    if error < 1e-14:
        break
    w, _, _ = Newton().step(w, None, problem.model, problem.loss)

# %% [markdown]
# ## How exact is exact enough?
#
# The tolerance $\tau$ of each step decides; the tolerances are called the **forcing sequence**. A
# constant $\tau$ multiplies the error by a constant factor per step. With $\tau = \sqrt{|g|}$ the
# factor falls as $g$ falls: the next error is about the last to the power 1.5. With $\tau = |g|$ the
# power is 2, as in Newton's method. The cost of a step is its products.
#
# **Predict.** Which rule reaches ten digits with the fewest products?
#
# - (a) $\tau = 10^{-12}$: the fewest steps
# - (b) $\tau = 0.5$: the cheapest steps
# - (c) $\tau = \sqrt{|g|}$: rough first, exact later

# %% tags=["predict"]
predict("abc")

# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
rules = {
    "0.5": lambda size: 0.5,
    "sqrt|g|": lambda size: min(0.5, np.sqrt(size)),
    "|g|": lambda size: min(0.5, size),
    "1e-12 (exact)": lambda size: 1e-12,
}
_, axes = plt.subplots(1, 2, figsize=(8.4, 3.6), sharey=True)
for name, rule in rules.items():
    w, products, errors = np.zeros(60), [0], [np.linalg.norm(problem.solution)]
    while errors[-1] > 1e-10 and len(errors) < 30:
        g, H = mg.linearize(mg.grad(logistic), w)
        found = conjugate_gradient(H, -g, tol=rule(np.linalg.norm(g)))
        w = w + found.x
        products.append(products[-1] + int(found.iterations))
        errors.append(np.linalg.norm(w - problem.solution))
    axes[0].semilogy(errors, "o-", ms=4, label=rf"$\tau$ = {name}")
    axes[1].semilogy(products, errors, "o-", ms=4)
    print(f"tol = {name:14} {len(errors) - 1:3} steps, {products[-1]:4} products")
axes[0].set(xlabel="Newton steps", ylabel="error |w - w*|", title="By steps")
axes[1].set(xlabel="products with H", title="By products")
axes[0].legend(fontsize=8)
plt.show()

# %% [markdown] tags=["answer"]
# **(c), by a little:** 42 products; 0.5 takes 44, and $|g|$, exact too early, 55. The exact rule takes the
# fewest steps and four times the products. With 0.5 each further digit costs the same again, so (b)
# falls behind when more are wanted.

# %% [markdown]
# `NewtonCG` uses
# $\min(\tfrac12, \sqrt{|g|})$, and stops conjugate gradients at a direction of negative curvature,
# which networks have. Last, compare with another package:

# %% tags=["checkpoint"]
result = minimize(problem.model, problem.loss, np.zeros(60), NewtonCG(), tol=1e-10)
C = 1.0 / (problem.samples * problem.ridge)
sklearn = SklearnLogisticRegression(C=C, fit_intercept=False, solver="newton-cholesky", tol=1e-10)
sklearn.fit(problem.inputs, problem.signs)
print(f"NewtonCG: {result.message}, after {result.nit} steps")
checkpoint("4.9", result.x, sklearn.coef_[0], likely="another penalty: C is 1 / (N ridge)")

# %% [markdown]
# ## What real systems do differently
#
# - `scipy.optimize.minimize` has Newton-CG (`hessp` takes products), and `trust-ncg` and
#   `trust-krylov`, which bound the length of $z$ rather than search along it. `least_squares` is
#   Gauss-Newton with such a bound, or Levenberg-Marquardt.
# - Large systems are *preconditioned*: conjugate gradients on $M^{-1} A$, with an $M$ that is cheap
#   to invert and narrows the spectrum.
# - "Hessian-free" training of networks (Martens, 2010) is Newton-CG with $G$, damping and batches.
#
# ## Open problems
#
# 1. **A better last length.** Armijo's rule throws away what the tried points say about $f$. Use it:
#    fit a parabola, and choose the next length from that. When does it save evaluations, when not?
# 2. **Where to stop.** Conjugate gradients stop at a residual. The step is for $f$, not for the
#    system: stop instead when $m(z)$ no longer falls much. Which rule needs fewer products?
#
# ## Further reading
#
# - M. Hestenes, E. Stiefel, "Methods of conjugate gradients for solving linear systems", 1952.
# - J. Shewchuk, "An introduction to the conjugate gradient method without the agonizing pain",
#   1994.
# - J. Nocedal, S. Wright, *Numerical Optimization*, 2nd edition, 2006: chapters 3, 5, 7 and 10.
# - Y. Dauphin and others, "Identifying and attacking the saddle point problem", NeurIPS 2014:
#   flipping.
# - R. Dembo, S. Eisenstat, T. Steihaug, "Inexact Newton methods", SIAM J. Numer. Anal. 19, 1982:
#   forcing.
#
# ## Where you are
#
# Newton's method solves a new system at every step and discards the solution afterwards.
# [CurveBall](05_curveball.ipynb) keeps it, and takes one step on the system for each step of the
# parameters.
