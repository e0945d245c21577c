"""Checkpoints: everything that is needed to continue a run as if it had never stopped, in one safetensors file.

Arrays are stored by name (`params['conv1']['w']`), and numbers as JSON in the file's metadata. The facts about the run
are JSON stored as an array of bytes, because metadata may not be longer than 100 MB. A SHA-256 over all of this is
checked when the file is read. Nothing is pickled. The file is written whole or not at all, and the one before is kept.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
from curveball.training.files import is_regular, one_line, write_whole
from minigrad import Tree, tree_flatten, tree_paths, tree_unflatten
from minigrad.extras import from_extra

FORMAT = 3
FACTS = "facts"  # the name of the array with their bytes
LARGEST = 2**53  # no counter is larger


def before(path: Path) -> Path:
    """Where the checkpoint before is kept.

    >>> before(Path("checkpoint.safetensors")).name
    'checkpoint-before.safetensors'
    """
    return path.with_stem(f"{path.stem}-before")


def exists(path: Path) -> bool:
    """Whether there is a checkpoint, or at least the one before."""
    return path.exists() or before(path).exists()


def check_installed() -> None:
    """ModuleNotFoundError where what writes checkpoints is missing: asked before a run, not after its first epoch."""
    with from_extra("data"):
        import safetensors  # noqa: F401  (only whether it is there)


def save(path: Path, trees: dict[str, Tree], facts: dict[str, Any]) -> None:
    """Write trees of arrays and numbers, and facts that JSON can hold; what was at `path` becomes the one before.

    ValueError if it cannot be written, as on a full disk.
    """
    with from_extra("data"):
        from safetensors import SafetensorError
        from safetensors.numpy import save_file

    arrays = {FACTS: np.frombuffer(json.dumps(facts).encode(), np.uint8)}
    numbers: dict[str, Any] = {}
    for name, tree in trees.items():
        leaves, structure = tree_flatten(tree)
        for path_in_tree, leaf in zip(tree_paths(structure), leaves, strict=True):
            if hasattr(leaf, "shape"):
                arrays[name + path_in_tree] = np.ascontiguousarray(mg.to_numpy(leaf)).reshape(leaf.shape)
            else:
                numbers[name + path_in_tree] = leaf
    text = json.dumps(numbers)
    metadata = {"format": str(FORMAT), "numbers": text, "sha256": _digest(arrays, text)}
    try:
        write_whole(path, lambda temporary: save_file(arrays, temporary, metadata=metadata), before(path))
    except (SafetensorError, OSError) as error:
        kept = ": the one before is intact; fix this, then continue with --resume" if exists(path) else ""
        raise ValueError(f"the checkpoint {path} cannot be written ({one_line(error)}){kept}") from None


def _digest(arrays: dict[str, np.ndarray], numbers: str) -> str:
    """SHA-256 over names, types, shapes and bytes of the arrays, and over the numbers."""
    found = hashlib.sha256(numbers.encode())
    for name in sorted(arrays):
        array = arrays[name]
        found.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def load(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a checkpoint: its leaves by name, and its facts. ValueError, of one line, for a file that is not one."""
    with from_extra("data"):
        from safetensors import safe_open

    try:
        if not is_regular(path):  # a pipe would wait for ever
            raise ValueError(f"{path} is not a checkpoint that can be read (not a regular file)")
    except FileNotFoundError:
        previous = path.parent / "previous"
        earlier = f" (an earlier run is in {previous})" if (previous / path.name).exists() else ""
        raise ValueError(f"there is no checkpoint {path}: start the run without --resume first{earlier}") from None
    except OSError as error:
        raise ValueError(f"{path} is not a checkpoint that can be read ({one_line(error)})") from None
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except Exception as error:  # whatever a damaged header makes the reader raise
        raise ValueError(f"{path} is not a checkpoint that can be read ({one_line(error)})") from None
    if metadata.get("format") != str(FORMAT):
        raise ValueError(
            f"{path} is not a checkpoint of this version: format {one_line(metadata.get('format'))}, not {FORMAT}: "
            "continue it with the version that wrote it"
        )
    try:
        numbers = metadata["numbers"]
        if _digest(arrays, numbers) != metadata["sha256"]:
            raise ValueError("its SHA-256 is another than when it was written")
        facts = json.loads(arrays.pop(FACTS).tobytes())
        leaves = {**arrays, **json.loads(numbers)}
        if not isinstance(facts, dict):
            raise ValueError("its facts are not an object")
    except Exception as error:  # as above
        raise ValueError(f"the checkpoint {path} is damaged ({one_line(error)})") from None
    return leaves, facts


def restore(name: str, like: Tree, leaves: dict[str, Any]) -> Tree:
    """Rebuild the tree saved as `name`, with the structure of `like`. ValueError where leaves are missing or differ."""
    expected, structure = tree_flatten(like)
    names = [name + path for path in tree_paths(structure)]
    missing = [n for n in names if n not in leaves]
    if missing:
        raise ValueError(f"the checkpoint has no {missing[0]}: it is of another network or solver")
    for n, leaf in zip(names, expected, strict=True):
        if hasattr(leaf, "shape"):
            _check_array(n, leaves[n], leaf)
        else:
            _check_number(n, leaves[n], leaf)
    return tree_unflatten(structure, [leaves[n] for n in names])


def _check_array(name: str, found: Any, wanted: Any) -> None:
    """Shape and type as in this run; a single number may have been an array or not."""
    shape = getattr(found, "shape", ())
    if shape != wanted.shape:
        raise ValueError(
            f"the checkpoint's {name} has shape {shape}, this run's {wanted.shape}: it is of another network"
        )
    dtypes = [str(x.dtype).rpartition(".")[2] for x in (found, wanted) if hasattr(x, "dtype")]
    if shape and dtypes[0] != dtypes[1]:
        raise ValueError(f"the checkpoint's {name} is of {dtypes[0]}, this run's of {dtypes[1]}: it is of another run")


def _check_number(name: str, found: Any, wanted: Any) -> None:
    """A number, and a counter where this run counts. It may have become an array of no axes."""
    if getattr(found, "shape", ()) != ():
        raise ValueError(f"the checkpoint's {name} has shape {found.shape}, this run's is a number")
    if hasattr(found, "shape"):
        return
    is_count = isinstance(wanted, int) and not isinstance(wanted, bool)
    if type(found) is not int if is_count else not isinstance(found, (int, float, type(wanted))):
        raise ValueError(f"the checkpoint's {name} is {one_line(repr(found))}, this run's {wanted!r}")
    if is_count and not (0 if wanted == 0 else -LARGEST) <= found <= LARGEST:
        raise ValueError(f"the checkpoint's {name} is out of range")


def restore_dict(name: str, leaves: dict[str, Any]) -> dict[str, Any]:
    """Rebuild nested dicts of arrays saved as `name`, whatever their keys. ValueError where they contradict."""
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        if path.startswith(name + "["):
            *outer, last = path[len(name) + 2 : -2].split("']['")
            branch = tree
            for key in outer:
                branch = branch.setdefault(key, {})
                if not isinstance(branch, dict):
                    raise ValueError(f"the checkpoint's {one_line(path)} lies within an array")
            branch[last] = leaf
    return tree


def check_known(names: tuple[str, ...], trees: tuple[Tree, ...], leaves: dict[str, Any]) -> None:
    """ValueError for a leaf that is in none of the trees of these names."""
    known = {
        name + path
        for name, tree in zip(names, trees, strict=True)
        for path in tree_paths(tree_flatten(tree)[1])
    }  # fmt: skip
    unknown = sorted(set(leaves) - known)
    if unknown:
        raise ValueError(f"the checkpoint has {one_line(unknown[0])}, which this run does not have")
