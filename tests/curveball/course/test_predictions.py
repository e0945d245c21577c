"""A prediction shows one button per choice, keeps what was chosen, and is silent on pages without a kernel."""

import sys

import pytest

from curveball.course import predict


def test_silent_where_pages_are_built(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_STATIC", "1")
    predict("abc")
    assert capsys.readouterr().out == ""


def test_a_text_without_widgets(monkeypatch, capsys):
    monkeypatch.delenv("COURSE_STATIC", raising=False)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    predict("ab")
    assert capsys.readouterr().out == "Note your choice, one of (a), (b). Then open the figure below.\n"


def test_a_button_for_each_choice(monkeypatch, capsys):
    ipywidgets = pytest.importorskip("ipywidgets", reason="ipywidgets comes with the course extra")
    monkeypatch.delenv("COURSE_STATIC", raising=False)
    made, Buttons = [], ipywidgets.ToggleButtons

    def note(**settings):
        made.append(Buttons(**settings))
        return made[-1]

    monkeypatch.setattr(ipywidgets, "ToggleButtons", note)
    predict("abc")
    (buttons,) = made
    assert buttons.options == ("(a)", "(b)", "(c)")
    assert buttons.value is None
    capsys.readouterr()
    buttons.value = "(b)"
    assert "You chose **(b)**" in capsys.readouterr().out
