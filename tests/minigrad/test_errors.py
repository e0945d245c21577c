"""Every error names the argument, and says what would be right."""

import re

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.ops import linalg

X = np.array([1.0, 2.0])
IMAGES = np.ones((1, 4, 4, 2))


def differentiate(f, x=X):
    return mg.grad(lambda x: mg.sum(f(x)))(x)


def fails(error, message, function, *args, **params):
    with pytest.raises(error, match=re.escape(message)):
        function(*args, **params)


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


# ------------------------------------------------------------------------------------- shapes


@pytest.mark.parametrize(
    ("message", "f"),
    [
        ("matmul: shapes (2,) and (3,) do not match", lambda x: x @ np.ones(3)),
        ("matmul: shapes (3, 3) and (2,) do not match", lambda x: np.ones((3, 3)) @ x),
        ("transpose one with x.mT or reshape it", lambda x: x @ np.ones((3, 2))),
        ("matmul needs arrays of one axis or more: use * for numbers; got shape (2,) and float", lambda x: x @ 2.0),
        ("could not be broadcast", lambda x: x + np.ones(3)),
        ("concat: axis 1 does not name axes of an array of shape (2,)", lambda x: mg.concat([x, x], axis=1)),
        ("concat: the shapes may differ along axis 0 only", lambda x: mg.concat([x, np.ones((1, 1))])),
        ("concat needs at least one array", lambda x: mg.concat([])),
        ("stack needs one or more arrays of one shape; got [(2,), (3,)]", lambda x: mg.stack([x, np.ones(3)])),
        ("stack needs one or more arrays of one shape; got []", lambda x: mg.stack([])),
        ("expand_dims: axis 5 must name places in a result of 2 axes", lambda x: mg.stack([x, x], axis=5)),
        ("squeeze: axis 0 of shape (2,) does not have length 1", lambda x: mg.squeeze(x, 0)),
        ("squeeze: axis 3 does not name axes of an array of shape (2,)", lambda x: mg.squeeze(x, 3)),
        ("expand_dims: axis (0, 0) must name places", lambda x: mg.expand_dims(x, (0, 0))),
        ("permute_dims: axes (0, 0) does not name axes", lambda x: mg.permute_dims(x, (0, 0))),
        ("permute_dims: axes () must name each axis", lambda x: mg.permute_dims(x, ())),
        ("moveaxis: source 4 does not name axes", lambda x: mg.moveaxis(x, 4, 0)),
        ("must name as many axes", lambda x: mg.moveaxis(mg.outer(x, x), 0, (0, 1))),
        ("matrix_transpose needs two axes or more; got shape (2,)", lambda x: x.mT),
        ("flip: axis 2 does not name axes", lambda x: mg.flip(x, 2)),
        ("pad: widths ((0, 1), (0, 1)) need one pair", lambda x: mg.pad(x, ((0, 1), (0, 1)))),
        ("axis 3", lambda x: mg.sum(x, axis=3)),
        ("axis 3 does not name axes of an array of shape (2,)", lambda x: mg.max(x, axis=3)),
        ("axis (0, 0) does not name axes", lambda x: mg.mean(x, axis=(0, 0))),
        ("cumulative_sum needs axis= for an array of 2 axes", lambda x: mg.cumulative_sum(mg.outer(x, x))),
        ("cannot reshape array of size 2 into shape (3,)", lambda x: mg.reshape(x, (3,))),
        ("vecdot: shapes (2,) and (3,) must have the same length along axis -1", lambda x: mg.vecdot(x, np.ones(3))),
        ("tensordot: axes (0,) of shape (2,) and axes (0,) of shape (3,)", lambda x: mg.tensordot(x, np.ones(3), 1)),
        ("tensordot: axes (-2, -1) does not name axes", lambda x: mg.tensordot(x, x, 2)),
        ("shapes (2,), (3,) do not broadcast to one another", lambda x: mg.broadcast_arrays(x, np.ones(3))[0]),
        ("a value of shape (3,) does not fit x[index], of shape (2,)", lambda x: mg.index_update(x, ..., np.ones(3))),
        ("a value of shape (3,) does not fit x[index], of shape (1,)", lambda x: mg.index_add(x, slice(1), np.ones(3))),
        ("solve: a has shape (2, 2), so b needs 2 rows; its shape is (1,)", lambda x: linalg.solve(np.eye(2), x[:1])),
        ("inv needs square matrices; got shape (2,)", lambda x: linalg.inv(x)),
        ("cholesky needs square matrices; got shape (1, 2)", lambda x: linalg.cholesky(x[None, :])),
        ("det needs square matrices; got shape (2,)", lambda x: linalg.det(x)),
        ("matrix_power: n must be at least 1; got 0", lambda x: linalg.matrix_power(mg.outer(x, x), 0)),
        ("take needs axis= for an array of 2 axes", lambda x: mg.take(mg.outer(x, x), np.array([0]))),
        ("take: indices of shape (1, 1) must have one axis", lambda x: mg.take(x[None, :], np.array([[0]]), axis=1)),
        ("x (1, 2) and indices (2, 1) must agree", lambda x: mg.take_along_axis(x[None, :], np.array([[0], [1]]))),
    ],
)  # fmt: skip
def test_shapes_and_axes(message, f):
    fails(ValueError, message, differentiate, f)


def test_indices():
    fails(TypeError, "an index must be made of integers, slices or masks", differentiate, lambda x: x[1.0])
    fails(TypeError, "an index must be made of integers, slices or masks", differentiate, lambda x: x[x])
    fails(IndexError, "out of bounds", differentiate, lambda x: x[5])


def test_convolutions():
    kernel = np.ones((3, 3, 2, 1))
    message = "images of shape (1, 4, 4, 2) have 2 channels, the kernel of shape (3, 3, 3, 1) takes 3"
    fails(ValueError, f"conv2d: {message}", nn.conv2d, IMAGES, np.ones((3, 3, 3, 1)))
    fails(
        ValueError, "got shape (4, 4, 2): add the missing axis with minigrad.expand_dims", nn.conv2d, IMAGES[0], kernel
    )
    fails(ValueError, "conv2d takes images of shape (batch, height", nn.conv2d, np.ones((3, 3)), kernel, padding="same")
    fails(
        ValueError,
        "the kernel must have shape (height, width, in, out); got shape (3, 3)",
        nn.conv2d,
        IMAGES,
        np.ones((3, 3)),
    )
    fails(
        ValueError, "conv2d: the bias must have shape (1,), one per output; got (2,)",
        nn.conv2d, IMAGES, kernel, bias=np.ones(2),
    )  # fmt: skip
    fails(ValueError, "a window of (5, 5) does not fit into images", nn.conv2d, IMAGES, np.ones((5, 5, 2, 1)))
    fails(ValueError, "conv2d: stride must be an integer of at least 1", nn.conv2d, IMAGES, kernel, stride=0)
    for padding in ("SAME", -1, ((1,), 1), 1.0, (1, 2, 3)):
        fails(ValueError, f"got {padding!r}", nn.conv2d, IMAGES, kernel, padding=padding)


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_pools(name):
    pool = getattr(nn, name)
    fails(
        ValueError,
        f"{name}: padding ((2, 2), (2, 2)) must be smaller than the window (2, 2)",
        pool,
        IMAGES,
        2,
        padding=2,
    )
    fails(ValueError, f"{name}: window must be an integer of at least 1", pool, IMAGES, 0)
    fails(ValueError, f"{name} takes images of shape", pool, X, 2)
    fails(ValueError, f"{name}: a window of (5, 5) does not fit", pool, IMAGES, 5)


def test_layers_and_losses():
    y = np.ones((2, 3))
    fails(
        ValueError,
        "dense: the bias has shape (3,); with w of shape (3, 2) it needs (2,)",
        nn.dense,
        y,
        np.ones((3, 2)),
        np.ones(3),
    )
    fails(ValueError, "dropout: rate must be in [0, 1); got 1.0", nn.dropout, y, y, 1.0)
    fails(ValueError, "dropout: the mask has shape (3,), x has (2, 3)", nn.dropout, y, y[0], 0.5)
    fails(ValueError, "batch_norm: training needs two values or more per channel", nn.batch_norm, y[:1], y[0], y[0])
    fails(ValueError, "batch_norm: evaluation needs the stats", nn.batch_norm, y, y[0], y[0], training=False)
    fails(
        ValueError, "cross_entropy: outputs must be (..., batch, classes); got shape (3,)", nn.cross_entropy, y[0], y[0]
    )
    fails(
        ValueError, "labels of shape (3,) do not fit outputs of shape (2, 3)", nn.cross_entropy, y, np.array([0, 1, 2])
    )
    fails(TypeError, "labels of dtype float64 must be integers", nn.cross_entropy, y, np.array([0.0, 1.0]))
    fails(TypeError, "cross_entropy: labels must be an array; got list", nn.cross_entropy, y, [0, 1])
    fails(ValueError, "squared_error: outputs (2, 3) and targets (3,)", nn.squared_error, y, y[0])


def test_a_traced_value_passed_by_keyword():
    with pytest.raises(TypeError, match="by position"):
        mg.grad(lambda x: mg.add(x, b=x))(3.0)


def test_an_output_that_outlived_its_transform():
    kept = []
    mg.grad(lambda x: kept.append(x) or x * x)(3.0)
    with pytest.raises(RuntimeError, match="outlived"):
        mg.linearize(lambda y: kept[0], 2.0)


@pytest.mark.parametrize(("label", "dtype"), [(-1, np.int64), (3, np.int64), (255, np.uint8), (-1, np.int8)])
def test_labels_that_are_no_classes(label, dtype):
    y, labels = np.zeros((2, 3)), np.array([0, label], dtype)
    message = f"cross_entropy: label {label} is no class: outputs of shape (2, 3) have 3 classes, so labels must be in"
    fails(ValueError, message, nn.cross_entropy, y, labels)
    fails(ValueError, message, mg.grad(lambda y: nn.cross_entropy(y, labels)), y)
    fails(ValueError, message[:24], nn.cross_entropy, np.zeros((4, 2, 3)), np.tile(labels, (4, 1)))


def test_labels_on_devices_are_not_looked_at(gpu):
    y = gpu.asarray(np.zeros((2, 3)))
    assert float(nn.cross_entropy(y, gpu.asarray([0, 2]))) == pytest.approx(np.log(3.0))
