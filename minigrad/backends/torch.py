"""PyTorch without its autograd: its convolutions and pools, on images whose channels vary fastest."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy

from minigrad.backends.cuda_graphs import Graphed
from minigrad.backends.namespaces import Namespace
from minigrad.backends.protocol import Array, Index, Tree
from minigrad.backends.standard import Standard, may_repeat
from minigrad.backends.torch_indices import as_numpy_reads, backwards, goes_backwards
from minigrad.backends.windows import Pads, Pair

ONE = (1, 1)


class Library(Standard):
    """PyTorch: tensors of the host or of a GPU.

    PyTorch's images are (batch, channels, height, width). Ours are passed as a view in that order: the memory is what
    PyTorch calls channels last, which its kernels know, and their results are viewed in our order.
    """

    def __init__(self, xp: Namespace):
        super().__init__(xp)
        import torch  # here, so that this file can be read without PyTorch

        self._torch = torch
        self._aten = torch.ops.aten
        self._pad = torch.nn.functional.pad

    # ------------------------------------------------------------------------------------- images

    def conv2d(self, x: Array, w: Array, stride: Pair, pads: Pads, dilation: Pair, bias: Array | None = None) -> Array:
        x, w = self._of_one_dtype(x, w)
        images = x.permute(0, 3, 1, 2)
        if dilation == ONE:
            images, padding = self._padded(images, pads)
            y = self._torch.conv2d(images, self._channels_last(w.permute(3, 2, 0, 1)), bias, stride, padding)
        else:  # the transpose of a stride: all windows that touch an entry, cut to those asked for
            kernel = self._channels_last(w.flip(0, 1).permute(2, 3, 0, 1))
            y = self._torch.conv_transpose2d(images, kernel, None, dilation)
            y = self._pad(y, _around(pads, (1 - w.shape[0], 1 - w.shape[1])))[:, :, :: stride[0], :: stride[1]]
            y = y if bias is None else y + bias[:, None, None]
        return _ours(y)

    def conv2d_push(
        self, x_dot: Array, w: Array, x: Array, w_dot: Array, stride: Pair, pads: Pads, dilation: Pair,
        bias_dot: Array | None = None,
    ) -> Array:  # fmt: skip
        y_dot = self.conv2d(x, w_dot, stride, pads, dilation, bias_dot)
        other = self.conv2d(x_dot, w, stride, pads, dilation)
        return y_dot.add_(other) if y_dot.dtype == other.dtype else y_dot + other

    def conv2d_kernel(self, x: Array, c: Array, window: Pair, stride: Pair, pads: Pads, dilation: Pair) -> Array:
        x, c = self._of_one_dtype(x, c)
        if dilation != ONE:
            x = _stretched(x, dilation)
        images, padding = self._padded(x.permute(0, 3, 1, 2), pads)
        kernel = self._channels_last(x.new_empty((c.shape[3], x.shape[3], *window)))  # its shape is what counts
        k_bar = self._aten.convolution_backward(
            c.permute(0, 3, 1, 2), images, kernel, None, stride, padding, ONE, False, (0, 0), 1, (False, True, False)
        )[1]
        return k_bar.permute(2, 3, 1, 0).contiguous()

    def window_max(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        return self.window_max_at(x, window, stride, pads)[0]

    def window_argmax(self, x: Array, y: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        """Places are pixels: of the images, or of padded images if PyTorch cannot pad them."""
        return self.window_max_at(x, window, stride, pads)[1]

    def window_max_at(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> tuple[Array, Array]:
        images, padding = self._padded(x.permute(0, 3, 1, 2), pads, window, float("-inf"))
        y, pixel = self._aten.max_pool2d_with_indices(images, window, stride, padding)
        return _ours(y), _ours(pixel)

    def window_pick(self, x: Array, places: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        if not _padding(pads, window):
            x = self._pad(x, [0, 0, *_around(pads)])
        n, h, w, c = x.shape
        pixels = places.reshape(n, prod(places.shape[1:3]), c)
        return x.reshape(n, h * w, c).gather(1, pixels).reshape(places.shape)

    def window_put(
        self, c: Array, places: Array, shape: tuple[int, ...], window: Pair, stride: Pair, pads: Pads
    ) -> Array:
        padding, like = self._like_padded(c, window, pads, (shape[1], shape[2]))
        x = self._aten.max_pool2d_with_indices_backward(
            c.permute(0, 3, 1, 2), like, window, stride, padding or (0, 0), ONE, False, places.permute(0, 3, 1, 2)
        )
        return _ours(x if padding else self._pad(x, [-p for p in _around(pads)]))

    def window_sum(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        images, padding = self._padded(x.permute(0, 3, 1, 2), pads, window)
        y = self._aten.avg_pool2d(images, window, stride, padding, False, True, 1)
        return _ours(y)

    def window_sum_transpose(self, c: Array, window: Pair, stride: Pair, pads: Pads, size: Pair) -> Array:
        padding, like = self._like_padded(c, window, pads, size)
        x = self._aten.avg_pool2d_backward(
            c.permute(0, 3, 1, 2), like, window, stride, padding or (0, 0), False, True, 1
        )
        return _ours(x if padding else self._pad(x, [-p for p in _around(pads)]))

    def _like_padded(self, c: Array, window: Pair, pads: Pads, size: Pair) -> tuple[Pair | None, Array]:
        """How PyTorch is to pad images of `size`, and images with the shape that it then expects."""
        padding = _padding(pads, window)
        h, w = size if padding else (n + sum(pad) for n, pad in zip(size, pads, strict=True))
        return padding, c.new_empty((c.shape[0], h, w, c.shape[3])).permute(0, 3, 1, 2)

    def _channels_last(self, kernel: Array) -> Array:
        return kernel.contiguous(memory_format=self._torch.channels_last)

    def _of_one_dtype(self, x: Array, y: Array) -> tuple[Array, Array]:
        if x.dtype == y.dtype:
            return x, y
        dtype = self._torch.promote_types(x.dtype, y.dtype)
        return x.to(dtype), y.to(dtype)

    def _padded(self, images: Array, pads: Pads, window: Pair | None = None, fill: float = 0.0) -> tuple[Array, Pair]:
        """Images, and how PyTorch shall pad them: where it cannot, they are padded here."""
        padding = _padding(pads, window)
        return (images, padding) if padding else (self._pad(images, _around(pads), value=fill), (0, 0))

    # ------------------------------------------------------------------------------------- batch normalisation

    def batch_norm(self, x: Array, gain: Array, bias: Array, eps: float) -> tuple[Array, Array, Array]:
        if not _are_alike(x, gain, bias):
            return super().batch_norm(x, gain, bias, eps)
        rows = x.reshape(-1, x.shape[-1])
        mean, variance = self._torch.batch_norm_update_stats(rows, None, None, 0.0)
        y = rows - mean  # first: PyTorch's own output has few digits where the mean is far from 0
        rest = y.mean(0)
        variance = (variance - rest * rest).clamp_(0.0)
        k = gain / (variance + eps).sqrt_()
        self._torch.addcmul(bias - rest * k, y, k, out=y)
        return y.reshape(x.shape), mean + rest, variance

    def batch_norm_push(
        self, x_dot: Array, gain_dot: Array, bias_dot: Array, x: Array, gain: Array, mean: Array, scale: Array
    ) -> Array:
        """`a x_dot + b (x - mean) + constant`, with numbers per channel."""
        if not _are_alike(x, x_dot, gain_dot, bias_dot, gain):
            return super().batch_norm_push(x_dot, gain_dot, bias_dot, x, gain, mean, scale)
        _, product, total = self._batch_norm_pull(x_dot, x, gain, mean, scale, (False, True, True))
        n, a = prod(x.shape[:-1]), gain * scale
        b = scale * (gain_dot - a / n * product)
        y_dot = x - mean
        return self._torch.addcmul(bias_dot - a / n * total, y_dot, b, out=y_dot).addcmul_(x_dot, a)

    def batch_norm_pull(self, c: Array, x: Array, gain: Array, mean: Array, scale: Array) -> tuple[Array, Array, Array]:
        if not _are_alike(x, c, gain):
            return super().batch_norm_pull(c, x, gain, mean, scale)
        x_bar, gain_bar, bias_bar = self._batch_norm_pull(c, x, gain, mean, scale, (True, True, True))
        return x_bar.reshape(x.shape), gain_bar, bias_bar

    def _batch_norm_pull(
        self, c: Array, x: Array, gain: Array, mean: Array, scale: Array, which: tuple[bool, bool, bool]
    ) -> tuple[Array, Array, Array]:
        channels = x.shape[-1]
        return self._aten.native_batch_norm_backward(
            c.reshape(-1, channels), x.reshape(-1, channels), gain, None, None, mean, scale, True, 0.0, which
        )

    # ------------------------------------------------------------------------------------- indices

    def gather(self, x: Array, index: Index) -> Array:
        """`x[index]`, where PyTorch has no slices that go backwards, and is slow for one axis."""
        if x.ndim == 1 and self._are_places(index):
            return x.take(index)
        index = as_numpy_reads(index, x.ndim)
        return backwards(x, index) if goes_backwards(index) else x[index]

    def scatter_add(self, values: Array, index: Index, shape: tuple[int, ...]) -> Array:
        out = values.new_zeros(shape)
        if not may_repeat(index) and not goes_backwards(index):
            out[index] = values
            return out
        places = index
        if len(shape) != 1 or not self._are_places(index):
            places = self._places(index, shape, values.device)
        out.view(-1).index_put_((places,), values.expand(places.shape), accumulate=True)
        return out

    def scatter_last(self, order: Array, index: Index, shape: tuple[int, ...]) -> Array:
        places = self._places(index, shape, order.device)
        out = order.new_full((prod(shape),), -1)
        order = order.expand(places.shape).reshape(-1)
        return out.scatter_reduce_(0, places.reshape(-1), order, "amax").reshape(shape)

    def _are_places(self, index: Index) -> bool:
        return index.__class__ is self._torch.Tensor and index.dtype == self._torch.int64

    def _places(self, index: Index, shape: tuple[int, ...], device: Any) -> Array:
        """The places in a flattened array of `shape` that an index names."""
        return self.gather(self._torch.arange(prod(shape), device=device).reshape(shape), index)

    # ------------------------------------------------------------------------------------- elementwise, products

    def erf(self, x: Array) -> Array:
        return self._torch.erf(x)

    def sign(self, x: Array) -> Array:
        """PyTorch's makes 0 of nan."""
        return self._torch.where(x == x, self._torch.sign(x), x)

    def relu_slope(self, y: Array) -> Array:
        """The sign of what is not negative: one pass."""
        return y.sign()

    def maximum(self, a: Array, b: Array) -> Array:
        """A number as such: array-api-compat would copy it to the device, and wait."""
        if isinstance(b, float | int):
            return a.clamp_min(b)
        return b.clamp_min(a) if isinstance(a, float | int) else self.xp.maximum(a, b)

    def minimum(self, a: Array, b: Array) -> Array:
        if isinstance(b, float | int):
            return a.clamp_max(b)
        return b.clamp_max(a) if isinstance(a, float | int) else self.xp.minimum(a, b)

    def vecdot(self, x: Array, y: Array) -> Array:
        if x.ndim == y.ndim == 1 and x.dtype == y.dtype:
            return self._torch.dot(x, y)
        return (x * y).sum(-1)

    def solve(self, a: Array, b: Array) -> Array:
        """PyTorch's takes some matrices `b` for a batch of vectors."""
        a, b = self._of_one_dtype(a, b)
        batch = self._torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a, b = a.expand(*batch, *a.shape[-2:]), b.expand(*batch, *b.shape[-2:])
        return self._torch.linalg.solve(a, b)

    # ------------------------------------------------------------------------------------- memory and kernels

    def compiled(self, function: Callable[..., Tree], donate: tuple[int, ...] = ()) -> Callable[..., Tree]:
        """As a CUDA graph, which copies what is given: nothing is taken over from a donor."""
        if not self._torch.cuda.is_available():
            raise ValueError("CUDA graphs need a GPU, and torch runs eagerly on the CPU")
        return Graphed(function, self._torch)

    def check(self, arrays: list[Array]) -> None:
        """Autograd must not record what is computed here; arguments are plain tensors and live on one device."""
        for x in arrays:
            if x.layout is not self._torch.strided:
                raise TypeError(f"a tensor of shape {tuple(x.shape)} is sparse: pass x.to_dense()")
            if x.requires_grad:
                raise TypeError(
                    f"a tensor of shape {tuple(x.shape)} requires grad, and PyTorch would record what minigrad does: "
                    "pass x.detach()"
                )
            if x.device != arrays[0].device:
                raise ValueError(
                    f"tensors on two devices: {arrays[0].device} and {x.device}. Move one with x.to(device)"
                )

    def copied(self, x: Array) -> Array:
        return x.clone(memory_format=self._torch.contiguous_format)

    def is_view(self, x: Array) -> bool:
        """Views share the storage of another tensor, do not fill it, or name an entry of it twice."""
        storage = x.untyped_storage()
        if _uses_of(self._torch, storage) != 2:  # the tensor's, and ours
            return True
        return storage.nbytes() != x.nbytes or not x.is_contiguous()

    def to_host(self, x: Array) -> numpy.ndarray:
        """In float32, if NumPy has no such dtype."""
        x = x.detach().cpu()
        return (x.float() if x.dtype == self._torch.bfloat16 else x).numpy()

    def at_hand(self, x: Array) -> numpy.ndarray | None:
        if x.__class__ is not self._torch.Tensor or x.device.type != "cpu":
            return None
        try:
            return x.detach().numpy()
        except RuntimeError:  # no memory of its own: one of many under torch.vmap
            return None

    def from_host(self, x: numpy.ndarray, device: Any = None) -> Array:
        """A copy: a tensor in the host's memory would change with the array."""
        try:
            return self._torch.tensor(x, device=device)
        except TypeError as error:
            raise TypeError(f"{x.dtype} on {device}: {error} Or give x.astype('float32')") from None


def _uses_of(torch: Any, storage: Any) -> int:
    """How many hold a tensor's storage, of which PyTorch tells in its own circle; many if it does not."""
    count = getattr(torch._C, "_storage_Use_Count", None)
    return 1 << 30 if count is None else count(storage._cdata)


def _ours(images: Array) -> Array:
    """Images of PyTorch's in our order; not a view by PyTorch's count, which would keep the other tensor alive."""
    return images.permute(0, 2, 3, 1).contiguous().detach()


def _are_alike(x: Array, *others: Array) -> bool:
    """Are these of one dtype, which PyTorch's kernels of batch normalisation know?"""
    return x.dtype.itemsize >= 4 and all(y.dtype == x.dtype for y in others)


def _padding(pads: Pads, window: Pair | None) -> Pair | None:
    """The padding as PyTorch's kernels take it: the same on both sides, in pools at most half a window."""
    (top, bottom), (left, right) = pads
    if top != bottom or left != right or top < 0 or left < 0:
        return None
    if window is not None and (2 * top > window[0] or 2 * left > window[1]):
        return None
    return top, left


def _around(pads: Pads, more: Pair = (0, 0)) -> list[int]:
    """Pads in PyTorch's order, the last axis first."""
    (top, bottom), (left, right) = pads
    return [left + more[1], right + more[1], top + more[0], bottom + more[0]]


def _stretched(x: Array, dilation: Pair) -> Array:
    """Images with zeros between their entries."""
    n, h, w, c = x.shape
    y = x.new_zeros((n, (h - 1) * dilation[0] + 1, (w - 1) * dilation[1] + 1, c))
    y[:, :: dilation[0], :: dilation[1]] = x
    return y
