# %% [markdown]
# # 9. Your turn
#
# > **You will build** two operations, a problem and a solver of your own, each with checks that tell
# > you that they are right; then you run a solver on other array libraries.
# >
# > **You need** notebooks 2 (pull-backs), 3 (Gauss-Newton products) and 5 (CurveBall); what a
# > recurrence is.
# >
# > **Minutes** 90.
# >
# > Stuck? `hint(...)` gives one more hint each time, `hint("9.1", solution=True)` lets you go on.
# > Solutions: [solutions/09_your_turn.ipynb](solutions/09_your_turn.ipynb).
# > All notebooks share [one notation](../docs/notation.md).

# %%
import math
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from array_api_compat import array_namespace
from IPython.display import Markdown, display
from scipy.signal import lfilter

import minigrad as mg
from curveball import SGD, Adam, CurveBall, conjugate_gradient, minimize
from curveball.course import checkpoint, hint, predict
from curveball.solvers.tree_math import per_run, tree_add_scale, tree_vdot
from curveball.solvers.two_by_two import solve_two_by_two
from problems.closed_form.quadratic import Quadratic

plt.style.use("curveball.course.style")
rng = np.random.default_rng(0)

# %% [markdown]
# You can add to the package in three places: operations, problems, solvers. The example: a signal goes
# through two leaky memories, and you see what comes out. How fast do they leak? You need two
# operations that the package does not have, a leaky sum and a loss that forgives outliers.
#
# ## A primitive: a value and a linear map
#
# The loss is $\log\cosh x$: $x^2/2$ for small $x$, $|x| - \log 2$ for large. Its slope is
# $\tanh x$, its curvature $1 - \tanh^2 x > 0$. Computed from $\cosh x$, it overflows at $x = 711$.
# Instead write
#
# $$\log\cosh x = |x| + \log\bigl(1 + e^{-2|x|}\bigr) - \log 2 .$$
#
# A primitive is a function of plain arrays, decorated with one *rule* for each array argument.
# `rule(y, x)` returns the linear map from $\dot x$ to $\dot y$: here "scale by $\tanh x$",
# `mg.Scale(...)`. A `Scale` is its own transpose, so this one map is enough. Two rules make a
# primitive fit in:
#
# - The *value* takes its functions from the array's own library, `xp = array_namespace(x)`, so
#   that it runs on every library that follows the array API standard, and keeps the dtype.
# - The *rule* uses minigrad's operations, so that it can be differentiated again.
#
# ### Exercise 9.1: log cosh ★☆☆


# %% tags=["exercise"]
def log_cosh_rule(y, x):
    """Return the linear map from the tangent of x to that of y = log cosh x."""
    ### BEGIN SOLUTION
    return mg.Scale(mg.tanh(x))
    ### END SOLUTION


@mg.primitive(log_cosh_rule)
def log_cosh(x):
    """log(cosh(x)), elementwise; nothing overflows."""
    xp = array_namespace(x)
    ### BEGIN SOLUTION
    size = xp.abs(x)
    return size + xp.log1p(xp.exp(-2.0 * size)) - math.log(2.0)
    ### END SOLUTION


# %% tags=["wrong"]
# mg.Scale(mg.tanh(x)) => mg.Scale(mg.stop_gradient(mg.tanh(x)))
# mg.Scale(mg.tanh(x)) => mg.Scale(1.001 * mg.tanh(x))
# mg.Scale(mg.tanh(x)) => mg.Scale(mg.sign(x))
# mg.Scale(mg.tanh(x)) => mg.Scale(-mg.tanh(x))
# mg.Scale(mg.tanh(x)) => mg.Scale(1.0 - mg.tanh(x) ** 2)
# mg.Scale(mg.tanh(x)) => mg.Scale(mg.tanh(y))
# mg.Scale(mg.tanh(x)) => mg.tanh(x)
# size + xp.log1p => x + xp.log1p
# size + xp.log1p => xp.log1p
# -2.0 * size => -size
# -2.0 * size => -2.0 * x
# xp.log1p(xp.exp => xp.log(xp.exp
# - math.log(2.0) => + math.log(2.0)
# math.log(2.0) => np.log(2.0)
# return size + xp.log1p(xp.exp(-2.0 * size)) - math.log(2.0) => return xp.log(xp.cosh(x))


# %% tags=["checkpoint", "hide-input"]
# Checkpoint 9.1: run this cell.
def derivatives(f, *primals, order=2):
    """ "right", or an error that says what is wrong and where."""
    mg.check_derivatives(f, *primals, order=order)
    return "right"


few, far = np.array([-1000.0, -2.0, 0.3, 1000.0]), 1000.0 - math.log(2.0)
exact = np.array([far, math.log(math.cosh(2.0)), math.log(math.cosh(0.3)), far])
checkpoint("9.1, value", lambda: log_cosh(few), exact, likely="|x| belongs in both places")
checkpoint(
    "9.1, derivatives to order 2",
    lambda: derivatives(log_cosh, rng.standard_normal(5)),
    "right",
    likely="the coefficient is mg.tanh(x), a function of x for the second derivative too",
)
checkpoint(
    "9.1, dtype",
    lambda: str(log_cosh(few.astype(np.float32)).dtype),
    "float32",
    likely="a constant of NumPy's is float64; Python's floats keep the dtype",
)

# %% tags=["hint"]
hint("9.1")
# 1. What is the slope of $\log\cosh x$, and what does `mg.Scale` need?
# 2. The rule is a scale by $\tanh x$, computed with minigrad. In the value every $|x|$ is `xp.abs(x)`,
#    and $\log(1 + \cdot)$ is `xp.log1p`; $\log 2$ is a Python float.
# 3. `return mg.Scale(mg.tanh(x))`, and in the value `size + xp.log1p(xp.exp(-2.0 * size)) - math.log(2.0)`

# %% tags=["hide-input"]
x = np.linspace(-4.0, 4.0, 161)
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2))
functions = {r"$\log\cosh x$": log_cosh, "$x^2/2$": lambda x: 0.5 * x * x, "$|x|$": mg.abs}
for name, f in functions.items():
    left.plot(x, f(x), label=name)
    right.plot(x, mg.grad(lambda x, f=f: mg.sum(f(x)))(x), label=name)
left.set(xlabel="x", title="value", ylim=(0.0, 4.0))
right.set(xlabel="x", title="slope, by minigrad", ylim=(-2.5, 2.5))
left.legend()
plt.show()

# %% [markdown]
# ## What the checker finds, and when
#
# `mg.check_derivatives` compares the push-forward with difference quotients along random
# directions, and the two sweeps with each other:
# $\langle u, J v\rangle = \langle J^T u, v\rangle$. To order 2 it does the same for the functions
# $w \mapsto J v$ and $w \mapsto J^T u$ ([minigrad/check.py](../minigrad/check.py)). A checker
# that never fails is useless, so plant mistakes.
#
# **Predict.** Which of them passes to order 1?
#
# - (a) none
# - (b) a slope that is a thousandth too steep
# - (c) a slope that is right, but held constant for the second derivative

# %% tags=["predict"]
predict("abc")


# %% tags=["hide-output"]
# The answer: run this cell, then open its output.
def planted(rule):
    @mg.primitive(rule)
    def log_cosh(x):
        return np.log(np.cosh(x))

    return log_cosh


rules = {
    "right": lambda y, x: mg.Scale(mg.tanh(x)),
    "a thousandth too steep": lambda y, x: mg.Scale(1.001 * mg.tanh(x)),
    "pull is not push transposed": lambda y, x: mg.Linear(lambda t: mg.tanh(x) * t, lambda c: c),
    "coefficient held constant": lambda y, x: mg.Scale(mg.stop_gradient(mg.tanh(x))),
}
for name, rule in rules.items():
    for order in (1, 2):
        try:
            derivatives(planted(rule), np.array([0.5, -1.5]), order=order)
            print(f"{name}, order {order}: passes")
        except mg.DerivativeError as error:
            where, _, what = str(error).rpartition(": ")
            print(f"{name}, order {order}: fails\n    {where}:\n    {what}")

# %% [markdown] tags=["answer"]
# **(c)**, and it is the dangerous one. All gradients are right, training works, and every curvature
# is wrong. Published implementations of batch normalisation have had it. This is why you check
# order 2.

# %% [markdown]
# ## A linear map with memory
#
# The leaky sum, along the first axis of $x$, with a leak $\theta$ in $(0, 1)$, the share of the sum that is
# kept in each step:
#
# $$y_t = \theta\,y_{t-1} + x_t, \qquad y_{-1} = 0 .$$
#
# It models how a neuron's membrane charges, and is the simplest recurrent network. Written with
# minigrad's operations, the loop leaves three of them on the tape for each sample. As a primitive
# it is one operation, with two maps.
#
# **In $x$** it is linear: $y = S x$ with $S_{ts} = \theta^{t-s}$ for $s \le t$, so the map is the
# operation itself. Its transpose has $\bar x_s = \sum_{t \ge s} \theta^{t-s}\, \bar y_t$: the same
# sum, running backwards in time.
#
# **In $\theta$**, differentiate the recurrence:
# $\dot y_t = \theta\, \dot y_{t-1} + \dot\theta\, y_{t-1}$. That is a leaky sum again, of $y$ one step
# late: $\dot y = \dot\theta \, S\,(0, y_0, y_1, \dots)$. Call $S\,(0, y_0, \dots)$ the `slope`. The
# map from the number $\dot\theta$ multiplies it; the transpose multiplies the cotangent by it and sums.
#
# ### Exercise 9.2: two maps ★★☆
#
# This operation has two arguments, so it needs two rules, and each gets both: `rule(y, x, leak)`.
# `mg.Linear(push, pull)` makes a map from two functions. `mg.flip(c, 0)` reverses time. The leak is
# `leak` in code. For `slope`: `mg.concat([...])` along the first axis; index as `y[:-1, ...]`, and
# the zero is `0.0 * y[:1, ...]`.


# %% tags=["exercise"]
def in_signal(y, x, leak):
    """Return the linear map from the tangent of x to that of y."""
    ### BEGIN SOLUTION
    return mg.Linear(lambda t: leaky(t, leak), lambda c: mg.flip(leaky(mg.flip(c, 0), leak), 0))
    ### END SOLUTION


def in_leak(y, x, leak):
    """Return the linear map from the tangent of leak, one number, to that of y."""
    ### BEGIN SOLUTION
    slope = leaky(mg.concat([0.0 * y[:1, ...], y[:-1, ...]]), leak)
    return mg.Linear(lambda t: slope * t, lambda c: mg.sum(slope * c))
    ### END SOLUTION


@mg.primitive(in_signal, in_leak)
def leaky(x, leak):
    """y_t = leak y_{t-1} + x_t along the first axis; leak is one number."""
    y = [x[0, ...]]
    for t in range(1, x.shape[0]):
        y.append(leak * y[-1] + x[t, ...])
    return array_namespace(x).stack(y)


# %% tags=["wrong"]
# mg.flip(leaky(mg.flip(c, 0), leak), 0) => leaky(c, leak)
# mg.flip(leaky(mg.flip(c, 0), leak), 0) => leaky(mg.flip(c, 0), leak)
# mg.flip(leaky(mg.flip(c, 0), leak), 0) => mg.flip(leaky(c, leak), 0)
# mg.flip(leaky(mg.flip(c, 0), leak), 0) => leak * c
# lambda t: leaky(t, leak) => lambda t: t
# lambda t: leaky(t, leak) => lambda t: leak * t
# y[:-1, ...]]), leak) => x[:-1, ...]]), leak)
# slope = leaky(mg.concat([0.0 * y[:1, ...], y[:-1, ...]]), leak) => slope = y
# slope = leaky(mg.concat([0.0 * y[:1, ...], y[:-1, ...]]), leak) => slope = leaky(y, leak)
# slope = leaky(mg.concat([0.0 * y[:1, ...], y[:-1, ...]]), leak) => slope = mg.concat([0.0 * y[:1, ...], y[:-1, ...]])
# [0.0 * y[:1, ...], y[:-1, ...]] => [y[1:, ...], 0.0 * y[:1, ...]]
# lambda t: slope * t => lambda t: slope + t
# mg.sum(slope * c) => mg.mean(slope * c)
# mg.sum(slope * c) => slope * c

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 9.2: run this cell.
signal, gap = rng.standard_normal((8, 3)), np.subtract.outer(np.arange(8), np.arange(8))
S = np.where(gap >= 0, 0.7 ** np.maximum(gap, 0), 0.0)  # the matrix, entry by entry
slopes = np.where(gap > 0, gap * 0.7 ** np.maximum(gap - 1, 0), 0.0)  # dS/dtheta
checkpoint(
    "9.2, the pull-back in x",
    lambda: mg.linearize(leaky, signal, 0.7)[1].T(signal)[0],
    S.T @ signal,
    likely="reverse time before and after",
)
checkpoint(
    "9.2, the push-forward in the leak",
    lambda: mg.jvp(lambda leak: leaky(signal, leak), (0.7,), (1.0,))[1],
    slopes @ signal,
    likely="slope is the leaky sum of y, not x, one step late",
)
checkpoint(
    "9.2, derivatives to order 2",
    lambda: derivatives(leaky, signal, 0.7),
    "right",
    likely="in x, push is leaky itself, pull has flips; in leak, slope times it, and pull sums all",
)

# %% tags=["hint"]
hint("9.2")
# 1. The map in $x$ is the operation itself. What does its transpose do with time?
# 2. Transposed: reverse time, sum, reverse again. In the leak, first compute `slope`, the leaky sum of
#    $y$ one step late; push multiplies it, pull multiplies the cotangent by it and sums to one number.
# 3. `mg.Linear(lambda t: leaky(t, leak), lambda c: mg.flip(leaky(mg.flip(c, 0), leak), 0))`

# %% [markdown]
# The second derivative in $\theta$ needs no extra work: `in_leak` calls `leaky`, which is a primitive.
# The figure shows the two directions as matrices, the pull-back as the mirror image, and the response
# of each to a single pulse.

# %% tags=["hide-input"]
_, J = mg.linearize(lambda x: leaky(x, 0.8), np.zeros(30))
unit = np.eye(30)
fig, axes = plt.subplots(1, 3, figsize=(10.0, 3.2))
for ax, sweep, name in ((axes[0], J, "push, $S$"), (axes[1], J.T, "pull, $S^T$")):
    ax.imshow(np.stack([sweep(e) for e in unit], axis=1))
    ax.set(title=name, xlabel="time in", ylabel="time out")
    ax.grid(False)
    axes[2].plot(sweep(unit[12]), ".-", label=name)
axes[2].set(title="of a pulse at 12", xlabel="time")
axes[2].legend()
plt.show()


# %% tags=["varies"]
def by_operations(x, leak):
    y = [x[0]]
    for t in range(1, x.shape[0]):
        y.append(leak * y[-1] + x[t])
    return mg.stack(y)


def seconds(f):
    gradient = mg.grad(lambda leak: mg.sum(log_cosh(f(signal, leak))))
    gradient(0.7)
    started = time.perf_counter()
    for _ in range(20):
        gradient(0.7)
    return (time.perf_counter() - started) / 20


signal = rng.standard_normal((200, 4))
ratio = seconds(by_operations) / seconds(leaky)
print(f"with the loop on the tape, a gradient takes {ratio:.0f} times as long")

# %% [markdown]
# Does it run on another array library? The package's tests use `array-api-strict`, which has
# nothing but the standard.

# %%
try:
    import array_api_strict as strict

    x, leak = strict.asarray(signal[:9]), strict.asarray(0.7)
    on_strict = mg.grad(lambda x, leak: mg.sum(log_cosh(leaky(x, leak))), argnums=1)(x, leak)
    on_numpy = mg.grad(lambda leak: mg.sum(log_cosh(leaky(signal[:9], leak))))(0.7)
    checkpoint("another library", mg.to_numpy(on_strict), on_numpy, likely="np. in a rule")
except ImportError:
    print("pip install array-api-strict, then run this cell again")


def by_scipy(x, leaks, gains):
    """What comes out of parallel leaky memories, without minigrad."""
    parts = zip(leaks, gains, strict=True)
    return sum(gain * lfilter([1.0], [1.0, -leak], x, axis=0) for leak, gain in parts)


# %% [markdown]
# ## A problem: two leaks
#
# Signals $x$ go through two leaky sums, and what comes out is their weighted sum,
#
# $$b_1\, S(\theta_1)\, x + b_2\, S(\theta_2)\, x .$$
#
# The signals $x$ are known, and the targets, which are what came out. Find the leaks $\theta$ and the
# gains $b$. A **problem** of the package is a frozen dataclass with `init(rng)` for a start,
# `batch(rng)` for the data of one iteration, `model(params, batch)` for the outputs $y$,
# `loss(outputs, batch)` for a number, and `solution` and `minimum` where they are known. Two choices
# make this one well posed:
#
# - Leaks must stay in $(0, 1)$, so the parameters are their logits $\ell$ (`mg.sigmoid` goes back),
#   $\theta = 1/(1 + e^{-\ell})$, that is $\ell = \log \frac{\theta}{1 - \theta}$.
# - The outputs are the misfit, prediction minus target, and the loss is the mean of $\log\cosh$
#   of them. It is convex in the outputs, so the Gauss-Newton matrix is never indefinite.
#
# ### Exercise 9.3: solution, model, loss ★★☆


# %% tags=["exercise"]
@dataclass(frozen=True)
class TwoLeaks:
    """Find leaks and gains; params {"leak": logits, "gain": gains}, a batch is (x, target)."""

    leaks: tuple = (0.5, 0.9)
    gains: tuple = (1.0, 0.5)
    minimum: float = 0.0

    def init(self, rng):
        return {"leak": rng.normal([-1.0, 1.0], 0.3), "gain": np.array([0.5, 0.5])}

    def batch(self, rng):
        x = rng.standard_normal((60, 4))  # 60 times, 4 signals
        return x, by_scipy(x, self.leaks, self.gains)

    @property
    def solution(self):
        ### BEGIN SOLUTION
        return {"leak": -np.log(1.0 / np.array(self.leaks) - 1.0), "gain": np.array(self.gains)}
        ### END SOLUTION

    def model(self, params, batch):
        ### BEGIN SOLUTION
        (x, target), leak, gain = batch, mg.sigmoid(params["leak"]), params["gain"]
        return gain[0] * leaky(x, leak[0]) + gain[1] * leaky(x, leak[1]) - target
        ### END SOLUTION

    def loss(self, outputs, batch=None):
        ### BEGIN SOLUTION
        return mg.mean(log_cosh(outputs))
        ### END SOLUTION


# %% tags=["wrong"]
# -np.log(1.0 => np.log(1.0
# -np.log(1.0 / np.array(self.leaks) - 1.0) => np.array(self.leaks)
# -np.log(1.0 / np.array(self.leaks) - 1.0) => np.log(np.array(self.leaks))
# "gain": np.array(self.gains) => "gain": -np.log(1.0 / np.array(self.gains) - 0.5)
# "gain": np.array(self.gains) => "gain": np.array(self.gains)[::-1]
# leaky(x, leak[1]) - target => leaky(x, leak[1]) + target
# leaky(x, leak[1]) - target => leaky(x, leak[1])
# mg.sigmoid(params["leak"]) => params["leak"]
# mg.sigmoid(params["leak"]) => mg.tanh(params["leak"])
# gain[1] * leaky(x, leak[1]) => gain[1] * leaky(x, leak[0])
# gain[0] * leaky(x, leak[0]) => leaky(x, leak[0])
# gain[0] * leaky(x, leak[0]) + gain[1] => gain[0] * leaky(x, leak[0]) - gain[1]
# mg.mean(log_cosh(outputs)) => mg.sum(log_cosh(outputs))
# mg.mean(log_cosh(outputs)) => log_cosh(mg.mean(outputs))
# mg.mean(log_cosh(outputs)) => mg.mean(outputs * outputs)

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 9.3: run this cell.
w = {"leak": np.array([-0.4, 0.8]), "gain": np.array([0.7, -1.3])}
problem = TwoLeaks()
x, target = problem.batch(rng)
misfit = by_scipy(x, 1.0 / (1.0 + np.exp(-w["leak"])), w["gain"]) - target
mean = np.mean(np.log(np.cosh(misfit)))


def objective(w):
    return problem.loss(problem.model(w, (x, target)))


likely = "gain k goes with leak k; minus the target"
checkpoint("9.3, model", lambda: problem.model(w, (x, target)), misfit, likely=likely)
checkpoint("9.3, loss", lambda: objective(w), mean, likely="the mean of log cosh")
checkpoint("9.3, derivatives", lambda: derivatives(objective, w), "right", likely="mg., not np.")
checkpoint("9.3, minimum", lambda: objective(problem.solution), problem.minimum, likely="logits")
checkpoint(
    "9.3, gradient at the solution",
    lambda: mg.grad(objective)(problem.solution),
    {"leak": np.zeros(2), "gain": np.zeros(2)},
    likely="the solution holds logits, log(leak / (1 - leak)), and the gains",
)

# %% tags=["hint"]
hint("9.3")
# 1. Which of params, batch and outputs are logits, signals, misfits?
# 2. The solution holds the logits of the leaks, $-\log(1/\theta - 1)$. The model makes leaks with
#    `mg.sigmoid`, adds the two leaky sums by their gains, and subtracts the target.
# 3. `return gain[0] * leaky(x, leak[0]) + gain[1] * leaky(x, leak[1]) - target`

# %% [markdown]
# The targets come from SciPy, not from `leaky`: with your own operation on both sides, a mistake in
# it would cancel. The figure shows one signal and what comes out, and the loss over the two leaks
# with the gains fixed at their true values. At the lower right is a local minimum: there the leaks
# have nearly changed places, but the gains have not.

# %% tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.4))
first = problem.init(np.random.default_rng(0))
left.plot(x[:, 0], color="0.6", lw=1.0, label="x")
left.plot(target[:, 0], label="target")
left.plot((problem.model(first, (x, target)) + target)[:, 0], "--", label="model at the start")
left.set(xlabel="time", title="one signal of a batch", ylim=(-5.5, 3.0))
left.legend(fontsize=8, ncols=3, loc="lower center")


def loss_at(*leaks):
    logits = -np.log(1.0 / np.array(leaks) - 1.0)
    return objective({"leak": logits, "gain": np.array([1.0, 0.5])})


leaks = np.linspace(0.02, 0.98, 45)
height = [[loss_at(first_leak, second) for first_leak in leaks] for second in leaks]
right.contour(leaks, leaks, height, np.geomspace(1e-3, 3.0, 12))
right.plot(*problem.leaks, "k*", markersize=9)
right.set(xlabel=r"$\theta_1$", ylabel=r"$\theta_2$", title="loss over the leaks")
plt.show()

# %% [markdown]
# ## A solver: two directions
#
# A **solver** is a frozen dataclass of hyper-parameters with `init(params) -> state` and
# `step(params, state, model, loss) -> params, state, info`
# ([curveball/solvers/base.py](../curveball/solvers/base.py)). It changes nothing in place, and never
# reads the value of an array: on a GPU each read waits for the device.
#
# CurveBall searches the plane of $z$ and $d = G_\lambda z + g$. What if you take the plane of $z$ and
# the gradient $g$ itself? The quadratic model and the $2 \times 2$ system are the same, with $g$ in
# place of $d$:
#
# $$\begin{bmatrix} g^T G_\lambda g & z^T G_\lambda g \\
# z^T G_\lambda g & z^T G_\lambda z \end{bmatrix} \begin{bmatrix} \beta \\ -\rho \end{bmatrix} =
# \begin{bmatrix} g^T g \\ g^T z \end{bmatrix}, \qquad z \leftarrow \rho z - \beta g, \qquad w
# \leftarrow w + z,$$
#
# with $G_\lambda = J^T H_L J + \lambda I$. It costs the same as CurveBall. The plane is that of the
# *memory gradient* method of Miele and Cantrell, 1969. On a quadratic, with $\lambda = 0$, it takes
# the steps of conjugate gradients, which makes an exact test.
#
# The next cell has what the test needs: arrays that raise an error when their values are read.


# %% tags=["hide-input"]
class Sealed(np.ndarray):
    """An array that does not let its values be read, as if each read had to wait for a device."""

    def refuse(self, *args):
        raise RuntimeError("an array was read on the host")

    __float__ = __bool__ = __int__ = __index__ = item = tolist = refuse

    def __array_function__(self, *args):
        out = super().__array_function__(*args)
        return out.view(Sealed) if isinstance(out, np.ndarray) else out


bowl = Quadratic((1.0, 2.0, 5.0, 10.0, 30.0, 100.0))
robust = TwoLeaks().loss


def walk(solver, w, steps):
    """The iterates on the bowl, and the dtype of the last beta or what info lacks."""
    state, path = solver.init(w), [w]
    for _ in range(steps):
        w, state, info = solver.step(w, state, bowl.model, bowl.loss)
        path.append(w)
    lacks = {"loss", "outputs", "aux", "rho", "beta"} - set(info)
    return np.array(path), f"no {sorted(lacks)}" if lacks else str(info["beta"].dtype)


# %% [markdown]
# ### Exercise 9.4: the step ★★★
#
# Given in the cell: `G`, the Gauss-Newton operator, with the loss as `G.value`, the outputs as
# `G.outputs` and `G.aux`; the gradient $g$; the push-forwards $z_y = J z$ and $g_y = J g$; their
# products with $H_L$, `H_L_z` and `H_L_g`; and $g^T z$ and $g^T g$, `gz` and `gg`. Use
#
# - `tree_vdot(u, v, runs)` for inner products of trees, and
#   $z^T G_\lambda g = z_y^T H_L\, g_y + \lambda z^T g$;
# - `solve_two_by_two(A_11, A_12, A_22, b_1, b_2)` for $x_1, x_2$ with
#   $A_{11} x_1 + A_{12} x_2 = b_1$ and $A_{12} x_1 + A_{22} x_2 = b_2$, also where that is singular;
# - `mg.tree_map(function, tree, ...)`, `per_run(number, x) * x` for a number times an array, and
#   `tree_add_scale(x, number, y)` for $x + \text{number} \cdot y$ of two trees.
#
# `runs` counts the axes of runs that advance together. Pass it on, and your solver runs in Table 1
# without further work. `info` is a dict of `loss`, `outputs`, `aux`, `rho` and `beta`.


# %% tags=["exercise"]
@dataclass(frozen=True)
class TwoDirections:
    """z <- rho z - beta g, w <- w + z; rho and beta minimise the damped Gauss-Newton model."""

    lam: float = 1e-3

    def init(self, params):
        return mg.tree_map(mg.zeros_like, params)

    def step(self, params, state, model, loss, has_aux=False):
        z, G = state, mg.GGNOperator(model, loss, params, has_aux)
        g, runs = G.gradient, G.value.ndim
        z_y, g_y = G.J(z), G.J(g)
        (gz, H_L_z), (gg, H_L_g) = G.slope_and_product(z_y), G.slope_and_product(g_y)
        ### BEGIN SOLUTION
        gGg = tree_vdot(g_y, H_L_g, runs) + self.lam * tree_vdot(g, g, runs)
        zGg = tree_vdot(z_y, H_L_g, runs) + self.lam * tree_vdot(z, g, runs)
        zGz = tree_vdot(z_y, H_L_z, runs) + self.lam * tree_vdot(z, z, runs)
        beta, minus_rho = solve_two_by_two(gGg, zGg, zGz, gg, gz)
        z = mg.tree_map(lambda z, g: -per_run(minus_rho, z) * z - per_run(beta, g) * g, z, g)
        info = {"loss": G.value, "outputs": G.outputs, "aux": G.aux}
        return tree_add_scale(params, 1.0, z), z, {**info, "rho": -minus_rho, "beta": beta}
        ### END SOLUTION


# %% tags=["wrong"]
# - per_run(beta, g) => + per_run(beta, g)
# - per_run(beta, g) => - 2.0 * per_run(beta, g)
# -per_run(minus_rho, z) => per_run(minus_rho, z)
# -per_run(minus_rho, z) * z - => -
# -per_run(minus_rho, z) * z - => -per_run(minus_rho, z) * g -
# tree_vdot(g, g, runs) => tree_vdot(g_y, g_y, runs)
# tree_vdot(z_y, H_L_g, runs) + self.lam * tree_vdot(z, g, runs) => tree_vdot(z_y, g_y, runs)
# tree_vdot(z_y, H_L_g, runs) + self.lam * tree_vdot(z, g, runs) => tree_vdot(z_y, H_L_g, runs)
# tree_vdot(z_y, H_L_z, runs) + self.lam * tree_vdot(z, z, runs) => tree_vdot(z_y, H_L_z, runs)
# tree_vdot(z_y, H_L_z, runs) => tree_vdot(z_y, H_L_g, runs)
# gg, gz) => gg, 0.0 * gz)
# gg, gz) => gz, gg)
# solve_two_by_two(gGg => solve_two_by_two(float(gGg) + 0.0 * gGg
# self.lam * tree_vdot(z, z, runs) => np.float64(self.lam) * tree_vdot(z, z, runs)
# G.value.ndim => 0
# tree_add_scale(params, 1.0, z) => tree_add_scale(params, 1.0, state)
# tree_add_scale(params, 1.0, z) => tree_add_scale(params, -1.0, z)
# tree_add_scale(params, 1.0, z), z, => tree_add_scale(params, 1.0, z), state,
# "loss": G.value => "loss": 0.0 * G.value
# "loss": G.value => "loss": loss(model(tree_add_scale(params, 1.0, z)))
# "outputs": G.outputs => "outputs": g
# "outputs": G => "output": G
# "aux": G.aux => "aux": None
# "rho": -minus_rho => "rho": minus_rho
# "beta": beta => "beta": 2.0 * beta
# "beta": beta => "beta": -beta


# %% tags=["checkpoint", "hide-input"]
# Checkpoint 9.4: run this cell.
def lowest(G_lam, g, z):
    """rho and beta by a dense solve."""
    plane = np.stack([z, -g], axis=1)
    return np.linalg.solve(plane.T @ G_lam @ plane, -plane.T @ g)


start, z = bowl.init(rng), rng.standard_normal(6)
g_start = bowl.hessian @ (start - bowl.solution)
G = mg.GGNOperator(bowl.model, robust, start)
g = mg.grad(lambda w: robust(bowl.model(w)))(start)
rho, beta = lowest(G.to_scipy() @ np.eye(6) + 0.5 * np.eye(6), g, z)
best = rho * z - beta * g
found = [conjugate_gradient(bowl.hessian.dot, -g_start, tol=0.0, max_iter=k).x for k in range(7)]
checkpoint(
    "9.4, conjugate gradients",
    lambda: walk(TwoDirections(0.0), start, 6)[0],
    start + found,
    likely="the matrix has g.Gg, z.Gg and z.Gz, the unknowns are beta and -rho",
)
checkpoint(
    "9.4, a damped step",
    lambda: TwoDirections(0.5).step(start, z, bowl.model, robust)[:2],
    (start + best, best),
    likely="each of the three products has its own lam term; w moves by the new z",
)


def damped_info():
    """What info says of the same step, with a model that returns something beside its outputs."""
    return TwoDirections(0.5).step(start, z, lambda w: (bowl.model(w), "beside"), robust, has_aux=True)[2]


checkpoint(
    "9.4, what info says",
    damped_info,
    {"loss": G.value, "outputs": G.outputs, "aux": "beside", "rho": rho, "beta": beta},
    likely="loss, outputs and aux are G's; rho is minus the second unknown",
)
starts, states = start + rng.standard_normal((3, 6)), rng.standard_normal((3, 6))
slopes = (starts - bowl.solution) @ bowl.hessian
pairs = [lowest(bowl.hessian + 0.5 * np.eye(6), *each) for each in zip(slopes, states, strict=True)]
several = mg.independent_runs(bowl.loss)
checkpoint(
    "9.4, three runs at once",
    lambda: TwoDirections(0.5).step(starts, states, bowl.model, several)[1],
    np.array([rho * z - beta * g for (rho, beta), z, g in zip(pairs, states, slopes, strict=True)]),
    likely="every tree_vdot takes runs, every number times an array per_run",
)
x = start.astype(np.float32)
checkpoint("9.4, info", lambda: walk(TwoDirections(), x, 3)[1], "float32", likely="np. in step")
plain, x = walk(TwoDirections(), start, 3)[0], start.view(Sealed)
checkpoint("9.4, sealed", lambda: walk(TwoDirections(), x, 3)[0], plain, likely="float() or if")

# %% tags=["hint"]
hint("9.4")
# 1. Which three numbers of the matrix have a $\lambda$, and which two are given already?
# 2. $A_{11} = g^T G_\lambda g$, $A_{12} = z^T G_\lambda g$, $A_{22} = z^T G_\lambda z$, each an inner
#    product of outputs' tangents plus `self.lam` times one of trees; $b = (g^T g, g^T z)$. The second
#    unknown is $-\rho$. `info` reports $\rho$.
# 3. `beta, minus_rho = solve_two_by_two(gGg, zGg, zGz, gg, gz)`

# %% [markdown]
# Six eigenvalues take six steps, then the solver is at the minimum. With a wrong constant it would
# often converge too; only these tests show the mistake. `minimize` accepts your solver, and stops by
# the gradient. Here are two runs from one start:

# %% tags=["varies"]
batch = problem.batch(np.random.default_rng(1))
for lam in (0.3, 0.001):
    model, solver = partial(problem.model, batch=batch), TwoDirections(lam)
    found = minimize(model, problem.loss, first, solver, max_iter=300)
    leaks = 1.0 / (1.0 + np.exp(-found.x["leak"]))
    print(f"lambda {lam}: {found.message} ({found.nit})")
    print("   leaks", leaks.round(3), "gains", found.x["gain"].round(3), "loss", f"{found.fun:.1g}")

# %% [markdown]
# ## All together
#
# The second run failed, but the code has no mistake. Far from the solution the quadratic model
# predicts a large decrease. An almost undamped step goes so far that the sigmoid is flat, with one
# leak 0 and the other 1, and there the derivatives vanish. Damping is the remedy, and here it makes
# the difference.
#
# The figure has a new batch for each iteration. At the solution the misfit is zero on every batch,
# so the noise vanishes there (notebook 7). Left: four solvers, medians of 6 starts. Right: the loss
# of your solver after 150 iterations, one dot per start.
#
# **Predict.** For $\lambda$ from 0.01 to 3, from which is your solver best?
#
# - (a) from the smallest: it is nearest to Newton's step
# - (b) from one between: with less some starts fail, with more all are slow
# - (c) from the largest: it is the safest

# %% tags=["predict"]
predict("abc")


# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
def train_on(solver, seed, steps=150):
    draws, losses = np.random.default_rng([seed, 1]), []
    w = problem.init(np.random.default_rng([seed, 0]))
    state = solver.init(w)
    for _ in range(steps):
        model = partial(problem.model, batch=problem.batch(draws))
        w, state, info = solver.step(w, state, model, problem.loss)
        losses.append(info["loss"])
    return losses


fig, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.6))
solvers = {"two directions": TwoDirections(lam=0.3), "CurveBall": CurveBall(lam=0.3)}
solvers |= {"SGD, lr = 0.3": SGD(lr=0.3), "Adam, lr = 0.1": Adam(lr=0.1)}
for name, solver in solvers.items():
    left.semilogy(np.median([train_on(solver, seed) for seed in range(6)], axis=0), label=name)
for lam in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0):
    last = [train_on(TwoDirections(lam=lam), seed)[-1] for seed in range(6)]
    right.loglog(np.full(6, lam), last, "o", color="C0", alpha=0.6)
left.set(xlabel="iteration", ylabel="loss of the batch", title="two leaks, median of 6 starts")
right.set(xlabel=r"$\lambda$", title="two directions, loss after 150")
left.legend(fontsize=8)
plt.show()

# %% [markdown] tags=["answer"]
# **(b).** With too little damping some starts fail, and those that do not are the fastest; with too
# much all are slow. At $\lambda = 0.3$ yours is level with Adam, and CurveBall is ahead, per
# iteration.

# %% [markdown]
# Next come the problems of Table 1, by its protocol, both solvers with $\eta = 1$ and the table's
# $\lambda$.

# %%
from curveball.experiments.sweep import iterations_to
from curveball.experiments.table1 import COLUMNS

for column in COLUMNS:
    print(f"{column.name:21}", end="")
    for solver in (TwoDirections(column.lam), CurveBall(lam=column.lam, adapt_lam=False)):
        counts = iterations_to(column.problem(0), solver, 50, 500)
        name, share = type(solver).__name__, np.mean(counts > 0)
        print(f"  {name} {counts[counts > 0].mean():5.1f} ({share:.0%})", end="")
    print()

# %% [markdown]
# On Rosenbrock's function the counts are identical. Why? It has two parameters, and any two
# directions span the plane. On the linear network yours needs fewer: the gradient is exact there, as
# conjugate gradients need it.
#
# Images go through `compare` ([compare.py](../curveball/experiments/compare.py)): mini-batches, a log
# and a checkpoint for each run, the same start and batches for all. This works because your `step`
# has `has_aux` and your state is a tree of arrays.

# %% tags=["varies"]
from curveball.experiments.compare import compare
from curveball.experiments.tables import table
from curveball.figures.seeds import running_mean
from curveball.training.options import TrainOptions
from problems import load, network
from problems.vision.classification import Classification

digits = Classification(load("digits"), network("mlp"), batch_size=64)
solvers = {"two directions": TwoDirections(1.0), "CurveBall": CurveBall()}
solvers |= {"CurveBall, share": CurveBall(adapt_lam="share"), "SGD": SGD(lr=0.3)}
with tempfile.TemporaryDirectory() as folder:
    runs = compare(digits, solvers, Path(folder), TrainOptions(epochs=5, quiet=True))
display(Markdown(table(runs)))
fig, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.4))
for run in runs:
    left.semilogy(running_mean([step["loss"] for step in run.steps], 20), label=run.name)
    if "rho" in run.steps[-1]:
        right.plot(running_mean([step["rho"] for step in run.steps], 20), label=run.name)
left.set(xlabel="step", ylabel="training loss, mean of 20")
right.set(xlabel="step", ylabel=r"$\rho$, mean of 20")
left.legend()
plt.show()

# %% [markdown]
# **SGD ends ahead**, in loss and more so in seconds. There are two reasons. $\lambda = 1$ is too large
# here: with the share rule, which finds a smaller one, CurveBall comes close (over the three seeds of
# notebook 8's study it is 0.033 after five epochs, SGD 0.039). And a step costs twice SGD's. SGD's
# rate is the best of eight, though, and one seed says that your solver *works*, not how
# good it is. Your momentum falls towards zero, CurveBall's does not: the gradient of a new batch is
# hardly related to a step that was exact for the last one.
#
# ## The same solver on another array library
#
# Nothing in minigrad is tied to NumPy. The arrays decide, so a solver that is written with minigrad
# alone runs on every library that follows the standard. Here is one step of CurveBall in twenty
# lines, and a small network to fit: both are given an `asarray` of some library, and the network's
# losses come back.


# %%
def dot(a, b):
    pairs = zip(mg.tree_flatten(a)[0], mg.tree_flatten(b)[0], strict=True)
    return sum(mg.sum(x * y) for x, y in pairs)


points, wide = np.linspace(-2.0, 2.0, 40)[:, None], np.linspace(-2.0, 2.0, 16)
weights = {"in": np.ones((1, 16)), "b": wide, "out": np.zeros((16, 1))}


def network_at(w, x):
    return mg.matmul(mg.tanh(mg.matmul(x, w["in"]) + w["b"]), w["out"])


def fit(asarray, solver, compiler=lambda step: step, steps=20):
    """The losses of a network that learns sin(2 x) by steps of this solver."""
    x, target, w = (mg.tree_map(asarray, tree) for tree in (points, np.sin(2.0 * points), weights))
    model, loss = partial(network_at, x=x), lambda y: mg.nn.squared_error(y, target)
    step = compiler(lambda w, z: solver(w, z, model, loss))
    z, losses = mg.tree_map(mg.zeros_like, w), []
    for _ in range(steps):
        w, z, value = step(w, z)
        losses.append(value)
    return np.array([mg.to_numpy(value) for value in losses])


# %% [markdown]
# ### Exercise 9.5: a choice without `if` ★★☆
#
# For $\beta$ and $\rho$, solve
#
# $$\begin{bmatrix} d^T G_\lambda d & z^T G_\lambda d \\
# z^T G_\lambda d & z^T G_\lambda z \end{bmatrix} \begin{bmatrix} \beta \\ -\rho \end{bmatrix} =
# \begin{bmatrix} g^T d \\ g^T z \end{bmatrix}$$
#
# by Cramer's rule. Where the determinant is not above
# $10^{-6}\, d^T G_\lambda d \; z^T G_\lambda z$, as in the first step with $z = 0$, take
# $\beta = g^T d / d^T G_\lambda d$ and $\rho = 0$ instead. An `if` would look at a number: a GPU would
# have to be waited for, and a compiler could not know which way to go. So compute both, and let
# `mg.where(condition, a, b)` choose. (Divide by 1 where the determinant is not good.)


# %% tags=["exercise"]
def curveball(w, z, model, loss, lam=1.0):
    """Return the next w, the next z, and the loss."""
    y, J = mg.linearize(model, w)
    g_L, H_L = mg.linearize(mg.grad(loss), y)
    z_y = J(z)
    d = mg.tree_map(lambda d, z: d + lam * z, J.T(H_L(z_y) + g_L), z)
    d_y = J(d)
    dGd = dot(d_y, H_L(d_y)) + lam * dot(d, d)
    zGd = dot(z_y, H_L(d_y)) + lam * dot(z, d)
    zGz = dot(z_y, H_L(z_y)) + lam * dot(z, z)
    gd, gz = dot(g_L, d_y), dot(g_L, z_y)
    ### BEGIN SOLUTION
    determinant = dGd * zGz - zGd * zGd
    good = determinant > 1e-6 * dGd * zGz
    determinant = mg.where(good, determinant, 1.0)
    beta = mg.where(good, (zGz * gd - zGd * gz) / determinant, gd / dGd)
    rho = mg.where(good, (zGd * gd - dGd * gz) / determinant, 0.0)
    ### END SOLUTION
    z = mg.tree_map(lambda z, d: rho * z - beta * d, z, d)
    return mg.tree_map(mg.add, w, z), z, loss(y)


# %% tags=["wrong"]
# good = determinant > 1e-6 * dGd * zGz => good = bool(determinant > 1e-6 * dGd * zGz)
# good = determinant > 1e-6 * dGd * zGz => good = determinant > 1e6 * dGd * zGz
# beta = mg.where => beta = np.where
# determinant = dGd * zGz - zGd * zGd => determinant = dGd * zGz + zGd * zGd
# determinant = dGd * zGz - zGd * zGd => determinant = zGd * zGd - dGd * zGz
# gd / dGd) => gd)
# gd / dGd) => 0.0)
# zGz * gd - zGd * gz => zGz * gd + zGd * gz
# zGz * gd - zGd * gz => zGd * gd - zGz * gz
# zGd * gd - dGd * gz => dGd * gz - zGd * gd
# / determinant, 0.0) => / determinant, 1.0)
# rho = mg.where(good, (zGd * gd - dGd * gz) / determinant, 0.0) => rho = 0.0
#
# def curveball(w, z, model, loss, lam=1.0):
#     y, J = mg.linearize(model, w)
#     g_L, H_L = mg.linearize(mg.grad(loss), y)
#     z_y = J(z)
#     d = mg.tree_map(lambda d, z: d + lam * z, J.T(H_L(z_y) + g_L), z)
#     d_y = J(d)
#     dGd = dot(d_y, H_L(d_y)) + lam * dot(d, d)
#     zGd = dot(z_y, H_L(d_y)) + lam * dot(z, d)
#     zGz = dot(z_y, H_L(z_y)) + lam * dot(z, z)
#     gd, gz = dot(g_L, d_y), dot(g_L, z_y)
#     determinant = dGd * zGz - zGd * zGd
#     if determinant > 1e-6 * dGd * zGz:
#         beta, rho = (zGz * gd - zGd * gz) / determinant, (zGd * gd - dGd * gz) / determinant
#     else:
#         beta, rho = gd / dGd, 0.0
#     z = mg.tree_map(lambda z, d: rho * z - beta * d, z, d)
#     return mg.tree_map(mg.add, w, z), z, loss(y)

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 9.5: run this cell.
outputs_loss = partial(network_at, x=points), lambda y: mg.nn.squared_error(y, np.sin(2.0 * points))
package = minimize(*outputs_loss, weights, CurveBall(adapt_lam=False), max_iter=20, tol=0.0)
likely = "as in notebook 5: the unknowns are beta and -rho"
checkpoint("9.5, the package's losses", lambda: fit(np.asarray, curveball), np.array(package.losses), likely=likely)
one = {"w": np.ones(1)}, {"w": np.full(1, 0.5)}, lambda w: 3.0 * w["w"], lambda y: y @ y
alone = {"w": np.full(1, 1.0 / 19.0)}  # with one parameter z and d are parallel: Newton's step, damped
checkpoint("9.5, one parameter", lambda: curveball(*one)[0], alone, likely="rho is 0 where the determinant is not good")
sealed = partial(fit, lambda x: x.view(Sealed), curveball)
checkpoint("9.5, sealed", sealed, np.array(package.losses), likely="float(), bool() or if")
try:
    import array_api_strict as strict

    found = partial(fit, strict.asarray, curveball)
    checkpoint("9.5, array-api-strict", found, np.array(package.losses), likely="np. in the step")
except ImportError:
    print("pip install array-api-strict, then run this cell again")

# %% tags=["hint"]
hint("9.5")
# 1. What does Cramer's rule give for two unknowns, and what is divided by?
# 2. Compute the determinant, whether it is good, and a determinant with 1 where it is not. Then both
#    numbers by `mg.where`. The second unknown is $-\rho$, so its sign changes.
# 3. `beta = mg.where(good, (zGz * gd - zGd * gz) / determinant, gd / dGd)`

# %% [markdown]
# Now on PyTorch's tensors, and on JAX with the whole step compiled to one program: `compiler` is
# `jax.jit`. It calls your step once with tracers for arrays, and keeps the operations that they meet.
# `linearize` makes its tape meanwhile, and after it nothing of minigrad is left. JAX computes in
# float32 unless it is told otherwise.

# %% tags=["varies"]
try:
    import torch

    gap = np.max(np.abs(fit(torch.asarray, curveball) - package.losses))
    print(f"torch: {gap:.0e} from NumPy's losses")
except ImportError:
    print("PyTorch is not installed: pip install torch, then run this cell again")
try:
    import jax

    on_jax = fit(jax.numpy.asarray, curveball, compiler=jax.jit)
    print(f"jax, compiled: {np.max(np.abs(on_jax - package.losses)):.0e} from NumPy's losses")
except ImportError:
    print("JAX is not installed: pip install jax, then run this cell again")

# %% [markdown]
# What a library has to supply besides the standard, what its compiler sees, and the same step under
# `jax.vmap` are on [a page of their own](../docs/libraries.md).
#
# ## A checklist
#
# **A primitive.** The value uses the array's own library, keeps the dtype and does not overflow.
# `check_derivatives` passes to order 2, away from kinks, and finds each planted mistake. Values and one
# derivative agree with something that does not use the primitive.
#
# **A problem.** Targets come from another program. The gradient is zero at the solution, on several
# batches. Start and batches use only the `Generator` given.
#
# **A solver.** `init` and `step` have no side effects. One step equals a dense closed form, with state
# and damping not zero; float32 stays; no array is read on the host. In a special case it agrees with a
# known method, step by step. Test convergence only after these.
#
# [CONTRIBUTING.md](../CONTRIBUTING.md) says where each of them goes in the package.
#
# ## Projects
#
# 1. Give your solver CurveBall's rule for $\lambda$ (notebook 5), then the share (notebook 8). Does its
#    start still matter?
# 2. Average its $2 \times 2$ system over batches, as `CurveBall(average=...)` does.
# 3. Write `leaky` in $\log_2 n$ steps: $S = \sum_k \theta^k E^k = \prod_j (1 + \theta^{2^j} E^{2^j})$,
#    with $E$ the shift by one.
# 4. Write a primitive with a value found by iteration, such as $y = \cos(x y)$, and with its map
#    from the implicit function theorem.
#
# ## Open problems
#
# 1. A third direction makes a $3 \times 3$ system and costs a push-forward. Is there one that is worth
#    it on mini-batches, per second?
# 2. On a quadratic your plane accelerates and CurveBall's does not; on digits yours forgets. Is there a
#    plane of the same cost that does both?
#
# ## What real systems do differently
#
# - JAX: `jax.custom_jvp` takes a push-forward and transposes it; `jax.custom_vjp` takes a
#   pull-back and gives up forward mode. `jax.test_util.check_grads` checks both to any order.
# - PyTorch: `torch.autograd.Function` has `backward` and `jvp`, two rules that may disagree;
#   `gradgradcheck` is its order 2.
# - Recurrences: `jax.lax.scan` is a primitive, `jax.lax.associative_scan` is project 3.
# - Optax's solvers are `init` and `update` pairs without side effects. CUTEst and
#   [Moré, Garbow and Hillstrom](../problems/closed_form/more_garbow_hillstrom.py) have problems with
#   known answers.
#
# ## Further reading
#
# - A. Griewank and A. Walther, *Evaluating Derivatives*, 2nd edition, 2008.
# - A. Radul and others, *You Only Linearize Once*, POPL 2023.
# - A. Miele and J. Cantrell, *Study on a memory gradient method*, 1969.
# - J. Moré, B. Garbow, K. Hillstrom, *Testing unconstrained optimization software*, 1981.
#
# ## Where you are
#
# This is the end of the course. You wrote an engine, a solver and their tests. The derivations, each
# with a test, are in [tests/derivations](../tests/derivations/README.md). To start again:
# [notebook 1](01_linear_maps.ipynb).
