"""CurveBall against a plain loop over its equations, with dense matrices written down by hand."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import minigrad as mg
from curveball import CurveBall
from minigrad import nn

N, FEATURES, HIDDEN, CLASSES = 12, 3, 4, 3
SHAPES = {"b1": (HIDDEN,), "b2": (CLASSES,), "w1": (FEATURES, HIDDEN), "w2": (HIDDEN, CLASSES)}  # keys sorted


def draw(seed=0):
    rng = np.random.default_rng(seed)
    X, labels = rng.standard_normal((N, FEATURES)), rng.integers(CLASSES, size=N)
    params = {key: 0.8 * rng.standard_normal(shape) for key, shape in SHAPES.items()}
    return X, labels, params


def flat(tree):
    return np.concatenate([tree[key].ravel() for key in SHAPES])


def unflat(w):
    cuts = np.cumsum([np.prod(shape) for shape in SHAPES.values()])
    parts = np.split(w, cuts[:-1])
    return {key: part.reshape(shape) for (key, shape), part in zip(SHAPES.items(), parts, strict=True)}


def network(X):
    """The model as users write it."""
    return lambda p: nn.dense(mg.tanh(nn.dense(X, p["w1"], p["b1"])), p["w2"], p["b2"])


class ByHand:
    """The same network and loss with their derivatives as dense matrices: `outputs`, `f`, `J_T`, `g_L`, `H_L`."""

    def __init__(self, X, labels):
        self.X, self.Y = X, np.eye(CLASSES)[labels]

    def outputs(self, w):
        p = unflat(w)
        return np.tanh(self.X @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]

    def f(self, w):
        y = self.outputs(w)
        return np.mean(np.log(np.exp(y).sum(axis=1)) - (self.Y * y).sum(axis=1))

    def J_T(self, w):
        """d outputs / d w transposed: (parameters, samples x classes)."""
        p = unflat(w)
        h = np.tanh(self.X @ p["w1"] + p["b1"])
        through = (1.0 - h * h)[:, :, None] * p["w2"]  # sample, hidden, class
        eye = np.eye(CLASSES)
        blocks = [
            through.transpose(1, 0, 2),
            np.einsum("jk,n->jnk", eye, np.ones(N)),
            np.einsum("ni,nhk->ihnk", self.X, through),
            np.einsum("nh,jk->hjnk", h, eye),
        ]
        return np.concatenate([block.reshape(-1, N * CLASSES) for block in blocks])

    def g_L(self, w):
        y = self.outputs(w)
        p = np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
        return ((p - self.Y) / N).ravel()

    def H_L(self, w):
        y = self.outputs(w)
        p = np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
        H = np.zeros((N, CLASSES, N, CLASSES))
        for n in range(N):
            H[n, :, n, :] = (np.diag(p[n]) - np.outer(p[n], p[n])) / N
        return H.reshape(N * CLASSES, N * CLASSES)


@dataclass
class PlainLoop:
    """The algorithm, item by item, on flat vectors."""

    problem: ByHand
    w: np.ndarray
    lam: float
    lr: float = 1.0
    rho: float | None = None
    beta: float | None = None
    weight_decay: float = 0.0
    lam_factor: float = 0.999
    lam_every: int = 5
    trust_low: float = 0.5
    trust_high: float = 1.5
    average: float = 0.0
    average_share: float = 0.5
    count: int = 0
    trust_ratio: float = np.nan
    lams: list = field(default_factory=list)
    systems: list = field(default_factory=list)
    shares: list = field(default_factory=list)

    def __post_init__(self):
        self.z = np.zeros_like(self.w)

    def objective(self, w):
        return self.problem.f(w) + 0.5 * self.weight_decay * (w @ w)

    def quadratic(self):
        """Gradient and damped Gauss-Newton matrix of the objective."""
        J_T = self.problem.J_T(self.w)
        g = J_T @ self.problem.g_L(self.w) + self.weight_decay * self.w
        G = J_T @ self.problem.H_L(self.w) @ J_T.T + self.weight_decay * np.eye(len(self.w))
        return g, G + self.lam * np.eye(len(self.w))  # 1

    def step(self):
        z, lam = self.z, self.lam
        g, G_lam = self.quadratic()
        d = G_lam @ z + g  # 2, 3
        matrix = np.array([[d @ G_lam @ d, z @ G_lam @ d], [z @ G_lam @ d, z @ G_lam @ z]])  # 4
        side = np.array([g @ d, g @ z])
        solution = np.linalg.pinv(matrix) @ side
        if self.average:  # 6
            scale = 0.5 * side @ solution  # the decrease it promises
            self.systems.append((matrix / scale, side / scale))
            weights = self.average ** np.arange(len(self.systems))[::-1]
            mean_matrix, mean_side = (
                np.average(part, axis=0, weights=weights) for part in zip(*self.systems, strict=True)
            )
            mean = np.linalg.pinv(mean_matrix) @ mean_side
            share = (mean @ side - 0.5 * mean @ matrix @ mean) / scale
            self.shares.append(share)
            if share >= self.average_share:
                solution = mean
            else:
                self.systems = self.systems[-1:]
        beta, rho = solution[0], -solution[1]
        new = rho * z - beta * d
        predicted = 0.5 * new @ G_lam @ new + g @ new
        old = self.objective(self.w)
        loss = self.problem.f(self.w)
        self.z = rho * z - beta * d
        self.count += 1
        if self.count % self.lam_every == 0:  # 5
            gamma = self.trust_ratio = (self.objective(self.w + self.z) - old) / predicted
            if gamma < self.trust_low or predicted > 0.0:
                self.lam /= self.lam_factor**self.lam_every
            elif gamma > self.trust_high:
                self.lam *= self.lam_factor**self.lam_every
        self.lams.append(self.lam)
        self.w = self.w + self.lr * self.z
        return {
            "loss": loss,
            "rho": rho,
            "beta": beta,
            "lam": lam,
            "trust_ratio": self.trust_ratio,
            "predicted": predicted,
        }


def test_by_hand_is_right():
    """The oracle's own derivatives, against differences."""
    X, labels, params = draw()
    hand, w = ByHand(X, labels), flat(params)
    v = np.random.default_rng(1).standard_normal(w.shape)
    h = 1e-5
    difference = (hand.outputs(w + h * v) - hand.outputs(w - h * v)) / (2 * h)
    np.testing.assert_allclose(hand.J_T(w).T @ v, difference.ravel(), rtol=1e-7, atol=1e-9)
    slope = (hand.f(w + h * v) - hand.f(w - h * v)) / (2 * h)
    np.testing.assert_allclose(v @ hand.J_T(w) @ hand.g_L(w), slope, rtol=1e-8)
    u = np.random.default_rng(2).standard_normal((N, CLASSES))
    y = hand.outputs(w)
    losses = [
        np.mean(np.log(np.exp(y + s * u).sum(axis=1)) - (hand.Y * (y + s * u)).sum(axis=1)) for s in (-1e-3, 0, 1e-3)
    ]
    second = (losses[0] - 2 * losses[1] + losses[2]) / 1e-6
    np.testing.assert_allclose(u.ravel() @ hand.H_L(w) @ u.ravel(), second, rtol=1e-5)


@pytest.mark.parametrize("options", [
    {"lam": 1.0},
    {"lam": 1.0, "lr": 0.5, "lam_every": 1, "lam_factor": 0.5},
    {"lam": 1e-3, "lam_every": 2, "lam_factor": 0.8, "trust_low": 0.98, "trust_high": 0.99},
    {"lam": 1e-2, "lam_every": 1, "lam_factor": 0.7, "weight_decay": 0.05},
    {"lam": 0.3, "lr": 1.3, "weight_decay": 0.2, "lam_every": 3, "lam_factor": 0.9},
    {"lam": 1.0, "average": 0.9},
    {"lam": 0.1, "average": 0.5, "weight_decay": 0.05, "lam_every": 1, "lam_factor": 0.7},
    {"lam": 1e-2, "average": 0.9, "average_share": 0.9},
    {"lam": 1e-2, "average": 0.9, "average_share": -10.0},
], ids=str)  # fmt: skip
def test_iterates_are_those_of_the_plain_loop(options):
    X, labels, params = draw()
    loop = PlainLoop(ByHand(X, labels), flat(params), **options)
    solver = CurveBall(**options)
    state = solver.init(params)
    for k in range(15):
        params, state, info = solver.step(params, state, network(X), lambda y: nn.cross_entropy(y, labels))
        expected = loop.step()
        for key, value in expected.items():
            np.testing.assert_allclose(info[key], value, rtol=1e-7, err_msg=f"{key} at step {k}")
        np.testing.assert_allclose(flat(params), loop.w, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(flat(state.z), loop.z, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(state.lam, loop.lam, rtol=1e-12)
    assert state.steps == 15


def test_the_cases_above_take_the_average_and_start_again():
    X, labels, params = draw()
    loop = PlainLoop(ByHand(X, labels), flat(params), lam=1e-2, average=0.9, average_share=0.9)
    for _ in range(15):
        loop.step()
    assert 3 <= np.sum(np.array(loop.shares[1:]) < 0.9) <= 11


def test_the_cases_above_move_lambda_both_ways():
    X, labels, params = draw()
    up = PlainLoop(ByHand(X, labels), flat(params), 1e-3, lam_every=2, lam_factor=0.8, trust_low=0.98, trust_high=0.99)
    down = PlainLoop(ByHand(X, labels), flat(params), 1.0, lr=0.5, lam_every=1, lam_factor=0.5)
    for _ in range(15):
        up.step()
        down.step()
    assert max(np.diff(up.lams)) > 0.0
    assert min(np.diff(down.lams)) < 0.0


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("fixed", ["rho", "beta"])
def test_one_fixed_the_other_minimises_the_quadratic(fixed, weight_decay):
    X, labels, params = draw(3)
    value = {"rho": 0.7, "beta": 0.4}[fixed]
    solver = CurveBall(lam=0.1, adapt_lam=False, weight_decay=weight_decay, **{fixed: value})
    state = solver.init(params)
    for k in range(4):
        loop = PlainLoop(ByHand(X, labels), flat(params), 0.1, weight_decay=weight_decay)
        g, G_lam = loop.quadratic()
        z = flat(state.z)
        d = G_lam @ z + g

        def m(rho, beta, z=z, d=d, g=g, G_lam=G_lam):
            new = rho * z - beta * d
            return 0.5 * new @ G_lam @ new + new @ g

        params, state, info = solver.step(params, state, network(X), lambda y: nn.cross_entropy(y, labels))
        assert info[fixed] == value
        np.testing.assert_allclose(info["predicted"], m(info["rho"], info["beta"]), rtol=1e-10)
        np.testing.assert_allclose(flat(state.z), info["rho"] * z - info["beta"] * d, rtol=1e-9, atol=1e-12)
        if fixed == "rho":
            best = minimize_scalar(lambda beta, m=m: m(value, beta), tol=1e-12).x
            np.testing.assert_allclose(info["beta"], best, rtol=1e-6)
        elif k == 0:
            assert info["rho"] == 0.0  # there is no z yet
        else:
            best = minimize_scalar(lambda rho, m=m: m(rho, value), tol=1e-12).x
            np.testing.assert_allclose(info["rho"], best, rtol=1e-6)


def test_without_curvature_it_is_momentum_gradient_descent():
    """H = 0: a linear loss, no damping."""
    g = np.array([1.0, -2.0, 0.5])
    solver = CurveBall(lam=0.0, rho=0.9, beta=0.1, adapt_lam=False)
    w, state = np.zeros(3), solver.init(np.zeros(3))
    velocity, expected = np.zeros(3), np.zeros(3)
    for _ in range(6):
        w, state, info = solver.step(w, state, lambda w: w, lambda y: g @ y)
        velocity = 0.9 * velocity - 0.1 * g
        expected = expected + velocity
        np.testing.assert_allclose(w, expected, rtol=1e-14)
    np.testing.assert_allclose(info["rho"], 0.9)
    np.testing.assert_allclose(info["beta"], 0.1)


def test_exact_on_a_quadratic_of_two_dimensions():
    """Two directions span the plane: the second step lands in the minimum, whatever the curvature."""
    A, b = np.array([[3.0, 1.0], [1.0, 0.5]]), np.array([1.0, -2.0])
    solver = CurveBall(lam=0.0, adapt_lam=False)
    w, state = np.zeros(2), solver.init(np.zeros(2))
    for _ in range(2):
        w, state, _ = solver.step(w, state, lambda w: w, lambda y: 0.5 * y @ (A @ y) - b @ y)
    np.testing.assert_allclose(w, np.linalg.solve(A, b), rtol=1e-12)


def test_weight_decay_is_a_penalty_in_gradient_and_curvature():
    """The oracle: the same penalty as further outputs of the model."""
    decay = 0.3
    X, labels, params = draw(5)
    plain = network(X)
    options = {"lam": 0.5, "lam_every": 2, "lam_factor": 0.6}
    inside, outside = CurveBall(weight_decay=decay, **options), CurveBall(**options)

    def penalised_loss(outputs):
        y, w = outputs
        return nn.cross_entropy(y, labels) + 0.5 * decay * sum(mg.sum(w[key] ** 2) for key in SHAPES)

    a, b = params, params
    state_a, state_b = inside.init(a), outside.init(b)
    for _ in range(10):
        penalty = 0.5 * decay * (flat(a) @ flat(a))
        a, state_a, info_a = inside.step(a, state_a, plain, lambda y: nn.cross_entropy(y, labels))
        b, state_b, info_b = outside.step(b, state_b, lambda w: (plain(w), w), penalised_loss)
        np.testing.assert_allclose(flat(a), flat(b), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(info_a["loss"] + penalty, info_b["loss"], rtol=1e-12)
        for key in ("rho", "beta", "lam", "predicted", "trust_ratio"):
            np.testing.assert_allclose(info_a[key], info_b[key], rtol=1e-7)


# ------------------------------------------------------------------------------------- evaluations


def counting(model):
    def counted(w):
        counted.calls += 1
        return model(w)

    counted.calls = 0
    return counted


def test_the_model_is_evaluated_once_and_once_more_for_the_trust_ratio():
    X, labels, params = draw()
    solver = CurveBall(lam_every=4)
    state = solver.init(params)
    model = counting(network(X))
    calls = []
    for _ in range(8):
        before = model.calls
        params, state, _ = solver.step(params, state, model, lambda y: nn.cross_entropy(y, labels))
        calls.append(model.calls - before)
    assert calls == [1, 1, 1, 2, 1, 1, 1, 2]


def test_aux_and_batch_statistics_are_those_of_the_first_evaluation():
    X, labels, params = draw()
    running = {"mean": np.full(HIDDEN, 0.3), "var": np.full(HIDDEN, 2.0)}

    def model(p):
        x = nn.dense(X, p["w1"], p["b1"])
        x, stats = nn.batch_norm(x, mg.ones(HIDDEN), mg.zeros(HIDDEN), stats=running)
        return nn.dense(mg.tanh(x), p["w2"], p["b2"]), stats

    solver = CurveBall(lam_every=1)
    _, expected = model(params)
    new, _, info = solver.step(params, solver.init(params), model, lambda y: nn.cross_entropy(y, labels), has_aux=True)
    assert np.isfinite(info["trust_ratio"])  # there was a second evaluation,
    other = model(unflat(flat(new)))[1]
    for key in ("mean", "var"):
        np.testing.assert_array_equal(info["aux"][key], expected[key])
        assert not np.allclose(other[key], expected[key])  # which would have shown
    assert running["mean"].tolist() == [0.3] * HIDDEN
    np.testing.assert_allclose(info["outputs"], model(params)[0], rtol=1e-13)


@pytest.mark.parametrize("options", [
    {"lr": -1.0}, {"lr": np.nan}, {"lr": np.inf}, {"lr": None}, {"lr": "fast"}, {"lr": True},
    {"lr": np.array([1.0, -1.0])}, {"lam": -1.0}, {"lam": np.inf}, {"rho": np.nan}, {"rho": "share"}, {"beta": 0.0},
    {"weight_decay": -0.1}, {"lam_factor": 0.0}, {"lam_factor": 1.5}, {"lam_factor": None}, {"lam_every": 0},
    {"lam_every": 2.0}, {"trust_low": 2.0}, {"trust_low": 1.5}, {"trust_high": None},
    {"adapt_lam": 0.5}, {"adapt_lam": None},
], ids=str)  # fmt: skip
def test_hyper_parameters_out_of_range(options):
    name = next(iter(options))
    with pytest.raises(ValueError, match=f"^{name} must be .*; got ") as error:
        CurveBall(**options)
    assert "\n" not in str(error.value)
