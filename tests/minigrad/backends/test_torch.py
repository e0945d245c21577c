"""What is different on PyTorch: its autograd, its views, its devices, and CUDA graphs, of which there is a double."""

import operator
import warnings

import numpy as np
import pytest

import minigrad as mg
from curveball import SGD, Adam, CurveBall
from minigrad import nn, tree_flatten
from minigrad.backends import backend_of
from minigrad.backends.standard import Standard
from minigrad.memory import IN_PLACE, add_to
from problems import network

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from minigrad.backends.cuda_graphs import WARM_UP, Graphed  # noqa: E402
from tests.support import graph_double  # noqa: E402
from tests.support.networks import narrow  # noqa: E402


def name_of(solver):
    return type(solver).__name__


# ------------------------------------------------------------------------------------- its autograd and its devices


def test_a_sparse_tensor_is_refused():
    x = torch.eye(2).to_sparse()
    for transform in (mg.linearize, lambda f, x: mg.grad(f)(x), lambda f, x: mg.jvp(f, (x,), (x,))):
        with pytest.raises(TypeError, match=r"a tensor of shape \(2, 2\) is sparse: pass x.to_dense\(\)"):
            transform(mg.sum, x)


def test_a_constant_of_numpy_is_to_be_moved_to_pytorch():
    with pytest.raises(TypeError, match=r"backends meet: numpy and torch. Move one over first, as with torch.asarray"):
        mg.grad(lambda w: mg.sum(w * np.ones(2)))(torch.ones(2))


def test_a_tensor_that_requires_grad_is_refused():
    x = torch.ones(2, requires_grad=True)
    for transform in (mg.linearize, lambda f, x: mg.grad(f)(x), lambda f, x: mg.jvp(f, (x,), (torch.ones(2),))):
        with pytest.raises(TypeError, match=r"shape \(2,\) requires grad, .*: pass x.detach\(\)"):
            transform(mg.sum, x)
        with pytest.raises(TypeError, match="requires grad"):
            transform(lambda y: mg.sum(x * y), torch.ones(2))
        with pytest.raises(TypeError, match="requires grad"):
            transform(mg.sum, torch.nn.Parameter(torch.ones(2)))
    assert not mg.grad(mg.sum)(x.detach()).requires_grad


def test_tensors_on_two_devices():
    here, there = torch.ones(2), torch.ones(2, device="meta")
    with pytest.raises(ValueError, match=r"tensors on two devices: cpu and meta. Move one with x.to\(device\)"):
        mg.linearize(mg.add, here, there)
    with pytest.raises(RuntimeError, match="meta"):
        mg.linearize(lambda x: x * here, there)


@pytest.mark.parametrize("name", ["basic", "basic-bn", "resnet18"])
@pytest.mark.parametrize("solver", [CurveBall(lam_every=1), CurveBall(rho=0.9, beta=0.1), SGD(), Adam()], ids=name_of)
def test_a_step_stays_on_its_device_and_reads_nothing_on_the_host(name, solver, monkeypatch):
    """On PyTorch's device without numbers: one that is asked for is an error, and so is a tensor from elsewhere."""
    from minigrad.backends.torch import Library

    monkeypatch.setattr(Library, "batch_norm", Standard.batch_norm)  # one kernel has no form without numbers
    net, shape = narrow(name), (8, 8, 3)
    start = net.init(np.random.default_rng(0), shape)
    params = mg.tree_map(lambda a: torch.empty(a.shape, device="meta"), start)
    images, labels = torch.empty(4, *shape, device="meta"), torch.empty(4, dtype=torch.int64, device="meta")
    state = solver.init(params)
    for _ in range(2):
        params, state, info = solver.step(
            params, state, lambda w: net(w, images), lambda y: nn.cross_entropy(y, labels), has_aux=True
        )
    found = tree_flatten([params, info["loss"], info["aux"]])[0]
    assert {x.device.type for x in found} == {"meta"}


def test_python_numbers_go_to_the_device_of_the_tensors():
    x = torch.ones(3, device="meta")
    (g, k) = mg.grad(lambda w: mg.sum(w[0] * w[1]))([x, 2.0])
    assert g.device.type == k.device.type == "meta"
    assert mg.vjp(mg.sum, x)[1](1.0).device.type == "meta"
    assert mg.hessian(lambda x: mg.sum(mg.stack([x[0], 2.0, x[1]]) ** 3))(x).device.type == "meta"


def test_a_dtype_that_a_device_lacks(monkeypatch):
    def tensor(x, device):
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64.")

    backend = backend_of(torch.ones(1))
    monkeypatch.setattr(torch, "tensor", tensor)
    with pytest.raises(TypeError, match=r"float64 on mps: .*give x.astype"):
        backend.from_host(np.ones(2), "mps")


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow", "mod", "matmul"])
def test_variables_answer_the_operators_of_tensors(name):
    t, x = np.array([[1.0, 2.0], [3.0, 4.0]]), np.full((2, 2), 1.5)

    def both(t, x):
        operation = getattr(operator, name)
        return mg.tree_map(mg.to_numpy, mg.linearize(lambda v: operation(t, v), x)[1](x))

    np.testing.assert_allclose(both(torch.tensor(t), torch.tensor(x)), both(t, x), rtol=1e-12)


# ------------------------------------------------------------------------------------- memory


def test_what_a_view_is():
    is_view = backend_of(torch.ones(1)).is_view
    x = torch.ones(4, 3)
    assert not is_view(x)
    y = x.reshape(12).detach()  # which else holds on to x
    assert is_view(x)
    assert is_view(y)
    del x
    assert not is_view(y)  # nothing else holds the memory any more
    assert is_view(torch.ones(4)[1:])  # of a storage that is larger
    assert is_view(torch.ones(1).expand(4))  # every entry is the same
    assert is_view(torch.ones(2, 3).T)
    assert is_view(torch.ones(2, 3)[:, :1].expand(2, 3))
    assert not is_view(2.0 * torch.ones(2))


def test_large_results_are_added_to_in_place():
    """What the kernels for images return has memory of its own, so that the terms of a push are added there."""
    backend, geometry = backend_of(torch.ones(1)), ((1, 1), ((1, 1), (1, 1)))
    x, w, k = torch.ones(2, 64, 64, 8), torch.ones(3, 3, 8, 8), torch.ones(8)
    assert x.numel() >= IN_PLACE
    for y in (
        backend.conv2d(x, w, *geometry, (1, 1)),
        backend.window_max(x, (3, 3), *geometry),
        backend.window_sum(x, (3, 3), *geometry),
        backend.window_sum_transpose(x, (3, 3), *geometry, (64, 64)),
        backend.batch_norm_push(x, k, k, x, k, k, k),
    ):
        assert add_to(y, x, keep=x) is y
        assert add_to(y, x, keep=y) is not y
    assert add_to(x.reshape(x.shape), x, keep=None).data_ptr() != x.data_ptr()


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x,
        lambda x: mg.reshape(x, (-1,)),
        lambda x: x[1:],
        lambda x: (x, x),
        lambda x: [mg.matrix_transpose(x), x[0]],
        lambda x: mg.broadcast_to(mg.sum(x), (3,)),
        lambda x: mg.flip(x, 0),
    ],
)
def test_results_share_no_memory(f):
    """What is returned can be written to, and nothing else changes."""
    x, v = torch.arange(12.0).reshape(4, 3), torch.ones(4, 3)
    y, J = mg.linearize(f, x)
    u = mg.tree_map(torch.ones_like, y)
    given = tree_flatten([x, v, u])[0]
    results = tree_flatten([y, J(v), J.T(u), mg.jvp(f, (x,), (v,))])[0]
    before = [a.clone() for a in given + results]
    for k, a in enumerate(results, start=len(given)):
        a.fill_(-7.0)
        for i, (b, old) in enumerate(zip(given + results, before, strict=True)):
            if i > k or i < len(given):
                assert torch.equal(b, old)


def test_host_arrays_are_copied_and_keep_their_dtype():
    backend = backend_of(torch.ones(1))
    for dtype in (np.float32, np.float64, np.int64, np.uint8, np.bool_):
        x = np.ones(3, dtype)
        there = backend.from_host(x)
        x[:] = 0
        back = backend.to_host(there)
        assert back.dtype == dtype
        assert back.all()
    assert backend.from_host(np.ones(()), "meta").device.type == "meta"
    assert backend.to_host(torch.ones(2, dtype=torch.bfloat16)).dtype == np.float32


def test_numpys_limit_on_threads_is_not_pytorchs():
    before = torch.get_num_threads()
    with mg.one_blas_thread():
        assert torch.get_num_threads() == before


def test_images_with_one_channel_or_one_image_stay_contiguous():
    rng = np.random.default_rng(0)
    for n, c in ((1, 1), (1, 3), (4, 1)):
        x, w = torch.tensor(rng.normal(size=(n, 6, 5, c))), torch.tensor(rng.normal(size=(3, 3, c, 4)))
        y, J = mg.linearize(lambda x, w: nn.max_pool2d(nn.conv2d(x, w, padding=1), 2), x, w)
        for a in tree_flatten([y, J(x, w), J.T(y)])[0]:
            assert a.is_contiguous()


# ------------------------------------------------------------------------------------- CUDA graphs


@pytest.fixture
def graphed(monkeypatch):
    """`compiled` of PyTorch's backend, with the double of `torch.cuda` and graphs on the host."""
    monkeypatch.setattr(torch, "cuda", graph_double.cuda())
    monkeypatch.setattr(Graphed, "kind", "cpu")
    return backend_of(torch.ones(1)).compiled


def test_without_a_gpu_there_is_no_graph(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="CUDA graphs need a GPU, and torch runs eagerly on the CPU"):
        mg.compiled(lambda x: x, mg.namespace(torch.ones(1)))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(ValueError, match=r"a tensor is on cpu: move it with x.to\('cuda'\)"):
        mg.compiled(lambda x: x, mg.namespace(torch.ones(1)))(torch.ones(1))


def test_a_graph_reads_the_same_memory_and_returns_new_memory(graphed):
    calls = []

    def f(tree, k):
        calls.append([x.data_ptr() for x in (*tree.values(), k)])
        return {"sum": tree["a"] + k * tree["b"], "same": tree["a"], "none": None, "pair": (tree["a"] * 2.0, 1.5)}

    run = graphed(f, donate=(0,))
    results = []
    for n in range(3):
        tree, k = {"b": torch.full((3,), 1.0 + n), "a": torch.full((3,), 10.0 * n)}, torch.tensor(2.0)
        results.append((run(tree, k), tree))
    assert len(calls) == WARM_UP + 1  # the recording
    assert len({tuple(call) for call in calls}) == 1
    (graph,) = graph_double.GRAPHS
    assert graph.replays == 3
    assert graph_double.LOG == ["wait", "aside", "back", "wait", "record"]
    for n, (out, tree) in enumerate(results):  # no later call has overwritten them
        np.testing.assert_array_equal(out["sum"], 10.0 * n + 2.0 * (1.0 + n))
        np.testing.assert_array_equal(out["same"], 10.0 * n)
        np.testing.assert_array_equal(out["pair"][0], 20.0 * n)
        assert out["pair"][1] == 1.5
        assert out["none"] is None
        assert out["same"].data_ptr() != tree["a"].data_ptr()
        np.testing.assert_array_equal(tree["a"], 10.0 * n)
    pointers = [x.data_ptr() for out, _ in results for x in (out["sum"], out["same"], out["pair"][0])]
    assert len(set(pointers)) == 9


def test_other_shapes_and_dtypes_are_recorded_anew(graphed):
    run = graphed(lambda x: 2.0 * x)
    for x in (torch.ones(2), torch.ones(3), torch.ones(2, dtype=torch.float64), torch.ones(2), torch.ones(1, 2)):
        y = run(x)
        assert (y.shape, y.dtype) == (x.shape, x.dtype)
        np.testing.assert_array_equal(y, 2.0)
    assert [graph.replays for graph in graph_double.GRAPHS] == [2, 1, 1, 1]


def test_numbers_that_are_equal_and_not_the_same_are_recorded_anew(graphed):
    run = graphed(lambda x, k: x * (2.0 if k is True else 3.0 if isinstance(k, float) else 4.0))
    x = torch.ones(2)
    for _ in range(2):
        for k, expected in ((1, 4.0), (True, 2.0), (1.0, 3.0), (float("nan"), 3.0)):
            np.testing.assert_array_equal(run(x, k), expected)
    assert [graph.replays for graph in graph_double.GRAPHS] == [2] * 4
    keys = graphed(lambda tree: tree[1] + float(type(next(iter(tree))) is bool))
    assert (keys({1: x})[0], keys({True: x})[0]) == (1.0, 2.0)


def test_numpys_arrays_do_not_go_into_a_graph(graphed):
    run = graphed(lambda tree, k: tree["a"] * k)
    with pytest.raises(
        TypeError, match=r"NumPy array of shape \(2,\) among the arguments .* with torch.asarray\(x, dev"
    ):
        run({"a": np.ones(2)}, torch.ones(2))
    np.testing.assert_array_equal(run({"a": torch.ones(2)}, np.float32(2.0)), 2.0)


def test_what_cannot_be_recorded_runs_as_it_is_called(graphed):
    run = graphed(lambda x: x * float(x.sum()))
    with pytest.warns(RuntimeWarning, match="no CUDA graph, .*: operation not permitted when stream is capturing$"):
        first = run(torch.ones(2))
    np.testing.assert_array_equal(first, 2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(run(torch.full((2,), 3.0)), 18.0)


@pytest.mark.parametrize("solver", [CurveBall(lam_every=2), SGD(), Adam()], ids=name_of)
def test_steps_in_a_graph_are_the_steps(solver, graphed):
    rng = np.random.default_rng(0)
    net, shape = network("cnn", 10), (8, 8, 1)
    images, labels = torch.tensor(rng.normal(size=(5, 4, *shape))), torch.tensor(rng.integers(0, 10, (5, 4)))

    def step(phase, params, state, images, labels):
        model, loss = lambda w: net(w, images), lambda y: nn.cross_entropy(y, labels)
        known = {} if phase is None else {"phase": phase}
        params, state, info = solver.step(params, state, model, loss, has_aux=True, **known)
        return params, state, info["loss"]

    start = mg.tree_map(torch.tensor, net.init(rng, shape, np.float64))
    losses = []
    for compile_ in (lambda f: f, graphed):
        params, state = start, mg.tree_map(torch.as_tensor, solver.init(start))
        programs = {}
        for k in range(5):
            phase = solver.phase(state)
            program = programs.setdefault(phase, compile_(lambda *args, phase=phase: step(phase, *args)))
            params, state, loss = program(params, state, images[k], labels[k])
            losses.append(float(loss))
    np.testing.assert_allclose(losses[5:], losses[:5], rtol=1e-12)
    assert sum(graph.replays for graph in graph_double.GRAPHS) == 5
