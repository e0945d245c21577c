"""What can be computed, and differentiated? The functions of the Python array API standard, each with its linear maps.

A file holds one kind of operation and lists in `__all__` those that `minigrad` has; `linalg` is a namespace of its own.
"""

from minigrad.ops import (
    broadcasting,
    creation,
    dtypes,
    elementwise,
    indexing,
    linalg,
    piecewise,
    products,
    queries,
    reductions,
    shaping,
)
from minigrad.ops.broadcasting import *
from minigrad.ops.creation import *
from minigrad.ops.dtypes import *
from minigrad.ops.elementwise import *
from minigrad.ops.indexing import *
from minigrad.ops.piecewise import *
from minigrad.ops.products import *
from minigrad.ops.queries import *
from minigrad.ops.reductions import *
from minigrad.ops.shaping import *

__all__ = ["linalg"]
__all__ += broadcasting.__all__
__all__ += creation.__all__
__all__ += dtypes.__all__
__all__ += elementwise.__all__
__all__ += indexing.__all__
__all__ += piecewise.__all__
__all__ += products.__all__
__all__ += queries.__all__
__all__ += reductions.__all__
__all__ += shaping.__all__
