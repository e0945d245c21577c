"""Data sets by name: `load`, and a data set in one file of its own."""

import pytest

from problems import load
from problems.data import DATASETS, names
from problems.data.errors import DataError
from problems.data.registry import dataset
from problems.data.sources import Source
from tests.support.packages import copy_with_files, run


def test_names():
    assert {"digits", "fashion-mnist", "cifar10", "cifar100", "folder"} <= set(names())
    assert names() == tuple(sorted(DATASETS))
    assert all(known.source.name == name for name, known in DATASETS.items())


def test_every_source_says_what_whose_and_where():
    sources = [known.source for known in DATASETS.values() if known.source.downloads]
    assert len(sources) >= 3
    for source in sources:
        for item in source.downloads:
            assert len(item.sha256) == 64
            assert all(url.endswith("/" + item.name) for url in item.urls)
            assert len(item.urls) >= 2
    for known in DATASETS.values():
        assert known.source.about
        assert known.source.licence
        assert not known.source.downloads or known.source.homepage.startswith("https://")
        assert known.read.__doc__


def test_name_given_twice():
    with pytest.raises(ValueError, match="there is a data set named 'digits' already: choose another name"):
        dataset(Source("digits", about="others", licence="none"))(lambda folder: None)
    assert DATASETS["digits"].source.about != "others"


def test_unknown_names_are_data_errors():
    with pytest.raises(
        DataError, match="unknown data set 'mnist': there are cifar10, cifar100, digits, fashion-mnist, "
    ):
        load("mnist")


def test_load_errors(tmp_path):
    with pytest.raises(ValueError, match=r"unknown data set 'nowhere': there are .*digits"):
        load("nowhere")
    with pytest.raises(ValueError, match="digits comes with scikit-learn and takes no folder"):
        load("digits", tmp_path)


MINE = '''"""A data set in one file."""
from pathlib import Path

import numpy as np

from problems.data.dataset import Dataset
from problems.data.registry import dataset
from problems.data.sources import File, Source, Download

MINE = Source(
    name="mine", about="four grey images of 1 x 2", licence="CC0", homepage="https://example.org",
    inside="mine", files=(File("mine.bin", 8),),
    downloads=(Download("mine.bin", 8, "0" * 64, ("https://example.org/mine.bin",)),),
)

@dataset(MINE)
def mine(folder: Path) -> Dataset:
    """Bytes in a file."""
    images = np.fromfile(folder / "mine.bin", np.uint8).reshape(4, 1, 2, 1)
    labels = np.array([0, 1, 0, 1])
    return Dataset.of("mine", ("even", "odd"), (images, labels), (images, labels), str(folder))
'''


DRAWN = '''"""A data set that its code draws."""
import numpy as np

from problems.data.dataset import Dataset
from problems.data.registry import dataset
from problems.data.sources import Source

@dataset(Source("drawn", about="noise", licence="CC0"))
def drawn(folder: None) -> Dataset:
    """Noise."""
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    labels = np.array([0, 1, 0, 1])
    return Dataset.of("drawn", ("even", "odd"), (images, labels), (images, labels))
'''


def test_a_data_set_that_its_code_draws_needs_no_files(tmp_path):
    root = copy_with_files(tmp_path, {"problems/data/drawn.py": DRAWN})
    code = """
import problems
from curveball.cli.data import check, fetch, listing
print(problems.load("drawn").train_images.shape)
print("\\n               here: comes with the code that reads it" in listing())
print(fetch("drawn"))
print(check("drawn").splitlines()[0])
try:
    problems.load("drawn", "elsewhere")
except problems.DataError as error:
    print(error)
"""
    assert run(root, code).splitlines() == [
        "(4, 8, 8, 1)", "True", "drawn comes with the code that reads it: there is nothing to fetch",
        "drawn: 4 + 4 images of 8 x 8 x 1, 2 classes", "drawn comes with the code that reads it and takes no folder",
    ]  # fmt: skip


def test_a_data_set_is_added_with_one_file(tmp_path):
    root = copy_with_files(tmp_path, {"problems/data/mine.py": MINE})
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "mine.bin").write_bytes(bytes(range(8)))
    code = """
import problems
data = problems.load("mine", "files")
print(data.train_images.ravel().tolist(), data.source)
print(*problems.data.names())
from curveball.cli.data import check, listing
print("mine           four grey images of 1 x 2\\n               CC0; https://example.org\\n" in listing())
"""
    first, known, listed = run(root, code).splitlines()
    assert first == f"{list(range(8))} files"
    assert known.split() == sorted([*names(), "mine"])
    assert listed == "True"
