"""Automatic differentiation from one idea: the derivative of an operation at a point is a linear map.

`linearize` evaluates a function once and returns its derivative `J`, which pushes tangents forward, `J(v)`, and pulls
cotangents back, `J.T(u)`. Gradients, Hessian products and Gauss-Newton products are a few lines over it, at any order.
The functions are those of the Python array API standard and run on NumPy, CuPy or any library that follows it.
"""

import os

# OpenBLAS's idle threads busy-wait, here against the threads that share a batch of images: a training step of a small
# CNN took 1.5 times as long on two cores (benchmarks/README.md). It reads this when NumPy is first imported.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

from minigrad import nn
from minigrad.ops import linalg
from minigrad.ops.creation import (
    all, any, arange, argsort, asarray, bool, count_nonzero, e, empty, empty_like, equal, eye, finfo, float32, float64,
    full, full_like, greater, greater_equal, inf, int32, int64, isdtype, isfinite, isinf, isnan, less, less_equal,
    linspace, logical_and, logical_not, logical_or, logical_xor, meshgrid, nan, newaxis, nonzero, not_equal, ones,
    ones_like, pi, result_type, searchsorted, signbit, trunc, uint8, zeros, zeros_like,
)  # fmt: skip
from minigrad.backend import Namespace, backend_name, fused, namespace, to_numpy
from minigrad.ops.broadcasting import broadcast_arrays, broadcast_to, sum, tile
from minigrad.check import DerivativeError, check_derivatives
from minigrad.curvature import GGNOperator, HessianOperator, ggnvp, hvp
from minigrad.ops.elementwise import (
    abs, acos, acosh, add, asin, asinh, atan, atan2, atanh, ceil, clip, copysign, cos, cosh, divide, erf, exp, expm1,
    floor, floor_divide, hypot, log, log1p, log2, log10, logaddexp, maximum, minimum, multiply, negative, positive, pow,
    reciprocal, relu, remainder, round, sigmoid, sign, sin, sinh, softplus, sqrt, square, subtract, tan, tanh, where,
)  # fmt: skip
from minigrad.ops.indexing import index_add, index_update, repeat, sort, take, take_along_axis
from minigrad.ops.linalg import matmul, outer, tensordot
from minigrad.linear_maps import Compose, Identity, Linear, LinearMap, Negate, Scale
from minigrad.linearization import Linearization, jvp, linearize, stop_gradient, vjp
from minigrad.ops.operators import set_operators
from minigrad.primitives import primitive
from minigrad.ravel import Ravel
from minigrad.ops.reductions import (
    argmax, argmin, cumulative_prod, cumulative_sum, diff, logsumexp, max, mean, min, prod, std, var, vecdot,
)  # fmt: skip
from minigrad.ops.shaping import (
    astype, concat, expand_dims, flip, matrix_transpose, moveaxis, pad, permute_dims, reshape, roll, squeeze, stack,
    tril, triu, unstack,
)  # fmt: skip
from minigrad.transforms import grad, hessian, jacobian, value_and_grad
from minigrad.threads import one_blas_thread
from minigrad.trees import Tree, tree_flatten, tree_map, tree_paths, tree_unflatten
from minigrad.variable import Array, Variable

set_operators()
