"""What do the notebooks share? Checkpoints that can fail, figures with sliders, a style, and the results they show."""

from curveball.course.checkpoints import CheckpointFailed, checkpoint
from curveball.course.data import committed
from curveball.course.sliders import explore

__all__ = ["CheckpointFailed", "checkpoint", "committed", "explore"]
