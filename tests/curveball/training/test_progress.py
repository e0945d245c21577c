"""The bar and the lines: a bar on a terminal only, and a stream that fails ends nothing."""

import contextlib
import io
import os
import sys

import pytest

from curveball import SGD
from curveball.training.options import TrainOptions
from curveball.training.progress import _Forgiving
from curveball.training.say import say
from curveball.training.train import train
from tests.support.line import Line


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Broken(io.StringIO):
    """A terminal that was closed, or a full disk."""

    def __init__(self, terminal):
        super().__init__()
        self._terminal = terminal

    def isatty(self):
        return self._terminal

    def write(self, text):
        raise OSError(28, "No space left on device")

    def flush(self):
        self.write("")


def run(**options):
    return train(Line(), SGD(), TrainOptions(2, **options))


def test_a_bar_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    run()
    assert "SGD: 100%" in stream.getvalue()
    assert "8/8" in stream.getvalue()
    assert "epoch 1" not in stream.getvalue()


def test_lines_elsewhere(capsys):
    run()
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("SGD: epoch 1 of 2, training loss ")
    assert second.startswith("SGD: epoch 2 of 2, training loss ")


def test_nothing_where_it_is_quiet(monkeypatch, capsys):
    run(quiet=True)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    run(quiet=True)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    "stream", [None, Broken(True), Broken(False), "closed"], ids=["none", "terminal", "file", "closed"]
)
def test_a_stream_that_fails_ends_nothing(stream, monkeypatch):
    if stream == "closed":
        stream = io.StringIO()
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    say("hello")
    assert len(run().epochs) == 2


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_a_terminal_that_goes_away_while_training(monkeypatch):
    main, side = os.openpty()
    with open(side, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        gone = []

        def go(batch):
            if not gone:
                gone.append(os.close(main))

        assert len(train(Line(seen=go), SGD(), TrainOptions(2)).epochs) == 2
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            stream.close()


def test_a_flush_reaches_the_stream():
    class Counted(Terminal):
        flushes = 0

        def flush(self):
            self.flushes += 1

    stream = Counted()
    _Forgiving(stream).flush()
    assert stream.flushes == 1
