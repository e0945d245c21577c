"""One evaluation, two directions: `linearize` records the linear maps of a function and sweeps them both ways.

    y, J = linearize(f, w)        J(v) = J v  pushes a tangent forward,     J.T(u) = J^T u  pulls a cotangent back

The tape is in evaluation order: row k holds, for each earlier row that operation k used, the linear map from there.
Both sweeps are loops over the rows. Maps are applied with minigrad's operations, so that a sweep inside another
transform is itself differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, overload

from minigrad.backends import current_namespace, shown
from minigrad.linear_maps import LinearMap, Together
from minigrad.memory import add_to, copied, last_reads, own
from minigrad.packing import packed_copy
from minigrad.spec import TreeSpec, name_of
from minigrad.trace import Push, Tape, Trace
from minigrad.tree_operators import TreeOperator
from minigrad.trees import Tree, tree_map
from minigrad.variable import Array, Variable, strip

Row = list[tuple[int, LinearMap]]


class Linearization(TreeOperator):
    """The derivative `J` of a function at a point: `J(v)` pushes forward, `J.T(u)` pulls back.

    Tangents have the structure and shapes of the primals, cotangents those of the outputs. With several primals,
    `J(v1, v2, ...)` takes one tangent for each and `J.T(u)` returns a tuple. Results share no memory with tangents,
    cotangents or each other. TypeError or ValueError where structure or shapes differ. Like every `TreeOperator` it can
    be combined with others, made dense, or given to SciPy.

    >>> import numpy as np
    >>> y, J = linearize(lambda x: x * x, np.array([1.0, 2.0]))
    >>> J(np.array([1.0, 0.0])), J.T(np.array([0.0, 1.0]))
    (array([2., 0.]), array([0., 4.]))
    """

    __slots__ = ("_last_reads", "_output_rows", "_rows", "codomain", "domain")

    def __init__(self, rows: list[Row], inputs: TreeSpec, outputs: TreeSpec, output_rows: list[int | None]):
        self._rows = rows
        self.domain = inputs  # they are the first rows of the tape
        self.codomain = outputs
        self._output_rows = output_rows  # None for an output that does not depend on the inputs
        self._last_reads: list[list[int]] | None = None

    def push(self, *tangents: Tree) -> Tree:
        """Return `J v`: in every row, `y_dot = sum_i linear_map_i(x_dot_i)`."""
        x_dots: list[Array] = self.domain.read_arguments(tangents, "J(v)", "tangent")
        n, given = len(x_dots), x_dots[:]
        if self._last_reads is None:
            self._last_reads = last_reads(self._rows, self._output_rows)
        for row, spent in zip(self._rows[n:], self._last_reads[n:], strict=True):
            if row.__class__ is Together:
                y_dot = row.push([x_dots[i] for i, _ in row])
            else:
                i, linear_map = row[0]
                x_dot = x_dots[i]
                y_dot = linear_map.push(x_dot)
                for i, linear_map in row[1:]:
                    y_dot = add_to(y_dot, linear_map.push(x_dots[i]), keep=x_dot)
            x_dots.append(y_dot)
            for i in spent:
                x_dots[i] = None  # no later row reads it
        return self.codomain.build(own([None if k is None else x_dots[k] for k in self._output_rows], given))

    def pull(self, cotangent: Tree) -> Tree:
        """Return `J^T u`: every row, the last first, adds `linear_map_i.T(y_bar)` to `x_bar_i`."""
        rows = self._rows
        x_bars: list[Array] = [None] * len(rows)
        given = self.codomain.read(cotangent, "J.T(u)", "cotangent")
        for k, u in zip(self._output_rows, given, strict=True):
            if k is not None:
                x_bars[k] = u if x_bars[k] is None else x_bars[k] + u
        n = len(self.domain.leaves)
        for k in range(len(rows) - 1, n - 1, -1):
            y_bar = x_bars[k]
            if y_bar is None:
                continue
            x_bars[k] = None
            row = rows[k]
            terms = row.pull(y_bar) if row.__class__ is Together else [m.pull(y_bar) for _, m in row]
            for (i, _), x_bar in zip(row, terms, strict=True):
                x_bars[i] = x_bar if x_bars[i] is None else x_bars[i] + x_bar
        return self.domain.build(own(x_bars[:n], given))


@overload
def linearize(
    f: Callable[..., Tree], *primals: Tree, has_aux: Literal[False] = False
) -> tuple[Tree, Linearization]: ...
@overload
def linearize(f: Callable[..., Tree], *primals: Tree, has_aux: Literal[True]) -> tuple[Tree, Linearization, Tree]: ...
@overload
def linearize(f: Callable[..., Tree], *primals: Tree, has_aux: bool) -> Any: ...
def linearize(f: Callable[..., Tree], *primals: Tree, has_aux: bool = False) -> Any:
    """Evaluate `f` once and return `y, J`: its outputs and its derivative as a linear map (`y, J, aux` with `has_aux`).

    `J(v)` and `J.T(u)`, the products `J v` and `J^T u`, sweep the recorded maps; `f` is never evaluated again. Primals
    and outputs are pytrees of floating-point arrays or numbers. With `has_aux`, `f` returns `(outputs, aux)` and aux is
    passed through, not differentiated. An output that does not depend on the primals has derivative zero.

    The primals may change afterwards, and so may `y`: J keeps copies of both. Other arrays that `f` uses belong to J.

    TypeError: a primal that is not floating-point, or primals of two backends. Radul et al., "You Only Linearize
    Once", POPL 2023.

    >>> y, J = linearize(lambda w: w[0] * w[1], (2.0, 3.0))
    >>> float(y), float(J((1.0, 0.0))), [float(g) for g in J.T(1.0)]
    (6.0, 3.0, [3.0, 2.0])
    """
    inputs = TreeSpec.of_arguments(primals, f)
    inputs.leaves = packed_copy(inputs.leaves) or [copied(x) for x in inputs.leaves]
    J, aux = record(f, inputs, has_aux)
    y = J.codomain.build([copied(x) for x in J.codomain.leaves])
    return (y, J, aux) if has_aux else (y, J)


def record(f: Callable[..., Any], inputs: TreeSpec, has_aux: bool) -> tuple[Linearization, Any]:
    """Evaluate `f` on a tape; return its linearization, with the outputs' own leaves, and aux."""
    tape = Tape(inputs.namespace)
    rows = tape.rows
    variables = []
    for x in inputs.leaves:
        rows.append([])
        variables.append(Variable(x, tape, len(rows) - 1))
    y, aux = run(f, inputs, variables, tape, has_aux)
    outputs, output_rows = inputs.read_outputs(y, tape, f)
    return Linearization(rows, inputs, outputs, output_rows), aux


@overload
def jvp(
    f: Callable[..., Tree], primals: Sequence[Tree], tangents: Sequence[Tree], has_aux: Literal[False] = False
) -> tuple[Tree, Tree]: ...
@overload
def jvp(
    f: Callable[..., Tree], primals: Sequence[Tree], tangents: Sequence[Tree], has_aux: bool
) -> tuple[Tree, ...]: ...
def jvp(
    f: Callable[..., Tree], primals: Sequence[Tree], tangents: Sequence[Tree], has_aux: bool = False
) -> tuple[Tree, ...]:
    """Evaluate `f` and push a tangent through it at once: `y, J v` (`y, J v, aux` with `has_aux`), keeping no tape.

    `primals` and `tangents` are tuples (or lists) with one pytree for each argument of `f`.

    >>> y, y_dot = jvp(lambda x: x * x, (3.0,), (1.0,))
    >>> float(y), float(y_dot)
    (9.0, 6.0)
    """
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple | list):
            raise TypeError(
                f"jvp: {name} must be a tuple with one entry per argument: jvp(f, (x,), (v,)), not a bare x"
            )
    inputs = TreeSpec.of_arguments(tuple(primals), f)
    trace = Push(inputs.namespace)
    x_dots = inputs.read_arguments(tuple(tangents), "jvp", "tangent")
    variables = [Variable(x, trace, x_dot) for x, x_dot in zip(inputs.leaves, x_dots, strict=True)]
    y, aux = run(f, inputs, variables, trace, has_aux)
    outputs, y_dots = inputs.read_outputs(y, trace, f)
    both = own([*outputs.leaves, *y_dots], [*inputs.leaves, *x_dots])
    result = outputs.build(both[: len(y_dots)]), outputs.build(both[len(y_dots) :])
    return (*result, aux) if has_aux else result


def run(
    f: Callable[..., Tree], inputs: TreeSpec, variables: list[Variable], trace: Trace, has_aux: bool
) -> tuple[Tree, Tree]:
    """Call `f` on variables, and close their transform also after an error; return its outputs and aux."""
    token = current_namespace.set(trace.namespace)
    try:
        result = f(*inputs.arguments(variables))
    except (AttributeError, TypeError) as error:
        if inputs.is_list_of_numbers:
            error.add_note(
                f"An argument of {name_of(f)} is a list of numbers: a tree, of which each entry is a variable of its "
                "own. Give numpy.array([1.0, 2.0]) for one array"
            )
        raise
    finally:
        trace.open = False
        current_namespace.reset(token)
    if not has_aux:
        return result, None
    if not (isinstance(result, tuple) and len(result) == 2):
        raise TypeError(
            f"has_aux=True needs a function that returns (outputs, aux); {name_of(f)} returned {shown(result)}"
        )
    y, aux = result
    return y, lower(aux, trace)


def lower(aux: Tree, trace: Trace) -> Tree:
    """Replace the variables of a finished transform by their values in aux, each in its own memory."""
    return tree_map(lambda x: copied(x.primal) if x.__class__ is Variable and x.trace is trace else x, aux)


@overload
def vjp(f: Callable[..., Tree], *primals: Tree, has_aux: Literal[False] = False) -> tuple[Tree, LinearMap]: ...
@overload
def vjp(f: Callable[..., Tree], *primals: Tree, has_aux: Literal[True]) -> tuple[Tree, LinearMap, Tree]: ...
def vjp(f: Callable[..., Tree], *primals: Tree, has_aux: bool = False) -> Any:
    """Evaluate `f` and return `y, pull_back`, where `pull_back(u) = J^T u` (`y, pull_back, aux` with `has_aux`).

    >>> y, pull_back = vjp(lambda x: x * x, 3.0)
    >>> float(y), float(pull_back(1.0))
    (9.0, 6.0)
    """
    y, J, *aux = linearize(f, *primals, has_aux=has_aux)
    return (y, J.T, *aux)


def stop_gradient(x: Array) -> Array:
    """Return `x` as a constant: a copy of its value, derivative zero. Takes pytrees.

    >>> from minigrad import grad
    >>> float(grad(lambda x: x * stop_gradient(x))(3.0))
    3.0
    """
    return tree_map(lambda x: copied(strip(x)) if x.__class__ is Variable else x, x)
