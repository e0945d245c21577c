# %% [markdown]
# # 3. Curvature without matrices
#
# > **You will build** the product of a Hessian with a vector, in two ways that agree, and the
# > Gauss-Newton product, a few lines each. With them you compute eigenvalues of a network of 4,810
# > parameters without its matrix of $4810 \times 4810$ entries.
# >
# > **You need** [notebook 2](02_transposed.ipynb) (`mg.linearize`, push forward, pull back), second
# > derivatives, and eigenvalues of symmetric matrices.
# >
# > **Minutes** 50.
# >
# > Solutions: [solutions/03_curvature.ipynb](solutions/03_curvature.ipynb).
# > All notebooks share [one notation](../docs/notation.md).

# %%
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import SymLogNorm
from scipy.sparse.linalg import LinearOperator, eigsh

import minigrad as mg
import problems
from curveball import CurveBall, minimize
from curveball.course import checkpoint, curves, hint, predict
from minigrad import nn
from problems.closed_form.rosenbrock import Rosenbrock

plt.style.use("curveball.course.style")
rng = np.random.default_rng(0)

# %% [markdown]
# ## What a gradient does not say
#
# Take Rosenbrock's function of two parameters, $f(w) = 100 (w_2 - w_1^2)^2 + (1 - w_1)^2$, at
# $w = (-1.2, 1)$. Its gradient $g$ says which way is down: from $w$ along $-g$. Notebook 2 computed
# it as $J^T 1$. It does not say how far to go. Second derivatives do: with the Hessian $H$, the
# matrix of entries $\partial^2 f / \partial w_i \partial w_j$,
#
# $$f(w - \alpha g) \approx f(w) - \alpha\, g \cdot g + \tfrac12 \alpha^2\, g \cdot H g,$$
#
# a parabola in the step length $\alpha$ with its lowest point at
# $\alpha = g \cdot g \,/\, g \cdot H g$. All it needs of $H$ is one product, $Hg$.

# %%
valley = Rosenbrock()


def rosenbrock(w):
    return valley.loss(valley.model(w))


w = np.array([-1.2, 1.0])
g = mg.grad(rosenbrock)(w)
Hg = mg.hvp(rosenbrock, w, g)
best = (g @ g) / (g @ Hg)

# %% tags=["hide-input"]
alpha = np.linspace(0.0, 2.2 * best, 200)
tangent_line = rosenbrock(w) - alpha * (g @ g)
parabola = tangent_line + 0.5 * alpha**2 * (g @ Hg)
along = [rosenbrock(w - length * g) for length in alpha]
lines = {"f along -g": along, "slope: g": tangent_line, "slope and curvature: g, Hg": parabola}
ax = curves(lines, 1e3 * alpha, log="", xlabel=r"step length $\alpha$, in thousandths")
ax.vlines(1e3 * best, 0.0, parabola.min(), "k", lw=0.8)
ax.set(ylim=(0.0, 30.0), ylabel="loss", title="One product with H says how far to go")
plt.show()

# %% [markdown]
# Here $H$ has four entries. For the network at the end of this notebook it has 23 million, 185 MB; for
# one with 11 million parameters, a hundred million million. The product $Hv$ is a vector like $w$.
# What can be learned about a matrix from its products alone?
#
# ## Forward over reverse
#
# The gradient is itself a function: it takes $w$ and returns $g(w)$, in the shape of $w$. The
# derivative of a function at a point is a linear map, and for this one the map is $v \mapsto H v$.
# You already know how to apply it: *push the tangent $v$ forward through the gradient*. Reverse mode
# computes the gradient, forward mode differentiates it. This works because the linear maps on the
# inner tape are applied with minigrad's own operations: a pull-back is a program like any other.
#
# ### Exercise 3.1: push through the gradient ★☆☆
#
# Write $H v$ with `mg.grad(f)`, which returns the gradient as a function, and
# `mg.jvp(g, (w,), (v,))`, which returns two things, $g(w)$ and the pushed tangent.


# %% tags=["exercise"]
def hessian_product(f, w, v):
    """Return H v, with H the Hessian of the scalar function f at w: forward over reverse."""
    ### BEGIN SOLUTION
    return mg.jvp(mg.grad(f), (w,), (v,))[1]
    ### END SOLUTION


# %% tags=["wrong"]
# (v,))[1] => (v,))[0]
# (w,), (v,) => (v,), (w,)
# mg.grad(f) => f
# mg.jvp(mg.grad(f), (w,), (v,))[1] => (mg.grad(f)(w + 1e-5 * v) - mg.grad(f)(w - 1e-5 * v)) / 2e-5
# mg.jvp(mg.grad(f), (w,), (v,))[1] => mg.jvp(mg.grad(f), (w,), (v,))
# mg.jvp(mg.grad(f), (w,), (v,))[1] => mg.grad(f)(w + v) - mg.grad(f)(w)
# mg.jvp(mg.grad(f), (w,), (v,))[1] => mg.grad(f)(w) * v
# mg.jvp(mg.grad(f), (w,), (v,))[1] => mg.grad(f)(v)
# mg.jvp(mg.grad(f), (w,), (v,))[1] => np.sum(mg.grad(f)(w) * v) * mg.grad(f)(w)
# mg.jvp(mg.grad(f), (w,), (v,))[1] => -mg.jvp(mg.grad(f), (w,), (v,))[1]
# mg.jvp(mg.grad(f), (w,), (v,))[1] => np.array([[1330.0, 480.0], [480.0, 200.0]]) @ v
# mg.jvp(mg.grad(f), (w,), (v,))[1] => mg.grad(lambda w: mg.jvp(f, (w,), (v,))[1])(w)
# mg.jvp(mg.grad(f), (w,), (v,))[1] => mg.grad(lambda w: mg.sum(mg.grad(f)(w) * v))(w)

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 3.1: run this cell.
w1, w2 = w
closed_form = np.array([[1200 * w1**2 - 400 * w2 + 2, -400 * w1], [-400 * w1, 200.0]])
direction = np.array([0.3, -2.0])
checkpoint(
    "3.1",
    lambda: hessian_product(rosenbrock, w, direction),
    closed_form @ direction,
    likely="jvp returns the gradient and then its tangent; it takes the point first, then v. If "
    "only the last digits differ: do not use differences",
    rtol=1e-13,
    atol=0.0,
)
sweeps = set()  # through `watched`, the identity: their direction, and whether they are differentiated


def note(name, t):
    sweeps.add(f"{name}, differentiated" if isinstance(t, mg.Variable) else name)
    return t


@mg.primitive(lambda y, x: mg.Linear(lambda t: note("push", t), lambda c: note("pull", c)))
def watched(x):
    return x


def route(product):
    """The product for sum(w^4), with w a matrix, and the sweeps that it took."""
    sweeps.clear()
    W = np.arange(1.0, 7.0).reshape(2, 3)
    return product(lambda w: mg.sum(watched(w) ** 4), W, W / 10.0), sorted(sweeps)


fourth = 1.2 * np.arange(1.0, 7.0).reshape(2, 3) ** 3  # 12 w^2 v
checkpoint(
    "3.1, the route",
    lambda: route(hessian_product),
    (fourth, ["pull, differentiated", "push"]),
    likely="differentiate the pull-back: the gradient inside, jvp around it",
)

# %% tags=["hint"]
hint("3.1")
# 1. Which function has $H$ as its derivative? And which of the two tools gives a derivative times a tangent?
# 2. `mg.grad(f)` is a function like any other, from `w` to an array like `w`. Push `v` through it.
# 3. `g_and_pushed = mg.jvp(mg.grad(f), (w,), (v,))`: which of the two is it?

# %% [markdown]
# ## Reverse over forward, the same
#
# The other order works too. Push $v$ forward through $f$ first: that gives one number, the slope
# $g(w) \cdot v = \sum_j v_j\, \partial f / \partial w_j$. Now take the gradient of that number:
#
# $$\frac{\partial (g \cdot v)}{\partial w_i}
#   = \sum_j \frac{\partial^2 f}{\partial w_i \partial w_j} v_j = (H v)_i .$$
#
# Strictly, this is $H^T v$. The Hessian is symmetric, so the two agree. That is a good test of any
# engine, since they use different sweeps of different tapes.
#
# ### Exercise 3.2: the gradient of the slope ★★☆
#
# Write the slope with `mg.jvp`, and return its gradient.


# %% tags=["exercise"]
def hessian_product_reversed(f, w, v):
    """Return H v as the gradient of the slope of f along v: reverse over forward."""
    ### BEGIN SOLUTION
    return mg.grad(lambda w: mg.jvp(f, (w,), (v,))[1])(w)
    ### END SOLUTION


# %% tags=["wrong"]
# (v,))[1] => (v,))[0]
# (w,), (v,) => (v,), (w,)
# [1])(w) => [1])(v)
# lambda w: => lambda other:
# mg.grad(lambda w: mg.jvp(f, (w,), (v,))[1])(w) => mg.jvp(mg.grad(f), (w,), (v,))[1]
# mg.grad(lambda w: mg.jvp(f, (w,), (v,))[1])(w) => mg.hvp(f, w, v)
# mg.grad(lambda w: mg.jvp(f, (w,), (v,))[1])(w) => mg.grad(lambda v: mg.jvp(f, (w,), (v,))[1])(v)
# mg.grad(lambda w: mg.jvp(f, (w,), (v,))[1])(w) => mg.grad(lambda w: mg.sum(mg.grad(f)(w) * v))(w)
# mg.grad(lambda w: mg.jvp(f, (w,), (v,))[1])(w) => (mg.grad(f)(w + 1e-6 * v) - mg.grad(f)(w)) / 1e-6
# mg.grad(lambda w: mg.jvp(f, (w,), (v,))[1])(w) => mg.jvp(f, (w,), (v,))[1]
# mg.grad(lambda w: mg.jvp(f, (w,), (v,))[1])(w) => mg.grad(lambda w: mg.jvp(f, (w,), (v,))[1])
# mg.jvp(f, (w,), (v,))[1] => mg.sum(f(w) * v)

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 3.2: run this cell.
checkpoint(
    "3.2",
    lambda: hessian_product_reversed(rosenbrock, w, direction),
    closed_form @ direction,
    likely="the slope is the second result of jvp; v is fixed, the gradient is taken at w",
)
checkpoint(
    "3.2, the route",
    lambda: route(hessian_product_reversed),
    (fourth, ["pull", "push"]),
    likely="now jvp is inside and the gradient around it: no sweep of a gradient is differentiated",
)

# %% tags=["hint"]
hint("3.2")
# 1. The slope $g(w) \cdot v$ is one number for each $w$. How do you write it as a function of `w` alone?
# 2. `mg.jvp(f, (w,), (v,))` returns $f(w)$ and the slope. Make a `lambda w:` of the slope, and take its gradient.
# 3. `slope = lambda w: mg.jvp(f, (w,), (v,))[1]`

# %% [markdown]
# The package's `mg.hvp` is your first version: one line in
# [curvature.py](../minigrad/curvature.py). Forward over reverse is the usual choice, as the outer
# sweep needs no tape. For many products at one point, `mg.HessianOperator(f, w)` linearises the
# gradient once, and each product is one push through its tape.
#
# ## What it costs
#
# Time depends on the machine, so count multiplications. The primitive below multiplies matrices and
# counts. Its linear maps use the primitive itself, so every sweep, of any order, is counted too. Let
# $F$ be the multiplications of one forward pass. A layer $y = xW$ does one product. Pushing forward
# does two, $\dot y = \dot x W + x \dot W$, and so does pulling back; so the gradient costs
# $F + 2F$. Pushing a tangent through the gradient does each of its products again, and two more for
# each: $9F$ for $Hv$ from scratch. Of these, $3F$ are the gradient and need not be repeated.
#
# **Predict.** A network has 100 times as many parameters as another. How many more forward passes of
# its own does one product $Hv$ take?
#
# - (a) 100 times as many
# - (b) 10 times as many
# - (c) hardly any more

# %% tags=["predict"]
predict("abc")

# %% tags=["hide-input"]
spent = {"multiplications": 0}


@mg.primitive(
    lambda y, a, b: mg.Linear(lambda t: product(t, b), lambda c: product(c, flip(b))),
    lambda y, a, b: mg.Linear(lambda t: product(a, t), lambda c: product(flip(a), c)),
)
def product(a, b):
    spent["multiplications"] += a.shape[0] * a.shape[1] * b.shape[1]
    return a @ b


flip = mg.matrix_transpose


def count(function, *args):
    """Return the multiplications that a call does, and its result."""
    before = spent["multiplications"]
    result = function(*args)
    return spent["multiplications"] - before, result


# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
x, labels = rng.standard_normal((32, 20)), rng.integers(0, 10, 32)
sizes, passes = [], []
for width in (8, 32, 128, 512):
    shapes = [(20, width), (width, width), (width, width), (width, 10)]
    layers = [rng.standard_normal(shape) / np.sqrt(shape[0]) for shape in shapes]

    def deep(w):
        hidden = mg.tanh(product(mg.tanh(product(mg.tanh(product(x, w[0])), w[1])), w[2]))
        return product(hidden, w[3])

    F, y = count(deep, layers)
    H = mg.HessianOperator(lambda w: nn.cross_entropy(deep(w), labels), layers)
    G = mg.GGNOperator(deep, lambda y: nn.cross_entropy(y, labels), layers)
    grad = mg.grad(lambda w: nn.cross_entropy(deep(w), labels))
    calls = [(mg.jvp, grad, (layers,), (layers,)), (H, layers), (G, layers), (grad, layers)]
    sizes.append(sum(a.size for a in layers))
    passes.append([count(*call)[0] / F for call in calls])
names = ["H v from scratch", "H v, linearised before", "G v, linearised before", "gradient"]
lines = dict(zip(names, np.transpose(passes), strict=True))
ax = curves(lines, sizes, log="x", style="o-", xlabel="parameters n", ylabel="forward passes")
ax.set(ylim=(0.0, 15.0), title="A product costs a few forward passes at any size")
plt.show()

# %% [markdown] tags=["answer"]
# **(c).** The lines approach 9, 6, 4 and 3; they start lower since the first layer's input needs no
# tangent and no cotangent. ($G$ is the Gauss-Newton matrix, below.)

# %% [markdown]
# The whole matrix takes $n$ products, one per column.
#
# ## Against differences
#
# A third route needs no second derivatives. Take the gradient at two points and divide:
#
# $$H v \approx \frac{g(w + \delta v) - g(w)}{\delta}, \qquad
#   H v \approx \frac{g(w + \delta v) - g(w - \delta v)}{2\delta} .$$
#
# Try it on a network that is small enough to show its whole matrix: two inputs, eight tanh units,
# three classes, 51 parameters. It tells the three arms of a spiral apart.

# %%
arm = np.repeat(np.arange(3), 30)
radius = np.tile(np.linspace(0.2, 1.0, 30), 3)
angle = 2.0 * np.pi * arm / 3.0 + 2.5 * radius + 0.1 * rng.standard_normal(90)
points = 1.5 * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def model(w):  # params -> outputs, (90, 3)
    return mg.tanh(points @ w["w1"] + w["b1"]) @ w["w2"] + w["b2"]


def loss(outputs):  # outputs -> scalar
    return nn.cross_entropy(outputs, arm)


def f(w):
    return loss(model(w))


shapes = {"b1": (8,), "b2": (3,), "w1": (2, 8), "w2": (8, 3)}
start = {name: 0.6 * rng.standard_normal(shape) for name, shape in shapes.items()}
tangent = {name: rng.standard_normal(shape) for name, shape in shapes.items()}


# %% tags=["hide-input"]
def flat(tree):
    """All entries in one vector, in the order of `to_scipy()`: that of the sorted names."""
    return np.concatenate([tree[name].ravel() for name in sorted(tree)])


def gradient_at(delta):
    return flat(mg.grad(f)(mg.tree_map(lambda w, v: w + delta * v, start, tangent)))


exact = flat(mg.hvp(f, start, tangent))
other = flat(mg.grad(lambda w: mg.jvp(f, (w,), (tangent,))[1])(start))
steps = np.logspace(-12, 0, 49)
one_sided = [(gradient_at(delta) - gradient_at(0.0)) / delta for delta in steps]
central = [(gradient_at(delta) - gradient_at(-delta)) / (2.0 * delta) for delta in steps]
errors = {}
for name, quotients in [("one-sided", one_sided), ("central", central)]:
    errors[name] = np.linalg.norm(np.array(quotients) - exact, axis=1) / np.linalg.norm(exact)
    best = steps[errors[name].argmin()]
    print(f"{name}: best error {errors[name].min():.0e}, at delta = {best:.0e}")
routes = np.linalg.norm(other - exact) / np.linalg.norm(exact)
ax = curves(errors, steps, log="xy", xlabel=r"step $\delta$")
ax.set_ylabel("relative difference from mg.hvp")
ax.axhline(routes, color="k", ls="--", label="reverse over forward")
ax.set_title("Differences lose a third to half of the digits, products none")
ax.legend()
plt.show()

# %% [markdown]
# As in notebook 1: the formulas' own errors on the right, rounding on the left; in float32 little is
# left in the middle. The two products agree to the last digits and have no $\delta$ to choose. In the
# package, differences are a test (`mg.check_derivatives`), never a derivative.
#
# ## The whole matrix, by columns
#
# Column $k$ of a matrix is its product with the $k$-th unit vector: for a tiny function, that gives
# the exact Hessian. `.to_scipy()` turns the operator into a flat
# `scipy.sparse.linalg.LinearOperator`, which multiplies vectors and, column by column, matrices.

# %% tags=["checkpoint"]
columns = mg.HessianOperator(rosenbrock, w).to_scipy() @ np.eye(2)
checkpoint("3.3", columns, closed_form, likely="the function or the point was changed above")

# %% [markdown]
# ## The Gauss-Newton product
#
# A network's loss has two parts, $f = L \circ \varphi$: the outputs $y = \varphi(w)$ for a batch, and
# the loss $L$ of the outputs. Write $J$ for the Jacobian of $\varphi$, a row for each output: $J v$ is
# a push-forward, $J^T u$ a pull-back. Let $g_L$ and $H_L$ be the gradient and Hessian of $L$ by the
# outputs. The chain rule gives $g = J^T g_L$. Differentiate that product once more; both factors
# change with $w$:
#
# $$H = \underbrace{J^T H_L J}_{\textstyle G}
#   \;+\; \underbrace{\sum_k (g_L)_k \nabla^2 \varphi_k}_{\textstyle \text{the rest}} .$$
#
# The first term is the **Gauss-Newton matrix** $G$. It keeps the curvature of the loss and treats
# the network as linear. The rest holds the network's own second derivatives, output by output,
# weighted by the gradient of the loss. ([The
# derivation](../tests/derivations/test_05_gauss_newton.py), with its tests.)
#
# ### Exercise 3.4: push, multiply, pull ★★☆
#
# Write $G v = J^T (H_L (J v))$ from right to left, with one evaluation of the model.
# `y, J = mg.linearize(model, w)` gives the outputs and the map of notebook 2: `J(v)` pushes, `J.T(u)`
# pulls. For $H_L$ at the outputs there is `mg.hvp(loss, y, ...)`.


# %% tags=["exercise"]
def ggn_product(model, loss, w, v):
    """Return G v for `loss` after `model`, evaluating the model once."""
    ### BEGIN SOLUTION
    y, J = mg.linearize(model, w)
    v_y = J(v)
    return J.T(mg.hvp(loss, y, v_y))
    ### END SOLUTION


# %% tags=["wrong"]
# mg.hvp(loss, y, v_y) => v_y
# mg.hvp(loss, y, v_y) => mg.grad(loss)(v_y)
# mg.hvp(loss, y, v_y) => mg.grad(loss)(y) * v_y
# mg.hvp(loss, y, v_y) => mg.hvp(loss, v_y, y)
# mg.hvp(loss, y, v_y) => mg.hvp(loss, 0.0 * y, v_y)
# mg.hvp(loss, y, v_y) => mg.hvp(loss, mg.linearize(model, w)[0], v_y)
# J.T(mg.hvp(loss, y, v_y)) => mg.hvp(loss, y, v_y)
# J.T(mg.hvp(loss, y, v_y)) => J(mg.hvp(loss, y, v_y))
# J.T(mg.hvp(loss, y, v_y)) => J.T(mg.grad(loss)(y)) * (mg.grad(loss)(y) @ v_y)
# J.T(mg.hvp(loss, y, v_y)) => 2.0 * J.T(mg.hvp(loss, y, v_y))
# J.T(mg.hvp(loss, y, v_y)) => mg.hvp(lambda w: loss(model(w)), w, v)
# J.T(mg.hvp(loss, y, v_y)) => mg.linearize(model, w)[1].T(mg.hvp(loss, model(w), v_y))
# v_y = J(v) => v_y = model(w + v) - y
# v_y = J(v) => v_y = v
#
# def ggn_product(model, loss, w, v):
#     y, v_y = mg.jvp(model, (w,), (v,))
#     return mg.linearize(model, w)[1].T(mg.hvp(loss, y, v_y))

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 3.4: run this cell.
toy_w, toy_v, toy_calls = np.array([0.5, -1.5]), np.array([2.0, 1.0]), []


def toy(w):
    toy_calls.append(1)
    return mg.stack([w[0] * w[1], w[0] ** 2, w[1] ** 3])


def toy_loss(y):
    return mg.log(mg.sum(mg.exp(y)))


w1, w2 = toy_w
J_toy = np.array([[w2, w1], [2 * w1, 0.0], [0.0, 3 * w2**2]])  # outputs x parameters
exponentials = np.exp([w1 * w2, w1**2, w2**3])
g_L_toy = exponentials / np.sum(exponentials)  # toy_loss's gradient
H_L_toy = np.diag(g_L_toy) - np.outer(g_L_toy, g_L_toy)
G_toy = J_toy.T @ H_L_toy @ J_toy
checkpoint(
    "3.4",
    lambda: np.stack([ggn_product(toy, toy_loss, toy_w, v) for v in (toy_v, *np.eye(2))]),
    np.stack([G_toy @ v for v in (toy_v, *np.eye(2))]),
    likely="push v, multiply with the loss's Hessian at the outputs (not at v), pull the result",
)
toy_calls.clear()
checkpoint(
    "3.4, evaluations",
    lambda: [ggn_product(toy, toy_loss, toy_w, toy_v), len(toy_calls)],
    [G_toy @ toy_v, 1],
    likely="mg.linearize runs the model: its y and J serve for all three factors",
)

# %% tags=["hint"]
hint("3.4")
# 1. Which shape has each of $v$, $J v$, $H_L J v$ and $G v$: that of the parameters, or that of the outputs?
# 2. Three lines, one per factor, from the right: push with `J`, multiply with `mg.hvp` at `y`, pull with `J.T`.
# 3. `mg.hvp(loss, y, J(v))` is $H_L J v$.

# %% [markdown]
# The package's `mg.ggnvp` does the same, and `mg.GGNOperator` keeps the linearisation for many
# products.
#
# ## What it drops
#
# ### Exercise 3.5: the rest ★★★
#
# Write the product of the rest, $\sum_k (g_L)_k \nabla^2 \varphi_k$, with $v$. Note that for a
# *fixed* $u$, $\sum_k u_k \nabla^2 \varphi_k$ is the Hessian of the scalar function
# $w \mapsto u \cdot \varphi(w)$. The figure after it shows the three matrices of the spiral network,
# at the start and after fifteen steps of CurveBall (notebook 5).


# %% tags=["exercise"]
def dropped_product(model, loss, w, v):
    """Return (H - G) v for `loss` after `model`; outputs are one array."""
    ### BEGIN SOLUTION
    u = mg.grad(loss)(model(w))
    return mg.hvp(lambda w: mg.sum(u * model(w)), w, v)
    ### END SOLUTION


# %% tags=["wrong"]
# mg.grad(loss)(model(w)) => model(w)
# mg.sum(u * model(w)) => loss(model(w))
# mg.sum(u * model(w)) => mg.sum(mg.grad(loss)(model(w)) * model(w))
# mg.sum(u * model(w)) => mg.sum(model(w))
# mg.sum(u * model(w)) => -mg.sum(u * model(w))
# mg.sum(u * model(w)) => mg.mean(u * model(w))
# mg.sum(u * model(w)) => mg.sum(u**2 * model(w))
# mg.sum(u * model(w)) => mg.sum((u * model(w))[:2])
# mg.sum(u * model(w)), w, v) => mg.sum(u * model(w)), v, w)
# u = mg.grad(loss)(model(w)) => u = mg.grad(loss)(model(w + v))
# u = mg.grad(loss)(model(w)) => u = mg.grad(loss)(0.0 * model(w))
# return mg.hvp(lambda w: mg.sum(u * model(w)), w, v) => return mg.grad(lambda w: mg.sum(u * model(w)))(w) * v
# return mg.hvp(lambda w: mg.sum(u * model(w)), w, v) => return mg.ggnvp(model, loss, w, v)

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 3.5: run this cell.
rest_toy = np.array([[2.0 * g_L_toy[1], g_L_toy[0]], [g_L_toy[0], 6.0 * w2 * g_L_toy[2]]])
checkpoint(
    "3.5",
    lambda: dropped_product(toy, toy_loss, toy_w, toy_v),
    rest_toy @ toy_v,
    likely="u is the loss's gradient by the outputs, held fixed: compute it before mg.hvp",
)

# %% tags=["hint"]
hint("3.5")
# 1. What is the Hessian of $w \mapsto u \cdot \varphi(w)$ if $u$ does not move with $w$, and which $u$ do you need?
# 2. Compute $u = g_L$ first, at the outputs. Then `mg.hvp` of a function of `w` in which `u` is a constant.
# 3. `lambda w: mg.sum(u * model(w))` is the function, with `u = mg.grad(loss)(model(w))` from before.

# %% [markdown]
# **Predict.** Before training, which is larger in the spiral network: $G$, or the rest?
#
# - (a) $G$, before and after training
# - (b) the rest before, $G$ after
# - (c) the rest, before and after

# %% tags=["predict"]
predict("abc")


# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
def matrices(w):
    """H and G at some params, by columns."""
    H, G = mg.HessianOperator(f, w), mg.GGNOperator(model, loss, w)
    return H.to_scipy() @ np.eye(51), G.to_scipy() @ np.eye(51)


result = minimize(model, loss, start, CurveBall(lam=1e-2), max_iter=15)
split = {"start": matrices(start), "trained": matrices(result.x)}

_, axes = plt.subplots(2, 3, figsize=(8.4, 5.6))
ends, middles, names = [7.5, 10.5, 26.5], [3.5, 9.0, 18.5, 38.5], list(shapes)
for row, (place, (H, G)) in zip(axes, split.items(), strict=True):
    for ax, matrix, name in zip(row, (H, G, H - G), ("H", "= G", "+ the rest"), strict=True):
        norm = SymLogNorm(linthresh=0.003, vmin=-0.4, vmax=0.4)
        image = ax.imshow(matrix, norm=norm, cmap="RdBu_r")
        ax.hlines(ends, -0.5, 50.5, "k", lw=0.4), ax.vlines(ends, -0.5, 50.5, "k", lw=0.4)
        ax.set_xticks(middles, names), ax.set_yticks(middles, names)
        ax.set_title(f"{name}, {place}")
        ax.grid(False)
plt.colorbar(image, ax=axes, shrink=0.7, ticks=[-0.1, -0.01, 0, 0.01, 0.1], label="entry")
plt.show()

# %% [markdown] tags=["answer"]
# **(b).** At the start the rest is larger than $G$. After training $g_L$ is small, and so is the rest.
# Where $g_L = 0$ exactly, as in least squares that fits perfectly, $H = G$.

# %% [markdown]
# Look at the rest: why is its block of `w2` by `w2` blank, in both rows? The outputs are *linear* in
# `b2` and `w2`: those second derivatives are zero, whatever the weights.

# %% tags=["checkpoint"]
for (place, (H, G)), value in zip(split.items(), (result.losses[0], result.fun), strict=True):
    sizes = [np.linalg.norm(matrix) for matrix in (G, H - G)]
    print(f"{place:8} loss {value:.3f}   |G| {sizes[0]:.2f}   |rest| {sizes[1]:.2f}")
    checkpoint(
        f"3.6, {place}",
        (H - G)[27:, 27:],  # w2 by w2
        np.zeros((24, 24)),
        likely="the model is no longer linear in its last layer",
        atol=1e-14,
    )

# %% [markdown]
# ## When it is positive
#
# Multiply $G$ with the same vector from both sides: $v \cdot G v = (J v) \cdot H_L\, (J v)$. If the
# loss is convex in the *outputs*, $H_L$ has no negative eigenvalue. Then $G$ has none either, for any
# network at any parameters. Squared error and softmax cross entropy are convex. A loss that forgives
# outliers, $1 - e^{-|y - \text{target}|^2}$, is not, and the guarantee is gone.

# %%
targets = np.eye(3)[arm]
losses = {
    "cross entropy": loss,
    "squared error": lambda y: nn.squared_error(y, targets),
    "forgiving": lambda y: mg.mean(1.0 - mg.exp(-mg.sum((y - targets) ** 2, axis=-1))),
}


def smallest(operator):
    return np.linalg.eigvalsh(operator.to_scipy() @ np.eye(operator.shape[0]))[0]


print("smallest eigenvalue of     H_L        G        H")
for name, outputs_loss in losses.items():
    G = mg.GGNOperator(model, outputs_loss, start)
    H = mg.HessianOperator(lambda w, L=outputs_loss: L(model(w)), start)
    values = [smallest(operator) for operator in (G.H_L, G, H)]
    print(f"{name:20}", "".join(f"{round(value, 4) + 0.0:9.4f}" for value in values))

# %% [markdown]
# $H$ is indefinite for each of them: along some directions the loss curves down, and the quadratic
# model has no lowest point. That is why most second-order solvers for networks, CurveBall among them,
# use $G$.
#
# The price is rank: $G$ has no more nonzero eigenvalues than there are outputs in the batch. With
# fewer outputs than parameters it is singular. It needs damping, $G_\lambda = G + \lambda I$, before
# it can be inverted.
#
# ## The spectrum
#
# All 51 eigenvalues of the small network:

# %% tags=["hide-input"]
_, axes = plt.subplots(1, 2, figsize=(8.4, 3.6), sharey=True)
for ax, (place, (H, G)) in zip(axes, split.items(), strict=True):
    h_H, h_G = np.linalg.eigvalsh(H)[::-1], np.linalg.eigvalsh(G)[::-1]
    ax.plot(np.arange(1, 52), h_H, "o", ms=4, label="H")
    ax.plot(np.arange(1, 52), h_G, "x", ms=5, label="G")
    ax.set_yscale("symlog", linthresh=1e-4)
    ax.set_title(f"{place}: {np.sum(h_H < -1e-10)} negative in H, {np.sum(h_G < -1e-10)} in G")
    ax.set_xlabel("number of the eigenvalue")
axes[0].set_yticks([-1, -1e-1, -1e-2, -1e-3, -1e-4, 0, 1e-4, 1e-3, 1e-2, 1e-1, 1])
axes[0].set_ylabel("eigenvalue")
axes[0].legend()
plt.show()

# %% [markdown]
# The two agree at the top, where the curvature of the loss dominates, and better after training than
# before. The negative eigenvalues come from the rest. Training makes them small, but does not remove
# them.
#
# ## Eigenvalues from products
#
# For thousands of parameters the matrix is out of reach, but the ends of its spectrum are not.
# Multiply a vector by $H$ again and again: the component along the eigenvector of largest $|h|$
# grows fastest and soon dominates. This is **power iteration**. With $|v| = 1$, the
# estimate of the eigenvalue is $v \cdot H v$, which keeps its sign.
#
# ### Exercise 3.7: the eigenvalue of largest size ★★☆
#
# In each of `steps` rounds: scale `v` to length 1, multiply, keep $v \cdot Hv$ as the estimate, and
# go on from $Hv$.


# %% tags=["exercise"]
def power_iteration(multiply, v, steps):
    """Return the estimate of the eigenvalue of largest size, after some products `multiply(v)`."""
    ### BEGIN SOLUTION
    for _ in range(steps):
        v = v / np.linalg.norm(v)
        Hv = multiply(v)
        estimate = v @ Hv
        v = Hv
    return float(estimate)
    ### END SOLUTION


# %% tags=["wrong"]
# v @ Hv => np.linalg.norm(Hv)
# v / np.linalg.norm(v) => v
# v = Hv => v = v + Hv
#         v = Hv =>         v = Hv - v
#         v = Hv =>         pass
# return float(estimate) => return abs(float(estimate))
# return float(estimate) => return float(v @ multiply(v))
# return float(estimate) => return v
# v / np.linalg.norm(v) => v / np.max(np.abs(v))
# v / np.linalg.norm(v) => v / np.linalg.norm(v) ** 2
# for _ in range(steps) => for _ in range(60)
# for _ in range(steps) => for _ in range(steps + 1)
# estimate = v @ Hv => estimate = v @ multiply(v)
# estimate = v @ Hv => estimate = np.max(Hv / v)
#         v = v / np.linalg.norm(v) =>         v /= np.linalg.norm(v)

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 3.7: run this cell.
rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0]
known, products, v0 = rotation @ np.diag([-3.0, 1.5, 1.0, 0.2]) @ rotation.T, [], np.ones(4)
v0.flags.writeable = False  # what changes its argument is caught


def times_known(v):
    products.append(v)
    return known @ v


checkpoint(
    "3.7",
    lambda: power_iteration(times_known, v0, 60),
    -3.0,
    likely="-3 is the largest by size: v @ Hv has its sign, |Hv| has not; v must have length 1",
)
v2 = known @ known @ v0
products.clear()
checkpoint(
    "3.7, three rounds",
    lambda: [power_iteration(times_known, v0, 3), len(products)],
    [v2 @ known @ v2 / (v2 @ v2), 3],
    likely="the estimate of the third product, and one product in each round",
)

# %% tags=["hint"]
hint("3.7")
# 1. What would become of the length of `v` in sixty products, if you did not scale it?
# 2. One round: divide `v` by its norm, call `multiply` once, keep `v @ Hv`, and let `v` be the product.
# 3. `v = v / np.linalg.norm(v)` begins each round, before `Hv = multiply(v)`.

# %% [markdown]
# Power iteration remembers one vector. **Lanczos'** method keeps them all, $v, Hv, H^2v, \dots$,
# made orthogonal, and takes the eigenvalues of $H$ restricted to the space that they span. They
# approach both ends of the spectrum at once, and in far fewer products. SciPy's `eigsh` is such a
# method, and takes what `.to_scipy()` returns. First try it on the small network, where all
# eigenvalues are known:


# %% tags=["checkpoint"]
def end(operator, which, count=12):
    """The `count` eigenvalues at one end, "LA" largest or "SA" smallest; and the products it took."""
    flat_operator, products = operator.to_scipy(), []

    def multiply(v):
        products.append(1)
        return flat_operator @ v

    v0 = np.ones(operator.shape[0])
    counted = LinearOperator(operator.shape, multiply, dtype=np.float64)
    found = eigsh(counted, count, which=which, v0=v0, tol=1e-3, return_eigenvectors=False)
    return np.sort(found), len(products)


checkpoint(
    "3.8",
    end(mg.HessianOperator(f, start), "LA", count=5)[0],
    np.linalg.eigvalsh(split["start"][0])[-5:],
    likely="the matrix and the operator are at different params",
    rtol=1e-3,
)

# %% [markdown]
# Then take the package's perceptron for digits of $8 \times 8$ pixels, with 64 tanh units, before and after 60 steps
# of CurveBall on 500 of them.

# %%
data, perceptron = problems.load("digits"), problems.network("mlp")
digits = problems.Classification(data, perceptron, batch_size=500, dtype=np.float64)
params, batch = digits.init(rng), digits.batch(rng)


def read(w):
    return digits.model(w, batch)[0]  # the second item, statistics of batch normalisation, is empty


def digits_loss(outputs):
    return digits.loss(outputs, batch)


result = minimize(read, digits_loss, params, CurveBall(), max_iter=60)
print(f"loss {result.losses[0]:.2f} at the start, {result.fun:.2f} after {result.nit} steps")

# %% tags=["hide-input"]
_, axes = plt.subplots(1, 2, figsize=(8.4, 3.6), sharey=True)
number = np.arange(1, 13)
for ax, (place, at) in zip(axes, [("start", params), ("trained", result.x)], strict=True):
    H = mg.HessianOperator(lambda w: digits_loss(read(w)), at)
    G = mg.GGNOperator(read, digits_loss, at)
    (high, products), (low, more), (high_G, of_G) = end(H, "LA"), end(H, "SA"), end(G, "LA")
    ax.semilogy(number, high[::-1], "o-", ms=4, label="H, largest")
    ax.semilogy(number, high_G[::-1], "x--", label="G, largest")
    ax.semilogy(number, -low, "v-", ms=4, label="H, most negative, without its sign")
    ax.set_title(f"{place}: H from {low[0]:.2g} to {high[-1]:.2g}")
    ax.set_xlabel("number of the eigenvalue, from its end")
    ax.set_xticks([1, 3, 6, 9, 12])
    print(f"{place}: {products} + {more} products with H, {of_G} with G, instead of {H.shape[0]}")
axes[0].set_ylabel("size of the eigenvalue")
axes[0].legend(fontsize=8, loc="lower left")
plt.show()

# %% [markdown]
# At the start the few largest eigenvalues of $H$ are those of $G$, and the negative end is not much
# smaller than the positive one. After training $G$ has nearly all of them, and the negative end has
# shrunk far more. Near a good fit $G$ is a good approximation of $H$, and far from it the safer choice.
# Where eigenvalues are well separated, dozens of products are enough instead of 4,810.

# %% [markdown]
# ## What real systems do differently
#
# - JAX has `jax.jvp(jax.grad(f), (w,), (v,))[1]`, the same line as yours, and `jax.linearize` for
#   many products. `torch.func` has both too.
# - With `torch.autograd.grad` alone, $Hv$ is the gradient of $g(w) \cdot v$: reverse over reverse,
#   the tape of a tape.
# - curvlinops and PyHessian offer such operators for PyTorch models.
# - K-FAC approximates a block of $G$ per layer by a Kronecker product of two small matrices.
#
# ## Open problems
#
# 1. **The cheapest eigenvalue.** You want the largest eigenvalue of $H$ to 10% in as few products as
#    you can. What does the start vector cost you? Use what the gradient and earlier steps tell.
# 2. **A better rest.** $H - G$ is dropped whole since it is indefinite. Keep a positive part of it,
#    from products alone: does a Newton step with it beat Gauss-Newton far from a minimum?
#
# ## Further reading
#
# - B. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6(1), 1994.
# - N. Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent",
#   Neural Computation 14(7), 2002.
# - J. Martens, "New insights and perspectives on the natural gradient method", JMLR 21, 2020.
# - B. Ghorbani, S. Krishnan, Y. Xiao, "An investigation into neural net optimization via Hessian
#   eigenvalue density", ICML 2019.
#
# ## Where you are
#
# You have the products with $H$ and with $G$, and know how the two differ. [The next
# notebook](04_newton_and_cg.ipynb) solves linear systems, and takes Newton's steps, with these
# products alone.
