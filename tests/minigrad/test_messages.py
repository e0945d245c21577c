"""What a student meets first: the error says what to write."""

import copy
import pickle
import re

import numpy as np
import pytest
from scipy import sparse, special

import minigrad as mg
from minigrad import numpy_names

X = np.array([1.0, 2.0, 3.0])


def message_of(error, function, *args):
    with pytest.raises(error) as caught:
        function(*args)
    return str(caught.value)


# ------------------------------------------------------------------------------------- names of other libraries


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (lambda x: x.sum(), "has no attribute 'sum': write minigrad.sum(x)"),
        (lambda x: x.mean(axis=0), "'mean': write minigrad.mean(x)"),
        (lambda x: x.reshape(3, 1), "'reshape': write minigrad.reshape(x)"),
        (lambda x: x.dot(x), "'dot': write x @ y"),
        (lambda x: x.cumsum(), "'cumsum': write minigrad.cumulative_sum(x)"),
        (lambda x: x.flatten(), "'flatten': write minigrad.reshape(x, (-1,))"),
        (lambda x: x.transpose(), "'transpose': write minigrad.permute_dims(x, axes), or x.T for a matrix"),
        (lambda x: x.copy(), "'copy': write x itself: a variable never changes"),
        (lambda x: x.detach(), "'detach': write minigrad.stop_gradient(x)"),
        (lambda x: x.backward(), "'backward': write minigrad.grad(f)(x)"),
        (lambda x: x.diagonal(), "'diagonal': write minigrad.linalg.diagonal(x)"),
        (lambda x: x.nonsense, "object has no attribute 'nonsense'"),
    ],
)
def test_methods(f, says):
    message = message_of(AttributeError, mg.grad(f), X)
    assert says in message
    assert not message.endswith(": write ")


def test_variables_have_the_attributes_that_they_had():
    def f(x):
        assert hasattr(x, "shape")
        assert not hasattr(x, "toarray")
        assert x.T.shape == (2, 2)
        return mg.sum(x)

    mg.grad(f)(np.ones((2, 2)))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("norm", "write minigrad.linalg.vector_norm(x)"),
        ("dot", "write x @ y"),
        ("transpose", "write minigrad.permute_dims(x, axes), or x.T for a matrix"),
        ("concatenate", "write minigrad.concat"),
        ("power", "write minigrad.pow"),
        ("absolute", "write minigrad.abs"),
        ("arctan2", "write minigrad.atan2"),
        ("det", "write minigrad.linalg.det"),
        ("softmax", "write minigrad.nn.softmax"),
        ("einsum", "minigrad.tensordot"),
        ("random", "numpy.random.default_rng"),
    ],
)
def test_names_of_the_module(name, says):
    assert says in message_of(AttributeError, getattr, mg, name)


def test_names_of_the_submodules():
    assert "write minigrad.linalg.vector_norm(x)" in message_of(AttributeError, getattr, mg.linalg, "norm")
    assert "write minigrad.relu" in message_of(AttributeError, getattr, mg.nn, "relu")
    assert message_of(AttributeError, getattr, mg, "nonsense") == "module 'minigrad' has no attribute 'nonsense'"


def test_the_table_names_what_there_is():
    for name in numpy_names.STANDARD.values():
        assert name in mg.__all__, name
    for name, expression in numpy_names.EXPRESSIONS.items():
        assert name not in mg.__all__
        for path in re.findall(r"minigrad\.([\w.]*\w)", expression):
            value = mg
            for part in path.split("."):
                value = getattr(value, part)


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (lambda x: np.linalg.norm(x), r"numpy\.linalg\.norm of .* Write minigrad\.linalg\.vector_norm\(x\)"),
        (lambda x: np.dot(x, x), r"numpy\.dot of .* Write x @ y"),
        (lambda x: np.einsum("i,i", x, x), r"numpy\.einsum of .* Write x @ y, minigrad\.tensordot"),
        (lambda x: np.concatenate([x, x]), r"numpy\.concatenate of .* Write minigrad\.concat"),
        (lambda x: np.sum(x), r"numpy\.sum of .* Write minigrad\.sum"),
        (lambda x: np.linalg.solve(np.eye(3), x), r"Write minigrad\.linalg\.solve"),
        (lambda x: np.median(x), "minigrad has no such function: use those that it has"),
        (lambda x: np.fft.fft(x), "minigrad has no such function"),
        (lambda x: special.expit(x), r"numpy\.expit of .* Write minigrad\.sigmoid\(x\)"),
        (lambda x: np.array([x[0], x[1]]), r"Join a list of variables with minigrad\.stack, replace entries with"),
        (lambda x: np.asarray(x), r"minigrad\.stack"),
    ],
)
def test_functions_of_numpy(f, says):
    with pytest.raises(TypeError, match=says):
        mg.grad(f)(X)


def test_functions_of_math():
    import math

    with pytest.raises(TypeError, match=r"Use minigrad\.sin for math\.sin"):
        mg.grad(math.sin)(1.0)


def test_entries_put_into_a_plain_array():
    def f(x):
        y = np.zeros(3)
        y[0] = x[0]
        return y

    with pytest.raises(ValueError, match="setting an array element") as caught:
        mg.grad(f)(X)
    assert re.search(r"minigrad\.index_update, minigrad\.stack", str(caught.value.__cause__))


# ------------------------------------------------------------------------------------- transforms


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: mg.grad(mg.sum, X), "Write grad(f)(x), not grad(f, x)"),
        (lambda: mg.grad(mg.sum, np.array([1, 2])), "Write grad(f)(x), not grad(f, x)"),
        (lambda: mg.grad(mg.sum, 1.0), "argnums must be an integer or a tuple of integers; got 1.0. Write grad(f)(x)"),
        (lambda: mg.grad(mg.sum, [1.0, 2.0]), "Write grad(f)(x), not grad(f, x)"),
        (lambda: mg.value_and_grad(mg.sum, {"w": X}), "Write grad(f)(x), not grad(f, x)"),
        (lambda: mg.jacobian(mg.sin, X), "Write jacobian(f)(x)"),
        (lambda: mg.hessian(mg.sum, X), "Write hessian(f)(x), not hessian(f, x)"),
        (lambda: mg.grad(3.0), "grad takes a function, got float: 3.0. Write grad(f)(x), not grad(f(x))"),
        (lambda: mg.hessian(mg.sum(X)), "hessian takes a function, got float64"),
        (lambda: mg.jacobian(X), "jacobian takes a function, got ndarray"),
        (lambda: mg.linearize(mg.sin(X), X), "expected a function, got ndarray"),
        (lambda: mg.jvp(X, (X,), (X,)), "expected a function, got ndarray"),
        (lambda: mg.vjp(2.0, X), "Give f itself, not its value f(x)"),
        (lambda: mg.hvp(2.0, X, X), "grad takes a function"),
    ],
)
def test_transforms_given_other_things(call, says):
    assert says in message_of(TypeError, call)


@pytest.mark.parametrize(
    "f", [lambda x: mg.sum(x**2), lambda x: mg.sum(x), lambda x: x.sum(), lambda x: mg.sum(2.0 * x), lambda x: x @ x]
)
def test_lists_of_numbers_are_no_arrays(f):
    for args in (([1.0, 2.0],), ([1.0, 2.0], 3.0)):
        g = f if len(args) == 1 else lambda x, y: f(x) * y
        with pytest.raises((TypeError, AttributeError)) as caught:
            mg.grad(g)(*args)
        (note,) = caught.value.__notes__
        assert "is a list of numbers" in note
        assert "numpy.array([1.0, 2.0])" in note


def test_the_note_is_for_lists_of_numbers_alone():
    for given in (X, [X], {"a": 1.0}, (1.0, 2.0), 1.0):
        with pytest.raises(TypeError) as caught:
            mg.grad(lambda x: x + "a")(given)
        assert not hasattr(caught.value, "__notes__")


def test_a_rule_that_returns_an_array():
    @mg.primitive(lambda y, x: 2.0 * x)
    def square(x):
        return x * x

    says = "square: the rule of argument 0 returned float64, it must return a linear map: minigrad.Scale(k)"
    for transform in (mg.grad(square), lambda x: mg.jvp(square, (x,), (x,)), lambda x: mg.linearize(square, x)):
        assert says in message_of(TypeError, transform, 3.0)
    each = mg.primitive(each=lambda i, y, *xs: None)(lambda *xs: xs[0])
    assert "returned NoneType, it must return a linear map" in message_of(TypeError, mg.grad(each), 3.0)


# ------------------------------------------------------------------------------------- copies


def test_copies_of_variables_are_the_variables():
    def f(params):
        params = copy.deepcopy(params)
        other = copy.copy(params["w"])
        params["w"] = 2.0 * params["w"]
        return mg.sum(params["w"] * other)

    params = {"w": X}
    np.testing.assert_array_equal(mg.grad(f)(params)["w"], 4.0 * X)
    np.testing.assert_array_equal(params["w"], [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(mg.hvp(f, params, params)["w"], 4.0 * X)


def test_pickles_and_copies_of_linearizations():
    _, J = mg.linearize(mg.sin, X)
    for function in (pickle.dumps, copy.copy, copy.deepcopy):
        for what in (J, J.T, mg.HessianOperator(mg.sum, X)):
            if function is copy.copy and what is not J:
                continue  # a copy that shares the map is fine
            assert "a linearization cannot be pickled or copied" in message_of(TypeError, function, what)
    assert "pickling of a traced value" in message_of(TypeError, mg.grad(pickle.dumps), 1.0)


# ------------------------------------------------------------------------------------- other containers


class Column:
    """As pandas has it: no array, with `to_numpy`, and it defers to what has a higher priority."""

    __pandas_priority__ = 3000

    def to_numpy(self):
        return X

    def __mul__(self, other):
        return NotImplemented if getattr(other, "__pandas_priority__", 0) > self.__pandas_priority__ else other


@pytest.mark.parametrize(
    "f", [mg.sum, lambda x: Column() * X[0] if x is None else mg.grad(lambda w: mg.sum(Column() * w))(X), mg.exp]
)
def test_columns(f):
    assert "Column" in message_of(TypeError, f, Column())
    assert "Write x.to_numpy()" in message_of(TypeError, f, Column())
    assert "Write x.to_numpy()" in message_of(TypeError, mg.grad(mg.sum), Column())


SPARSE = sparse.random(4, 3, 0.6, format="csr", random_state=0)
KINDS = {"csr": SPARSE, "array": sparse.csr_array(SPARSE), "coo": sparse.coo_array(SPARSE), "csc": SPARSE.tocsc()}


@pytest.mark.parametrize("A", KINDS.values(), ids=KINDS)
def test_constant_sparse_matrices(A):
    D = SPARSE.toarray()
    mg.check_derivatives(lambda x: A @ x, X, step=1.0)
    mg.check_derivatives(lambda x: mg.exp(A @ x), np.outer(X, [0.1, 0.2]))
    mg.check_derivatives(lambda x: x @ A, np.ones(4), step=1.0)
    mg.check_derivatives(lambda x: x @ A, np.ones((2, 4)), step=1.0)
    f = lambda x: 0.5 * mg.sum((A @ x) ** 2)  # noqa: E731
    np.testing.assert_allclose(mg.grad(f)(X), D.T @ (D @ X))
    np.testing.assert_allclose(mg.hessian(f)(X), D.T @ D)
    np.testing.assert_allclose(mg.matmul(A, X), D @ X)
    assert mg.grad(lambda x: mg.sum(A.astype(np.float32) @ x))(X.astype(np.float32)).dtype == np.float32
    with pytest.raises(ValueError, match=re.escape("needs a vector or a matrix with 3 rows; got shape (4,)")):
        mg.grad(lambda x: mg.sum(A @ x))(np.ones(4))
    assert "A constant sparse matrix can be a factor of A @ x" in message_of(TypeError, mg.exp, A)
    assert "A constant sparse matrix" in message_of(TypeError, mg.grad(lambda x: mg.sum(x + A)), np.ones((4, 3)))
