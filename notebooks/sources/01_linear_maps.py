# %% [markdown]
# # 1. A derivative is a linear map
#
# > **You will build** dual numbers, then an engine of about sixty lines that runs a program once and
# > pushes any number of tangents through it.
# >
# > **You need** Python, NumPy and linear algebra: what a linear map is, and that it has a matrix.
# >
# > **Minutes** 50.
# >
# > Each exercise is followed by a checkpoint, a folded cell to run, that says whether the answer is
# > right. Stars: ★☆☆ follows from the text in a line or two, ★★☆ needs a thought of your own, ★★★
# > takes a second try.
# > Stuck? Each run of the cell `hint("1.1")` gives one more hint, and `hint("1.1", solution=True)` loads
# > the solution, so that you can go on.
# > All solutions: [solutions/01_linear_maps.ipynb](solutions/01_linear_maps.ipynb).
# > All notebooks share [one notation](../docs/notation.md).

# %% [markdown]
# ## Are you ready?
#
# Answer without looking anything up. With three right you are ready.
#
# 1. $A$ is $3 \times 2$, $x$ has two entries. Write $(A x)_i$ as a sum.
# 2. $f(x) = x^3$. By how much does $f$ change, to first order, when $x$ goes from 2 to $2.01$?
# 3. For which matrices is $A B = B A$ always true: all, symmetric, or diagonal ones?
# 4. `a` and `b` have shape `(2, 2)`. What is the difference between `a * b` and `a @ b`?
# 5. `f, g = [lambda t: k * t for k in (1, 2)]`. What is `f(10)`?
#
# <details><summary>The answers, and where to read up</summary>
#
# 1. $\sum_k A_{ik} x_k$, with $k = 1, 2$.
#    [3Blue1Brown, *Essence of linear algebra*](https://www.3blue1brown.com/topics/linear-algebra),
#    chapters 1 to 4.
# 2. $f'(2) \cdot 0.01 = 0.12$. [3Blue1Brown, *Essence of
#    calculus*](https://www.3blue1brown.com/topics/calculus), chapters 2 to 4.
# 3. Diagonal ones. [Strang, *Linear Algebra*, lecture
#    3](https://ocw.mit.edu/courses/18-06-linear-algebra-spring-2010/).
# 4. Entry by entry; rows times columns. [NumPy, the absolute basics](https://numpy.org/doc/stable/user/absolute_beginners.html).
# 5. 20: the function looks `k` up when it is called. [Python's FAQ](https://docs.python.org/3/faq/programming.html#why-do-lambdas-defined-in-a-loop-with-different-values-all-return-the-same-result).
#
# </details>

# %%
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from curveball.course import checkpoint, curves, draw_graph, hint, predict

plt.style.use("curveball.course.style")
rng = np.random.default_rng(0)

# %% [markdown]
# ## A net of points, seen from closer and closer
#
# Polar coordinates send a radius $x_1$ and an angle $x_2$ to $f(x) = (x_1 \cos x_2,\; x_1 \sin x_2)$.
# Take a small square net of points $x + v$ around $x = (2, 0.6)$, with entries of $v$ between
# $-\delta$ and $\delta$, and see where $f$ sends it. Blue is the function. Orange is a straight net,
# $f(x) + J v$, where $J$ is one fixed matrix: the four partial derivatives at $x$.


# %%
def polar(x):
    radius, angle = x
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)])


x = np.array([2.0, 0.6])
J = np.array([[np.cos(0.6), -2.0 * np.sin(0.6)], [np.sin(0.6), 2.0 * np.cos(0.6)]])

# %% [markdown]
# **Predict.** $\delta$ goes down to a third. What becomes of the largest gap between the two nets?
#
# - (a) it falls to a third
# - (b) it falls to a ninth
# - (c) it depends on the point $x$

# %% tags=["predict"]
predict("abc")

# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
fig, axes = plt.subplots(1, 3, figsize=(9.6, 3.8))
along = np.linspace(-1.0, 1.0, 41)
for ax, delta in zip(axes, (0.9, 0.3, 0.1), strict=True):
    for s in np.linspace(-1.0, 1.0, 7):
        for line in (np.stack([s + 0 * along, along]), np.stack([along, s + 0 * along])):
            v = delta * line
            curved = polar(x[:, None] + v)
            straight = polar(x)[:, None] + J @ v
            ax.plot(*curved, color="C0", lw=1.2)
            ax.plot(*straight, color="C1", lw=0.8, ls="--")
    ax.set(title=rf"$\delta$ = {delta}", xlabel="$y_1$", ylabel="$y_2$", aspect="equal")
lines = [axes[0].lines[0], axes[0].lines[1]]
fig.legend(lines, ["f(x + v)", "f(x) + J v"], loc="outside lower center", ncols=2)
plt.show()

# %% [markdown] tags=["answer"]
# **(b), to about a ninth.** The gap is what Taylor's formula leaves after its linear term: second
# order in $v$. In a view that is three times smaller it looks three times smaller.

# %% [markdown]
# The curved net approaches the straight one. That is the definition. The derivative of $f$ at $x$ is
# the linear map $J$ with
#
# $$f(x + v) = f(x) + J v + o(\|v\|),$$
#
# where $o(\|v\|)$ stands for anything that vanishes faster than $v$ itself: here, the gap between the
# nets. There is at most one such map.
#
# This course calls $x$ the **primal**. A small change $v$ of it is a **tangent**, or
# $\dot x$ (`x_dot` in code). And $\dot y = J \dot x$, the change of $y = f(x)$ to first order, is the
# tangent **pushed forward** through $f$.
#
# ## A map needs no matrix
#
# Let $f(X) = X X$ for $n \times n$ matrices. Expand:
#
# $$(X + V)(X + V) = X X + \underbrace{V X + X V}_{\text{linear in } V} + \underbrace{V V}_{o(\|V\|)}.$$
#
# So the derivative is the map $V \mapsto V X + X V$: two products. As a matrix it would have a row
# for each of the $n^2$ outputs and a column for each of the $n^2$ inputs.

# %%
n = 100
X, V = rng.standard_normal((2, n, n))
pushed = V @ X + X @ V
delta = 1e-4
quotient = ((X + delta * V) @ (X + delta * V) - X @ X) / delta
gap = np.linalg.norm(quotient - pushed) / np.linalg.norm(pushed)
print(f"push-forward against a difference quotient with delta = {delta:g}: relative gap {gap:.0e}")
print(f"as a matrix: {8 * n**4 / 1e6:.0f} MB;  as a function: the {8 * n**2 / 1e6:.2f} MB of X")

# %% [markdown]
# ### Exercise 1.1: the inverse of a matrix ★☆☆
#
# Let $Y = X^{-1}$. You need no formula for the entries of an inverse. Differentiate both sides of
# $X Y = I$ along a tangent $\dot X$, as above; $I$ does not change:
#
# $$\dot X\, Y + X\, \dot Y = 0.$$
#
# Solve for $\dot Y$ (the order of the factors matters), and write it as a function of $X$ and
# $\dot X$.


# %% tags=["exercise"]
def push_inverse(x, x_dot):
    """The tangent of inv(x) for the tangent x_dot of x."""
    ### BEGIN SOLUTION
    y = np.linalg.inv(x)
    return -y @ x_dot @ y
    ### END SOLUTION


# %% tags=["wrong"]
# return -y @ => return y @
# -y @ x_dot @ y => -y @ y @ x_dot
# -y @ x_dot @ y => -x_dot @ y @ y
# y = np.linalg.inv(x) => y = x
# -y @ x_dot @ y => -x_dot @ y
# -y @ x_dot @ y => -y @ x_dot
# -y @ x_dot @ y => -y @ x_dot.T @ y
# -y @ x_dot @ y => -y.T @ x_dot @ y.T
# -y @ x_dot @ y => -y * x_dot * y
# -y @ x_dot @ y => -x_dot / x**2
# -y @ x_dot @ y => -np.linalg.inv(x_dot)
# -y @ x_dot @ y => np.linalg.inv(x + x_dot) - y
# -y @ x_dot @ y => (np.linalg.inv(x + 1e-5 * x_dot) - np.linalg.inv(x - 1e-5 * x_dot)) / 2e-5
# -y @ x_dot @ y => -y @ x_dot @ y if x.shape == (3, 3) else 0.0 * x
#
# def push_inverse(x, x_dot):
#     x_dot *= -1.0
#     return np.linalg.inv(x) @ x_dot @ np.linalg.inv(x)

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 1.1: run this cell.
for n in (3, 5):
    X, X_dot = np.eye(n) + 0.3 * rng.standard_normal((n, n)), rng.standard_normal((n, n))
    X.flags.writeable = X_dot.flags.writeable = False  # what changes its arguments is caught
    checkpoint(
        f"1.1, {n} x {n}",
        lambda X=X, X_dot=X_dot: push_inverse(X, X_dot),
        mg.jvp(mg.linalg.inv, (X,), (X_dot,))[1],
        likely="the sign, or the order: X_dot Y is not Y X_dot. Multiply by Y from the left",
        rtol=1e-11,  # differences are not that exact
        atol=1e-11,
    )

# %% tags=["hint"]
hint("1.1")
# 1. The unknown in $\dot X\, Y + X\, \dot Y = 0$ is $\dot Y$. What stands to its left, and what removes that?
# 2. Bring $\dot X\, Y$ to the other side and multiply the equation from the left by $X^{-1}$, which is $Y$.
# 3. With `y = np.linalg.inv(x)`, the last line is `return -y @ x_dot @ y`.

# %% [markdown]
# ## Why not differences
#
# The quotient $(f(x + \delta v) - f(x)) / \delta$ needs no derivation at all. Here is its error for the
# polar map, and that of the central quotient $(f(x + \delta v) - f(x - \delta v)) / 2\delta$, against
# the step $\delta$.

# %%
x, v = np.array([2.0, 0.6]), np.array([0.3, -0.7])
steps = np.logspace(-14, 0, 57)
forward = [(polar(x + delta * v) - polar(x)) / delta for delta in steps]
central = [(polar(x + delta * v) - polar(x - delta * v)) / (2 * delta) for delta in steps]

# %% [markdown]
# **Predict.** A double has 16 digits. How many of them does the best forward quotient have?
#
# - (a) all, if $\delta$ is small enough
# - (b) about two thirds
# - (c) about half

# %% tags=["predict"]
predict("abc")

# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
pairs = (("forward quotient", forward), ("central quotient", central))
errors = {name: np.linalg.norm(np.array(quotients) - J @ v, axis=1) for name, quotients in pairs}
ax = curves(errors, steps, log="xy", style=".-", xlabel=r"step $\delta$", ylabel="error of J v")
ax.axhline(np.finfo(float).eps, color="0.4", ls=":", label="rounding of one number")
ax.set_title("Each quotient has a best step, and a floor")
ax.legend()
plt.show()

# %% [markdown] tags=["answer"]
# **(c), about half;** the best central one has two thirds. On the right the error comes from the
# curvature of $f$, in proportion to $\delta$ or to $\delta^2$. On the left it comes from rounding, in
# proportion to $1/\delta$. The best $\delta$ lies between, and depends on the function.

# %% [markdown]
# In this course differences are used only as *checks*. For exact push-forwards, let
# $\delta$ go to zero before computing anything.
#
# ## Dual numbers
#
# Write $x + \dot x\, \epsilon$ and calculate with the rule $\epsilon^2 = 0$. This rule drops what is
# $o(\|\dot x\|)$. Then
#
# $$(a + \dot a \epsilon)(b + \dot b \epsilon) = a b + (\dot a\, b + a\, \dot b)\, \epsilon ,$$
#
# and Taylor's series of the sine ends after its second term:
#
# $$\sin(a + \dot a \epsilon) = \sin a + \cos(a)\, \dot a\, \epsilon .$$
#
# Any program made of such operations pushes a tangent forward while it computes its value.
#
# ### Exercise 1.2: multiply and take the sine ★☆☆
#
# Write the product and the sine, each a new `Dual`.


# %% tags=["exercise"]
class Dual:
    """A value and its tangent: value + tangent * epsilon, with epsilon ** 2 = 0."""

    def __init__(self, value, tangent=0.0):
        self.value, self.tangent = value, tangent

    def __add__(self, other):
        return Dual(self.value + other.value, self.tangent + other.tangent)

    def __mul__(self, other):
        ### BEGIN SOLUTION
        tangent = self.tangent * other.value + self.value * other.tangent
        return Dual(self.value * other.value, tangent)
        ### END SOLUTION


def dual_sin(x):
    """The sine of a dual number."""
    ### BEGIN SOLUTION
    return Dual(np.sin(x.value), np.cos(x.value) * x.tangent)
    ### END SOLUTION


# %% tags=["wrong"]
# tangent = self.tangent * other.value + self.value * other.tangent => tangent = self.tangent * other.tangent
# tangent = self.tangent * other.value + self.value * other.tangent => tangent = self.tangent * other.value
# self.tangent * other.value + self.value * => self.tangent * other.value - self.value *
# np.cos(x.value) * x.tangent => np.cos(x.value)
# np.cos(x.value) * x.tangent => np.cos(x.tangent)
# np.cos(x.value) * x.tangent => -np.cos(x.value) * x.tangent
# np.cos(x.value) * x.tangent => abs(np.cos(x.value)) * x.tangent
# np.cos(x.value) * x.tangent => np.sqrt(1.0 - np.sin(x.value) ** 2) * x.tangent
# np.cos(x.value) * x.tangent => np.sin(x.tangent)
# np.cos(x.value) * x.tangent => np.cos(x.value) + x.tangent
# Dual(np.sin(x.value), np.cos(x.value) * x.tangent) => Dual(x.value, np.cos(x.value) * x.tangent)
# Dual(np.sin(x.value), np.cos(x.value) * x.tangent) => np.sin(x.value), np.cos(x.value) * x.tangent
# self.value * other.value, tangent => self.value + other.value, tangent
# tangent = self.tangent * other.value + self.value * other.tangent => tangent = 2.0 * self.value * self.tangent
# tangent = self.tangent * other.value + self.value * other.tangent => tangent = self.tangent + other.tangent
#
# def dual_sin(x):
#     x.value, x.tangent = np.sin(x.value), np.cos(x.value) * x.tangent
#     return x


# %% tags=["checkpoint", "hide-input"]
# Checkpoint 1.2: run this cell.
def of_dual(f, *pairs):
    inputs = [Dual(value, tangent) for value, tangent in pairs]
    y = f(*inputs)
    return [y.value, y.tangent, [[x.value, x.tangent] for x in inputs]]


for a, b in [((2.0, 0.5), (3.0, -1.0)), ((-1.5, 2.0), (0.25, 0.0))]:
    checkpoint(
        "1.2, product",
        lambda a=a, b=b: of_dual(lambda a, b: a * b * b + a, a, b),
        [
            a[0] * b[0] ** 2 + a[0],
            (b[0] ** 2 + 1.0) * a[1] + 2.0 * a[0] * b[0] * b[1],
            [list(a), list(b)],
        ],
        likely="of a b^2 + a there are value, tangent, and a and b as they were: the product rule "
        "has two terms, and makes a new Dual",
    )
for x in (0.7, 1.6, -2.5):
    checkpoint(
        f"1.2, sine at {x * x:.2f}",
        lambda x=x: of_dual(lambda x: dual_sin(x * x), (x, 0.5)) + of_dual(dual_sin, (x, 0.5)),
        [np.sin(x * x), np.cos(x * x) * x, [[x, 0.5]], np.sin(x), np.cos(x) * 0.5, [[x, 0.5]]],
        likely="the incoming tangent is multiplied by the cosine, with its sign, of the value",
    )

# %% tags=["hint"]
hint("1.2")
# 1. The two formulas above have a part without $\epsilon$ and a part with it. Which is the value, which the tangent?
# 2. What multiplies $\epsilon$ is the tangent: $\dot a\, b + a\, \dot b$ for the product, $\cos(a)\, \dot a$ for
#    the sine. `self` is $a + \dot a \epsilon$, `other` is $b + \dot b \epsilon$.
# 3. `return Dual(self.value * other.value, self.tangent * other.value + self.value * other.tangent)`

# %% [markdown]
# Loops and branches need no special treatment: they run as before. Newton's iteration for
# $1/\sqrt{x}$, $\;y \leftarrow y\,(1.5 - 0.5\, x\, y\, y)$, uses sums and products only. Give it $x = 2$
# with tangent 1: the value converges to $x^{-1/2}$, and the tangent, which the program does not
# mention, to $-\tfrac12 x^{-3/2}$.

# %%
x, y = Dual(2.0, 1.0), Dual(0.3)
errors = []
for _ in range(9):
    errors.append([abs(y.value - 2.0**-0.5), abs(y.tangent + 0.5 * 2.0**-1.5)])
    y = y * (Dual(1.5) + Dual(-0.5) * x * y * y)

# %% [markdown]
# **Predict.** Newton's iteration squares the error of the value at each step. And that of the tangent?
#
# - (a) it falls by a constant factor
# - (b) it is squared too, a little behind
# - (c) it stays: no line of the loop computes it

# %% tags=["predict"]
predict("abc")

# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
curves(
    dict(zip(["value", "tangent"], np.transpose(errors) + 1e-17, strict=True)),
    style="o-",
    xlabel="iteration",
    ylabel="error",
    title="Newton's iteration, differentiated as it runs",
)
plt.show()

# %% [markdown] tags=["answer"]
# **(b).** The tangent is computed from the value, in the same products, and follows a little behind.

# %% [markdown]
# ## Keep the maps
#
# A dual number pushes *one* tangent, while the program runs. A second direction needs a second run.
# Look at what one run of $y = e^{\sin(x)\, x}$ at $x = 1$ does: three operations, and along each
# arrow a linear map, fixed once the primals are known.

# %% tags=["hide-input"]
s = np.sin(1.0)
nodes = [("x", 1.0), ("s = sin(x)", s), ("p = s x", s), ("y = exp(p)", np.exp(s))]
s_dot = np.cos(1.0)
p_dot = s_dot * 1.0 + s
tangents = [1.0, s_dot, p_dot, np.exp(s) * p_dot]
factors = [(0, 1, np.cos(1.0)), (1, 2, 1.0), (0, 2, s), (2, 3, np.exp(s))]  # from, to, factor

fig, ax = plt.subplots(figsize=(8.6, 2.7))
boxes = [f"{name}\n{value:.2f}" for name, value in nodes]
arrows = [(i, k, f"× {factor:.2f}", 0.35 * (k - i - 1)) for i, k, factor in factors]
draw_graph(ax, boxes, arrows, title="Values in the boxes, maps along the arrows")
for k, tangent in enumerate(tangents):
    ax.text(k, 0.45, f"tangent {tangent:.2f}", ha="center", color="C1")
ax.set(ylim=(-0.6, 0.65))
plt.show()

# %% [markdown]
# So write the maps on a **tape**: one row per operation, in the order of evaluation. The row has, for
# each argument, its own row and the linear map from its tangent to that of the result. To push a
# tangent, go through the tape; the function is not run again.
#
# Such an operation is a **primitive**. The engine needs only its value and its maps. Here are two:


# %%
def add_maps(y, a, b):
    """y = a + b: the map from the tangent of a to that of y, and the map from that of b."""
    return lambda t: t, lambda t: t


def sin_maps(y, x):
    """y = sin(x): a single argument, a single map."""
    return (lambda t: np.cos(x) * t,)


# %% [markdown]
# ### Exercise 1.3: the maps of three primitives ★★☆
#
# As above, with these tangents: $\dot y = \dot a * b + a * \dot b$ for the elementwise product,
# $\dot y = e^x * \dot x$ for the exponential, and $\dot y = \dot a\, b + a\, \dot b$ for the matrix
# product. Return one function per argument, in a tuple; each computes its own term. (`y` is given
# since some maps need it. Which of the three?)


# %% tags=["exercise"]
def multiply_maps(y, a, b):
    """y = a * b, elementwise: the maps from the tangent of a, and from that of b."""
    ### BEGIN SOLUTION
    return lambda t: t * b, lambda t: a * t
    ### END SOLUTION


def exp_maps(y, x):
    """y = exp(x): one map, in a tuple."""
    ### BEGIN SOLUTION
    return (lambda t: y * t,)
    ### END SOLUTION


def matmul_maps(y, a, b):
    """y = a @ b: the maps from the tangent of a, and from that of b."""
    ### BEGIN SOLUTION
    return lambda t: t @ b, lambda t: a @ t
    ### END SOLUTION


# %% tags=["wrong"]
# lambda t: t * b, lambda t: a * t => lambda t: a * t, lambda t: t * b
# lambda t: t * b, lambda t: a * t => lambda t: t, lambda t: t
# lambda t: y * t => lambda t: x * t
# lambda t: y * t => lambda t: t
# lambda t: t @ b, lambda t: a @ t => lambda t: a @ t, lambda t: t @ b
# lambda t: t @ b, => lambda t: b @ t,
# lambda t: t @ b, => lambda t: t @ b.T,
# lambda t: t @ b, lambda t: a @ t => lambda t: t * b, lambda t: a * t
# lambda t: t @ b, lambda t: a @ t => lambda t: t @ b + a @ t, lambda t: t @ b + a @ t
# lambda t: t @ b, lambda t: a @ t => lambda t: t @ b
# lambda t: t * b, lambda t: a * t => lambda t: t * b + a * t, lambda t: t * b + a * t
# lambda t: t * b, lambda t: a * t => lambda t: t * y, lambda t: y * t
# (lambda t: y * t,) => lambda t: y * t
# lambda t: y * t => lambda t: np.exp(t)
# lambda t: y * t => lambda t: np.exp(y) * t
# lambda t: y * t => lambda t: y + t
# lambda t: y * t => lambda t: np.multiply(y, t, out=t)

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 1.3: run this cell.
# A product is linear in each argument: differences with a step of 1 are exact.
for name, f, maps, shapes in [
    ("*", np.multiply, multiply_maps, [(2, 2), (2, 2)]),
    ("@", np.matmul, matmul_maps, [(2, 2), (2, 2)]),
    ("@", np.matmul, matmul_maps, [(2, 3), (3, 4)]),
]:
    a, b, a_dot, b_dot = (rng.standard_normal(shape) for shape in shapes * 2)
    checkpoint(
        f"1.3, a {name} b of {a.shape} and {b.shape}",
        lambda f=f, maps=maps, args=(a, b), dots=(a_dot, b_dot): [
            J_i(dot) for J_i, dot in zip(maps(f(*args), *args), dots, strict=True)
        ],
        [f(a + a_dot, b) - f(a, b), f(a, b + b_dot) - f(a, b)],
        likely="the first map is that of a, with b held fixed; the second is that of b",
    )
a, a_dot = rng.standard_normal((2, 2, 3))
a_dot.flags.writeable = False
checkpoint(
    "1.3, exp",
    lambda: [J_i(a_dot) for J_i in exp_maps(np.exp(a), a)],
    [(np.exp(a + 1e-5 * a_dot) - np.exp(a - 1e-5 * a_dot)) / 2e-5],
    likely="exp's derivative is its own value, y; a single map comes in a tuple: (map,)",
)

# %% tags=["hint"]
hint("1.3")
# 1. $\dot y = \dot a * b + a * \dot b$ has two terms. If only $a$ moves, what is left of it?
# 2. A map is a function of one tangent: `lambda t: ...`, with its term's other factor from outside. The order
#    of the factors stays as in the formula. For the exponential, $e^x$ has been computed: it is `y`.
# 3. `return lambda t: t @ b, lambda t: a @ t`

# %% [markdown]
# ## Variables write the tape
#
# What travels through the function in place of $x$ is a `Variable`: a value, and its row on the tape.
# Making one appends the row. The row of an input is empty; the row of a result is a list of pairs
# `(row of an argument, map from there)`.


# %%
class Variable:
    """A value under differentiation, and its row on the tape."""

    __array_ufunc__ = None  # let NumPy's arrays leave `array * variable` to this class

    def __init__(self, value, tape, edges=()):
        self.value, self.tape, self.row = value, tape, len(tape)
        tape.append(edges)

    def __add__(self, other):
        return add(self, other)

    def __mul__(self, other):
        return multiply(self, other)

    def __matmul__(self, other):
        return matmul(self, other)

    def __rmatmul__(self, other):
        return matmul(other, self)

    __radd__, __rmul__ = __add__, __mul__


# %% [markdown]
# ### Exercise 1.4: the primitive ★★★
#
# `primitive(value, maps)` makes an operation out of a NumPy function and your maps. An argument may
# be a `Variable` or a constant (a number or an array). The operation
#
# 1. takes the values out of the variables, and computes `y`;
# 2. asks `maps(y, *values)` for the maps, and keeps those of arguments that are variables, in pairs
#    `(argument.row, map)`;
# 3. returns a new `Variable` of `y` on the variables' tape with these pairs as its row, or plain `y`
#    if no argument was a variable.


# %% tags=["exercise"]
def primitive(value, maps):
    """Make an operation of its value and its maps; given variables it writes a row."""

    def operation(*args):
        ### BEGIN SOLUTION
        plain = [x.value if isinstance(x, Variable) else x for x in args]
        y = value(*plain)
        pairs = zip(args, maps(y, *plain), strict=True)
        edges = [(x.row, J_i) for x, J_i in pairs if isinstance(x, Variable)]
        tapes = [x.tape for x in args if isinstance(x, Variable)]
        return Variable(y, tapes[0], edges) if tapes else y
        ### END SOLUTION

    return operation


# %% tags=["wrong"]
# x.value if isinstance(x, Variable) else x for x in args => x for x in args
# (x.row, J_i) for => (len(x.tape), J_i) for
# J_i in pairs if isinstance(x, Variable) => J_i in pairs
# maps(y, *plain) => maps(y, *plain[::-1])
# zip(args, maps(y, *plain), strict=True) => zip([x for x in args if isinstance(x, Variable)], maps(y, *plain))
# Variable(y, tapes[0], edges) if tapes else y => Variable(y, tapes[0], edges)
# Variable(y, tapes[0], edges) if tapes else y => y
# Variable(y, tapes[0], edges) if tapes else y => Variable(y, [], edges) if tapes else y
# Variable(y, tapes[0], edges) if tapes else y => Variable(y, tapes[0], edges) if len(tapes) == len(args) else y
# Variable(y, tapes[0], edges) if tapes else y => Variable(y, tapes[0]) if tapes else y
# maps(y, *plain) => maps(y, *args)
# maps(y, *plain) => maps(*plain)
# y = value(*plain) => y = value(*plain[::-1])
# (x.row, J_i) for => (x, J_i) for
# (x.row, J_i) for => (J_i, x.row) for
# if tapes else y => if tapes and not tapes[0].append(edges) else y
# J_i in pairs if isinstance(x, Variable)] => J_i in pairs if isinstance(x, Variable)][:1]
# J_i in pairs if isinstance(x, Variable)] => J_i in dict(pairs).items() if isinstance(x, Variable)]


# %% tags=["checkpoint", "hide-input"]
# Checkpoint 1.4: run this cell.
def recorded():
    tape = []
    x = Variable(2.0, tape)
    times, sine = primitive(np.multiply, multiply_maps), primitive(np.sin, sin_maps)
    y = times(sine(x), times(3.0, x))
    times(y, y)
    less = primitive(np.subtract, lambda y, a, b: (lambda t: t, lambda t: -t))(x, 5.0)
    rows = [[row for row, _ in edges] for edges in tape]
    slopes = [J_i(1.0) for edges in tape for _, J_i in edges]
    return rows, [y.value, less.value], slopes, sine(0.0), len(tape)


y = 6.0 * np.sin(2.0)
checkpoint(
    "1.4",
    recorded,
    (
        [[], [0], [0], [1, 2], [3, 3], [0]],
        [y, -3.0],
        [np.cos(2.0), 3.0, 6.0, np.sin(2.0), y, y, 1.0],
        0.0,
        6,
    ),
    likely="for y = sin(x) * (3 x), y * y and x - 5 at x = 2 there are: which rows each row points "
    "to, the first and last value, all maps applied to 1, the sine of a plain 0, and the number of "
    "rows. Maps are made from values, not from variables; a constant has no map",
)

# %% tags=["hint"]
hint("1.4")
# 1. `args` may be `(x, 3.0)` with a `Variable` first. Which list does `value` need, and which does `maps`?
# 2. Make the list of plain values, then `y`, then go through arguments and maps side by side, with
#    `zip(args, maps(y, *plain))`, and keep a pair where the argument is a `Variable`. Take the tape from one of these.
# 3. `edges = [(x.row, J_i) for x, J_i in zip(args, maps(y, *plain)) if isinstance(x, Variable)]`

# %%
# Now an operation takes one line.
add = primitive(np.add, add_maps)
multiply = primitive(np.multiply, multiply_maps)
sin = primitive(np.sin, sin_maps)
exp = primitive(np.exp, exp_maps)
matmul = primitive(np.matmul, matmul_maps)

# %% [markdown]
# ### Exercise 1.5: the sweep ★★☆
#
# `linearize` runs `f` once, on variables, and returns the value and the function `J`. Write `J`. Keep
# a list with a tangent for each row. The first rows are the inputs, and their tangents are given.
# After them, row by row,
#
# $$\dot y_k = \sum_{(i,\, J_i) \in \text{row } k} J_i\, \dot y_i,$$
#
# where every $i$ is an earlier row, so its tangent is known, and $J_i$ is the map from there. Return
# the tangent at `y.row`.


# %% tags=["exercise"]
def linearize(f, *primals):
    """Run f once: its value, and its derivative J, which pushes one tangent per primal."""
    tape = []
    variables = [Variable(x, tape) for x in primals]
    y = f(*variables)

    def J(*tangents):
        ### BEGIN SOLUTION
        dots = list(tangents)
        for edges in tape[len(primals) :]:
            dots.append(sum(J_i(dots[i]) for i, J_i in edges))
        return dots[y.row]
        ### END SOLUTION

    return y.value, J


# %% tags=["wrong"]
# sum(J_i(dots[i]) for i, J_i in edges) => edges[0][1](dots[edges[0][0]])
# sum(J_i(dots[i]) for i, J_i in edges) => sum(J_i(dots[-1]) for i, J_i in edges)
# tape[len(primals) :] => tape
# return dots[y.row] => return dots[-1]
# return dots[y.row] => return dots[y.row - 1]
# return dots[y.row] => return dots
# dots = list(tangents) => dots = [tangents[0]] * len(primals)
# dots = list(tangents) => dots = []
# sum(J_i(dots[i]) for i, J_i in edges) => np.prod([J_i(dots[i]) for i, J_i in edges])
# sum(J_i(dots[i]) for i, J_i in edges) => sum(J_i(1.0) * dots[0] for i, J_i in edges)
# return dots[y.row] => return dots[y.row] if len(tangents) > 1 else 1.0
#
# def linearize(f, *primals):
#     def J(*tangents):
#         moved = [x + 1e-6 * t for x, t in zip(primals, tangents)]
#         return (f(*moved) - f(*primals)) / 1e-6
#
#     return f(*primals), J
#
# def linearize(f, *primals):
#     tape = []
#     y = f(*[Variable(x, tape) for x in primals])
#
#     def J(*tangents):
#         dots = list(tangents)
#         for edges in tape[len(primals) :]:
#             dot = edges[0][1](dots[edges[0][0]])
#             for i, J_i in edges[1:]:
#                 dot += J_i(dots[i])
#             dots.append(dot)
#         return dots[y.row]
#
#     return y.value, J
#
# def linearize(f, *primals):
#     tape, dots = [], []
#     y = f(*[Variable(x, tape) for x in primals])
#
#     def J(*tangents):
#         dots.extend(tangents)
#         for edges in tape[len(primals) :]:
#             dots.append(sum(J_i(dots[i]) for i, J_i in edges))
#         return dots[y.row]
#
#     return y.value, J


# %% tags=["checkpoint", "hide-input"]
# Checkpoint 1.5: run this cell.
def pushes():
    def f(a, b):
        y = exp(a * b) + a
        multiply(y, y)  # on the tape, but not in the result
        return y

    _, J = linearize(f, 0.5, 2.0)
    return [J(1.0, 0.0), J(0.0, 1.0), J(1.0, -2.0)]


checkpoint(
    "1.5",
    pushes,
    [2.0 * np.e + 1.0, 0.5 * np.e, 2.0 * np.e + 1.0 - np.e],
    likely="these are three pushes of exp(a b) + a: each row adds the pushes of all its arguments, "
    "inputs have no maps, and the result need not be the last row",
)
x, x_dot = rng.standard_normal((2, 3))
x_dot.flags.writeable = False
checkpoint(
    "1.5, an array",
    lambda: linearize(lambda x: x + x * sin(x), x)[1](x_dot),
    (1.0 + np.sin(x) + x * np.cos(x)) * x_dot,
    likely="dot += ... changes an array in place, which may be the tangent that was given",
)

# %% tags=["hint"]
hint("1.5")
# 1. When you reach row $k$ of the tape, which tangents do you know already?
# 2. Start with `dots = list(tangents)`. Each further row appends one number or array: the sum of `J_i(dots[i])`
#    over its pairs. The inputs' rows are empty and already done.
# 3. `dots.append(sum(J_i(dots[i]) for i, J_i in edges))`, in a loop over `tape[len(primals):]`

# %% [markdown]
# That is the engine: `Variable`, `primitive`, the maps and `linearize`. Compare it in three ways on
# $f(x) = e^{\sin(x)\, x}$: with the closed form $f'(x) = (x \cos x + \sin x)\, f(x)$, with a central
# difference, and with minigrad.


# %%
def f(x, ops):
    return ops.exp(ops.sin(x) * x)


mine = SimpleNamespace(exp=exp, sin=sin)
print("   x   your engine   closed form    difference      minigrad")
for x in (-1.0, 0.5, 2.0):
    y, J = linearize(lambda x: f(x, mine), x)
    closed = (x * np.cos(x) + np.sin(x)) * y
    difference = (f(x + 1e-5, np) - f(x - 1e-5, np)) / 2e-5
    theirs = mg.linearize(lambda x: f(x, mg), x)[1](1.0)
    columns = [J(1.0), closed, difference, theirs]
    print(f"{x:4.1f}" + "".join(f"{column:14.7f}" for column in columns))

# %% [markdown]
# Then a network: two layers of weights are the primals, the data are constant. Compare with minigrad,
# the package that the rest of the course uses.

# %% tags=["checkpoint"]
inputs = rng.standard_normal((3, 7))  # seven examples, one per column
W1, W2, W1_dot, W2_dot = (rng.standard_normal(shape) for shape in [(4, 3), (2, 4)] * 2)

y, J = linearize(lambda w1, w2: exp(w2 @ sin(w1 @ inputs)), W1, W2)
theirs = mg.linearize(lambda w1, w2: mg.exp(w2 @ mg.sin(w1 @ inputs)), W1, W2)
checkpoint("1.6, value", y, theirs[0], likely="the value of a primitive")
checkpoint(
    "1.6, push-forward",
    lambda: J(W1_dot, W2_dot),
    theirs[1](W1_dot, W2_dot),
    likely="the maps of matmul: in the first layer one argument is a variable, in the second both",
)

# %% [markdown]
# ## One run, many tangents
#
# Push a whole circle of tangents through one linearisation of a function of two variables. A linear
# map sends a circle to an ellipse, dashed on the right. The blue curves are where $f$ sends the
# circles around $x$.

# %%
A, runs = np.array([[1.5, 0.8], [-0.6, 1.2]]), []


def f(x):
    runs.append(x)
    return sin(A @ x) + 0.5 * x * x


x0 = np.array([0.6, -0.3])
y0, J = linearize(f, x0)
turn = np.linspace(0.0, 2.0 * np.pi, 200)
circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
ellipse = np.array([J(v) for v in circle])
print(f"{len(circle)} tangents pushed, f was run {len(runs)} time")

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(8.6, 4.0))
for radius in (0.1, 0.2, 0.4):
    axes[0].plot(*(x0 + radius * circle).T, color="C0")
    axes[1].plot(*np.array([f(x0 + radius * v) for v in circle]).T, color="C0")
    axes[1].plot(*(y0 + radius * ellipse).T, color="C1", ls="--")
axes[0].set(title="x + v on circles", xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
axes[1].set(title="f(x + v), and f(x) + J v (dashed)", xlabel="$y_1$", ylabel="$y_2$")
axes[1].set(aspect="equal")
plt.show()

# %% [markdown]
# The smallest circle is hardly different from its ellipse. That was two hundred pushes and one run.
# CurveBall, the solver of this course, pushes two tangents
# through one tape at every step, and pulls one cotangent back (notebook 2).
#
# ## What real systems do differently
#
# - **Dual numbers** in production: ForwardDiff.jl carries several tangents with each number.
#   PyTorch's `torch.autograd.forward_ad` attaches a tangent to a tensor. In minigrad,
#   [`jvp`](../minigrad/linearization.py) pushes while the function runs and keeps no tape.
# - **Keeping the maps**: `jax.linearize` runs the function once and returns $J$, as yours does.
# - **Complex steps**: $\operatorname{Im} f(x + i \delta v) / \delta$ has no subtraction to lose digits
#   in, so $\delta = 10^{-20}$ works, if all of $f$ is analytic and takes complex numbers. SciPy's
#   `least_squares` offers it as `jac="cs"`.
# - **Broadcasting.** Your `add` and `multiply` need two arrays of one shape, or a constant that does
#   not change the shape. [minigrad's](../minigrad/ops/elementwise.py) stretch tangents as NumPy
#   stretches values.

# %% [markdown]
# ## Open problems
#
# 1. **Second derivatives by numbers.** Give a `Dual` a third part, for $\epsilon^2$, and the rule
#    $\epsilon^3 = 0$. What do product and sine become? Does a `Dual` of `Dual`s do the same, and at what cost?
# 2. **The best order.** For $J = J_3 J_2 J_1$ and many tangents it can pay to multiply maps with each
#    other first. When? Write an engine that finds out from the shapes, and see how it scales.

# %% [markdown]
# ## Further reading
#
# - M. Spivak, *Calculus on Manifolds* (1965), chapter 2: the derivative as the best linear map.
# - R. E. Wengert, "A simple automatic derivative evaluation program", Communications of the ACM 7(8),
#   1964: tangents computed along with values.
# - A. Griewank and A. Walther, *Evaluating Derivatives*, 2nd edition (2008), chapters 2 and 3.
# - A. Radul, A. Paszke, R. Frostig, M. Johnson and D. Maclaurin, "You Only Linearize Once: Tangents
#   Transpose to Gradients", POPL 2023: the idea of this engine and of minigrad.
#
# ## Where you are
#
# You have an engine that represents the derivative of a function as a list of linear maps. A gradient
# of a million parameters would still take a million pushes. In [notebook 2](02_transposed.ipynb) each
# map also gets its transpose, and one sweep is enough.
