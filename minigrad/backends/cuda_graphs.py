"""A function of tensors as a CUDA graph: its kernels are recorded once and launched together from then on.

A graph reads and writes fixed memory. So the arguments are copied into the tensors that the function was recorded with,
and the results out of those that it wrote. PyTorch keeps that memory for the graph as long as it lives.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

Tree = Any
Tensor = Any

WARM_UP = 2  # calls before a recording: libraries choose their kernels and reserve memory, which no graph can hold


class Graphed:
    """A function of trees of tensors on one GPU, as one graph for each set of structures, shapes and dtypes.

    ValueError for tensors of another device, TypeError for NumPy's arrays. Where PyTorch cannot record the function, a
    warning says why, and it runs as it is called.
    """

    kind = "cuda"  # of the devices that have graphs

    def __init__(self, function: Callable[..., Tree], torch: Any):
        self._function, self._torch = function, torch
        self._graphs: dict[Any, _Graph | None] = {}  # None where the function runs as it is called

    def __call__(self, *trees: Tree) -> Tree:
        leaves: list[Any] = []
        structure = _flatten(trees, leaves)
        key = (structure, *(self._kind_of(x) for x in leaves))
        if key not in self._graphs:
            self._graphs[key] = self._recorded(trees, leaves)
        graph = self._graphs[key]
        return self._function(*trees) if graph is None else graph(leaves)

    def _kind_of(self, x: Any) -> Any:
        if not isinstance(x, self._torch.Tensor):
            if hasattr(x, "__array_interface__") and getattr(x, "ndim", False):
                raise TypeError(
                    f"a NumPy array of shape {x.shape} among the arguments of a CUDA graph: move it with "
                    "torch.asarray(x, device='cuda')"
                )
            return type(x), repr(x)  # a number is part of the program, and 1, 1.0 and True are not the same
        if x.device.type != self.kind:
            raise ValueError(f"CUDA graphs need a GPU, and a tensor is on {x.device}: move it with x.to('cuda')")
        return x.shape, x.dtype, x.device

    def _recorded(self, trees: Tree, leaves: list[Any]) -> _Graph | None:
        try:
            return _Graph(self._function, trees, leaves, self._torch)
        except RuntimeError as error:
            reason = str(error).strip().partition("\n")[0]
            warnings.warn(f"no CUDA graph, each kernel is launched by itself: {reason}", RuntimeWarning, stacklevel=3)
            return None


class _Graph:
    """One recording."""

    def __init__(self, function: Callable[..., Tree], trees: Tree, leaves: list[Any], torch: Any):
        self._torch, cuda = torch, torch.cuda
        self._inputs = [x.clone() if isinstance(x, torch.Tensor) else x for x in leaves]
        trees = _rebuild(trees, iter(self._inputs))
        here, aside = cuda.current_stream(), cuda.Stream()
        aside.wait_stream(here)
        with cuda.stream(aside):
            for _ in range(WARM_UP):
                function(*trees)
        here.wait_stream(aside)
        self._graph = cuda.CUDAGraph()
        with cuda.graph(self._graph):
            self._tree = function(*trees)
        self._outputs: list[Any] = []
        _flatten(self._tree, self._outputs)

    def __call__(self, leaves: list[Any]) -> Tree:
        self._copy(self._inputs, leaves)
        self._graph.replay()
        results = [self._torch.empty_like(y) if isinstance(y, self._torch.Tensor) else y for y in self._outputs]
        self._copy(results, self._outputs)
        return _rebuild(self._tree, iter(results))

    def _copy(self, to: list[Any], given: list[Any]) -> None:
        """All at once: a launch for each dtype, not for each tensor."""
        pairs = [(a, b) for a, b in zip(to, given, strict=True) if isinstance(a, self._torch.Tensor)]
        if pairs:
            self._torch._foreach_copy_(*map(list, zip(*pairs, strict=True)))


# ------------------------------------------------------------------------------------- trees
# Their order is that of the containers: the same function sees the same containers.


def _flatten(tree: Tree, leaves: list[Any]) -> Any:
    """Put the leaves of a tree into a list; return its structure, which can be compared and hashed."""
    if isinstance(tree, dict):
        return (type(tree), *((type(key), key, _flatten(child, leaves)) for key, child in tree.items()))
    if isinstance(tree, list | tuple):
        return (type(tree), *(_flatten(child, leaves) for child in tree))
    if tree is None:
        return None
    leaves.append(tree)
    return "leaf"


def _rebuild(tree: Tree, leaves: Iterator[Any]) -> Tree:
    """A tree of the structure of another."""
    if isinstance(tree, dict):
        return type(tree)((key, _rebuild(child, leaves)) for key, child in tree.items())
    if isinstance(tree, list | tuple):
        parts = [_rebuild(child, leaves) for child in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return None if tree is None else next(leaves)
