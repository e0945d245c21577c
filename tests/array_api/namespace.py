"""minigrad as the array API standard's own tests import a library: its functions, on NumPy's arrays.

They draw arrays of all dtypes, complex ones too, and take them apart. So what minigrad does not have of that is NumPy's
here: dtypes, parts of complex numbers, and questions about the library.
"""

import numpy as np
from array_api_compat.numpy import __array_namespace_info__
from numpy import conj, iinfo, imag, real

import minigrad

__version__ = minigrad.__version__
__array_api_version__ = "2024.12"
LENT = ("int8", "int16", "uint16", "uint32", "uint64", "complex64", "complex128")

globals().update({name: np.dtype(name) for name in LENT})
globals().update({name: getattr(minigrad, name) for name in minigrad.__all__})

__all__ = [*minigrad.__all__, *LENT, "__array_namespace_info__", "conj", "iinfo", "imag", "real"]
