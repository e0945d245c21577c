"""Is there an NVIDIA GPU here, and a driver? It asks the driver's own library, so nothing needs to be installed.

    python benchmarks/find_gpu.py

Prints the GPUs and exits with 0, or says in one line what is missing and exits with 2.
"""

from __future__ import annotations

import ctypes
import sys

LIBRARIES = ("libcuda.so.1", "libcuda.so", "nvcuda.dll")


def find() -> list[str]:
    """The names of the GPUs. RuntimeError says what is missing."""
    driver = None
    for name in LIBRARIES:
        try:
            driver = ctypes.CDLL(name)
            break
        except OSError:
            continue
    if driver is None:
        raise RuntimeError("no NVIDIA driver is installed")
    status = driver.cuInit(0)
    if status:
        raise RuntimeError(f"the NVIDIA driver does not start, with error {status} (100: there is no device)")
    count = ctypes.c_int()
    driver.cuDeviceGetCount(ctypes.byref(count))
    if not count.value:
        raise RuntimeError("the NVIDIA driver finds no device")
    names = []
    for k in range(count.value):
        text = ctypes.create_string_buffer(100)
        driver.cuDeviceGetName(text, len(text), k)
        names.append(text.value.decode())
    return names


if __name__ == "__main__":
    try:
        print("GPU: " + ", ".join(find()))
    except RuntimeError as error:
        print(f"no GPU: {error}; the checks of `make gpu-check` need one", file=sys.stderr)
        sys.exit(2)
