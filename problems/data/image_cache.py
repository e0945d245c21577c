"""A cache of decoded images on disk: a file of pixels, and a file of records that say which image is where.

An image of one size has one slot: its pixels in `NAME.pixels`, its record in `NAME.records`. The record has the key
of the image's file, so that a file that was changed, replaced or added is decoded when the cache is next used, and
all others are not. Slots are never moved: a run that reads the cache is not disturbed by one that adds to it. A slot
whose file is gone is used again, but only when nobody has the cache open (`cache_readers.py`): its record is removed
first, and a reader compares its records once it holds the cache.

A record reaches the disk after its pixels, and its checksum covers the record itself: whenever a process that decodes
is killed, the images with a record are good and the others are decoded by the next one. A digest of the pixels is
compared each time that an image is read (`stored_images.py`).
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from problems.data.errors import readable
from problems.data.folders import is_folder

RECORD = np.dtype(
    [("key", "<u8"), ("digest", "<u8"), ("sums", "<u8", 3), ("squares", "<u8", 3), ("check", "<u8")]
)  # of one image; sums of each channel and of its squares, for the mean and standard deviation of a data set
WORDS = RECORD.itemsize // 8
FACTORS = np.array([pow(0x9E3779B97F4A7C15, k, 2**64) for k in range(1, WORDS)], np.uint64)  # odd: each bit matters


@dataclass(frozen=True)
class ImageCache:
    """The two files of one split, for images of (size, size, 3) bytes."""

    folder: Path
    name: str
    size: int

    @property
    def pixels(self) -> Path:
        """The file of pixels: those of slot k begin at byte `k * image_bytes`."""
        return self.folder / f"{self.name}.pixels"

    @property
    def records(self) -> Path:
        """The file of records, one for each slot; zeros where a slot is free."""
        return self.folder / f"{self.name}.records"

    @property
    def image_bytes(self) -> int:
        """The bytes of one image."""
        return self.size * self.size * 3

    def read_records(self) -> np.ndarray:
        """The records of all slots; zeros in place of those that are damaged, or whose pixels are missing."""
        with readable(self.folder):
            if not (is_folder(self.folder) and self.records.exists() and self.pixels.exists()):
                return np.zeros(0, RECORD)
            count = self.records.stat().st_size // RECORD.itemsize
            found = np.fromfile(self.records, RECORD, count)
            there = self.pixels.stat().st_size // self.image_bytes
        found[there:] = np.zeros((), RECORD)
        found[found["check"] != checks(found)] = np.zeros((), RECORD)
        return found

    def write_records(self, slots: Iterable[int], records: np.ndarray) -> None:
        """Write records whose pixels are in their slots, after the pixels are on the disk."""
        with open(self.pixels, "r+b") as file:
            os.fsync(file.fileno())
        with open(self.records, "r+b") as file:
            for slot, record in zip(slots, records, strict=True):
                file.seek(slot * RECORD.itemsize)
                file.write(record.tobytes())
            file.flush()
            os.fsync(file.fileno())

    def has(self, slots: np.ndarray, digests: np.ndarray) -> bool:
        """Whether these slots have records of images with these digests."""
        count = self.records.stat().st_size // RECORD.itemsize if self.records.exists() else 0
        if count <= slots.max(initial=0):
            return False
        with readable(self.records):  # mapped: of each record the digest is needed, and no copy of all else
            found = np.memmap(self.records, RECORD, "r", shape=(count,))
        return bool((found["digest"][slots] == digests).all())

    def forget(self, slot: int, digest: int) -> None:
        """Free the slot of a damaged image, so that it is decoded again when the cache is next used."""
        with open(self.records, "r+b") as file:
            file.seek(slot * RECORD.itemsize)
            record = np.frombuffer(file.read(RECORD.itemsize), RECORD)
            if len(record) and record["digest"][0] == digest:  # else another image has the slot
                file.seek(slot * RECORD.itemsize)
                file.write(bytes(RECORD.itemsize))


def checks(records: np.ndarray) -> np.ndarray:
    """The checksum of each record; never that of zeros."""
    words = np.ascontiguousarray(records).view("<u8").reshape(-1, WORDS)
    return (words[:, :-1] * FACTORS).sum(axis=1, dtype=np.uint64) + np.uint64(1)


def record_of(key: int, pixels: np.ndarray) -> np.ndarray:
    """The record (1,) of an image (size, size, 3)."""
    record = np.zeros(1, RECORD)
    rows = pixels.reshape(len(pixels), -1).astype(np.float64)  # which holds every whole number up to 2^53
    record["key"], record["digest"] = key, digest_of(pixels)
    record["sums"] = rows.sum(axis=0).reshape(-1, 3).sum(axis=0)
    record["squares"] = np.einsum("ij,ij->j", rows, rows).reshape(-1, 3).sum(axis=0)
    record["check"] = checks(record)
    return record


def digest_of(pixels: np.ndarray) -> int:
    """64 bits of BLAKE2b of an image, which must be contiguous."""
    return int.from_bytes(hashlib.blake2b(pixels.data, digest_size=8).digest(), "little")


def slots_of(keys: np.ndarray, records: np.ndarray) -> np.ndarray:
    """The slot of the image with each key; -1 where it has none.

    >>> records = np.zeros(3, RECORD)
    >>> records["key"], records["check"] = [7, 0, 5], [1, 0, 1]
    >>> slots_of(np.array([5, 6, 7], np.uint64), records)
    array([ 2, -1,  0])
    """
    used = np.flatnonzero(records["check"])
    order = used[np.argsort(records["key"][used], kind="stable")]
    known = records["key"][order]
    place = np.searchsorted(known, keys)
    if not len(known):
        return np.full(len(keys), -1)
    place = np.minimum(place, len(known) - 1)
    return np.where(known[place] == keys, order[place], -1)


def mean_and_std(records: np.ndarray, pixels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel (1 where it never changes) over images of so many pixels."""
    count = len(records) * pixels
    totals, squares = (records[name].sum(axis=0, dtype=np.uint64).tolist() for name in ("sums", "squares"))
    std = [math.sqrt(count * q - s**2) / count or 1.0 for s, q in zip(totals, squares, strict=True)]
    return tuple(s / count for s in totals), tuple(std)
