"""CurveBall and its peers: second-order solvers to read and to run, and the experiments that compare them."""

from curveball.adam import Adam
from curveball.conjugate_gradient import CGResult, conjugate_gradient
from curveball.curve_ball import CurveBall
from curveball.levenberg_marquardt import LevenbergMarquardt
from curveball.minimize import minimize
from curveball.newton import GaussNewton, Newton
from curveball.newton_cg import NewtonCG
from curveball.quasi_newton import BFGS, LBFGS
from curveball.sgd import SGD
from curveball.solver import Solver

__all__ = [
    "BFGS",
    "LBFGS",
    "SGD",
    "Adam",
    "CGResult",
    "CurveBall",
    "GaussNewton",
    "LevenbergMarquardt",
    "Newton",
    "NewtonCG",
    "Solver",
    "conjugate_gradient",
    "minimize",
]
