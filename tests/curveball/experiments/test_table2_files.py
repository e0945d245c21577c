"""Files of Table 2 that were damaged, or changed by hand: one line that names the file and says what is wrong."""

import json

import pytest

from curveball.experiments import table2_cells
from tests.support.table2 import ALL, cell, command, few

__all__ = ["few"]  # a fixture


def changed(*path_and_value):
    """Damage: another value at a place in a cell."""
    *path, value = path_and_value

    def damage(text):
        content = json.loads(text)
        within = content
        for key in path[:-1]:
            within = within[key]
        within[path[-1]] = value
        return json.dumps(content)

    return damage


DAMAGES = {
    "cut": (lambda text: text[:-40], "cannot be read ("),
    "a list": (lambda text: "[]", "cannot be read ("),
    "row": (changed("task", "row", "sdg"), "there is no column plain or no row sdg"),
    "row is a list": (changed("task", "row", []), "row is [], not of type str"),
    "no seed": (lambda text: text.replace('"seed"', '"seeds"'), "unexpected keyword argument 'seeds'"),
    "provenance": (lambda text: text.replace('"provenance": {', '"provenance": 3, "x": {'), "cannot be read ("),
    "seed is text": (changed("task", "seed", "0"), "seed is '0', not of type int"),
    "seed is null": (changed("task", "seed", None), "seed is None, not of type int"),
    "seed is true": (changed("task", "seed", True), "seed is True, not of type int"),
    "seed below 0": (changed("task", "seed", -1), "seed is -1"),
    "epochs to do are text": (changed("task", "length", "epochs", "3"), "epochs is '3', not of type int"),
    "epochs to do are null": (changed("task", "length", "epochs", None), "epochs is None, not of type int"),
    "epochs to do are a part": (changed("task", "length", "epochs", 2.5), "epochs is 2.5, not of type int"),
    "epochs to do are 0": (changed("task", "length", "epochs", 0), "epochs is 0"),
    "length is null": (changed("task", "length", None), "cannot be read ("),
    "solver is null": (changed("task", "solver", None), "solver is None, not of type str"),
    "rate is no number": (changed("task", "solver", "sgd:lr=x"), "cannot be read ("),
    "batch 0": (changed("task", "length", "batch_size", 0), "batch_size is 0"),
    "batch is text": (changed("task", "length", "batch_size", "10"), "batch_size is '10', not of type int"),
    "batch is large": (changed("task", "length", "batch_size", 151), "it is of 150 of 150 images in batches of 151"),
    "batch is huge": (changed("task", "length", "batch_size", 10**400), "batch_size is 1000"),
    "images are text": (changed("task", "length", "images", "150"), "images is '150', not of type int"),
    "whole 0": (changed("task", "length", "whole", 0), "whole is 0"),
    "whole less than a part": (changed("task", "length", "whole", 149), "it is of 150 of 149 images in batches of 10"),
    "tuning is text": (changed("task", "tuning", "no"), "tuning is 'no', not of type bool"),
    "dropout is a number": (changed("task", "dropout", 1), "dropout is 1, not of type bool"),
    "shape of images": (changed("about", "training_images", 5), "training_images is 5, not the lengths of the axes"),
    "axes of images": (changed("about", "training_images", [5, "6"]), "training_images is [5, '6'], not"),
    "versions": (changed("provenance", "versions", None), "versions have no names"),
    "stopped": (changed("stopped", 3), "stopped is no text"),
    "error below 0": (changed("epochs", 0, "train_error", -0.1), "its numbers are out of range"),
    "error is infinite": (changed("epochs", 0, "train_error", float("inf")), "its numbers are out of range"),
    "error is nan": (changed("epochs", 0, "validation_error", float("nan")), "its numbers are out of range"),
    "error is huge": (changed("epochs", 0, "train_error", 10**400), "its numbers are out of range"),
    "error is text": (changed("epochs", 0, "train_error", "0.3"), "its numbers are out of range"),
    "loss is true": (changed("epochs", 0, "train_loss", True), "its numbers are out of range"),
    "seconds below 0": (changed("epochs", 0, "seconds", -1.0), "its numbers are out of range"),
    "seconds fall": (changed("epochs", 1, "seconds", 2.0), "its seconds fall"),
    "epochs are an object": (changed("epochs", {}), "its epochs are not a list of those from the first on"),
    "epochs are null": (changed("epochs", None), "its epochs are not a list of those from the first on"),
    "an epoch is missing": (changed("epochs", 0, "epoch", 2), "its epochs are not a list of those from the first on"),
}


@pytest.fixture
def good(few, tmp_path):
    """The text of the file of a run that is done."""
    table2_cells.save(tmp_path, cell(errors=((0.3, 0.4), (0.2, 0.3), (0.1, 0.2))))
    return next((tmp_path / "cells").glob("*/cell.json")).read_text()


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_cells_are_named(good, tmp_path, name):
    damage, words = DAMAGES[name]
    path = next((tmp_path / "cells").glob("*/cell.json"))
    path.write_text(damage(good))
    for options in (("--table",), ("--resume", *ALL)):
        is_one_line(command(*options, "--out", tmp_path), f"{path} cannot be read (", words)


@pytest.mark.parametrize("name", [name for name in DAMAGES if name != "cut"])
def test_damaged_tables_are_named(good, tmp_path, name):
    damage, words = DAMAGES[name]
    file = tmp_path / "table2.json"
    file.write_text('{"cells": [' + damage(good) + "]}")
    result = command("--table", file, "--out", tmp_path / "out")
    is_one_line(result, f"{file} cannot be read (", words)
    assert result.stderr.endswith("): give a table2.json, or a folder of runs\n")
    assert not (tmp_path / "out").exists()


def test_tables_that_cannot_be_read(good, tmp_path):
    file = tmp_path / "table2.json"
    for content, words in (
        (None, "(No such file or directory)"),
        ("{", "Expecting property name"),
        ("[]", "list indices must be integers"),
        ("{}", "'cells'"),
        (json.dumps({"cells": [{**json.loads(good), "more": 1}]}), "unexpected keyword argument 'more'"),
        (json.dumps({"cells": [3]}), "object"),
        (f'{{"cells": [{good}, {good}]}}', "it has plain-sgd-lr=0.1-seed0 twice"),
    ):
        if content is not None:
            file.write_text(content)
        is_one_line(command("--table", file, "--out", tmp_path / "out"), f"{file} cannot be read (", words)
    file.write_text('{"cells": []}')
    result = command("--table", file, "--out", tmp_path / "out")
    is_one_line(result, f"there is no run of Table 2 in {file}: give the folder of", "")
    assert not (tmp_path / "out").exists()


def test_a_damaged_log_of_a_run_that_is_not_done(few, tmp_path):
    table2_cells.save(tmp_path, cell())
    path = next((tmp_path / "cells").glob("*/cell.json"))
    epoch = {
        "kind": "epoch",
        "epoch": 1,
        "train_error": 0.3,
        "train_loss": 0.3,
        "validation_error": 0.3,
        "seconds": 1.0,
    }
    log = path.with_name("log.jsonl")
    log.write_text(json.dumps(epoch))
    assert command("--table", "--out", tmp_path).exit_code == 0
    for key, value in (("train_error", None), ("train_error", float("nan")), ("seconds", "1"), ("epoch", 3)):
        log.write_text(json.dumps({**epoch, key: value}))
        is_one_line(command("--table", "--out", tmp_path), f"{path} cannot be read (", "its ")


def is_one_line(result, start, words):
    assert result.exit_code == 2, result.exception
    assert result.stderr.startswith(f"curveball: {start}")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
