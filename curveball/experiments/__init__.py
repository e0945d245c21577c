"""How do the solvers compare? Each gets the same start and the same batches, and the paper's tables and figures come
out: `compare` on networks, `table1` and `figure1` on problems with known minima, `sweep` for many runs at once.
"""
