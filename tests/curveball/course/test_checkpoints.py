"""What a checkpoint tells: the likely cause, and that an answer changes its arguments."""

import numpy as np
import pytest

from curveball.course import CheckpointFailed, checkpoint, curves


def test_an_answer_that_changes_its_arguments_is_told_so():
    x = np.ones(2)
    x.flags.writeable = False

    def doubled(x):
        x *= 2.0
        return x

    with pytest.raises(CheckpointFailed, match="likely:   an argument is changed in place: make a new array instead"):
        checkpoint("1.1", lambda: doubled(x), 2.0 * x, likely="a factor")


def test_another_error_has_the_likely_cause():
    with pytest.raises(CheckpointFailed, match=r"got:      ZeroDivisionError: .*\n  likely:   a factor"):
        checkpoint("1.1", lambda: 1 / 0, 2.0, likely="a factor")


def test_an_axis_that_there_is_not():
    with pytest.raises(ValueError, match="log is 'z'"):
        curves({"x": [1.0]}, log="z")
