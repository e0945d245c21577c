"""Geometry of windows that slide over an image: how many there are, and which entries they read.

Images are (batch, height, width, channels). One axis of length n is stretched to `n' = (n - 1) dilation + 1`, with
zeros between its entries, padded by (before, after), and read through windows of k entries, one every `stride`:

    window i reads the stretched positions  i stride - before, ..., i stride - before + k - 1.

Stride and dilation change places in the transpose, so that one convolution serves both ways.
"""

from __future__ import annotations

Pair = tuple[int, int]
Pads = tuple[Pair, Pair]  # (before, after) along height, then width; negative pads crop


def window_count(n: int, k: int, stride: int, pad: Pair, dilation: int = 1) -> int:
    """How many windows of `k` fit along an axis of length `n`.

    >>> window_count(5, 3, 2, (1, 1))
    3
    """
    return ((n - 1) * dilation + 1 + sum(pad) - k) // stride + 1


def transposed_pads(n: int, k: int, stride: int, pad: Pair, dilation: int) -> Pair:
    """The pads with which the transpose, its stride and dilation exchanged, has an output of length `n`.

    >>> transposed_pads(5, 3, 2, (1, 1), 1)
    (1, 1)
    """
    m = window_count(n, k, stride, pad, dilation)
    return k - 1 - pad[0], (n - 1) * dilation - (m - 1) * stride + pad[0]


def stretched(n: int, length: int, before: int, dilation: int) -> tuple[slice, slice]:
    """Entries 0..n-1, stretched and shifted by `before`: those that a buffer of `length` holds, and their places there.

    >>> stretched(3, 4, 1, 2)  # at 1, 3 and 5
    (slice(0, 2, None), slice(1, 4, 2))
    """
    first = max(0, -(before // dilation)) if before < 0 else 0
    last = min(n - 1, (length - 1 - before) // dilation)
    start = first * dilation + before
    return slice(first, last + 1), slice(start, max(start, last * dilation + before + 1), dilation)


def strided(n: int, m: int, offset: int, stride: int) -> tuple[slice, slice]:
    """Places `offset + stride k`, k = 0..m-1, of an axis of length `n`: those that are inside, and their k.

    >>> strided(5, 3, -1, 2)  # -1, 1 and 3
    (slice(1, 4, 2), slice(1, 3, None))
    """
    first = max(0, -(offset // stride)) if offset < 0 else 0
    last = min(m - 1, (n - 1 - offset) // stride)
    start = offset + stride * first
    return slice(start, max(start, offset + stride * last + 1), stride), slice(first, max(first, last + 1))
