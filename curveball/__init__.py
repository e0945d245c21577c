"""CurveBall and its peers: second-order solvers to read and to run, and the experiments that compare them."""

from curveball.solvers.adam import Adam
from curveball.solvers.base import Solver
from curveball.solvers.conjugate_gradient import CGResult, conjugate_gradient
from curveball.solvers.curve_ball import CurveBall
from curveball.solvers.levenberg_marquardt import LevenbergMarquardt
from curveball.solvers.minimize import minimize
from curveball.solvers.newton import GaussNewton, Newton
from curveball.solvers.newton_cg import NewtonCG
from curveball.solvers.quasi_newton import BFGS, LBFGS
from curveball.solvers.sgd import SGD

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
