"""A double of `torch.cuda` for the host: it records the operations of PyTorch, and runs them again on the same memory.

As on a GPU, a recording reads and writes the tensors that were there when it was made, and a number that is read on the
host while it is made is an error.
"""

import contextlib

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# What reads on the host, or copies from it: a GPU refuses both while it records.
REFUSED = ("_local_scalar_dense", "nonzero", "lift_fresh", "lift_fresh_copy")


class _Recorder(TorchDispatchMode):
    def __init__(self, calls):
        super().__init__()
        self.calls = calls

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket.__name__ in REFUSED:
            raise RuntimeError("operation not permitted when stream is capturing\nmore lines")
        out = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, out))
        return out


class CUDAGraph:
    def __init__(self):
        self.calls = []
        self.replays = 0

    def replay(self):
        self.replays += 1
        for func, args, kwargs, out in self.calls:
            again = func(*args, **kwargs)
            pairs = zip(again, out, strict=True) if isinstance(out, tuple | list) else [(again, out)]
            for new, old in pairs:
                if isinstance(old, torch.Tensor) and new.data_ptr() != old.data_ptr():
                    old.copy_(new)


class Stream:
    def wait_stream(self, other):
        LOG.append("wait")


LOG = []  # what was asked of the double, in order
GRAPHS = []


@contextlib.contextmanager
def _stream(stream):
    LOG.append("aside")
    yield
    LOG.append("back")


@contextlib.contextmanager
def _graph(graph):
    LOG.append("record")
    GRAPHS.append(graph)
    with _Recorder(graph.calls):
        yield


def cuda():
    """A new double in place of `torch.cuda`."""
    LOG.clear()
    GRAPHS.clear()
    return _Cuda(torch.cuda)


class _Cuda:
    """What a graph needs is the double's, all else PyTorch's own: its modules may be imported late."""

    CUDAGraph, Stream, current_stream = CUDAGraph, Stream, Stream
    graph, stream = staticmethod(_graph), staticmethod(_stream)

    def __init__(self, real):
        self._real = real

    def is_available(self):
        return True

    def __getattr__(self, name):
        return getattr(self._real, name)
