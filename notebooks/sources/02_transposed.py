# %% [markdown]
# # 2. The same map, transposed
#
# > **You will build** pull-backs, a sweep that visits each operation once and in the right order, and
# > levels, so that derivatives nest. Then you meet your engine again as minigrad, piece by piece.
# >
# > **You need** [notebook 1](01_linear_maps.ipynb) and the transpose of a matrix.
# >
# > **Minutes** 70.
# >
# > Solutions: [solutions/02_transposed.ipynb](solutions/02_transposed.ipynb).
# > All notebooks share [one notation](../docs/notation.md).

# %%
import itertools
from collections import namedtuple

import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from curveball.course import checkpoint, curves, draw_graph, hint, predict

plt.style.use("curveball.course.style")
rng = np.random.default_rng(0)

# %% [markdown]
# ## The gradient is one pull away
#
# A loss of a thousand parameters has a derivative $J$ with one row and a thousand columns. Each
# push-forward $J v$ is one number, so the gradient takes a thousand pushes. But $J^T$ is a single
# column, and *is* the gradient: apply it once, to the number 1.
#
# The **transpose** of a linear map $J$ is the map $J^T$ in the other direction with
#
# $$\langle u, J v \rangle = \langle J^T u, v \rangle \quad\text{for all } u, v,$$
#
# where $\langle \cdot, \cdot \rangle$ is the sum of the products of entries. Here $v$ is a tangent, a
# change of the input. And $u$ is a **cotangent**: a weight for each output entry. Then
# $\bar x = J^T u$ (`x_bar` in code) says how much each input entry matters to $\langle u, y \rangle$.
# That is **pulling back** $u$.
#
# A program composes maps, $J = J_3 J_2 J_1$. Transposing reverses the order:
# $J^T = J_1^T J_2^T J_3^T$. Here are the matrices of $y = W_2 \sin(W_1 x)$.

# %%
W1, W2, x = (rng.standard_normal(shape) for shape in [(4, 6), (2, 4), (6, 1)])
D = np.diag(np.cos(W1 @ x)[:, 0])
J = W2 @ D @ W1

# %% tags=["hide-input"]
rows = [
    [("$J$", J), ("$J_3 = W_2$", W2), ("$J_2 = $ diag(cos)", D), ("$J_1 = W_1$", W1)],
    [("$J^T$", J.T), ("$J_1^T$", W1.T), ("$J_2^T$", D.T), ("$J_3^T$", W2.T)],
]

fig, axes = plt.subplots(2, 4, figsize=(8.6, 4.4))
for row, line in zip(axes, rows, strict=True):
    for ax, sign, (name, matrix) in zip(row, ("", "=", "·", "·"), line, strict=True):
        ax.imshow(matrix, cmap="PuOr", vmin=-2.5, vmax=2.5)
        y, x = (np.array(matrix.shape) - 1) / 2
        ax.set(title=name, xlim=(x - 3.2, x + 3.2), ylim=(y + 3, y - 3))
        ax.text(x - 3.6, y, sign, fontsize=18, ha="center", va="center")
        ax.axis("off")
plt.show()

# %% [markdown]
# ## Transposing the pieces
#
# So you only need the transpose of each primitive's maps. In this notebook such a map is a pair, a
# `Map`: how it pushes, and how it pulls.
#
# ### Exercise 2.1: three transposes ★★☆
#
# Return a tuple with a `Map` per argument, as `add_maps` does. For each pull,
# find the function of the cotangent $c$ with
# $\langle c, \text{push}(t) \rangle = \langle \text{pull}(c), t \rangle$ for each tangent $t$. What
# a pull returns has the shape of the argument. You can use:
#
# - elementwise: $\sum_k c_k (b_k t_k) = \sum_k (b_k c_k)\, t_k$, so a diagonal matrix is its own
#   transpose;
# - $\langle c, t\, b \rangle = \operatorname{tr}(c^T t\, b) = \operatorname{tr}(b\, c^T t)
#   = \langle c\, b^T, t \rangle$, and the second factor goes the same way;
# - `copies`: the columns of $y$ are $n$ copies of the column $x$. An entry of $x$ matters as much as
#   all its copies together.
#
# Write the products with `*`, `@` and `.T`, not with NumPy's functions: under "Levels" your maps are
# applied to variables, which have these operators.


# %% tags=["exercise"]
Map = namedtuple("Map", ["push", "pull"])
same = Map(lambda t: t, lambda c: c)  # the identity: its own transpose


def add_maps(y, a, b):
    """y = a + b."""
    return same, same


def multiply_maps(y, a, b):
    """y = a * b, elementwise."""
    ### BEGIN SOLUTION
    return Map(lambda t: t * b, lambda c: c * b), Map(lambda t: a * t, lambda c: a * c)
    ### END SOLUTION


def matmul_maps(y, a, b):
    """y = a @ b, of two matrices."""
    ### BEGIN SOLUTION
    return Map(lambda t: t @ b, lambda c: c @ b.T), Map(lambda t: a @ t, lambda c: a.T @ c)
    ### END SOLUTION


def copies_maps(y, x):
    """y = n copies of the column x, as columns of a matrix; n = y.shape[1]. A tuple of one Map."""
    ### BEGIN SOLUTION
    n = y.shape[1]
    return (Map(lambda t: np.repeat(t, n, axis=1), lambda c: c.sum(axis=1, keepdims=True)),)
    ### END SOLUTION


# %% tags=["wrong"]
# lambda c: c * b => lambda c: c / b
# lambda c: a * c => lambda c: b * c
# lambda c: c @ b.T => lambda c: c @ b
# lambda c: c @ b.T => lambda c: b.T @ c
# lambda c: a.T @ c => lambda c: a @ c
# lambda c: a.T @ c => lambda c: c @ a.T
# c.sum(axis=1, keepdims=True) => c.mean(axis=1, keepdims=True)
# c.sum(axis=1, keepdims=True) => c[:, :1]
# c.sum(axis=1, keepdims=True) => c.sum(axis=1)
# c.sum(axis=1, keepdims=True) => c.sum(axis=0, keepdims=True)
# c.sum(axis=1, keepdims=True) => c.sum()
# c.sum(axis=1, keepdims=True) => np.full_like(c[:, :1], c.sum())
#     n = y.shape[1] =>     n = 3
#     n = y.shape[1] =>     n = y.shape[0]
# np.repeat(t, n, axis=1) => np.repeat(t, n, axis=0)
# return (Map(lambda t: np.repeat(t, n, axis=1), lambda c: c.sum(axis=1, keepdims=True)),) => return same
# lambda c: c * b), Map(lambda t: a * t, lambda c: a * c) => lambda c: a * c), Map(lambda t: a * t, lambda c: c * b)
# lambda c: c * b => lambda c: np.multiply(c, b, out=c)
# lambda c: c * b => lambda c: c * b.T
# lambda t: t * b => lambda t: t + b
# lambda c: c @ b.T), Map(lambda t: a @ t, lambda c: a.T @ c) => lambda c: c * b), Map(lambda t: a @ t, lambda c: a * c)
# lambda c: c @ b.T => lambda c: (c.T @ b).T
# lambda c: c @ b.T => lambda c: c @ np.linalg.inv(b)


# %% tags=["checkpoint", "hide-input"]
# Checkpoint 2.1: run this cell.
def matrix(f, x, y):
    """The matrix of a linear function from arrays like x to arrays like y: unit by unit."""
    units = np.eye(x.size).reshape(-1, *x.shape)
    units.flags.writeable = False  # what changes its argument is caught
    images = [f(unit) for unit in units]
    if images[0].shape != y.shape:
        raise ValueError(f"the result has shape {images[0].shape}, not {y.shape}")
    return np.reshape(images, (x.size, y.size)).T


def both(J, x, y):
    return {"push": matrix(J.push, x, y), "pull": matrix(J.pull, y, x)}


a, b, I2 = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]]), np.eye(2)
long, wide = np.arange(6.0).reshape(3, 2), np.arange(8.0).reshape(2, 4)
for name, maps, args, y, expected in [
    ("a * b", multiply_maps, (a, b), a * b, (np.diag(b.ravel()), np.diag(a.ravel()))),
    ("a @ b", matmul_maps, (a, b), a @ b, (np.kron(I2, b.T), np.kron(a, I2))),
    (
        "a @ b, 3 x 2 and 2 x 4",
        matmul_maps,
        (long, wide),
        long @ wide,
        (np.kron(np.eye(3), wide.T), np.kron(long, np.eye(4))),
    ),
    ("3 copies", copies_maps, (a[:, :1],), np.ones((2, 3)), (np.kron(I2, np.ones((3, 1))),)),
    ("4 copies", copies_maps, (a[:, :1],), np.ones((2, 4)), (np.kron(I2, np.ones((4, 1))),)),
]:
    for k, M in enumerate(expected):
        checkpoint(
            f"2.1, {name}, argument {k}",
            lambda k=k, maps=maps, args=args, y=y: both(maps(y, *args)[k], args[k], y),
            {"push": M, "pull": M.T},
            likely="maps come in a tuple; a pull's matrix is the push's transposed, not inverted",
        )

# %% tags=["hint"]
hint("2.1")
# 1. $\langle c, \text{push}(t) \rangle$ is a sum of products. What does each entry of $t$ get multiplied with, in all?
# 2. Those numbers are the pull. Elementwise it is the same product again; for `a @ b` the factor that stays is
#    transposed and stays on its side; for `copies` each entry of $t$ meets a whole row of $c$.
# 3. `Map(lambda t: t @ b, lambda c: c @ b.T)`, and for `copies` the pull is `c.sum(axis=1, keepdims=True)`.

# %% [markdown]
# ## Your engine again
#
# This is the engine of notebook 1, with two changes. The maps are pairs and are applied with the
# engine's own operations, so `cos` is written as a shifted `sin`. And an operation that has taken the
# values out of *its* variables calls itself on them, in case one of them is a variable of another
# tape. Both are needed under "Levels". Vectors are columns here: arrays of shape `(n, 1)`.


# %%
class Tape(list):
    """A row per operation, as evaluated: pairs (row of an argument, Map from there)."""

    opened = itertools.count()

    def __init__(self):
        super().__init__()
        self.level = next(self.opened)  # a later tape has a higher level


class Variable:
    """A value under differentiation, and its row on the tape."""

    __array_ufunc__ = None  # let NumPy's arrays leave `array * variable` to this class

    def __init__(self, value, tape, edges=()):
        self.value, self.tape, self.row = value, tape, len(tape)
        tape.append(edges)

    __add__ = __radd__ = lambda self, other: add(self, other)
    __mul__ = __rmul__ = lambda self, other: multiply(self, other)
    __matmul__, __rmatmul__ = lambda a, b: matmul(a, b), lambda b, a: matmul(a, b)
    T = property(lambda self: transpose(self))


# %%
def first_tape(args):
    """The tape of the first variable among the arguments, None without one."""
    return next((x.tape for x in args if isinstance(x, Variable)), None)


choose_tape = first_tape  # to be reconsidered


def primitive(value, maps):
    """Make an operation of its value and its maps; given variables it writes a row."""

    def operation(*args):
        tape = choose_tape(args)
        if tape is None:
            return value(*args)
        ours = [isinstance(x, Variable) and x.tape is tape for x in args]
        inner = [x.value if our else x for x, our in zip(args, ours, strict=True)]
        y = operation(*inner)
        triples = zip(args, ours, maps(y, *inner), strict=True)
        return Variable(y, tape, [(x.row, J_i) for x, our, J_i in triples if our])

    return operation


# %%
def scale(k):
    return Map(lambda t: k * t, lambda c: k * c)


add = primitive(np.add, add_maps)
multiply = primitive(np.multiply, multiply_maps)
sin = primitive(np.sin, lambda y, x: (scale(sin(x + np.pi / 2)),))
exp = primitive(np.exp, lambda y, x: (scale(y),))
matmul = primitive(np.matmul, matmul_maps)
transpose = primitive(np.transpose, lambda y, x: (Map(transpose, transpose),))

# %% [markdown]
# ## Why order matters
#
# Take `b = a + a; c = b + b`. Then $c = 4a$, and pulling 1 back from $c$ must give 4 at $a$. A first idea:
# start at $c$, and whenever a cotangent arrives at a row, hand it on to the arguments at once. There
# are two ways to do that: hand on all that has arrived so far, or only what is new.
#
# **Predict.** Which of the two gives 4 at $a$?
#
# - (a) all that has arrived
# - (b) only what is new
# - (c) both: each arrow passes the same things on

# %% tags=["predict"]
predict("abc")


# %%
def hand_on_the_total(tape, row, bars):
    """At every visit, hand on all that has arrived so far."""
    for i, J_i in tape[row]:
        bars[i] += J_i.pull(bars[row])
        hand_on_the_total(tape, i, bars)


def hand_on_the_news(tape, row, u, bars):
    """At every visit, hand on only what has just arrived. Returns the number of visits."""
    bars[row] += u
    return 1 + sum(hand_on_the_news(tape, i, J_i.pull(u), bars) for i, J_i in tape[row])


def doublings(n):
    """The tape of b = a + a; c = b + b; ... with n such lines."""
    x = Variable(1.0, Tape())
    for _ in range(n):
        x = x + x
    return x.tape


# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
total, news = [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]
hand_on_the_total(doublings(2), 2, total)
visits = hand_on_the_news(doublings(2), 2, 1.0, news)
print(f"cotangents of a, b, c: {total} and {news}, the latter in {visits} visits to 3 rows")

panels = [  # title, what an arrow carries from c to b, and from b to a, cotangents
    ("the total, at once", "1", "1, then 2", total),
    ("the news, at once", "1", "1, then 1", news),
    ("the total, when complete", "1", "2", [4.0, 2.0, 1.0]),
]
fig, axes = plt.subplots(2, 2, figsize=(8.6, 5.2))
for ax, (title, first, second, bars) in zip(axes.flat, panels, strict=False):
    boxes = [f"{name}\n{bar:.0f}" for name, bar in zip("abc", bars, strict=True)]
    arrows = [(k, k - 1, text, bend) for k, text in ((2, first), (1, second)) for bend in (0.4, -0.4)]
    edges = ["C0" if bars[0] == 4.0 else "C1", "C0", "C0"]
    draw_graph(ax, boxes, arrows, color="C2", edges=edges, title=title, room=16)
    ax.set(ylim=(-0.6, 0.6))
n = np.arange(1, 15)
visits = [hand_on_the_news(doublings(k), k, 1.0, [0.0] * (k + 1)) for k in n]
counted = {"the news, at once": visits, "each row once": n + 1}
axes[1, 1].set_title("visits to rows, for one gradient")
curves(counted, n, ax=axes[1, 1], style="o-", xlabel="n lines like b = a + a")
plt.show()

# %% [markdown] tags=["answer"]
# **(b), at a price.** Top left, $b$ hands on 1 when its first cotangent arrives, and then 2, of which 1 was handed on
# before: 6 instead of 4. Top right the number is right, since each *path* from $c$ to $a$ is followed
# once; but $n$ such lines have $2^n$ paths. Bottom left, $b$ waits until its cotangent is complete.

# %% [markdown]
# To be right and fast, $b$ must wait. That needs an order in which all users of a value come before
# the value. You have one: the tape is written in the order of evaluation, so the users of row $k$ are
# in rows after $k$. **Read it from the end.**
#
# ### Exercise 2.2: the reverse sweep ★★★
#
# `pull(tape, row, u)` starts with the cotangent `u` at `row`. Go through the rows from `row` down to
# 0. Each hands on its cotangent, complete by now, along all its maps, and what arrives at a row is
# added up. Return the list of the cotangents of all rows. If nothing arrives at a row, it does not
# matter to the result: its entry stays `None`, and it hands on nothing. Use a loop: Python allows
# only about a thousand nested calls.


# %% tags=["exercise"]
def pull(tape, row, u):
    """The cotangents of all rows, given the cotangent u of one row."""
    bars = [None] * len(tape)
    ### BEGIN SOLUTION
    bars[row] = u
    for k in range(row, -1, -1):
        if bars[k] is None:
            continue
        for i, J_i in tape[k]:
            x_bar = J_i.pull(bars[k])
            bars[i] = x_bar if bars[i] is None else bars[i] + x_bar
    return bars
    ### END SOLUTION


# %% tags=["wrong"]
# range(row, -1, -1) => range(row + 1)
# range(row, -1, -1) => range(row, 0, -1)[:1]
# x_bar if bars[i] is None else bars[i] + x_bar => x_bar
# J_i.pull(bars[k]) => J_i.pull(u)
# if bars[k] is None => if False
# [None] * len(tape) => [0.0] * len(tape)
# else bars[i] + x_bar => else __import__("operator").iadd(bars[i], x_bar)
# J_i.pull(bars[k]) => J_i.push(bars[k])
# J_i.pull(bars[k]) => bars[k]
# bars[row] = u => bars[row] = 1.0
# bars[row] = u => bars[-1] = u
# if bars[k] is None => if not bars[k]
# else bars[i] + x_bar => else (bars[i] + x_bar) / 2.0
#     return bars =>     return bars[0]
# for i, J_i in tape[k] => for i, J_i in tape[k][:1]
#
# def pull(tape, row, u):
#     bars = [None] * len(tape)
#
#     def visit(k, u):
#         bars[k] = u if bars[k] is None else bars[k] + u
#         for i, J_i in tape[k]:
#             visit(i, J_i.pull(u))
#
#     visit(row, u)
#     return bars
#
# def pull(tape, row, u):
#     bars, queue, seen = [None] * len(tape), [row], {row}
#     bars[row] = u
#     while queue:
#         k = queue.pop(0)
#         for i, J_i in tape[k]:
#             x_bar = J_i.pull(bars[k])
#             bars[i] = x_bar if bars[i] is None else bars[i] + x_bar
#             if i not in seen:
#                 seen.add(i)
#                 queue.append(i)
#     return bars

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 2.2: run this cell.
likely = "what arrives at a row is added up, and handed on when the row's own turn comes"
checkpoint("2.2, two doublings", lambda: pull(doublings(2), 2, 1.0), [4.0, 2.0, 1.0], likely)
checkpoint(
    "2.2, from the middle",
    lambda: [0.0 if bar is None else bar for bar in pull(doublings(3), 1, 3.0)],
    [6.0, 3.0, 0.0, 0.0],
    likely="u is the cotangent of the row given, which need not be the last",
)
x = Variable(0.5, Tape())
a = 2.0 * x
y = a + exp(a)
checkpoint(
    "2.2, a + exp(a)",
    lambda: pull(y.tape, y.row, 1.0)[:2],
    [2.0 * (1.0 + np.e), 1.0 + np.e],
    likely="a is used by the last row and by the one before: it must wait for both",
)
x, one = Variable(np.ones((2, 1)), Tape()), np.ones((2, 1))
y = 2.0 * x + x
checkpoint(
    "2.2, 2 x + x",
    lambda: pull(y.tape, y.row, np.ones((2, 1))),
    [3.0 * one, one, one],
    likely="bars[i] += ... changes an array in place, and a sum hands on the array it was given",
)
x = Variable(rng.standard_normal((3, 1)), Tape())
A, B, u = (rng.standard_normal(shape) for shape in [(4, 3), (2, 4), (2, 1)])
s = A @ x
unused, y = 2.0 * s, B @ sin(s)  # nothing arrives at `unused`
checkpoint(
    "2.2, B sin(A x)",
    lambda: [(bars := pull(y.tape, y.row, u))[0], bars[unused.row] is None],
    [A.T @ (np.cos(s.value) * (B.T @ u)), True],
    likely="a map's pull takes the cotangent of the row that holds it; a row with None is skipped",
)
x = Variable(1.0, Tape())
for _ in range(5000):
    x = 1.0 * x
checkpoint("2.2, 5000 rows", lambda: pull(x.tape, x.row, 3.0)[0], 3.0, likely="use a loop")

# %% tags=["hint"]
hint("2.2")
# 1. Row 7 is used by rows 9 and 12. In which order must the three have their turn?
# 2. Go through the rows `for k in range(row, -1, -1)`. Skip a row that has nothing. Otherwise pull its
#    cotangent through each of its maps; what arrives is kept if it is the first, and added if not.
# 3. `bars[i] = x_bar if bars[i] is None else bars[i] + x_bar`, with `x_bar = J_i.pull(bars[k])`

# %% [markdown]
# ## One tape, two directions
#
# Both sweeps use the same rows, so the derivative of a whole function is again a `Map`. The two sweeps
# are independent, and they must agree. The check takes two random vectors and compares one number
# from each sweep.


# %%
def linearize(f, *primals):
    """Run f once: its value, and its derivative as a Map. One primal: J.pull gives one array."""
    tape = Tape()
    variables = [Variable(x, tape) for x in primals]
    y = f(*variables)

    def push(*tangents):
        dots = list(tangents)
        for edges in tape[len(primals) :]:
            dots.append(sum(J_i.push(dots[i]) for i, J_i in edges))
        return dots[y.row]

    def pull_back(u):
        bars = pull(tape, y.row, u)[: len(primals)]
        bars = [0.0 * x if bar is None else bar for x, bar in zip(primals, bars, strict=True)]
        return bars if len(bars) > 1 else bars[0]

    return y.value, Map(push, pull_back)


def grad(f):
    """The gradient of a scalar function of one array."""
    return lambda x: linearize(f, x)[1].pull(1.0)


# %% tags=["checkpoint"]
x = rng.standard_normal((3, 7))
W1, W2, V1, V2 = (rng.standard_normal(shape) for shape in [(4, 3), (2, 4)] * 2)
U = rng.standard_normal((2, 7))

y, J = linearize(lambda w1, w2: exp(w2 @ sin(w1 @ x)), W1, W2)
theirs = mg.linearize(lambda w1, w2: mg.exp(w2 @ mg.sin(w1 @ x)), W1, W2)[1]
checkpoint("2.3, your J^T u and minigrad's", lambda: J.pull(U), theirs.T(U), likely="a pull")
checkpoint(
    "2.3, <u, J v> = <J^T u, v>",
    lambda: np.vdot(U, J.push(V1, V2)),
    sum(np.vdot(w_bar, v) for w_bar, v in zip(J.pull(U), (V1, V2), strict=True)),
    likely="some map's pull is not the transpose of its push",
)

# %% [markdown]
# Why they agree, on $y = e^{\sin(x)\, x}$ at $x = 1$: cut the graph anywhere between input and output,
# and add up tangent × factor × cotangent over the arrows that are cut. Moving the cut past an
# operation replaces a map on one side by its transpose on the other, and the sum stays the same. At
# the right end it is $\langle u, Jv \rangle$, at the left end $\langle J^T u, v \rangle$.

# %% tags=["hide-input"]
s = np.sin(1.0)
factors = [(0, 1, np.cos(1.0)), (1, 2, 1.0), (0, 2, s), (2, 3, np.exp(s))]  # from, to, factor
x = Variable(1.0, Tape())
y = exp(sin(x) * x)
bars = pull(y.tape, 3, 1.0)
dots = [1.0, np.cos(1.0), np.cos(1.0) + s, (np.cos(1.0) + s) * np.exp(s)]

fig, ax = plt.subplots(figsize=(8.6, 3.2))
boxes = ["x", "sin(x)", "sin(x) x", "y"]
arrows = [(i, k, f"× {factor:.2f}", 0.3 * (k - i - 1)) for i, k, factor in factors]
draw_graph(ax, boxes, arrows, color="0.4", heads="<->", title="Every cut has the same sum", room=30)
for k in range(4):
    ax.text(k, 0.3, f"tangent\n{dots[k]:.2f}", ha="center", color="C1")
    ax.text(k, -0.85, f"cotangent\n{bars[k]:.2f}", ha="center", color="C2")
for cut in (0.5, 1.5, 2.5):
    across = sum(dots[i] * factor * bars[k] for i, k, factor in factors if i < cut < k)
    ax.axvline(cut, color="0.6", ls=":", ymin=0.1)
    ax.text(cut, -1.15, f"sum {across:.2f}", ha="center")
ax.set(ylim=(-1.2, 0.7))
plt.show()

# %% [markdown]
# ## Levels
#
# Curvature is a derivative of a derivative, so transforms must nest. Here is the classic trap:
#
# $$\frac{d}{dx}\left[x \cdot \frac{d}{dy}(x + y)\right] = \frac{d}{dx}[x \cdot 1] = 1.$$
#
# With the dual numbers of notebook 1:


# %%
class Dual:
    def __init__(self, value, tangent=0.0):
        self.value, self.tangent = value, tangent

    def __add__(self, other):
        return Dual(self.value + other.value, self.tangent + other.tangent)

    def __mul__(self, other):
        other = other if isinstance(other, Dual) else Dual(other)
        tangent = self.tangent * other.value + self.value * other.tangent
        return Dual(self.value * other.value, tangent)


def slope(f, x):
    return f(Dual(x, 1.0)).tangent


print("d/dx [x d/dy (x + y)] =", slope(lambda x: x * slope(lambda y: x + y, 1.0), 1.0))

# %% [markdown]
# The answer is 2: the inner derivative used the tangent that $x$ carries for the *outer* one. That is
# **perturbation confusion**. The remedy: each transform has a **level**, later ones higher. An
# operation belongs to the highest level among its arguments, and treats variables of lower levels as
# constants. In your engine a transform is a tape, and each new tape has a higher `tape.level`.
#
# ### Exercise 2.4: which tape? ★☆☆
#
# `primitive` treats as constants all variables that are not on the tape that `choose_tape` returns.
# So far that is `first_tape`. Write a better choice: the tape with the highest level among the
# variables in `args`, or `None` if there are no variables. The checkpoint then uses it.


# %% tags=["exercise"]
def highest_tape(args):
    """The tape that an operation on these arguments belongs to."""
    ### BEGIN SOLUTION
    tapes = [x.tape for x in args if isinstance(x, Variable)]
    return max(tapes, key=lambda tape: tape.level, default=None)
    ### END SOLUTION


# %% tags=["wrong"]
# max(tapes, key=lambda tape: tape.level, default=None) => min(tapes, key=lambda tape: tape.level, default=None)
# max(tapes, key=lambda tape: tape.level, default=None) => tapes[0] if tapes else None
# max(tapes, key=lambda tape: tape.level, default=None) => tapes[-1] if tapes else None
# max(tapes, key=lambda tape: tape.level, default=None) => max(tapes, key=len, default=None)
# max(tapes, key=lambda tape: tape.level, default=None) => max((tape.level for tape in tapes), default=None)
# max(tapes, key=lambda tape: tape.level, default=None) => max(tapes, key=lambda tape: -tape.level, default=None)
# max(tapes, key=lambda tape: tape.level, default=None) => max(tapes[:2], key=lambda tape: tape.level, default=None)
# max(tapes, key=lambda tape: tape.level, default=None) => Tape()
# , default=None) => )
# max(tapes, key=lambda tape: tape.level, default=None) => (sorted(tapes, key=lambda t: t.level) or [None])[0]
# [x.tape for x in args if isinstance(x, Variable)] => [x.tape for x in args]
# [x.tape for x in args if isinstance(x, Variable)] => [x.tape for x in args[:2] if isinstance(x, Variable)]
#
# def highest_tape(args):
#     variables = [x for x in args if isinstance(x, Variable)]
#     return max(variables, key=lambda x: x.tape.level, default=None)
#
# def highest_tape(args):
#     variables = [x for x in args if isinstance(x, Variable)]
#     return max(variables, key=lambda x: x.row).tape if variables else None
#
# def highest_tape(args):
#     variables = [x for x in args if isinstance(x, Variable)]
#     return max(variables, key=lambda x: x.value).tape if variables else None

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 2.4: run this cell.
low, high = Tape(), Tape()
c, a, b = Variable(1.5, high), Variable(1.0, low), Variable(2.0, low)
checkpoint(
    "2.4",
    lambda: [
        highest_tape((a, c)) is high,
        highest_tape((c, b, 1.0)) is high,
        highest_tape((1.0, a, b, c)) is high,
        highest_tape((1.0, b)) is low,
        highest_tape((1.0, 2.0)) is None,
    ],
    [True] * 5,
    likely="the highest level, in any position among the arguments; numbers have none",
)

choose_tape = highest_tape
nested = grad(lambda x: x * grad(lambda y: x + y)(1.0))
checkpoint("2.4, d/dx [x d/dy (x + y)]", lambda: nested(1.0), 1.0, likely="a wrong level")
twice = grad(lambda x: x * grad(lambda y: x * y)(1.0))
likely = "x was treated as a number; or, after a TypeError, maps of 2.1 call np.multiply where * is meant"
checkpoint("2.4, d/dx [x d/dy (x y)]", lambda: twice(3.0), 6.0, likely=likely)

# %% tags=["hint"]
hint("2.4")
# 1. Which of the arguments have a tape at all, and what does a tape have that a number does not?
# 2. Collect `x.tape` of all that are a `Variable`, and take the one with the largest `level`. `max` takes a `key`,
#    and a `default` for an empty list.
# 3. `return max(tapes, key=lambda tape: tape.level, default=None)`

# %% [markdown]
# Nothing else has to change. The maps are applied with your own operations, so a sweep of the inner
# tape over outer variables is recorded on the outer tape, which can then be swept too. Pushes and
# pulls nest in any order. Below, `f` acts on 25 numbers one by one: $J$ is diagonal, and one sweep of
# ones, in either direction, gives all 25 derivatives. The dots are sweeps of your engine, the last
# ones a push of a pull of a push; the lines are closed forms.


# %%
def by_push(f):
    return lambda x: linearize(f, x)[1].push(np.ones(25))


def by_pull(f):
    return lambda x: linearize(f, x)[1].pull(np.ones(25))


def f(x):
    return exp(sin(x))


engine = [by_push(f), by_pull(by_push(f)), by_push(by_pull(by_push(f)))]

# %% tags=["hide-input"]
xs, fine = np.linspace(-3.0, 3.0, 25), np.linspace(-3.0, 3.0, 200)
s, c = np.sin(fine), np.cos(fine)
closed = [c, c**2 - s, c**3 - 3 * s * c - c]  # times f

fig, ax = plt.subplots()
for k, (factor, derivative) in enumerate(zip(closed, engine, strict=True)):
    ax.plot(fine, factor * f(fine), color=f"C{k}", label=f"derivative {k + 1}")
    ax.plot(xs, derivative(xs), "o", color=f"C{k}", ms=4)
ax.set(xlabel="x", ylabel="derivatives of exp(sin x)", title="Nested three deep")
ax.legend()
plt.show()

# %% [markdown]
# ## What a sweep costs
#
# Count multiplications in matrix products, for $y = B \sin(A x)$ with $n_{\text{in}}$ inputs and
# $n_{\text{out}}$ outputs.
#
# **Predict.** With 16 inputs, for which numbers of outputs is the whole matrix of $J$ cheaper by pulls?
#
# - (a) always: a pull gives a whole gradient
# - (b) below 16 outputs
# - (c) never: a pull must go back over the whole tape

# %% tags=["predict"]
predict("abc")

# %% tags=["hide-input"]
work = []


def product(a, b):
    work.append(a.shape[0] * a.shape[1] * b.shape[1])
    return a @ b


def product_maps(y, a, b):
    first = Map(lambda t: product(t, b), lambda c: product(c, b.T))
    return first, Map(lambda t: product(a, t), lambda c: product(a.T, c))


def costs(n_in, n_out, hidden=16):
    """Multiplications of one run, one push and one pull: two products each."""
    times = primitive(product, product_maps)
    A, B, x = np.ones((hidden, n_in)), np.ones((n_out, hidden)), np.ones((n_in, 1))
    work.clear()
    _, J = linearize(lambda x: times(B, sin(times(A, x))), x)
    J.push(x)
    J.pull(np.ones((n_out, 1)))
    return [sum(work[k : k + 2]) for k in (0, 2, 4)]


# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
print("n_in n_out    run   push   pull   matrix by pushes   matrix by pulls")
for n_in, n_out in [(1, 64), (8, 8), (64, 1), (1000, 1)]:
    run, push, pulled = costs(n_in, n_out)
    print(f"{n_in:4} {n_out:5} {run:6} {push:6} {pulled:6} {n_in * push:18} {n_out * pulled:17}")

outputs = np.arange(1, 65)
costs_of = {
    "16 pushes, one per input": [16 * costs(16, n)[1] for n in outputs],
    "one pull per output": [n * costs(16, n)[2] for n in outputs],
}
curves(costs_of, outputs, log="", xlabel="outputs", ylabel="multiplications")
plt.title("The whole matrix of J, with 16 inputs")
plt.show()

# %% [markdown] tags=["answer"]
# **(b).** A sweep costs about one run, in either direction (twice that, if the weights are
# differentiated too: [the count](../tests/derivations/test_12_cost.py)). What differs is how many
# sweeps you need.

# %% [markdown]
# With few inputs $J$ is tall: push. With few outputs $J$ is wide: pull; for a loss, one pull gives all.
# The price of pulling is memory: every row must be kept until the last has been written.
#
# ### Exercise 2.5: the cheaper way ★★☆
#
# A `Map` takes columns of $n_{\text{in}}$ entries to columns of $n_{\text{out}}$ entries. Return its
# $n_{\text{out}} \times n_{\text{in}}$ matrix with as few sweeps as possible: push the unit columns,
# or pull them. `unit_columns(n)` lists them; `np.hstack` joins columns to a matrix.


# %% tags=["exercise"]
def unit_columns(n):
    return list(np.eye(n)[:, :, None])


def matrix_of(J, n_in, n_out):
    """The n_out x n_in matrix of J, by min(n_in, n_out) sweeps."""
    ### BEGIN SOLUTION
    if n_in <= n_out:
        return np.hstack([J.push(e) for e in unit_columns(n_in)])
    return np.hstack([J.pull(e) for e in unit_columns(n_out)]).T
    ### END SOLUTION


# %% tags=["wrong"]
# if n_in <= n_out => if n_in > n_out
# if n_in <= n_out => if True
# for e in unit_columns(n_out)]).T => for e in unit_columns(n_out)])
# return np.hstack([J.push(e) => return np.vstack([J.push(e)
# if n_in <= n_out => if False
# if n_in <= n_out => if n_in <= n_out and n_out < 6
# for e in unit_columns(n_in)]) => for e in unit_columns(n_out)])
# J.pull(e) for e in unit_columns(n_out) => J.pull(e) for e in unit_columns(n_in)
# J.pull(e) for e in unit_columns(n_out) => J.pull(e) for e in unit_columns(n_out)[::-1]
# J.pull(e) for e => J.push(e) for e
# J.push(e) for e => J.pull(e) for e
# np.hstack([J.pull(e) for e in unit_columns(n_out)]).T => np.vstack([J.pull(e) for e in unit_columns(n_out)])
# return np.hstack([J.push(e) for e in unit_columns(n_in)]) => return [J.push(e) for e in unit_columns(n_in)]
#
# def matrix_of(J, n_in, n_out):
#     by_push = np.hstack([J.push(e) for e in unit_columns(n_in)])
#     by_pull = np.hstack([J.pull(e) for e in unit_columns(n_out)]).T
#     return by_push if n_in <= n_out else by_pull
#
# def matrix_of(J, n_in, n_out):
#     M = np.empty((n_out, n_in))
#     for i in range(n_out):
#         for k in range(n_in):
#             M[i, k] = J.push(unit_columns(n_in)[k])[i, 0]
#     return M


# %% tags=["checkpoint", "hide-input"]
# Checkpoint 2.5: run this cell.
def sweeps_and_matrix(M):
    calls = []

    def sweep(name, matrix, t):
        calls.append(name)
        return matrix @ t

    J = Map(lambda t: sweep("push", M, t), lambda c: sweep("pull", M.T, c))
    return matrix_of(J, n_in=M.shape[1], n_out=M.shape[0]), calls


for shape, name in [((5, 2), "push"), ((3, 6), "pull"), ((1, 4), "pull"), ((9, 8), "push")]:
    M = rng.standard_normal(shape)
    checkpoint(
        f"2.5, {M.shape[0]} x {M.shape[1]}",
        lambda M=M: sweeps_and_matrix(M),
        (M, [name] * min(M.shape)),
        likely="pushes give columns, pulls give rows; there are n_in columns and n_out rows",
    )

# %% tags=["hint"]
hint("2.5")
# 1. How many sweeps does each way take, and what does one sweep give you of the matrix?
# 2. Compare `n_in` with `n_out`. A push of a unit column is a column of the matrix. A pull of one is a row of
#    it, as a column: join these and transpose.
# 3. `return np.hstack([J.pull(e) for e in unit_columns(n_out)]).T`, where there are fewer outputs.

# %% [markdown]
# ## Your engine, grown up
#
# You can now read minigrad: for every piece of yours there is a file.
#
# | yours | minigrad's | what is more there |
# |---|---|---|
# | `Map`, `scale` | [linear_maps.py](../minigrad/linear_maps.py) | a class per kind; `J(t)` pushes, `J.T(c)` pulls |
# | `Variable` | [variable.py](../minigrad/variable.py) | refuses what would silently lose a derivative |
# | its operators | [operators.py](../minigrad/ops/operators.py) | comparisons, indexing |
# | `primitive`, `highest_tape` | [primitives.py](../minigrad/primitives.py) | a rule per argument; backends checked |
# | `add`, `multiply`, `sin`, `exp` | [elementwise.py](../minigrad/ops/elementwise.py) | forty more, and broadcasting |
# | `matmul`, `transpose` | [linalg.py](../minigrad/ops/linalg.py) | stacks of matrices; solve, det |
# | `copies_maps` | [broadcasting.py](../minigrad/ops/broadcasting.py) | along any axes: repeat and sum |
# | `Tape`, its level | [trace.py](../minigrad/trace.py) | closed when its function returns |
# | `linearize`, `pull` | [linearization.py](../minigrad/linearization.py) | frees tangents that are no longer needed |
# | `Dual` | [trace.py](../minigrad/trace.py): `Push` | has a level; behind `mg.jvp` |
# | `grad`, `matrix_of` | [transforms.py](../minigrad/transforms.py) | Hessians |
# | several primals | [trees.py](../minigrad/trees.py) | dicts, lists and tuples of arrays |
# | checkpoint 2.3 | [check.py](../minigrad/check.py) | says *where* a derivative is wrong |
#
# From here on `mg.linearize` is your engine. A small network with its parameters in a dict, and the
# check of both sweeps, against a difference this time:

# %% tags=["checkpoint"]
x = np.linspace(-1.0, 1.0, 81)[:, None]
params = {"in": 6.0 * rng.standard_normal((1, 16)), "b": 3.0 * rng.standard_normal(16)}
params["out"] = 0.25 * rng.standard_normal((16, 1))


def network(w):
    return mg.tanh(x @ w["in"] + w["b"]) @ w["out"]


def moved(delta, v):
    """The network's outputs after a move of the parameters by delta v."""
    return network(mg.tree_map(lambda w, v: w + delta * v, params, v))


y, J = mg.linearize(network, params)
u, v = rng.standard_normal(y.shape), mg.tree_map(lambda w: rng.standard_normal(w.shape), params)
checkpoint(
    "2.6, <u, J v> = <J^T u, v>",
    lambda: [np.vdot(u, J(v)), sum(np.vdot(w_bar, v[key]) for key, w_bar in J.T(u).items())],
    [np.vdot(u, moved(1e-5, v) - moved(-1e-5, v)) / 2e-5] * 2,
    likely="the argument of J must be v, that of J.T must be u",
)

# %% [markdown]
# One picture shows both directions. To raise the output at one point $x_k$, take the cotangent $e_k$.
# Pulled back, it is a direction for the weights, $J^T e_k$. Pushed forward again, $J J^T e_k$ says how
# the *whole* curve moves if you follow that direction. The dots are the network, moved a little and
# run again.
#
# **Predict.** You raise the output at one point. What does the rest of the curve do?
#
# - (a) it stays: only weights that matter at this point are changed
# - (b) it rises everywhere
# - (c) it rises nearby, and may fall further away

# %% tags=["predict"]
predict("abc")

# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
fig, ax = plt.subplots()
for color, k in enumerate((8, 40, 66)):
    e_k = np.zeros_like(y)
    e_k[k] = 1.0
    direction = J.T(e_k)
    ax.plot(x, J(direction), color=f"C{color}", label=f"raised at x = {x[k, 0]:.2f}")
    ax.plot(x[::4], ((moved(1e-4, direction) - y) / 1e-4)[::4], "o", ms=3.5, color=f"C{color}")
    ax.axvline(x[k, 0], color=f"C{color}", ls=":", lw=1)
ax.set(xlabel="x", ylabel="change of the output", title="Pulled back, and pushed forward again")
ax.set_xticks([-1.0, -0.5, 0.0, 0.5, 1.0])
ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
plt.show()

# %% [markdown] tags=["answer"]
# **(c).** All points share the weights. The change at $x_k$ itself (dotted) is $|J^T e_k|^2$: never
# negative, but not always the largest.

# %% [markdown]
# ## What real systems do differently
#
# - **JAX** has push-forward rules for all operations and transposes for the linear ones; reverse mode
#   is linearise, then transpose, as here. **PyTorch** has most reverse formulas written by hand, and
#   separate forward ones.
# - **Order.** PyTorch's engine counts the users of each node and runs it when all have reported.
#   [micrograd](https://github.com/karpathy/micrograd) sorts by recursion. A tape is already in order.
# - **Memory.** Long tapes are cut: see the first open problem, `jax.checkpoint` and
#   `torch.utils.checkpoint`.
#
# ## Open problems
#
# 1. **A tape with gaps.** Keep every tenth value, and compute the others again when the sweep needs
#    them. What do time and memory become for $n$ rows? What spacing is best?
# 2. **Many columns in one push.** If each output depends on few inputs, one push can give several
#    columns. Which? Find them without being told where the zeros are.
#
# ## Further reading
#
# - A. Griewank, "Who invented the reverse mode of differentiation?", Documenta Mathematica, 2012.
# - A. Griewank and A. Walther, *Evaluating Derivatives*, 2nd edition (2008): chapters 3 and 4.
# - J. Siskind and B. Pearlmutter, "Perturbation confusion and referential transparency", IFL 2005.
# - A. Baydin, B. Pearlmutter, A. Radul and J. Siskind, "Automatic differentiation in machine
#   learning: a survey", JMLR 18(153), 2018.
#
# ## Where you are
#
# One run gives you $J v$ and $J^T u$, and derivatives nest. In
# [notebook 3](03_curvature.ipynb) that is enough to multiply by Hessians and by Gauss-Newton matrices
# that nobody could store.
