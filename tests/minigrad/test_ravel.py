"""Trees as vectors: order, shapes, dtypes, runs, derivatives, and errors that say what was given."""

import array_api_strict
import numpy as np
import pytest

import minigrad as mg

TREE = {"w": np.arange(6.0).reshape(2, 3), "b": [np.array(7.0), np.array([8.0, 9.0])]}


def test_there_and_back():
    ravel = mg.Ravel(TREE)
    vector = ravel.vector(TREE)
    assert vector.tolist() == [7.0, 8.0, 9.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]  # the order of tree_flatten
    assert ravel.size == 9
    again = ravel.tree(vector)
    leaves, structure = mg.tree_flatten(again)
    assert structure == mg.tree_flatten(TREE)[1]
    for a, b in zip(leaves, mg.tree_flatten(TREE)[0], strict=True):
        assert a.shape == b.shape
        np.testing.assert_array_equal(a, b)


def test_runs_have_vectors_of_their_own():
    tree = {"a": np.arange(12.0).reshape(2, 3, 2), "b": np.arange(2.0)}
    ravel = mg.Ravel(tree, runs=1)
    vectors = ravel.vector(tree)
    assert vectors.shape == (2, 7)
    for k in range(2):
        one = mg.tree_map(lambda x, k=k: x[k], tree)
        np.testing.assert_array_equal(vectors[k], mg.Ravel(one).vector(one))
    np.testing.assert_array_equal(ravel.tree(vectors)["a"], tree["a"])


def test_the_tree_given_says_the_dtypes():
    tree = {"a": np.ones(2, np.float32), "b": np.ones(1)}
    ravel = mg.Ravel(tree)
    assert ravel.vector(tree).dtype == np.float64
    assert [x.dtype for x in mg.tree_flatten(ravel.tree(np.ones(3)))[0]] == [np.float32, np.float64]


def test_another_library_of_arrays():
    tree = mg.tree_map(array_api_strict.asarray, TREE)
    ravel = mg.Ravel(tree)
    np.testing.assert_array_equal(mg.to_numpy(ravel.vector(tree)), mg.Ravel(TREE).vector(TREE))
    assert type(ravel.tree(ravel.vector(tree))["w"]) is type(tree["w"])


def test_both_ways_are_differentiated():
    ravel = mg.Ravel(TREE)
    vector = ravel.vector(TREE)
    mg.check_derivatives(lambda tree: ravel.vector(tree) ** 2, TREE)
    mg.check_derivatives(lambda v: mg.sum(ravel.tree(v)["w"] ** 2), vector)


def test_one_leaf_and_none():
    assert mg.Ravel(np.array(2.0)).vector(np.array(2.0)).tolist() == [2.0]
    assert mg.Ravel({}).vector({}).shape == (0,)
    assert mg.Ravel({}).tree(np.zeros(0)) == {}


def test_what_does_not_fit():
    ravel = mg.Ravel(TREE)
    with pytest.raises(TypeError, match=r"Ravel.vector: the tree has another structure"):
        ravel.vector({"w": TREE["w"]})
    with pytest.raises(ValueError, match=r"Ravel.vector: the tree\['w'\] has shape \(3, 2\)"):
        ravel.vector({**TREE, "w": TREE["w"].T})
    with pytest.raises(ValueError, match=r"the vector has shape \(8,\); its last axis must be 9 long"):
        ravel.tree(np.zeros(8))
