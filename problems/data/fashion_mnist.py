"""Fashion-MNIST: clothes in the files of MNIST."""

from __future__ import annotations

from pathlib import Path

from problems.data.dataset import Dataset
from problems.data.idx import read_mnist
from problems.data.registry import dataset
from problems.data.sources import Download, File, Source

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def _download(name: str, size: int, sha256: str) -> Download:
    bases = (
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    )
    return Download(name, size, sha256, tuple(base + name for base in bases))


# H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms",
# arXiv 1708.07747. Debian compresses the same contents again, so its .gz files have other checksums than `downloads`;
# those of `files` hold.
FASHION_MNIST = Source(
    name="fashion-mnist",
    about="60,000 + 10,000 grey pictures of clothes of 28 x 28, 10 classes",
    licence="MIT, Zalando SE",
    homepage="https://github.com/zalandoresearch/fashion-mnist",
    inside="fashion-mnist",
    files=(
        File("train-images-idx3-ubyte", 47_040_016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
        File("train-labels-idx1-ubyte", 60_008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        File("t10k-images-idx3-ubyte", 7_840_016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
        File("t10k-labels-idx1-ubyte", 10_008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    ),
    downloads=(
        _download(
            "train-images-idx3-ubyte.gz",
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        _download(
            "train-labels-idx1-ubyte.gz", 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        _download(
            "t10k-images-idx3-ubyte.gz", 4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        _download(
            "t10k-labels-idx1-ubyte.gz", 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        ),
    ),
    system=(Path("/usr/share/datasets/fashion-mnist"),),
    package="dataset-fashion-mnist",
)


@dataset(FASHION_MNIST)
def fashion_mnist(folder: Path) -> Dataset:
    """Clothes, 60,000 + 10,000 grey images of 28 x 28 (Xiao, Rasul and Vollgraf, arXiv 1708.07747)."""
    return Dataset.of("fashion-mnist", CLASSES, *read_mnist(folder), source=str(folder))
