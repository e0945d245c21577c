"""Network functions against PyTorch, values, gradients and Hessian products, where it is installed."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: the loops in test_values.py are the other oracle"
)
F = torch.nn.functional
RNG = np.random.default_rng(8)


def images(x):
    return torch.tensor(x, dtype=torch.float64).permute(0, 3, 1, 2)


def kernel(w):
    return torch.tensor(w, dtype=torch.float64).permute(3, 2, 0, 1)


def agree(ours, theirs, *args):
    """The same values, gradients and Hessian products, of `sum(sin(f))`."""
    directions = tuple(RNG.normal(size=x.shape) for x in args)
    y, gradient = mg.value_and_grad(lambda xs: mg.sum(mg.sin(ours(*xs))))(args)
    product = mg.hvp(lambda xs: mg.sum(mg.sin(ours(*xs))), args, directions)
    tensors = tuple(torch.tensor(x, requires_grad=True) for x in args)
    scalar = theirs(*tensors).sin().sum()
    grads = torch.autograd.grad(scalar, tensors, create_graph=True)
    along = sum((g * torch.tensor(v)).sum() for g, v in zip(grads, directions, strict=True))
    products = torch.autograd.grad(along, tensors)
    np.testing.assert_allclose(y, scalar.item(), rtol=1e-11)
    for a, b in zip((*gradient, *product), (*grads, *products), strict=True):
        np.testing.assert_allclose(a, b.detach().numpy(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), ((2, 1), (0, 2)), (1, "same")])
def test_conv2d(stride, padding):
    x, w = RNG.normal(size=(2, 6, 5, 3)), RNG.normal(size=(3, 3, 3, 4))
    agree(
        lambda x, w: nn.conv2d(x, w, stride, padding),
        lambda x, w: F.conv2d(x.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1), stride=stride, padding=padding),
        x,
        w,
    )
    agree(
        lambda x, w, b: nn.conv2d(x, w, stride, padding, bias=b),
        lambda x, w, b: F.conv2d(x.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1), b, stride, padding),
        x,
        w,
        RNG.normal(size=4),
    )


@pytest.mark.parametrize(("window", "stride", "padding"), [(2, 2, 0), (3, 2, 1), ((3, 2), (1, 3), (1, 0))])
def test_pools(window, stride, padding):
    x = RNG.normal(size=(2, 7, 6, 3))
    for ours, theirs in (
        (nn.max_pool2d, lambda t: F.max_pool2d(t, window, stride, padding)),
        (nn.avg_pool2d, lambda t: F.avg_pool2d(t, window, stride, padding, count_include_pad=True)),
    ):
        agree(lambda x, pool=ours: pool(x, window, stride, padding), lambda x, f=theirs: f(x.permute(0, 3, 1, 2)), x)


def test_max_pool_gives_the_first_of_equal_entries_the_derivative():
    x = RNG.integers(0, 3, size=(2, 6, 6, 2)).astype(float)
    t = torch.tensor(x, requires_grad=True)
    F.max_pool2d(t.permute(0, 3, 1, 2), 3, 2, 1).sum().backward()
    np.testing.assert_array_equal(mg.grad(lambda x: mg.sum(nn.max_pool2d(x, 3, 2, 1)))(x), t.grad.numpy())


def test_batch_norm_with_running_statistics():
    x, gain, bias = RNG.normal(size=(4, 3, 3, 2)), RNG.normal(size=2), RNG.normal(size=2)
    mean, var = RNG.normal(size=2), RNG.uniform(0.5, 1.0, size=2)
    agree(
        lambda x, g, b: nn.batch_norm(x, g, b)[0],
        lambda x, g, b: F.batch_norm(x.permute(0, 3, 1, 2), None, None, g, b, training=True, eps=1e-4),
        x, gain, bias,
    )  # fmt: skip
    running = torch.tensor(mean), torch.tensor(var)
    F.batch_norm(images(x), *running, training=True, momentum=0.3)
    _, stats = nn.batch_norm(x, gain, bias, {"mean": mean, "var": var}, momentum=0.3)
    np.testing.assert_allclose(stats["mean"], running[0].numpy(), rtol=1e-12)
    np.testing.assert_allclose(stats["var"], running[1].numpy(), rtol=1e-12)


def test_losses_and_activations():
    y, labels = RNG.normal(size=(6, 4)), RNG.integers(0, 4, size=6)
    q = RNG.dirichlet(np.ones(4), size=6)
    agree(lambda y: nn.cross_entropy(y, labels), lambda y: F.cross_entropy(y, torch.tensor(labels)), y)
    agree(nn.cross_entropy, F.cross_entropy, y, q)
    agree(
        lambda y: mg.softplus(y) * mg.erf(y) + mg.sigmoid(y),
        lambda y: F.softplus(y) * torch.erf(y) + torch.sigmoid(y),
        y,
    )
    agree(nn.log_softmax, lambda y: F.log_softmax(y, dim=-1), y)


def test_linear_algebra():
    a, b = RNG.normal(size=(2, 3, 3)) + 3.0 * np.eye(3), RNG.normal(size=(2, 3, 2))
    agree(mg.linalg.solve, torch.linalg.solve, a, b)
    agree(mg.linalg.inv, torch.linalg.inv, a)
    agree(mg.linalg.det, torch.linalg.det, a)
    agree(lambda a: mg.linalg.cholesky(a @ a.mT), lambda a: torch.linalg.cholesky(a @ a.mT), a)
