"""Arithmetic of trees, at its edges."""

from curveball.solvers.tree_math import tree_vdot


def test_the_inner_product_of_empty_trees():
    assert tree_vdot({}, {}) == 0.0
