"""VGG-f, the fast one of the three networks of Chatfield et al.

    convolutions  64 of 11 x 11 every 4 pixels, 256 of 5 x 5, three times 256 of 3 x 3, each with relu
    after the first two and the last, a max pool of 3 x 3 every 2 (the number of windows rounded up, as in Caffe)
    before the first two pools, local response normalisation
    dense 4096, dense 4096, each with relu and dropout of 1/2; dense, one output for each class

For images of 224 x 224 the last map is 6 x 6 x 256; with 1000 classes there are 60,834,536 parameters. Small images, of
fewer than 128 pixels either way, have a stem of their own, which is not in the publication: the first convolution is
every 2 pixels. At 64 x 64 the maps are then 27, 13, 6 and 3 pixels wide.

With batch normalisation (`vgg-f-bn`), it follows every layer with weights but the last, and local response
normalisation and dropout are left out: so it is in MatConvNet, the library of CurveBall's authors.

K. Chatfield, K. Simonyan, A. Vedaldi, A. Zisserman, "Return of the Devil in the Details", BMVC 2014, table 1, CNN-F.
"""

from __future__ import annotations

import minigrad as mg
from minigrad import nn
from problems.vision.layers import BatchNorm, Conv, Dense, Dropout, Elementwise, Layer, Pool, Shape
from problems.vision.networks import architecture

RELU, RESPONSE_NORM = Elementwise(mg.relu), Elementwise(nn.local_response_norm)
POOL = Pool(nn.max_pool2d, 3, 2, ceil=True)
SMALL = 128  # pixels: below, the stem is that for small images


def vgg_f_layers(
    classes: int, shape: Shape | None = None, batch_norm: bool = False, dropout: float = 0.5, width: int = 64
) -> tuple[Layer, ...]:
    """The layers for images of a shape, by default of 224 x 224; `width` is the number of channels of the first.

    >>> from problems.vision.layers import Sequence
    >>> [Sequence(vgg_f_layers(10, (n, n, 3))[:-7]).shape((n, n, 3)) for n in (224, 64)]
    [(6, 6, 256), (3, 3, 256)]
    """
    stride = 2 if shape is not None and min(shape[:2]) < SMALL else 4
    respond = () if batch_norm else (RESPONSE_NORM,)

    def weighted(layer: Layer) -> tuple[Layer, ...]:
        return (layer, BatchNorm(), RELU) if batch_norm else (layer, RELU)

    def hidden() -> tuple[Layer, ...]:
        return *weighted(Dense(64 * width)), *((Dropout(dropout),) if dropout else ())

    return (
        *weighted(Conv(width, 11, stride, padding=0)), *respond, POOL,
        *weighted(Conv(4 * width, 5)), *respond, POOL,
        *weighted(Conv(4 * width, 3)), *weighted(Conv(4 * width, 3)), *weighted(Conv(4 * width, 3)), POOL,
        *hidden(), *hidden(), Dense(classes),
    )  # fmt: skip


@architecture("vgg-f", by_shape=True)
def vgg_f(classes: int, shape: Shape | None = None) -> tuple[Layer, ...]:
    """VGG-f as published."""
    return vgg_f_layers(classes, shape)


@architecture("vgg-f-bn", by_shape=True)
def vgg_f_bn(classes: int, shape: Shape | None = None) -> tuple[Layer, ...]:
    """VGG-f with batch normalisation, without local response normalisation and dropout."""
    return vgg_f_layers(classes, shape, batch_norm=True, dropout=0.0)


@architecture("vgg-f-bn-dropout", by_shape=True)
def vgg_f_bn_dropout(classes: int, shape: Shape | None = None) -> tuple[Layer, ...]:
    """VGG-f with batch normalisation, and dropout of 0.3 after the dense layers, as in ResNet-18's blocks."""
    return vgg_f_layers(classes, shape, batch_norm=True, dropout=0.3)
