"""What is an image classifier made of? Layers, networks of them, and the classification of a data set by a network.

Every file here adds its networks to the registry: a new file is found by itself, and `network(name)` has its networks.
"""

from problems.registry import import_modules
from problems.vision.classification import Classification
from problems.vision.networks import NETWORKS, Network, families, names, network
from problems.vision.predictor import Predictor
from problems.vision.regression import Regression

import_modules(__name__, __path__)

__all__ = ["NETWORKS", "Classification", "Network", "Predictor", "Regression", "families", "names", "network"]
