"""Networks by name, narrow where the real one is too large for a test, and images that are large enough for them."""

from problems import network
from problems.vision.networks import Network
from problems.vision.resnet import resnet18
from problems.vision.vgg_f import vgg_f_layers


def narrow(name, classes=10, shape=None):
    """The network of a name; ResNet-18 with 4 channels where it has 64, VGG-f with 1."""
    if name.startswith("resnet18"):
        stem = "7x7" if "7x7" in name else "3x3"
        return Network(name, resnet18(classes, 0.3 if "dropout" in name else 0.0, stem, width=4))
    if name.startswith("vgg-f"):
        dropout = {"vgg-f": 0.5, "vgg-f-bn": 0.0, "vgg-f-bn-dropout": 0.3}[name]
        return Network(name, vgg_f_layers(classes, shape, "bn" in name, dropout, width=1))
    return network(name, classes, shape=shape)


def has_dropout(name):
    return "dropout" in name or name == "vgg-f"


def large_enough(name, shape):
    """A shape of images, 24 pixels larger where the network takes no small ones."""
    if not name.startswith("vgg-f"):
        return shape
    return shape[0] + 24, shape[1] + 24, *shape[2:]
