"""A step of CurveBall by its parts, so that each layer can have a damping of its own, and a rule can see all of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import minigrad as mg
from curveball.solvers.averaging import averaged
from curveball.solvers.tree_math import tree_add_scale, tree_axpby, tree_vdot
from curveball.solvers.two_by_two import PlaneModel
from minigrad import Tree


class Step(NamedTuple):
    """A step of CurveBall: `z = rho z_old - beta d` from `w`, to `new_w`."""

    k: int
    model: Any
    loss: Any
    w: Tree
    z: Tree
    new_w: Tree
    objective: float  # before it
    before: float  # g.z
    fresh: float  # g.z_old: the slope along the last step, on a batch that it was not made of
    predicted: float  # m(z)
    squares: float  # lam z.z
    curvature: float  # z.G_lam z


def take_step(k: int, model: Any, loss: Any, w: Tree, z: Tree, lam: Tree, minimum: Any) -> Step:
    """With a damping for each layer, in a tree like the params; `minimum` finds `rho, beta` on the plane."""
    G = mg.GGNOperator(model, loss, w, has_aux=True)
    z_y = G.J(z)
    gz, Hz = G.slope_and_product(z_y)
    damping = partial(mg.tree_map, lambda number, x: number * x, lam)
    d = tree_axpby(1.0, G.J.T(tree_add_scale(G.g_L, 1.0, Hz)), 1.0, damping(z))
    d_y = G.J(d)
    gd, Hd = G.slope_and_product(d_y)
    damped_d, damped_z = damping(d), damping(z)
    dd, zd, zz = tree_vdot(d, damped_d), tree_vdot(z, damped_d), tree_vdot(z, damped_z)
    plane = PlaneModel(tree_vdot(d_y, Hd) + dd, tree_vdot(z_y, Hd) + zd, tree_vdot(z_y, Hz) + zz, gd, gz)
    rho, beta = minimum(plane)
    new = tree_axpby(rho, z, -beta, d)
    numbers = (
        G.value, rho * gz - beta * gd, gz, plane.change(rho, beta), tree_vdot(new, damping(new)),
        plane.curvature(rho, beta),
    )  # fmt: skip
    return Step(k, model, loss, w, new, tree_add_scale(w, 1.0, new), *(float(number) for number in numbers))


def minimum_of(guarded: bool) -> Callable[[PlaneModel], tuple[Any, Any]]:
    """Momentum and step size: momentum in [0, 1] where it is guarded."""
    return PlaneModel.bounded_minimum if guarded else PlaneModel.minimum


class Averaging:
    """CurveBall's `average`: coefficients from running sums."""

    def __init__(self, decay: float, minimum: Any) -> None:
        self.sums, self.decay, self.minimum = PlaneModel(0.0, 0.0, 0.0, 0.0, 0.0), decay, minimum

    def __call__(self, plane: PlaneModel) -> tuple[Any, Any]:
        own = self.minimum(plane)
        found, self.sums = averaged(self.sums, plane, own, self.minimum, self.decay, 0.5)
        return found


def functions(problem: Any, batch: Any) -> tuple[Any, Any]:
    """Model and loss on a batch."""
    return partial(problem.model, batch=batch), partial(problem.loss, batch=batch)
