"""Every error names the argument, and says what would be right."""

import re

import numpy as np
import pytest

import minigrad as mg
from tests.support.errors import differentiate, fails

X = np.array([1.0, 2.0])


# ------------------------------------------------------------------------------------- leaving the trace


def test_in_place_assignment():
    def f(x):
        x[0] = 1.0
        return x

    fails(TypeError, "write x = minigrad.index_update(x, index, value), or index_add to add", differentiate, f)


def test_assignment_into_a_plain_array():
    def slice_of_it(x):
        np.zeros(2)[:] = x

    def entry(x):
        np.zeros(2)[0] = x[0]

    fails(TypeError, "a conversion to a NumPy array of a traced value", differentiate, slice_of_it)
    with pytest.raises(ValueError, match="setting an array element") as caught:  # NumPy's, with ours as its cause
        differentiate(entry)
    assert "assignment into a plain array (see minigrad.index_update, minigrad.stack)" in str(caught.value.__cause__)


def test_addition_in_place_to_a_plain_array():
    def f(x):
        y = np.zeros(2)
        y += x
        return y

    fails(TypeError, "numpy.add of a traced value", differentiate, f)


@pytest.mark.parametrize(
    ("what", "f"),
    [
        ("float()", float),
        ("int()", int),
        ("bool()", bool),
        ("complex()", complex),
        ("use as an index", [1, 2].__getitem__),
        (".item()", lambda x: x.item()),
        (".tolist()", lambda x: x.tolist()),
        ("a conversion to a NumPy array", np.asarray),
        ("a conversion to a NumPy array", mg.to_numpy),
        ("numpy.sum", np.sum),
        ("numpy.concatenate", lambda x: np.concatenate([x, x])),
        ("numpy.sin", lambda x: np.sin(x, out=np.zeros(()))),
        ("numpy.add", np.add.reduce),
        ("numpy.fmod", lambda x: np.fmod(x, 2.0)),
    ],
)
def test_what_would_lose_the_derivative(what, f):
    with pytest.raises(TypeError, match=re.escape(what) + ".* of a traced value: .* return the value as aux"):
        mg.grad(f)(1.5)


def test_an_error_in_the_function_is_the_users_own_and_leaves_the_engine_usable():
    def fail(x):
        raise KeyError("mine")

    def f(x):
        with pytest.raises(KeyError, match="mine"):
            mg.hvp(fail, x, x)
        return x**2

    for transform in (mg.grad, mg.jacobian, mg.hessian, lambda g: lambda x: mg.jvp(g, (x,), (x,))):
        with pytest.raises(KeyError, match="mine"):
            transform(fail)(np.float64(3.0))
    assert mg.grad(f)(np.float64(3.0)) == 6.0
    assert type(mg.zeros(2)) is np.ndarray


def test_a_variable_that_outlives_its_transform():
    kept = []

    def f(x):
        kept.append(x)
        return x**2

    mg.grad(f)(3.0)
    message = (
        "a variable outlived its transform: it was kept from a call of linearize, grad, jvp, ... that has returned"
    )
    fails(RuntimeError, f"add: {message}", lambda: kept[0] + 1.0)
    fails(RuntimeError, f"multiply: {message}", mg.grad(lambda x: x * kept[0]), 3.0)
    fails(RuntimeError, message, mg.grad(lambda x: x**2), kept[0])


# ------------------------------------------------------------------------------------- arguments of transforms


@pytest.mark.parametrize("x", [3, True, np.array([1, 2]), np.array([1j]), np.array([True])])
def test_primals_that_are_not_floating_point(x):
    fails(TypeError, "argument 0 of sin is not floating-point (it is ", mg.linearize, mg.sin, x)
    fails(TypeError, "write 3.0 for 3, or convert with minigrad.astype", mg.grad(mg.sin), x)


def test_a_leaf_that_is_not_floating_point_is_named():
    def f(params, x):
        return params["w"][1] * x

    fails(TypeError, "argument 0['w'][1] of f is not floating-point", mg.linearize, f, {"w": [1.0, 2]}, 1.0)
    fails(
        TypeError, "argument 1 of f is not floating-point", mg.jvp, f, ({"w": [1.0, 2.0]}, 1), ({"w": [1.0, 1.0]}, 1.0)
    )
    fails(TypeError, "argument 0 of f: expected an array or a Python number, got str: 'a'", mg.linearize, f, "a", 1.0)


def test_gradients_of_what_is_not_a_scalar():
    fails(TypeError, "the gradient needs a scalar function; sin returned shape (2,). Take the mean", mg.grad(mg.sin), X)
    fails(TypeError, "returned list", mg.grad(lambda x: [x]), 1.0)
    fails(TypeError, "returned NoneType", mg.grad(lambda x: None), 1.0)
    fails(TypeError, "returned tuple", mg.grad(lambda x: (x, x)), 1.0)
    fails(TypeError, "needs a scalar function", mg.hessian(mg.sin), X)


def test_has_aux_without_aux():
    message = "has_aux=True needs a function that returns (outputs, aux); sum returned"
    fails(TypeError, message, mg.value_and_grad(mg.sum, has_aux=True), X)
    fails(TypeError, message, mg.linearize, mg.sum, X, has_aux=True)
    fails(TypeError, "returns (outputs, aux)", mg.grad(lambda x: (x, x, x), has_aux=True), 1.0)


def test_outputs_that_are_not_arrays():
    fails(TypeError, "output['a'][1] of <lambda>: expected an array", mg.linearize, lambda x: {"a": [x, "text"]}, X)


def test_tangents_and_cotangents_of_other_shapes():
    _, J = mg.linearize(mg.sin, X)
    fails(ValueError, "J(v): the tangent has shape (3,); it must have the shape (2,)", J, np.ones(3))
    fails(ValueError, "J(v): the tangent has shape (); it must have the shape (2,)", J, 1.0)
    fails(ValueError, "J.T(u): the cotangent has shape (1, 2); it must have the shape (2,)", J.T, np.ones((1, 2)))
    fails(ValueError, "jvp: the tangent has shape (3,)", mg.jvp, mg.sin, (X,), (np.ones(3),))
    _, J = mg.linearize(lambda p: p["b"], {"a": [X], "b": X})
    fails(ValueError, "J(v): the tangent['a'][0] has shape (1,)", J, {"a": [X[:1]], "b": X})


def test_tangents_of_another_structure():
    _, J = mg.linearize(lambda p: p["a"], {"a": X, "b": [X]})
    message = "has another structure: expected {'a': *, 'b': [*]}, got {'a': *}. Build it from the tree it belongs to"
    fails(TypeError, f"J(v): the tangent {message}", J, {"a": X})
    fails(TypeError, "expected *, got [*]", J.T, [X])
    fails(TypeError, "got {'a': *, 'b': (*,)}", J, {"a": X, "b": (X,)})
    fails(TypeError, "got None", J, None)
    fails(TypeError, "J(v): expected one tangent, got 2", J, X, X)
    fails(TypeError, "tree_map: tree 1 has another structure", mg.tree_map, np.add, [X], (X,))


def test_arguments_of_transforms():
    fails(
        TypeError, "jvp: primals must be a tuple with one entry per argument: jvp(f, (x,), (v,))", mg.jvp, mg.sin, X, X
    )
    fails(TypeError, "expected (*, *), got (*,)", mg.jvp, mg.add, (X, X), (X,))
    fails(TypeError, "argnums=2: sum was called with 1 positional arguments", mg.grad(mg.sum, argnums=2), X)
    fails(ValueError, "jacobian: mode must be 'forward', 'reverse' or None; got 'fwd'", mg.jacobian, mg.sin, "fwd")
    fails(ValueError, "hessian: mode must be one of", mg.hessian, mg.sin, "forward")


def test_dict_keys_that_do_not_sort():
    fails(TypeError, "dict keys of a pytree must sort, as strings do", mg.linearize, lambda p: p[1], {1: X, "a": X})


# ------------------------------------------------------------------------------------- primitives


def test_a_primitive_without_a_rule():
    @mg.primitive(lambda y, a, b: mg.Scale(b))
    def times(a, b):
        return a * b

    assert mg.grad(times)(2.0, 3.0) == 3.0
    message = (
        "times has no derivative in its argument 1: state its linear map, @minigrad.primitive(rule_0, rule_1, ...)"
    )
    fails(NotImplementedError, message, mg.grad(times, argnums=1), 2.0, 3.0)
    assert mg.grad(lambda x: times(x, mg.stop_gradient(x)))(2.0) == 2.0


def test_a_primitive_used_without_its_rules():
    @mg.primitive
    def bare(x):
        return x

    message = "primitive was used without its rules: write @minigrad.primitive(rule_0, rule_1, ...)"
    fails(TypeError, message, bare, X)
    fails(TypeError, message, bare, X, X)


def test_constants_that_are_not_arrays():
    fails(
        TypeError,
        "add: argument 1: expected an array or a Python number, got list: [1, 2]",
        differentiate,
        lambda x: x + [1, 2],
    )
    fails(
        TypeError,
        "multiply: argument 0: expected an array or a Python number, got str",
        differentiate,
        lambda x: "a" * x,
    )
    fails(TypeError, "expected an array or a Python number, got list", mg.exp, [1.0])


def test_lists_of_variables_given_to_asarray():
    fails(
        TypeError,
        "A list of variables is joined with minigrad.stack",
        differentiate,
        lambda x: mg.asarray([x[0], x[1]]),
    )


def test_a_traced_value_passed_by_keyword():
    with pytest.raises(TypeError, match="by position"):
        mg.grad(lambda x: mg.add(x, b=x))(3.0)


def test_an_output_that_outlived_its_transform():
    kept = []
    mg.grad(lambda x: kept.append(x) or x * x)(3.0)
    with pytest.raises(RuntimeError, match="outlived"):
        mg.linearize(lambda y: kept[0], 2.0)


def test_what_was_given_is_shown_in_one_line():
    x = np.ones((2, 3))
    sparse = pytest.importorskip("scipy.sparse").eye(3)
    for f in (
        lambda: mg.grad(mg.sum, x), lambda: mg.exp([x, x]), lambda: mg.sum(sparse), lambda: mg.sum(x, axis=x),
        lambda: mg.reshape(x, x), lambda: mg.index_update(x, 0, [x, x]), lambda: mg.grad(mg.sum)(sparse),
    ):  # fmt: skip
        with pytest.raises(TypeError) as caught:
            f()
        assert len(str(caught.value).splitlines()) == 1
