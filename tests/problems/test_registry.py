"""A registry of names: entries are added once, and an unknown name lists the known ones."""

import pytest

from problems.registry import Registry


def test_add_and_find():
    colours = Registry("colour")
    colours.add("red", 1)
    colours.add("blue", 2)
    assert colours.find("red") == 1
    assert colours.names() == ("blue", "red")
    assert dict(colours) == {"red": 1, "blue": 2}


def test_a_name_that_is_taken():
    colours = Registry("colour")
    colours.add("red", 1)
    with pytest.raises(ValueError, match="there is a colour named 'red' already: choose another name"):
        colours.add("red", 2)
    assert colours.find("red") == 1


def test_an_unknown_name():
    class ColourError(ValueError):
        pass

    colours = Registry("colour", ColourError)
    colours.add("red", 1)
    colours.add("blue", 2)
    with pytest.raises(ColourError, match=r"^unknown colour 'green': there are blue, red$"):
        colours.find("green")
