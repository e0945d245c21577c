"""Checkpoints: everything that is needed to continue a run as if it had never stopped, in one safetensors file.

Arrays are stored by name (`params['conv1']['w']`), and numbers as JSON in the file's metadata. The facts about the run,
with its records, are JSON stored as an array of bytes, because metadata may not be longer than 100 MB. Nothing is
pickled. The file is written whole or not at all.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
from curveball.training.files import write_whole
from minigrad import Tree, tree_flatten, tree_paths, tree_unflatten

FORMAT = 2
FACTS = "facts"  # the name of the array with their bytes


def save(path: Path, trees: dict[str, Tree], facts: dict[str, Any]) -> None:
    """Write trees of arrays and numbers, and facts that JSON can hold. ValueError if it cannot, as on a full disk."""
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
    metadata = {"format": str(FORMAT), "numbers": json.dumps(numbers)}
    try:
        write_whole(path, lambda temporary: save_file(arrays, temporary, metadata=metadata))
    except (SafetensorError, OSError) as error:
        kept = ": the one before is intact; fix this, then continue with --resume" if path.is_file() else ""
        raise ValueError(f"the checkpoint {path} cannot be written ({error}){kept}") from None


def load(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a checkpoint: its leaves by name, and its facts. ValueError for a file that is not one."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            leaves = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except FileNotFoundError:
        previous = path.parent / "previous"
        earlier = f" (an earlier run is in {previous})" if (previous / path.name).exists() else ""
        raise ValueError(f"there is no checkpoint {path}: start the run without --resume first{earlier}") from None
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a checkpoint that can be read ({error})") from None
    if metadata.get("format") != str(FORMAT):
        raise ValueError(f"{path} is not a checkpoint of this version: format {metadata.get('format')}, not {FORMAT}")
    facts = json.loads(leaves.pop(FACTS).tobytes())
    leaves.update(json.loads(metadata["numbers"]))
    return leaves, facts


def restore(name: str, like: Tree, leaves: dict[str, Any]) -> Tree:
    """Rebuild the tree saved as `name`, with the structure of `like`. ValueError where leaves are missing or differ."""
    expected, structure = tree_flatten(like)
    names = [name + path for path in tree_paths(structure)]
    missing = [n for n in names if n not in leaves]
    if missing:
        raise ValueError(f"the checkpoint has no {missing[0]}: it is of another network or solver")
    for n, leaf in zip(names, expected, strict=True):
        found, wanted = getattr(leaves[n], "shape", ()), getattr(leaf, "shape", ())
        if wanted and found != wanted:
            raise ValueError(f"the checkpoint's {n} has shape {found}, this run's {wanted}: it is of another network")
    return tree_unflatten(structure, [leaves[n] for n in names])


def restore_dict(name: str, leaves: dict[str, Any]) -> dict[str, Any]:
    """Rebuild nested dicts of arrays saved as `name`, whatever their keys."""
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        if path.startswith(name + "["):
            *outer, last = path[len(name) + 2 : -2].split("']['")
            branch = tree
            for key in outer:
                branch = branch.setdefault(key, {})
            branch[last] = leaf
    return tree
