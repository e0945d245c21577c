"""Are the derivatives right? Difference quotients and the adjoint identity, along random directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from minigrad.backend import backend_dtype, backend_name, to_numpy
from minigrad.leaves import Leaves, argument_name, name_of
from minigrad.linearize import jvp, linearize
from minigrad.trees import Tree, flatten


class DerivativeError(AssertionError):
    """A derivative that differs from its difference quotient, or two sweeps that are not each other's transpose."""


def check_derivatives(
    f: Callable[..., Any],
    *primals: Tree,
    order: int = 2,
    seed: int = 0,
    directions: int = 2,
    tol: float | None = None,
    step: float | None = None,
) -> None:
    r"""Check the derivatives of `f` at a point to an order; DerivativeError says what is wrong and where.

    Along random directions `v` and cotangents `u`, three numbers must agree to `tol`, relative to their sizes:

        <u, (f(w + h v) - f(w - h v)) / 2h>,      <u, J v>,      <J^T u, v>,

    and `jvp` with `linearize`. Higher orders do the same to `w -> J v` and `w -> J^T u`. Quotients are taken in
    float64, also where the primals are float32 (then `tol` is 1e-4, else 1e-6; `h` is 1e-5 times the size of `w`).
    The error names the function, the argument, the index of the worst entry, and both values.

    >>> import minigrad as mg
    >>> check_derivatives(lambda x: mg.exp(x) * x, 0.5)
    >>> wrong = mg.primitive(lambda y, x: mg.Scale(2.001 * x))(lambda x: x * x)
    >>> check_derivatives(wrong, 0.5)  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
        ...
    minigrad.check.DerivativeError: ...
    """
    if order < 1:
        raise ValueError(f"check_derivatives: order must be at least 1; got {order}")
    rng = numpy.random.default_rng(seed)
    for _ in range(directions):
        _check(f, primals, order, rng, tol, step, name_of(f))


def _check(f: Any, primals: Any, order: int, rng: Any, tol: float | None, step: float | None, name: str) -> None:
    inputs = Leaves.of_arguments(primals, f)
    y, J = linearize(f, *primals)
    outputs = J.outputs
    single = "float32" in "".join(str(x.dtype) for x in inputs.like + outputs.like)
    tolerance = tol if tol is not None else (1e-4 if single else 1e-6)

    v = [_normal(rng, x) for x in inputs.like]
    u = [_normal(rng, x) for x in outputs.like]
    v_tree = inputs.arguments([_like(x, like) for x, like in zip(v, inputs.like, strict=True)])
    u_tree = outputs.build([_like(x, like) for x, like in zip(u, outputs.like, strict=True)])
    Jv = [to_numpy(t) for t in flatten(J.push(*v_tree))[0]]
    JTu = [to_numpy(c) for c in flatten(J.pull(u_tree))[0]]

    h = step if step is not None else 1e-5
    quotient = _quotient(f, inputs, v, h)
    for k, (got, want) in enumerate(zip(Jv, quotient, strict=True)):
        if got.shape != want.shape or not _close(got, want, tolerance, _size(want)):
            raise DerivativeError(_locate(f, inputs, k, h, J, name, got, want))

    forward, reverse = _inner(u, Jv), _inner(JTu, v)
    # Rounding grows with the terms of the sums, not with what is left of them.
    size = 1.0 + sum(float(numpy.abs(a * b).sum()) for a, b in [*zip(u, Jv, strict=True), *zip(JTu, v, strict=True)])
    if not abs(forward - reverse) <= (1e-5 if single else 1e-10) * size:
        raise DerivativeError(_locate_transpose(J, inputs, outputs, name, forward, reverse))
    y_dot = flatten(jvp(f, primals, v_tree)[1])[0]
    for got, want in zip((to_numpy(t) for t in y_dot), Jv, strict=True):
        if not _close(got, want, 1e-4 if single else 1e-9, 1.0 + _size(want)):
            raise DerivativeError(f"{name}: jvp gives {got!r:.200}, J(v) of linearize gives {want!r:.200}")
    if order > 1:
        _check(lambda *w: linearize(f, *w)[1].push(*_cast(v_tree, w)), primals, order - 1, rng, tol, step, f"J v of {name}")
        _check(lambda *w: _pull(f, w, u), primals, order - 1, rng, tol, step, f"J^T u of {name}")


def _pull(f: Any, primals: Any, u: list[Any]) -> Tree:
    _, J = linearize(f, *primals)
    return J.pull(J.outputs.build([_like(x, like) for x, like in zip(u, J.outputs.like, strict=True)]))


def _cast(v_tree: Any, primals: Any) -> Any:
    return v_tree


def _normal(rng: Any, like: Any) -> Any:
    return rng.standard_normal(like.shape)


def _like(x: Any, like: Any) -> Any:
    """A NumPy array on the backend and in the dtype of another array."""
    from minigrad.backend import namespace
    from minigrad.variable import strip

    xp = namespace(strip(like))
    return xp.asarray(x, dtype=like.dtype)


def _quotient(f: Any, inputs: Leaves, v: list[Any], h: float) -> list[Any]:
    """`(f(w + h v) - f(w - h v)) / 2h` in float64, `h` scaled to the size of each leaf."""
    ends = []
    for sign in (1.0, -1.0):
        moved = []
        for x, direction in zip(inputs.like, v, strict=True):
            value = to_numpy(x).astype("float64") + sign * h * direction
            moved.append(inputs.namespace.asarray(value, dtype=backend_dtype(inputs.namespace, "float64")))
        ends.append([to_numpy(leaf).astype("float64") for leaf in flatten(f(*inputs.arguments(moved)))[0]])
    return [(a - b) / (2.0 * h) for a, b in zip(*ends, strict=True)]


def _size(x: Any) -> float:
    return float(numpy.max(numpy.abs(x))) if numpy.size(x) else 0.0


def _close(got: Any, want: Any, tol: float, size: float) -> bool:
    """Entries equal to `tol` times the size of the whole, at least 1e-3 of the direction's own."""
    return bool(numpy.all(numpy.abs(got - want) <= tol * (1e-2 + size)))


def _inner(a: list[Any], b: list[Any]) -> float:
    return sum(float(numpy.sum(x * y)) for x, y in zip(a, b, strict=True))


def _locate(f: Any, inputs: Leaves, output: int, h: float, J: Any, name: str, got: Any, want: Any) -> str:
    """Say which input entry's derivative is farthest from its quotient."""
    worst = (-1.0, "", 0.0, 0.0)
    for k, x in enumerate(inputs.like):
        for index in numpy.ndindex(*x.shape):
            v = [numpy.zeros(like.shape) for like in inputs.like]
            v[k][index] = 1.0
            tree = inputs.arguments([_like(t, like) for t, like in zip(v, inputs.like, strict=True)])
            ours = to_numpy(flatten(J.push(*tree))[0][output])
            quotient = _quotient(f, inputs, v, h)[output]
            if ours.shape != quotient.shape:
                return f"{name}: the tangent of the output has shape {ours.shape}, the output has {quotient.shape}"
            gap = numpy.abs(ours - quotient)
            gap = numpy.where(numpy.isnan(gap), numpy.inf, gap)
            if gap.max() > worst[0]:
                place = numpy.unravel_index(numpy.argmax(gap), gap.shape)
                where = f"{argument_name(inputs.structure, k, inputs.single)}, index {list(index)}"
                worst = (gap.max(), where, float(ours[place]), float(quotient[place]))
    return f"{name}: {worst[1]}: the derivative is {worst[2]:.10g}, difference quotients give {worst[3]:.10g}"


def _locate_transpose(J: Any, inputs: Leaves, outputs: Leaves, name: str, forward: float, reverse: float) -> str:
    """Say which entry of the Jacobian the two sweeps disagree on."""
    text = f"{name}: the sweeps are not transposes: <u, J v> = {forward:.10g}, <J^T u, v> = {reverse:.10g}"
    columns = []
    for k, x in enumerate(inputs.like):
        for index in numpy.ndindex(*x.shape):
            v = [numpy.zeros(like.shape) for like in inputs.like]
            v[k][index] = 1.0
            tree = inputs.arguments([_like(t, like) for t, like in zip(v, inputs.like, strict=True)])
            y_dot = numpy.concatenate([to_numpy(t).reshape(-1) for t in flatten(J.push(*tree))[0]])
            columns.append((argument_name(inputs.structure, k, inputs.single), list(index), y_dot))
    rows = []
    for k, y in enumerate(outputs.like):
        for index in numpy.ndindex(*y.shape):
            u = [numpy.zeros(like.shape) for like in outputs.like]
            u[k][index] = 1.0
            tree = outputs.build([_like(t, like) for t, like in zip(u, outputs.like, strict=True)])
            rows.append(numpy.concatenate([to_numpy(t).reshape(-1) for t in flatten(J.pull(tree))[0]]))
    pushed, pulled = numpy.stack([c for _, _, c in columns], axis=1), numpy.stack(rows)
    row, column = numpy.unravel_index(numpy.argmax(numpy.abs(pushed - pulled)), pushed.shape)
    argument, index, _ = columns[column]
    return (
        f"{text}; {argument}, index {index}: forward {pushed[row, column]:.10g}, reverse {pulled[row, column]:.10g}"
    )


__all__ = ["DerivativeError", "backend_name", "check_derivatives"]
