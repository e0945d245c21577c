"""Are the derivatives right? Difference quotients and the adjoint identity, along random directions."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy

from minigrad.backends import backend_dtype, device_of, namespace, to_numpy
from minigrad.linearization import jvp, linearize
from minigrad.spec import TreeSpec, argument_name, name_of
from minigrad.trees import Tree, tree_flatten, tree_paths
from minigrad.variable import Array, strip

Vector = numpy.ndarray  # all leaves of a tree as one vector, in float64
Map = Callable[[Vector], Vector]


class DerivativeError(AssertionError):
    """A derivative that differs from its difference quotient, or two sweeps that are not each other's transpose."""


def check_derivatives(
    f: Callable[..., Tree],
    *primals: Tree,
    order: int = 2,
    seed: int = 0,
    directions: int = 2,
    tol: float | None = None,
    step: float = 1e-5,
) -> None:
    r"""Check the derivatives of `f` at a point to an order; DerivativeError says what is wrong and where.

    Along random directions `v`, of the size of each leaf of the primals, and random cotangents `u`:

        J v = (f(w + delta v) - f(w - delta v)) / (2 delta)
        <u, J v> = <J^T u, v>

    must hold to `tol`, relative to the sizes of the two sides: 1e-6, or 1e-4 where anything is float32; and `J v` must
    be the same by `linearize` and by `jvp`. Quotients are always taken in float64, with `delta = step`; for linear
    functions `step=1.0` has the least rounding. Higher orders check `w -> J v` and `w -> J^T u` in the same way.
    The error names the function, the argument, the index of the worst entry, and both values.

    >>> import minigrad as mg
    >>> check_derivatives(lambda x: mg.exp(x) * x, 0.5)
    >>> wrong = mg.primitive(lambda y, x: mg.Scale(2.001 * x))(lambda x: x * x)
    >>> check_derivatives(wrong, 0.5)
    Traceback (most recent call last):
        ...
    minigrad.check.DerivativeError: <lambda>: argument 0, index []: the derivative of output, index [], is 1.0005,
    difference quotients give 1
    """
    if order < 1:
        raise ValueError(f"check_derivatives: order must be at least 1; got {order}")
    rng = numpy.random.default_rng(seed)
    for _ in range(directions):
        _check(f, primals, order, rng, tol, step, name_of(f))


def _check(
    f: Callable[..., Tree],
    primals: tuple[Tree, ...],
    order: int,
    rng: numpy.random.Generator,
    tol: float | None,
    step: float,
    name: str,
) -> None:
    inputs = TreeSpec.of_arguments(primals, f)
    y, J = linearize(f, *primals)
    outputs: TreeSpec = J.codomain
    single = any("float32" in str(x.dtype) for x in inputs.leaves + outputs.leaves)
    tol = tol if tol is not None else 1e-4 if single else 1e-6

    def push(v: Vector) -> Vector:
        return _line(J.push(*inputs.arguments(_apart(v, inputs))), outputs, f"{name}: J v")

    def pull(u: Vector) -> Vector:
        return _line(J.pull(outputs.build(_apart(u, outputs))), inputs, f"{name}: J^T u")

    def quotient(v: Vector) -> Vector:
        w = _line(inputs.build(inputs.leaves), inputs, name)
        ends = (f(*inputs.arguments(_apart(w + h * v, inputs, "float64"))) for h in (step, -step))
        ahead, behind = (_line(end, outputs, f"{name} in float64") for end in ends)
        return (ahead - behind) / (2.0 * step)

    v_leaves, u_leaves = _random(rng, inputs, like_primals=True), _random(rng, outputs)
    v_tree, u_tree = inputs.arguments(v_leaves), outputs.build(u_leaves)
    v, u = _line(inputs.build(v_leaves), inputs, name), _line(u_tree, outputs, name)
    Jv, JTu, differences = push(v), pull(u), quotient(v)
    at_once = _line(jvp(f, primals, v_tree)[1], outputs, f"{name}: jvp")
    size = max(_size(_line(y, outputs, name)), _size(v))  # what rounding is relative to, if J v is nearly nothing

    if not _close(Jv, differences, tol, size):
        raise DerivativeError(f"{name}: {_where_quotients_differ(push, quotient, inputs, outputs)}")
    rounding = numpy.abs(u * Jv).sum() + numpy.abs(JTu * v).sum() + 1e-2 * size  # it grows with the terms of the sums
    if not abs(u @ Jv - JTu @ v) <= (1e-2 if single else 1e-4) * tol * rounding:
        raise DerivativeError(f"{name}: {_where_sweeps_differ(push, pull, inputs, outputs)}")
    if not _close(at_once, Jv, tol if single else 1e-3 * tol, size):
        (k,) = _worst(at_once, Jv)
        place = _place(k, outputs, "output")
        raise DerivativeError(f"{name}: {place}: J v of jvp is {at_once[k]:.10g}, of linearize {Jv[k]:.10g}")
    if order > 1:
        for g, title in (
            (lambda *w: linearize(f, *w)[1].push(*v_tree), f"J v of {name}"),
            (lambda *w: linearize(f, *w)[1].pull(u_tree), f"J^T u of {name}"),
        ):
            _check(g, primals, order - 1, rng, tol, step, title)


# ------------------------------------------------------------------------------------- trees as vectors
# Not by `Ravel`: that is made of operations, which are what is checked, and it keeps backends and dtypes.


def _line(tree: Tree, spec: TreeSpec, what: str) -> Vector:
    """All entries of a tree as one vector; DerivativeError where a leaf has another shape than it must have."""
    leaves = tree_flatten(tree)[0]
    for x, model, path in zip(leaves, spec.leaves, tree_paths(spec.structure), strict=True):
        if getattr(x, "shape", ()) != model.shape:
            raise DerivativeError(f"{what}{path} has shape {x.shape}, it must have the shape {model.shape}")
    return numpy.concatenate([numpy.zeros(0), *(to_numpy(strip(x)).astype("float64").reshape(-1) for x in leaves)])


def _apart(line: Vector, spec: TreeSpec, dtype: str | None = None) -> list[Array]:
    """The leaves again, on their backend, in their dtypes or another."""
    leaves = []
    for x in spec.leaves:
        part, line = line[: prod(x.shape)], line[prod(x.shape) :]
        xp = namespace(strip(x))
        like = backend_dtype(xp, dtype or x.dtype)
        leaves.append(xp.asarray(part.reshape(x.shape), dtype=like, device=device_of(strip(x))))
    return leaves


def _random(rng: numpy.random.Generator, spec: TreeSpec, like_primals: bool = False) -> list[Array]:
    """Random leaves, normal with deviation 1 or the size of the leaf of the primals."""
    sizes = [(like_primals and _size(to_numpy(strip(x)))) or 1.0 for x in spec.leaves]
    line = [rng.standard_normal(prod(x.shape)) * size for x, size in zip(spec.leaves, sizes, strict=True)]
    return _apart(numpy.concatenate([numpy.zeros(0), *line]), spec)


def _entries(spec: TreeSpec) -> int:
    return sum(prod(x.shape) for x in spec.leaves)


def _size(x: numpy.ndarray) -> float:
    return float(numpy.max(numpy.abs(x), initial=0.0))


def _close(got: Vector, want: Vector, tol: float, size: float) -> bool:
    """Equal to `tol`, relative to the largest entry, or to a hundredth of `size`; nan is never equal."""
    return bool(numpy.all(numpy.abs(got - want) <= tol * (max(_size(got), _size(want)) + 1e-2 * size)))


# ------------------------------------------------------------------------------------- where is it wrong?


def _place(k: int, spec: TreeSpec, name: str = "") -> str:
    """Name entry k of the vector: `argument 0['w'], index [1, 2]`."""
    for i, x in enumerate(spec.leaves):
        if k < prod(x.shape):
            path = tree_paths(spec.structure)[i]
            what = name + path if name else argument_name(spec.structure, i, spec.single)
            return f"{what}, index {[int(n) for n in numpy.unravel_index(k, x.shape)]}"
        k -= prod(x.shape)
    raise IndexError(k)


def _worst(a: numpy.ndarray, b: numpy.ndarray) -> tuple[int, ...]:
    gap = numpy.abs(a - b)
    return tuple(int(k) for k in numpy.unravel_index(numpy.argmax(numpy.where(gap == gap, gap, numpy.inf)), gap.shape))


def _where_quotients_differ(push: Map, quotient: Map, inputs: TreeSpec, outputs: TreeSpec) -> str:
    units = numpy.eye(_entries(inputs))
    ours, theirs = numpy.stack([push(e) for e in units]), numpy.stack([quotient(e) for e in units])
    i, k = _worst(ours, theirs)
    return (
        f"{_place(i, inputs)}: the derivative of {_place(k, outputs, 'output')}, is {ours[i, k]:.10g}, "
        f"difference quotients give {theirs[i, k]:.10g}"
    )


def _where_sweeps_differ(push: Map, pull: Map, inputs: TreeSpec, outputs: TreeSpec) -> str:
    forward = numpy.stack([push(e) for e in numpy.eye(_entries(inputs))])
    reverse = numpy.stack([pull(e) for e in numpy.eye(_entries(outputs))], axis=1)
    i, k = _worst(forward, reverse)
    return (
        f"{_place(i, inputs)}: the sweeps are not transposes: the derivative of {_place(k, outputs, 'output')}, "
        f"is {forward[i, k]:.10g} forward and {reverse[i, k]:.10g} in reverse"
    )
