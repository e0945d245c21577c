"""The folder of an experiment's results, held while it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from curveball.training.files import archive_previous, check_writable, output_folder, remove_leftovers
from curveball.training.lock import locked
from curveball.training.say import say


@contextlib.contextmanager
def results_folder(
    folder: Path, files: Sequence[str], parts: Sequence[str] = (), resume: bool = False
) -> Iterator[None]:
    """Hold a folder for the results `files`, made from `parts`; put aside those of an earlier run, or go on with them.

    ValueError where another process holds the folder, or it cannot be written.
    """
    with locked(output_folder(folder)):
        remove_leftovers(folder)
        check_writable(folder, files)
        earlier = tuple(dict.fromkeys((*files, *parts)))
        if not resume and parts and any((folder / name).exists() for name in earlier):
            previous = archive_previous(folder, earlier)
            say(f"the earlier results are now in {previous}; --resume would have gone on with them")
        yield
