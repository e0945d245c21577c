"""What the tests of error messages share."""

import re

import numpy as np
import pytest

import minigrad as mg


def fails(error, message, function, *args, **params):
    """Call the function, which must raise the error with a message that holds this text."""
    with pytest.raises(error, match=re.escape(message)):
        function(*args, **params)


def differentiate(f, x=np.array([1.0, 2.0])):  # noqa: B008  (never written to)
    """The gradient of the sum over the results of `f`."""
    return mg.grad(lambda x: mg.sum(f(x)))(x)
