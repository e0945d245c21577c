"""How is a problem solved? By CurveBall and its peers, second-order solvers to read and to run.

`solvers` are what solves it; `training`, `experiments` and the command `cli` use them; `figures` draws runs;
`prediction` uses what was trained; `fitting` fits formulas to data; `spectra` shows the eigenvalues of the curvature,
`uncertainty` how sure a prediction is; `course` serves the notebooks.
The names below are loaded when they are first used: `import curveball` alone imports neither NumPy nor SciPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from curveball.figures.live import LivePlot
    from curveball.figures.plot_runs import plot_runs
    from curveball.fitting.fit import fit
    from curveball.fitting.least_squares import least_squares
    from curveball.fitting.warning import FitWarning
    from curveball.prediction.classifier import CurveBallClassifier
    from curveball.prediction.load import load_predictor
    from curveball.prediction.regressor import CurveBallRegressor
    from curveball.solvers.adam import Adam
    from curveball.solvers.base import Solver
    from curveball.solvers.conjugate_gradient import CGResult, conjugate_gradient
    from curveball.solvers.curve_ball import CurveBall
    from curveball.solvers.gauss_newton import GaussNewton
    from curveball.solvers.levenberg_marquardt import LevenbergMarquardt
    from curveball.solvers.minimize import minimize
    from curveball.solvers.newton import Newton
    from curveball.solvers.newton_cg import NewtonCG
    from curveball.solvers.quasi_newton import BFGS, LBFGS
    from curveball.solvers.sgd import SGD
    from curveball.spectra.report import spectrum
    from curveball.uncertainty.laplace_approximation import laplace

__all__ = [
    "BFGS",
    "LBFGS",
    "SGD",
    "Adam",
    "CGResult",
    "CurveBall",
    "CurveBallClassifier",
    "CurveBallRegressor",
    "FitWarning",
    "GaussNewton",
    "LevenbergMarquardt",
    "LivePlot",
    "Newton",
    "NewtonCG",
    "Solver",
    "conjugate_gradient",
    "fit",
    "laplace",
    "least_squares",
    "load_predictor",
    "minimize",
    "plot_runs",
    "spectrum",
]

_FILES = {  # what each offers
    "figures.live": ("LivePlot",),
    "figures.plot_runs": ("plot_runs",),
    "fitting.fit": ("fit",),
    "fitting.least_squares": ("least_squares",),
    "fitting.warning": ("FitWarning",),
    "prediction.classifier": ("CurveBallClassifier",),
    "prediction.load": ("load_predictor",),
    "prediction.regressor": ("CurveBallRegressor",),
    "solvers.adam": ("Adam",),
    "solvers.base": ("Solver",),
    "solvers.conjugate_gradient": ("CGResult", "conjugate_gradient"),
    "solvers.curve_ball": ("CurveBall",),
    "solvers.gauss_newton": ("GaussNewton",),
    "solvers.levenberg_marquardt": ("LevenbergMarquardt",),
    "solvers.minimize": ("minimize",),
    "solvers.newton": ("Newton",),
    "solvers.newton_cg": ("NewtonCG",),
    "solvers.quasi_newton": ("BFGS", "LBFGS"),
    "solvers.sgd": ("SGD",),
    "spectra.report": ("spectrum",),
    "uncertainty.laplace_approximation": ("laplace",),
}

if not TYPE_CHECKING:  # type checkers read the imports above

    def __getattr__(name):
        """Import a public name when it is first asked for (PEP 562)."""
        for file, names in _FILES.items():
            if name in names:
                value = globals()[name] = getattr(import_module(f"curveball.{file}"), name)
                return value
        raise AttributeError(f"module 'curveball' has no attribute {name!r}: it has {', '.join(__all__)}")

    def __dir__():
        return sorted({*globals(), *__all__})
