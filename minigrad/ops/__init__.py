"""Which operations are there? The functions of the Python array API standard, each with its value and its derivative.

Each file lists in `__all__` what `minigrad` exports of it; `linalg` is a namespace of its own, `minigrad.linalg`.
"""
