"""What differs between array libraries? One file per library, with the same dozen functions in each.

To add an array library, write one file `minigrad/backends/NAME.py`, named as the library is imported, with a class
`Library` that derives from `Standard` and overrides the functions of `Backend` (protocol.py) that the library lacks or
does faster. No list has to name it: the file is found by the name of the library. Where the library is installed, the
tests find it too: tests/minigrad/backends/test_other_libraries.py runs the table of all functions
(tests/support/cases.py) on it, test_protocol.py checks what `Backend` promises, test_orders.py its derivatives to third
order, and tests/problems/vision/test_on_backends.py trains the networks.
"""

from minigrad.backends.fusion import fuse, fused
from minigrad.backends.heap import keep_freed_memory
from minigrad.backends.namespaces import (
    SCALARS,
    Namespace,
    backend_name,
    current_namespace,
    device_of,
    families,
    family,
    is_floating,
    mixed_backends,
    namespace,
    not_an_array,
    numpy_namespace,
    shown,
)
from minigrad.backends.protocol import Backend
from minigrad.backends.registry import backend_dtype, backend_for, backend_of, compiled, from_numpy, to_numpy
from minigrad.backends.threads import one_blas_thread
from minigrad.backends.windows import Pads, Pair, transposed_pads, window_count

__all__ = [
    "SCALARS",
    "Backend",
    "Namespace",
    "Pads",
    "Pair",
    "backend_dtype",
    "backend_for",
    "backend_name",
    "backend_of",
    "compiled",
    "current_namespace",
    "device_of",
    "families",
    "family",
    "from_numpy",
    "fuse",
    "fused",
    "is_floating",
    "keep_freed_memory",
    "mixed_backends",
    "namespace",
    "not_an_array",
    "numpy_namespace",
    "one_blas_thread",
    "shown",
    "to_numpy",
    "transposed_pads",
    "window_count",
]
