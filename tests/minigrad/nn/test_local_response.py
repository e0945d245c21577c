"""Local response normalisation: against a loop over channels, against PyTorch, to order 3, and its errors."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

RNG = np.random.default_rng(4)


def loop(x, size, alpha, beta, k):
    """Section 3.3 of Krizhevsky et al., channel by channel."""
    channels = x.shape[-1]
    y = np.empty_like(x)
    for c in range(channels):
        energy = sum(x[..., j] ** 2 for j in range(c - size // 2, c - size // 2 + size) if 0 <= j < channels)
        y[..., c] = x[..., c] / (k + alpha * energy) ** beta
    return y


@pytest.mark.parametrize("shape", [(2, 3, 3, 8), (4, 3), (5,), (2, 1), (0, 4)])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_values(shape, size):
    x = RNG.normal(size=shape)
    ours = nn.local_response_norm(x, size, alpha=0.2, beta=0.6, k=1.2)
    np.testing.assert_allclose(ours, loop(x, size, 0.2, 0.6, 1.2), rtol=1e-13, atol=1e-15)


def test_the_constants_of_the_source():
    x = 30.0 * RNG.normal(size=(2, 4, 4, 7))
    np.testing.assert_allclose(nn.local_response_norm(x), loop(x, 5, 1e-4, 0.75, 2.0), rtol=1e-13)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9])
def test_against_torch(size):
    """Values, gradient and Hessian product of `sum(sin(y))`; PyTorch's alpha is `size` times ours."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the loop above is the other oracle")
    x, v = RNG.normal(size=(2, 2, 3, 2, 6))
    f = lambda x: mg.sum(mg.sin(nn.local_response_norm(x, size, alpha=0.3, beta=0.75, k=1.5)))  # noqa: E731
    y, g = mg.value_and_grad(f)(x)
    t = torch.tensor(x, requires_grad=True)
    theirs = torch.nn.functional.local_response_norm(t.permute(0, 3, 1, 2), size, 0.3 * size, 0.75, 1.5).sin().sum()
    (gradient,) = torch.autograd.grad(theirs, t, create_graph=True)
    (product,) = torch.autograd.grad((gradient * torch.tensor(v)).sum(), t)
    np.testing.assert_allclose(y, theirs.item(), rtol=1e-12)
    np.testing.assert_allclose(g, gradient.detach().numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(mg.hvp(f, x, v), product.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [3, 4])
def test_third_order(size):
    """The third derivative along a line against a difference of second ones, and by two routes."""
    x, v = RNG.normal(size=(2, 3, 5))
    f = lambda x: mg.sum(mg.sin(nn.local_response_norm(x, size, alpha=0.5, beta=0.75, k=1.0)))  # noqa: E731
    line = lambda t: f(x + t * v)  # noqa: E731
    second = lambda t: mg.jvp(lambda t: mg.jvp(line, (t,), (1.0,))[1], (t,), (1.0,))[1]  # noqa: E731
    third = mg.jvp(second, (0.0,), (1.0,))[1]
    d = 1e-5
    assert float(third) == pytest.approx(float((second(d) - second(-d)) / (2 * d)), rel=1e-7)
    backward = mg.grad(lambda t: mg.grad(lambda t: mg.grad(line)(t))(t))(0.0)
    assert float(backward) == pytest.approx(float(third), rel=1e-12)


def test_float32_stays_float32():
    x = RNG.normal(size=(2, 4, 4, 8)).astype(np.float32)
    y, J = mg.linearize(nn.local_response_norm, x)
    assert y.dtype == J(x).dtype == J.T(x).dtype == np.float32


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 0}, "size must be an integer of at least 1"),
        ({"size": 2.5}, "size must be an integer"),
        ({"k": 0.0}, "k must be positive"),
        ({"alpha": -1.0}, "alpha zero or positive"),
        ({"k": np.inf}, "k must be positive"),
        ({"alpha": np.inf}, "alpha zero or positive"),
        ({"beta": np.inf}, "beta a number"),
        ({"beta": -np.inf}, "beta a number"),
        ({"beta": float("nan")}, "beta a number; got k=2.0, alpha=0.0001, beta=nan"),
    ],
)
def test_errors(options, words):
    with pytest.raises(ValueError, match=words):
        nn.local_response_norm(np.ones((2, 3)), **options)


def test_no_array():
    with pytest.raises(ValueError, match=r"takes arrays of shape \(\.\.\., channels\)"):
        nn.local_response_norm(np.float64(3.0))
    with pytest.raises(TypeError, match="local_response_norm"):
        nn.local_response_norm([1.0, 2.0])
