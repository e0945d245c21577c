"""One image file: decoded by its content, whole or its middle square, or refused with a reason."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import IO, Any

import numpy as np

from minigrad.extras import from_extra
from problems.data.errors import CorruptData, DataError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # no other decoder runs: for EPS it would be Ghostscript
GREY = ("1", "L", "LA", "La")
COLOUR = ("RGB", "RGBA", "RGBX", "RGBa", "P", "PA", "CMYK", "YCbCr")
BITS_PER_SAMPLE = 258  # the TIFF tag
LIBTIFF = re.compile(r"tempfile\.tif: |\w*(TIFF|Decode|Setup|JPEG|Fax|LZW|ZIP|Required)\w*: ")  # how its errors begin
ONE_AT_A_TIME = threading.Lock()  # for what redirects standard error


def read_picture(path: str) -> np.ndarray:
    """One image as (height, width, 1 or 3) bytes, upright. CorruptData says what is wrong with it.

    Python's warnings are left to the caller: a thread cannot silence them for itself.
    """
    return _read(path, _whole)


def read_square(path: str, size: int) -> np.ndarray:
    """The middle square of one image, upright, resized to (size, size, 3) bytes. CorruptData as above.

    The side of the square is the shorter side of the image. Pixels are averaged where the image is larger; a JPEG of
    more than four times the size is decoded at half, a quarter or an eighth of its own, which is quicker.
    """
    return _read(path, functools.partial(_square, size=size))


def _read(path: str, pixels: Callable[[Any], np.ndarray]) -> np.ndarray:
    with from_extra("data"):  # here, so that importing problems stays quick
        from PIL import UnidentifiedImageError

    with open(path, "rb") as file:  # the system's errors come from here, the decoder's from below
        try:
            return _decode(file, path, pixels)
        except DataError:
            raise
        except UnidentifiedImageError:
            reason = f"by its content it is none of {', '.join(formats())}"
        except Exception as error:  # there is hardly an exception that damage does not make Pillow raise
            reason = " ".join(str(error).split())[:200] or type(error).__name__
    raise CorruptData(f"{path} is no image that can be read ({reason}): replace or remove it")


@functools.cache
def formats() -> tuple[str, ...]:
    """The allowed formats that this build of Pillow has."""
    from PIL import Image

    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _decode(file: IO[bytes], path: str, pixels: Callable[[Any], np.ndarray]) -> np.ndarray:
    from PIL import Image

    with Image.open(file, formats=formats()) as image:
        limit = Image.MAX_IMAGE_PIXELS
        if limit is not None and image.width * image.height > limit:
            raise ValueError(f"{image.width:,} x {image.height:,} pixels, more than {limit:,}")
        if not image.width * image.height:
            raise ValueError("it has no pixels")
        if _is_deep(image):
            raise CorruptData(f"{path} has more than 8 bits a channel (mode {image.mode}): convert it to 8")
        if image.mode not in GREY + COLOUR:
            raise CorruptData(f"{path} has colours of the kind {image.mode}: convert them to grey or RGB")
        if image.format != "MPO" and getattr(image, "is_animated", False):  # MPO: a photograph with its preview
            raise CorruptData(f"{path} has {getattr(image, 'n_frames', 'several')} frames: keep one of them")
        with _libtiff_errors() if image.format == "TIFF" else contextlib.nullcontext():
            return pixels(image)


def _whole(image: Any) -> np.ndarray:
    upright = _upright(image)
    if _is_grey(image):
        return np.asarray(upright.convert("L"))[:, :, None]
    return np.asarray(_colours(upright))[:, :, :3]


def _square(image: Any, size: int) -> np.ndarray:
    from PIL import Image

    image.draft(None, (2 * size, 2 * size))  # nothing but JPEG has one
    upright = _colours(_upright(image))
    (width, height), side = upright.size, min(upright.size)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(upright.convert("RGB").resize((size, size), Image.Resampling.BILINEAR, box=box))


def _upright(image: Any) -> Any:
    """The decoded image, turned as its EXIF data say."""
    from PIL import ImageOps

    image.load()
    return ImageOps.exif_transpose(image)


def _colours(image: Any) -> Any:
    """RGB, with its alpha where it was a palette."""
    return image.convert("RGBA" if image.mode in ("P", "PA") else "RGB")


def _is_grey(image: Any) -> bool:
    """Whether the file says so: by its mode, or by a palette of greys."""
    if image.mode == "P":
        palette = np.reshape(image.getpalette("RGB"), (-1, 3))
        return bool((palette == palette[:, :1]).all())
    return image.mode in GREY


def _is_deep(image: Any) -> bool:
    """Whether a channel has more than 8 bits: of colours, Pillow drops the others in silence."""
    if image.mode.startswith(("I", "F")):
        return True
    if image.format == "TIFF":
        return max(image.tag_v2.get(BITS_PER_SAMPLE, (1,))) > 8
    if image.format == "PNG":
        return any(str(tile[3]).endswith(";16B") for tile in image.tile)
    if image.format == "PPM":  # the last argument of the decoder is the largest value
        return any(isinstance(tile[3], tuple) and tile[3][-1] > 255 for tile in image.tile)
    return False


@contextlib.contextmanager
def _libtiff_errors() -> Iterator[None]:
    """Raise what libtiff writes to standard error, whether or not it went on; pass on what others write meanwhile."""
    with ONE_AT_A_TIME, contextlib.ExitStack() as stack:
        if sys.__stderr__ is None:  # it was closed from the start: 2 is another file
            yield
            return
        shown = os.dup(2)
        stack.callback(os.close, shown)
        kept = stack.enter_context(tempfile.TemporaryFile())
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(shown, 2)
            kept.seek(0)
            written = kept.read()
            said = [line for line in written.decode(errors="replace").splitlines() if LIBTIFF.match(line)]
            if written and not said:
                with contextlib.suppress(OSError):
                    os.write(shown, written)
        if said:
            raise ValueError(said[0])
