"""A step never asks for the value of an array: on a GPU each such question would wait for the device.

Proven three times: on array-api-strict, whose arrays are kept from answering; on CuPy's double, which knows what makes
CuPy wait, for the image networks too; and on CuPy, which says so itself, where there is a GPU.
"""

import contextlib
import operator
import warnings
from dataclasses import replace

import numpy as np
import pytest

import minigrad as mg
from curveball import SGD, Adam, CurveBall, LevenbergMarquardt, NewtonCG
from curveball.training.devices import to_backend, to_device_of, to_host
from curveball.training.step import STATS_MOMENTUM
from minigrad import nn, tree_flatten
from problems import NETWORKS, Classification, load
from tests.conftest import _let_variables_answer, real_cupy
from tests.support import cupy_double
from tests.support.networks import narrow

SOLVERS = {
    "curveball": CurveBall(lam_every=1, lam_factor=0.5, trust_low=0.99, trust_high=1.0),
    "curveball-decay": CurveBall(lr=0.5, lam_every=1, weight_decay=0.1),
    "curveball-rho": CurveBall(rho=0.8),
    "curveball-bounded": CurveBall(rho="bounded", average=0.5),
    "curveball-beta": CurveBall(beta=0.3),
    "curveball-average": CurveBall(average=0.9),
    "sgd": SGD(weight_decay=0.1),
    "nesterov": SGD(nesterov=True),
    "adam": Adam(),
    "newton-cg": NewtonCG(curvature="ggn", lam=0.1, max_cg=5, warm_start=True),
    "levenberg-marquardt": LevenbergMarquardt(linear="cg", max_cg=5),
}
over_solvers = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
QUESTIONS = ("__float__", "__bool__", "__int__", "__index__", "__complex__", "__array__", "__buffer__", "__dlpack__")


class Synchronised(Exception):
    """An array was read on the host."""


class Strict:
    """A strict array library whose arrays do not tell their values inside `closed()`."""

    waited = Synchronised

    def __init__(self, xp):
        self.xp, self.kind = xp, type(xp.asarray(0.0))

    @contextlib.contextmanager
    def closed(self):
        with pytest.MonkeyPatch.context() as guard:
            for name in QUESTIONS:
                guard.setattr(self.kind, name, self._refuse(name), raising=False)
            yield

    @staticmethod
    def _refuse(name):
        def asked(self, *args, **kwargs):
            raise Synchronised(name)

        return asked


class Double:
    """CuPy's double."""

    waited = cupy_double.Waited
    closed = staticmethod(cupy_double.no_waiting)

    def __init__(self, xp):
        self.xp = xp


class CuPy:
    """CuPy itself, which looks out for what waits. (It warns that it may overlook some, and so it may.)"""

    def __init__(self, xp):
        import cupyx

        self.xp, self.waited, self._allow = xp, cupyx.DeviceSynchronized, cupyx.allow_synchronize

    @contextlib.contextmanager
    def closed(self):
        with warnings.catch_warnings(action="ignore"), self._allow(False):
            yield


CUPY = pytest.param("cupy", marks=pytest.mark.gpu)


@pytest.fixture(params=["array_api_strict", "cupy_double", CUPY])
def device(request, monkeypatch):
    if request.param == "cupy":
        yield CuPy(real_cupy())
    elif request.param == "cupy_double":
        with cupy_double.installed() as xp:
            yield Double(xp)
    else:
        xp = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")
        _let_variables_answer(type(xp.asarray(0.0)), monkeypatch)
        yield Strict(xp)


over_gpus = pytest.mark.parametrize("device", ["cupy_double", CUPY], indirect=True)


def assert_near(found, expected, rtol=2e-3, atol=1e-5):
    for a, b in zip(tree_flatten(found)[0], tree_flatten(expected)[0], strict=True):
        np.testing.assert_allclose(mg.to_numpy(a), b, rtol=rtol, atol=atol)


def draw():
    rng = np.random.default_rng(0)
    X, labels = rng.standard_normal((16, 5)).astype(np.float32), rng.integers(3, size=16)
    shapes = {"w1": (5, 6), "b1": (6,), "w2": (6, 3), "b2": (3,)}
    params = {key: (0.6 * rng.standard_normal(shape)).astype(np.float32) for key, shape in shapes.items()}
    return X, labels, params


def three_steps(solver, X, labels, params):
    def model(p):
        y = nn.dense(mg.tanh(nn.dense(X, p["w1"], p["b1"])), p["w2"], p["b2"])
        return y, {"mean": mg.mean(mg.abs(y))}

    state = solver.init(params)
    for _ in range(3):
        params, state, info = solver.step(params, state, model, lambda y: nn.cross_entropy(y, labels), has_aux=True)
    return params, info["loss"], info["aux"]


@over_solvers
def test_a_step_does_not_read_arrays_on_the_host(solver, device):
    X, labels, params = draw()
    expected = three_steps(solver, X, labels, params)
    X, labels, params = mg.tree_map(device.xp.asarray, (X, labels, params))
    with device.closed():
        found = three_steps(solver, X, labels, params)
    assert_near(found, expected)


def train_three_steps(solver, problem):
    """What training does between two lines of its log: batches drawn and moved, steps, statistics, errors."""
    rng = np.random.default_rng(0)
    params = to_device_of(problem.data.train_images, problem.init(rng))
    state, stats, unread = solver.init(params), None, []
    for _ in range(3):
        batch = problem.batch(rng)
        params, state, info = solver.step(
            params, state, lambda w, b=batch: problem.model(w, b), lambda y, b=batch: problem.loss(y, b), has_aux=True
        )
        stats = mg.nn.running_average(stats, info["aux"], STATS_MOMENTUM)
        unread += [info["loss"], problem.errors(info["outputs"], batch)]
    return params, stats, unread


def few_digits(name, dtype):
    data = load("digits")
    data = replace(data, train_images=data.train_images[:40], train_labels=data.train_labels[:40])
    net = narrow(name, shape=(32, 32, 1) if name.startswith("vgg-f") else None)
    if name.startswith("vgg-f"):  # which takes no images of 8 x 8
        data = replace(data, train_images=data.train_images.repeat(4, axis=1).repeat(4, axis=2))
    return Classification(data, net, 8, dtype, augment=True)


RUNS = [("curveball", name) for name in NETWORKS]
RUNS += [(kind, name) for kind in ("sgd", "adam") for name in ("cnn", "basic-bn")]


@over_gpus
@pytest.mark.parametrize(("kind", "name"), RUNS)
def test_training_an_image_network_does_not_read_arrays_on_the_host(kind, name, device):
    problem = few_digits(name, np.float64)  # Adam's first steps make signs of the smallest gradients
    expected = train_three_steps(SOLVERS[kind], problem)
    there = replace(problem, data=to_backend(problem.data, device.xp))
    there.batch(np.random.default_rng(0))  # what is looked up once, is
    with device.closed():
        found = train_three_steps(SOLVERS[kind], there)
    assert_near(found, expected, rtol=1e-6, atol=1e-9)


@over_gpus
@pytest.mark.parametrize("kind", ["curveball", "sgd", "adam"])
def test_training_stays_in_float32(kind, device):
    problem = few_digits("cnn", np.float32)
    found = train_three_steps(SOLVERS[kind], replace(problem, data=to_backend(problem.data, device.xp)))
    assert {x.dtype for x in tree_flatten(found)[0]} == {np.dtype(np.float32)}


def test_numbers_come_to_the_host_together(device):
    x = device.xp.asarray([0.5, 1.5])
    assert to_host([x[0, ...], 2.0, x[1, ...]]) == [0.5, 2.0, 1.5]
    assert to_host([3.0]) == [3.0]
    if isinstance(device, Double):
        before = cupy_double.Waits.count
        to_host([x[0], 2.0, x[1]])
        assert cupy_double.Waits.count == before + 1


@pytest.mark.parametrize("question", [float, bool, int, complex, np.asarray, operator.index], ids=lambda f: f.__name__)
def test_the_guard_notices(question, device):
    x = device.xp.asarray(1)
    if isinstance(device, Strict) or question not in (np.asarray, operator.index):  # which CuPy refuses always
        question(x)
    with device.closed(), pytest.raises((device.waited, TypeError)):
        question(x)


@over_gpus
@pytest.mark.parametrize(
    "question",
    [
        lambda x, xp: x[x > 0.0],
        lambda x, xp: xp.nonzero(x),
        lambda x, xp: mg.to_numpy(x),
        lambda x, xp: xp.clip(x, 0.0, 1.0),
        lambda x, xp: xp.sign(x),
        lambda x, xp: xp.lib.stride_tricks.sliding_window_view(x, 2),
    ],
    ids=["mask", "nonzero", "to_numpy", "clip of array-api-compat", "sign of array-api-compat", "sliding_window_view"],
)
def test_the_guard_notices_what_waits_on_a_gpu(question, device):
    """Why the package has a `sign` and a `clip` of its own, and reads windows with `as_strided`."""
    x = device.xp.asarray([-1.0, 2.0, 3.0])
    with device.closed(), pytest.raises(device.waited):
        question(x, device.xp)
