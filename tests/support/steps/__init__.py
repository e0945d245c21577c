"""The functions that the fuzzer's programs are made of: minigrad's, PyTorch's for the same, and what they are given."""

from tests.support.steps import elementwise, networks, products, reductions, shaping  # noqa: F401  (they fill the table)
from tests.support.steps.table import STEPS

__all__ = ["STEPS"]
