"""CIFAR-10 and CIFAR-100, in the authors' binary layout.

A file is a sequence of records, with nothing before, between or after them:

    CIFAR-10    1 label byte                            3072 pixel bytes    3073 bytes a record
    CIFAR-100   1 coarse label byte, 1 fine label byte  3072 pixel bytes    3074 bytes a record

The pixels are three planes of 32 x 32, red, green and blue, each row by row from the top left. From
https://www.cs.toronto.edu/~kriz/cifar.html, section "Binary version".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from problems.data.dataset import Dataset, Split
from problems.data.errors import CorruptData, readable
from problems.data.registry import dataset
from problems.data.sources import Download, File, Source

# A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. The authors' server is at times very
# slow. The page gives sizes and MD5 (c32a1d4ab5d03f1284b67883e8d87530 and 03b5dce01913d631647c71ecec9e9cb8).
_AUTHORS = "https://www.cs.toronto.edu/~kriz/"
_MINDSPORE = "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/"

CIFAR10 = Source(
    name="cifar10",
    about="50,000 + 10,000 photographs of 32 x 32 x 3, 10 classes",
    licence="none stated; cite Krizhevsky 2009",
    homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
    inside="cifar-10-batches-bin",
    files=tuple(File(f"{name}.bin", 30_730_000) for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")),
    downloads=(
        Download(
            "cifar-10-binary.tar.gz",
            170_052_171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            (_AUTHORS + "cifar-10-binary.tar.gz", _MINDSPORE + "cifar-10-binary.tar.gz"),
        ),
    ),
    pickled="cifar-10-batches-py",
)

CIFAR100 = Source(
    name="cifar100",
    about="50,000 + 10,000 photographs of 32 x 32 x 3, 100 classes (the fine labels)",
    licence="none stated; cite Krizhevsky 2009",
    homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
    inside="cifar-100-binary",
    files=(File("train.bin", 153_700_000), File("test.bin", 30_740_000)),
    downloads=(
        Download(
            "cifar-100-binary.tar.gz",
            168_513_733,
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            (_AUTHORS + "cifar-100-binary.tar.gz", _MINDSPORE + "cifar-100-binary.tar.gz"),
        ),
    ),
    pickled="cifar-100-python",
)

PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class Layout:
    """The files with their numbers of records, the bytes before the pixels (the last is the label), and the classes."""

    train: dict[str, int]
    validation: dict[str, int]
    label_bytes: int
    classes: tuple[str, ...]


CIFAR10_LAYOUT = Layout(
    train={f"data_batch_{k}.bin": 10_000 for k in range(1, 6)},
    validation={"test_batch.bin": 10_000},
    label_bytes=1,
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
)

CIFAR100_LAYOUT = Layout(
    train={"train.bin": 50_000},
    validation={"test.bin": 10_000},
    label_bytes=2,
    classes=(
        *"""apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
        castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin
        elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster
        man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck
        pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
        skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger
        tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm""".split(),  # noqa: SIM905  (a hundred quotes would hide the words)
    ),
)


@dataset(CIFAR10)
def cifar10(folder: Path) -> Dataset:
    """Photographs, 50,000 + 10,000 of 32 x 32 in colour, ten classes (Krizhevsky, 2009)."""
    return Dataset.of("cifar10", CIFAR10_LAYOUT.classes, *read_cifar(folder, CIFAR10_LAYOUT), source=str(folder))


@dataset(CIFAR100)
def cifar100(folder: Path) -> Dataset:
    """Photographs, 50,000 + 10,000 of 32 x 32 in colour, a hundred classes: the fine labels (Krizhevsky, 2009)."""
    return Dataset.of("cifar100", CIFAR100_LAYOUT.classes, *read_cifar(folder, CIFAR100_LAYOUT), source=str(folder))


def read_cifar(folder: Path, layout: Layout) -> tuple[Split, Split]:
    """Read training and validation images, and their labels. CorruptData names a file that is damaged."""
    return _read_split(folder, layout.train, layout), _read_split(folder, layout.validation, layout)


def _read_split(folder: Path, files: dict[str, int], layout: Layout) -> Split:
    total = sum(files.values())
    images, labels = np.empty((total, 32, 32, 3), np.uint8), np.empty(total, np.int64)
    start = 0
    for name, count in files.items():
        part = slice(start, start + count)
        _read_file(folder / name, count, layout, images[part], labels[part])
        start += count
    return images, labels


def _read_file(path: Path, count: int, layout: Layout, images: np.ndarray, labels: np.ndarray) -> None:
    """Read one file into `images` and `labels`."""
    bytes_per_record = layout.label_bytes + PIXELS
    with readable(path):
        size = path.stat().st_size
        if size != count * bytes_per_record:
            raise CorruptData(
                f"{path} has {size:,} bytes, not {count * bytes_per_record:,} ({count:,} records of "
                f"{bytes_per_record}): it is cut short or another file; remove the folder {path.parent} and fetch "
                "the data again"
            )
        records = np.fromfile(path, np.uint8).reshape(count, bytes_per_record)
    labels[...] = records[:, layout.label_bytes - 1]
    if labels.max() >= len(layout.classes):
        where = int(np.argmax(labels >= len(layout.classes)))
        raise CorruptData(
            f"{path}: record {where:,} has the label {labels[where]}, beyond 0 to {len(layout.classes) - 1}: "
            f"the file is damaged or of another data set; remove the folder {path.parent} and fetch the data again"
        )
    pixels = images.reshape(count, 32 * 32, 3)
    for channel in range(3):
        first = layout.label_bytes + channel * 32 * 32
        pixels[:, :, channel] = records[:, first : first + 32 * 32]
