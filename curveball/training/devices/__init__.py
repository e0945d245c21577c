"""Where does a run compute? One file per array library; here, by the name of a backend, the one to ask.

The data set is moved once, as bytes. Parameters, batch order and noise are drawn on the host, so that runs start alike
on every backend, and are then moved to where the data are. Only this folder asks which library an array is of.
"""

from curveball.training.devices.moving import images_of, to_backend, to_device_of, to_host
from curveball.training.devices.registry import BACKENDS, backend_facts, check_compiler, choose, device_info, pool_use

__all__ = [
    "BACKENDS",
    "backend_facts",
    "check_compiler",
    "choose",
    "device_info",
    "images_of",
    "pool_use",
    "to_backend",
    "to_device_of",
    "to_host",
]
