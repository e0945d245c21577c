"""The IDX format of MNIST and Fashion-MNIST, plain or gzipped.

A file is a header and the numbers, last axis fastest:

    2 bytes 0    1 byte for the type (8: unsigned bytes)    1 byte for the number of axes
    4 bytes for the length of each axis, most significant byte first
    the numbers

60,000 images of 28 x 28 take 16 + 47,040,000 bytes, their labels 8 + 60,000. From
http://yann.lecun.com/exdb/mnist/, "The IDX file format".
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from problems.data.dataset import Split
from problems.data.errors import CorruptData, MissingData
from problems.data.gzipped import AGAIN, contents, stored


def read_idx(folder: Path, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Read unsigned bytes of a known shape. CorruptData if the header or the size is another."""
    path = stored(folder, name)
    if path is None:
        raise MissingData(f"{folder / name} is not there, nor with .gz: give the folder that has it")
    header = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)
    data = contents(path, len(header) + math.prod(shape))
    if data[: len(header)] != header:
        raise CorruptData(
            f"{path} begins with {data[: len(header)].hex()}, not with {header.hex()}, the IDX header of unsigned "
            f"bytes of shape {shape}: it is another file; {AGAIN}"
        )
    return np.frombuffer(data, np.uint8, offset=len(header)).reshape(shape)


def read_mnist(
    folder: Path, classes: int = 10, train: int = 60_000, validation: int = 10_000, side: int = 28
) -> tuple[Split, Split]:
    """Read the four files of MNIST's layout, `train` and `t10k`, images and labels. CorruptData names a damaged one."""
    splits = []
    for prefix, count in (("train", train), ("t10k", validation)):
        images = read_idx(folder, f"{prefix}-images-idx3-ubyte", (count, side, side))
        labels = read_idx(folder, f"{prefix}-labels-idx1-ubyte", (count,)).astype(np.int64)
        if labels.max() >= classes:
            where = int(np.argmax(labels >= classes))
            raise CorruptData(
                f"{stored(folder, f'{prefix}-labels-idx1-ubyte')}: image {where:,} has the label {labels[where]}, "
                f"beyond 0 to {classes - 1}: the file is damaged or of another data set; {AGAIN}"
            )
        splits.append((images[..., None], labels))
    return splits[0], splits[1]
