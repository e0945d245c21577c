"""ResNet-18 for small images: blocks that add to their input.

A block computes `relu(branch(x) + shortcut(x))`. The branch is two convolutions of 3 x 3 with batch normalisation, a
relu between them; the shortcut is x itself or, where the shape changes, a convolution of 1 x 1 with the same stride,
normalised. Eight blocks in four stages of 64, 128, 256 and 512 channels, the last three starting with stride 2.
Convolutions have no bias, because the normalisation after them would subtract it. K. He, X. Zhang, S. Ren, J. Sun,
"Deep Residual Learning for Image Recognition", CVPR 2016: equations 1 and 2, table 1, shortcuts of kind B.

What comes before the blocks, the stem, decides what "without the final mean pool" means for images of 32 x 32:

    "3x3"  one convolution of 3 x 3, as is usual for CIFAR's small images. The last map is 4 x 4 x 512; without the
           mean over its 16 pixels it goes to the dense layer as 8,192 numbers, and that layer has 81,930 parameters
           (with the mean, 5,130). In all 11,250,762.
    "7x7"  a convolution of 7 x 7 with stride 2 and a max-pool of 3 x 3 with stride 2, as for ImageNet, and as it is in
           the code that CurveBall's authors published for CIFAR. The last map is 1 x 1 x 512: there is nothing to
           take a mean of. In all 11,181,642 parameters, at a fifteenth of the multiplications.

Dropout, if any, acts in each branch between the relu and the second convolution, as in the authors' code and
in S. Zagoruyko and N. Komodakis, "Wide Residual Networks", BMVC 2016, section 2.4.
"""

from __future__ import annotations

import minigrad as mg
from minigrad import nn
from problems.vision.layers import (
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Elementwise,
    Layer,
    Pool,
    Sequence,
)
from problems.vision.networks import architecture
from problems.vision.residual import Residual

RELU, NORM = Elementwise(mg.relu), BatchNorm(eps=1e-5)
STEMS = ("3x3", "7x7")


def basic_block(channels: int, stride: int = 1, shortcut: bool = False, dropout: float = 0.0) -> Residual:
    """Two convolutions of 3 x 3; `shortcut` says that the shape changes on the way."""
    return Residual(
        Sequence(
            (
                Conv(channels, 3, stride, bias=False), NORM, RELU,
                *((Dropout(dropout),) if dropout else ()),
                Conv(channels, 3, bias=False), NORM,
            )
        ),
        Sequence((Conv(channels, 1, stride, bias=False), NORM) if shortcut else ()),
    )  # fmt: skip


@architecture("resnet18")
def resnet18(classes: int, dropout: float = 0.0, stem: str = "3x3", width: int = 64) -> tuple[Layer, ...]:
    """The layers of ResNet-18; `width` is the number of channels of the first stage. ValueError for an unknown stem.

    >>> from problems.vision.layers import Sequence
    >>> Sequence(resnet18(10)[:-1]).shape((32, 32, 3)), Sequence(resnet18(10, stem="7x7")[:-1]).shape((32, 32, 3))
    ((4, 4, 512), (1, 1, 512))
    """
    if stem not in STEMS:
        raise ValueError(f"unknown stem {stem!r}: there are {', '.join(STEMS)}")
    if stem == "3x3":
        layers: list[Layer] = [Conv(width, 3, bias=False), NORM, RELU]
    else:
        layers = [Conv(width, 7, 2, bias=False), NORM, RELU, Pool(nn.max_pool2d, 3, 2, 1)]
    for stage in range(4):
        channels, stride = width * 2**stage, 2 if stage else 1
        layers += [basic_block(channels, stride, stage > 0, dropout), basic_block(channels, dropout=dropout)]
    return *layers, Dense(classes)


@architecture("resnet18-dropout")
def resnet18_dropout(classes: int) -> tuple[Layer, ...]:
    """ResNet-18 with dropout of 0.3 in every block."""
    return resnet18(classes, dropout=0.3)


@architecture("resnet18-7x7")
def resnet18_7x7(classes: int) -> tuple[Layer, ...]:
    """ResNet-18 with the stem for ImageNet."""
    return resnet18(classes, stem="7x7")


@architecture("resnet18-7x7-dropout")
def resnet18_7x7_dropout(classes: int) -> tuple[Layer, ...]:
    """ResNet-18 with the stem for ImageNet and dropout of 0.3 in every block."""
    return resnet18(classes, dropout=0.3, stem="7x7")
