"""Who owns which memory: results have their own, and a push overwrites only arrays that nothing else holds.

What a transform returns shares memory with nothing else (docs/aliasing.md): `own` copies a leaf that is a view, an
argument, or the same array as another leaf; all else a map has made new. `copied` is for what a linearization reads
again: its primals, and the outputs that its maps hold.

Two things keep a push cheap. Neither changes a result, and `Linearization.push` is right without them.

- `add_to` adds the terms of a row in the memory of the first. It is safe because nothing else holds that array: it is
  new, made by a linear map for this sum. Three things rule the other cases out. A map may return its argument as it
  is (`Identity`): that array is named in `keep`, and is not written to. It may return a view (a reshape, a slice):
  the backend knows (`is_view`). And an array of another type, a Python number or a variable, has no memory of its own.
  `benchmarks/step.py` measures what it is worth: the time of a training step.
- `last_reads` says after which row a tangent is not read again. It is safe because the tape is fixed once the function
  has returned: the rows to come are all that will read, and the outputs are kept. `benchmarks/memory.py` measures what
  it is worth: the memory of a step at its peak.
"""

from __future__ import annotations

from math import prod
from typing import Any

from minigrad.backends import backend_of
from minigrad.linear_maps import LinearMap
from minigrad.variable import Array, Variable

IN_PLACE = 1 << 16  # entries: for smaller arrays a new one is as quick


def copied(x: Array) -> Array:
    """A copy of an array that can be written to; variables, numbers and JAX's arrays, which cannot be, as they are.

    >>> import numpy as np
    >>> x = np.ones(2)
    >>> copied(x) is x, copied(x[0]) is x[0], copied(2.0)
    (False, False, 2.0)
    """
    if x.__class__ is Variable or not hasattr(x, "__setitem__"):
        return x
    return backend_of(x).copied(x)


def own(leaves: list[Any], given: list[Any]) -> list[Any]:
    """The leaves, none of which shares memory with another or with an array of `given`.

    Backends know what a view is. A library whose arrays do not say so has all of them copied.

    >>> import numpy as np
    >>> u = np.ones(2)
    >>> [x is u for x in own([u, 2.0 * u], [u])]
    [False, False]
    """
    if len(leaves) == 1:  # as for most gradients: without the set
        x = leaves[0]
        if x is None or x.__class__ is Variable:
            return leaves
        if not backend_of(x).is_view(x) and not any(x is other for other in given):
            return leaves
    taken = set(map(id, given))
    done = []
    for x in leaves:
        if x is not None and x.__class__ is not Variable and (id(x) in taken or backend_of(x).is_view(x)):
            x = copied(x)
        taken.add(id(x))
        done.append(x)
    return done


def add_to(total: Array, term: Array, keep: Array) -> Array:
    """Return `total + term`, in the memory of `total` where that is a large array of its own and not `keep`.

    >>> import numpy as np
    >>> total = np.ones(IN_PLACE)
    >>> add_to(total, np.ones(IN_PLACE), keep=None) is total, add_to(total, np.ones(IN_PLACE), keep=total) is total
    (True, False)
    """
    if total.__class__ is Variable:
        return total + term
    large = total is not keep and prod(getattr(total, "shape", ())) >= IN_PLACE
    same = large and term.__class__ is total.__class__ and term.dtype == total.dtype
    if same and not backend_of(total).is_view(total):
        total += term
        return total
    return total + term


def last_reads(rows: list[list[tuple[int, LinearMap]]], outputs: list[int | None]) -> list[list[int]]:
    """Return, for every row, the rows that it is the last to read. Outputs are in none of the lists.

    >>> from minigrad.linear_maps import IDENTITY as I
    >>> last_reads([[], [(0, I)], [(0, I), (1, I)], [(2, I)]], [3])
    [[], [], [0, 1], [2]]
    """
    reader: dict[int, int] = {}
    for k, row in enumerate(rows):
        for i, _ in row:
            reader[i] = k
    last: list[list[int]] = [[] for _ in rows]
    kept = set(outputs)
    for i, k in reader.items():
        if i not in kept:
            last[k].append(i)
    return last
