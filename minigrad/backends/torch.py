"""PyTorch without its autograd: its convolutions and pools, on images whose channels vary fastest."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy

from minigrad.backends.namespaces import Namespace
from minigrad.backends.protocol import Array, Index
from minigrad.backends.standard import Standard, may_repeat, parts_of
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
        return y.permute(0, 2, 3, 1).contiguous()

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
        return self._pooled(x, window, stride, pads)[0].permute(0, 2, 3, 1).contiguous()

    def window_argmax(self, x: Array, y: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        n, h, w, c = x.shape
        _, pixel, padded = self._pooled(x, window, stride, pads)
        pixel = pixel.permute(0, 2, 3, 1)
        if padded:  # then pixels are counted in padded images
            width = w + sum(pads[1])
            row = (pixel // width - pads[0][0]).clamp_(0, max(h - 1, 0))
            pixel = row * w + (pixel % width - pads[1][0]).clamp_(0, max(w - 1, 0))
        image = self._arange(n, x).reshape(n, 1, 1, 1)
        return pixel * c + (image * (h * w * c) + self._arange(c, x))

    def window_sum(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        images, padding = self._padded(x.permute(0, 3, 1, 2), pads, window)
        y = self._aten.avg_pool2d(images, window, stride, padding, False, True, 1)
        return y.permute(0, 2, 3, 1).contiguous()

    def window_sum_transpose(self, c: Array, window: Pair, stride: Pair, pads: Pads, size: Pair) -> Array:
        padding = _padding(pads, window)
        h, w = size if padding else (n + sum(pad) for n, pad in zip(size, pads, strict=True))
        like = c.new_empty((c.shape[0], h, w, c.shape[3])).permute(0, 3, 1, 2)  # its shape is what counts
        sums = self._aten.avg_pool2d_backward(
            c.permute(0, 3, 1, 2), like, window, stride, padding or (0, 0), False, True, 1
        )
        if not padding:
            sums = self._pad(sums, [-p for p in _around(pads)])
        return sums.permute(0, 2, 3, 1).contiguous()

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

    def _pooled(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> tuple[Array, Array, bool]:
        """Maxima, the pixels that they come from, and whether those are pixels of padded images."""
        images, padding = self._padded(x.permute(0, 3, 1, 2), pads, window, float("-inf"))
        y, pixel = self._aten.max_pool2d_with_indices(images, window, stride, padding)
        return y, pixel, not _padding(pads, window)

    # ------------------------------------------------------------------------------------- indices

    def gather(self, x: Array, index: Index) -> Array:
        """`x[index]`, where PyTorch has no slices that go backwards, and is slow for one axis."""
        if index.__class__ is self._torch.Tensor and x.ndim == 1 and index.dtype == self._torch.int64:
            return x.take(index)
        backwards = [isinstance(part, slice) and (part.step or 1) < 0 for part in parts_of(index)]
        return _backwards(x, index) if any(backwards) else x[index]

    def scatter_add(self, values: Array, index: Index, shape: tuple[int, ...]) -> Array:
        out = values.new_zeros(shape)
        places = index
        if len(shape) != 1 or index.__class__ is not self._torch.Tensor or index.dtype != self._torch.int64:
            places = self._places(index, shape, values.device)
        if not may_repeat(index):
            out.reshape(-1)[places] = values
            return out
        values = values.expand(places.shape)
        return out.reshape(-1).index_put_((places,), values, accumulate=True).reshape(shape)

    def scatter_last(self, order: Array, index: Index, shape: tuple[int, ...]) -> Array:
        places = self._places(index, shape, order.device)
        out = order.new_full((prod(shape),), -1)
        order = order.expand(places.shape).reshape(-1)
        return out.scatter_reduce_(0, places.reshape(-1), order, "amax").reshape(shape)

    def _places(self, index: Index, shape: tuple[int, ...], device: Any) -> Array:
        """The places in a flattened array of `shape` that an index names."""
        return self.gather(self._torch.arange(prod(shape), device=device).reshape(shape), index)

    # ------------------------------------------------------------------------------------- elementwise, products

    def erf(self, x: Array) -> Array:
        return self._torch.erf(x)

    def sign(self, x: Array) -> Array:
        """PyTorch's makes 0 of nan."""
        return self._torch.where(x == x, self._torch.sign(x), x)

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

    def from_host(self, x: numpy.ndarray, device: Any = None) -> Array:
        """A copy: a tensor in the host's memory would change with the array."""
        return self._torch.tensor(x, device=device)


def _uses_of(torch: Any, storage: Any) -> int:
    """How many hold a tensor's storage, of which PyTorch tells in its own circle; many if it does not."""
    count = getattr(torch._C, "_storage_Use_Count", None)
    return 1 << 30 if count is None else count(storage._cdata)


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


def _backwards(x: Array, index: Index) -> Array:
    """`x[index]` with slices that go backwards: forward slices of `x` flipped along their axes."""
    parts = list(parts_of(index))
    if Ellipsis in [p for p in parts if p.__class__ is type(Ellipsis)]:
        k = next(i for i, p in enumerate(parts) if p is Ellipsis)
        parts[k : k + 1] = [slice(None)] * (x.ndim - sum(_axes(p) for p in parts if p is not Ellipsis))
    axis, flipped = 0, []
    for k, part in enumerate(parts):
        if isinstance(part, slice) and (part.step or 1) < 0:
            n = x.shape[axis]
            start, stop, step = part.indices(n)
            # entries n - 1 - i of the flipped axis are entries i
            parts[k] = slice(n - 1 - start, n - 1 - stop, -step)
            flipped.append(axis)
        axis += _axes(part)
    return x.flip(flipped)[tuple(parts)]


def _axes(part: Any) -> int:
    """How many axes a part of an index reads."""
    if part is None:
        return 0
    return part.ndim if getattr(part, "ndim", 0) and "bool" in str(part.dtype) else 1
