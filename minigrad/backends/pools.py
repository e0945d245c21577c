"""Pools on strided memory: for each place in a window, a view of the entries there in all windows."""

from __future__ import annotations

from minigrad.backends.namespaces import Namespace
from minigrad.backends.protocol import Array
from minigrad.backends.strided import Strided
from minigrad.backends.windows import Pads, Pair, stretched, strided, window_count


class Pools(Strided):
    """Maxima of windows and their places; sums over windows and their transpose."""

    def window_max(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        xp, n = self.xp, x.shape[0]
        oh, ow = (window_count(x.shape[k + 1], window[k], stride[k], pads[k]) for k in (0, 1))
        y = xp.empty((n, oh, ow, x.shape[3]), dtype=x.dtype)

        def work(start: int, stop: int) -> None:
            first, *rest = _shifted(xp, x[start:stop], window, stride, pads)
            best = y[start:stop]
            best[...] = first
            for view in rest:
                xp.maximum(best, view, out=best)

        self.in_parts(n, x[:1].nbytes, work)
        return y

    def window_argmax(self, x: Array, y: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        xp = self.xp
        n, h, w, c = x.shape
        (kh, kw), (sh, sw) = window, stride
        oh, ow = y.shape[1:3]
        row = xp.arange(oh)[:, None, None] * sh - pads[0][0]
        column = xp.arange(ow)[:, None] * sw - pads[1][0]
        corner = (row * w + column) * c + xp.arange(c)  # of each window, in its image
        # Places of a window count down from kh kw, so that the first of equal ones is the largest; 0 means none (nan).
        inside = xp.asarray([0, *((i * w + j) * c for i in reversed(range(kh)) for j in reversed(range(kw)))])
        small = xp.uint8 if kh * kw < 256 else xp.int32
        index = xp.empty(y.shape, dtype=xp.int64)

        def work(start: int, stop: int) -> None:
            best, where = y[start:stop], index[start:stop]
            place = xp.zeros(best.shape, dtype=small)
            for k, view in enumerate(_shifted(xp, x[start:stop], window, stride, pads)):
                xp.maximum(place, (view == best) * small(kh * kw - k), out=place)
            where[...] = inside[place]
            where += corner + xp.arange(start, stop)[:, None, None, None] * (h * w * c)
            # Only a window of nothing but -inf can point into the padding: any entry of x will do for it.
            xp.maximum(where, 0, out=where)
            xp.minimum(where, x.size - 1, out=where)

        self.in_parts(n, x[:1].nbytes, work)
        return index

    def window_sum(self, x: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
        """Along the height, then along the width."""
        xp = self.xp
        n, h, w, c = x.shape
        (kh, kw), (sh, sw) = window, stride
        oh, ow = window_count(h, kh, sh, pads[0]), window_count(w, kw, sw, pads[1])
        y = xp.empty((n, oh, ow, c), dtype=x.dtype)
        from_w, to_w = stretched(w, (ow - 1) * sw + kw, pads[1][0], 1)

        def work(start: int, stop: int) -> None:
            rows = xp.zeros((stop - start, oh, (ow - 1) * sw + kw, c), dtype=x.dtype)
            for i in range(kh):
                from_h, to_h = strided(h, oh, i - pads[0][0], sh)
                rows[:, to_h, to_w] += x[start:stop, from_h, from_w]
            sums = y[start:stop]
            sums[...] = rows[:, :, : sw * (ow - 1) + 1 : sw]
            for j in range(1, kw):
                sums += rows[:, :, j : j + sw * (ow - 1) + 1 : sw]

        self.in_parts(n, 3 * x[:1].nbytes, work)  # images, rows and sums
        return y

    def window_sum_transpose(self, c: Array, window: Pair, stride: Pair, pads: Pads, size: Pair) -> Array:
        """Along the width, then along the height."""
        xp = self.xp
        n, oh, ow, channels = c.shape
        (kh, kw), (sh, sw) = window, stride
        h, w = size
        x = xp.empty((n, h, w, channels), dtype=c.dtype)
        from_w, to_w = stretched(w, (ow - 1) * sw + kw, pads[1][0], 1)

        def work(start: int, stop: int) -> None:
            rows = xp.zeros((stop - start, oh, (ow - 1) * sw + kw, channels), dtype=c.dtype)
            for j in range(kw):
                rows[:, :, j : j + sw * (ow - 1) + 1 : sw] += c[start:stop]
            part = x[start:stop]
            part[...] = 0.0
            for i in range(kh):
                from_h, to_h = strided(h, oh, i - pads[0][0], sh)
                part[:, from_h, from_w] += rows[:, to_h, to_w]

        self.in_parts(n, 3 * x[:1].nbytes, work)  # images, rows and sums
        return x


def _shifted(xp: Namespace, x: Array, window: Pair, stride: Pair, pads: Pads) -> list[Array]:
    """For each place in the window in order, the strided view of `x`, padded with -inf, that stands there."""
    (kh, kw), (sh, sw) = window, stride
    n, h, w, c = x.shape
    oh, ow = window_count(h, kh, sh, pads[0]), window_count(w, kw, sw, pads[1])
    height, width = h + sum(pads[0]), w + sum(pads[1])
    from_h, to_h = stretched(h, height, pads[0][0], 1)
    from_w, to_w = stretched(w, width, pads[1][0], 1)
    padded = xp.full((n, height, width, c), float("-inf"), dtype=x.dtype)
    padded[:, to_h, to_w] = x[:, from_h, from_w]
    return [
        padded[:, i : i + sh * (oh - 1) + 1 : sh, j : j + sw * (ow - 1) + 1 : sw] for i in range(kh) for j in range(kw)
    ]
