"""Images on disk in place of an array: a batch of them at a time is read, cropped, and moved to a device."""

from __future__ import annotations

import hashlib
import mmap
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

import minigrad as mg
from minigrad import Array, Namespace, namespace
from minigrad.extras import from_extra
from problems.data.cache_readers import hold
from problems.data.errors import CorruptData, MissingData
from problems.data.image_cache import ImageCache, digest_of


class Crops(NamedTuple):
    """A part of each image of a batch, as shares of its width and height, and whether it is mirrored; each (batch,)."""

    left: np.ndarray
    top: np.ndarray
    width: np.ndarray
    height: np.ndarray
    mirror: np.ndarray


@dataclass(frozen=True, eq=False)
class StoredImages:
    """Images (n, crop, crop, 3) of bytes, in a cache of larger ones, memory-mapped.

    It has the shape and dtype of an array, and `take`. Without crops the middle of each image is taken. While it
    lives, its slots in the cache are not used for other images.

    slots:    (n,), where each image is in the cache
    digests:  (n,), what its pixels are: compared whenever it is read
    like:     an array on the device to which batches are moved
    """

    cache: ImageCache
    slots: np.ndarray
    digests: np.ndarray
    crop: int
    like: Array = field(default_factory=lambda: np.zeros(0, np.uint8))
    _mapped: mmap.mmap = field(init=False, repr=False)
    _pixels: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            with self.cache.pixels.open("rb") as file:
                hold(file)
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:  # an empty file cannot be mapped
            raise MissingData(f"{self.cache.pixels} cannot be read ({error}): start again, it is then made") from None
        size = self.cache.size
        count = len(mapped) // self.cache.image_bytes
        pixels = np.frombuffer(mapped, np.uint8, count * self.cache.image_bytes).reshape(count, size, size, 3)
        object.__setattr__(self, "_mapped", mapped)
        object.__setattr__(self, "_pixels", pixels)
        if hasattr(mapped, "madvise"):
            mapped.madvise(mmap.MADV_RANDOM)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """As that of an array with all crops."""
        return len(self.slots), self.crop, self.crop, 3

    @property
    def dtype(self) -> np.dtype:
        """Bytes."""
        return np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.slots)

    def on(self, xp: Namespace, device: Any = None) -> StoredImages:
        """The same, with batches of another array library, on one of its devices (None: its own choice)."""
        return replace(self, like=mg.from_numpy(np.zeros(0, np.uint8), xp, device))

    @property
    def digest(self) -> str:
        """A hash of all images and of how they are cropped, from the digests: no image is read."""
        found = hashlib.blake2b(b"%d %d " % (self.cache.size, self.crop), digest_size=16)
        found.update(np.ascontiguousarray(self.digests).data)
        return found.hexdigest()

    def take(self, index: np.ndarray, crops: Crops | None = None) -> Array:
        """The images at these indices, on the device."""
        return self.to_device(self.read(index, crops))

    def __getitem__(self, part: slice) -> Array:
        return self.take(np.arange(len(self))[part])

    def to_device(self, images: np.ndarray) -> Array:
        """An array of the host, moved to the device of batches."""
        if isinstance(self.like, np.ndarray):
            return images
        return mg.from_numpy(images, namespace(self.like), array_api_compat.device(self.like))

    def read(self, index: np.ndarray, crops: Crops | None = None) -> np.ndarray:
        """The images at these indices, on the host. CorruptData where the cache is damaged.

        A crop is resized to (crop, crop) as Pillow does bilinearly, averaging where it shrinks. Threads may read at
        the same time: what is read depends on the arguments alone.
        """
        whole = self._whole(np.asarray(index))
        if crops is None:
            first = (self.cache.size - self.crop) // 2
            middle = slice(first, first + self.crop)
            return np.ascontiguousarray(whole[:, middle, middle])
        return _resized(whole, crops, self.crop)

    def verify(self) -> None:
        """Read all images. CorruptData where the cache is damaged; the next start decodes all that are."""
        parts = (np.arange(start, min(start + 256, len(self))) for start in range(0, len(self), 256))
        self._refuse([k for part in parts for k in self._damaged(part, self._copies(part))])

    def _whole(self, index: np.ndarray) -> np.ndarray:
        """Copies of images as they are in the cache, compared with their digests."""
        images = self._copies(index)
        self._refuse(self._damaged(index, images))
        return images

    def _copies(self, index: np.ndarray) -> np.ndarray:
        images = self._pixels[self.slots[index]]
        if hasattr(self._mapped, "madvise"):
            # The system keeps the pages as long as it has memory for them; this process does not count them as its own.
            self._mapped.madvise(mmap.MADV_DONTNEED)
        return images

    def _damaged(self, index: np.ndarray, images: np.ndarray) -> list[int]:
        """Which of these images do not have their digests."""
        digests = self.digests[index].tolist()
        return [k for k, image, d in zip(index.tolist(), images, digests, strict=True) if digest_of(image) != d]

    def _refuse(self, damaged: list[int]) -> None:
        """Free the slots of damaged images, so that the next start decodes them. CorruptData, if there are any."""
        if not damaged:
            return
        slots = {int(self.slots[k]): int(self.digests[k]) for k in damaged}
        more = f" and {len(slots) - 1:,} more" if len(slots) > 1 else ""
        what = f"{self.cache.pixels} is damaged at image {next(iter(slots)):,}{more}"
        try:
            for slot, digest in slots.items():
                self.cache.forget(slot, digest)
        except OSError as error:
            raise CorruptData(
                f"{what}, and cannot be written ({error.strerror or error}): remove {self.cache.folder}, or set "
                "MINIGRAD_DATA_DIR to a folder of your own"
            ) from None
        again = "they are" if more else "the image is"
        raise CorruptData(
            f"{what}: start again, and {again} decoded anew; if it happens often, remove {self.cache.folder}"
        )


def _resized(images: np.ndarray, crops: Crops, size: int) -> np.ndarray:
    with from_extra("data"):  # here, so that importing problems stays quick
        from PIL import Image

    _, height, width, _ = images.shape
    out = np.empty((len(images), size, size, 3), np.uint8)
    right, bottom = (np.minimum(1.0, x) for x in (crops.left + crops.width, crops.top + crops.height))
    boxes = np.stack([crops.left * width, crops.top * height, right * width, bottom * height], axis=1)
    for one, image, box, mirror in zip(out, images, boxes.tolist(), crops.mirror.tolist(), strict=True):
        resized = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR, box=tuple(box))
        one[...] = np.asarray(resized)[:, ::-1] if mirror else np.asarray(resized)
    return out
