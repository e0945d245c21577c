"""Linear maps of trees as matrices: sums, multiples, products and transposes; dense, or for SciPy.

The Jacobian of `linearize`, the Hessian and the Gauss-Newton matrix are such operators. Their combinations are known by
their products too: nothing is multiplied out.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any, overload

import numpy

from minigrad.backends import device_of, to_numpy
from minigrad.linear_maps import LinearMap
from minigrad.ops.dtypes import astype
from minigrad.ops.shaping import stack
from minigrad.ravel import Ravel
from minigrad.spec import TreeSpec
from minigrad.trees import Tree, describe, tree_map
from minigrad.variable import Array, strip

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

Number = float | Array  # an array with one entry


class TreeOperator(LinearMap):
    """A linear map `A` from trees like its `domain` to trees like its `codomain`.

    - `A(v)` or `A @ v` applies it to a tree, `A.T` is its transpose.
    - `A + B, A - B, A @ B, -A, 2.0 * A, A / 2.0` are operators.
    - `A.shape`, `A.to_dense()` and `A.to_scipy()` are of the flat matrix: leaves in the order of `tree_flatten`.

    ValueError or TypeError where the trees of two operators do not fit.

    >>> import numpy as np
    >>> from minigrad import linearize
    >>> _, J = linearize(lambda w: w["a"] * w["b"], {"a": np.array([1.0, 2.0]), "b": np.array(3.0)})
    >>> J.to_dense()
    array([[3., 0., 1.],
           [0., 3., 2.]])
    >>> (J @ J.T + 0.5 * DiagonalOperator(np.ones(2))).to_dense()
    array([[10.5,  2. ],
           [ 2. , 13.5]])
    >>> J.to_scipy() @ np.array([1.0, 0.0, 1.0])
    array([4., 2.])
    """

    __slots__ = ()
    __array_ufunc__ = None  # NumPy's numbers and arrays leave `2.0 * A` to the operator

    domain: TreeSpec
    codomain: TreeSpec

    def __reduce__(self) -> Any:
        raise TypeError(
            "a linearization cannot be pickled or copied: its linear maps are functions. Keep the primals, and call "
            "linearize again"
        )

    @property
    def T(self) -> TreeOperator:
        """The transpose."""
        return Transposed(self)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the flat matrix: the entries of an output, and those of an input."""
        return _size(self.codomain), _size(self.domain)

    def to_dense(self) -> Array:
        """The flat matrix as an array of the operator's library: a product for each row or column, as are fewer."""
        rows, columns = self.shape
        transposed = columns > rows  # a row is A^T applied to a unit vector
        of: TreeOperator = self.T if transposed else self
        inputs, outputs = _ravel(of.domain), _ravel(of.codomain)
        xp, device = self.domain.namespace, _device(of.domain)
        if not inputs.size:
            return xp.zeros(self.shape, device=device)
        dtype = xp.result_type(*(x.dtype for x in of.domain.leaves))
        units = xp.eye(inputs.size, dtype=dtype, device=device)
        products = [outputs.vector(_apply(of, inputs.tree(units[k, :]))) for k in range(inputs.size)]
        return stack(products, axis=0 if transposed else 1)

    def to_scipy(self) -> LinearOperator:
        """Return a flat `scipy.sparse.linalg.LinearOperator` on the host: leaves in the order of `tree_flatten`."""
        from scipy.sparse.linalg import LinearOperator

        return LinearOperator(self.shape, matvec=_flat(self), rmatvec=_flat(self.T), dtype=_dtype(self))

    @overload
    def __matmul__(self, other: TreeOperator) -> TreeOperator: ...
    @overload
    def __matmul__(self, other: Tree) -> Tree: ...
    def __matmul__(self, other: Any) -> Any:
        return _Product(self, other) if isinstance(other, TreeOperator) else _apply(self, other)

    def __add__(self, other: TreeOperator) -> TreeOperator:
        return _Sum(self, other) if isinstance(other, TreeOperator) else NotImplemented

    def __sub__(self, other: TreeOperator) -> TreeOperator:
        return _Sum(self, -other) if isinstance(other, TreeOperator) else NotImplemented

    def __neg__(self) -> TreeOperator:
        return _Multiple(-1.0, self)

    def __mul__(self, k: Number) -> TreeOperator:
        if isinstance(k, TreeOperator):
            raise TypeError("A * B of two operators is not defined: write A @ B for their product")
        if not (isinstance(k, numbers.Real) or getattr(k, "shape", None) == ()):
            raise TypeError(f"an operator is multiplied by one number; got {_what(k)}. Write A @ v to apply it")
        return _Multiple(k, self)

    __rmul__ = __mul__

    def __truediv__(self, k: Number) -> TreeOperator:
        return self * (1.0 / k)


class DiagonalOperator(TreeOperator):
    """Multiply each entry of a tree: `diag(d)`, for a tree `d`.

    >>> import numpy as np
    >>> D = DiagonalOperator({"a": np.array([1.0, 2.0])})
    >>> D({"a": np.array([5.0, 5.0])})
    {'a': array([ 5., 10.])}
    """

    def __init__(self, diagonal: Tree):
        self.domain = self.codomain = TreeSpec.of_arguments((diagonal,), DiagonalOperator)
        self.diagonal = self.domain.build(self.domain.leaves)

    def push(self, v: Tree) -> Tree:
        """Multiply."""
        leaves = self.domain.read(v, "DiagonalOperator", "tree")
        return self.domain.build([d * x for d, x in zip(self.domain.leaves, leaves, strict=True)])

    pull = push  # type: ignore[assignment]  # the same

    @property
    def T(self) -> DiagonalOperator:
        """Itself."""
        return self

    def __repr__(self) -> str:
        return f"<diagonal, {self.shape[0]} x {self.shape[1]}>"


class Transposed(TreeOperator):
    __slots__ = ("codomain", "domain", "of")

    def __init__(self, of: TreeOperator):
        self.of, self.domain, self.codomain = of, of.codomain, of.domain

    def push(self, u: Tree) -> Tree:
        return self.of.pull(u)

    def pull(self, v: Tree) -> Tree:
        return _apply(self.of, v)

    @property
    def T(self) -> TreeOperator:
        return self.of


class _Multiple(TreeOperator):
    __slots__ = ("codomain", "domain", "k", "of")

    def __init__(self, k: Number, of: TreeOperator):
        self.k = float(k) if isinstance(k, numbers.Real) else k  # NumPy's numbers would make float64 of float32
        self.of, self.domain, self.codomain = of, of.domain, of.codomain

    def _times(self, tree: Tree) -> Tree:
        return tree_map(lambda x: (self.k if self.k.__class__ is float else astype(self.k, x.dtype)) * x, tree)

    def push(self, *v: Tree) -> Tree:
        return self._times(self.of.push(*v))

    def pull(self, u: Tree) -> Tree:
        return self._times(self.of.pull(u))


class _Sum(TreeOperator):
    __slots__ = ("a", "b", "codomain", "domain")

    def __init__(self, a: TreeOperator, b: TreeOperator):
        _check_fit(a.domain, b.domain, "A + B: A and B take")
        _check_fit(a.codomain, b.codomain, "A + B: A and B return")
        self.a, self.b, self.domain, self.codomain = a, b, a.domain, a.codomain

    def push(self, *v: Tree) -> Tree:
        return tree_map(lambda x, y: x + y, self.a.push(*v), self.b.push(*v))

    def pull(self, u: Tree) -> Tree:
        return tree_map(lambda x, y: x + y, self.a.pull(u), self.b.pull(u))


class _Product(TreeOperator):
    __slots__ = ("a", "b", "codomain", "domain")

    def __init__(self, a: TreeOperator, b: TreeOperator):
        _check_fit(a.domain, b.codomain, "A @ B: A takes and B returns")
        self.a, self.b, self.domain, self.codomain = a, b, b.domain, a.codomain

    def push(self, *v: Tree) -> Tree:
        return _apply(self.a, self.b.push(*v))

    def pull(self, u: Tree) -> Tree:
        return self.b.pull(self.a.pull(u))


# ------------------------------------------------------------------------------------- trees and vectors


def _apply(A: TreeOperator, v: Tree) -> Tree:
    """Apply to one tree; of a function of several arguments, a tuple of their tangents."""
    return A.push(v) if A.domain.single else A.push(*v)


def _flat(A: TreeOperator) -> Callable[[numpy.ndarray], numpy.ndarray]:
    """Its product for vectors on the host."""
    inputs, outputs, device = _ravel(A.domain), _ravel(A.codomain), _device(A.domain)

    def product(flat: numpy.ndarray) -> numpy.ndarray:
        v = inputs.tree(inputs.namespace.asarray(flat.reshape(-1), device=device))
        return to_numpy(outputs.vector(_apply(A, v)))

    return product


def _ravel(spec: TreeSpec) -> Ravel:
    return Ravel(spec.build(spec.leaves))


def _size(spec: TreeSpec) -> int:
    return sum(prod(x.shape) for x in spec.leaves)


def _device(spec: TreeSpec) -> Any:
    return device_of(strip(spec.leaves[0])) if spec.leaves else None


def _dtype(A: TreeOperator) -> Any:
    """NumPy's name of the dtype that holds all entries."""
    leaves = [*A.domain.leaves, *A.codomain.leaves]
    return numpy.result_type(*(str(x.dtype).rsplit(".", 1)[-1] for x in leaves)) if leaves else numpy.dtype(float)


def _check_fit(a: TreeSpec, b: TreeSpec, what: str) -> None:
    if a.structure != b.structure:
        raise TypeError(f"{what} trees of one structure; got {describe(a.structure)} and {describe(b.structure)}")
    shapes = [tuple(x.shape) for x in a.leaves], [tuple(x.shape) for x in b.leaves]
    if shapes[0] != shapes[1]:
        raise ValueError(f"{what} trees of one shape; got {_listed(shapes[0])} and {_listed(shapes[1])}")


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes[:4])) + (", ..." if len(shapes) > 4 else "")


def _what(k: Any) -> str:
    return f"an array of shape {k.shape}" if hasattr(k, "shape") else type(k).__name__
