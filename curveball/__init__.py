"""CurveBall and its peers: second-order solvers to read and to run, and the experiments that compare them."""

from curveball.adam import Adam
from curveball.curve_ball import CurveBall
from curveball.minimize import minimize
from curveball.sgd import SGD
from curveball.solver import Solver

__all__ = ["SGD", "Adam", "CurveBall", "Solver", "minimize"]
