"""Arrays in a file of NumPy's, as `np.savez` writes it. What is pickled in it is refused.

inputs, or images                            see own_data.py
labels, or targets                           classes, or numbers
validation_inputs, validation_labels, ...    the same again; without them a fifth is held out
classes                                      names of the labels 0, 1, ...
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from problems.data.dataset import Dataset
from problems.data.errors import CorruptData, readable
from problems.data.own_data import Rows, own_data

INPUTS, ANSWERS, BEFORE = ("inputs", "images"), ("labels", "targets"), "validation_"
KNOWN = (*INPUTS, *ANSWERS, *(BEFORE + name for name in INPUTS + ANSWERS), "classes")

MAGIC = (b"PK", b"\x93N")  # an archive, a single array


def read_npz(path: Path) -> Dataset:
    """The arrays of a file as a data set of the file's name. DataError says what is wrong with them."""
    arrays = _arrays(path)
    unknown = sorted(set(arrays) - set(KNOWN))
    if unknown:
        raise CorruptData(f"{path} has an array {unknown[0]}: its arrays must be among {', '.join(KNOWN)}")
    train = _rows(path, arrays, "")
    held = _rows(path, arrays, BEFORE) if any(name.startswith(BEFORE) for name in arrays) else None
    classes = arrays.get("classes")
    if classes is not None and (classes.ndim != 1 or train.labels is None):
        raise CorruptData(f"{path}: classes are the names (k,) of labels; got {classes.shape}, with or without labels")
    return own_data(path.stem, train, held, None if classes is None else [str(each) for each in classes.tolist()])


def read_inputs(path: Path) -> np.ndarray:
    """The inputs of a file, to predict their labels. DataError where it has none."""
    arrays = _arrays(path)
    return _one(path, arrays, INPUTS, "")


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with readable(path):
        if not path.is_file():
            raise CorruptData(f"{path} is no file: give one as np.savez writes it")
        try:
            with warnings.catch_warnings(), path.open("rb") as file:
                warnings.simplefilter("ignore")  # of odd headers
                if file.read(2) not in MAGIC:  # what np.load takes for a pickle
                    raise ValueError("it holds no arrays of NumPy's: write it with np.savez")
                file.seek(0)
                found = np.load(file, allow_pickle=False)
                if not isinstance(found, np.lib.npyio.NpzFile):
                    raise ValueError("a single array: write it with np.savez")
                with found:
                    return {name: found[name] for name in found.files}
        except OSError as error:
            if error.errno is not None:
                raise
            reason: Exception = error
        except Exception as error:  # whatever a damaged archive or header makes the reader raise
            reason = error
    text = " ".join(str(reason).split())[:200] or type(reason).__name__
    if "allow_pickle" in text or "pickled" in text:
        text = "it holds Python objects, which are never unpickled: convert them to numbers or text"
    raise CorruptData(f"{path} is no .npz file that can be read ({text})")


def _rows(path: Path, arrays: dict[str, np.ndarray], before: str) -> Rows:
    inputs = _one(path, arrays, INPUTS, before)
    _one(path, arrays, ANSWERS, before)
    labels, targets = (arrays.get(before + name) for name in ANSWERS)
    return Rows(str(path), inputs, labels, targets)


def _one(path: Path, arrays: dict[str, np.ndarray], names: tuple[str, ...], before: str) -> np.ndarray:
    """The array of one of these names."""
    found = [arrays[before + name] for name in names if before + name in arrays]
    if len(found) != 1:
        several = " and ".join(before + name for name in names)
        what = f"no {' or '.join(before + name for name in names)}" if not found else f"both {several}"
        raise CorruptData(f"{path} has {what}: its arrays are {', '.join(sorted(arrays)) or 'none'}")
    return found[0]
