"""What a cache of images lacks is decoded into it, by a process for each core.

Processes, not threads: of small JPEG files half the work is Python's own, which one thread at a time can do. The
numbers are in `benchmarks/image_cache.py`. Nothing is decoded while a network trains: from the second epoch on that
would be the same work again, and for each solver that is compared.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

import numpy as np

from problems.data.cache_readers import unread
from problems.data.errors import CorruptData, DataError, UnreadableData, readable, writable
from problems.data.image_cache import RECORD, ImageCache, record_of, slots_of
from problems.data.image_index import ImageIndex
from problems.data.picture import read_square
from problems.data.progress import alone, announce, progress_bar
from problems.data.read_images import cores, silent_pillow
from problems.data.workers import worker_pool

BLOCK = 64  # images that a process decodes at a time
FEW = 2 * BLOCK  # for so many no process is started
WRITE_EVERY = 5.0  # seconds between two writes of records: what a kill costs
SPARE = 2**28  # bytes that are left free on the disk
DAMAGED = "damaged.txt"  # in the folder of the caches: what is wrong with which files

Job = tuple[ImageCache, list[int], list[str], list[int]]  # slots, paths and keys
Faults = list[str]
Done = tuple[list[int], np.ndarray, Faults]  # the slots that are filled, and their records


def complete(splits: Sequence[tuple[ImageIndex, ImageCache]], what: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Decode what the caches lack; return the slot and the record of each image, for each split.

    One process at a time adds to a folder of caches, the others wait. The size is said before. CorruptData names the
    first file that cannot be decoded, after all others are in the cache; where there are several, `damaged.txt` has
    them until none is left. UnreadableData says where the disk is full.
    """
    folder, found = splits[0][1].folder, _found(splits)
    if _lacking(found):
        with writable(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder, found, what):
            found = _found(splits)  # what that process has done
            if _lacking(found):
                _decode(splits, found, what)
        found = _found(splits)
        if _lacking(found):
            raise DataError(f"{folder} was changed while {what} were decoded into it: start again")
    _remove_list(folder)
    return found


@contextlib.contextmanager
def _alone(folder: Path, found: list[tuple[np.ndarray, np.ndarray]], what: str) -> Iterator[None]:
    """Let one process at a time add to the caches of a folder. UnreadableData where this one may not."""
    lock = folder / ".lock"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(alone(lock, f"waiting for another process that decodes {what}"))
        except OSError as error:
            count = _lacking(found)
            lacking = f"{_images(count)} {'is' if count == 1 else 'are'} not yet in the cache {folder}"
            if lock.is_dir():
                raise UnreadableData(f"{lacking}, and {lock} is a folder: remove it") from None
            raise UnreadableData(
                f"{lacking}, which cannot be written ({error.strerror or error}): make it writable, or set "
                "MINIGRAD_DATA_DIR to a folder of your own"
            ) from None
        yield


def _found(splits: Sequence[tuple[ImageIndex, ImageCache]]) -> list[tuple[np.ndarray, np.ndarray]]:
    found = []
    for index, cache in splits:
        records = cache.read_records()
        slots = slots_of(index.keys, records)
        found.append((slots, records[slots] if len(records) else np.zeros(len(slots), RECORD)))
    return found


def _lacking(found: list[tuple[np.ndarray, np.ndarray]]) -> int:
    return sum(int((slots < 0).sum()) for slots, _ in found)


def _decode(
    splits: Sequence[tuple[ImageIndex, ImageCache]], found: list[tuple[np.ndarray, np.ndarray]], what: str
) -> None:
    cache = splits[0][1]
    folder, count = cache.folder, _lacking(found)
    with writable(folder):
        room = [_room(own, slots) for (_, own), (slots, _) in zip(splits, found, strict=True)]
    needed = sum(new for _, new in room) * (cache.image_bytes + RECORD.itemsize)
    free = shutil.disk_usage(folder).free
    size = f"{_bytes(needed)} for {_images(count)} of {cache.size} x {cache.size} pixels"
    if needed + SPARE > free:
        raise UnreadableData(
            f"{folder} has {_bytes(free)} free, and {what} need {size}, with {_bytes(SPARE)} to spare: make room, set "
            "MINIGRAD_DATA_DIR to a folder on another disk, or choose a smaller size"
        )
    kept = f"; {sum(len(index) for index, _ in splits) - count:,} are there" if count < _total(splits) else ""
    announce(f"decoding {what} once into {folder}: {size}{kept} ({_bytes(free)} free)")
    faults: Faults = []
    with progress_bar(count, "decoding", "image") as bar:
        for (index, own), (slots, _), (free_slots, _) in zip(splits, found, room, strict=True):
            faults += _fill(own, index, np.flatnonzero(slots < 0), free_slots, bar)
    if faults:
        raise _error(faults, folder)


def _total(splits: Sequence[tuple[ImageIndex, ImageCache]]) -> int:
    return sum(len(index) for index, _ in splits)


def _room(cache: ImageCache, slots: np.ndarray) -> tuple[np.ndarray, int]:
    """Free slots for the images that have none, and how many of them are new.

    First those that are free, then, if nobody reads the cache, those whose files are gone, then new ones.
    """
    records, lacking = cache.read_records(), int((slots < 0).sum())
    free = np.flatnonzero(records["check"] == 0)[:lacking]
    gone = records["check"] != 0
    gone[slots[slots >= 0]] = False
    gone = np.flatnonzero(gone)[: lacking - len(free)]
    if len(gone):
        with unread(cache.pixels) as nobody:
            gone = gone[: len(gone) if nobody else 0]
            cache.write_records(gone, np.zeros(len(gone), RECORD))  # no old record stands for new pixels
    new = np.arange(len(records), len(records) + lacking - len(free) - len(gone))
    chosen = np.concatenate([np.sort(np.concatenate([free, gone])), new])
    there = cache.pixels.stat().st_size // cache.image_bytes if cache.pixels.exists() else 0
    return chosen, int((chosen >= there).sum())


def _fill(cache: ImageCache, index: ImageIndex, lacking: np.ndarray, slots: np.ndarray, bar: Any) -> Faults:
    """Decode some images of a split into these slots; what is wrong with those that cannot be."""
    faults: Faults = []
    waiting: list[tuple[list[int], np.ndarray]] = []
    with writable(cache.folder):
        for path in (cache.pixels, cache.records):
            path.open("ab").close()

    def write() -> None:
        if waiting:
            cache.write_records([k for some, _ in waiting for k in some], np.concatenate([r for _, r in waiting]))
            waiting.clear()

    jobs = (
        (cache, slots[part].tolist(), [index.path(k) for k in lacking[part]], index.keys[lacking[part]].tolist())
        for part in (slice(start, start + BLOCK) for start in range(0, len(lacking), BLOCK))
    )
    written = time.monotonic()
    with writable(cache.folder), contextlib.closing(_results(jobs, len(lacking))) as results:
        try:
            for filled, made, wrong in results:
                waiting.append((filled, made))
                faults += wrong
                bar.update(len(filled) + len(wrong))
                if time.monotonic() - written > WRITE_EVERY:
                    write()
                    written = time.monotonic()
        finally:
            write()
    return faults


def decode_block(job: Job) -> Done:
    """Decode images into their slots. OSError where the cache cannot be written."""
    cache, slots, paths, keys = job
    filled, records, faults = [], [np.zeros(0, RECORD)], []
    with silent_pillow(), open(cache.pixels, "r+b") as file:
        for slot, path, key in zip(slots, paths, keys, strict=True):
            try:
                with readable(Path(path)):
                    pixels = read_square(path, cache.size)
            except DataError as error:
                faults.append(str(error))
                continue
            file.seek(slot * cache.image_bytes)
            file.write(pixels.tobytes())
            filled.append(slot)
            records.append(record_of(key, pixels))
    return filled, np.concatenate(records), faults


def _results(jobs: Iterator[Job], count: int) -> Generator[Done, None, None]:
    """The blocks decoded, in order: by processes of their own, a few blocks ahead, where there are many images."""
    if count <= FEW:
        yield from map(decode_block, jobs)
        return
    pool = worker_pool(cores())
    try:
        yield from _ahead(pool.submit, jobs, 4 * cores())
    except BrokenExecutor:
        raise DataError(
            "a process that decodes images was killed: is there enough memory? What was decoded is kept: start again"
        ) from None
    finally:
        pool.shutdown(kill_workers=True)


def _ahead(submit: Callable[..., Any], jobs: Iterator[Job], depth: int) -> Iterator[Done]:
    waiting: deque[Any] = deque()
    for job in jobs:
        waiting.append(submit(decode_block, job))
        if len(waiting) >= depth:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _error(faults: Faults, folder: Path) -> CorruptData:
    """The first file that is damaged; a list of all, where there are several."""
    if len(faults) == 1:
        _remove_list(folder)
        return CorruptData(faults[0])
    where = folder / DAMAGED
    try:
        where.write_text("\n".join(faults) + "\n", encoding="utf-8")
        listed = f"all are in {where}"
    except OSError:
        listed = f"the last is {faults[-1].partition(' ')[0]}"
    return CorruptData(f"{faults[0]}; {len(faults):,} files are damaged, {listed}; all others are in the cache")


def _remove_list(folder: Path) -> None:
    """Remove the list of damaged files, which an earlier start may have left."""
    with contextlib.suppress(OSError):
        (folder / DAMAGED).unlink()


def _images(count: int) -> str:
    """So many images."""
    return f"{count:,} image{'s' * (count != 1)}"


def _bytes(count: int) -> str:
    """A number of bytes to read."""
    unit, name = (1e9, "GB") if count >= 1e9 else (1e6, "MB") if count >= 1e6 else (1e3, "kB")
    return f"{count / unit:.1f} {name}"
