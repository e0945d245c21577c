"""How is a function differentiated? By one idea: the derivative of an operation at a point is a linear map.

`linearize` evaluates a function once and returns its derivative `J`, which pushes tangents forward, `J(v)`, and pulls
cotangents back, `J.T(u)`. Gradients, Hessian products and Gauss-Newton products are a few lines over it, at any order.
The functions are those of the Python array API standard and run on NumPy, CuPy or any library that follows it.
"""

import sys as _sys
from typing import TYPE_CHECKING as _TYPE_CHECKING

from minigrad import nn
from minigrad.backends import (
    Namespace,
    backend_name,
    compiled,
    from_numpy,
    fused,
    keep_freed_memory,
    namespace,
    one_blas_thread,
    to_numpy,
)
from minigrad.batching import vmap
from minigrad.check import DerivativeError, check_derivatives
from minigrad.curvature import GGNOperator, HessianOperator, ggnvp, hvp
from minigrad.linear_maps import Compose, Identity, Linear, LinearMap, Negate, Scale
from minigrad.linearization import Linearization, jvp, linearize, stop_gradient, vjp
from minigrad.numpy_names import refuse_names as _refuse_names
from minigrad.ops import (
    broadcasting,
    creation,
    dtypes,
    elementwise,
    indexing,
    linalg,
    piecewise,
    products,
    queries,
    reductions,
    shaping,
)
from minigrad.ops import operations as _operations
from minigrad.ops.broadcasting import *
from minigrad.ops.creation import *
from minigrad.ops.dtypes import *
from minigrad.ops.elementwise import *
from minigrad.ops.indexing import *
from minigrad.ops.operators import set_operators as _set_operators
from minigrad.ops.piecewise import *
from minigrad.ops.products import *
from minigrad.ops.queries import *
from minigrad.ops.reductions import *
from minigrad.ops.shaping import *
from minigrad.packing import packed, tree_elementwise, tree_packed
from minigrad.primitives import primitive
from minigrad.ravel import Ravel
from minigrad.runs import check_runs, independent_runs
from minigrad.transforms import grad, hessian, jacobian, value_and_grad
from minigrad.tree_operators import DiagonalOperator, TreeOperator
from minigrad.trees import Tree, tree_flatten, tree_map, tree_paths, tree_unflatten
from minigrad.variable import Array, Variable

__version__ = "0.1.0"

__all__ = [
    # derivatives
    "grad", "hessian", "jacobian", "jvp", "linearize", "stop_gradient", "value_and_grad", "vjp", "vmap",
    "Linearization",
    # curvature
    "GGNOperator", "HessianOperator", "check_runs", "ggnvp", "hvp", "independent_runs",
    # matrices known by their products
    "DiagonalOperator", "TreeOperator",
    # new operations, and whether their derivatives are right
    "Compose", "DerivativeError", "Identity", "Linear", "LinearMap", "Negate", "Scale", "check_derivatives",
    "primitive",
    # trees of arrays
    "Ravel", "Tree", "packed", "tree_elementwise", "tree_flatten", "tree_map", "tree_packed", "tree_paths",
    "tree_unflatten",
    # arrays, and the library behind them
    "Array", "Namespace", "Variable", "backend_name", "compiled", "from_numpy", "fused", "keep_freed_memory",
    "namespace", "one_blas_thread", "to_numpy",
    # namespaces of their own
    "linalg", "nn",
]  # fmt: skip
__all__ += broadcasting.__all__
__all__ += creation.__all__
__all__ += dtypes.__all__
__all__ += elementwise.__all__
__all__ += indexing.__all__
__all__ += piecewise.__all__
__all__ += products.__all__
__all__ += queries.__all__
__all__ += reductions.__all__
__all__ += shaping.__all__

# A new file of operations is found by itself. Type checkers pass over these lines: they know the files named above.
globals().update(_operations())
globals()["__all__"] += sorted(set(_operations()) - set(__all__))

_set_operators(_sys.modules[__name__])
if not _TYPE_CHECKING:
    __getattr__ = _refuse_names(_sys.modules[__name__], _sys.modules[__name__])
    vars(linalg)["__getattr__"] = _refuse_names(linalg, _sys.modules[__name__])
    vars(nn)["__getattr__"] = _refuse_names(nn, _sys.modules[__name__])


def __dir__() -> list[str]:
    """The public names, without the files that they come from."""
    return sorted([*__all__, "__version__"])
