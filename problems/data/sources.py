"""Where the published data sets come from: files, sizes, SHA-256, addresses, licences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    """A file as it is read, uncompressed; its SHA-256 where one is known."""

    name: str
    size: int
    sha256: str | None = None


@dataclass(frozen=True)
class Download:
    """A file as it is published, and the servers to ask in turn. Whoever sends it, the SHA-256 decides."""

    name: str
    size: int
    sha256: str
    urls: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A published data set: `files` in a folder named `inside`, which are downloaded one by one or in an archive."""

    name: str
    about: str
    licence: str
    homepage: str
    inside: str
    files: tuple[File, ...]
    downloads: tuple[Download, ...]
    system: tuple[Path, ...] = ()  # where a package of the operating system puts the files
    package: str = ""  # that package, of Debian
    pickled: str = ""  # the folder of the form that is not read

    @property
    def archive(self) -> Download | None:
        """The one archive that holds all files, if that is how they come."""
        return self.downloads[0] if self.downloads[0].name.endswith(".tar.gz") else None


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


def _zalando(name: str, size: int, sha256: str) -> Download:
    bases = (
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    )
    return Download(name, size, sha256, tuple(base + name for base in bases))


# H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms",
# arXiv 1708.07747. Debian packs the same contents anew, so its .gz files have other checksums: those of `files` hold.
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
        _zalando(
            "train-images-idx3-ubyte.gz",
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        _zalando(
            "train-labels-idx1-ubyte.gz", 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        _zalando(
            "t10k-images-idx3-ubyte.gz", 4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        _zalando(
            "t10k-labels-idx1-ubyte.gz", 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        ),
    ),
    system=(Path("/usr/share/datasets/fashion-mnist"),),
    package="dataset-fashion-mnist",
)

SOURCES = {source.name: source for source in (FASHION_MNIST, CIFAR10, CIFAR100)}
