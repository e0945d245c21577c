"""What are neural networks made of? Layers and losses, as functions of arrays: they hold no parameters.

Images are (batch, height, width, channels), kernels (height, width, in, out).
"""

from minigrad.nn.conv import conv2d
from minigrad.nn.layers import dense, dropout
from minigrad.nn.losses import cross_entropy, log_softmax, softmax, squared_error
from minigrad.nn.normalisation import batch_norm, running_average
from minigrad.nn.pool import avg_pool2d, max_pool2d

__all__ = [
    "avg_pool2d",
    "batch_norm",
    "conv2d",
    "cross_entropy",
    "dense",
    "dropout",
    "log_softmax",
    "max_pool2d",
    "running_average",
    "softmax",
    "squared_error",
]
