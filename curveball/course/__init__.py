"""What do the notebooks share? Checkpoints that can fail, help on demand, figures, a style, results to show."""

from curveball.course.checkpoints import CheckpointFailed, checkpoint
from curveball.course.curves import curves
from curveball.course.data import committed
from curveball.course.graphs import draw_graph
from curveball.course.hints import hint, load_solution
from curveball.course.landscapes import draw_path, landscape
from curveball.course.predictions import predict
from curveball.course.sliders import explore

__all__ = [
    "CheckpointFailed",
    "checkpoint",
    "committed",
    "curves",
    "draw_graph",
    "draw_path",
    "explore",
    "hint",
    "landscape",
    "load_solution",
    "predict",
]
