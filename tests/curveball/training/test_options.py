"""The options of a run."""

import pytest

from curveball.training.options import TrainOptions


@pytest.mark.parametrize("value", [1.0, 0.5, 0.0, -1.0, float("nan")])
def test_a_loss_may_not_diverge_at_its_start(value):
    with pytest.raises(ValueError, match="diverged_above must be more than 1; got"):
        TrainOptions(diverged_above=value)
