"""What transforms return: values, structures, dtypes, aux; constants; threads."""

import multiprocessing
import threading
import tracemalloc
from collections import Counter, OrderedDict, defaultdict, namedtuple

import numpy as np
import pytest

import minigrad as mg
from minigrad import tree_flatten, tree_paths, tree_unflatten

X = np.array([1.0, 2.0])
RNG = np.random.default_rng(0)
Point = namedtuple("Point", ["x", "y"])


def same(a, b):
    assert tree_flatten(a)[1] == tree_flatten(b)[1]
    mg.tree_map(np.testing.assert_array_equal, a, b)


# ------------------------------------------------------------------------------------- pytrees


@pytest.mark.parametrize(
    "tree",
    [
        X,
        {"w": X, "b": [X, (X, np.array(2.0))]},
        Point(X, {"deep": [Point(X, X)]}),
        [None, X, {}, (), []],
        {"z": X, "a": None},
        (),
        None,
        {},
    ],
    ids=repr,
)
def test_gradients_have_the_structure_of_the_parameters(tree):
    def f(tree):
        return sum((mg.sum(x**2) for x in tree_flatten(tree)[0]), 0.0)

    twice = mg.tree_map(lambda x: 2.0 * x, tree)
    gradient = mg.grad(f)(tree)
    assert type(gradient) is type(tree)
    same(gradient, twice)
    same(mg.hvp(f, tree, tree), twice)
    same(tree_unflatten(tree_flatten(tree)[1], tree_flatten(tree)[0]), tree)
    assert len(tree_paths(tree_flatten(tree)[1])) == len(tree_flatten(tree)[0])


def test_the_order_of_dict_keys_does_not_matter():
    def f(p):
        return mg.sum(p["a"] * p["b"] ** 2)

    ab, ba = {"a": X, "b": 2.0 * X}, {"b": 2.0 * X, "a": X}
    same(mg.grad(f)(ab), mg.grad(f)(ba))
    _, J = mg.linearize(f, ab)
    assert J(ba) == J(ab)
    assert mg.jvp(f, (ab,), (ba,))[1] == J(ab)


def test_ordered_dicts_keep_their_type_and_order():
    params = OrderedDict(b=X, a=2.0 * X)
    gradient = mg.grad(lambda p: mg.sum(p["a"] * p["b"]))(params)
    same(gradient, OrderedDict(b=2.0 * X, a=X))
    assert type(gradient) is OrderedDict
    assert list(gradient) == ["b", "a"]
    assert type(mg.grad(lambda p: mg.sum(type(p)(p)["a"]))(params)) is OrderedDict
    assert mg.jvp(lambda p: mg.sum(p["a"]), (params,), (gradient,))[1] == 3.0
    assert tree_paths(tree_flatten(params)[1]) == ["['b']", "['a']"]
    for other in (dict(gradient), OrderedDict(a=X, b=X)):
        with pytest.raises(TypeError, match=r"expected OrderedDict\(\{'b': \*, 'a': \*\}\), got"):
            mg.jvp(lambda p: mg.sum(p["a"]), (params,), (other,))


@pytest.mark.parametrize("tree", [defaultdict(list, a=X), Counter(a=1)])
def test_other_dicts_are_refused_by_name(tree):
    for function in (mg.tree_flatten, mg.grad(lambda p: mg.sum(p["a"]))):
        with pytest.raises(TypeError, match=f"a {type(tree).__name__} is no pytree.*: give dict"):
            function(tree)


def test_leaves_may_be_python_floats_numpy_scalars_and_arrays_without_axes():
    params = {"python": 2.0, "scalar": np.float64(3.0), "array": np.array(4.0)}
    gradient = mg.grad(lambda p: p["python"] * p["scalar"] * p["array"])(params)
    same(gradient, {"python": 12.0, "scalar": 8.0, "array": 6.0})
    _, J = mg.linearize(lambda p: p["python"] * p["array"], params)
    assert J({"python": np.array(1.0), "scalar": 0.0, "array": np.float64(2.0)}) == 8.0


def test_python_floats_with_float32_arrays_stay_single():
    gradient = mg.grad(lambda p: mg.sum(p[0] * p[1]))([np.ones(2, np.float32), 3.0])
    assert [x.dtype for x in gradient] == [np.float32, np.float32]
    assert mg.grad(lambda x: x**2)(3.0).dtype == np.float64


def test_arrays_of_size_zero():
    empty = np.zeros((0, 2))
    assert mg.grad(lambda x: mg.sum(x**2))(empty).shape == (0, 2)
    assert mg.grad(lambda x: mg.mean(np.ones((3, 0)) @ x))(empty).shape == (0, 2)
    assert mg.jacobian(lambda x: mg.exp(x))(empty).shape == (0, 2, 0, 2)
    assert mg.hessian(lambda x: mg.sum(x**2))(empty).shape == (0, 2, 0, 2)
    assert mg.jacobian(lambda x: mg.concat([x, empty]), "forward")(np.ones((1, 2))).shape == (1, 2, 1, 2)


def test_dense_derivatives_of_trees():
    def f(p):
        return {"y": p["a"] * p["b"], "z": [p["b"]]}

    p = {"a": np.array(3.0), "b": X}
    for mode in ("forward", "reverse", None):
        J = mg.jacobian(f, mode)(p)
        same(J, {"y": {"a": X, "b": 3.0 * np.eye(2)}, "z": [{"a": np.zeros(2), "b": np.eye(2)}]})
    H = mg.hessian(lambda p: mg.sum(p["a"] ** 2 * p["b"]))(p)
    same(H, {"a": {"a": np.array(6.0), "b": np.full(2, 6.0)}, "b": {"a": np.full(2, 6.0), "b": np.zeros((2, 2))}})


@pytest.mark.parametrize("mode", ["forward", "reverse", None])
def test_jacobians_in_other_arguments(mode):
    def f(a, x, p, scale=1.0):
        return {"y": scale * a * x * p["c"], "z": x @ x}

    a, x, p = 2.0, X, {"c": np.array(3.0)}
    in_x = {"y": 12.0 * np.eye(2), "z": 2.0 * X}
    in_p = {"y": {"c": 4.0 * X}, "z": {"c": np.array(0.0)}}
    same(mg.jacobian(f, mode, argnums=1)(a, x, p, scale=2.0), in_x)
    same(mg.jacobian(f, mode, argnums=-2)(a, x, p, scale=2.0), in_x)
    same(mg.jacobian(f, mode, argnums=(1,))(a, x, p, scale=2.0), {k: (v,) for k, v in in_x.items()})
    same(mg.jacobian(f, mode, argnums=(2, 1))(a, x, p, scale=2.0), {k: (in_p[k], in_x[k]) for k in in_x})
    same(mg.jacobian(f, mode)(a, x, p), {"y": 3.0 * X, "z": np.array(0.0)})


def test_hessians_in_other_arguments():
    f = lambda a, x: a**2 * mg.sum(x**3)  # noqa: E731
    a, total = 2.0, np.sum(X**3)
    for mode in ("forward-over-reverse", "reverse-over-reverse"):
        same(mg.hessian(f, mode, argnums=1)(a, X), np.diag(24.0 * X))
        blocks = ((2.0 * total, 12.0 * X**2), (12.0 * X**2, np.diag(24.0 * X)))
        same(mg.hessian(f, mode, argnums=(0, 1))(a, X), blocks)


def test_jacobian_refuses_arguments_that_are_not_there():
    with pytest.raises(TypeError, match=r"argnums=2: sin was called with 1 positional"):
        mg.jacobian(mg.sin, argnums=2)(X)
    with pytest.raises(ValueError, match="names an argument twice"):
        mg.jacobian(mg.sin, argnums=(0, 0))
    with pytest.raises(TypeError, match=r"argnums must be an integer.* Write jacobian\(f\)\(x\)"):
        mg.jacobian(mg.sin, argnums=X)


def test_tree_map():
    same(mg.tree_map(lambda a, b: a - b, {"a": [X, None]}, {"a": [X, None]}), {"a": [np.zeros(2), None]})
    assert mg.tree_map(lambda x: x + 1, 1) == 2


# ------------------------------------------------------------------------------------- arguments and aux


def test_several_arguments():
    def f(a, b, c=1.0):
        return mg.sum(a * b) * c

    a, b = X, 3.0 * X
    same(mg.grad(f)(a, b), b)
    same(mg.grad(f, argnums=1)(a, b, c=2.0), 2.0 * a)
    same(mg.grad(f, argnums=(1, 0))(a, b), (a, b))
    same(mg.grad(f, argnums=(1,))(a, b), (a,))
    same(mg.grad(f, argnums=-1)(a, b), a)
    value, (gradient,) = mg.value_and_grad(f, argnums=(0,))(a, b, 2.0)
    assert value == 30.0
    same(gradient, 2.0 * b)
    y, J = mg.linearize(f, a, b)
    assert J(a, b) == 2.0 * y
    same(J.T(1.0), (b, a))


def test_aux_is_passed_through_as_plain_values():
    def f(x):
        return mg.sum(x**2), {"double": 2.0 * x, "text": "anything", "inner": mg.grad(lambda y: mg.sum(y * x))(X)}

    (value, aux), gradient = mg.value_and_grad(f, has_aux=True)(X)
    assert value == 5.0
    assert aux["text"] == "anything"
    assert type(aux["double"]) is type(aux["inner"]) is np.ndarray
    same(gradient, 2.0 * X)
    same(mg.grad(f, has_aux=True)(X)[1]["inner"], X)
    assert mg.linearize(f, X, has_aux=True)[2]["text"] == "anything"
    _, pull_back, aux = mg.vjp(f, X, has_aux=True)
    same((pull_back(1.0), aux["double"]), (2.0 * X, 2.0 * X))
    y, y_dot, aux = mg.jvp(f, (X,), (X,), has_aux=True)
    same((y, y_dot, aux["double"]), (np.float64(5.0), np.float64(10.0), 2.0 * X))


def test_aux_of_an_inner_transform_is_differentiated_by_the_outer():
    def f(x):
        (_, aux), _ = mg.value_and_grad(lambda y: (y * x, y * x**2), has_aux=True)(np.float64(1.0))
        return aux

    assert mg.grad(f)(np.float64(3.0)) == 6.0


def test_nothing_is_mutated():
    params, v = {"w": X.copy()}, {"w": np.ones(2)}
    y, J = mg.linearize(lambda p: mg.index_update(p["w"], 0, 3.0) + p["w"], params)
    J(v), J.T(y), J(v)
    mg.hvp(lambda p: mg.sum(p["w"] ** 3), params, v)
    same((params, v), ({"w": X}, {"w": np.ones(2)}))
    assert not np.shares_memory(y, params["w"])


# ------------------------------------------------------------------------------------- constants


@pytest.mark.parametrize(
    "f", [lambda x: np.array(3.0), lambda x: 3.0, lambda x: mg.stop_gradient(mg.sum(x)), lambda x: 3]
)
def test_outputs_that_do_not_depend_on_the_input_have_derivative_zero(f):
    y, J = mg.linearize(f, X)
    assert float(y) == 3.0
    assert float(J(X)) == 0.0
    same(J.T(2.0), np.zeros(2))
    same(mg.grad(f)(X), np.zeros(2))
    assert float(mg.jvp(f, (X,), (X,))[1]) == 0.0
    for mode in ("forward", "reverse"):
        same(mg.jacobian(f, mode)(X), np.zeros(2))
    for mode in ("forward-over-reverse", "reverse-over-reverse"):
        same(mg.hessian(f, mode)(X), np.zeros((2, 2)))
    same(mg.hvp(f, X, X), np.zeros(2))


def test_a_linear_function_has_a_hessian_of_zeros():
    def f(x):
        return 2.0 * x[0]

    same(mg.hessian(f)(X), np.zeros((2, 2)))
    same(mg.hessian(f, "reverse-over-reverse")(X), np.zeros((2, 2)))
    same(mg.hvp(f, X, X), np.zeros(2))
    same(mg.HessianOperator(f, X)(X), np.zeros(2))


def test_arguments_that_are_not_used_have_gradient_zero():
    same(mg.grad(lambda p: mg.sum(p["used"]))({"used": X, "not": [X]}), {"used": np.ones(2), "not": [np.zeros(2)]})


def test_an_output_can_be_an_input_or_the_same_twice():
    _, J = mg.linearize(lambda x: (x, x, 2.0 * x), X)
    same(J(X), (X, X, 2.0 * X))
    same(J.T((X, X, X)), 4.0 * X)


def test_stop_gradient_takes_trees():
    def f(x):
        fixed = mg.stop_gradient({"x": [x]})
        return mg.sum(x * fixed["x"][0])

    same(mg.grad(f)(X), X)
    assert mg.grad(mg.grad(lambda x: mg.stop_gradient(x) ** 2 * x))(np.float64(3.0)) == 0.0


def test_comparisons_give_plain_booleans_so_that_if_and_while_work():
    def f(x):
        steps = 0
        while x < 100.0:
            x = x * x
            steps += 1
        assert not isinstance(x > 1.0, mg.Variable)
        return x if steps == 3 and x != 0.0 and x >= 1.0 else -x

    assert mg.grad(f)(np.float64(2.0)) == 8.0 * 2.0**7
    assert mg.hessian(f)(np.float64(2.0)) == 56.0 * 2.0**6


def test_a_linearisation_is_kept_and_used_many_times():
    _, J = mg.linearize(lambda x: mg.sin(x) * x, X)
    slope = np.cos(X) * X + np.sin(X)
    for k in range(3):
        np.testing.assert_allclose(J(X * k), slope * X * k)
        np.testing.assert_allclose(J.T(X * k), slope * X * k)


def test_sums_of_large_tangents_in_place_change_nothing_that_others_hold():
    """Large sums are made in the memory of their first term, where that is new: not in the tangent given."""
    n = 1 << 17
    a, b, v = RNG.normal(size=(3, n))

    def f(x):
        shared = mg.sin(x)
        return (x + a * x) + (shared + b * shared), shared, mg.reshape(shared, (2, -1)) + shared[: n // 2]

    _, J = mg.linearize(f, a)
    kept, cos = v.copy(), np.cos(a)
    for _ in range(2):
        all_three = J(v)
        np.testing.assert_array_equal(v, kept)
        np.testing.assert_allclose(all_three[0], v + a * v + (cos + b * cos) * v, rtol=1e-13, atol=1e-13)
        np.testing.assert_array_equal(all_three[1], cos * v)
        half = (cos * v).reshape(2, -1)
        np.testing.assert_array_equal(all_three[2], half + half[0])


def test_tangents_and_cotangents_are_cast_before_the_maps_see_them():
    seen = []

    def spy(t):
        seen.append(t.dtype)
        return t

    f = mg.primitive(lambda y, x: mg.Linear(spy, spy))(lambda x: x + 0.0)
    x = X.astype(np.float32)
    _, J = mg.linearize(f, x)
    J(X), J.T(X), mg.jvp(f, (x,), (X,))
    assert seen == [np.float32] * 3


def test_a_push_keeps_no_tangent_longer_than_it_is_needed():
    def f(x):
        for _ in range(100):
            x = 2.0 * x
        return x

    x = np.zeros(100_000)
    _, J = mg.linearize(f, x)
    for sweep in (J, J.T):
        tracemalloc.start()
        sweep(x)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 5 * x.nbytes


def test_linear_maps_compose_and_transpose():
    from minigrad import Compose, Identity, Linear, Negate, Scale

    double_first = Linear(lambda t: 2.0 * t[:1], lambda c: np.concatenate([2.0 * c, [0.0]]))
    maps = Compose(Negate(), Compose(double_first, Compose(Identity(), Scale(X))))
    u, v = np.array([0.5]), np.array([3.0, -1.0])
    same(maps(v), np.array([-6.0]))
    assert u @ maps(v) == maps.T(u) @ v
    assert maps.T.T is maps
    same(maps.T.T(v), maps(v))


# ------------------------------------------------------------------------------------- variables


def test_a_variable_looks_like_the_array_it_stands_for():
    seen = {}

    def f(x):
        seen.update(shape=x.shape, ndim=x.ndim, size=x.size, dtype=x.dtype, length=len(x), device=x.device)
        seen.update(text=f"{x[0]:.2f}", repr=repr(x[0]), rows=[row.shape for row in x[None, :]])
        return mg.sum(+x - abs(-x) + sum(x))

    mg.grad(f)(X)
    assert seen == {
        "shape": (2,), "ndim": 1, "size": 2, "dtype": np.float64, "length": 2, "device": X.device, "text": "1.00",
        "repr": seen["repr"], "rows": [(2,)],
    }  # fmt: skip
    assert seen["repr"].startswith("Variable(")


def test_numpy_functions_that_minigrad_has_too_differentiate():
    def f(x):
        return mg.sum(
            np.sin(x) * np.exp(-x) + np.arctan2(x, 2.0) - np.power(3.0, x) + np.multiply(X, x) / np.float64(2.0)
        )

    def g(x):
        return mg.sum(mg.sin(x) * mg.exp(-x) + mg.atan2(x, 2.0) - mg.pow(3.0, x) + X * x / 2.0)

    same(mg.grad(f)(X), mg.grad(g)(X))
    assert mg.grad(lambda x: (X @ x) * (x @ X) + np.float64(2.0) * mg.sum(x))(X).shape == (2,)


# ------------------------------------------------------------------------------------- threads


def test_threads_do_not_disturb_each_other():
    barrier = threading.Barrier(4)
    results = {}

    def work(k):
        def f(x):
            barrier.wait()
            y = mg.grad(lambda z: mg.sum(z**3) * x[0])(x * mg.ones(2))
            barrier.wait()
            return mg.sum(y * x)

        x = np.array([float(k + 1), 2.0])
        results[k] = [mg.grad(f)(x) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60.0)
    for k in range(4):  # f = 3 x0 (x0^3 + x1^3)
        a, b = float(k + 1), 2.0
        for gradient in results[k]:
            np.testing.assert_allclose(gradient, [12.0 * a**3 + 3.0 * b**3, 9.0 * a * b**2])


def _convolve(x, w):
    return float(mg.sum(mg.nn.conv2d(x, w, 1, 1)))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")  # what is tested is that it works
@pytest.mark.filterwarnings("ignore:os.fork.. was called:RuntimeWarning")  # of JAX, where another test has imported it
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
def test_convolutions_after_a_fork():
    """Threads do not survive a fork: a child starts its own."""
    x, w = np.ones((64, 32, 32, 8), np.float32), np.ones((3, 3, 8, 8), np.float32)
    expected = _convolve(x, w)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(_convolve, (x, w)).get(timeout=60.0) == expected


def test_a_linearisation_is_shared_between_threads():
    _, J = mg.linearize(lambda x: mg.tanh(x @ np.ones((50, 50))), np.ones(50) * 0.01)
    expected = J(np.ones(50))
    results = []
    threads = [threading.Thread(target=lambda: results.extend(J(np.ones(50)) for _ in range(50))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60.0)
    assert len(results) == 200
    for got in results:
        same(got, expected)


def test_after_a_transform_on_another_library_new_arrays_are_numpys_again():
    strict = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")
    mg.grad(lambda x: mg.sum(x * mg.ones(2)))(strict.ones(2))
    assert type(mg.zeros(2)) is np.ndarray
