"""Every differentiable function against difference quotients, in both sweeps, to second order, in two precisions."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, tree_flatten
from minigrad.ops import linalg
from tests.support.cases import CASES

CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)

OTHERS = {  # what is public and no function of arrays
    "Array", "Compose", "DerivativeError", "DiagonalOperator", "GGNOperator", "HessianOperator", "Identity", "Linear",
    "LinearMap", "Linearization", "Namespace", "Negate", "Ravel", "Scale", "Tree", "TreeOperator", "Variable",
    "backend_name", "check_derivatives", "check_runs", "compiled", "from_numpy", "fused", "ggnvp", "grad", "hessian",
    "hvp", "independent_runs", "jacobian", "jvp", "keep_freed_memory", "linearize", "namespace", "one_blas_thread",
    "packed", "primitive", "stop_gradient", "to_numpy", "tree_elementwise", "tree_flatten", "tree_map", "tree_packed",
    "tree_paths", "tree_unflatten", "value_and_grad", "vjp", "vmap",
}  # fmt: skip
WITHOUT_DERIVATIVE = {
    "all", "any", "arange", "argmax", "argmin", "argsort", "asarray", "bool", "count_nonzero", "empty", "empty_like",
    "equal", "eye", "finfo", "float32", "float64", "full", "full_like", "greater", "greater_equal", "int32", "int64",
    "isdtype", "isfinite", "isinf", "isnan", "less", "less_equal", "linspace", "logical_and", "logical_not",
    "logical_or", "logical_xor", "meshgrid", "nonzero", "not_equal", "ones", "ones_like", "result_type", "searchsorted",
    "signbit", "trunc", "uint8", "zeros", "zeros_like",
}  # fmt: skip


def cast(args, dtype, xp=np):
    return mg.tree_map(lambda x: xp.asarray(x, dtype=getattr(xp, dtype)), args)


def sine_of_all(f):
    """A scalar function with a Hessian of all entries, out of any function."""
    return lambda *args: sum(mg.sum(mg.sin(y)) for y in tree_flatten(f(*args))[0])


def dtypes(tree):
    return {str(x.dtype).rpartition(".")[2] for x in tree_flatten(tree)[0]}


def test_table_forgets_no_function():
    public = {n for n, g in vars(mg).items() if callable(g) and not n.startswith("_")} - OTHERS - WITHOUT_DERIVATIVE
    again = {"matmul", "matrix_transpose", "outer", "tensordot", "vecdot"}  # minigrad.matmul too
    public |= {f"linalg.{n}" for n in set(linalg.__all__) - again} | {f"nn.{n}" for n in nn.__all__}
    assert public == {case.function for case in CASES}


def test_cases_have_names_of_their_own():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))


@CASE
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_derivatives_to_second_order(case, dtype):
    mg.check_derivatives(case.f, *cast(case.args, dtype), order=2, **case.options)


@CASE
def test_float32_stays_float32(case):
    args = cast(case.args, "float32")
    y, J = mg.linearize(case.f, *args)
    y64 = mg.tree_map(lambda leaf: np.ones(leaf.shape), y)
    tree = args[0] if len(args) == 1 else args
    assert dtypes(y) == {"float32"}
    assert dtypes(case.f(*args)) == {"float32"}
    assert dtypes(J(*case.args)) == {"float32"}
    assert dtypes(J.T(y64)) == {"float32"}
    assert dtypes(mg.jvp(case.f, args, case.args)) == {"float32"}
    scalar = sine_of_all(case.f)
    if len(args) == 1:
        assert dtypes(mg.hvp(scalar, tree, case.args[0])) == {"float32"}
    else:
        assert dtypes(mg.hvp(lambda all_of_them: scalar(*all_of_them), args, case.args)) == {"float32"}


@CASE
def test_no_linear_map_promotes_float32(case):
    """Each map of the tape by itself: float32 tangents and cotangents leave it in float32."""
    args = cast(case.args, "float32")
    _, J = mg.linearize(sine_of_all(case.f), *args)
    values = list(J.domain.leaves)
    for row in J._rows[len(values) :]:
        pushed = [linear_map(values[i]) for i, linear_map in row]
        pulled = [linear_map.T(pushed[0]) for _, linear_map in row]
        assert dtypes(pushed + pulled) == {"float32"} or case.function == "astype"
        values.append(pushed[0])
